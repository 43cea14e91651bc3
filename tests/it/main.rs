//! One integration binary.
//!
//! `cfg(test)` is always so here; it tells clippy that helpers beside the tests are test code too.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod policy_file;
#[cfg(test)]
mod policy_file_hostile;
#[cfg(test)]
mod policy_file_ten_mistakes;
