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

/// The calendars of a world: those that are closed, each until then where it opens by itself, and those that were deleted.
/// All others are open.
#[derive(Debug, Clone, Default)]
pub struct KnownCalendars {
    closed: BTreeMap<CalendarArn, Option<Timestamp>>,
    deleted: BTreeSet<CalendarArn>,
}

impl KnownCalendars {
    /// Closes a calendar.
    pub fn close(&mut self, calendar: CalendarArn, until: Option<Timestamp>) {
        self.closed.insert(calendar, until);
    }

    /// Opens a calendar.
    pub fn open(&mut self, calendar: &CalendarArn) {
        self.closed.remove(calendar);
    }

    /// Deletes a calendar, for good.
    pub fn delete(&mut self, calendar: CalendarArn) {
        self.deleted.insert(calendar);
    }

    /// What a calendar says; nothing where there is none.
    pub fn state(&self, calendar: &CalendarArn, now: Timestamp) -> Option<CalendarState> {
        if self.deleted.contains(calendar) {
            return None;
        }
        Some(match self.closed.get(calendar) {
            Some(until) if until.is_none_or(|until| now < until) => CalendarState::Closed { until: *until },
            Some(_) | None => CalendarState::Open,
        })
    }
}

impl Calendars for SharedWorld {
    async fn states(&self, calendars: &BTreeSet<CalendarArn>, _now: Timestamp) -> CalendarReadings {
        self.call(
            Operation::Calendars,
            |world| {
                let now = world.now();
                let is_denied = world.denied.contains(&Source::Calendars);
                let state = |arn: &CalendarArn| {
                    if is_denied {
                        return Err(Gap::Denied);
                    }
                    world.calendars.state(arn, now).ok_or(Gap::Unavailable)
                };
                calendars.iter().map(|arn| (arn.clone(), state(arn))).collect()
            },
            |fault| calendars.iter().map(|arn| (arn.clone(), Err(gap_of(fault)))).collect(),
        )
        .await
    }
}
