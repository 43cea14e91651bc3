//! What the stack may do: no more than its code calls, on named resources, each grant with its reason in
//! docs/permissions.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use codepipeline_retrier::domain::sweep::Tick;
use codepipeline_retrier::event::{Invocation, Message, read};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::encryption::KEY;
use super::spokes::{OF_A_HUB, SPOKE};
use super::template::{HOME, Place, policies_of, resources, translated, translated_from};

/// The SDK's calls that the function makes, as its source spells them, and the permissions that each takes.
const CALLS: [(&str, &[&str]); 27] = [
    ("assume_role()", &["sts:AssumeRole"]),
    ("batch_get_builds()", &["codebuild:BatchGetBuilds"]),
    ("batch_get_deployment_targets()", &["codedeploy:BatchGetDeploymentTargets"]),
    ("describe_change_set()", &["cloudformation:DescribeChangeSet"]),
    ("describe_stack_events()", &["cloudformation:DescribeStackEvents"]),
    ("get_deployment()", &["codedeploy:GetDeployment"]),
    ("get_log_events()", &["logs:GetLogEvents"]),
    ("list_deployment_targets()", &["codedeploy:ListDeploymentTargets"]),
    ("batch_get_item()", &["dynamodb:BatchGetItem"]),
    ("put_item()", &["dynamodb:PutItem"]),
    ("transact_write_items()", &["dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]),
    ("query()", &["dynamodb:Query"]),
    ("update_item()", &["dynamodb:UpdateItem"]),
    ("get_pipeline()", &["codepipeline:GetPipeline"]),
    ("get_pipeline_execution()", &["codepipeline:GetPipelineExecution"]),
    ("get_pipeline_state()", &["codepipeline:GetPipelineState"]),
    ("list_action_executions()", &["codepipeline:ListActionExecutions"]),
    ("list_pipeline_executions()", &["codepipeline:ListPipelineExecutions"]),
    ("list_pipelines()", &["codepipeline:ListPipelines"]),
    ("list_tags_for_resource()", &["codepipeline:ListTagsForResource"]),
    ("retry_stage_execution()", &["codepipeline:RetryStageExecution"]),
    ("create_schedule()", &["scheduler:CreateSchedule", "iam:PassRole"]),
    ("send_message()", &["sqs:SendMessage"]),
    ("get_calendar_state()", &["ssm:GetCalendarState"]),
    ("publish()", &["sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"]),
    ("put_events()", &["events:PutEvents"]),
    ("rollback_stage()", &["codepipeline:RollbackStage"]),
];

/// What only the operator's command calls, with its user's own permissions.
const OF_THE_COMMAND: &str = "ledger/whole_table.rs";

/// Two change calendars, one of another Region: with the default there is nothing to permit.
const CALENDARS: (&str, &str) = (
    "ChangeCalendars",
    "arn:aws:ssm:eu-central-1:111122223333:document/Releases,arn:aws:ssm:us-east-1:111122223333:document/Holidays",
);

/// Parameters with which everything is permitted that can be.
fn everything() -> Vec<(&'static str, &'static str)> {
    [&[CALENDARS, ("AllowRollback", "true"), ("EncryptionKeyArn", KEY)][..], &WITH_SPOKES[..]].concat()
}

/// How the names of a service's operations begin, as far as they change or read anything here.
#[rustfmt::skip]
const VERBS: [&str; 20] = [
    "assume_", "batch_get_", "batch_write_", "create_", "delete_", "describe_", "disable_", "enable_", "get_", "list_", "put_",
    "query", "receive_", "retry_stage_execution", "scan", "send_", "transact_", "update_",
    "publish", "rollback_",
];

/// With everything in it that a parameter can add.
const WITH_SPOKES: [(&str, &str); 1] = [("SpokeAccounts", "444455556666,777788889999")];

/// What Lambda does in the function's name.
const OF_LAMBDA: [&str; 7] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// The statements whose actions have no resource to name.
const WITHOUT_RESOURCE: [&str; 3] = ["ListWhatThereIs", "ReadTargetsOfDeployments", "SendTraces"];

/// The statements about what may be in any Region, with its name.
const OF_NAMED_REGIONS: [&str; 1] = ["AskChangeCalendars"];

/// The statements about what may be in another Region than the pipeline.
const OF_EVERY_REGION: [&str; 4] =
    ["ReadFailedBuilds", "ReadFailedDeployments", "ReadFailedStacks", "ReadLogsOfBuilds"];

fn statements(policy: &Value) -> Vec<Value> {
    policy["Statement"].as_array().unwrap().clone()
}

/// A member that may be one text or a list of them.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

/// The statements of a role, by Sid.
fn granted(role: &str, place: Place<'_>, parameters: &[(&str, &str)]) -> BTreeMap<String, Value> {
    let policies = policies_of(&resources(&translated(), place, parameters));
    let prefix = format!("{role}/");
    let own = policies.iter().filter(|(name, _)| name.starts_with(&prefix));
    own.flat_map(|(_, policy)| statements(policy))
        .map(|statement| (statement["Sid"].as_str().unwrap().to_owned(), statement))
        .collect()
}

fn actions(statements: &BTreeMap<String, Value>) -> BTreeSet<String> {
    statements.values().flat_map(|statement| texts(&statement["Action"])).collect()
}

/// The source below a folder, but for what the function is built without.
fn source_of(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(OF_THE_COMMAND) {
            continue;
        }
        text.push_str(&if path.is_dir() { source_of(&path) } else { fs::read_to_string(path).unwrap() });
    }
    text
}

#[test]
fn the_function_may_do_what_it_calls_and_nothing_else() {
    let called = CALLS.iter().flat_map(|(_, actions)| actions.iter().copied());
    let needed: BTreeSet<String> = called.chain(OF_LAMBDA).map(str::to_owned).collect();
    assert_eq!(actions(&granted("FunctionRole", HOME, &everything())), needed);
}

/// The statements of the role's policy `evidence`, which is not there where there is nothing to permit.
#[test]
fn no_more_may_be_read_than_the_depth_needs() {
    let details =
        ["ReadFailedBuilds", "ReadFailedDeployments", "ReadTargetsOfDeployments", "ReadFailedStacks"];
    let logs = [&details[..], &["ReadLogsOfBuilds"]].concat();
    for (depth, expected) in [("state", vec![]), ("details", details.to_vec()), ("logs", logs)] {
        let policies = policies_of(&resources(&translated(), HOME, &[("Evidence", depth)]));
        let evidence = policies.iter().filter(|(name, _)| name == "FunctionRole/evidence");
        let purposes: Vec<String> = evidence
            .flat_map(|(_, policy)| statements(policy))
            .map(|statement| statement["Sid"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(purposes, expected, "{depth}");
        let all = actions(&granted("FunctionRole", HOME, &[("Evidence", depth)]));
        assert_eq!(all.contains("logs:GetLogEvents"), depth == "logs", "{depth}");
        let of_providers = ["codebuild:", "codedeploy:", "cloudformation:"];
        let is_of_one = |action: &String| of_providers.iter().any(|service| action.starts_with(service));
        assert_eq!(all.iter().any(is_of_one), depth != "state", "{depth}");
    }
}

#[test]
fn each_call_of_the_table_is_made() {
    let source = source_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws"));
    for (call, _) in CALLS {
        assert!(
            source.contains(&format!(".{call}")),
            "nothing in src/aws calls `{call}`: is its grant needed?"
        );
    }
}

#[test]
fn each_call_that_is_made_is_in_the_table() {
    let source = source_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws"));
    let known: BTreeSet<&str> = CALLS.iter().map(|(call, _)| *call).collect();
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    for (at, _) in source.match_indices("()") {
        let name = source[..at].rsplit('.').next().unwrap();
        if is_name(name) && VERBS.iter().any(|verb| name.starts_with(verb)) {
            assert!(known.contains(format!("{name}()").as_str()), "`{name}()` in src/aws needs a permission");
        }
    }
}

#[test]
fn every_statement_names_one_purpose_and_its_resources() {
    let mut purposes = BTreeSet::new();
    for (name, policy) in policies_of(&resources(&translated(), HOME, &everything())) {
        for statement in statements(&policy) {
            let purpose = statement["Sid"].as_str().unwrap().to_owned();
            assert!(
                purposes.insert((name.split('/').next().unwrap().to_owned(), purpose.clone())),
                "{name}: {purpose} twice"
            );
            if statement["Effect"] == "Deny" || WITHOUT_RESOURCE.contains(&purpose.as_str()) {
                continue;
            }
            for action in texts(&statement["Action"]) {
                assert!(!action.contains('*'), "{purpose}: {action}");
            }
            for resource in texts(&statement["Resource"]) {
                let parts: Vec<&str> = resource.splitn(6, ':').collect();
                let ["arn", partition, service, region, account, _] = *parts.as_slice() else {
                    panic!("{purpose}: {resource}");
                };
                // The accounts of spokes are named in the statement's condition.
                let is_named = account == HOME.account || purpose == "EnterTheSpokes";
                let place_named = partition == "aws" && is_named;
                assert!(place_named && !service.contains('*'), "{purpose}: {resource}");
                let region_named = if OF_EVERY_REGION.contains(&purpose.as_str()) {
                    region == "*"
                } else if OF_NAMED_REGIONS.contains(&purpose.as_str()) {
                    !region.contains('*')
                } else {
                    service == "iam" || region == HOME.region
                };
                assert!(region_named, "{purpose}: {resource}");
            }
        }
    }
}

#[test]
fn in_every_partition_the_names_are_of_that_partition() {
    let place = Place { partition: "aws-us-gov", account: "777788889999", region: "us-gov-west-1" };
    let text = json!(resources(&translated(), place, &[])).to_string();
    assert!(text.contains("arn:aws-us-gov:codepipeline:us-gov-west-1:777788889999:*"));
    assert!(!text.contains("arn:aws:"), "a partition is written down somewhere");
}

#[test]
fn only_the_stages_that_are_named_may_be_retried() {
    let patterns = |stages: &str| -> BTreeSet<String> {
        let statements = granted("FunctionRole", HOME, &[("RetryStages", stages)]);
        texts(&statements["RetryTheNamedStages"]["Resource"]).into_iter().collect()
    };
    let arn = |stage: &str| format!("arn:aws:codepipeline:eu-central-1:111122223333:{stage}");
    assert_eq!(patterns("web-*/Test"), BTreeSet::from([arn("web-*/Test")]));
    assert_eq!(patterns("a/B,c/*"), BTreeSet::from([arn("a/B"), arn("c/*")]));
    let ten: Vec<String> = (0..10).map(|number| format!("p{number}/*")).collect();
    assert_eq!(patterns(&ten.join(",")), ten.iter().map(|stage| arn(stage)).collect());
}

#[test]
fn by_default_production_may_not_be_retried() {
    let statements = granted("FunctionRole", HOME, &[]);
    for stage in texts(&statements["RetryTheNamedStages"]["Resource"]) {
        let (_, stage) = stage.rsplit_once('/').unwrap();
        assert!(!stage.starts_with('*') && !stage.contains("Prod"), "{stage}");
    }
}

#[test]
fn the_stages_parameter_takes_one_to_ten_patterns() {
    let template = translated();
    let parameter = &template["Parameters"]["RetryStages"];
    let schema = json!({ "type": "string", "pattern": parameter["AllowedPattern"] });
    let allows = |text: &str| jsonschema::is_valid(&schema, &json!(text));
    let ten = ["p/s"; 10].join(",");
    for good in [parameter["Default"].as_str().unwrap(), "*/*", "a.b@c-d_e/F?", "web-*/Test,shop/*", &ten] {
        assert!(allows(good), "{good}");
    }
    let eleven = ["p/s"; 11].join(",");
    for bad in ["", "web", "web/", "/Test", "a/b, c/d", "a/b,", ",a/b", "a/b/c", "a:b/c", "${x}/y", &eleven] {
        assert!(!allows(bad), "{bad}");
    }
}

#[test]
fn only_the_calendars_that_are_named_may_be_asked() {
    let named = |parameters: &[(&str, &str)]| {
        granted("FunctionRole", HOME, parameters)
            .get("AskChangeCalendars")
            .map(|statement| texts(&statement["Resource"]))
    };
    let both: Vec<String> = CALENDARS.1.split(',').map(str::to_owned).collect();
    assert_eq!(named(&[CALENDARS]), Some(both.clone()));
    assert_eq!(named(&[("ChangeCalendars", &both[0])]), Some(both[..1].to_vec()));
    assert_eq!(named(&[]), None);
}

#[test]
fn the_calendars_parameter_takes_arns_of_documents_or_nothing() {
    let template = translated();
    let parameter = &template["Parameters"]["ChangeCalendars"];
    let schema = json!({ "type": "string", "pattern": parameter["AllowedPattern"] });
    let allows = |text: &str| jsonschema::is_valid(&schema, &json!(text));
    let one = "arn:aws-us-gov:ssm:us-gov-west-1:111122223333:document/Release.Freeze_2026-1";
    for good in [parameter["Default"].as_str().unwrap(), one, CALENDARS.1] {
        assert!(allows(good), "{good}");
    }
    let (before, after) = (format!(",{one}"), format!("{one},"));
    let (twice, spaced) = (format!("{one}{one}"), format!("{one}, {one}"));
    for bad in [
        "Releases",
        "*",
        "arn:aws:ssm:eu-central-1:111122223333:document/*",
        "arn:aws:ssm:*:111122223333:document/Releases",
        "arn:aws:ssm:eu-central-1:111122223333:parameter/Releases",
        "arn:aws:ssm:eu-central-1::document/Releases",
        &before,
        &after,
        &twice,
        &spaced,
    ] {
        assert!(!allows(bad), "{bad}");
    }
}

#[test]
fn a_role_is_passed_to_schedules_alone_and_used_by_the_own_group_alone() {
    let statements = granted("FunctionRole", HOME, &[]);
    let pass = &statements["GiveSchedulesTheirRole"];
    assert_eq!(pass["Resource"], "arn:aws:iam::111122223333:role/SchedulerRole");
    assert_eq!(
        pass["Condition"],
        json!({ "StringEquals": { "iam:PassedToService": "scheduler.amazonaws.com" } })
    );
    let all = resources(&translated(), HOME, &[]);
    let trust = &all["SchedulerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"], json!({ "Service": "scheduler.amazonaws.com" }));
    assert_eq!(
        trust["Condition"]["StringEquals"],
        json!({
            "aws:SourceAccount": "111122223333",
            "aws:SourceArn": "arn:aws:scheduler:eu-central-1:111122223333:schedule-group/ScheduleGroup",
        })
    );
    let of_scheduler = granted("SchedulerRole", HOME, &[]);
    assert_eq!(actions(&of_scheduler), BTreeSet::from(["sqs:SendMessage".to_owned()]));
}

#[test]
fn a_queue_takes_messages_of_the_own_rules_alone_and_none_in_the_clear() {
    for (interval, rules) in [("15", vec!["StageEvents", "SweepSchedule"]), ("0", vec!["StageEvents"])] {
        takes_messages_of(&rules, &resources(&translated(), HOME, &[("SweepInterval", interval)]));
    }
}

fn takes_messages_of(rules: &[&str], all: &BTreeMap<String, Value>) {
    let rules: Vec<String> =
        rules.iter().map(|rule| format!("arn:aws:events:eu-central-1:111122223333:rule/{rule}")).collect();
    for (policy, queue) in [("QueuePolicy", "Queue"), ("DeadLetterQueuePolicy", "DeadLetterQueue")] {
        let statements = statements(&all[policy]["Properties"]["PolicyDocument"]);
        let [allow, deny] = statements.as_slice() else { panic!("{policy}: {statements:?}") };
        let arn = format!("arn:aws:sqs:eu-central-1:111122223333:{queue}");
        assert_eq!((&allow["Resource"], &deny["Resource"]), (&json!(arn), &json!(arn)));
        assert_eq!(allow["Principal"], json!({ "Service": "events.amazonaws.com" }));
        let of_the_rules = json!({
            "ArnEquals": { "aws:SourceArn": rules },
            "StringEquals": { "aws:SourceAccount": "111122223333" },
        });
        assert_eq!(allow["Condition"], of_the_rules);
        assert_eq!(deny["Condition"], json!({ "Bool": { "aws:SecureTransport": "false" } }));
        assert_eq!(
            (&deny["Effect"], &deny["Principal"], &deny["Action"]),
            (&json!("Deny"), &json!("*"), &json!("sqs:*"))
        );
    }
}

#[test]
fn notices_and_alarms_come_from_this_account_alone() {
    let all = resources(&translated(), HOME, &[]);
    let of_this_account = json!({ "StringEquals": { "aws:SourceAccount": "111122223333" } });
    let topic = &all["NotificationTopicPolicy"]["Properties"]["PolicyDocument"];
    let mut senders = BTreeSet::new();
    for statement in statements(topic) {
        assert_eq!(statement["Action"], "sns:Publish");
        assert_eq!(statement["Resource"], "arn:aws:sns:eu-central-1:111122223333:NotificationTopic");
        if statement["Effect"] == "Deny" {
            assert_eq!(statement["Condition"], json!({ "Bool": { "aws:SecureTransport": "false" } }));
        } else {
            assert_eq!(statement["Condition"], of_this_account);
            senders.extend(texts(&statement["Principal"]["Service"]));
        }
    }
    // The function's own role says that it may send.
    let expected = ["cloudwatch.amazonaws.com", "events.amazonaws.com"];
    assert_eq!(senders, expected.map(str::to_owned).into());

    // The key is for whoever may send, and for nobody else.
    let statements = statements(&all["NotificationKey"]["Properties"]["KeyPolicy"]);
    let [account, of_services] = statements.as_slice() else { panic!("{statements:?}") };
    assert_eq!(account["Principal"], json!({ "AWS": "arn:aws:iam::111122223333:root" }));
    assert_eq!(texts(&of_services["Principal"]["Service"]), expected);
    assert_eq!(of_services["Condition"], of_this_account);
    assert_eq!(texts(&of_services["Action"]), ["kms:Decrypt", "kms:GenerateDataKey"]);
}

#[test]
fn an_address_is_subscribed_where_one_is_given() {
    let template = translated();
    assert!(!resources(&template, HOME, &[]).contains_key("NotificationSubscription"));
    let all = resources(&template, HOME, &[("NotificationEmail", "ops@example.com")]);
    let subscription = &all["NotificationSubscription"]["Properties"];
    assert_eq!(
        (&subscription["Protocol"], &subscription["Endpoint"]),
        (&json!("email"), &json!("ops@example.com"))
    );
    let parameter = &template["Parameters"]["NotificationEmail"];
    let schema = json!({ "type": "string", "pattern": parameter["AllowedPattern"] });
    for (text, is_allowed) in
        [("", true), ("a@b.example", true), ("a", false), ("a@b, c@d", false), ("@", false)]
    {
        assert_eq!(jsonschema::is_valid(&schema, &json!(text)), is_allowed, "`{text}`");
    }
}

#[test]
fn every_statement_has_a_row_in_the_document_and_every_row_a_statement() {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/permissions.md")).unwrap();
    let rows: BTreeSet<String> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(purpose, _)| purpose.to_owned())
        .filter(|purpose| purpose.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect();
    let mut all = resources(&translated(), HOME, &everything());
    for (name, resource) in
        resources(&translated_from(SPOKE), HOME, &[&OF_A_HUB[..], &[("AllowRollback", "true")]].concat())
    {
        all.insert(format!("Spoke/{name}"), resource);
    }
    let mut purposes = BTreeSet::from([all["SpokeBusPolicy"]["Properties"]["Statement"]["Sid"]
        .as_str()
        .unwrap()
        .to_owned()]);
    for (_, policy) in policies_of(&all) {
        purposes.extend(
            statements(&policy).iter().map(|statement| statement["Sid"].as_str().unwrap().to_owned()),
        );
    }
    for resource in all.values() {
        let properties = &resource["Properties"];
        for policy in
            ["AssumeRolePolicyDocument", "KeyPolicy"].into_iter().filter_map(|name| properties.get(name))
        {
            purposes.extend(
                statements(policy).iter().map(|statement| statement["Sid"].as_str().unwrap().to_owned()),
            );
        }
    }
    assert_eq!(rows, purposes);
}

#[test]
fn the_sweep_is_scheduled_as_the_function_reads_it() {
    let template = translated();
    for (minutes, expression) in
        [("1", "rate(1 minute)"), ("15", "rate(15 minutes)"), ("480", "rate(480 minutes)")]
    {
        let all = resources(&template, HOME, &[("SweepInterval", minutes)]);
        let schedule = &all["SweepSchedule"]["Properties"];
        assert_eq!(schedule["ScheduleExpression"], expression);
        let target = &schedule["Targets"][0];
        assert_eq!(target["Arn"], "arn:aws:sqs:eu-central-1:111122223333:Queue");
        let every = SignedDuration::from_mins(minutes.parse().unwrap());
        let tick = Invocation::Single(Message::Sweep(Tick::Scheduled { every }));
        assert_eq!(read(target["Input"].as_str().unwrap()), tick);
    }
    assert!(!resources(&template, HOME, &[("SweepInterval", "0")]).contains_key("SweepSchedule"));
}
