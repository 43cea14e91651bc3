//! Times at which nothing is retried: windows that come back every week, and change calendars that somebody else keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::ids::{CalendarArn, FreezeName};
use super::pipeline::Gap;

/// A time at which nothing is retried, under its name in the policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Freeze {
    /// Its name.
    pub name: FreezeName,
    /// When it holds.
    pub when: When,
}

impl Freeze {
    /// The change calendar that says when, where one does.
    pub const fn calendar(&self) -> Option<&CalendarArn> {
        match &self.when {
            When::Calendar(arn) => Some(arn),
            When::Weekly(_) => None,
        }
    }
}

/// When a freeze holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum When {
    /// In a window that comes back every week.
    Weekly(Weekly),
    /// While a change calendar of AWS Systems Manager is closed.
    Calendar(CalendarArn),
}

/// A window on some days of the week, by the clock of a place.
///
/// It begins when that clock first shows `from` or later, and ends when it last shows `to`: an hour that the clock skips is no
/// hole in it, and one that it shows twice belongs to it as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Weekly {
    days: BTreeSet<Day>,
    from: Time,
    /// None for the end of the day.
    to: Option<Time>,
    zone: Zone,
}

/// A day of the week, Monday first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the days of the week")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    /// The week.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// The name used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "mon",
            Self::Tuesday => "tue",
            Self::Wednesday => "wed",
            Self::Thursday => "thu",
            Self::Friday => "fri",
            Self::Saturday => "sat",
            Self::Sunday => "sun",
        }
    }

    fn of(date: Date) -> Self {
        match date.weekday() {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

/// A time zone under its IANA name.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// The zone of that name with its rules.
    pub fn new(name: impl Into<String>, rules: TimeZone) -> Self {
        Self { name: name.into(), rules }
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Weekly {
    /// A window that begins on those days at `from`, and ends at `to`: on the same day, or where that is not after `from` on
    /// the next; none is the end of the day. Nothing where no day is named, or where it would begin as it ends.
    pub fn new(days: BTreeSet<Day>, from: Time, to: Option<Time>, zone: Zone) -> Option<Self> {
        (!days.is_empty() && to != Some(from)).then_some(Self { days, from, to, zone })
    }

    /// The end of the window that holds at that instant.
    fn end(&self, at: Timestamp) -> Option<Timestamp> {
        let today = at.to_zoned(self.zone.rules.clone()).date();
        // One that began yesterday may not be over; where the clock is set back at midnight, one of the day before that.
        let begun = [today.saturating_sub(2.days()), today.saturating_sub(1.day()), today];
        let windows = begun.into_iter().filter(|date| self.days.contains(&Day::of(*date)));
        windows
            .map(|date| self.on(date))
            .filter(|(begin, end)| *begin <= at && at < *end)
            .map(|(_, end)| end)
            .max()
    }

    /// The window that begins on that date.
    fn on(&self, date: Date) -> (Timestamp, Timestamp) {
        let next = date.saturating_add(1.day());
        let end = match self.to {
            None => (next, Time::midnight()),
            Some(to) if to <= self.from => (next, to),
            Some(to) => (date, to),
        };
        (self.instant((date, self.from), Edge::Begin), self.instant(end, Edge::End))
    }

    /// When the clock shows that, first or last; where it never does, when it skips it.
    fn instant(&self, (date, time): (Date, Time), edge: Edge) -> Timestamp {
        let ambiguous = self.zone.rules.to_ambiguous_timestamp(date.to_datetime(time));
        let is_gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        let (earlier, later) = (ambiguous.earlier(), ambiguous.later());
        let beyond = |edge| if edge == Edge::Begin { Timestamp::MIN } else { Timestamp::MAX };
        let (Ok(earlier), Ok(later)) = (earlier, later) else { return beyond(edge) };
        match edge {
            _ if is_gap => self.zone.rules.following(earlier).next().map_or(later, |skip| skip.timestamp()),
            Edge::Begin => earlier,
            Edge::End => later,
        }
    }
}

/// One of the two ends of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Begin,
    End,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weekly(Weekly { days, from, to, zone }) => {
                if days.len() < Day::ALL.len() {
                    let days: Vec<&str> = days.iter().map(|day| day.as_str()).collect();
                    write!(f, "{} ", days.join(", "))?;
                }
                let to = to.map_or("24:00".to_owned(), |to| to.strftime("%H:%M").to_string());
                write!(f, "{}\u{2013}{to} {}", from.strftime("%H:%M"), zone.name)
            }
            Self::Calendar(arn) => write!(f, "change calendar {arn}"),
        }
    }
}

