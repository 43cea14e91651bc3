//! What is stored is encrypted, with a key of the user's own where they name one, and whoever needs that key may use it.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::{Value, json};

use super::template::{HOME, policies_of, resources, translated};

/// A key of the user's own.
pub const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// By type of resource, the property that names its key.
const STORES: [(&str, &str); 5] = [
    ("AWS::DynamoDB::Table", "/SSESpecification/KMSMasterKeyId"),
    ("AWS::Lambda::Function", "/KmsKeyArn"),
    ("AWS::Logs::LogGroup", "/KmsKeyId"),
    ("AWS::SNS::Topic", "/KmsMasterKeyId"),
    ("AWS::SQS::Queue", "/KmsMasterKeyId"),
];

/// The types whose resources keep nothing of a pipeline's.
const NO_STORES: [&str; 13] = [
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::EventBus",
    "AWS::Events::EventBusPolicy",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    // A schedule holds a stage run's name until it is due, under a key of EventBridge's own.
    "AWS::Scheduler::ScheduleGroup",
    "AWS::CloudFormation::WaitConditionHandle",
];

fn with_key() -> BTreeMap<String, Value> {
    resources(&translated(), HOME, &[("EncryptionKeyArn", KEY), ("SpokeAccounts", "444455556666")])
}

/// The key of each resource that stores something.
fn keys(all: &BTreeMap<String, Value>) -> BTreeMap<String, Option<String>> {
    let mut keys = BTreeMap::new();
    for (name, resource) in all {
        let kind = resource["Type"].as_str().unwrap();
        if let Some((_, property)) = STORES.iter().find(|(store, _)| *store == kind) {
            let key = resource["Properties"].pointer(property).and_then(Value::as_str).map(str::to_owned);
            keys.insert(name.clone(), key);
        } else {
            assert!(NO_STORES.contains(&kind), "does a `{kind}` store anything?");
        }
    }
    keys
}

#[test]
fn whatever_stores_something_takes_the_key_that_is_named() {
    let mut keys = keys(&with_key());
    // Alarms can only be sent to a topic whose key lets CloudWatch in, so it has one of its own, with or without.
    let topic = keys.remove("NotificationTopic").flatten().unwrap();
    assert!(topic.contains("NotificationKey"), "{topic}");
    assert_eq!(keys.len(), 5, "{keys:?}");
    for (name, key) in keys {
        assert_eq!(key.as_deref(), Some(KEY), "{name}");
    }
}

#[test]
fn without_a_key_of_ones_own_all_is_encrypted_with_those_of_aws() {
    let all = resources(&translated(), HOME, &[]);
    let own: Vec<String> = keys(&all).into_iter().filter_map(|(name, key)| key.map(|_| name)).collect();
    assert_eq!(own, ["NotificationTopic"]);
    for queue in ["Queue", "DeadLetterQueue"] {
        assert_eq!(all[queue]["Properties"]["SqsManagedSseEnabled"], true, "{queue}");
    }
    for queue in ["Queue", "DeadLetterQueue"] {
        // CloudFormation refuses a queue that has both.
        assert_eq!(with_key()[queue]["Properties"].get("SqsManagedSseEnabled"), None, "{queue}");
    }
}

/// Who may use the key, by which services, and for what.
fn users(all: &BTreeMap<String, Value>) -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let texts = |value: &Value| -> BTreeSet<String> {
        match value {
            Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
            one => [one.as_str().unwrap().to_owned()].into(),
        }
    };
    let mut users = BTreeMap::new();
    for (name, policy) in policies_of(all) {
        for statement in policy["Statement"].as_array().unwrap() {
            if statement["Resource"] == json!(KEY) {
                let by = texts(&statement["Condition"]["StringEquals"]["kms:ViaService"]);
                let sid = statement["Sid"].as_str().unwrap();
                users.insert(format!("{name}/{sid}"), (by, texts(&statement["Action"])));
            }
        }
    }
    users
}

#[test]
fn the_key_is_used_by_whoever_reads_and_writes_and_by_way_of_the_services_alone() {
    let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
    let (table, queue) = ("dynamodb.eu-central-1.amazonaws.com", "sqs.eu-central-1.amazonaws.com");
    let actions = set(&["kms:Decrypt", "kms:GenerateDataKey"]);
    let users = users(&with_key());
    let [(function, of_function), (schedules, of_schedules)] = &users.iter().collect::<Vec<_>>()[..] else {
        panic!("{users:?}")
    };
    assert_eq!(*function, "FunctionRole/encryption/UseTheKeyOfLedgerAndQueues");
    assert_eq!(**of_function, (set(&[table, queue]), actions.clone()));
    assert!(schedules.starts_with("SchedulerRole/") && schedules.ends_with("/EncryptWakeUps"), "{schedules}");
    assert_eq!(**of_schedules, (set(&[queue]), actions));
}

#[test]
fn the_parameter_takes_the_arn_of_a_key_or_nothing() {
    let template = translated();
    let allowed = template["Parameters"]["EncryptionKeyArn"]["AllowedPattern"].as_str().unwrap();
    let allowed = Regex::new(allowed).unwrap();
    for arn in
        ["", KEY, "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"]
    {
        assert!(allowed.is_match(arn), "{arn}");
    }
    for wrong in [
        "alias/aws/sqs",
        "arn:aws:kms:eu-central-1:111122223333:alias/mine",
        "1234abcd",
        "*",
        "arn:aws:kms:*:*:key/*",
    ] {
        assert!(!allowed.is_match(wrong), "{wrong}");
    }
}
