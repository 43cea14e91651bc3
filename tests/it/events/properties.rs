//! Whatever the text is, something sound comes out.

use std::fs;
use std::sync::LazyLock;

use codepipeline_retrier::domain::sweep::Tick;
use codepipeline_retrier::domain::trigger::Trigger;
use codepipeline_retrier::event::{Invocation, Message, read};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::{events, json_files, single};

static FIXTURES: LazyLock<Vec<String>> = LazyLock::new(|| {
    json_files(&events()).iter().map(|name| fs::read_to_string(events().join(name)).unwrap()).collect()
});

fn messages(text: &str) -> Vec<Message> {
    match read(text) {
        Invocation::Single(message) => vec![message],
        Invocation::Batch(records) => records.into_iter().map(|record| record.message).collect(),
    }
}

/// What holds for every message, however it came about.
fn is_sound(message: &Message) {
    match message {
        Message::Trigger(trigger) => {
            let arn = trigger.run().pipeline.to_string();
            assert!(arn.starts_with("arn:aws"), "{arn}");
            if let Trigger::StageEvent(event) = trigger {
                assert!(event.key.attempt.chars().count() <= 32);
                assert!(!event.key.to_string().contains(char::is_control));
            }
        }
        Message::Sweep(Tick::Scheduled { every }) => assert!((1..=10_080).contains(&every.as_mins())),
        Message::Sweep(Tick::Continue { .. }) | Message::Outbox => {}
        Message::Ignored(ignored) => {
            assert!(ignored.detail.chars().count() <= 150, "{}", ignored.detail);
            assert!(!ignored.detail.contains(char::is_control));
        }
        Message::Malformed(malformed) => {
            assert_eq!(malformed.fingerprint.len(), 64);
            assert!(malformed.problem.len() <= 150, "{}", malformed.problem);
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop_oneof![
            Just("444455556666"),
            Just("cn-north-1"),
            Just("arn:aws:codepipeline:eu-central-1:444455556666:web-shop"),
            Just("arn:aws:codepipeline:eu-central-1:444455556666:pipeline:web-shop"),
            Just("FAILED"),
            Just("aws.codepipeline"),
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// JSON pointers to every value inside.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        places(child, &place, found);
        found.push(place);
    }
}

fn with_replacements(text: &str, replacements: &[(Index, Value)]) -> Option<Value> {
    let mut document: Value = serde_json::from_str(text).ok()?;
    for (index, replacement) in replacements {
        let mut found = Vec::new();
        places(&document, "", &mut found);
        if !found.is_empty() {
            *document.pointer_mut(&found[index.index(found.len())]).unwrap() = replacement.clone();
        }
    }
    Some(document)
}

proptest! {
    #[test]
    fn any_text_gives_a_message(text in any::<String>()) {
        is_sound(&single(&text));
    }

    #[test]
    fn any_json_gives_a_message(document in any_json()) {
        for message in messages(&document.to_string()) {
            is_sound(&message);
        }
        let batch = json!({"Records": [document, {"messageId": "m", "body": document.to_string()}]});
        let found = messages(&batch.to_string());
        prop_assert_eq!(found.len(), 2);
        found.iter().for_each(is_sound);
    }

    #[test]
    fn a_damaged_text_gives_a_message(
        file in any::<Index>(),
        flips in prop::collection::vec((any::<Index>(), 0_u8..8), 0..6),
        keep in any::<Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = FIXTURES[file.index(FIXTURES.len())].clone().into_bytes();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        for message in messages(&String::from_utf8_lossy(&bytes)) {
            is_sound(&message);
        }
    }

    #[test]
    fn a_damaged_event_never_speaks_for_another_account(
        file in any::<Index>(),
        replacements in prop::collection::vec((any::<Index>(), any_json()), 1..4),
    ) {
        let Some(document) = with_replacements(&FIXTURES[file.index(FIXTURES.len())], &replacements) else {
            return Ok(());
        };
        for message in messages(&document.to_string()) {
            is_sound(&message);
            // Bodies of a batch are text, and are not looked into here.
            if let Message::Trigger(Trigger::StageEvent(event)) = message
                && document.get("Records").is_none()
            {
                let arn = event.run.pipeline;
                let told = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
                prop_assert_eq!(told("/account"), Some(arn.account.as_str()));
                prop_assert_eq!(told("/region"), Some(arn.region.as_str()));
                prop_assert_eq!(told("/detail/pipeline"), Some(arn.name.as_str()));
                prop_assert_eq!(told("/detail/stage"), Some(event.run.stage.as_str()));
                prop_assert_eq!(told("/detail/execution-id"), Some(event.run.execution.as_str()));
                prop_assert_eq!(told("/source"), Some("aws.codepipeline"));
            }
        }
    }
}
