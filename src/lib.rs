//! Retries failed AWS CodePipeline stages by policy, within a budget, never twice.
//!
//! # Layout
//!
//! - [`domain`]: the pure core: what is decided, and how a stage run lives
//! - [`ports`]: what the engine needs of the world
//! - [`engine`]: the thin driver between protocol and ports
//! - [`document`]: the decision document
//! - [`names`], [`fingerprint`]: names made by hashing

pub mod document;
pub mod domain;
pub mod engine;
pub mod fingerprint;
pub mod names;
pub mod ports;
