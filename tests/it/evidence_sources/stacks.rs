//! One stack of CloudFormation: which of its events are the action's, and which of them failed first.

use serde_json::{Value, json};

use codepipeline_retrier::domain::evidence::{Evidence, Place};
use codepipeline_retrier::domain::facts::FailedAction;
use codepipeline_retrier::domain::pipeline::{Category, Gap};

use super::answers::{answer, event, refusal};
use super::{FAILED, STARTED, action, read, texts};
use crate::codepipeline::stub::{Request, Stub};

pub const STACK: &str = "arn:aws:cloudformation:eu-central-1:111122223333:stack/web-shop/0a1b";
const CHANGE_SET: &str = "arn:aws:cloudformation:eu-central-1:111122223333:changeSet/release/0c2d";
const LAMBDA: (&str, &str) = ("AWS::Lambda::Function", "web-shop-api");
const QUEUE: (&str, &str) = ("AWS::SQS::Queue", "web-shop-queue");
const ITSELF: (&str, &str) = ("AWS::CloudFormation::Stack", STACK);

pub fn deploy(id: &str) -> FailedAction {
    action(Category::Deploy, "CloudFormation", id)
}

fn own(at: i64, status: &str, resource: (&str, &str), reason: Option<&str>) -> Value {
    event(STACK, at, status, resource, reason)
}

/// What is made of these events, the newest first, of which the service gives so many a page.
fn of_events(events: Vec<Value>, page: usize) -> (Evidence, usize) {
    let stub = Stub::start(move |request: &Request| {
        assert_eq!(request.body["StackName"], STACK);
        let begin = request.body["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let end = events.len().min(begin + page);
        let next = (end < events.len()).then(|| end.to_string());
        answer("DescribeStackEvents", &json!({"StackEvents": events[begin..end], "NextToken": next}))
    });
    (read(&stub, deploy(STACK)), stub.requests().len())
}

fn said(evidence: &Evidence) -> Vec<(Option<&str>, &str)> {
    texts(evidence).into_iter().map(|(_, code, text)| (code, text)).collect()
}

/// An update that fails: the newest event first.
fn update() -> Vec<Value> {
    vec![
        own(STARTED + 90, "UPDATE_ROLLBACK_COMPLETE", ITSELF, None),
        own(STARTED + 80, "UPDATE_COMPLETE", LAMBDA, None),
        own(STARTED + 40, "UPDATE_ROLLBACK_IN_PROGRESS", ITSELF, Some("The following resource(s) failed")),
        own(STARTED + 32, "UPDATE_FAILED", ("AWS::S3::Bucket", "b"), Some("Resource update cancelled")),
        own(STARTED + 31, "CREATE_FAILED", QUEUE, Some("Resource creation cancelled")),
        own(STARTED + 30, "UPDATE_FAILED", LAMBDA, Some("Rate exceeded (Service: Lambda) & more")),
        own(STARTED + 10, "UPDATE_IN_PROGRESS", LAMBDA, None),
        own(STARTED + 5, "UPDATE_IN_PROGRESS", ITSELF, Some("User Initiated")),
        own(STARTED - 1000, "CREATE_FAILED", LAMBDA, Some("what failed the time before")),
        own(STARTED - 1100, "CREATE_IN_PROGRESS", ITSELF, None),
    ]
}

#[test]
fn what_failed_first_in_the_operation_and_none_that_followed_it() {
    for (page, pages) in [(1, 8), (3, 3), (100, 1)] {
        let (evidence, requests) = of_events(update(), page);
        let expected = (Place::StackEvent, Some("UPDATE_FAILED"), "Rate exceeded (Service: Lambda) & more");
        assert_eq!(texts(&evidence), [expected], "{page}");
        assert_eq!((evidence.gaps, requests), (vec![], pages));
    }
}

/// What is known of it may be how its rollback failed, and not what it was rolled back for.
#[test]
fn an_operation_that_is_not_read_to_its_beginning_says_nothing() {
    let mut events = vec![own(STARTED + 250, "UPDATE_FAILED", QUEUE, Some("Rate exceeded")); 12];
    events.extend(update());
    let (evidence, requests) = of_events(events, 1);
    assert_eq!((texts(&evidence), requests), (vec![], 10));
    assert_eq!(evidence.gaps, [("DescribeStackEvents", Gap::NotRead)]);
}

/// Resources fail beside each other; the earliest are kept, in the order of time.
#[test]
fn the_earliest_of_many_failures() {
    let mut events = vec![own(STARTED + 5, "UPDATE_IN_PROGRESS", ITSELF, None)];
    for second in 10..30 {
        events.push(own(STARTED + second, "CREATE_FAILED", QUEUE, Some(&format!("second {second}"))));
    }
    events.reverse();
    let (evidence, _) = of_events(events, 100);
    let texts: Vec<_> = said(&evidence).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["second 10", "second 11", "second 12", "second 13", "second 14"]);
}

/// A handler's message may speak of cancelling, which is no following.
#[test]
fn what_only_looks_like_a_follower() {
    let reason = "Resource handler returned message: \"the import was cancelled by the service\"";
    let (evidence, _) = of_events(
        vec![
            own(STARTED + 30, "CREATE_FAILED", LAMBDA, Some(reason)),
            own(STARTED + 5, "CREATE_IN_PROGRESS", ITSELF, None),
        ],
        100,
    );
    assert_eq!(said(&evidence), [(Some("CREATE_FAILED"), reason)]);
}

