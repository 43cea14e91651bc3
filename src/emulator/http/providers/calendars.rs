//! `GetCalendarState`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::request::Input;
use super::Desk;
use crate::domain::freeze::CalendarState;
use crate::domain::ids::CalendarArn;

/// Closed where one of the calendars is. It speaks of the present only, whatever time is asked for.
pub fn get_calendar_state(desk: Desk<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    if input.optional_text("AtTime").is_some() {
        return Err(ApiError::new("UnsupportedCalendarException", "AtTime is not supported here"));
    }
    let now = desk.world.now();
    let mut closed = None;
    for name in input.texts("CalendarNames") {
        let here = CalendarArn::parse(name).ok().filter(|calendar| calendar.region() == desk.region);
        match here.and_then(|calendar| desk.world.calendars.state(&calendar, now)) {
            None => {
                return Err(ApiError::new("InvalidDocument", format!("Calendar {name} does not exist")));
            }
            Some(CalendarState::Closed { until }) => closed = Some(until),
            Some(CalendarState::Open) => {}
        }
    }
    let shown = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Ok(match closed {
        None => json!({ "State": "OPEN", "AtTime": shown(now) }),
        Some(None) => json!({ "State": "CLOSED", "AtTime": shown(now) }),
        Some(Some(until)) => {
            json!({ "State": "CLOSED", "AtTime": shown(now), "NextTransitionTime": shown(until) })
        }
    })
}
