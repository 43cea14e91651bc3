//! Records of a batch as Lambda hands them over from SQS. A record that is broken is broken alone.

use jiff::Timestamp;
use serde_json::Value;

use super::own::due;
use super::{Malformed, Message, Record, read_message};
use crate::domain::trigger::{Delivery, Trigger};
use crate::json::{Fault, Node, Object};

pub(super) fn record(value: &Value) -> Record {
    let node = Node::root(value);
    let members = node.object();
    let message = members
        .as_ref()
        .map_err(Clone::clone)
        .and_then(body)
        .map_or_else(|fault| malformed(&fault, value), read_message);
    Record {
        message_id: members
            .as_ref()
            .ok()
            .and_then(|members| members.member("messageId").text().ok())
            .unwrap_or_default()
            .to_owned(),
        delivery: members.as_ref().map_or(Delivery::Again, |members| delivery(members, &message)),
        message,
    }
}

fn body<'a>(members: &Object<'a>) -> Result<&'a str, Fault> {
    // Without its id, the failure of a record cannot be reported to the queue.
    let id = members.member("messageId");
    if id.text()?.is_empty() {
        return Err(id.fault("is empty"));
    }
    if let Some(source) = members.member("eventSource").optional()
        && source.text()? != "aws:sqs"
    {
        return Err(source.fault("is not `aws:sqs`"));
    }
    members.member("body").text()
}

/// A message that was moved back from the dead letters counts its receives anew (SQS Developer Guide, dead-letter queue
/// redrive), so an event that was sent long after it happened is not believed to be here for the first time, nor a
/// wake-up that was sent long after it was due. Before a message is set aside it is received for longer than this.
const SENT_SOON_MS: i64 = 15 * 60_000;

fn delivery(members: &Object<'_>, message: &Message) -> Delivery {
    let attribute = |name| {
        let attributes = members.member("attributes").object();
        attributes.and_then(|attributes| attributes.member(name).text().map(str::to_owned))
    };
    let sent_ms = attribute("SentTimestamp").ok().and_then(|text| text.parse::<i64>().ok());
    let is_late = |expected: Timestamp| {
        sent_ms.is_some_and(|sent_ms| sent_ms.saturating_sub(expected.as_millisecond()) > SENT_SOON_MS)
    };
    let was_sent_late = match message {
        Message::Trigger(Trigger::StageEvent(event)) => is_late(event.time),
        // One that does not say when it was due may be as late as any.
        Message::Trigger(Trigger::WakeUp(_)) => body(members).ok().and_then(due).is_none_or(is_late),
        Message::Trigger(Trigger::Sweep(_))
        | Message::Sweep(_)
        | Message::Outbox
        | Message::Ignored(_)
        | Message::Malformed(_) => false,
    };
    match attribute("ApproximateReceiveCount").as_deref() {
        Ok("1") if !was_sent_late => Delivery::First,
        _ => Delivery::Again,
    }
}

/// A record has no text of its own; its JSON, written compactly, stands in for it.
fn malformed(fault: &Fault, record: &Value) -> Message {
    let fault = match fault.path.as_str() {
        "" => Fault { path: "record".to_owned(), problem: fault.problem.clone() },
        _ => fault.clone(),
    };
    Message::Malformed(Malformed::new(&fault, &record.to_string()))
}
