//! What stands in for AWS: services that run in memory on a virtual clock.
//!
//! Nothing in here reads a clock or does I/O; whoever drives it passes `now`.

pub mod codepipeline;
pub mod ledger;
pub mod queue;
