//! What the function is invoked with: JSON text to triggers. Total: whatever the text is, some [`Message`] comes out.
//!
//! An event is a hint. Nothing but the stage run, its state, its time and two fields to recognise it by is taken from
//! it, and nothing here decides whether the trigger is ours to act on.

mod batch;
mod event_bridge;
mod event_key;
mod own;

pub use own::{reminder_body, tick_body, wake_up_body};

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::sweep::Tick;
use crate::domain::trigger::{Delivery, Trigger};
use crate::json::{self, Fault, Node};

/// One invocation of the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// A batch from the queue; its records succeed and fail one by one.
    Batch(Vec<Record>),
    /// One message, handed over directly. Whether it came before is for the caller to say.
    Single(Message),
}

/// One record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The queue's name for it, to report its failure by; empty when the record has none.
    pub message_id: String,
    /// Whether the queue handed it out before.
    pub delivery: Delivery,
    /// What it says.
    pub message: Message,
}

/// What one message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Something to look at.
    Trigger(Trigger),
    /// Time to sweep.
    Sweep(Tick),
    /// Time to look whether there is something to tell.
    Outbox,
    /// Understood, and no concern of the product.
    Ignored(Ignored),
    /// Not understood.
    Malformed(Malformed),
}

/// A message that is no concern of the product. The decision about it is `ignore/not-a-failure`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// What it was.
    pub reason: IgnoreReason,
    /// In words. What it repeats of the message is escaped, and cut to 100 characters.
    pub detail: String,
}

/// What an ignored message was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IgnoreReason {
    /// A pipeline execution state change; the stage's own event says the same.
    PipelineEvent,
    /// An action execution state change; the stage's own event follows where it matters.
    ActionEvent,
    /// A stage that goes on (`STARTED`, `STOPPING`), or is in a state that AWS has not documented yet.
    StageState,
    /// A stage that ended without ever having been retried.
    NeverRetried,
    /// An event in the form that notification rules give it; EventBridge sends the original.
    NotificationRule,
    /// A scheduled event that carries nothing of ours.
    Scheduled,
    /// An event of something other than CodePipeline.
    OtherSource,
    /// An event of CodePipeline of a kind not known here.
    OtherDetailType,
}

impl IgnoreReason {
    /// Stable name in kebab-case, finer than the decision's reason `not-a-failure`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PipelineEvent => "pipeline-event",
            Self::ActionEvent => "action-event",
            Self::StageState => "stage-state",
            Self::NeverRetried => "never-retried",
            Self::NotificationRule => "notification-rule",
            Self::Scheduled => "scheduled",
            Self::OtherSource => "other-source",
            Self::OtherDetailType => "other-detail-type",
        }
    }
}

impl fmt::Display for IgnoreReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A message that was not understood, described without repeating any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong, naming the field.
    pub problem: String,
    /// SHA-256 of the message's text, as 64 lower-case hexadecimal digits, to find it again by.
    pub fingerprint: String,
    /// Length of the message's text in bytes.
    pub length: usize,
}

impl Malformed {
    fn new(fault: &Fault, text: &str) -> Self {
        let fingerprint = Sha256::digest(text.as_bytes())
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0xf])
            .filter_map(|digit| char::from_digit(u32::from(digit), 16))
            .collect();
        Self { problem: fault.to_string(), fingerprint, length: text.len() }
    }
}

/// Most values in one text that is read as JSON. An event has some thirty; a batch as large as Lambda takes one has texts in
/// it, of which each is read by itself. What has more would take memory many times its length.
const MOST_VALUES: usize = 100_000;
/// Most records of a batch: SQS hands no more to one invocation (Lambda Developer Guide, batch size).
const MOST_RECORDS: usize = 10_000;

/// Reads what the function was invoked with: a batch of the queue, an EventBridge event, a due wake-up, or a tick of
/// the sweep.
pub fn read(text: &str) -> Invocation {
    match parse(text) {
        Ok(document) => match document.get("Records") {
            Some(Value::Array(records)) if records.len() <= MOST_RECORDS => {
                Invocation::Batch(records.iter().map(batch::record).collect())
            }
            Some(Value::Array(_)) => {
                let problem = format!("has more than {MOST_RECORDS} records");
                Invocation::Single(message(Err(Fault { path: "Records".to_owned(), problem }), text))
            }
            _ => Invocation::Single(message(understood(&document), text)),
        },
        Err(fault) => Invocation::Single(message(Err(fault), text)),
    }
}

/// Reads one message, which is anything but a batch.
fn read_message(text: &str) -> Message {
    message(parse(text).and_then(|document| understood(&document)), text)
}

fn parse(text: &str) -> Result<Value, Fault> {
    if json::values(text) > MOST_VALUES {
        let problem = format!("has more than {MOST_VALUES} values");
        return Err(Fault { path: String::new(), problem });
    }
    json::parse(text)
}

fn understood(document: &Value) -> Result<Message, Fault> {
    let members = Node::root(document).object()?;
    if members.member("retrier").value().is_some() {
        own::read(&members)
    } else {
        event_bridge::read(&members)
    }
}

fn message(outcome: Result<Message, Fault>, text: &str) -> Message {
    outcome.unwrap_or_else(|fault| Message::Malformed(Malformed::new(&fault, text)))
}
