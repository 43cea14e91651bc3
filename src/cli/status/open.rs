//! Failures that wait and retries under way, oldest first.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::Shown;
use super::text::{HEADING, MARGIN};
use crate::cli::columns::{away, foreign, narrow_table, roughly, table};
use crate::domain::stage_run::{Claim, StageRun, Wait};

/// Most of each that are shown unless all are asked for.
const MOST: usize = 20;
/// Characters of an execution's id that tell it from others.
const SHORT_ID: usize = 8;

/// The waits, oldest failure first.
pub(super) fn waits(open: &[StageRun]) -> Vec<(&StageRun, &Wait)> {
    let mut waits: Vec<_> = open.iter().filter_map(|record| Some((record, record.wait.as_ref()?))).collect();
    waits.sort_by_key(|(record, wait)| (wait.hint.time, record.id.clone()));
    waits
}

/// The claims, oldest failure first.
pub(super) fn claims(open: &[StageRun]) -> Vec<(&StageRun, &Claim)> {
    let mut claims: Vec<_> =
        open.iter().filter_map(|record| Some((record, record.claim.as_ref()?))).collect();
    claims.sort_by_key(|(record, claim)| (claim.hint.time, record.id.clone()));
    claims
}

/// How long something has been so; nothing where a clock says that it has yet to begin.
pub(super) fn age(since: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(since).max(SignedDuration::ZERO)
}

pub(super) fn waiting(shown: &Shown, all: bool) -> String {
    let (now, waits) = (shown.now, waits(&shown.open));
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, wait) in &waits {
        *reasons.entry(wait.ruling.reason()).or_default() += 1;
    }
    let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let row = |(record, wait): &(&StageRun, &Wait)| {
        // A cause has no instant; it is looked at again from time to time.
        let until = match wait.until {
            Some(until) => away(until, now),
            None => format!("looks {}", away(wait.wake_at, now)),
        };
        let since = roughly(age(wait.hint.time, now));
        [place(record, all), vec![wait.ruling.reason().to_owned(), until, since]].concat()
    };
    let rows: Vec<_> = waits.iter().take(if all { usize::MAX } else { MOST }).map(row).collect();
    let headings = ["PIPELINE", "STAGE", "EXECUTION", "WHY", "UNTIL", "AGE"];
    block("waiting", shown, waits.len(), &reasons.join(", "), &headings, &rows, all)
}

pub(super) fn under_way(shown: &Shown, all: bool) -> String {
    let (now, claims) = (shown.now, claims(&shown.open));
    let row = |(record, claim): &(&StageRun, &Claim)| {
        let taken_over = if claim.taken_over { ", taken over" } else { "" };
        let since = roughly(age(claim.hint.time, now));
        let told = vec![format!("{}{taken_over}", claim.retry), away(claim.lease_until, now), since];
        [place(record, all), told].concat()
    };
    let rows: Vec<_> = claims.iter().take(if all { usize::MAX } else { MOST }).map(row).collect();
    let headings = ["PIPELINE", "STAGE", "EXECUTION", "RETRY", "CLAIMED UNTIL", "AGE"];
    block("retries under way", shown, claims.len(), "", &headings, &rows, all)
}

fn place(record: &StageRun, all: bool) -> Vec<String> {
    let id = record.id.execution.as_str();
    let execution = if all { id.to_owned() } else { id.chars().take(SHORT_ID).collect() };
    vec![record.id.pipeline.name.to_string(), record.id.stage.to_string(), execution]
}

fn block(
    name: &str,
    shown: &Shown,
    count: usize,
    what: &str,
    headings: &[&str],
    rows: &[Vec<String>],
    all: bool,
) -> String {
    let of = shown
        .only
        .as_ref()
        .map_or_else(String::new, |only| format!(" (pipelines `{}`)", foreign(only.as_str())));
    if count == 0 {
        return format!("\n{HEADING}{name}{HEADING:#}{of}: none\n");
    }
    let what = if what.is_empty() { String::new() } else { format!(" ({what})") };
    let oldest = if count > 1 { ", oldest first" } else { "" };
    let rows_text =
        if all { table(MARGIN, headings, rows) } else { narrow_table(MARGIN, headings, rows, &[0, 1]) };
    let mut text = format!("\n{HEADING}{name}{HEADING:#}{of}: {count}{what}{oldest}\n{rows_text}");
    let left = count.saturating_sub(rows.len());
    if left > 0 {
        let _ = writeln!(text, "{MARGIN}and {left} more: `--all` shows them");
    }
    text
}
