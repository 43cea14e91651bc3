//! Numbers as people read them.

use jiff::{SignedDuration, Timestamp};

use super::columns::roughly;
use crate::replay::backtest::Share;

/// A number with its noun: `1 failure`, `1,234 failures`, `2 retries`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = match noun.strip_suffix('y') {
        // `retry` and not `play`.
        Some(stem) if number != 1 && !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if number != 1 => format!("{noun}s"),
        _ => noun.to_owned(),
    };
    format!("{} {plural}", grouped(number))
}

/// A number with commas: `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as percent: `91.2 %`, and a dash of nothing.
pub(super) fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.1} %", rate * 100.0))
}

/// A share with its interval: `128 of 139 (92.1 %; 86 to 96 % with 95 % confidence)`.
pub(super) fn share(share: &Share) -> String {
    match share.rate {
        None => "none of none".to_owned(),
        Some(_) => format!(
            "{} of {} ({}; {:.0} to {:.0} % with 95 % confidence)",
            grouped(share.hits),
            grouped(share.of),
            percent(share.rate),
            share.low * 100.0,
            share.high * 100.0
        ),
    }
}

/// The same in short: `128 of 139`.
pub(super) fn plain_share(share: &Share) -> String {
    format!("{} of {}", grouped(share.hits), grouped(share.of))
}

/// Minutes to the two largest units that they have: `1h5m`.
pub(super) fn minutes(minutes: f64) -> String {
    roughly(SignedDuration::try_from_secs_f64((minutes * 60.0).round()).unwrap_or_default())
}

/// What stands at the end of a page.
pub(super) fn colophon(command: &str, now: Timestamp) -> String {
    format!("Made by `{command}` of codepipeline-retrier {} at {now:.0}.", env!("CARGO_PKG_VERSION"))
}

/// Money: `$1,234.50`.
pub(super) fn dollars(dollars: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "prices are positive and far below 2^63 cents"
    )]
    let cents = (dollars.max(0.0) * 100.0).round() as u64;
    format!("${}.{:02}", grouped(cents / 100), cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_counted() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), expected);
        }
        assert_eq!(counted(1, "retry"), "1 retry");
        assert_eq!(counted(2, "retry"), "2 retries");
        assert_eq!(counted(0, "failure"), "0 failures");
        assert_eq!(counted(5, "play"), "5 plays");
    }

    #[test]
    fn money_and_shares_are_rounded_as_people_do() {
        assert_eq!(dollars(1234.5), "$1,234.50");
        assert_eq!(dollars(0.004), "$0.00");
        assert_eq!(percent(Some(0.9123)), "91.2 %");
        assert_eq!(percent(None), "-");
        assert_eq!(share(&Share::new(9, 10)), "9 of 10 (90.0 %; 60 to 98 % with 95 % confidence)");
    }
}
