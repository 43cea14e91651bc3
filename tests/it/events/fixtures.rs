//! The files of `events/`, value by value, and their table in `events/README.md`.

use std::fs;

use codepipeline_retrier::domain::ids::{
    AccountId, ExecutionId, Partition, PipelineArn, PipelineName, Region, StageName, StageRunId,
};
use codepipeline_retrier::domain::sweep::Tick;
use codepipeline_retrier::domain::trigger::{EventKey, StageEvent, StageEventState, Trigger, WakeUp};
use codepipeline_retrier::event::{Invocation, Message, read, reminder_body, tick_body, wake_up_body};
use jiff::SignedDuration;

use super::expected::EXPECTED;
use super::{events, in_full, json_files, record_in_full, single};

fn fixture(name: &str) -> String {
    fs::read_to_string(events().join(name)).unwrap()
}

#[test]
fn every_fixture_comes_out_as_expected() {
    for (name, expected) in EXPECTED {
        let actual: Vec<String> = match read(&fixture(name)) {
            Invocation::Single(message) => vec![in_full(&message)],
            Invocation::Batch(records) => records.iter().map(record_in_full).collect(),
        };
        assert_eq!(&actual, expected, "{name}");
    }
}

#[test]
fn no_fixture_is_without_an_expectation() {
    let expected: Vec<&str> = EXPECTED.iter().map(|(name, _)| *name).collect();
    assert_eq!(json_files(&events()), expected);
}

/// What the readme says of a file: the outcome without its details.
fn in_short(message: &Message) -> String {
    match message {
        Message::Trigger(Trigger::StageEvent(event)) => {
            format!("stage event, {}", format!("{:?}", event.state).to_lowercase())
        }
        Message::Trigger(Trigger::WakeUp(_)) => "wake-up".to_owned(),
        Message::Trigger(Trigger::Sweep(finding)) => panic!("no message says this: {finding:?}"),
        Message::Sweep(_) => "tick of the sweep".to_owned(),
        Message::Outbox => "reminder of the outbox".to_owned(),
        Message::Ignored(ignored) => format!("ignored, {}", ignored.reason),
        Message::Malformed(_) => "malformed".to_owned(),
    }
}

#[test]
fn the_readme_tells_of_every_fixture_what_comes_out() {
    let readme = fixture("README.md");
    let told: Vec<(String, String)> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"))
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            assert_eq!(cells.len(), 3, "{line}");
            (cells[0].trim_end_matches('`').to_owned(), cells[2].to_owned())
        })
        .collect();
    let actual: Vec<(String, String)> = json_files(&events())
        .into_iter()
        .map(|name| {
            let outcome = match read(&fixture(&name)) {
                Invocation::Single(message) => in_short(&message),
                Invocation::Batch(records) => {
                    records.iter().map(|record| in_short(&record.message)).collect::<Vec<_>>().join("; ")
                }
            };
            (name, outcome)
        })
        .collect();
    assert_eq!(told, actual);
}

fn run() -> StageRunId {
    StageRunId {
        pipeline: PipelineArn {
            partition: Partition::parse("aws").unwrap(),
            region: Region::parse("eu-central-1").unwrap(),
            account: AccountId::parse("111122223333").unwrap(),
            name: PipelineName::parse("web-shop").unwrap(),
        },
        execution: ExecutionId::parse("3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41").unwrap(),
        stage: StageName::parse("Test").unwrap(),
    }
}

#[test]
fn a_failed_stage_is_a_trigger_with_these_parts() {
    assert_eq!(
        single(&fixture("stage-failed-after-retry.json")),
        Message::Trigger(Trigger::StageEvent(StageEvent {
            run: run(),
            state: StageEventState::Failed,
            time: "2026-11-22T10:31:55Z".parse().unwrap(),
            key: EventKey { attempt: "2".to_owned(), last_retry: "2026-11-22T10:15:00.305Z".to_owned() },
        }))
    );
}

