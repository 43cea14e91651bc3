//! `GetCalendarState`.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::request::Input;
use super::Desk;
use crate::domain::freeze::CalendarState;
use crate::domain::ids::CalendarArn;

/// Closed where one of the calendars is. It speaks of the present only, whatever time is asked for.
pub fn get_calendar_state(desk: Desk<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    if input.optional_text("AtTime").is_some() {
        return Err(ApiError::new("ValidationException", "AtTime is not supported here"));
    }
    let now = desk.world.now();
    let mut closed = None;
    for name in input.texts("CalendarNames") {
        let unknown = |_| ApiError::new("InvalidDocument", format!("Calendar {name} does not exist"));
        let calendar = CalendarArn::parse(name).map_err(unknown)?;
        if calendar.region() != desk.region {
            return Err(ApiError::new("InvalidDocument", format!("Calendar {name} does not exist")));
        }
        if let CalendarState::Closed { until } = desk.world.calendars.state(&calendar, now) {
            closed = Some(until);
        }
    }
    let at = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Ok(match closed {
        None => json!({ "State": "OPEN", "AtTime": at }),
        Some(until) => json!({
            "State": "CLOSED",
            "AtTime": at,
            "NextTransitionTime": until.map(|until| until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        }),
    })
}
