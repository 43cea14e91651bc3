//! Budgets for people: a bar, what is left, and when the next token comes. Those that are nearly empty come first.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::text::{HEADING, MARGIN};
use crate::aws::ledger::KeptBucket;
use crate::cli::columns::{away, narrow_table, table};

/// Most budgets that are shown unless all are asked for.
const MOST: usize = 12;
/// Characters of a full bar.
const BAR: u32 = 10;

pub(super) fn block(buckets: &[KeptBucket], now: Timestamp, all: bool) -> String {
    if buckets.is_empty() {
        return format!("\n{HEADING}budgets{HEADING:#}: none has been used yet\n");
    }
    let mut sorted: Vec<&KeptBucket> = buckets.iter().collect();
    // Budgets of the whole Region first, then what is nearest to its end; what is for show only comes last.
    sorted.sort_by_key(|kept| (kept.key.shadow, kept.key.pipeline.is_some(), share(kept, now)));
    let most = if all { usize::MAX } else { MOST };
    let rows: Vec<_> = sorted.iter().take(most).map(|kept| row(kept, now)).collect();
    let headings = ["BUDGET", "OF", "TOKENS", "", "NEXT", "FULL"];
    let rows =
        if all { table(MARGIN, &headings, &rows) } else { narrow_table(MARGIN, &headings, &rows, &[0, 1]) };
    let mut text = format!("\n{HEADING}budgets{HEADING:#}: {}\n{rows}", buckets.len());
    let left = sorted.len().saturating_sub(most);
    if left > 0 {
        let full = sorted.iter().skip(most).filter(|kept| kept.full_at(now).is_none()).count();
        let _ = writeln!(text, "{MARGIN}and {left} more, {full} of them full: `--all` shows them");
    }
    text
}

/// Thousandths of the capacity that are there.
fn share(kept: &KeptBucket, now: Timestamp) -> u64 {
    match (kept.balance(now), kept.capacity) {
        (Some(tokens), Some(capacity)) => u64::from(tokens) * 1_000 / u64::from(capacity.max(1)),
        _ => 1_000,
    }
}

fn row(kept: &KeptBucket, now: Timestamp) -> Vec<String> {
    let key = &kept.key;
    let of = match (&key.pipeline, &key.stage) {
        (None, None) => match (&key.account, &key.region) {
            (Some(account), Some(region)) => format!("{account} {region}"),
            _ => "all accounts and Regions".to_owned(),
        },
        (Some(pipeline), None) => pipeline.name.to_string(),
        (Some(pipeline), Some(stage)) => format!("{} / {stage}", pipeline.name),
        (None, Some(stage)) => stage.to_string(),
    };
    let (bar, tokens) = match (kept.balance(now), kept.capacity) {
        (Some(tokens), Some(capacity)) => (bar(tokens, capacity), format!("{tokens} of {capacity}")),
        _ => (String::new(), "-".to_owned()),
    };
    let shadow = if key.shadow { " (shadow)" } else { "" };
    let next = kept.next_token(now).map_or_else(|| "-".to_owned(), |next| away(next, now));
    let full = kept.full_at(now).map_or_else(|| "now".to_owned(), |full_at| away(full_at, now));
    vec![format!("{}{shadow}", key.budget), of, bar, tokens, next, full]
}

/// Empty only where nothing is left, and full only where everything is.
fn bar(tokens: u32, capacity: u32) -> String {
    let exact = u64::from(tokens) * u64::from(BAR) / u64::from(capacity.max(1));
    let filled = usize::try_from(exact).unwrap_or(0).max(usize::from(tokens > 0));
    let whole = usize::try_from(BAR).unwrap_or(0);
    format!("[{}{}]", "#".repeat(filled), "-".repeat(whole.saturating_sub(filled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_empty_or_full_only_where_the_bucket_is() {
        for (tokens, capacity, expected) in [
            (0, 20, "[----------]"),
            (1, 200, "[#---------]"),
            (10, 20, "[#####-----]"),
            (199, 200, "[#########-]"),
            (20, 20, "[##########]"),
            (1, 1, "[##########]"),
        ] {
            assert_eq!(bar(tokens, capacity), expected, "{tokens} of {capacity}");
        }
    }
}
