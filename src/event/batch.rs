//! Records of a batch as Lambda hands them over from SQS. A record that is broken is broken alone.

use serde_json::Value;

use super::{Malformed, Message, Record, read_message};
use crate::domain::trigger::Delivery;
use crate::json::{Fault, Node, Object};

pub(super) fn record(value: &Value) -> Record {
    let node = Node::root(value);
    let members = node.object();
    Record {
        message_id: members
            .as_ref()
            .ok()
            .and_then(|members| members.member("messageId").text().ok())
            .unwrap_or_default()
            .to_owned(),
        delivery: members.as_ref().map_or(Delivery::Again, delivery),
        message: members
            .as_ref()
            .map_err(Clone::clone)
            .and_then(body)
            .map_or_else(|fault| malformed(&fault, value), read_message),
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

fn delivery(members: &Object<'_>) -> Delivery {
    let received = members
        .member("attributes")
        .object()
        .and_then(|attributes| attributes.member("ApproximateReceiveCount").text());
    match received {
        Ok("1") => Delivery::First,
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
