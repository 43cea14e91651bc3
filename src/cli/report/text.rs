//! A report as text.

use std::fmt::Write as _;

use anstyle::Style;

use super::Shown;
use crate::cli::columns::narrow_table;
use crate::cli::figure::{counted, dollars, minutes, percent, share};
use crate::cli::prose::paragraph_within;
use crate::replay::report::{ClassRow, Outcomes, Percentiles, ReportFigures, StageRow, WeekRow};

const HEADING: Style = Style::new().bold();
const WIDTH: usize = 88;
/// Rows of a table of what fails most.
const MOST: usize = 10;

/// All of it.
pub(super) fn text(shown: &Shown) -> String {
    let figures = &shown.figures;
    let mut text = opening(shown);
    for line in findings(figures) {
        text.push_str(&paragraph_within("  - ", &line, WIDTH));
    }
    if figures.failures > 0 {
        heading(&mut text, "Stages that fail most");
        text.push_str(&stages(&figures.stages));
        heading(&mut text, "By class");
        text.push_str(&classes(&figures.classes));
        heading(&mut text, "By week");
        text.push_str(&weeks(&figures.weeks));
        heading(&mut text, "Retries that hardly ever help");
        text.push_str(&futile(&figures.futile));
        heading(&mut text, "Decisions");
        text.push_str(&decisions(figures));
    }
    heading(&mut text, "Assumed");
    for line in &shown.assumed {
        text.push_str(&paragraph_within("  - ", line, WIDTH));
    }
    text
}

fn heading(text: &mut String, words: &str) {
    let _ = writeln!(text, "\n{HEADING}{words}{HEADING:#}");
}

fn opening(shown: &Shown) -> String {
    let day = |text: &str| text.get(..10).unwrap_or(text).to_owned();
    let ReportFigures { since, until, failures, pipelines, .. } = &shown.figures;
    let title = format!("What {} shows, {} to {}", shown.table, day(since), day(until));
    let of = if *failures == 0 {
        "no failure of a stage is on record".to_owned()
    } else {
        format!("{} of stages in {}", counted(*failures, "failure"), counted(*pipelines, "pipeline"))
    };
    format!("{HEADING}{title}{HEADING:#}\n{}", paragraph_within("  ", &of, WIDTH))
}

/// What matters most, in sentences.
fn findings(figures: &ReportFigures) -> Vec<String> {
    let Outcomes { retries, rehearsed, running, .. } = figures.outcomes;
    let mut lines = Vec::new();
    if figures.is_rehearsal {
        lines.push(format!(
            "in shadow mode: {} would have been made, and none was",
            counted(rehearsed, "retry")
        ));
    } else if retries > 0 {
        lines.push(format!("{}; {} recovered", counted(retries, "retry"), share(&figures.recovered)));
        lines.push(format!(
            "of the stage runs that were retried and are over, {} came through in the end",
            share(&figures.stage_runs)
        ));
        if running > 0 {
            lines.push(format!("of {} the end is not known yet", counted(running, "retry")));
        }
    }
    if let Some(times) = &figures.time_to_retry {
        lines.push(format!("from failure to retry: {}", percentiles(times)));
    }
    if let Some(times) = &figures.time_to_recovery {
        lines.push(format!("from failure to recovery: {}", percentiles(times)));
    }
    if figures.saved.retries_by_hand > 0 {
        let worth = figures.saved.dollars.map(|of| format!(", worth {}", dollars(of))).unwrap_or_default();
        lines.push(format!(
            "{} by hand less, and {} less of waiting{worth}",
            counted(figures.saved.retries_by_hand, "retry"),
            minutes(figures.saved.minutes)
        ));
    }
    let budgets = &figures.budgets;
    if budgets.waited + budgets.given_up > 0 {
        lines.push(format!(
            "{} waited for a token of a budget, {} were given up for want of one",
            counted(budgets.waited, "failure"),
            budgets.given_up
        ));
    }
    if budgets.held_in_storms > 0 {
        lines.push(format!("{} were held in storms", counted(budgets.held_in_storms, "failure")));
    }
    if budgets.busiest_hour > 0 {
        lines.push(format!("{} in the busiest hour", counted(budgets.busiest_hour, "retry")));
    }
    if let Some(first_try) = &figures.first_try {
        lines.push(format!("green at the first try: {}", share(first_try)));
    }
    lines
}

fn percentiles(times: &Percentiles) -> String {
    format!(
        "{} in the middle, nine of ten within {}, {} at most",
        minutes(times.p50),
        minutes(times.p90),
        minutes(times.max)
    )
}

/// `12 of 14`, or a dash where nothing ended.
fn recovered(of: &crate::replay::backtest::Share) -> String {
    if of.of == 0 { "-".to_owned() } else { format!("{} of {}", of.hits, of.of) }
}

fn stages(rows: &[StageRow]) -> String {
    let row = |row: &StageRow| {
        let main = row.classes.iter().max_by_key(|(_, times)| **times);
        vec![
            format!("{}/{}", row.pipeline, row.stage),
            row.failures.to_string(),
            main.map_or_else(String::new, |(class, times)| format!("{class} ({times})")),
            row.outcomes.retries.to_string(),
            recovered(&row.recovered),
        ]
    };
    let rows_shown: Vec<Vec<String>> = rows.iter().take(MOST).map(row).collect();
    let headings = ["STAGE", "FAILURES", "MOSTLY", "RETRIES", "RECOVERED"];
    let mut text = narrow_table("  ", &headings, &rows_shown, &[0]);
    if rows.len() > MOST {
        let _ = writeln!(text, "  and {} more, with --format json", rows.len() - MOST);
    }
    text
}

fn classes(rows: &[ClassRow]) -> String {
    let row = |row: &ClassRow| {
        vec![
            row.class.clone(),
            row.failures.to_string(),
            row.outcomes.retries.to_string(),
            recovered(&row.recovered),
            percent(row.recovered.rate),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    narrow_table("  ", &["CLASS", "FAILURES", "RETRIES", "RECOVERED", ""], &rows, &[0])
}

fn weeks(rows: &[WeekRow]) -> String {
    let row = |row: &WeekRow| {
        vec![
            row.begins.clone(),
            row.failures.to_string(),
            row.outcomes.retries.to_string(),
            recovered(&row.recovered),
            row.first_try.map_or_else(|| "-".to_owned(), |share| percent(share.rate)),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    let headings = ["WEEK OF", "FAILURES", "RETRIES", "RECOVERED", "FIRST TRY"];
    narrow_table("  ", &headings, &rows, &[0])
}

fn futile(rows: &[StageRow]) -> String {
    if rows.is_empty() {
        return paragraph_within("  ", "none, as far as enough retries ended to say so", WIDTH);
    }
    let line = |row: &StageRow| {
        let words = format!(
            "`{}/{}`: {} recovered; look for what is wrong there, or give it `mode: disabled`",
            row.pipeline,
            row.stage,
            share(&row.recovered)
        );
        paragraph_within("  - ", &words, WIDTH)
    };
    rows.iter().map(line).collect()
}

fn decisions(figures: &ReportFigures) -> String {
    let mut decisions: Vec<(&String, &u64)> = figures.decisions.iter().collect();
    decisions.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let rows: Vec<Vec<String>> =
        decisions.iter().map(|(ruling, times)| vec![(*ruling).clone(), times.to_string()]).collect();
    narrow_table("  ", &["LAST DECISION", "FAILURES"], &rows, &[0])
}
