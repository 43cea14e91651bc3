//! The suite of the port of change calendars on the SDK adapter, which asks those of a world over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::aws::calendars::SdkCalendars;
use codepipeline_retrier::aws::clients::{Clients, common};
use codepipeline_retrier::aws::settings::{Endpoints, Trust};
use codepipeline_retrier::domain::freeze::{CalendarReadings, CalendarState};
use codepipeline_retrier::domain::ids::CalendarArn;
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::http::Server;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::ports::Calendars;

use super::calendars::Asking;

/// The adapter, and the world that it reaches.
struct OverHttp {
    runtime: tokio::runtime::Runtime,
    calendars: SdkCalendars,
    world: SharedWorld,
    _server: Server,
}

fn new() -> OverHttp {
    let world = super::world::new();
    let clock = world.clone();
    let server = Server::start(world.clone(), move || clock.now()).unwrap();
    let url = server.endpoint();
    let credentials = Credentials::new("AKIDTEST", "secret", None, None, "test");
    let config = common(&Trust::Amazon)
        .region(aws_types::region::Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let endpoints = Endpoints::read(&|name: &str| (name == "AWS_ENDPOINT_URL").then(|| url.clone()));
    OverHttp {
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        calendars: SdkCalendars::new(Arc::new(Clients::new(config, endpoints))),
        world,
        _server: server,
    }
}

fn run(clause: impl Future<Output = ()>, port: &OverHttp) {
    port.runtime.block_on(clause);
}

impl Calendars for OverHttp {
    async fn states(&self, calendars: &BTreeSet<CalendarArn>, now: Timestamp) -> CalendarReadings {
        self.calendars.states(calendars, now).await
    }
}

impl Asking for OverHttp {
    fn world(&self) -> &SharedWorld {
        &self.world
    }
}

crate::contract::calendars::suite!(run, new);

/// What a calendar says is believed for a minute, and asked again after that.
#[test]
fn a_calendar_is_asked_once_a_minute() {
    let port = new();
    let calendar = CalendarArn::parse("arn:aws:ssm:eu-central-1:111122223333:document/Releases").unwrap();
    let all = BTreeSet::from([calendar.clone()]);
    let began = port.world.now();
    let state = |seconds| {
        let now = after(began, SignedDuration::from_secs(seconds));
        port.runtime.block_on(port.calendars.states(&all, now))[&calendar]
    };
    assert_eq!(state(0), Ok(CalendarState::Open));
    port.world.lock().calendars.close(calendar.clone(), None);
    assert_eq!(state(59), Ok(CalendarState::Open));
    assert_eq!(state(60), Ok(CalendarState::Closed { until: None }));
    // A clock that was set back proves nothing.
    port.world.lock().calendars.open(&calendar);
    assert_eq!(state(-1), Ok(CalendarState::Open));
}
