//! Change calendars: open until somebody closes them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::evidence::Source;
use super::faults::Operation;
use super::ports::gap_of;
use super::world::SharedWorld;
use crate::domain::freeze::{CalendarReadings, CalendarState};
use crate::domain::ids::CalendarArn;
use crate::domain::pipeline::Gap;
use crate::ports::Calendars;

/// The calendars of a world that are closed, each until then where it opens by itself.
#[derive(Debug, Clone, Default)]
pub struct ClosedCalendars(BTreeMap<CalendarArn, Option<Timestamp>>);

impl ClosedCalendars {
    /// Closes a calendar.
    pub fn close(&mut self, calendar: CalendarArn, until: Option<Timestamp>) {
        self.0.insert(calendar, until);
    }

    /// Opens a calendar.
    pub fn open(&mut self, calendar: &CalendarArn) {
        self.0.remove(calendar);
    }

    /// What a calendar says.
    pub fn state(&self, calendar: &CalendarArn, now: Timestamp) -> CalendarState {
        match self.0.get(calendar) {
            Some(until) if until.is_none_or(|until| now < until) => CalendarState::Closed { until: *until },
            Some(_) | None => CalendarState::Open,
        }
    }
}

impl Calendars for SharedWorld {
    async fn states(&self, calendars: &BTreeSet<CalendarArn>, _now: Timestamp) -> CalendarReadings {
        self.call(
            Operation::Calendars,
            |world| {
                let now = world.now();
                let state = |arn: &CalendarArn| match world.denied.contains(&Source::Calendars) {
                    true => Err(Gap::Denied),
                    false => Ok(world.calendars.state(arn, now)),
                };
                calendars.iter().map(|arn| (arn.clone(), state(arn))).collect()
            },
            |fault| calendars.iter().map(|arn| (arn.clone(), Err(gap_of(fault)))).collect(),
        )
        .await
    }
}
