//! Our own messages: wake-ups that were armed for a stage run and have come due, ticks of the sweep, and reminders of what
//! is to be told. Only what we
//! write ourselves is accepted; members that a later release may add are passed over.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Message;
use crate::domain::ids::{ExecutionId, PipelineArn, StageName, StageRunId};
use crate::domain::sweep::Tick;
use crate::domain::trigger::{Trigger, WakeUp};
use crate::json::{Fault, Node, Object};

/// Version of the format, under the key that marks a message as ours.
const VERSION: u64 = 1;

/// The message that a wake-up travels as, on the queue and through a schedule. `due` is when it is to be delivered: by
/// that a copy is known which was set aside, and comes much later.
pub fn wake_up_body(wake_up: &WakeUp, due: Timestamp) -> String {
    let WakeUp { run, sequence } = wake_up;
    json!({
        "retrier": VERSION,
        "wake-up": {
            "pipeline-arn": run.pipeline.to_string(),
            "execution-id": run.execution.as_str(),
            "stage": run.stage.as_str(),
            "sequence": sequence,
            "due": due.to_string(),
        },
    })
    .to_string()
}

/// The message that a tick travels as. The schedule's own is in the template.
pub fn tick_body(tick: Tick) -> String {
    let sweep = match tick {
        Tick::Scheduled { every } => json!({ "every-minutes": every.as_mins() }),
        Tick::Continue { round } => json!({ "round": round }),
    };
    json!({ "retrier": VERSION, "sweep": sweep }).to_string()
}

/// The message that a reminder of the outbox travels as.
pub fn reminder_body() -> String {
    json!({ "retrier": VERSION, "outbox": {} }).to_string()
}

pub(super) fn read(message: &Object<'_>) -> Result<Message, Fault> {
    let version = message.member("retrier");
    if version.whole()? != VERSION {
        return Err(version.fault("is a version of the format that is not known"));
    }
    if let Some(outbox) = message.member("outbox").optional() {
        return outbox.object().map(|_| Message::Outbox);
    }
    match message.member("sweep").optional() {
        Some(sweep) => tick(&sweep).map(Message::Sweep),
        None => wake_up(&message.member("wake-up").object()?).map(Trigger::WakeUp).map(Message::Trigger),
    }
}

/// Longest time between two rounds that is believed, in minutes: a week.
const LONGEST_EVERY: u32 = 7 * 24 * 60;

fn tick(sweep: &Node<'_>) -> Result<Tick, Fault> {
    let sweep = sweep.object()?;
    if let Some(round) = sweep.member("round").optional() {
        return Ok(Tick::Continue { round: round.whole()? });
    }
    let every = sweep.member("every-minutes");
    match every.count()? {
        minutes @ 1..=LONGEST_EVERY => {
            Ok(Tick::Scheduled { every: SignedDuration::from_mins(i64::from(minutes)) })
        }
        _ => Err(every.fault("is not between 1 and 10080")),
    }
}

fn wake_up(wake_up: &Object<'_>) -> Result<WakeUp, Fault> {
    Ok(WakeUp {
        run: StageRunId {
            pipeline: wake_up.member("pipeline-arn").id(PipelineArn::parse)?,
            execution: wake_up.member("execution-id").id(ExecutionId::parse)?,
            stage: wake_up.member("stage").id(StageName::parse)?,
        },
        sequence: wake_up.member("sequence").whole()?,
    })
}

/// When a wake-up was to be delivered, if it says so.
pub(super) fn due(text: &str) -> Option<Timestamp> {
    let document = super::parse(text).ok()?;
    let message = Node::root(&document).object().ok()?;
    message.member("wake-up").object().ok()?.member("due").instant().ok()
}
