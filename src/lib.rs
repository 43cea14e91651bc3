//! Retries failed AWS CodePipeline stages by policy, within a budget, never twice.
//!
//! # Layout
//!
//! - [`domain`]: the pure core: policy, decision, protocol

pub mod answers;
pub mod domain;
pub mod event;
mod json;
