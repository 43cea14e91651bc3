//! Messages to a team: what a [`Notice`] says as a mail, as JSON for programs, and as a notification for a chat.
//!
//! One message to an SNS topic carries all three, each for its kind of subscription: `email` the mail, `https` the chat
//! (Amazon Q Developer in chat applications subscribes so), every other the JSON. Attributes beside it are for filter policies.

mod chat;
mod digest;
mod links;
mod mail;
mod structured;

use serde_json::{Value, json};

use crate::domain::notice::Notice;

pub use digest::Digest;

/// The type of all attributes, which SNS counts with them.
pub const ATTRIBUTE_TYPE: &str = "String";

/// Characters of a decision's words in a message. A stage with many failed actions may have more to say; all of it is on
/// record.
const LONGEST_DETAIL: usize = 1_500;

/// A message as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Subject of the mail, at most [`Message::LONGEST_SUBJECT`] characters of ASCII (SNS API reference, `Publish`).
    pub subject: String,
    /// The renderings, by kind of subscription.
    pub body: Value,
    /// Attributes for filter policies.
    pub attributes: Vec<(&'static str, String)>,
}

impl Message {
    /// The same, marked as one that may have been sent before.
    #[must_use]
    pub fn repeated(mut self) -> Self {
        self.attributes.push(("repeated", "true".to_owned()));
        self
    }

    /// SNS refuses a longer subject.
    pub const LONGEST_SUBJECT: usize = 99;

    /// SNS refuses what is larger, all renderings and attributes together (developer guide, message size: 256 KiB).
    pub const LARGEST: usize = 256 * 1_024;

    /// What SNS counts: bytes of the renderings as they are sent, and of the attributes.
    pub fn size(&self) -> usize {
        let attribute = |(name, value): &(&str, String)| name.len() + ATTRIBUTE_TYPE.len() + value.len();
        self.body.to_string().len() + self.attributes.iter().map(attribute).sum::<usize>()
    }

    /// The message about one stage run.
    pub fn of(notice: &Notice, id: &str) -> Self {
        let run = &notice.run;
        let subject = mail::subject(notice);
        let chat = chat::of(notice, id);
        let body = json!({
            "default": structured::of(notice, id).to_string(),
            "email": mail::body(notice, id),
            "https": chat.to_string(),
        });
        let mut attributes = vec![
            ("occasion", notice.occasion.as_str().to_owned()),
            ("account", run.pipeline.account.to_string()),
            ("region", run.pipeline.region.to_string()),
            ("pipeline", run.pipeline.name.to_string()),
            ("stage", run.stage.to_string()),
        ];
        attributes.extend(notice.rule.as_ref().map(|rule| ("rule", rule.to_string())));
        attributes.extend(notice.ruling.map(|ruling| ("reason", ruling.reason().to_owned())));
        Self { subject, body, attributes }
    }
}

/// Why something was decided, in so many words as a message has room for.
fn shortened(detail: &str) -> String {
    match detail.char_indices().nth(LONGEST_DETAIL) {
        Some((end, _)) => format!("{}\u{2026}", detail.get(..end).unwrap_or_default()),
        None => detail.to_owned(),
    }
}

/// Cuts a subject to what SNS takes: printable ASCII, and not too long.
fn subject(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' });
    plain.take(Message::LONGEST_SUBJECT).collect()
}
