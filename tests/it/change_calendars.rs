//! The adapter for change calendars, through the real SDK, against a server that answers as AWS's service model has it, or
//! badly: what is asked, where, how often, and what is made of each answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use codepipeline_retrier::aws::calendars::SdkCalendars;
use codepipeline_retrier::aws::clients::{Clients, common};
use codepipeline_retrier::aws::settings::{Endpoints, Trust};
use codepipeline_retrier::domain::freeze::{CalendarReadings, CalendarState};
use codepipeline_retrier::domain::ids::CalendarArn;
use codepipeline_retrier::domain::pipeline::Gap;
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::ports::Calendars;

use crate::codepipeline::stub::{Reply, Request, Stub};

const CLOSED: CalendarState = CalendarState::Closed { until: None };

/// The adapter, and what it runs on.
struct Rig {
    runtime: tokio::runtime::Runtime,
    calendars: SdkCalendars,
}

impl Rig {
    /// Only the endpoint of Systems Manager is known: nobody else may be asked.
    fn at(stub: &Stub) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let credentials = Credentials::new("AKIDTEST", "secret", None, None, "test");
        let config = common(&Trust::Amazon)
            .region(aws_types::region::Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let endpoints = Endpoints { ssm: Some(stub.url.clone()), ..Endpoints::default() };
        Self { runtime, calendars: SdkCalendars::new(Arc::new(Clients::new(config, endpoints))) }
    }

    /// What calendars say, so many seconds after the first question.
    fn states(&self, calendars: &[CalendarArn], seconds: i64) -> CalendarReadings {
        let all: BTreeSet<_> = calendars.iter().cloned().collect();
        self.runtime.block_on(self.calendars.states(&all, at(seconds)))
    }

    fn state(&self, calendar: &CalendarArn, seconds: i64) -> Result<CalendarState, Gap> {
        self.states(std::slice::from_ref(calendar), seconds)[calendar]
    }
}

fn at(seconds: i64) -> Timestamp {
    after("2026-11-22T10:00:00Z".parse().unwrap(), SignedDuration::from_secs(seconds))
}

fn calendar(region: &str, name: &str) -> CalendarArn {
    CalendarArn::parse(format!("arn:aws:ssm:{region}:111122223333:document/{name}")).unwrap()
}

fn releases() -> CalendarArn {
    calendar("eu-central-1", "Releases")
}

/// An answer as AWS gives it.
fn says(state: &str, next: Option<&str>) -> Reply {
    Reply::ok(&json!({"State": state, "AtTime": "2026-11-22T10:00:00Z", "NextTransitionTime": next}))
}

/// The calendar that a request is about.
fn name_of(request: &Request) -> &str {
    let names = request.body["CalendarNames"].as_array().unwrap();
    assert_eq!(names.len(), 1, "several calendars have one answer, which is nobody's own");
    names[0].as_str().unwrap()
}

#[test]
fn each_calendar_is_asked_by_itself_where_it_is_kept() {
    let stub = Stub::always(says("OPEN", None));
    let all = [releases(), calendar("eu-central-1", "Holidays"), calendar("us-gov-west-1", "Releases")];
    assert!(Rig::at(&stub).states(&all, 0).values().eq(&[Ok(CalendarState::Open); 3]));
    let mut asked: Vec<(String, String, Value)> = stub
        .requests()
        .into_iter()
        .map(|request| (name_of(&request).to_owned(), request.scope.clone(), request.body))
        .collect();
    asked.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let expected =
        [(&all[1], "eu-central-1/ssm"), (&all[0], "eu-central-1/ssm"), (&all[2], "us-gov-west-1/ssm")].map(
            |(arn, scope)| {
                (arn.as_str().to_owned(), scope.to_owned(), json!({"CalendarNames": [arn.as_str()]}))
            },
        );
    assert_eq!(asked, expected);
    assert_eq!(stub.operations(), ["GetCalendarState"; 3]);
}

#[test]
fn nobody_is_asked_where_no_calendar_is_named() {
    let stub = Stub::always(says("OPEN", None));
    assert_eq!(Rig::at(&stub).states(&[], 0), CalendarReadings::new());
    assert_eq!(stub.requests(), []);
}

