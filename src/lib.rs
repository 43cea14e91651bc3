//! Retries failed AWS CodePipeline stages by policy, within a budget, never twice.
//!
//! # Layout
//!
//! - [`domain`]: the pure core: what is decided, and how a stage run lives
//! - [`policy_file`]: the policy as people write it
//! - [`classify`]: from what is known of a failure to its class
//! - [`event`]: events and wake-ups from JSON
//! - [`answers`]: CodePipeline's own answers from JSON, as the AWS CLI prints them
//! - [`ports`]: what the engine needs of the world
//! - [`engine`]: the thin driver between protocol and ports
//! - [`function`]: what one invocation of the function does
//! - [`emulator`]: pipelines, ledger and queue in memory on a virtual clock
//! - [`replay`]: scenarios played on the emulator
//! - [`document`]: the decision document
//! - `aws`, `lambda`: AWS behind the ports, and the function in its runtime (feature `function`)
//! - [`metrics`]: what the function counts
//! - [`journal`], [`telemetry`]: what the function logs, and its lines
//! - [`names`], [`fingerprint`]: names made by hashing
//! - `page`: figures as HTML pages (feature `reports`)
//! - [`cli`]: the operator's command

pub mod answers;
#[cfg(feature = "function")]
pub mod aws;
pub mod classify;
pub mod cli;
pub mod document;
pub mod domain;
pub mod emulator;
pub mod engine;
pub mod event;
pub mod fingerprint;
pub mod function;
pub mod journal;
mod json;
#[cfg(feature = "function")]
pub mod lambda;
pub mod metrics;
pub mod names;
pub mod notice;
#[cfg(feature = "reports")]
pub mod page;
pub mod policy_file;
pub mod ports;
pub mod replay;
pub mod telemetry;
