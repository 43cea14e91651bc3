//! What Lambda does between queue and function: whose loop it lets be, and how many messages it hands over at once.

use serde_json::json;

use super::template::{HOME, resources, translated};

/// A wake-up is a message of the function to its own queue, and a pause is looked at again every five minutes. Lambda
/// takes that for a runaway and after sixteen rounds moves the message to the dead letters, unless it is told otherwise.
#[test]
fn lambda_lets_the_function_wake_itself() {
    let resources = resources(&translated(), HOME, &[]);
    assert_eq!(resources["RetrierFunction"]["Properties"]["RecursiveLoop"], json!("Allow"));
}

/// A claim is only begun with half of the invocation left. The second of two messages would find less after a slow first
/// one, go back to the queue, and use up its receives by that.
#[test]
fn each_message_has_an_invocation_to_itself() {
    let resources = resources(&translated(), HOME, &[]);
    let mut mappings = resources.values().filter(|of| of["Type"] == "AWS::Lambda::EventSourceMapping");
    let mapping = mappings.next().unwrap();
    assert_eq!(mapping["Properties"]["BatchSize"], json!(1));
    assert!(mappings.next().is_none());
}
