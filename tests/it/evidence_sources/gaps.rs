//! What cannot be read: for each operation and each way of not answering, a gap with the operation's name, and nothing of
//! what the answer said.

use serde_json::json;

use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::facts::FailedAction;
use codepipeline_retrier::domain::pipeline::{Category, Gap};

use super::answers::{answer, build, refusal};
use super::stacks::{STACK, deploy};
use super::{Rig, action};
use crate::codepipeline::stub::{Reply, Request, Stub};

/// A run for which each operation is asked for.
fn asking_for(operation: &str) -> FailedAction {
    match operation {
        "BatchGetBuilds" | "GetLogEvents" => action(Category::Build, "CodeBuild", "web:1"),
        "DescribeStackEvents" => deploy(STACK),
        "DescribeChangeSet" => deploy(&STACK.replace("stack/", "changeSet/")),
        _ => action(Category::Deploy, "CodeDeploy", "d-ABC"),
    }
}

/// Every service is well, apart from one operation.
fn apart_from(operation: &'static str, reply: Reply) -> Stub {
    Stub::start(move |request: &Request| match request.operation.as_str() {
        asked if asked == operation => reply.clone(),
        "BatchGetBuilds" => answer("BatchGetBuilds", &json!({"builds": [build("web:1", "FAILED", &[])]})),
        "ListDeploymentTargets" => answer("ListDeploymentTargets", &json!({"targetIds": ["i-1"]})),
        other => answer(other, &json!({})),
    })
}

const OPERATIONS: [&str; 7] = [
    "BatchGetBuilds",
    "GetLogEvents",
    "GetDeployment",
    "ListDeploymentTargets",
    "BatchGetDeploymentTargets",
    "DescribeStackEvents",
    "DescribeChangeSet",
];

fn becomes(replies: impl Fn(&str) -> Vec<Reply>, gap: Gap, times: usize) {
    for operation in OPERATIONS {
        for reply in replies(operation) {
            let stub = apart_from(operation, reply.clone());
            let evidence = Rig::at(&stub.url).gather(&[asking_for(operation)], Depth::Logs).remove(0);
            assert_eq!(evidence.gaps, [(operation, gap)], "{reply:?}");
            let asked = stub.operations().into_iter().filter(|asked| asked == operation).count();
            assert_eq!(asked, times, "{operation}: {reply:?}");
        }
    }
}

#[test]
fn what_is_denied() {
    let codes = ["AccessDenied", "AccessDeniedException", "ExpiredTokenException"];
    becomes(|operation| codes.map(|code| refusal(operation, 403, code)).to_vec(), Gap::Denied, 1);
}

#[test]
fn what_is_refused_for_another_reason() {
    let codes = ["ValidationError", "ResourceNotFoundException", "InvalidInputException"];
    becomes(|operation| codes.map(|code| refusal(operation, 400, code)).to_vec(), Gap::Unavailable, 1);
}

#[test]
fn what_cannot_be_read() {
    let page = |body: &str| Reply::Answer { status: 200, headers: vec![], body: body.to_owned() };
    let garbage = |operation: &str| {
        let cut = if operation.starts_with("Describe") { "<DescribeStackEventsResponse><x>" } else { "[1]" };
        vec![page("<html>"), page("{"), page(cut), page("\u{0}")]
    };
    becomes(garbage, Gap::Unavailable, 1);
}

/// Twice, since reading does no harm, and no more often.
#[test]
fn what_is_throttled_or_broken_is_tried_twice() {
    let throttled = ["Throttling", "ThrottlingException", "TooManyRequestsException"];
    becomes(|operation| throttled.map(|code| refusal(operation, 400, code)).to_vec(), Gap::Throttled, 2);
    let cut = || Reply::Bytes("HTTP/1.1 200 Fine\r\n".to_owned());
    let broken = |operation: &str| vec![refusal(operation, 500, "InternalFailure"), Reply::Close, cut()];
    becomes(broken, Gap::Unavailable, 2);
}

#[test]
fn nobody_listens() {
    let stub = Stub::always(Reply::Close);
    let url = stub.url.clone();
    drop(stub);
    let failed = OPERATIONS.map(asking_for);
    for (evidence, action) in Rig::at(&url).gather(&failed, Depth::Logs).iter().zip(&failed) {
        assert!(evidence.texts.is_empty(), "{action:?}");
        assert!(!evidence.gaps.is_empty(), "{action:?}");
        assert!(evidence.gaps.iter().all(|(_, gap)| *gap == Gap::Unavailable), "{evidence:?}");
    }
}
