//! The AWS Lambda function: wiring only.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::region::Region;
use codepipeline_retrier::aws::clients::{Clients, common};
use codepipeline_retrier::aws::ledger::{DynamoLedger, Trouble};
use codepipeline_retrier::aws::pipelines::SdkPipelines;
use codepipeline_retrier::aws::settings::{InvalidSettings, Settings};
use codepipeline_retrier::aws::wake_ups::{Route, SdkSchedules};
use codepipeline_retrier::domain::stage_run::Timing;
use codepipeline_retrier::engine::Engine;
use codepipeline_retrier::function::Function;
use codepipeline_retrier::lambda::{Failure, Handler, read_policy};
use codepipeline_retrier::telemetry::{Log, LogLevel};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use serde_json::{Value, json};

fn main() -> ExitCode {
    // One message at a time needs one thread.
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(run()));
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run() -> Result<(), Error> {
    match Settings::from_environment() {
        Ok(settings) => serve(settings).await,
        Err(invalid) => refuse(&invalid).await,
    }
}

async fn serve(settings: Settings) -> Result<(), Error> {
    let log = Arc::new(Log::new(settings.log, io::stdout()));
    let policy = read_policy(&settings.policy, &log, now());
    let shared = common(&settings.trust)
        .region(Region::new(settings.region.as_str().to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(settings.credentials.clone()))
        .build();
    let clients = Arc::new(Clients::new(shared, settings.endpoints.clone()));
    let route = Route::from(&settings);
    let told = Arc::clone(&log);
    let report = move |trouble: &Trouble| {
        told.line(LogLevel::Warn, "ledger-trouble", now(), json!({ "problem": trouble.to_string() }));
    };
    let handler = Handler {
        function: Function {
            engine: Engine {
                ledger: DynamoLedger::new(Arc::clone(&clients), settings.table, now).reporting(report),
                pipelines: SdkPipelines::new(Arc::clone(&clients)),
                schedules: SdkSchedules::new(clients, route, now),
            },
            policy,
            mode: settings.mode,
            account: settings.account,
            region: settings.region,
            partition: settings.partition,
            timing: Timing::default(),
        },
        log,
        clock: now,
    };
    handler.announce();
    lambda_runtime::run(service_fn(|event| handler.handle(event))).await
}

/// Answers every invocation with what is wrong: a process that ends instead is only started again and again.
async fn refuse(invalid: &InvalidSettings) -> Result<(), Error> {
    let log = Log::new(LogLevel::Error, io::stdout());
    log.line(LogLevel::Error, "invalid-settings", now(), json!({ "problems": invalid.0 }));
    let failure = Failure::InvalidSettings(invalid.to_string());
    let handler = |_: LambdaEvent<Box<RawValue>>| {
        let failure = failure.clone();
        async move { Err::<Value, _>(failure) }
    };
    lambda_runtime::run(service_fn(handler)).await
}

#[expect(clippy::disallowed_methods, reason = "an entry point reads the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
