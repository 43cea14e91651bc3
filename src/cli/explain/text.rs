//! The explanation for people. Styles are in the text; whoever prints it strips them where they do not belong.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::aws::Source;
use super::{Report, meaning, way};
use crate::cli::prose::paragraph;
use crate::domain::decision::{Decision, Ruling, StepOutcome, Verdict};
use crate::domain::duration::in_words;
use crate::domain::pipeline::Gap;

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

const ROLLBACK: &str = "The rule then asks for the stage to be rolled back to what last succeeded in it. That is done where the \
                        deployment allows it (parameter `AllowRollback`), nothing newer waits and no freeze holds.";

pub(super) fn render(report: &Report<'_>) -> String {
    let mut out = String::new();
    let decision = &report.course.decision;
    let style = style_of(decision);
    if decision.ruling == Ruling::WaitCannotVerify {
        // When it would be looked at again does not matter: the files stay what they are, and so do rights.
        let missing = if report.origin.is_files() { "not enough files" } else { "not enough could be read" };
        let _ = writeln!(out, "{style}{missing} to decide{style:#} ({})\n", decision.ruling);
    } else {
        let _ = writeln!(out, "{style}{}{style:#}{}\n", decision.ruling, particulars(decision, decision));
    }
    let words = meaning::of(decision, report.origin);
    out.push_str(&paragraph("  ", words.means));
    out.push_str(&paragraph("  ", words.advice));
    out.push('\n');
    subject(&mut out, report);
    steps(&mut out, decision);
    what_follows(&mut out, report);
    if let Some(ahead) = &report.ahead
        && report.course.end().ruling.verdict() != Verdict::Ignore
    {
        heading(&mut out, "Stages ahead");
        let is_retried = report.course.end().ruling == Ruling::RetryEligible;
        out.push_str(&paragraph("  ", &way::sentence(&report.event.run.stage, ahead, is_retried)));
        for (stage, freezes) in &report.freezes_ahead {
            out.push_str(&paragraph("  ", &way::frozen(stage, freezes)));
        }
    }
    assumptions(&mut out, report);
    out
}

/// The verdict's colour.
fn style_of(decision: &Decision) -> Style {
    let colour = match decision.ruling.verdict() {
        Verdict::Retry => AnsiColor::Green,
        Verdict::Wait => AnsiColor::Yellow,
        Verdict::GiveUp => AnsiColor::Red,
        Verdict::Ignore => AnsiColor::Blue,
    };
    colour.on_default().bold()
}

/// What stands behind verdict and reason; instants on the day of the first decision are shown without it.
fn particulars(decision: &Decision, first: &Decision) -> String {
    let mut text = String::new();
    match (decision.ruling.verdict(), decision.until) {
        (Verdict::Retry, _) => {
            if let (Some(retry), Some(most), Some(mode)) =
                (decision.retry, decision.max_retries, decision.retry_mode)
            {
                let _ = write!(text, ": retry {retry} of {most}, {mode}");
            }
        }
        (_, Some(until)) => {
            let _ = write!(text, " until {}", on_the_day_of(first.decided_at, until));
            if let Some(failed_at) = decision.failed_at {
                let _ = write!(text, " ({} after the failure)", in_words(until.duration_since(failed_at)));
            }
        }
        _ => {}
    }
    if decision.shadow {
        text.push_str(", in mode `shadow`: recorded, and nothing is called");
    }
    text
}

/// An instant to the second, without its date where that is the day's.
fn on_the_day_of(day: Timestamp, instant: Timestamp) -> String {
    let date = |instant: Timestamp| instant.strftime("%F").to_string();
    if date(day) == date(instant) {
        instant.strftime("%H:%M:%SZ").to_string()
    } else {
        format!("{instant:.0}")
    }
}

fn heading(out: &mut String, text: &str) {
    let _ = writeln!(out, "\n{BOLD}{text}{BOLD:#}");
}

fn subject(out: &mut String, report: &Report<'_>) {
    let decision = &report.course.decision;
    let run = &decision.run;
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {FAINT}{name:<9}{FAINT:#}  {value}");
    };
    let pipeline = &run.pipeline;
    line("pipeline", format!("{} in account {}, {}", pipeline.name, pipeline.account, pipeline.region));
    line("stage", run.stage.to_string());
    line("execution", run.execution.to_string());
    let told_at = Some(report.event.time).filter(|_| report.origin.is_told());
    if let Some(failed_at) = decision.failed_at.or(told_at) {
        line("failed", format!("{failed_at:.0}"));
    }
    line("decided", format!("{:.0}", decision.decided_at));
    line(
        "policy",
        match &decision.rule {
            Some(rule) => format!("{}, rule {rule}", report.policy_file),
            None => report.policy_file.clone(),
        },
    );
}

fn steps(out: &mut String, decision: &Decision) {
    heading(out, "Steps");
    let widest = decision.explanation.iter().map(|step| step.name.as_str().len()).max().unwrap_or(0);
    for step in &decision.explanation {
        let style = match step.outcome {
            StepOutcome::Pass => FAINT,
            StepOutcome::Stop => style_of(decision),
        };
        let (outcome, name) = (step.outcome.as_str(), step.name.as_str());
        let lead = format!("  {outcome}  {name:<widest$}  ");
        let line = paragraph(&lead, &in_terms_of_files(&step.detail));
        out.push_str(&line.replacen(outcome, &format!("{style}{outcome}{style:#}"), 1));
    }
}

/// A step's detail; where it says that nobody asked CodePipeline, the flag that would tell.
fn in_terms_of_files(detail: &str) -> Cow<'_, str> {
    let ending = format!(" could not be read: {}", Gap::NotRead.as_str());
    if let Some(asked) = detail.strip_suffix(&format!(", and ListTagsForResource{ending}")) {
        return format!("{asked}, which are not given: --tags KEY=VALUE").into();
    }
    let source = detail.strip_suffix(&ending).and_then(Source::of_operation);
    source.map_or(Cow::Borrowed(detail), |source| format!("not given: {} FILE", source.flag()).into())
}

fn what_follows(out: &mut String, report: &Report<'_>) {
    let course = &report.course;
    if course.then.is_empty() && !course.asks_for_rollback {
        return;
    }
    heading(out, "Then, if nothing else changes");
    for next in &course.then {
        let style = style_of(next);
        let at = on_the_day_of(course.decision.decided_at, next.decided_at);
        let particulars = particulars(next, &course.decision);
        let _ = writeln!(out, "  {at}  {style}{}{style:#}{particulars}", next.ruling);
        let indent = " ".repeat(at.len() + 4);
        out.push_str(&paragraph(&indent, meaning::of(next, report.origin).means));
    }
    if course.asks_for_rollback {
        out.push_str(&paragraph("  ", ROLLBACK));
    }
}

fn assumptions(out: &mut String, report: &Report<'_>) {
    if report.assumptions.is_empty() {
        return;
    }
    heading(out, "Assumed");
    for assumption in &report.assumptions {
        let flag = assumption.settled_by.map(|flag| format!(" [{flag}]")).unwrap_or_default();
        out.push_str(&paragraph("  - ", &format!("{}{flag}", assumption.text)));
    }
}
