//! What the service accepts as input, by AWS's own service model. It says nothing about what an operation does.

mod declaration;
pub mod inputs;
pub mod patterns;
mod shape;

pub use shape::{ANY, Objection, Shape, optional, required};
