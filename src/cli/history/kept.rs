//! What a decision document says, read with care: it may be of another release.

use serde_json::Value;

use crate::aws::ledger::KeptDecision;
use crate::cli::columns::foreign;
use crate::domain::decision::{Ruling, StepName};

/// A decision with its document.
pub(super) struct Kept<'a> {
    pub row: &'a KeptDecision,
    document: Value,
}

/// A step of the explanation.
pub(super) struct Step<'a> {
    pub name: &'a str,
    pub outcome: &'a str,
    pub detail: &'a str,
}

impl<'a> Step<'a> {
    fn of(step: &'a Value) -> Self {
        let text = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or("-");
        Self { name: text("step"), outcome: text("outcome"), detail: text("detail") }
    }
}

impl<'a> Kept<'a> {
    pub fn of(row: &'a KeptDecision) -> Self {
        Self { row, document: serde_json::from_str(&row.document).unwrap_or(Value::Null) }
    }

    /// A text of the document, fit to be shown.
    pub fn text(&self, key: &str) -> Option<String> {
        self.document.get(key).and_then(Value::as_str).map(foreign)
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.document.get(key).and_then(Value::as_u64)
    }

    pub fn steps(&self) -> Vec<Step<'_>> {
        let steps = self.document.get("explanation").and_then(Value::as_array);
        steps.into_iter().flatten().map(Step::of).collect()
    }

    /// `verdict/reason`, and whether it is in shadow mode.
    pub fn ruling(&self) -> String {
        let shadow = if self.row.shadow { " (shadow)" } else { "" };
        format!("{}/{}{shadow}", foreign(&self.row.verdict), foreign(&self.row.reason))
    }

    /// `1 of 2`, and of a retry how far it got: it is on record claimed, before the call, and with what came of the call.
    pub fn retry(&self) -> Option<String> {
        let count = format!("{} of {}", self.number("retry")?, self.number("max-retries")?);
        if self.row.reason != Ruling::RetryEligible.reason() || self.row.shadow {
            return Some(count);
        }
        let stage = match self.steps().last().map(|step| step.name) {
            Some(name) if name == StepName::Call.as_str() => "accepted",
            Some(name) if name == StepName::Reconcile.as_str() => "found in the pipeline",
            _ => "claimed",
        };
        Some(format!("{count} {stage}"))
    }

    /// `Browser: network, Unit: test-failure`.
    pub fn classes(&self) -> Option<String> {
        let classes = self.document.get("classes").and_then(Value::as_object)?;
        let class = |(action, class): (&String, &Value)| {
            format!("{}: {}", foreign(action), foreign(class.as_str().unwrap_or("-")))
        };
        Some(classes.iter().map(class).collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
    }
}
