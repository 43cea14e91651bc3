//! Durations, rates and factors as they are written. Which of them a key takes is not decided here.

use jiff::SignedDuration;
use jiff::civil::Time;

/// The seconds of a duration such as `30s`, `5m`, `2h` or `1d`. What is too long to count is as long as can be.
pub fn duration(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let count = whole(text.strip_suffix(unit)?)?;
    Some(SignedDuration::from_secs(count.saturating_mul(seconds)))
}

/// The one quantity that says the same as a sum of them: `90m` for `1h30m`.
pub(super) fn sum_in_one_unit(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split_inclusive(['s', 'm', 'h', 'd']).collect();
    if parts.len() < 2 {
        return None;
    }
    let seconds = parts
        .into_iter()
        .try_fold(0_i64, |sum, part| sum.checked_add(duration(part.trim_start_matches(' '))?.as_secs()))?;
    let (unit, size) = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]
        .into_iter()
        .find(|(_, size)| seconds != 0 && seconds % size == 0)?;
    Some(format!("{}{unit}", seconds / size))
}

/// A time of the day such as `06:00`; the inner nothing is `24:00`, its end.
#[expect(clippy::option_option, reason = "no time, the end of the day, or a time")]
pub(super) fn time_of_day(text: &str) -> Option<Option<Time>> {
    let (hour, minute) = text.split_once(':')?;
    let is_written_in_full = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !is_written_in_full(hour) || !is_written_in_full(minute) {
        return None;
    }
    if text == "24:00" {
        return Some(None);
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok().map(Some)
}

/// So many in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub count: i64,
    pub period_ms: i64,
}

/// A rate such as `1/m`, `6/h` or `60/d`.
pub(super) fn rate(text: &str) -> Option<Rate> {
    let (count, unit) = text.split_once('/')?;
    let period_ms = match unit {
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let count = whole(count)?;
    Some(Rate { count, period_ms })
}

/// A number with at most three decimals, in thousandths.
pub(super) fn thousandths(text: &str) -> Option<i64> {
    let (integer, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || (integer.is_empty() && decimals.is_empty()) {
        return None;
    }
    let integer = if integer.is_empty() { 0 } else { whole(integer)? };
    let padded = format!("{decimals:0<3}");
    integer.saturating_mul(1_000).checked_add(whole(&padded)?)
}

/// A whole number as the YAML core schema writes it. What is too large to count is as large as can be.
pub(super) fn integer(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return Some(i64::from_str_radix(digits, 16).unwrap_or(i64::MAX));
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return Some(i64::from_str_radix(digits, 8).unwrap_or(i64::MAX));
    }
    match text.strip_prefix('-') {
        Some(digits) => whole(digits).map(|number| -number),
        None => whole(text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Digits only; at most `i64::MAX`.
fn whole(digits: &str) -> Option<i64> {
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("0s", Some(0)),
            ("30s", Some(30)),
            ("5m", Some(300)),
            ("2h", Some(7_200)),
            ("1d", Some(86_400)),
            ("99999999999999999999d", Some(i64::MAX)),
            ("", None),
            ("s", None),
            ("30", None),
            ("-1s", None),
            ("1.5h", None),
            ("1 h", None),
            ("1h30m", None),
            ("30é", None),
        ] {
            let expected = seconds.map(SignedDuration::from_secs);
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn sums_have_one_unit() {
        for (text, expected) in [
            ("1h30m", Some("90m")),
            ("1h 30m", Some("90m")),
            ("1d12h", Some("36h")),
            ("1m1s", Some("61s")),
            ("30m30m", Some("1h")),
            ("99999999999999999999d1s", None),
            ("0h0m", None),
            ("90m", None),
            ("1h30", None),
            ("2 hours", None),
        ] {
            assert_eq!(sum_in_one_unit(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn rates() {
        let per = |count, period_ms| Some(Rate { count, period_ms });
        for (text, expected) in [
            ("1/m", per(1, 60_000)),
            ("6/h", per(6, 3_600_000)),
            ("60/d", per(60, 86_400_000)),
            ("6 / h", None),
            ("6/hour", None),
            ("/h", None),
            ("6", None),
            ("-6/h", None),
        ] {
            assert_eq!(rate(text), expected, "{text}");
        }
    }

    #[test]
    fn factors_are_exact() {
        for (text, expected) in [
            ("2", Some(2_000)),
            ("1.5", Some(1_500)),
            ("1.", Some(1_000)),
            (".5", Some(500)),
            ("1.005", Some(1_005)),
            ("1.0005", None),
            (".", None),
            ("1e3", None),
            ("-2", None),
        ] {
            assert_eq!(thousandths(text), expected, "{text}");
        }
    }

    #[test]
    fn integers() {
        for (text, expected) in [
            ("012", Some(12)),
            ("-3", Some(-3)),
            ("+3", Some(3)),
            ("0x10", Some(16)),
            ("0o10", Some(8)),
            ("99999999999999999999", Some(i64::MAX)),
        ] {
            assert_eq!(integer(text), expected, "{text}");
        }
    }
}