/// What a change calendar says at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalendarState {
    /// Changes are welcome.
    Open,
    /// They are not, until then where that is known.
    Closed {
        /// When it next changes.
        until: Option<Timestamp>,
    },
}

/// What the change calendars say that were asked.
pub type CalendarReadings = BTreeMap<CalendarArn, Result<CalendarState, Gap>>;

/// What freezes say of an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weather<'a> {
    /// None holds.
    Open,
    /// This one holds.
    Frozen {
        /// The one that holds.
        freeze: &'a Freeze,
        /// When none holds any more, as far as that was asked; nothing where it is not known.
        until: Option<Timestamp>,
    },
    /// None is known to hold, and this calendar has not been asked.
    Unasked(&'a CalendarArn),
    /// None is known to hold, and this calendar could not be read.
    Unknown(&'a CalendarArn, Gap),
}

/// Whether one of those freezes holds at that instant, and when none does any more. That is followed no further than to
/// `latest`.
pub fn weather<'a>(
    freezes: impl Iterator<Item = &'a Freeze> + Clone,
    calendars: &CalendarReadings,
    at: Timestamp,
    latest: Timestamp,
) -> Weather<'a> {
    let held = freezes.clone().find_map(|freeze| Some((freeze, holds(freeze, calendars, at)?)));
    let Some((freeze, mut until)) = held else {
        return unread(freezes, calendars).unwrap_or(Weather::Open);
    };
    // Another may begin before one ends, as the weekend does in the night before it.
    while let Some(end) = until.known().filter(|end| *end < latest) {
        let at_its_end = freezes.clone().filter_map(|freeze| holds(freeze, calendars, end));
        let Some(longest) = at_its_end.max() else { break };
        until = longest;
    }
    Weather::Frozen { freeze, until: until.known() }
}

/// A calendar of those freezes of which nothing is known.
fn unread<'a>(
    freezes: impl Iterator<Item = &'a Freeze>,
    calendars: &CalendarReadings,
) -> Option<Weather<'a>> {
    let mut found = None;
    for arn in freezes.filter_map(Freeze::calendar) {
        match calendars.get(arn) {
            None => return Some(Weather::Unasked(arn)),
            Some(Err(gap)) => found = Some(Weather::Unknown(arn, *gap)),
            Some(Ok(_)) => {}
        }
    }
    found
}

/// Until when a freeze holds. What nobody knows comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Until {
    Known(Timestamp),
    Unknown,
}

impl Until {
    const fn known(self) -> Option<Timestamp> {
        match self {
            Self::Known(until) => Some(until),
            Self::Unknown => None,
        }
    }
}

/// Until when a freeze holds; none where it does not at that instant.
fn holds(freeze: &Freeze, calendars: &CalendarReadings, at: Timestamp) -> Option<Until> {
    match &freeze.when {
        When::Weekly(weekly) => weekly.end(at).map(Until::Known),
        When::Calendar(arn) => match calendars.get(arn) {
            // What it does after its next change it has not said.
            Some(Ok(CalendarState::Closed { until: Some(until) })) => {
                (at < *until).then_some(Until::Known(*until))
            }
            Some(Ok(CalendarState::Closed { until: None })) => Some(Until::Unknown),
            Some(Ok(CalendarState::Open) | Err(_)) | None => None,
        },
    }
}

