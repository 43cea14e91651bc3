//! The emulator's HTTP face: held against AWS's own service model, the AWS CLI, and the world behind it.

mod agreement;
mod bench;
mod command;
mod edits;
mod faults;
mod hostile;
mod model;
mod network;
mod operations;
mod outputs;
mod paging;
mod providers;
mod refusals;
mod sending;
mod tools;
mod validation;
mod walkthrough;
