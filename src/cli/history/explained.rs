//! A decision with everything that led to it.

use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;

use super::kept::Kept;
use crate::cli::columns::{WIDTH, foreign, moment};
use crate::cli::prose::paragraph_within;

const HEADING: Style = Style::new().bold();

pub(super) fn block(kept: &Kept<'_>, now: Timestamp) -> String {
    let (row, stage) = (kept.row, foreign(&kept.row.stage));
    let mut text = format!("{HEADING}{:.0}  {stage}  {}{HEADING:#}\n", row.decided_at, kept.ruling());
    let until = kept.text("until").map(|until| match until.parse() {
        Ok(at) => moment(at, now),
        Err(_) => until,
    });
    for (name, value) in [
        ("execution", Some(foreign(&row.execution))),
        ("until", until),
        ("retry", kept.retry()),
        ("rule", kept.text("rule")),
        ("policy", kept.text("policy-version")),
        ("classes", kept.classes()),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name:<13} {value}");
        }
    }
    for step in kept.steps() {
        let lead = format!("  {:<13} {:<5} ", foreign(step.name), foreign(step.outcome));
        text.push_str(&paragraph_within(&lead, &foreign(step.detail), WIDTH));
    }
    text.push('\n');
    text
}
