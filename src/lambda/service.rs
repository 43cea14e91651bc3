//! Puts the function together from its settings and serves Lambda's Runtime API until Lambda ends it.

use std::io;
use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::region::Region;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Failure, Handler, read_policy};
use crate::aws::calendars::SdkCalendars;
use crate::aws::clients::{Clients, common};
use crate::aws::evidence::SdkEvidence;
use crate::aws::ledger::{DynamoLedger, Trouble};
use crate::aws::messenger::{Addressees, SdkMessenger};
use crate::aws::pipelines::SdkPipelines;
use crate::aws::settings::{InvalidSettings, Settings};
use crate::aws::spokes::Accounts;
use crate::aws::wake_ups::{Route, SdkSchedules};
use crate::domain::screen::Telling;
use crate::domain::stage_run::Timing;
use crate::engine::Engine;
use crate::function::{Function, Policies};
use crate::telemetry::{Log, LogLevel};

/// Serves invocations with these settings, or says at each of them what is wrong with the settings: a process that ends
/// instead is only started again and again.
pub async fn serve(
    settings: Result<Settings, InvalidSettings>,
    clock: fn() -> Timestamp,
) -> Result<(), Error> {
    match settings {
        Ok(settings) => {
            let handler = deployed(settings, clock);
            handler.announce();
            lambda_runtime::run(service_fn(|event| handler.handle(event))).await
        }
        Err(invalid) => {
            let log = Log::new(LogLevel::Error, io::stdout());
            log.line(LogLevel::Error, "invalid-settings", clock(), json!({ "problems": invalid.0 }));
            let failure = Failure::InvalidSettings(invalid.to_string());
            let refuse = |_: LambdaEvent<Box<RawValue>>| std::future::ready(Err::<Value, _>(failure.clone()));
            lambda_runtime::run(service_fn(refuse)).await
        }
    }
}

/// The function on AWS.
type Deployed = Handler<
    DynamoLedger,
    SdkPipelines,
    SdkSchedules<fn() -> Timestamp>,
    SdkEvidence,
    SdkCalendars,
    SdkMessenger,
>;

/// Puts it together. Nothing is asked of AWS yet.
fn deployed(settings: Settings, clock: fn() -> Timestamp) -> Deployed {
    let log = Arc::new(Log::new(settings.log, io::stdout()));
    let policy = read_policy(&settings.policy, &log, clock());
    let route = Route::from(&settings);
    let addressees = Addressees::from(&settings);
    let telling = Telling { notices: settings.topic_arn.is_some(), decisions: settings.event_bus.is_some() };
    let shared = common(&settings.trust)
        .region(Region::new(settings.scopes.own().region.as_str().to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(settings.credentials))
        .build();
    let clients = Arc::new(Clients::new(shared, settings.endpoints));
    let (scopes, role) = (settings.scopes.clone(), settings.spoke_role);
    let accounts = Arc::new(Accounts::with_spokes(Arc::clone(&clients), scopes, role));
    let told = Arc::clone(&log);
    let report = move |trouble: &Trouble| {
        told.line(LogLevel::Warn, "ledger-trouble", clock(), json!({ "problem": trouble.to_string() }));
    };
    Handler {
        function: Function {
            engine: Engine {
                ledger: DynamoLedger::new(Arc::clone(&clients), settings.table, clock)
                    .at_home_in(settings.scopes.own().clone())
                    .reporting(report),
                pipelines: SdkPipelines::across(Arc::clone(&accounts)),
                schedules: SdkSchedules::new(Arc::clone(&clients), route, clock),
                evidence: SdkEvidence::across(accounts),
                calendars: SdkCalendars::new(Arc::clone(&clients)),
            },
            messenger: SdkMessenger::new(clients, addressees),
            telling,
            may_roll_back: settings.may_roll_back,
            policies: Policies::new(policy),
            mode: settings.mode,
            scopes: settings.scopes,
            evidence: settings.evidence,
            timing: Timing::default(),
            sweep_rate: settings.sweep_rate,
        },
        log,
        clock,
    }
}
