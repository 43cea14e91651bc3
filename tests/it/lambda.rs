//! The function in its runtime: the real binary, and what is around it when it is invoked.

mod cargo_lambda;
mod crowd;
mod described;
mod encrypted;
mod evidence;
mod handler;
mod interface_emulator;
mod killed;
mod process;
mod runtime_api;
mod scene;
mod starts;

pub use process::now;
