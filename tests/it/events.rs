//! What comes out of the events that AWS sends, of our own wake-ups, and of everything else.

mod envelope;
mod expected;
mod fixtures;
mod properties;
mod samples;

use std::fs;
use std::path::{Path, PathBuf};

use codepipeline_retrier::domain::trigger::Trigger;
use codepipeline_retrier::event::{Invocation, Message, Record, read};

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("events")
}

/// Names of the JSON files in the directory, sorted.
fn json_files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "json"))
        .collect();
    names.sort();
    names
}

fn single(text: &str) -> Message {
    match read(text) {
        Invocation::Single(message) => message,
        Invocation::Batch(records) => panic!("a batch: {records:?}"),
    }
}

/// Every value of a message, on one line.
fn in_full(message: &Message) -> String {
    match message {
        Message::Trigger(Trigger::StageEvent(event)) => {
            format!("{:?} {} at {} key {}", event.state, event.run, event.time, event.key)
        }
        Message::Trigger(Trigger::WakeUp(wake_up)) => {
            format!("wake-up {} sequence {}", wake_up.run, wake_up.sequence)
        }
        Message::Trigger(Trigger::Sweep(finding)) => panic!("no message says this: {finding:?}"),
        Message::Sweep(tick) => format!("{tick:?}"),
        Message::Outbox => "reminder".to_owned(),
        Message::Ignored(ignored) => format!("ignored {}: {}", ignored.reason, ignored.detail),
        Message::Malformed(malformed) => format!("malformed: {}", malformed.problem),
    }
}

/// Every value of a record, on one line.
fn record_in_full(record: &Record) -> String {
    format!("{} {:?} {}", record.message_id, record.delivery, in_full(&record.message))
}
