//! The stack is deployed, changed and deleted with the commands that a user types.

use std::fs;

use codepipeline_retrier::aws::ledger::LEDGER_SCHEMA;
use serde_json::Value;
use tokio::runtime::Builder;

use super::deployment::{Deployment, architecture, built, sam_build};
use super::process::{Folder, shown};

/// How the things of each kind that the stack has are listed.
const KINDS: [(&[&str], &str); 11] = [
    (&["cloudwatch", "describe-alarms"], "MetricAlarms"),
    (&["cloudwatch", "list-dashboards"], "DashboardEntries"),
    (&["dynamodb", "list-tables"], "TableNames"),
    (&["events", "list-rules"], "Rules"),
    (&["iam", "list-roles"], "Roles"),
    (&["lambda", "list-event-source-mappings"], "EventSourceMappings"),
    (&["lambda", "list-functions"], "Functions"),
    (&["logs", "describe-log-groups"], "logGroups"),
    (&["scheduler", "list-schedule-groups"], "ScheduleGroups"),
    (&["sns", "list-topics"], "Topics"),
    (&["sqs", "list-queues"], "QueueUrls"),
];

/// Everything that there is of one kind.
fn listed(deployment: &Deployment, (call, list): (&[&str], &str)) -> Vec<Value> {
    let mut entries = deployment.aws(call)[list].as_array().cloned().unwrap_or_default();
    // The group that every account has.
    entries.retain(|entry| entry["Name"] != "default");
    entries
}

/// Kinds of which there is nothing.
fn missing_kinds(deployment: &Deployment) -> Vec<&'static str> {
    KINDS.into_iter().filter(|kind| listed(deployment, *kind).is_empty()).map(|(_, list)| list).collect()
}

/// The attributes that the table's key consists of, as the SDK sees them.
fn keys_of_the_ledger(deployment: &Deployment) -> Vec<String> {
    let clients = deployment.clients();
    let describe = clients.dynamodb().describe_table().table_name("retrier-ledger").send();
    let described = Builder::new_current_thread().enable_all().build().unwrap().block_on(describe).unwrap();
    let keys = described.table().unwrap().key_schema().iter();
    keys.map(|key| key.attribute_name().to_owned()).collect()
}

/// What lies in the buckets that `sam` keeps packages in.
fn packages(deployment: &Deployment) -> Vec<String> {
    let buckets = deployment.aws(&["s3api", "list-buckets"]);
    let mut packages = Vec::new();
    for bucket in buckets["Buckets"].as_array().unwrap() {
        let objects =
            deployment.aws(&["s3api", "list-objects-v2", "--bucket", bucket["Name"].as_str().unwrap()]);
        for object in objects["Contents"].as_array().into_iter().flatten() {
            packages.push(object["Key"].as_str().unwrap().to_owned());
        }
    }
    packages
}

#[test]
fn it_is_deployed_changed_and_deleted_without_a_trace() {
    let deployment = Deployment::build(&[]);
    let package = |name: &str| fs::read(deployment.package().join(name)).unwrap();
    assert!(package("bootstrap").starts_with(b"\x7fELF"));
    assert_eq!(package("policy.yaml"), fs::read("infra/policy.yaml").unwrap());

    deployment.deploy(&[("RetryStages", "web-*/Test,shop/*")]);
    let (status, outputs) = deployment.stack();
    assert_eq!(status, "CREATE_COMPLETE");
    let names: Vec<&str> = outputs.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "DashboardUrl",
            "DeadLetterQueueUrl",
            "FunctionArn",
            "FunctionRoleArn",
            "LedgerSchema",
            "LedgerTableName",
            "NotificationTopicArn",
            "QueueUrl",
            "Release",
            "ScheduleGroupName"
        ]
    );
    assert!(outputs["DashboardUrl"].ends_with("#dashboards/dashboard/retrier"), "{outputs:?}");
    assert_eq!(outputs["LedgerTableName"], "retrier-ledger");
    assert_eq!(outputs["Release"], env!("CARGO_PKG_VERSION"));
    assert_eq!(outputs["LedgerSchema"], LEDGER_SCHEMA.to_string());
    let function = || {
        let name = outputs["FunctionArn"].as_str();
        deployment.aws(&["lambda", "get-function-configuration", "--function-name", name])
    };
    assert_eq!(function()["Environment"]["Variables"]["RETRIER_MODE"], "shadow");
    assert_eq!(function()["Architectures"][0], architecture());
    assert_eq!(grants_to_retry(&deployment, &function()), ["web-*/Test", "shop/*"]);

    assert_eq!(keys_of_the_ledger(&deployment), ["pk", "sk"]);
    assert!(missing_kinds(&deployment).is_empty(), "{:?}", missing_kinds(&deployment));

    deployment.deploy(&[("Mode", "active"), ("RetryStages", "shop/Test"), ("MaxConcurrency", "7")]);
    assert_eq!(deployment.stack(), ("UPDATE_COMPLETE".to_owned(), outputs.clone()));
    assert_eq!(function()["Environment"]["Variables"]["RETRIER_MODE"], "active");
    assert_eq!(grants_to_retry(&deployment, &function()), ["shop/Test"]);
    assert!(!packages(&deployment).is_empty());

    deployment.delete();
    for kind in KINDS {
        assert_eq!(listed(&deployment, kind), Vec::<Value>::new());
    }
    assert_eq!(packages(&deployment), Vec::<String>::new());
}

/// The stages that the function's role may retry, each once.
fn grants_to_retry(deployment: &Deployment, function: &Value) -> Vec<String> {
    let role = function["Role"].as_str().unwrap().rsplit('/').next().unwrap();
    let call = ["iam", "get-role-policy", "--role-name", role, "--policy-name", "pipelines"];
    let policy = deployment.aws(&call);
    let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
    let retry = statements.iter().find(|statement| statement["Sid"] == "RetryTheNamedStages").unwrap();
    let mut stages = Vec::new();
    for arn in retry["Resource"].as_array().unwrap() {
        let stage = arn.as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        if !stages.contains(&stage) {
            stages.push(stage);
        }
    }
    stages
}

#[test]
fn a_policy_that_does_not_compile_fails_the_build_with_its_findings() {
    let folder = Folder::new("broken");
    let policy = folder.path().join("broken.yaml");
    fs::write(&policy, "version: 1\nrules:\n  - name: a\n    match: { pipelin: web }\n    max-retries: 99\n")
        .unwrap();
    let output = sam_build(&folder, &[("POLICY", policy.as_path())]);
    assert!(!output.status.success());
    let said = shown(&output);
    for finding in ["unknown-key", "out-of-range", "broken.yaml:4"] {
        assert!(said.contains(finding), "{finding}: {said}");
    }
    assert!(!built(&folder).join("RetrierFunction/bootstrap").exists());
}
