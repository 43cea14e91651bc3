//! Which events the rule lets through, as an EventBridge pattern engine judges it: failed stages, and the ends of retried
//! ones, of its own account and Region, and nothing else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use serde_json::{Value, json};

use super::template::{HOME, Place, resources, translated};
use crate::ministack::MiniStack;

/// The pattern of a stack, and what judges it.
struct Pattern {
    pattern: Value,
    server: Arc<MiniStack>,
}

impl Pattern {
    fn deployed_to(template: &Value, place: Place<'_>) -> Self {
        let rule = resources(template, place, &[]).remove("StageEvents").unwrap();
        let pattern = rule["Properties"]["EventPattern"].clone();
        Self { pattern, server: MiniStack::shared() }
    }

    /// Whether EventBridge would send the event to the queue: `TestEventPattern`.
    fn admits(&self, event: &Value) -> bool {
        let body =
            json!({ "EventPattern": self.pattern.to_string(), "Event": event.to_string() }).to_string();
        let address = self.server.url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AWSEvents.TestEventPattern\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        match answer.rsplit_once("\r\n\r\n").map(|(_, body)| serde_json::from_str::<Value>(body)) {
            Some(Ok(Value::Object(result))) if result.contains_key("Result") => {
                result["Result"].as_bool().unwrap()
            }
            _ => panic!("{event}: {answer}"),
        }
    }
}

fn event_file(name: &str) -> Value {
    let path = format!("{}/events/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The files of `events/` that EventBridge would send, each with what the function makes of it.
fn events_of_eventbridge() -> Vec<(String, Value, String)> {
    let readme = include_str!("../../../events/README.md");
    let rows = readme.lines().filter_map(|line| {
        let [_, file, _, outcome, _] = *line.split('|').collect::<Vec<_>>().as_slice() else { return None };
        Some((file.trim().strip_prefix('`')?.strip_suffix('`')?, outcome.trim()))
    });
    // What is malformed never left EventBridge, a batch is the queue's, and wake-ups and ticks are our own.
    rows.filter(|(file, outcome)| !outcome.starts_with("malformed") && !file.starts_with("sqs-batch"))
        .filter(|(file, _)| !["retry-due.json", "sweep.json"].contains(file))
        .map(|(file, outcome)| (file.to_owned(), event_file(file), outcome.to_owned()))
        .collect()
}

#[test]
fn it_admits_the_stage_events_that_the_function_works_on_and_no_other() {
    let template = translated();
    let _for_all = MiniStack::shared();
    let events = events_of_eventbridge();
    assert!(events.len() > 15, "the table of events/README.md was not read");
    for (file, event, outcome) in events {
        let place = Place {
            account: event["account"].as_str().unwrap(),
            region: event["region"].as_str().unwrap(),
            ..HOME
        };
        let admitted = Pattern::deployed_to(&template, place).admits(&event);
        assert_eq!(admitted, outcome.starts_with("stage event, "), "{file}: {outcome}");
        let elsewhere = Place { account: "999988887777", ..place };
        assert!(!Pattern::deployed_to(&template, elsewhere).admits(&event), "{file} of another account");
    }
}

#[test]
fn a_state_is_admitted_when_it_can_matter() {
    let pattern = Pattern::deployed_to(&translated(), HOME);
    // state, whether it is admitted on a first run, and after a retry
    let table = [
        ("FAILED", true, true),
        ("SUCCEEDED", false, true),
        ("RESUMED", false, true),
        ("STOPPED", false, true),
        ("CANCELED", false, true),
        ("STARTED", false, false),
        ("STOPPING", false, false),
        ("failed", false, false),
        ("FAILED_ACTIONS", false, false),
    ];
    for (state, first, retried) in table {
        let mut event = event_file("stage-failed.json");
        event["detail"]["state"] = json!(state);
        assert_eq!(pattern.admits(&event), first, "{state} on a first run");
        event["detail"]["stage-last-retry-attempt-time"] = json!("2026-11-22T10:15:00.305Z");
        assert_eq!(pattern.admits(&event), retried, "{state} after a retry");
    }
}

#[test]
fn near_misses_are_left_out() {
    let pattern = Pattern::deployed_to(&translated(), HOME);
    let genuine = event_file("stage-failed-after-retry.json");
    assert!(pattern.admits(&genuine));
    let misses = [
        ("account", json!("111122223334")),
        ("region", json!("us-east-1")),
        ("source", json!("custom.codepipeline")),
        ("source", json!("aws.codepipeline.x")),
        ("detail-type", json!("CodePipeline Action Execution State Change")),
        ("detail-type", json!("CodePipeline Pipeline Execution State Change")),
        ("detail-type", json!("codepipeline stage execution state change")),
        ("detail", json!({})),
        ("detail", json!({ "state": ["STARTED", "SUPERSEDED"] })),
    ];
    for (member, value) in misses {
        let mut event = genuine.clone();
        event[member] = value;
        assert!(!pattern.admits(&event), "{member}: {}", event[member]);
    }
}
