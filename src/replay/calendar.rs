//! Weeks, by which figures are told over time.

use jiff::Timestamp;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The Monday, in UTC, with which the week of an instant begins.
pub(super) fn week_of(at: Timestamp) -> String {
    let days = at.as_second().div_euclid(DAY);
    // 1970 began on a Thursday.
    let monday = days - (days + 3).rem_euclid(7);
    Timestamp::from_second(monday * DAY).unwrap_or(at).strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_begins_on_monday() {
        for (at, monday) in [
            ("2026-11-22T23:59:59Z", "2026-11-16"),
            ("2026-11-23T00:00:00Z", "2026-11-23"),
            ("1970-01-01T00:00:00Z", "1969-12-29"),
        ] {
            assert_eq!(week_of(at.parse().unwrap()), monday);
        }
    }
}
