//! The operator's command: wiring only.

fn main() {}