#[test]
fn what_a_calendar_says_is_believed_for_a_minute() {
    let stub = Stub::start(|request: &Request| {
        says(if name_of(request) == releases().as_str() { "CLOSED" } else { "OPEN" }, None)
    });
    let (rig, other) = (Rig::at(&stub), calendar("eu-central-1", "Holidays"));
    for (seconds, requests) in [(0, 1), (0, 1), (59, 1), (60, 2), (119, 2)] {
        assert_eq!(rig.state(&releases(), seconds), Ok(CLOSED));
        assert_eq!(stub.requests().len(), requests, "after {seconds} seconds");
    }
    // Only what is not known is asked beside it.
    assert_eq!(rig.states(&[releases(), other.clone()], 119)[&other], Ok(CalendarState::Open));
    assert_eq!(stub.requests().last().map(name_of), Some(other.as_str()));
    assert_eq!(stub.requests().len(), 3);
    // A clock that was set back proves nothing.
    assert_eq!(rig.state(&releases(), 59), Ok(CLOSED));
    assert_eq!(stub.requests().len(), 4);
}

#[test]
fn what_a_calendar_says_is_believed_no_longer_than_it_said_itself() {
    for (state, expected) in
        [("OPEN", CalendarState::Open), ("CLOSED", CalendarState::Closed { until: Some(at(30)) })]
    {
        let stub = Stub::always(says(state, Some("2026-11-22T10:00:30Z")));
        let rig = Rig::at(&stub);
        for (seconds, requests) in [(0, 1), (29, 1), (30, 2)] {
            assert_eq!(rig.state(&releases(), seconds), Ok(expected));
            assert_eq!(stub.requests().len(), requests, "{state}, after {seconds} seconds");
        }
    }
}

#[test]
fn an_end_that_cannot_be_read_is_no_end() {
    for next in ["soon", "", "2026-11-22"] {
        let stub = Stub::always(says("CLOSED", Some(next)));
        assert_eq!(Rig::at(&stub).state(&releases(), 0), Ok(CLOSED), "{next}");
    }
}

/// Each reply, what becomes of it, and how often it was asked for.
fn becomes(replies: impl IntoIterator<Item = Reply>, gap: Gap, times: usize) {
    for reply in replies {
        let stub = Stub::always(reply.clone());
        let rig = Rig::at(&stub);
        assert_eq!(rig.state(&releases(), 0), Err(gap), "{reply:?}");
        assert_eq!(stub.requests().len(), times, "{reply:?}");
        // It says nothing of what comes.
        assert_eq!(rig.state(&releases(), 1), Err(gap), "{reply:?}");
        assert_eq!(stub.requests().len(), 2 * times, "{reply:?}");
    }
}

#[test]
fn what_is_denied() {
    let codes = ["AccessDenied", "AccessDeniedException", "ExpiredTokenException"];
    becomes(codes.map(|code| Reply::error(400, code)), Gap::Denied, 1);
}

#[test]
fn what_is_throttled() {
    becomes([Reply::error(400, "ThrottlingException")], Gap::Throttled, 2);
}

#[test]
fn a_calendar_that_there_is_not() {
    let codes = ["InvalidDocument", "InvalidDocumentType", "UnsupportedCalendarException"];
    becomes(codes.map(|code| Reply::error(400, code)), Gap::Unavailable, 1);
}

#[test]
fn what_does_not_answer() {
    becomes([Reply::error(500, "InternalServerError"), Reply::Close], Gap::Unavailable, 2);
}

/// What cannot be read is not taken for open.
#[test]
fn what_says_no_state() {
    let answer = |body: &str| Reply::Answer { status: 200, headers: Vec::new(), body: body.to_owned() };
    let bodies = ["", "{}", "<html>", r#"{"State": "AJAR"}"#, r#"{"State": null}"#, r#"{"State": 1}"#];
    becomes(bodies.map(answer), Gap::Unavailable, 1);
}

#[test]
fn silence_is_a_gap_and_takes_nothing_from_the_others() {
    let stub = Stub::start(|request: &Request| {
        if name_of(request) == releases().as_str() { Reply::Silence } else { says("CLOSED", None) }
    });
    let other = calendar("eu-central-1", "Holidays");
    let expected = CalendarReadings::from([(releases(), Err(Gap::Unavailable)), (other.clone(), Ok(CLOSED))]);
    assert_eq!(Rig::at(&stub).states(&[releases(), other], 0), expected);
}
