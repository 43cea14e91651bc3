//! Ledgers held against each other: sequences of operations, most of them the protocol's own, on two ledgers at once, which
//! must answer alike. A sequence on which they differ is shrunk to what matters.
//!
//! The ledger in memory is held against a reference as plain as can be, and the ledger on a table against the one in memory.
//! An operation that is new to the port is one more [`exchange::Request`] with its [`exchange::Reply`], answered by each of
//! the three, and drawn in `operations`.

#[cfg(feature = "function")]
mod dynamodb;
mod exchange;
mod memory;
mod moves;
mod operations;
mod plain;
mod pushes;
mod rounds;
mod runs;
mod scene;
mod storms;
