//! The template's queue and what comes back through it: the function feeds its own queue, which is meant to be.

use serde_json::json;

use super::template::{HOME, resources, translated};

/// A wake-up is a message of the function to its own queue, and a pause is looked at again every five minutes. Lambda
/// takes that for a runaway and after sixteen rounds moves the message to the dead letters, unless it is told otherwise.
#[test]
fn lambda_lets_the_function_wake_itself() {
    let resources = resources(&translated(), HOME, &[]);
    assert_eq!(resources["RetrierFunction"]["Properties"]["RecursiveLoop"], json!("Allow"));
}
