//! What came of cases, for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{Ran, Tested, last_step};
use crate::cli::figure::counted;
use crate::cli::prose::paragraph_within;
use crate::domain::decision::StepOutcome;

const OK: Style = AnsiColor::Green.on_default();
const FAIL: Style = AnsiColor::Red.on_default().bold();
const WIDTH: usize = 96;

/// A line for each case, more for one that fails, and how many there were.
pub(super) fn text(all: &[Ran], explain: bool) -> String {
    let mut text = String::new();
    for ran in all {
        let _ = writeln!(text, "{} (policy {})", ran.file, ran.policy);
        for result in &ran.results {
            text.push_str(&one(result, explain));
        }
    }
    let results = || all.iter().flat_map(|ran| &ran.results);
    let passed = results().filter(|result| result.passes()).count();
    let failed = results().count() - passed;
    let _ =
        writeln!(text, "\n{}: {passed} passed, {failed} failed", counted((passed + failed) as u64, "case"));
    text
}

fn one(result: &Tested, explain: bool) -> String {
    let name = &result.name;
    let outcome = match &result.end {
        Ok(outcome) if outcome.differences.is_empty() => return format!("  {OK}ok{OK:#}    {name}\n"),
        Ok(outcome) => outcome,
        Err(problem) => {
            return format!("  {FAIL}fail{FAIL:#}  {name}\n") + &paragraph_within("        ", problem, WIDTH);
        }
    };
    let mut text = format!("  {FAIL}fail{FAIL:#}  {name}\n");
    for difference in &outcome.differences {
        let _ = writeln!(text, "        {difference}");
    }
    if explain {
        for step in &outcome.end().explanation {
            let mark = if step.outcome == StepOutcome::Stop { "stop" } else { "pass" };
            let lead = format!("        {mark}  {:<11}  ", step.name.as_str());
            text.push_str(&paragraph_within(&lead, &step.detail, WIDTH));
        }
    } else if let Some((step, detail)) = last_step(outcome.end()) {
        text.push_str(&paragraph_within("        ", &format!("at step `{step}`: {detail}"), WIDTH));
    }
    text
}
