//! Freezes about the time of it all, and what change calendars may say.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use codepipeline_retrier::domain::freeze::{CalendarState, Day, Freeze, Weekly, When, Zone};
use codepipeline_retrier::domain::ids::{CalendarArn, FreezeName};
use codepipeline_retrier::domain::pipeline::Gap;
use codepipeline_retrier::domain::stage_run::after;

use super::{at, instant};

/// A freeze by a change calendar.
pub fn releases() -> Freeze {
    let calendar = CalendarArn::parse("arn:aws:ssm:eu-central-1:111122223333:document/Releases");
    Freeze { name: FreezeName::parse("releases").unwrap(), when: When::Calendar(calendar.unwrap()) }
}

/// What a change calendar says, or why it says nothing.
pub fn calendar() -> impl Strategy<Value = Result<CalendarState, Gap>> {
    prop_oneof![
        3 => Just(Ok(CalendarState::Open)),
        1 => proptest::option::of(instant()).prop_map(|until| Ok(CalendarState::Closed { until })),
        1 => select(vec![Gap::Denied, Gap::Throttled, Gap::Unavailable]).prop_map(Err),
    ]
}

/// A daily window that begins so many minutes after the first action could start, and lasts so many. Its name says both.
pub fn window(begin: i64, length: i64) -> Freeze {
    let time = |minutes| clock(after(at(0), SignedDuration::from_mins(minutes)));
    let weekly = Weekly::new(
        Day::ALL.into(),
        time(begin),
        Some(time(begin + length)),
        Zone::new("UTC", TimeZone::UTC),
    );
    let name = FreezeName::parse(format!("from-{begin}-for-{length}")).unwrap();
    Freeze { name, when: When::Weekly(weekly.unwrap()) }
}

/// The time of the day, to the minute.
fn clock(at: Timestamp) -> Time {
    let time = at.to_zoned(TimeZone::UTC).time();
    Time::new(time.hour(), time.minute(), 0, 0).unwrap()
}

/// Whether an instant lies within a [`window`], worked out from its name: in seconds, without a calendar.
pub fn is_within(window: &Freeze, now: Timestamp) -> bool {
    const DAY: i64 = 86_400;
    let parts: Vec<i64> = window.name.as_str().split('-').filter_map(|part| part.parse().ok()).collect();
    let [begin, length] = parts[..] else { panic!("{} is no window", window.name) };
    let first = at(0).as_second().div_euclid(60) * 60 + begin * 60;
    let since = now.duration_since(Timestamp::from_second(first).unwrap());
    let into_the_day = since.as_millis().rem_euclid(i128::from(DAY) * 1_000);
    into_the_day < i128::from(length) * 60_000
}
