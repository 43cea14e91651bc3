//! Decisions for people: one line each, with what the deciding step saw.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::History;
use crate::aws::ledger::KeptDecision;
use crate::cli::columns::{foreign, table};

const HEADINGS: [&str; 5] = ["TIME", "STAGE", "VERDICT", "REASON", "BECAUSE"];

pub(super) fn render(asked: &History, decisions: &[KeptDecision], since: Timestamp) -> String {
    if decisions.is_empty() {
        let stage = asked.stage.as_ref().map_or_else(String::new, |stage| format!(", stage `{stage}`"));
        return format!("nothing was decided about pipeline `{}`{stage} since {since:.0}\n", asked.pipeline);
    }
    let rows: Vec<_> = decisions.iter().map(row).collect();
    table("", &HEADINGS, &rows)
}

fn row(kept: &KeptDecision) -> Vec<String> {
    let shadow = if kept.shadow { " (shadow)" } else { "" };
    vec![
        format!("{:.0}", kept.decided_at),
        foreign(&kept.stage),
        format!("{}{shadow}", foreign(&kept.verdict)),
        foreign(&kept.reason),
        because(&kept.document),
    ]
}

/// What the last step saw, and until when it waits.
fn because(document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap_or(Value::Null);
    let steps = document.get("explanation").and_then(Value::as_array);
    let detail =
        steps.and_then(|steps| steps.last()).and_then(|step| step.get("detail")).and_then(Value::as_str);
    let until = document.get("until").and_then(Value::as_str);
    let mut text = foreign(detail.unwrap_or("-"));
    if let Some(until) = until.filter(|until| !text.contains(until)) {
        let _ = write!(text, " (until {})", foreign(until));
    }
    text
}