/// After the end of a freeze the retries that it held come back one after the other within this time.
pub const SPREAD: SignedDuration = SignedDuration::from_mins(1);

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZoneDatabase;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> Zone {
        Zone::new(name, TimeZoneDatabase::bundled().get(name).unwrap())
    }

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn window(days: &[Day], from: &str, to: Option<&str>, place: &str) -> Weekly {
        Weekly::new(days.iter().copied().collect(), time(from), to.map(time), zone(place)).unwrap()
    }

    fn freeze(name: &str, when: When) -> Freeze {
        Freeze { name: FreezeName::parse(name).unwrap(), when }
    }

    fn calendar(name: &str) -> CalendarArn {
        CalendarArn::parse(format!("arn:aws:ssm:eu-central-1:111122223333:document/{name}")).unwrap()
    }

    const FAR: Timestamp = Timestamp::MAX;

    #[test]
    fn a_window_holds_from_its_first_instant_to_its_last() {
        let nights = window(&Day::ALL, "20:00", Some("06:00"), "Europe/Berlin");
        let day = window(&Day::ALL, "12:00", Some("13:30"), "UTC");
        let weekend = window(&[Day::Saturday, Day::Sunday], "00:00", None, "Asia/Kolkata");
        for (window, now, expected) in [
            // Winter: one hour ahead of UTC.
            (&nights, "2026-01-14T18:59:59.999Z", None),
            (&nights, "2026-01-14T19:00:00Z", Some("2026-01-15T05:00:00Z")),
            (&nights, "2026-01-15T04:59:59.999Z", Some("2026-01-15T05:00:00Z")),
            (&nights, "2026-01-15T05:00:00Z", None),
            (&day, "2026-01-14T11:59:59Z", None),
            (&day, "2026-01-14T12:00:00Z", Some("2026-01-14T13:30:00Z")),
            (&day, "2026-01-14T13:30:00Z", None),
            // Saturday begins in Kolkata while it is Friday in UTC.
            (&weekend, "2026-01-16T18:29:59Z", None),
            (&weekend, "2026-01-16T18:30:00Z", Some("2026-01-17T18:30:00Z")),
            (&weekend, "2026-01-17T18:30:00Z", Some("2026-01-18T18:30:00Z")),
            (&weekend, "2026-01-18T18:30:00Z", None),
        ] {
            assert_eq!(window.end(at(now)), expected.map(at), "{now}");
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_that_it_begins_on() {
        let friday_night = window(&[Day::Friday], "22:00", Some("04:00"), "UTC");
        assert_eq!(friday_night.end(at("2026-01-16T23:00:00Z")), Some(at("2026-01-17T04:00:00Z")));
        assert_eq!(friday_night.end(at("2026-01-17T03:59:00Z")), Some(at("2026-01-17T04:00:00Z")));
        assert_eq!(friday_night.end(at("2026-01-17T22:30:00Z")), None);
        assert_eq!(friday_night.end(at("2026-01-16T03:00:00Z")), None);
    }

    #[test]
    fn an_hour_that_the_clock_skips_is_no_hole() {
        // In Berlin the clock goes from 02:00 to 03:00 on 29 March 2026, at 01:00 UTC.
        let begins = window(&Day::ALL, "02:30", Some("05:00"), "Europe/Berlin");
        assert_eq!(begins.end(at("2026-03-29T00:59:59Z")), None);
        assert_eq!(begins.end(at("2026-03-29T01:00:00Z")), Some(at("2026-03-29T03:00:00Z")));
        let ends = window(&Day::ALL, "22:00", Some("02:30"), "Europe/Berlin");
        assert_eq!(ends.end(at("2026-03-29T00:59:59Z")), Some(at("2026-03-29T01:00:00Z")));
        assert_eq!(ends.end(at("2026-03-29T01:00:00Z")), None);
        let spans = window(&Day::ALL, "20:00", Some("06:00"), "Europe/Berlin");
        assert_eq!(spans.end(at("2026-03-28T19:00:00Z")), Some(at("2026-03-29T04:00:00Z")));
    }

    #[test]
    fn an_hour_that_the_clock_shows_twice_belongs_to_the_window_as_a_whole() {
        // In Berlin the clock goes back from 03:00 to 02:00 on 25 October 2026, at 01:00 UTC.
        let begins = window(&Day::ALL, "02:30", Some("05:00"), "Europe/Berlin");
        assert_eq!(begins.end(at("2026-10-25T00:29:59Z")), None);
        assert_eq!(begins.end(at("2026-10-25T00:30:00Z")), Some(at("2026-10-25T04:00:00Z")));
        assert_eq!(begins.end(at("2026-10-25T01:10:00Z")), Some(at("2026-10-25T04:00:00Z")));
        let ends = window(&Day::ALL, "22:00", Some("02:30"), "Europe/Berlin");
        assert_eq!(ends.end(at("2026-10-25T00:45:00Z")), Some(at("2026-10-25T01:30:00Z")));
        assert_eq!(ends.end(at("2026-10-25T01:30:00Z")), None);
    }

    #[test]
    fn midnight_may_be_skipped_or_shown_twice() {
        // In Cairo midnight is skipped on 24 April 2026, and shown again at the end of 29 October.
        let days = window(&[Day::Friday], "00:00", None, "Africa/Cairo");
        assert_eq!(days.end(at("2026-04-23T21:59:59Z")), None);
        assert_eq!(days.end(at("2026-04-23T22:00:00Z")), Some(at("2026-04-24T21:00:00Z")));
        let thursdays = window(&[Day::Thursday], "00:00", None, "Africa/Cairo");
        assert_eq!(thursdays.end(at("2026-10-29T21:30:00Z")), Some(at("2026-10-29T22:00:00Z")));
        assert_eq!(thursdays.end(at("2026-10-29T22:00:00Z")), None);
    }

    #[test]
    fn a_window_needs_a_day_and_two_ends() {
        let none = Weekly::new(BTreeSet::new(), time("20:00"), None, zone("UTC"));
        assert_eq!(none, None);
        let empty = Weekly::new(Day::ALL.into(), time("20:00"), Some(time("20:00")), zone("UTC"));
        assert_eq!(empty, None);
        let from_midnight = Weekly::new(Day::ALL.into(), time("00:00"), None, zone("UTC"));
        assert!(from_midnight.is_some());
    }

    #[test]
    fn freezes_that_follow_each_other_are_one() {
        let nights = freeze("nights", When::Weekly(window(&Day::ALL, "20:00", Some("06:00"), "UTC")));
        let weekend =
            freeze("weekend", When::Weekly(window(&[Day::Saturday, Day::Sunday], "00:00", None, "UTC")));
        let all = [nights.clone(), weekend.clone()];
        let no_calendars = CalendarReadings::new();
        // Friday evening: the night, the weekend, and the night that ends on Monday.
        let now = at("2026-01-16T21:00:00Z");
        let monday = at("2026-01-19T06:00:00Z");
        let frozen = |until| Weather::Frozen { freeze: &nights, until };
        assert_eq!(weather(all.iter(), &no_calendars, now, FAR), frozen(Some(monday)));
        // It is not followed further than it matters.
        let early = at("2026-01-17T05:00:00Z");
        let saturday = at("2026-01-17T06:00:00Z");
        assert_eq!(weather(all.iter(), &no_calendars, now, early), frozen(Some(saturday)));
        assert_eq!(weather(all.iter(), &no_calendars, monday, FAR), Weather::Open);
    }

    #[test]
    fn a_calendar_holds_while_it_is_closed() {
        let (now, later) = (at("2026-01-14T12:00:00Z"), at("2026-01-14T21:00:00Z"));
        let releases = freeze("releases", When::Calendar(calendar("Releases")));
        let nights = freeze("nights", When::Weekly(window(&Day::ALL, "20:00", Some("06:00"), "UTC")));
        let both = [releases.clone(), nights];
        let told = |state| CalendarReadings::from([(calendar("Releases"), state)]);
        let frozen = |until| Weather::Frozen { freeze: &releases, until };
        for (readings, expected) in [
            (CalendarReadings::new(), Weather::Unasked(&calendar("Releases"))),
            (told(Err(Gap::Denied)), Weather::Unknown(&calendar("Releases"), Gap::Denied)),
            (told(Ok(CalendarState::Open)), Weather::Open),
            (told(Ok(CalendarState::Closed { until: None })), frozen(None)),
            // It opens in the night.
            (
                told(Ok(CalendarState::Closed { until: Some(later) })),
                frozen(Some(at("2026-01-15T06:00:00Z"))),
            ),
        ] {
            assert_eq!(weather(both.iter(), &readings, now, FAR), expected);
        }
        // In the night nobody has to ask.
        let night = weather(both.iter(), &CalendarReadings::new(), later, FAR);
        assert!(matches!(night, Weather::Frozen { .. }), "{night:?}");
        // A calendar that is closed for longer than the night holds on.
        let long = told(Ok(CalendarState::Closed { until: Some(at("2026-01-16T12:00:00Z")) }));
        let reversed = [both[1].clone(), both[0].clone()];
        let Weather::Frozen { until, .. } = weather(reversed.iter(), &long, later, FAR) else { panic!() };
        assert_eq!(until, Some(at("2026-01-16T12:00:00Z")));
    }

    #[test]
    fn freezes_have_words() {
        for (when, expected) in [
            (
                When::Weekly(window(&Day::ALL, "20:00", Some("06:00"), "Europe/Berlin")),
                "20:00\u{2013}06:00 Europe/Berlin",
            ),
            (
                When::Weekly(window(&[Day::Sunday, Day::Saturday], "00:00", None, "UTC")),
                "sat, sun 00:00\u{2013}24:00 UTC",
            ),
            (
                When::Calendar(calendar("Releases")),
                "change calendar arn:aws:ssm:eu-central-1:111122223333:document/Releases",
            ),
        ] {
            assert_eq!(when.to_string(), expected);
        }
    }
}
