//! The function in its runtime: the real binary, and what is around it when it is invoked.

mod handler;
mod process;
mod runtime_api;
mod starts;
