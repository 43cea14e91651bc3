//! One integration binary.

// `cfg(test)` tells the linter that helpers outside test functions are tests too.
#[cfg(test)]
mod answers;
#[cfg(test)]
mod events;
#[cfg(test)]
mod tidy;
