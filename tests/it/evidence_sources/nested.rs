//! Stacks within stacks: what failed in the innermost comes first.

use serde_json::{Value, json};

use codepipeline_retrier::domain::evidence::Evidence;
use codepipeline_retrier::domain::pipeline::Gap;

use super::answers::{answer, event, refusal};
use super::stacks::deploy;
use super::{STARTED, read, texts};
use crate::codepipeline::stub::{Request, Stub};

fn stack(number: usize) -> String {
    format!("arn:aws:cloudformation:eu-central-1:111122223333:stack/level-{number}/0a1b")
}

/// Events of a stack in which another one failed.
fn failing(number: usize, nested: &str) -> Value {
    let own = stack(number);
    let at = STARTED + 10 - i64::try_from(number).unwrap();
    let kind = "AWS::CloudFormation::Stack";
    json!({"StackEvents": [
        event(&own, at + 50, "UPDATE_FAILED", (kind, nested), Some(&format!("level {number}: a stack failed"))),
        event(&own, at, "UPDATE_IN_PROGRESS", (kind, &own), None),
    ]})
}

fn level(request: &Request) -> usize {
    let name = request.body["StackName"].as_str().unwrap();
    (0..20).find(|number| stack(*number) == name).unwrap()
}

fn said(evidence: &Evidence) -> Vec<&str> {
    texts(evidence).into_iter().map(|text| text.2).collect()
}

#[test]
fn the_innermost_failure_comes_first() {
    let stub = Stub::start(|request: &Request| match level(request) {
        2 => {
            let lambda = ("AWS::Lambda::Function", "api");
            let events = json!([
                event(&stack(2), STARTED + 20, "CREATE_FAILED", lambda, Some("Rate exceeded")),
                event(
                    &stack(2),
                    STARTED + 9,
                    "CREATE_IN_PROGRESS",
                    ("AWS::CloudFormation::Stack", &stack(2)),
                    None
                ),
            ]);
            answer("DescribeStackEvents", &json!({"StackEvents": events}))
        }
        number => answer("DescribeStackEvents", &failing(number, &stack(number + 1))),
    });
    let evidence = read(&stub, deploy(&stack(0)));
    assert_eq!(said(&evidence), ["Rate exceeded", "level 1: a stack failed", "level 0: a stack failed"]);
    assert_eq!(stub.requests().len(), 3);
}

#[test]
fn three_levels_below_the_actions_stack_and_no_further() {
    let stub = Stub::start(|request: &Request| {
        let number = level(request);
        answer("DescribeStackEvents", &failing(number, &stack(number + 1)))
    });
    let evidence = read(&stub, deploy(&stack(0)));
    assert_eq!(said(&evidence)[0], "level 3: a stack failed");
    assert_eq!((stub.requests().len(), evidence.gaps.len()), (4, 0));
}

/// What a physical id says is taken for a stack only if it names one, and no stack is in itself.
#[test]
fn a_nested_stack_that_is_none() {
    for nested in [stack(0), String::new(), "web-shop".to_owned(), "arn:aws:s3:::stack/x".to_owned()] {
        let stub = Stub::start(move |_| {
            let mut events = failing(0, &nested);
            // Events of the stack itself are told by its id; this one is of a resource.
            events["StackEvents"][0]["StackId"] = json!("of another");
            answer("DescribeStackEvents", &events)
        });
        assert_eq!(said(&read(&stub, deploy(&stack(0)))), ["level 0: a stack failed"]);
        assert_eq!(stub.requests().len(), 1);
    }
}

#[test]
fn a_nested_stack_that_may_not_be_read_is_a_gap() {
    let stub = Stub::start(|request: &Request| match level(request) {
        0 => answer("DescribeStackEvents", &failing(0, &stack(1))),
        _ => refusal("DescribeStackEvents", 403, "AccessDenied"),
    });
    let evidence = read(&stub, deploy(&stack(0)));
    assert_eq!(said(&evidence), ["level 0: a stack failed"]);
    assert_eq!(evidence.gaps, [("DescribeStackEvents", Gap::Denied)]);
}

/// Many stacks fail in each of many: the requests come to an end.
#[test]
fn a_thicket_of_stacks_ends() {
    let stub = Stub::start(|request: &Request| {
        let own = request.body["StackName"].as_str().unwrap();
        let kind = "AWS::CloudFormation::Stack";
        let nested = |suffix: &str| format!("{own}{suffix}");
        let events: Vec<Value> = ["a", "b", "c"]
            .map(|suffix| event(own, STARTED + 20, "CREATE_FAILED", (kind, &nested(suffix)), Some("failed")))
            .to_vec();
        answer("DescribeStackEvents", &json!({"StackEvents": events, "NextToken": null}))
    });
    let evidence = read(&stub, deploy(&stack(0)));
    // Two of each three, on three levels, would be fifteen.
    assert_eq!(stub.requests().len(), 12);
    assert_eq!(evidence.gaps, [("DescribeStackEvents", Gap::NotRead); 3]);
}
