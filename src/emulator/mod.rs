//! What stands in for AWS: services that run in memory on a virtual clock.
//!
//! Nothing in here reads a clock or does I/O; whoever drives it passes `now`.

pub mod acts;
pub mod calendars;
mod chronicle;
pub mod codepipeline;
pub mod evidence;
pub mod faults;
#[cfg(feature = "serve")]
pub mod http;
pub mod ledger;
pub mod outside;
mod ports;
pub mod queue;
pub mod rate;
mod sweeping;
pub mod world;
