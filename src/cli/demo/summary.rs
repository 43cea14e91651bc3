//! The table at the end: what became of each pipeline, and by whose doing.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde_json::Value;

use super::ending::{End, ended, sentence, times};
use super::story::is_shadow_retry;
use crate::domain::decision::{Decision, Ruling, Verdict};
use crate::domain::ids::{ExecutionId, PipelineName};
use crate::domain::pipeline::ExecutionStatus;
use crate::emulator::world::World;
use crate::function::Handled;
use crate::replay::moment::{Happening, Moment};
use crate::replay::scenario::Scenario;

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const HEADING: Style = Style::new().bold();
const COLUMNS: [&str; 4] = ["PIPELINE", "FAILED AS", "THE RETRIER", "NOW"];

/// What is remembered of each pipeline.
pub(super) struct Summary {
    order: Vec<PipelineName>,
    rows: BTreeMap<PipelineName, Row>,
}

#[derive(Default)]
struct Row {
    /// When each execution failed first.
    failures: BTreeMap<ExecutionId, Timestamp>,
    /// The execution that failed last.
    last_failed: Option<ExecutionId>,
    classes: Vec<&'static str>,
    /// Retries that were decided in shadow.
    shadow_retries: usize,
    /// Whether anything was decided about a failure.
    is_decided: bool,
    /// The latest decision that is not a retry.
    last_refusal: Option<Ruling>,
}

impl Summary {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let order = scenario.pipelines.iter().map(|pipeline| pipeline.name.clone()).collect();
        Self { order, rows: BTreeMap::new() }
    }

    pub(super) fn record(&mut self, moment: &Moment) {
        match &moment.what {
            Happening::Event(event) => self.record_event(moment.at, event),
            Happening::Handled(handled) => {
                let Handled::Worked(outcome) = handled.as_ref() else { return };
                let Some(decision) = &outcome.decision else { return };
                self.rows.entry(decision.run.pipeline.name.clone()).or_default().record(decision);
            }
            Happening::Acted(..) | Happening::Died => {}
        }
    }

    fn record_event(&mut self, at: Timestamp, event: &Value) {
        let detail = event.get("detail");
        let text = |key: &str| detail.and_then(|detail| detail.get(key)).and_then(Value::as_str);
        let (Some("FAILED"), Some(name), Some(execution)) =
            (text("state"), text("pipeline"), text("execution-id"))
        else {
            return;
        };
        if let (Ok(name), Ok(execution)) = (PipelineName::parse(name), ExecutionId::parse(execution)) {
            let row = self.rows.entry(name).or_default();
            row.failures.entry(execution.clone()).or_insert(at);
            row.last_failed = Some(execution);
        }
    }

    /// The table, and what it comes to.
    pub(super) fn text(&self, world: &World) -> String {
        let mut cells = vec![COLUMNS.map(str::to_owned)];
        let mut ends = Vec::new();
        let (mut left, mut retries) = (0, 0);
        for name in &self.order {
            let Some(row) = self.rows.get(name) else { continue };
            let Some(execution) = &row.last_failed else { continue };
            let Some(failed_at) = row.failures.get(execution) else { continue };
            let ours = retries_of(world, name);
            retries += ours.len();
            let ended = ended(world, name, execution, *failed_at, ours.contains(&execution));
            let classes = if row.classes.is_empty() { "-".to_owned() } else { row.classes.join(", ") };
            cells.push([name.to_string(), classes, row.did(ours.len(), ended.end), ended.to_string()]);
            if ended.end == End::Stands(ExecutionStatus::Failed) && row.is_decided {
                left += 1;
            }
            ends.push(ended.end);
        }
        if ends.is_empty() {
            return "\nno pipeline failed\n".to_owned();
        }
        format!("\n{}\n{}\n", table(&cells), sentence(&ends, left, retries))
    }
}

impl Row {
    fn record(&mut self, decision: &Decision) {
        for class in decision.classes.values() {
            if !self.classes.contains(&class.as_str()) {
                self.classes.push(class.as_str());
            }
        }
        if is_shadow_retry(decision) {
            self.shadow_retries += 1;
        }
        match decision.ruling {
            Ruling::IgnoreNotAFailure => {}
            Ruling::RetryEligible => (self.is_decided, self.last_refusal) = (true, None),
            ruling => (self.is_decided, self.last_refusal) = (true, Some(ruling)),
        }
    }

    /// What the product did, in words.
    fn did(&self, ours: usize, end: End) -> String {
        let retried = match (ours, self.shadow_retries) {
            (0, 0) => None,
            (0, shadow) => Some(format!("{} in shadow, nothing called", times(shadow))),
            (ours, 0) => Some(times(ours)),
            (ours, shadow) => Some(format!("{}, and {} in shadow", times(ours), times(shadow))),
        };
        let refusal = self.last_refusal.map(|ruling| (ruling.verdict(), ruling.reason()));
        match (retried, refusal) {
            (None, None) => "nothing decided".to_owned(),
            (None, Some((Verdict::Wait, reason))) => format!("waited: {reason}"),
            (None, Some((_, reason))) => format!("left it alone: {reason}"),
            (Some(retried), Some((_, reason))) if end != End::Recovered => {
                format!("{retried}, then {reason}")
            }
            (Some(retried), _) => retried,
        }
    }
}

/// Columns as wide as what they hold; the last cell of a row is told in colour up to its first comma.
fn table(rows: &[[String; 4]]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max();
    let [first, second, third] = [0, 1, 2].map(|column| width(column).unwrap_or(0));
    let mut text = String::new();
    for (index, [pipeline, classes, did, now]) in rows.iter().enumerate() {
        let lead = format!("{pipeline:<first$}  {classes:<second$}  {did:<third$}  ");
        let line =
            if index == 0 { format!("{HEADING}{lead}{now}{HEADING:#}") } else { lead + &coloured(now) };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn coloured(now: &str) -> String {
    let style = match now {
        _ if now.starts_with("green") => GREEN,
        _ if now.starts_with("failed") => RED,
        _ => Style::new(),
    };
    let (word, rest) = now.split_at(now.find(',').unwrap_or(now.len()));
    format!("{style}{word}{style:#}{rest}")
}

/// The executions of the product's own accepted retries, one for each.
fn retries_of<'a>(world: &'a World, name: &PipelineName) -> Vec<&'a ExecutionId> {
    let calls = world.service.retry_calls().iter();
    calls
        .filter(|call| call.caller == "retrier" && call.outcome.is_ok() && call.pipeline == *name)
        .map(|call| &call.execution)
        .collect()
}
