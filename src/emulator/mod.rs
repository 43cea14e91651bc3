//! AWS in memory: pipelines, ledger and queue on a virtual clock.

pub mod ledger;
pub mod queue;