/// Somebody else updated the stack after the action had failed.
#[test]
fn a_later_operation_is_not_the_actions() {
    let mut events = vec![
        own(FAILED + 90, "UPDATE_FAILED", LAMBDA, Some("of somebody else")),
        own(FAILED + 60, "UPDATE_IN_PROGRESS", ITSELF, None),
    ];
    events.extend(update());
    let (evidence, _) = of_events(events, 100);
    assert_eq!(said(&evidence), [(Some("UPDATE_FAILED"), "Rate exceeded (Service: Lambda) & more")]);
}

/// The action came while another operation was under way and was turned away.
#[test]
fn an_earlier_operation_is_not_the_actions() {
    let events = vec![
        own(STARTED + 30, "UPDATE_ROLLBACK_IN_PROGRESS", ITSELF, Some("of somebody else")),
        own(STARTED + 20, "UPDATE_FAILED", LAMBDA, Some("of somebody else")),
        own(STARTED - 60, "UPDATE_IN_PROGRESS", ITSELF, None),
    ];
    assert_eq!(of_events(events, 100).0, Evidence::default());
}

#[test]
fn the_stacks_own_reason_where_no_resource_failed() {
    let (evidence, _) = of_events(
        vec![
            own(STARTED + 60, "ROLLBACK_FAILED", ITSELF, Some("later")),
            own(STARTED + 40, "ROLLBACK_IN_PROGRESS", ITSELF, Some("Alarm went off")),
            own(STARTED + 30, "CREATE_FAILED", QUEUE, Some("Resource creation cancelled")),
            own(STARTED + 5, "CREATE_IN_PROGRESS", ITSELF, None),
        ],
        100,
    );
    assert_eq!(said(&evidence), [(Some("ROLLBACK_IN_PROGRESS"), "Alarm went off")]);
}

/// `OnFailure: DELETE`: the deletion belongs to the creation, as their token shows.
#[test]
fn what_could_not_be_created_and_is_deleted_at_once() {
    let with = |token: &str, mut event: Value| {
        event["ClientRequestToken"] = json!(token);
        event
    };
    let events = |token: &str| {
        vec![
            with("new", own(STARTED + 50, "DELETE_FAILED", QUEUE, Some("it is not empty"))),
            with("new", own(STARTED + 40, "DELETE_IN_PROGRESS", ITSELF, None)),
            with(token, own(STARTED + 30, "CREATE_FAILED", LAMBDA, Some("no capacity"))),
            with(token, own(STARTED + 5, "CREATE_IN_PROGRESS", ITSELF, None)),
        ]
    };
    let (of_one, _) = of_events(events("new"), 100);
    assert_eq!(
        said(&of_one),
        [(Some("CREATE_FAILED"), "no capacity"), (Some("DELETE_FAILED"), "it is not empty")]
    );
    let (of_two, _) = of_events(events("old"), 100);
    assert_eq!(said(&of_two), [(Some("DELETE_FAILED"), "it is not empty")]);
}

#[test]
fn a_hook_that_refuses() {
    let mut refused = own(STARTED + 20, "CREATE_IN_PROGRESS", LAMBDA, None);
    refused["HookStatus"] = json!("HOOK_COMPLETE_FAILED");
    refused["HookStatusReason"] = json!("tags are missing");
    for (mode, expected) in
        [("FAIL", vec![(Some("HOOK_COMPLETE_FAILED"), "tags are missing")]), ("WARN", vec![])]
    {
        refused["HookFailureMode"] = json!(mode);
        let events = vec![refused.clone(), own(STARTED + 5, "CREATE_IN_PROGRESS", ITSELF, None)];
        assert_eq!(said(&of_events(events, 100).0), expected);
    }
}

#[test]
fn events_that_lack_everything_are_no_evidence() {
    for events in [vec![], vec![json!({})], vec![json!({"ResourceStatus": "CREATE_COMPLETE"})]] {
        assert_eq!(of_events(events, 100).0, Evidence::default());
    }
    let (evidence, _) = of_events(vec![json!({"ResourceStatus": "CREATE_FAILED"})], 100);
    assert_eq!(said(&evidence), [(Some("CREATE_FAILED"), "")]);
}

#[test]
fn why_a_change_set_could_not_be_made() {
    let reason = "Requires capabilities : [CAPABILITY_IAM]";
    let stub = Stub::start(move |request: &Request| {
        assert_eq!(request.body["ChangeSetName"], CHANGE_SET);
        answer("DescribeChangeSet", &json!({"Status": "FAILED", "StatusReason": reason, "StackId": STACK}))
    });
    assert_eq!(texts(&read(&stub, deploy(CHANGE_SET))), [(Place::ChangeSet, Some("FAILED"), reason)]);
    assert_eq!(stub.requests()[0].scope, "eu-central-1/cloudformation");
}

/// One that was made and could not be carried out: its stack knows why.
#[test]
fn what_failed_when_a_change_set_was_carried_out() {
    let with = |execution: &'static str| {
        let stub = Stub::start(move |request: &Request| match request.operation.as_str() {
            "DescribeChangeSet" => {
                let set =
                    json!({"Status": "CREATE_COMPLETE", "ExecutionStatus": execution, "StackId": STACK});
                answer("DescribeChangeSet", &set)
            }
            operation => answer(operation, &json!({"StackEvents": update()})),
        });
        read(&stub, deploy(CHANGE_SET))
    };
    assert_eq!(said(&with("EXECUTE_FAILED"))[0].1, "Rate exceeded (Service: Lambda) & more");
    assert_eq!(with("AVAILABLE"), Evidence::default());
}

/// A failed execution takes its change set with it.
#[test]
fn a_change_set_that_is_gone() {
    let stub = Stub::always(refusal("DescribeChangeSet", 404, "ChangeSetNotFound"));
    assert_eq!(read(&stub, deploy(CHANGE_SET)).gaps, [("DescribeChangeSet", Gap::Unavailable)]);
}
