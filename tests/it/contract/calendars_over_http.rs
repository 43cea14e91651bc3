//! The suite of the port of change calendars on the SDK adapter, which asks those of a world over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;

use codepipeline_retrier::aws::calendars::SdkCalendars;
use codepipeline_retrier::aws::clients::{Clients, common};
use codepipeline_retrier::aws::settings::{Endpoints, Trust};
use codepipeline_retrier::domain::freeze::CalendarReadings;
use codepipeline_retrier::domain::ids::CalendarArn;
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
