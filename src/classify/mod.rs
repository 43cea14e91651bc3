//! From what is known of a failed action to its class: signatures over texts and codes, a policy's own before the
//! built-in ones.

mod examine;
mod pattern;

pub use examine::examine;
pub use pattern::{PatternError, pattern};
