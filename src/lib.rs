//! Retries failed AWS CodePipeline stages by policy, within a budget, never twice.
//!
//! # Layout
//!
//! - [`domain`]: the pure core: policy, decision, protocol

pub mod domain;
pub mod emulator;
