//! A message as a mail: what happened in the subject, the rest in a few lines.

use std::fmt::Write as _;

use super::{links, shortened, subject as cut};
use crate::domain::duration::in_words;
use crate::domain::notice::{Notice, Occasion};

pub(super) fn subject(notice: &Notice) -> String {
    let run = &notice.run;
    cut(&format!("[{}] {} / {}", headline(notice.occasion), run.pipeline.name, run.stage))
}

/// What happened, in two or three words.
pub(super) const fn headline(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Retry => "retried",
        Occasion::Wait => "waiting",
        Occasion::GiveUp => "given up",
        Occasion::Recovered => "recovered",
        Occasion::FailedAgain => "failed again",
    }
}

/// What happened, as a sentence.
pub(super) fn sentence(notice: &Notice) -> String {
    let Notice { run, retries, max_retries, .. } = notice;
    let (stage, pipeline) = (&run.stage, &run.pipeline.name);
    let times = match retries {
        1 => "one retry".to_owned(),
        retries => format!("{retries} retries"),
    };
    match notice.occasion {
        Occasion::Retry => {
            format!(
                "Stage {stage} of pipeline {pipeline} failed and is retried: retry {retries} of {max_retries}."
            )
        }
        Occasion::Wait => format!("Stage {stage} of pipeline {pipeline} failed and waits for its retry."),
        Occasion::GiveUp => {
            format!(
                "Stage {stage} of pipeline {pipeline} failed and is not retried any more: somebody has to look."
            )
        }
        Occasion::Recovered => format!("Stage {stage} of pipeline {pipeline} succeeded after {times}."),
        Occasion::FailedAgain => format!("Stage {stage} of pipeline {pipeline} failed again after {times}."),
    }
}

pub(super) fn body(notice: &Notice, id: &str) -> String {
    let mut text = sentence(notice);
    text.push_str("\n\n");
    for (name, value) in rows(notice) {
        let _ = writeln!(text, "{name:<11} {value}");
    }
    let _ = writeln!(text, "\nDecisions:  {}", links::history(&notice.run));
    if let Some(page) = links::execution(&notice.run) {
        let _ = writeln!(text, "Execution:  {page}");
    }
    for (action, build) in &notice.builds {
        if let Some(page) = links::build(&notice.run, build) {
            let _ = writeln!(text, "Build:      {page} ({action})");
        }
    }
    let _ = writeln!(text, "Message:    {id}");
    text
}

/// What is known, as names and values.
pub(super) fn rows(notice: &Notice) -> Vec<(&'static str, String)> {
    let run = &notice.run;
    let mut rows = vec![
        ("Pipeline", format!("{} ({}, {})", run.pipeline.name, run.pipeline.account, run.pipeline.region)),
        ("Stage", run.stage.to_string()),
        ("Execution", run.execution.to_string()),
    ];
    if let Some(failed_at) = notice.failed_at {
        let ago = in_words(notice.at.duration_since(failed_at));
        rows.push(("Failed", format!("{failed_at:.0}, {ago} before this")));
    }
    let classes: Vec<String> =
        notice.classes.iter().map(|(action, class)| format!("{action}: {class}")).collect();
    if !classes.is_empty() {
        rows.push(("What", classes.join(", ")));
    }
    if let Some(ruling) = notice.ruling {
        rows.push(("Decided", ruling.to_string()));
    }
    if !notice.detail.is_empty() {
        rows.push(("Why", shortened(&notice.detail)));
    }
    if let Some(until) = notice.until {
        rows.push(("Until", format!("{until:.0}")));
    }
    if let Some(rule) = &notice.rule {
        rows.push(("Rule", rule.to_string()));
    }
    rows.push(("Retries", format!("{} of {}", notice.retries, notice.max_retries)));
    let budgets: Vec<String> =
        notice.budgets.iter().map(|(name, left, of)| format!("{name} {left}/{of}")).collect();
    if !budgets.is_empty() {
        rows.push(("Budgets", budgets.join(", ")));
    }
    rows
}
