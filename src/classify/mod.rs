//! From what is known of a failed action to its class: signatures over texts and codes, a policy's own before the
//! built-in ones.

mod pattern;

pub use pattern::{PatternError, pattern};
