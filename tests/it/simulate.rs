//! `retrier simulate`: figures that are known beforehand, under the function's own code, and the command around them.

mod closed_forms;
mod command;
