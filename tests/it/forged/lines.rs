//! What a log may hold, whatever the messages were.

use std::collections::BTreeSet;

use codepipeline_retrier::domain::ids::{ExecutionId, PipelineName};
use codepipeline_retrier::domain::text::is_steering;
use serde_json::Value;

use super::forger::MARK;

/// Longest line, in bytes. A line of CloudWatch Logs may have 256 KiB everywhere.
pub const LONGEST: usize = 8 * 1_024;

/// Where the log has names that are foreign, checked to be names.
const NAMES: &[&str] = &[
    "decision.pipeline",
    "decision.stage",
    "decision.execution-id",
    "pipeline",
    "stage",
    "execution-id",
    "executionId",
];
/// Where it has words that may repeat a little of a message.
const WORDS: &[&str] = &["detail", "problem", "decision.explanation.detail", "explanation.detail"];

/// Every line's fields, by the line's message.
fn fields(message: &str) -> Option<&'static [&'static str]> {
    Some(match message {
        "decision" => &["decision", "requestId"],
        "ignored" => &["detail", "requestId"],
        "malformed" => &["problem", "fingerprint", "length", "requestId"],
        "not-handled" => &["reason", "requestId"],
        "retry-ended" => &["retry", "progress", "pipeline", "stage", "executionId", "requestId"],
        "told" => &["requestId", "sent", "digests", "gathered", "announced", "left", "dropped"],
        "invoked" => &["requestId", "messages", "milliseconds", "phases"],
        "sweep-trouble" => &["problem", "round", "requestId", "account", "region", "gap"],
        "sweep" => &[
            "end",
            "round",
            "milliseconds",
            "roundSeconds",
            "pipelines",
            "findings",
            "news",
            "oldestSeconds",
            "overdue",
            "unhandled",
            "lagging",
            "unlisted",
            "requestId",
        ],
        _ => return None,
    })
}

/// What is wrong with what was written; how long the longest line is.
pub fn examined(written: &str) -> Result<usize, String> {
    let mut longest = 0;
    if !written.is_empty() && !written.ends_with('\n') {
        return Err(format!("a line without an end: {written:?}"));
    }
    for line in written.split_terminator('\n') {
        examine(line).map_err(|problem| format!("{problem}: {line:?}"))?;
        longest = longest.max(line.len());
    }
    Ok(longest)
}

fn examine(line: &str) -> Result<(), String> {
    if line.chars().any(is_steering) {
        return Err("it has a character that steers".into());
    }
    if line.len() > LONGEST {
        return Err(format!("it has {} bytes", line.len()));
    }
    let Ok(Value::Object(members)) = serde_json::from_str(line) else {
        return Err("it is no JSON object".into());
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
    let message = text("message");
    if message != "metric" {
        let known = fields(message).ok_or("it is of an unknown kind")?;
        let known: BTreeSet<&str> = known.iter().copied().chain(["timestamp", "level", "message"]).collect();
        if let Some(unknown) = members.keys().find(|name| !known.contains(name.as_str())) {
            return Err(format!("it has a field `{unknown}`"));
        }
        if !["DEBUG", "INFO", "WARN", "ERROR"].contains(&text("level")) {
            return Err("it has no level".into());
        }
    }
    members.iter().try_for_each(|(name, value)| marked(name, value))
}

/// Whether forged text is where it may be, and harmless there.
pub fn marked(place: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            if name.contains(MARK) {
                return Err(format!("a name within `{place}` is forged"));
            }
            marked(&format!("{place}.{name}"), value)
        }),
        Value::Array(items) => items.iter().try_for_each(|item| marked(place, item)),
        Value::String(text) if text.contains(MARK) => {
            let is_name =
                || PipelineName::parse(text.as_str()).is_ok() || ExecutionId::parse(text.as_str()).is_ok();
            let is_harmless = || text.chars().count() <= 200 && !text.chars().any(is_steering);
            let is_fine = (NAMES.contains(&place) && is_name()) || (WORDS.contains(&place) && is_harmless());
            if is_fine { Ok(()) } else { Err(format!("`{place}` is forged")) }
        }
        _ => Ok(()),
    }
}
