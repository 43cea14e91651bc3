//! A backtest as text.

use std::fmt::Write as _;

use anstyle::Style;

use super::Found;
use crate::cli::columns::narrow_table;
use crate::cli::figure::{counted, dollars, minutes, percent, share};
use crate::cli::prose::paragraph_within;
use crate::domain::decision::Ruling;
use crate::replay::backtest::{Figures, Group, Kind};

const HEADING: Style = Style::new().bold();
const WIDTH: usize = 88;
/// Rows of a table of what fails most.
const MOST: usize = 10;

/// All of it.
pub(super) fn text(found: &Found) -> String {
    let figures = &found.figures;
    let mut text = opening(found);
    heading(&mut text, "What the policy would have done");
    text.push_str(&treatments(figures));
    heading(&mut text, "What that would have brought");
    for line in gains(figures) {
        text.push_str(&paragraph_within("  - ", &line, WIDTH));
    }
    heading(&mut text, "By class");
    text.push_str(&kinds("CLASS", &figures.classes, figures.classes.len()));
    heading(&mut text, "Stages that fail most");
    text.push_str(&kinds("STAGE", &figures.stages, MOST));
    heading(&mut text, "Why it left alone what it left alone");
    text.push_str(&reasons(figures));
    heading(&mut text, "Suggestions");
    text.push_str(&advice(found));
    heading(&mut text, "Assumed");
    for line in found.assumed() {
        text.push_str(&paragraph_within("  - ", &line, WIDTH));
    }
    text
}

fn heading(text: &mut String, words: &str) {
    let _ = writeln!(text, "\n{HEADING}{words}{HEADING:#}");
}

fn opening(found: &Found) -> String {
    let Figures { since, until, pipelines, executions, first_try, failures, .. } = &found.figures;
    let day = |text: &str| text.get(..10).unwrap_or(text).to_owned();
    let first = format!(
        "{HEADING}Policy {} (version {}) on what happened from {} to {}{HEADING:#}\n",
        found.policy_name,
        found.policy.version,
        day(since),
        day(until),
    );
    let second = format!(
        "{}, {}, of which {} were green at the first try; {} of stages",
        counted(*pipelines, "pipeline"),
        counted(*executions, "execution"),
        percent(first_try.rate),
        counted(*failures, "failure"),
    );
    first + &paragraph_within("  ", &second, WIDTH)
}

fn treatments(figures: &Figures) -> String {
    let row = |name: &str, group: &Group, what: &str| {
        let known = match group {
            Group { failures: 0, .. } => String::new(),
            Group { recovered, failed_again, unknown, .. } => {
                format!(
                    "; retried by hand, {recovered} recovered, {failed_again} did not; {unknown} nobody retried"
                )
            }
        };
        paragraph_within(&format!("  {name:<11}{:>6}  ", group.failures), &format!("{what}{known}"), WIDTH)
    };
    row("retried", &figures.retried, "the policy would have retried them")
        + &row("overtaken", &figures.overtaken, "somebody or something was quicker")
        + &row("left alone", &figures.left_alone, "it would have touched none of them")
}

fn gains(figures: &Figures) -> Vec<String> {
    let machine = &figures.machine;
    let mut lines =
        vec![format!("of its retries whose end is known, {} recover", share(&figures.would_recover))];
    lines.push(match figures.saved_median_minutes {
        Some(median) => format!(
            "{} by hand less, and {} less of waiting for them in all, {} for one of them (median)",
            counted(figures.spared_by_hand, "retry"),
            minutes(figures.saved_minutes),
            minutes(median),
        ),
        None => {
            "nobody retried by hand what it would have retried, so no waiting is known to be saved".to_owned()
        }
    });
    lines.push(format!(
        "machine time of its retries: {} in those that recover, {} in those that do not, {} in those of which nobody \
         knows; {} in all",
        minutes(machine.useful_minutes),
        minutes(machine.futile_minutes),
        minutes(machine.unknown_minutes),
        dollars(machine.dollars),
    ));
    if figures.native.of > 0 {
        lines.push(format!("CodePipeline's own retry mended {}", share(&figures.native)));
    }
    lines
}

fn kinds(name: &str, kinds: &[Kind], most: usize) -> String {
    let row = |kind: &Kind| {
        vec![
            kind.name.clone(),
            kind.failures.to_string(),
            kind.retried.failures.to_string(),
            kind.overtaken.failures.to_string(),
            kind.left_alone.failures.to_string(),
            if kind.by_hand.of == 0 {
                "-".to_owned()
            } else {
                format!("{} of {} recovered", kind.by_hand.hits, kind.by_hand.of)
            },
        ]
    };
    let rows: Vec<Vec<String>> = kinds.iter().take(most).map(row).collect();
    let headings = [name, "FAILURES", "RETRIED", "OVERTAKEN", "LEFT ALONE", "BY HAND"];
    let mut text = narrow_table("  ", &headings, &rows, &[0]);
    if kinds.len() > most {
        let _ = writeln!(text, "  and {} more, with --format json", kinds.len() - most);
    }
    text
}

fn reasons(figures: &Figures) -> String {
    let mut reasons: Vec<(&String, &u64)> = figures
        .decisions
        .iter()
        .filter(|(ruling, _)| Ruling::parse(ruling) != Some(Ruling::RetryEligible))
        .collect();
    reasons.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let rows: Vec<Vec<String>> =
        reasons.iter().map(|(ruling, times)| vec![(*ruling).clone(), times.to_string()]).collect();
    if rows.is_empty() {
        return "  there is nothing that it left alone\n".to_owned();
    }
    narrow_table("  ", &["DECISION", "FAILURES"], &rows, &[0])
}

fn advice(found: &Found) -> String {
    if found.suggestions.is_empty() {
        let words = "none: no class of failures was retried by hand so often, and ended so much the same way, that it \
                     speaks for another rule";
        return paragraph_within("  ", words, WIDTH);
    }
    let mut text = String::new();
    for (number, suggestion) in found.suggestions.iter().enumerate() {
        text.push_str(&paragraph_within(
            &format!("  {}. ", number + 1),
            &format!("{} It is about {}.", suggestion.because, counted(suggestion.failures, "failure")),
            WIDTH,
        ));
        text.push_str(&paragraph_within("     ", &suggestion.place, WIDTH));
        for line in suggestion.rule.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let _ = writeln!(text, "     {line}");
        }
    }
    text
}
