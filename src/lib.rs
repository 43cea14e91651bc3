//! Retries failed AWS CodePipeline stages by policy, within a budget, never twice.
//!
//! # Layout
//!
//! - [`domain`]: the pure core: policy, decision, protocol
//! - [`policy_file`]: YAML text to policy, or to every finding at once
//! - [`cli`]: the operator's command

pub mod cli;
pub mod domain;
pub mod policy_file;
