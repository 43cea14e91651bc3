//! Decisions for people: one line each, with what the deciding step saw.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::History;
use crate::aws::ledger::KeptDecision;
use crate::cli::columns::{foreign, table};
use crate::domain::decision::{Ruling, StepName};

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
        because(&kept.document, kept.shadow),
    ]
}

/// What the last step saw, and until when it waits; of a retry its number, how far it got, and what failed.
fn because(document: &str, is_shadow: bool) -> String {
    let document: Value = serde_json::from_str(document).unwrap_or(Value::Null);
    let steps = document.get("explanation").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |value: &Value, key| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let is_step = |step: &Value, name: StepName| text(step, "step").as_deref() == Some(name.as_str());
    if let Some(class) = steps.iter().find(|step| is_step(step, StepName::Class))
        && text(&document, "reason").as_deref() == Some(Ruling::RetryEligible.reason())
        && let Some(class) = text(class, "detail")
    {
        let number = |key| document.get(key).and_then(Value::as_u64).unwrap_or(1);
        // A retry is on record twice: claimed before the call, and with what came of the call.
        let stage = match steps.last() {
            Some(step) if is_step(step, StepName::Call) => " accepted",
            Some(step) if is_step(step, StepName::Reconcile) => " found in the pipeline",
            _ if is_shadow => "",
            _ => " claimed",
        };
        return format!("retry {} of {}{stage}: {}", number("retry"), number("max-retries"), foreign(&class));
    }
    let detail = steps.last().and_then(|step| text(step, "detail"));
    let until = text(&document, "until");
    let mut because = foreign(detail.as_deref().unwrap_or("-"));
    if let Some(until) = until.filter(|until| !because.contains(until.as_str())) {
        let _ = write!(because, " (until {})", foreign(&until));
    }
    because
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is said of a retry whose document ends with this step.
    fn retry_ending_with(last: &str, is_shadow: bool) -> String {
        let steps = json!([
            { "step": "class", "outcome": "pass", "detail": "`Browser` is capacity" },
            { "step": last, "outcome": "pass", "detail": "whatever" },
        ]);
        let document = json!({ "reason": "eligible", "retry": 1, "max-retries": 2, "explanation": steps });
        because(&document.to_string(), is_shadow)
    }

    #[test]
    fn a_retry_that_is_on_record_twice_is_not_taken_for_two() {
        assert_eq!(retry_ending_with("budget", false), "retry 1 of 2 claimed: `Browser` is capacity");
        assert_eq!(retry_ending_with("call", false), "retry 1 of 2 accepted: `Browser` is capacity");
        assert_eq!(
            retry_ending_with("reconcile", false),
            "retry 1 of 2 found in the pipeline: `Browser` is capacity"
        );
        assert_eq!(retry_ending_with("budget", true), "retry 1 of 2: `Browser` is capacity");
    }
}
