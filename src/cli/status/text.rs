//! The status for people: one block for each thing, also where there is nothing to say.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::Shown;
use crate::aws::ledger::KeptBucket;
use crate::cli::columns::{foreign, moment, table};
use crate::cli::{pauses, policy};
use crate::domain::controls::Controls;
use crate::domain::duration::in_words;
use crate::domain::stage_run::StageRun;
use crate::domain::sweep::Sweep;

const HEADING: Style = Style::new().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const MARGIN: &str = "  ";

pub(super) fn render(shown: &Shown) -> String {
    let Shown { table, region, now, controls, weather, buckets, open, sweep, quarantine } = shown;
    let mut text = format!("{HEADING}ledger{HEADING:#}: table `{table}` in {region}\n");
    text.push_str(&pauses_in_force(controls, *now));
    if let Some(weather) = weather.filter(|weather| weather.is_storm) {
        let _ = writeln!(text, "{WARNING}held back{WARNING:#}: {}", weather.in_words());
    }
    text.push_str(&policy_in_force(controls, *now));
    text.push_str(&budgets(buckets, *now));
    text.push_str(&waits(open, *now));
    text.push_str(&claims(open, *now));
    text.push_str(&last_sweep(sweep, *now));
    let _ = writeln!(text, "\n{HEADING}messages not understood{HEADING:#}: {}", quarantine.total);
    for note in &quarantine.newest {
        let _ = writeln!(text, "{MARGIN}{:.0}  {} bytes: {}", note.at, note.length, foreign(&note.problem));
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
            "\n{HEADING}policy{HEADING:#}: none has been at work yet; the first failure or sweep puts it to work\n\
             {MARGIN}in force: {source}\n"
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

fn budgets(buckets: &[KeptBucket], now: Timestamp) -> String {
    if buckets.is_empty() {
        return format!("\n{HEADING}budgets{HEADING:#}: none has been used yet\n");
    }
    let rows: Vec<_> = (buckets.iter())
        .map(|kept| {
            let key = &kept.key;
            let of = match (&key.pipeline, &key.stage) {
                (None, None) => match (&key.account, &key.region) {
                    (Some(account), Some(region)) => format!("{account} in {region}"),
                    _ => "all accounts and Regions".to_owned(),
                },
                (Some(pipeline), None) => pipeline.name.to_string(),
                (Some(pipeline), Some(stage)) => format!("{} / {stage}", pipeline.name),
                (None, Some(stage)) => stage.to_string(),
            };
            let tokens = match (kept.balance(now), kept.capacity) {
                (Some(tokens), Some(capacity)) => format!("{tokens} of {capacity}"),
                _ => "-".to_owned(),
            };
            let shadow = if key.shadow { " (shadow)" } else { "" };
            let full = kept.full_at(now).map_or_else(|| "now".to_owned(), |full_at| moment(full_at, now));
            vec![format!("{}{shadow}", key.budget), of, tokens, full]
        })
        .collect();
    format!("\n{HEADING}budgets{HEADING:#}:\n{}", table(MARGIN, &["BUDGET", "OF", "TOKENS", "FULL"], &rows))
}

fn waits(open: &[StageRun], now: Timestamp) -> String {
    let row = |record: &StageRun| {
        let wait = record.wait.as_ref()?;
        // A cause has no instant; it is looked at again from time to time.
        let until = match wait.until {
            Some(until) => moment(until, now),
            None => format!("-, looks again {}", moment(wait.wake_at, now)),
        };
        Some(vec![
            record.id.pipeline.name.to_string(),
            record.id.stage.to_string(),
            record.id.execution.to_string(),
            wait.ruling.reason().to_owned(),
            until,
        ])
    };
    let headings = ["PIPELINE", "STAGE", "EXECUTION", "REASON", "UNTIL"];
    block("waiting", &headings, &open.iter().filter_map(row).collect::<Vec<_>>())
}

fn claims(open: &[StageRun], now: Timestamp) -> String {
    let row = |record: &StageRun| {
        let claim = record.claim.as_ref()?;
        let taken_over = if claim.taken_over { ", taken over" } else { "" };
        Some(vec![
            record.id.pipeline.name.to_string(),
            record.id.stage.to_string(),
            record.id.execution.to_string(),
            format!("{}{taken_over}", claim.retry),
            moment(claim.lease_until, now),
        ])
    };
    let headings = ["PIPELINE", "STAGE", "EXECUTION", "RETRY", "CLAIMED UNTIL"];
    block("retries under way", &headings, &open.iter().filter_map(row).collect::<Vec<_>>())
}

fn last_sweep(sweep: &Sweep, now: Timestamp) -> String {
    let Some(last) = sweep.completed else {
        let under_way = if sweep.under_way.is_some() { "the first one is under way" } else { "none yet" };
        return format!("\n{HEADING}sweep{HEADING:#}: {under_way}\n");
    };
    let mut text = format!("\n{HEADING}sweep{HEADING:#}: last complete {}\n", moment(last.ended, now));
    if let Some(round) = &sweep.under_way {
        let _ = write!(text, "{MARGIN}under way since {}", moment(round.began, now));
        if let Some(pipeline) = &round.cursor {
            let _ = write!(text, ", as far as pipeline `{pipeline}`");
        }
        text.push('\n');
    }
    if !sweep.lagging.is_empty() {
        let names: Vec<String> = sweep.lagging.keys().map(ToString::to_string).collect();
        let _ = writeln!(text, "{MARGIN}to be looked at again: {}", names.join(", "));
    }
    if sweep.is_overdue(now) {
        let every = in_words(sweep.every);
        let _ = writeln!(
            text,
            "{MARGIN}{WARNING}overdue{WARNING:#}: one was to begin every {every}, unless parameter `SweepInterval` is 0 by now"
        );
    }
    text
}

fn block(name: &str, headings: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return format!("\n{HEADING}{name}{HEADING:#}: none\n");
    }
    format!("\n{HEADING}{name}{HEADING:#}: {}\n{}", rows.len(), table(MARGIN, headings, rows))
}
