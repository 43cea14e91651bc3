//! What people do about failures: whether somebody cares, when they look, and when they leave it.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::document::HoursDocument;
use super::lot::Lot;
use crate::domain::class::Class;
use crate::domain::stage_run::after;
use crate::replay::values::{Built, named};

/// How people deal with failures.
#[derive(Debug, Clone, PartialEq)]
pub struct People {
    /// The share of stage runs that somebody retries by hand, by the class of their first failure.
    pub retry: BTreeMap<Class, f64>,
    /// The mean time from a failure until somebody looks.
    pub after: SignedDuration,
    /// How often somebody retries a stage run before it is left.
    pub gives_up_after: u32,
    /// When people are there; always when absent.
    pub working_hours: Option<WorkingHours>,
}

/// When people are there.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkingHours {
    /// From then on.
    pub from: Time,
    /// Until then, on the same day.
    pub to: Time,
    /// On these days.
    pub days: Vec<Weekday>,
    /// By this clock.
    pub timezone: TimeZone,
}

/// Days of the week as policies spell them.
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

pub(super) fn working_hours(document: HoursDocument) -> Built<WorkingHours> {
    let time = |text: &str| {
        text.parse::<Time>().map_err(|_| format!("`{text}` is not a time of the day such as `08:00`"))
    };
    let days = match document.days {
        None => {
            vec![Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday]
        }
        Some(days) => days
            .iter()
            .map(|day| named(day, "day", &DAYS, |(name, _)| name).map(|(_, day)| day))
            .collect::<Built<_>>()?,
    };
    let zone = document.timezone.as_deref().unwrap_or("UTC");
    let hours = WorkingHours {
        from: time(&document.from)?,
        to: time(&document.to)?,
        days,
        timezone: TimeZone::get(zone).map_err(|_| format!("`{zone}` is not a known time zone"))?,
    };
    if hours.from >= hours.to || hours.days.is_empty() {
        return Err("working hours begin before they end, on one day at least".into());
    }
    Ok(hours)
}

impl People {
    /// Whether somebody cares for a stage run that fails first with this class.
    pub(super) fn care(&self, run: Lot, class: Class) -> bool {
        run.name("cares").drawn() < self.retry.get(&class).copied().unwrap_or_default()
    }

    /// When somebody looks who has retried the stage run so often before, and heard of its failure then.
    pub(super) fn look(&self, run: Lot, tries: u32, failed: Timestamp) -> Timestamp {
        let delay = run.name("looks").number(u64::from(tries)).draws().until_next(self.after);
        let at = after(failed, delay);
        self.working_hours.as_ref().map_or(at, |hours| hours.next(at))
    }
}

impl WorkingHours {
    /// The first instant from then on at which people are there.
    fn next(&self, at: Timestamp) -> Timestamp {
        let local = at.to_zoned(self.timezone.clone()).datetime();
        if self.days.contains(&local.weekday()) && self.from <= local.time() && local.time() < self.to {
            return at;
        }
        let today = local.date();
        let first = if local.time() < self.from { Some(today) } else { today.tomorrow().ok() };
        let opening = |date: Date| self.timezone.to_timestamp(date.to_datetime(self.from)).ok();
        let days = std::iter::successors(first, |day| day.tomorrow().ok());
        let day = days.take(8).find(|day| self.days.contains(&day.weekday()));
        day.and_then(opening).map_or(at, |opening| opening.max(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours() -> WorkingHours {
        working_hours(HoursDocument {
            from: "08:00".into(),
            to: "18:00".into(),
            days: None,
            timezone: Some("Europe/Berlin".into()),
        })
        .unwrap()
    }

    #[test]
    fn people_look_when_they_are_there() {
        let hours = hours();
        for (at, there) in [
            ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"),
            ("2026-03-02T05:00:00Z", "2026-03-02T07:00:00Z"),
            ("2026-03-02T17:00:00Z", "2026-03-03T07:00:00Z"),
            ("2026-03-06T20:00:00Z", "2026-03-09T07:00:00Z"),
            ("2026-03-08T12:00:00Z", "2026-03-09T07:00:00Z"),
            // Clocks went forward that Sunday.
            ("2026-03-29T12:00:00Z", "2026-03-30T06:00:00Z"),
        ] {
            assert_eq!(hours.next(at.parse().unwrap()), there.parse().unwrap(), "{at}");
        }
    }
}