#[test]
fn a_wake_up_is_written_as_it_is_read() {
    let due = "2026-11-22T10:31:02.5Z".parse().unwrap();
    for sequence in [0, 3, u64::MAX] {
        let wake_up = WakeUp { run: run(), sequence };
        assert_eq!(single(&wake_up_body(&wake_up, due)), Message::Trigger(Trigger::WakeUp(wake_up)));
    }
    let written: serde_json::Value =
        serde_json::from_str(&wake_up_body(&WakeUp { run: run(), sequence: 3 }, due)).unwrap();
    let fixture: serde_json::Value = serde_json::from_str(&fixture("retry-due.json")).unwrap();
    assert_eq!(written, fixture);
}

#[test]
fn a_later_release_may_add_to_a_wake_up() {
    let text = r#"{"retrier":1,"note":[1],"wake-up":{"kind":"wait","pipeline-arn":"arn:aws:codepipeline:eu-central-1:111122223333:web-shop","execution-id":"3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41","stage":"Test","sequence":3}}"#;
    assert_eq!(single(text), Message::Trigger(Trigger::WakeUp(WakeUp { run: run(), sequence: 3 })));
}

#[test]
fn a_malformed_message_is_described_by_its_digest() {
    let Message::Malformed(malformed) = single("abc") else {
        panic!("understood");
    };
    assert_eq!(malformed.length, 3);
    assert_eq!(malformed.fingerprint, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn what_an_ignored_event_says_is_repeated_harmlessly() {
    for (state, expected) in [
        ("SKIPPED".to_owned(), "a stage in state `SKIPPED`".to_owned()),
        (
            "FAILED` {\"level\":\n\"ERROR\"}\u{1b}[2J".to_owned(),
            "a stage in state `FAILED\\u{60} {\"level\":\\n\"ERROR\"}\\u{1b}[2J`".to_owned(),
        ),
        ("X".repeat(300_000), format!("a stage in state `{}…`", "X".repeat(99))),
    ] {
        let event = serde_json::json!({
            "detail-type": "CodePipeline Stage Execution State Change",
            "source": "aws.codepipeline",
            "detail": {"state": state},
        });
        let Message::Ignored(ignored) = single(&event.to_string()) else {
            panic!("not ignored");
        };
        assert_eq!(ignored.detail, expected);
    }
}

#[test]
fn a_member_that_comes_twice_counts_once() {
    let text = fixture("stage-failed.json")
        .replace("\"state\": \"FAILED\"", "\"state\": \"FAILED\", \"state\": \"STARTED\"");
    assert_eq!(in_full(&single(&text)), "ignored stage-state: a stage in state `STARTED`");
}

#[test]
fn deep_nesting_is_malformed_and_its_neighbour_is_not() {
    let deep = format!("{}{}", "{\"a\":".repeat(40_000), "}".repeat(40_000));
    assert!(matches!(single(&deep), Message::Malformed(_)));
    let batch = serde_json::json!({"Records": [
        {"messageId": "deep", "body": deep},
        {"messageId": "sound", "body": fixture("stage-failed.json")},
    ]});
    let Invocation::Batch(records) = read(&batch.to_string()) else {
        panic!("no batch");
    };
    assert!(matches!(records[0].message, Message::Malformed(_)));
    assert!(matches!(records[1].message, Message::Trigger(_)));
}

#[test]
fn a_reminder_is_read_as_it_is_written() {
    assert_eq!(single(&reminder_body()), Message::Outbox);
}

#[test]
fn a_tick_is_read_as_it_is_written() {
    for tick in [Tick::Scheduled { every: SignedDuration::from_mins(15) }, Tick::Continue { round: 7 }] {
        assert_eq!(single(&tick_body(tick)), Message::Sweep(tick));
    }
}

#[test]
fn a_tick_that_nobody_wrote_is_malformed() {
    for sweep in [
        "null",
        "{}",
        "true",
        r#"{"every-minutes":0}"#,
        r#"{"every-minutes":10081}"#,
        r#"{"every-minutes":1.5}"#,
        r#"{"every-minutes":"15"}"#,
        r#"{"round":-1}"#,
    ] {
        let text = format!(r#"{{"retrier":1,"sweep":{sweep}}}"#);
        assert!(matches!(single(&text), Message::Malformed(_)), "{text}");
    }
    assert!(matches!(single(r#"{"retrier":2,"sweep":{"round":1}}"#), Message::Malformed(_)));
}
