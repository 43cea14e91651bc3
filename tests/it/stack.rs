//! The SAM stack: what the template says, what linters say of it, and what a real deployment of it does on a server that
//! stands in for AWS.

mod accounts;
mod company_day;
mod crossing;
mod deployment;
mod deploys;
mod encryption;
mod end_to_end;
mod environment;
mod lint;
mod local;
mod long_wait;
mod pattern;
mod permissions;
mod process;
mod product;
mod queue;
mod spokes;
pub mod template;
