//! Many messages as one: how many of what, and the first of them by name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::{Message, mail, structured, subject};
use crate::domain::notice::{Notice, Occasion};

/// Stage runs that a digest names, as far as there is room for them.
const NAMED: usize = 20;

/// Messages that were gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Each with its id, the oldest first.
    pub notices: Vec<(String, Notice)>,
}

impl Digest {
    /// One message about all of them; none where there are none.
    pub fn message(&self, id: &str) -> Option<Message> {
        let fits = |message: &Message| message.size() <= Message::LARGEST;
        (0..=NAMED).rev().filter_map(|named| self.naming(named, id)).find(fits)
    }

    /// The same, which names so many of them.
    fn naming(&self, most: usize, id: &str) -> Option<Message> {
        let (_, first) = self.notices.first()?;
        let mut counts: BTreeMap<Occasion, usize> = BTreeMap::new();
        for (_, notice) in &self.notices {
            *counts.entry(notice.occasion).or_default() += 1;
        }
        let of_each: Vec<String> =
            counts.iter().map(|(occasion, count)| format!("{count} {}", mail::headline(*occasion))).collect();
        let summary = of_each.join(", ");
        let mut text = format!("{} stages of pipelines: {summary}.\n\n", self.notices.len());
        for (_, notice) in self.notices.iter().take(most) {
            let run = &notice.run;
            let ruling = notice.ruling.map(|ruling| format!(", {ruling}")).unwrap_or_default();
            let what = mail::headline(notice.occasion);
            let _ = writeln!(text, "{:.0}  {what}: {} / {}{ruling}", notice.at, run.pipeline.name, run.stage);
        }
        if let Some(more) = self.notices.len().checked_sub(most).filter(|more| *more > 0) {
            let _ = writeln!(text, "and {more} more");
        }
        let region = &first.run.pipeline.region;
        let _ = writeln!(text, "\nAll of it: retrier status --region {region}");
        let named: Vec<_> =
            self.notices.iter().take(most).map(|(id, notice)| structured::of(notice, id)).collect();
        let counted: BTreeMap<&str, usize> =
            counts.iter().map(|(occasion, count)| (occasion.as_str(), *count)).collect();
        let structured = json!({
            "schema": 1, "notice-id": id, "occasion": "digest", "counts": counted, "notices": named,
            "omitted": self.notices.len().saturating_sub(most),
        });
        let chat = json!({
            "version": "1.0",
            "source": "custom",
            "id": id,
            "content": {
                "textType": "client-markdown",
                "title": format!(":newspaper: {summary}"),
                "description": text,
            },
            "metadata": { "summary": summary, "eventType": "digest" },
        });
        Some(Message {
            subject: subject(&format!("[{} messages] {summary}", self.notices.len())),
            body: json!({ "default": structured.to_string(), "email": text, "https": chat.to_string() }),
            attributes: vec![("occasion", "digest".to_owned())],
        })
    }
}
