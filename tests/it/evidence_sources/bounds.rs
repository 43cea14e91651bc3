//! However many actions failed and however slow the answers are, the whole takes a dozen requests and some seconds.

use std::thread;
use std::time::Duration;

use serde_json::json;

use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::facts::FailedAction;
use codepipeline_retrier::domain::pipeline::{Category, Gap};

use super::answers::{answer, build, event, log};
use super::stacks::{STACK, deploy};
use super::{Rig, STARTED, action};
use crate::codepipeline::stub::{Reply, Request, Stub};

#[test]
fn many_builds_take_a_dozen_requests() {
    let stub = Stub::start(|request: &Request| match request.operation.as_str() {
        "BatchGetBuilds" => {
            let ids = request.body["ids"].as_array().unwrap();
            let builds: Vec<_> = ids.iter().map(|id| build(id.as_str().unwrap(), "FAILED", &[])).collect();
            answer("BatchGetBuilds", &json!({"builds": builds}))
        }
        _ => answer("GetLogEvents", &log(&["said"])),
    });
    let failed: Vec<FailedAction> =
        (0..150).map(|number| action(Category::Build, "CodeBuild", &format!("web:{number}"))).collect();
    let evidence = Rig::at(&stub.url).gather(&failed, Depth::Logs);
    assert_eq!(stub.requests().len(), 12);
    let batches: Vec<_> = stub
        .requests()
        .into_iter()
        .filter_map(|request| request.body["ids"].as_array().map(Vec::len))
        .collect();
    assert_eq!(batches.iter().sum::<usize>(), 150);
    assert!(batches.iter().all(|ids| *ids <= 100));
    let of_logs = |gap: Gap| evidence.iter().filter(|found| found.gaps == [("GetLogEvents", gap)]).count();
    assert_eq!(
        (of_logs(Gap::NotRead), evidence.iter().filter(|found| found.gaps.is_empty()).count()),
        (140, 10)
    );
    assert!(evidence.iter().all(|found| !found.texts.is_empty()), "every build's status is known");
}

/// What is there already when time is up is kept.
#[test]
fn silence_is_a_gap_and_takes_nothing_from_the_others() {
    let stub = Stub::start(|request: &Request| match request.operation.as_str() {
        "BatchGetBuilds" => answer("BatchGetBuilds", &json!({"builds": [build("web:1", "FAULT", &[])]})),
        _ => Reply::Silence,
    });
    let failed = [
        action(Category::Build, "CodeBuild", "web:1"),
        deploy(STACK),
        action(Category::Deploy, "CodeDeploy", "d-ABC"),
    ];
    let evidence = Rig::at(&stub.url).gather(&failed, Depth::Logs);
    assert_eq!((evidence[0].texts.len(), &*evidence[0].gaps), (1, &[("GetLogEvents", Gap::Unavailable)][..]));
    assert_eq!(evidence[1].gaps, [("DescribeStackEvents", Gap::Unavailable)]);
    let deployment = [("GetDeployment", Gap::Unavailable), ("ListDeploymentTargets", Gap::Unavailable)];
    assert_eq!(evidence[2].gaps, deployment);
}

/// Each answer comes in time, and all of them together do not.
#[test]
fn time_is_up_in_the_midst_of_a_list() {
    let stub = Stub::start(|_| {
        thread::sleep(Duration::from_millis(1_700));
        let failed = event(STACK, STARTED + 20, "CREATE_FAILED", ("AWS::SQS::Queue", "q"), Some("no"));
        answer("DescribeStackEvents", &json!({"StackEvents": [failed], "NextToken": "more"}))
    });
    let evidence = Rig::at(&stub.url).gather(&[deploy(STACK)], Depth::Details).remove(0);
    assert_eq!(evidence.gaps, [("DescribeStackEvents", Gap::Unavailable)]);
    assert!(evidence.texts.is_empty() && stub.requests().len() < 10);
}
