//! Retries failed AWS CodePipeline stages by policy, within a budget, never twice.
//!
//! # Layout
//!
//! - [`domain`]: the pure core: policy, decision, protocol
//! - [`fingerprint`]: hashes that name things

pub mod domain;
pub mod fingerprint;
