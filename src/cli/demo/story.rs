//! One line for each moment worth telling.

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde_json::Value;

use crate::domain::decision::{Decision, Ruling, StepName, Verdict};
use crate::domain::protocol::Outcome;
use crate::domain::stage_run::Progress;
use crate::emulator::acts::Act;
use crate::emulator::codepipeline::ApprovalVerdict;
use crate::function::Handled;
use crate::replay::moment::{Happening, Moment};
use crate::replay::scenario::Scenario;

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const WAITING: Style = AnsiColor::Yellow.on_default();
const ACTING: Style = AnsiColor::Cyan.on_default().bold();
const QUIET: Style = Style::new().dimmed();

/// Tells moments of one scenario.
pub(super) struct Story {
    /// Width of the column of pipelines and stages.
    width: usize,
}

/// What a line says of a moment.
struct Said {
    subject: String,
    style: Style,
    word: &'static str,
    text: String,
}

impl Story {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let longest = scenario.pipelines.iter().flat_map(|pipeline| {
            let name = pipeline.name.as_str().len();
            pipeline.stages.iter().map(move |stage| name + 1 + stage.name.as_str().len())
        });
        Self { width: longest.max().unwrap_or(20) }
    }

    /// What comes before the first line.
    pub(super) fn opening(scenario: &Scenario) -> String {
        format!("{}; all times are on a virtual clock\n\n", scenario.about)
    }

    /// The line of a moment; none for what only fills time.
    pub(super) fn line(&self, moment: &Moment) -> Option<String> {
        let said = match &moment.what {
            Happening::Event(event) => told_event(event),
            Happening::Acted(act, _) => told_act(act),
            Happening::Handled(handled) => match handled.as_ref() {
                Handled::Worked(outcome) => told_outcome(outcome),
                Handled::Malformed(malformed) | Handled::MalformedUnrecorded(malformed) => Some(Said {
                    subject: String::new(),
                    style: BAD,
                    word: "malformed",
                    text: malformed.problem.clone(),
                }),
                Handled::Ignored(_) => None,
            },
            Happening::Died => Some(Said {
                subject: String::new(),
                style: BAD,
                word: "died",
                text: "the function died; the queue will deliver the message again".into(),
            }),
        }?;
        let Said { subject, style, word, text } = said;
        let (time, width) = (clock_time(moment.at), self.width);
        let line = format!("{QUIET}{time}{QUIET:#}  {subject:<width$}  {style}{word}{style:#}");
        let gap = if text.is_empty() { 0 } else { 13_usize.saturating_sub(word.len()) };
        Some(format!("{line}{:gap$}{text}\n", ""))
    }
}

/// The time of day, to the second.
pub(super) fn clock_time(at: Timestamp) -> String {
    at.to_string().get(11..19).unwrap_or_default().to_owned()
}

fn told_event(event: &Value) -> Option<Said> {
    let detail = event.get("detail")?;
    let text = |key: &str| detail.get(key).and_then(Value::as_str);
    let is_stage = event.get("detail-type")?.as_str()?.contains("Stage");
    match (is_stage, text("state")?) {
        (true, "FAILED") => Some(Said {
            subject: format!("{}/{}", text("pipeline")?, text("stage")?),
            style: BAD,
            word: "failed",
            text: String::new(),
        }),
        _ => None,
    }
}

fn told_act(act: &Act) -> Option<Said> {
    let person = |subject: String, text: &str| {
        Some(Said { subject, style: ACTING, word: "person", text: text.to_owned() })
    };
    match act {
        Act::Retry { pipeline, stage, .. } => person(format!("{pipeline}/{stage}"), "presses Retry"),
        Act::Stop { pipeline, .. } => person(pipeline.to_string(), "stops the execution"),
        Act::Rollback { pipeline, stage } => person(format!("{pipeline}/{stage}"), "rolls the stage back"),
        Act::Approve { pipeline, stage, verdict: ApprovalVerdict::Rejected, .. } => {
            person(format!("{pipeline}/{stage}"), "rejects the approval")
        }
        Act::Approve { pipeline, stage, .. } => person(format!("{pipeline}/{stage}"), "approves"),
        Act::Transition { pipeline, stage, enabled } => {
            let text = if *enabled { "opens the transition" } else { "closes the transition" };
            person(format!("{pipeline}/{stage}"), text)
        }
        Act::Edit { pipeline, .. } => person(pipeline.to_string(), "edits the pipeline"),
        Act::Delete { pipeline } => person(pipeline.to_string(), "deletes the pipeline"),
        Act::Pause { reason, .. } => person(String::new(), &format!("pauses the retrier: {reason}")),
        Act::Resume { .. } => person(String::new(), "resumes the retrier"),
        Act::Deploy { policy } => {
            let text = if policy.is_some() { "deploys another policy" } else { "deploys a broken policy" };
            person(String::new(), text)
        }
        Act::SetMode(mode) => person(String::new(), &format!("deploys mode `{}`", mode.as_str())),
        Act::Start { .. }
        | Act::RefuseRetry(_)
        | Act::StaleReads { .. }
        | Act::Outage { .. }
        | Act::Break { .. }
        | Act::Send { .. } => None,
    }
}

fn told_outcome(outcome: &Outcome) -> Option<Said> {
    let decision = outcome.decision.as_ref()?;
    let subject = format!("{}/{}", decision.run.pipeline.name, decision.run.stage);
    if let Some((number, Progress::Recovered)) = outcome.progress {
        let text = format!("retry {number} brought the stage through");
        return Some(Said { subject, style: GOOD, word: "recovered", text });
    }
    if decision.ruling == Ruling::IgnoreNotAFailure {
        return None;
    }
    let style = match decision.ruling.verdict() {
        Verdict::Retry => ACTING,
        Verdict::Wait => WAITING,
        Verdict::GiveUp | Verdict::Ignore => QUIET,
    };
    Some(Said { subject, style, word: decision.ruling.verdict().as_str(), text: reasons(decision) })
}

fn reasons(decision: &Decision) -> String {
    let detail = |name| {
        let step = decision.explanation.iter().rev().find(|step| step.name == name);
        step.map_or("", |step| step.detail.as_str())
    };
    let reason = decision.ruling.reason();
    match (decision.ruling, decision.until) {
        (Ruling::RetryEligible, _) => format!(
            "number {} of {}, {}",
            decision.retry.unwrap_or(1),
            decision.max_retries.unwrap_or(1),
            decision.retry_mode.map_or("", |mode| mode.as_str()),
        ),
        (Ruling::WaitBackoff, Some(until)) => {
            format!("{reason} until {}: {}", clock_time(until), detail(StepName::Class))
        }
        (_, until) => {
            let last = decision.explanation.last().map_or("", |step| step.detail.as_str());
            let until = until.map(|until| format!(" until {}", clock_time(until))).unwrap_or_default();
            format!("{reason}{until}: {last}")
        }
    }
}
