//! Whatever is asked, there is an answer, and it is one that clients know.

use proptest::prelude::*;
use serde_json::{Value, json};

use codepipeline_retrier::emulator::http::{Reply, operation_names, provider_targets};

use super::bench::{Bench, FAILS_ONCE, STARTS, shop};
use super::model::{exceptions, operation};

/// Anything that JSON can say, with the names that inputs use.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("shop")),
        Just(json!("Test")),
    ];
    let names = prop::sample::select(vec![
        "name",
        "pipelineName",
        "stageName",
        "actionName",
        "pipeline",
        "stages",
        "actions",
        "filter",
        "version",
        "result",
        "tags",
        "maxResults",
        "nextToken",
        "pipelineExecutionId",
        "latestInPipelineExecution",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..5).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

/// A good input with one member of it replaced, or one that is anything.
fn inputs() -> impl Strategy<Value = (&'static str, Value)> {
    let operations: Vec<&str> = operation_names().chain(provider_targets()).collect();
    (prop::sample::select(operations), anything(), any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(name, value, index, is_nearly_good)| {
            let mut sample = operation(name).0.sample();
            match sample.as_object_mut() {
                Some(members) if is_nearly_good && !members.is_empty() => {
                    let member = index.get(&members.keys().cloned().collect::<Vec<_>>()).clone();
                    members.insert(member, value);
                    (name, sample)
                }
                _ => (name, value),
            }
        },
    )
}

/// Whether an error is the operation's, or one that every operation of its service has without saying so.
fn may_answer(operation: &str, error: &str) -> bool {
    let own = exceptions(operation);
    own.contains(&error)
        || match operation.split_once('.') {
            None => false,
            Some(("CloudFormation_20100515", _)) => {
                ["ValidationException", "InvalidNextTokenException", "ChangeSetNotFound"].contains(&error)
            }
            Some(_) => error == "ValidationException",
        }
}

proptest! {
    #[test]
    fn every_request_is_answered_with_what_its_operation_may_answer(requests in prop::collection::vec(inputs(), 1..8)) {
        let mut bench = Bench::new(&shop(FAILS_ONCE), STARTS);
        for (name, input) in requests {
            if let Reply::Refused(error) = bench.reply(name, input.to_string().as_bytes()) {
                let is_known = error.name == "SerializationException" || may_answer(name, error.name);
                prop_assert!(is_known, "{name} {input}: {error:?}");
                prop_assert_eq!(error.status, if error.name == "ChangeSetNotFound" { 404 } else { 400 });
            }
            bench.pass(7);
        }
    }

    #[test]
    fn any_body_is_answered(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let bench = Bench::new(&shop(FAILS_ONCE), STARTS);
        for name in operation_names().chain(provider_targets()) {
            let reply = bench.reply(name, &body);
            prop_assert!(!matches!(reply, Reply::Lost), "{name}");
        }
    }
}
