//! Change calendars of AWS Systems Manager: `GetCalendarState`, one request for each, in the calendar's own Region.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ssm::types::CalendarState as State;
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use super::certainty::gap;
use super::clients::Clients;
use super::regional::Regions;
use super::together::{Work, together};
use crate::domain::freeze::{CalendarReadings, CalendarState};
use crate::domain::ids::{CalendarArn, Region};
use crate::domain::pipeline::Gap;
use crate::domain::stage_run::after;
use crate::ports::Calendars;

/// Most time for all calendars together.
const LONGEST: Duration = Duration::from_secs(5);
/// How long what a calendar says is believed.
const KEPT: SignedDuration = SignedDuration::from_mins(1);

/// The calendars, and what they said in the last minute.
#[derive(Debug)]
pub struct SdkCalendars {
    regions: Regions,
    kept: Mutex<BTreeMap<CalendarArn, Kept>>,
}

/// What a calendar said.
#[derive(Debug, Clone, Copy)]
struct Kept {
    state: CalendarState,
    read_at: Timestamp,
    /// When it says something else, if it told.
    changes_at: Option<Timestamp>,
}

impl Kept {
    /// Whether it is believed. A clock that was set back proves nothing.
    fn holds(&self, now: Timestamp) -> bool {
        self.read_at <= now
            && now < after(self.read_at, KEPT)
            && self.changes_at.is_none_or(|changes_at| now < changes_at)
    }
}

impl SdkCalendars {
    /// The calendars as the clients reach them. Nothing is built before it is needed.
    pub const fn new(clients: Arc<Clients>) -> Self {
        Self { regions: Regions::new(clients), kept: Mutex::new(BTreeMap::new()) }
    }

    /// What it said within the last minute, and still says.
    fn known(&self, calendar: &CalendarArn, now: Timestamp) -> Option<CalendarState> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(calendar).filter(|kept| kept.holds(now)).map(|kept| kept.state)
    }

    async fn ask(&self, calendar: &CalendarArn, now: Timestamp) -> Result<CalendarState, Gap> {
        let region = Region::parse(calendar.region()).map_err(|_| Gap::Unavailable)?;
        let services = self.regions.of(&region);
        let request = services.ssm().get_calendar_state().calendar_names(calendar.as_str()).send();
        let answer = timeout(LONGEST, request).await.map_err(|_| Gap::Unavailable)?;
        let answer = answer.map_err(|error| gap(&error))?;
        let changes_at = answer.next_transition_time().and_then(|next| next.parse().ok());
        let state = match answer.state() {
            Some(State::Open) => CalendarState::Open,
            Some(State::Closed) => CalendarState::Closed { until: changes_at },
            Some(_) | None => return Err(Gap::Unavailable),
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(calendar.clone(), Kept { state, read_at: now, changes_at });
        Ok(state)
    }

    async fn read(&self, calendars: &BTreeSet<CalendarArn>, now: Timestamp) -> CalendarReadings {
        let ask = |calendar: &CalendarArn| -> Work<'_, _> {
            let calendar = calendar.clone();
            Box::pin(async move {
                let state = match self.known(&calendar, now) {
                    Some(state) => Ok(state),
                    None => self.ask(&calendar, now).await,
                };
                (calendar, state)
            })
        };
        together(calendars.iter().map(ask).collect()).await.into_iter().collect()
    }
}

/// The future of several requests is more than a caller wants to carry about: it is boxed.
impl Calendars for SdkCalendars {
    async fn states(&self, calendars: &BTreeSet<CalendarArn>, now: Timestamp) -> CalendarReadings {
        Box::pin(self.read(calendars, now)).await
    }
}
