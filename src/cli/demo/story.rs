//! One line for each moment worth telling.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
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
    /// The day that the latest line was told of, at first the scenario's first.
    day: Date,
    has_told: bool,
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
        Self { width: longest.max().unwrap_or(20), day: day(scenario.start), has_told: false }
    }

    /// What comes before the first line.
    pub(super) fn opening(scenario: &Scenario) -> String {
        format!(
            "{}; all times are on a virtual clock, starting {}, UTC\n",
            scenario.about,
            day(scenario.start)
        )
    }

    /// The lines of a moment, behind the date where another day has begun; none for what only fills time.
    pub(super) fn lines(&mut self, moment: &Moment) -> Option<String> {
        let told = told(moment);
        if told.is_empty() {
            return None;
        }
        let mut lines = String::new();
        if !self.has_told {
            lines.push('\n');
        }
        self.has_told = true;
        let day = day(moment.at);
        if day != self.day {
            let _ = writeln!(lines, "{QUIET}{day}{QUIET:#}");
        }
        self.day = day;
        for Said { subject, style, word, text } in told {
            let (time, width) = (clock_time(moment.at), self.width);
            let line = format!("{QUIET}{time}{QUIET:#}  {subject:<width$}  {style}{word}{style:#}");
            let gap = if text.is_empty() { 0 } else { 13_usize.saturating_sub(word.len()) };
            let _ = writeln!(lines, "{line}{:gap$}{text}", "");
        }
        Some(lines)
    }
}

fn told(moment: &Moment) -> Vec<Said> {
    let nowhere = |word, text| Said { subject: String::new(), style: BAD, word, text };
    match &moment.what {
        Happening::Event(event) => told_event(event).into_iter().collect(),
        Happening::Acted(act, _) => told_act(act).into_iter().collect(),
        Happening::Handled(handled) => match handled.as_ref() {
            Handled::Worked(outcome) => told_outcome(outcome),
            Handled::Swept(report) => report.outcomes.iter().flat_map(told_outcome).collect(),
            Handled::Malformed(malformed) | Handled::MalformedUnrecorded(malformed) => {
                vec![nowhere("malformed", malformed.problem.clone())]
            }
            Handled::Reminded | Handled::Ignored(_) => Vec::new(),
        },
        Happening::Died => {
            vec![nowhere("died", "the function died; the queue will deliver the message again".into())]
        }
    }
}

fn day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// The time of day, with its date where that is not the day of `now`.
fn time_from(now: Timestamp, at: Timestamp) -> String {
    if day(now) == day(at) { clock_time(at) } else { format!("{} {}", day(at), clock_time(at)) }
}

/// The time of day, to the second.
fn clock_time(at: Timestamp) -> String {
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
        Act::CloseCalendar { .. } => person(String::new(), "closes the change calendar"),
        Act::OpenCalendar { .. } => person(String::new(), "opens the change calendar"),
        Act::Deploy { policy } => {
            let text = if policy.is_some() { "deploys another policy" } else { "deploys a broken policy" };
            person(String::new(), text)
        }
        Act::PushPolicy { .. } => person(String::new(), "pushes a policy"),
        Act::RestorePolicy { number } => person(String::new(), &format!("rolls back to policy {number}")),
        Act::DamagePolicy { number, .. } => person(String::new(), &format!("damages policy {number}")),
        Act::SetMode(mode) => person(String::new(), &format!("deploys mode `{}`", mode.as_str())),
        Act::Start { .. }
        | Act::RefuseRetry(_)
        | Act::StaleReads { .. }
        | Act::Outage { .. }
        | Act::Break { .. }
        | Act::Send { .. } => None,
    }
}

fn told_outcome(outcome: &Outcome) -> Vec<Said> {
    let Some(decision) = &outcome.decision else { return Vec::new() };
    let subject = format!("{}/{}", decision.run.pipeline.name, decision.run.stage);
    let recovered = match outcome.progress() {
        Some((number, Progress::Recovered)) => {
            let text = format!("retry {number} brought the stage through");
            Some(Said { subject: subject.clone(), style: GOOD, word: "recovered", text })
        }
        _ => None,
    };
    if is_found_afterwards(decision) {
        let number = decision.retry.unwrap_or(1);
        let text = format!("number {number}, found in the pipeline after its answer was lost");
        let retry = Said { subject, style: ACTING, word: Verdict::Retry.as_str(), text };
        return [retry].into_iter().chain(recovered).collect();
    }
    if recovered.is_some() || decision.ruling == Ruling::IgnoreNotAFailure {
        return recovered.into_iter().collect();
    }
    let style = match decision.ruling.verdict() {
        Verdict::Retry => ACTING,
        Verdict::Wait => WAITING,
        Verdict::GiveUp | Verdict::Ignore => QUIET,
    };
    let word = if is_shadow_retry(decision) { "would retry" } else { decision.ruling.verdict().as_str() };
    vec![Said { subject, style, word, text: reasons(decision) }]
}

/// Whether the retry was made by a call whose end nobody learned, and the pipeline showed it later.
fn is_found_afterwards(decision: &Decision) -> bool {
    decision.ruling == Ruling::RetryEligible
        && decision.explanation.last().is_some_and(|step| step.name == StepName::Reconcile)
}

/// Whether it is a retry that is decided and not made.
pub(super) fn is_shadow_retry(decision: &Decision) -> bool {
    decision.shadow && decision.ruling == Ruling::RetryEligible
}

fn reasons(decision: &Decision) -> String {
    let detail = |name| {
        let step = decision.explanation.iter().rev().find(|step| step.name == name);
        step.map_or("", |step| step.detail.as_str())
    };
    let last = decision.explanation.last().map_or("", |step| step.detail.as_str());
    let reason = decision.ruling.reason();
    let time = |until| time_from(decision.decided_at, until);
    match (decision.ruling, decision.until) {
        (Ruling::RetryEligible, _) => format!(
            "number {} of {}, {}{}",
            decision.retry.unwrap_or(1),
            decision.max_retries.unwrap_or(1),
            decision.retry_mode.map_or("", |mode| mode.as_str()),
            if decision.shadow { " (shadow: nothing is called)" } else { "" },
        ),
        // A copy of an event that is waited upon is decided without a look at the class.
        (Ruling::WaitBackoff, Some(until)) => {
            let because = Some(detail(StepName::Class)).filter(|class| !class.is_empty());
            format!("{reason} until {}: {}", time(until), without_signatures(because.unwrap_or(last)))
        }
        (_, until) => {
            if last.starts_with(&format!("{reason} until ")) {
                return last.to_owned();
            }
            let until = until.map(|until| format!(" until {}", time(until))).unwrap_or_default();
            format!("{reason}{until}: {}", without_signatures(last))
        }
    }
}

/// Leaves out which signature said so, and where: a line has room for why.
fn without_signatures(detail: &str) -> String {
    let mut parts = detail.split(" (signature `");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| shown + part.split_once(')').map_or("", |(_, rest)| rest))
}
