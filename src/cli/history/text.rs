//! Decisions for people: one line each, with what the deciding step saw.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::History;
use crate::aws::ledger::KeptDecision;
use crate::cli::columns::{foreign, table};
use crate::domain::decision::Ruling;

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

/// What the last step saw, and until when it waits; of a retry its number, and what failed.
fn because(document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap_or(Value::Null);
    let steps = document.get("explanation").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |value: &Value, key| value.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(class) = steps.iter().find(|step| text(step, "step").as_deref() == Some("class"))
        && text(&document, "reason").as_deref() == Some(Ruling::RetryEligible.reason())
        && let Some(class) = text(class, "detail")
    {
        let number = |key| document.get(key).and_then(Value::as_u64).unwrap_or(1);
        let (retry, most) = (number("retry"), number("max-retries"));
        return format!("retry {retry} of {most}: {}", foreign(&class));
    }
    let detail = steps.last().and_then(|step| text(step, "detail"));
    let until = text(&document, "until");
    let mut because = foreign(detail.as_deref().unwrap_or("-"));
    if let Some(until) = until.filter(|until| !because.contains(until.as_str())) {
        let _ = write!(because, " (until {})", foreign(&until));
    }
    because
}
