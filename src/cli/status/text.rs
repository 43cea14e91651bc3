//! The status for people: what matters most first, then one block for each thing, also where there is nothing to say.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::{SignedDuration, Timestamp};

use super::headline::{Headline, Standing};
use super::open::age;
use super::{Shown, budgets, freezes, open};
use crate::aws::ledger::Quarantine;
use crate::cli::columns::{foreign, moment, roughly, table};
use crate::cli::error::CliError;
use crate::cli::{pauses, policy};
use crate::domain::controls::Controls;
use crate::domain::duration::in_words;
use crate::domain::sweep::Sweep;

pub(super) const HEADING: Style = Style::new().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const WELL: Style = AnsiColor::Green.on_default().bold();
pub(super) const MARGIN: &str = "  ";

/// Most pipelines that are named as lagging.
const MOST_NAMED: usize = 5;

pub(super) fn render(shown: &Shown, all: bool) -> String {
    let Shown { table, region, now, controls, weather, sweep, .. } = shown;
    let Headline { standing, sentence, also } = Headline::of(shown);
    let style = match standing {
        Standing::Well | Standing::NotAtWorkYet => WELL,
        _ => WARNING,
    };
    let mut text = format!("{style}{sentence}{style:#}\n");
    for concern in &also {
        let _ = writeln!(text, "{MARGIN}also {concern}");
    }
    let _ = writeln!(text, "{HEADING}ledger{HEADING:#}: table `{table}` in {region}");
    let _ = writeln!(text, "{HEADING}read{HEADING:#}: {now:.0}\n");
    text.push_str(&pauses_in_force(controls, *now));
    if let Some(weather) = weather.filter(|weather| weather.is_storm) {
        let _ = writeln!(text, "{WARNING}held back{WARNING:#}: {}", weather.in_words());
    }
    text.push_str(&policy_in_force(controls, *now));
    let (summary, lines) = freezes::lines(&shown.freezes, *now);
    let _ = writeln!(text, "\n{HEADING}freezes{HEADING:#}: {summary}");
    for line in lines {
        let _ = writeln!(text, "{MARGIN}{}", foreign(&line));
    }
    text.push_str(&budgets::block(&shown.buckets, *now, all));
    text.push_str(&open::waiting(shown, all));
    text.push_str(&open::under_way(shown, all));
    text.push_str(&last_sweep(sweep, *now));
    text.push_str(&not_understood(&shown.quarantine, *now));
    text
}

/// What was seen last, under what keeps it from being newer.
pub(super) fn stale(error: &CliError, last: &str) -> String {
    format!("{WARNING}warning{WARNING:#}: {error}; it is tried again, and this is from before\n\n{last}")
}

fn not_understood(quarantine: &Quarantine, now: Timestamp) -> String {
    let mut text = format!("\n{HEADING}messages not understood{HEADING:#}: {}\n", quarantine.total);
    for note in &quarantine.newest {
        let ago = roughly(age(note.at, now));
        let _ = writeln!(text, "{MARGIN}{ago} ago, {} bytes: {}", note.length, foreign(&note.problem));
    }
    text
}

fn pauses_in_force(controls: &Controls, now: Timestamp) -> String {
    let pauses = pauses::in_force(controls, now);
    if pauses.is_empty() {
        return format!("{HEADING}paused{HEADING:#}: no\n");
    }
    let mut text = format!("{WARNING}paused{WARNING:#}:\n");
    for pause in pauses {
        let _ = writeln!(text, "{MARGIN}{}", pauses::line(pause, now));
    }
    text
}

fn policy_in_force(controls: &Controls, now: Timestamp) -> String {
    let source = policy::source(controls, now);
    let Some((version, mode)) = &controls.activated else {
        return format!(
            "\n{HEADING}policy{HEADING:#}: none has been at work yet\n{MARGIN}in force: {source}\n"
        );
    };
    let mut text = format!(
        "\n{HEADING}policy{HEADING:#}: version {} in mode `{}`\n{MARGIN}in force: {source}\n",
        foreign(&version.0),
        mode.as_str()
    );
    let rows: Vec<_> = (controls.active_since.iter())
        .map(|((rule, shadow), since)| {
            vec![
                rule.to_string(),
                if *shadow { "shadow" } else { "active" }.to_owned(),
                format!("{since:.0}"),
            ]
        })
        .collect();
    if !rows.is_empty() {
        text.push_str(&table(MARGIN, &["RULE", "MODE", "AT WORK SINCE"], &rows));
    }
    text
}

/// How far behind the present everything has been seen; none where no round was complete.
pub(super) fn lag(sweep: &Sweep, now: Timestamp) -> Option<SignedDuration> {
    let lagging = sweep.lagging.values().min().copied();
    let seen = sweep.watermark.into_iter().chain(lagging).min()?;
    sweep.watermark.map(|_| age(seen, now))
}

fn last_sweep(sweep: &Sweep, now: Timestamp) -> String {
    let mut text = match sweep.completed {
        Some(last) => format!("\n{HEADING}sweep{HEADING:#}: last complete {}\n", moment(last.ended, now)),
        None if sweep.under_way.is_some() => {
            format!("\n{HEADING}sweep{HEADING:#}: the first one is under way\n")
        }
        None => return format!("\n{HEADING}sweep{HEADING:#}: none yet\n"),
    };
    if let Some(watermark) = sweep.watermark {
        let _ = writeln!(text, "{MARGIN}everything before {} has been seen", moment(watermark, now));
    }
    if let Some(round) = &sweep.under_way {
        let _ = write!(text, "{MARGIN}under way since {}", moment(round.began, now));
        if let Some(pipeline) = &round.cursor {
            let _ = write!(text, ",\n{MARGIN}as far as pipeline `{pipeline}`");
        }
        text.push('\n');
    }
    if !sweep.lagging.is_empty() {
        let names: Vec<String> = sweep.lagging.keys().take(MOST_NAMED).map(ToString::to_string).collect();
        let more = sweep.lagging.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(text, "{MARGIN}to be looked at again: {}{more}", names.join(", "));
        if let Some(lag) = lag(sweep, now) {
            let _ = writeln!(text, "{MARGIN}the oldest of them is {} behind", roughly(lag));
        }
    }
    if sweep.is_overdue(now) {
        let every = in_words(sweep.every);
        let _ = writeln!(
            text,
            "{MARGIN}{WARNING}overdue{WARNING:#}: one was to begin every {every},\n\
             {MARGIN}unless parameter `SweepInterval` is 0 by now"
        );
    }
    text
}
