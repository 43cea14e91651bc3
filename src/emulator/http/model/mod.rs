//! What the service accepts as input, by AWS's own service model. It says nothing about what an operation does.

mod declaration;
pub mod inputs;
mod patterns;
mod shape;

pub use shape::{Objection, Shape};
