//! The table at the end: what became of each pipeline, and by whose doing.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::domain::decision::{Ruling, Verdict};
use crate::domain::ids::PipelineName;
use crate::domain::pipeline::ExecutionStatus;
use crate::emulator::world::World;
use crate::function::Handled;
use crate::replay::moment::{Happening, Moment};
use crate::replay::scenario::Scenario;

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const HEADING: Style = Style::new().bold();

/// What is remembered of each pipeline.
pub(super) struct Summary {
    order: Vec<PipelineName>,
    rows: BTreeMap<PipelineName, Row>,
}

#[derive(Default)]
struct Row {
    failed_at: Option<Timestamp>,
    classes: Vec<&'static str>,
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
                let row = self.rows.entry(decision.run.pipeline.name.clone()).or_default();
                for class in decision.classes.values() {
                    if !row.classes.contains(&class.as_str()) {
                        row.classes.push(class.as_str());
                    }
                }
                let is_refusal = matches!(decision.ruling.verdict(), Verdict::GiveUp | Verdict::Ignore);
                if is_refusal && decision.ruling != Ruling::IgnoreNotAFailure {
                    row.last_refusal = Some(decision.ruling);
                }
            }
            Happening::Acted(..) | Happening::Died => {}
        }
    }

    fn record_event(&mut self, at: Timestamp, event: &Value) {
        let detail = event.get("detail");
        let text = |key: &str| detail.and_then(|detail| detail.get(key)).and_then(Value::as_str);
        let (Some("FAILED"), Some(name)) = (text("state"), text("pipeline")) else { return };
        if let Ok(name) = PipelineName::parse(name) {
            self.rows.entry(name).or_default().failed_at.get_or_insert(at);
        }
    }

    /// The table, and what it comes to.
    pub(super) fn text(&self, world: &World) -> String {
        let width = self.order.iter().map(|name| name.as_str().len()).max().unwrap_or(8).max(8);
        let mut lines = vec![format!(
            "\n{HEADING}{:<width$}  {:<16} {:<39} {}{HEADING:#}",
            "PIPELINE", "FAILED AS", "THE RETRIER", "NOW"
        )];
        let (mut failed, mut recovered, mut retries) = (0, 0, 0);
        for name in &self.order {
            let row = self.rows.get(name);
            let Some(failed_at) = row.and_then(|row| row.failed_at) else { continue };
            failed += 1;
            let ours = retries_of(world, name);
            retries += ours;
            let newest = world.service.list_executions(name).unwrap_or_default().into_iter().next();
            let is_green = newest.as_ref().is_some_and(|newest| newest.status == ExecutionStatus::Succeeded);
            let did = match (ours, row.and_then(|row| row.last_refusal)) {
                (0, Some(refusal)) => format!("left it alone: {}", refusal.reason()),
                (0, None) => "left it alone".to_owned(),
                (_, Some(refusal)) if !is_green => format!("{}, then {}", times(ours), refusal.reason()),
                (count, _) => times(count),
            };
            let now = match newest {
                Some(newest) if is_green => {
                    if ours > 0 {
                        recovered += 1;
                    }
                    let took = newest.last_change.duration_since(failed_at);
                    format!("{GREEN}green{GREEN:#}, {} after it failed", minutes(took))
                }
                Some(newest) => {
                    format!("{RED}{}{RED:#}, for a person", newest.status.as_str().to_lowercase())
                }
                None => "gone".to_owned(),
            };
            let classes = row.map(|row| row.classes.join(", ")).filter(|classes| !classes.is_empty());
            let classes = classes.unwrap_or_else(|| "-".to_owned());
            lines.push(format!("{:<width$}  {classes:<16} {did:<39} {now}", name.as_str()));
        }
        if failed == 0 {
            return "\nno pipeline failed\n".to_owned();
        }
        lines.push(format!(
            "\n{recovered} of {failed} failed pipelines went green by themselves, after {} in all; the others were \
             left to people, each for a reason.\n",
            times(retries)
        ));
        lines.join("\n")
    }
}

fn retries_of(world: &World, name: &PipelineName) -> usize {
    let calls = world.service.retry_calls().iter();
    calls.filter(|call| call.caller == "retrier" && call.outcome.is_ok() && call.pipeline == *name).count()
}

fn times(count: usize) -> String {
    if count == 1 { "1 retry".to_owned() } else { format!("{count} retries") }
}

fn minutes(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    format!("{}m{:02}s", seconds / 60, seconds % 60)
}
