//! Deployments of CodeDeploy.

use serde_json::{Value, json};

use codepipeline_retrier::domain::evidence::{Depth, Evidence, Place};
use codepipeline_retrier::domain::pipeline::{Category, Gap};

use super::answers::{answer, refusal};
use super::{Rig, action, read, texts};
use crate::codepipeline::stub::{Reply, Request, Stub};

const TOO_MANY: &str =
    "The overall deployment failed because too many individual instances failed deployment";

fn deployment(code: &str, message: &str) -> Reply {
    let error = json!({"code": code, "message": message});
    answer("GetDeployment", &json!({"deploymentInfo": {"deploymentId": "d-ABC", "errorInformation": error}}))
}

fn lifecycle(name: &str, status: &str, code: &str, message: &str, log: &str) -> Value {
    let diagnostics = json!({"errorCode": code, "scriptName": "s.sh", "message": message, "logTail": log});
    json!({"lifecycleEventName": name, "status": status, "diagnostics": diagnostics})
}

fn instance(events: &[Value]) -> Value {
    json!({"deploymentTargetType": "InstanceTarget", "instanceTarget": {"status": "Failed", "lifecycleEvents": events}})
}

/// CodeDeploy with failed targets.
fn codedeploy(targets: Vec<Value>) -> Stub {
    Stub::start(move |request: &Request| match request.operation.as_str() {
        "GetDeployment" => deployment("HEALTH_CONSTRAINTS", TOO_MANY),
        "ListDeploymentTargets" => {
            let ids: Vec<String> = (0..targets.len()).map(|number| format!("i-{number}")).collect();
            answer("ListDeploymentTargets", &json!({"targetIds": ids, "nextToken": "more"}))
        }
        "BatchGetDeploymentTargets" => {
            let asked = request.body["targetIds"].as_array().unwrap().len();
            answer("BatchGetDeploymentTargets", &json!({"deploymentTargets": targets[..asked]}))
        }
        other => panic!("`{other}`"),
    })
}

#[test]
fn the_error_and_the_failing_lifecycle_event() {
    let events = [
        lifecycle("BeforeInstall", "Succeeded", "Success", "fine", ""),
        lifecycle(
            "ApplicationStart",
            "Failed",
            "ScriptTimedOut",
            "Script timed out",
            "waiting for port 80\n",
        ),
        lifecycle("ValidateService", "Skipped", "UnknownError", "not run", ""),
    ];
    let stub = codedeploy(vec![instance(&events)]);
    let evidence = read(&stub, action(Category::Deploy, "CodeDeploy", "d-ABC"));
    assert_eq!(
        texts(&evidence),
        [
            (Place::Deployment, Some("HEALTH_CONSTRAINTS"), TOO_MANY),
            (
                Place::LifecycleEvent,
                Some("ScriptTimedOut"),
                "ApplicationStart: Script timed out\nwaiting for port 80"
            ),
        ]
    );
    assert_eq!(stub.operations(), ["BatchGetDeploymentTargets", "GetDeployment", "ListDeploymentTargets"]);
    let list = stub.requests().into_iter().find(|request| request.operation == "ListDeploymentTargets");
    let failed = json!({"deploymentId": "d-ABC", "targetFilters": {"TargetStatus": ["Failed"]}});
    assert_eq!(list.unwrap().body, failed);
}

#[test]
fn every_kind_of_target() {
    let events = [lifecycle("AfterAllowTestTraffic", "Failed", "UnknownError", "the hook failed", "")];
    for member in ["instanceTarget", "ecsTarget", "lambdaTarget", "cloudFormationTarget"] {
        let stub = codedeploy(vec![json!({member: {"lifecycleEvents": events}})]);
        let evidence = Rig::at(&stub.url)
            .gather(&[action(Category::Deploy, "CodeDeployToECS", "d-ABC")], Depth::Details)
            .remove(0);
        let said = "AfterAllowTestTraffic: the hook failed";
        assert_eq!(texts(&evidence)[1], (Place::LifecycleEvent, Some("UnknownError"), said), "{member}");
    }
}

#[test]
fn the_first_few_targets_and_each_failure_once() {
    let target = |message: &str| instance(&[lifecycle("Install", "Failed", "ScriptFailed", message, "")]);
    let targets = ["no space", "no space", "no space", "no route", "no space", "beyond", "beyond"];
    let stub = codedeploy(targets.map(target).to_vec());
    let evidence = read(&stub, action(Category::Deploy, "CodeDeploy", "d-ABC"));
    let said: Vec<_> = texts(&evidence).into_iter().skip(1).map(|text| text.2).collect();
    assert_eq!(said, ["Install: no space", "Install: no route"]);
    let batch = stub.requests().into_iter().find(|request| request.operation == "BatchGetDeploymentTargets");
    assert_eq!(batch.unwrap().body["targetIds"], json!(["i-0", "i-1", "i-2", "i-3", "i-4"]));
}

/// A deployment may be stopped before it comes to any target.
#[test]
fn no_target_failed() {
    let stub = codedeploy(vec![]);
    let evidence = read(&stub, action(Category::Deploy, "CodeDeploy", "d-ABC"));
    assert_eq!((texts(&evidence).len(), evidence.gaps.len()), (1, 0));
    assert_eq!(stub.operations(), ["GetDeployment", "ListDeploymentTargets"]);
}

#[test]
fn answers_that_lack_everything_are_no_evidence() {
    for targets in [json!([]), json!([{}]), json!([{"instanceTarget": {}}]), json!([instance(&[json!({})])])]
    {
        let batch = json!({"deploymentTargets": targets});
        let stub = Stub::start(move |request: &Request| match request.operation.as_str() {
            "ListDeploymentTargets" => answer("ListDeploymentTargets", &json!({"targetIds": ["i-1"]})),
            "BatchGetDeploymentTargets" => answer("BatchGetDeploymentTargets", &batch),
            operation => answer(operation, &json!({})),
        });
        assert_eq!(read(&stub, action(Category::Deploy, "CodeDeploy", "d-ABC")), Evidence::default());
    }
}

#[test]
fn each_part_does_without_the_other() {
    for (refused, kept) in
        [("GetDeployment", Place::LifecycleEvent), ("BatchGetDeploymentTargets", Place::Deployment)]
    {
        let events = [lifecycle("Install", "Failed", "ScriptFailed", "no space", "")];
        let stub = Stub::start(move |request: &Request| match request.operation.as_str() {
            operation if operation == refused => refusal(operation, 400, "AccessDeniedException"),
            "GetDeployment" => deployment("TIMEOUT", "timed out"),
            "ListDeploymentTargets" => answer("ListDeploymentTargets", &json!({"targetIds": ["i-1"]})),
            operation => answer(operation, &json!({"deploymentTargets": [instance(&events)]})),
        });
        let evidence = read(&stub, action(Category::Deploy, "CodeDeploy", "d-ABC"));
        assert_eq!(evidence.texts.iter().map(|text| text.place).collect::<Vec<_>>(), [kept]);
        assert_eq!(evidence.gaps, [(refused, Gap::Denied)]);
    }
}
