//! The function in Lambda's runtime: what is read when it starts, and what each invocation returns.
//!
//! Errors have fixed type names, by which retries and alarms can tell them apart.

mod service;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::aws::ledger::LEDGER_SCHEMA;
use crate::domain::policy::Policy;
use crate::domain::stage_run::after;
use crate::function::{Function, NotHandled};
use crate::journal::{Journal, publish};
use crate::metrics::invalid_policy;
use crate::policy_file::{errors, load_bytes};
use crate::ports::{
    Calendars, Catalogue, EvidenceSource, Ledger, Messenger, Outbox, Pipelines, Rounds, Schedules, Ticks,
};
use crate::telemetry::{Log, LogLevel};

pub use service::serve;

/// How long an invocation is taken to last where its runtime does not say: some local ones tell a time long past.
const UNTOLD: SignedDuration = SignedDuration::from_secs(30);

/// The function with its log and its clock.
#[derive(Debug)]
pub struct Handler<L, P, S, E, K, M> {
    /// What it does.
    pub function: Function<L, P, S, E, K, M>,
    /// Where it tells of it.
    pub log: Arc<Log>,
    /// The present.
    pub clock: fn() -> Timestamp,
}

/// Why an invocation failed. The name of its type is the first word of what Lambda reports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The message has to come again.
    #[error(transparent)]
    NotHandled(#[from] NotHandled),
    /// The function was not set up as it must be; every invocation fails until it is.
    #[error("{0}")]
    InvalidSettings(String),
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let error_type = match &failure {
            Failure::NotHandled(NotHandled(reason)) => in_pascal_case(reason),
            Failure::InvalidSettings(_) => "InvalidSettings".to_owned(),
        };
        Self { error_type, error_message: failure.to_string() }
    }
}

/// `ledger-unavailable` as `LedgerUnavailable`, which is how Lambda's error types are spelled.
fn in_pascal_case(name: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(capitalised).collect()
}

/// Reads the packaged policy. One that does not compile, or is not there, is none: then every failure waits.
pub fn read_policy(path: &Path, log: &Log, now: Timestamp) -> Option<Policy> {
    let shown = path.display().to_string();
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            policy_invalid(log, now, json!({ "policy": shown, "problem": error.to_string() }));
            return None;
        }
    };
    let loaded = load_bytes(&shown, &bytes);
    if loaded.policy.is_none() {
        let findings = errors(&loaded.source, &loaded.diagnostics);
        policy_invalid(log, now, json!({ "policy": shown, "findings": findings }));
    }
    loaded.policy
}

/// Says that the packaged policy is broken: an error, and a metric by which somebody is called.
fn policy_invalid(log: &Log, now: Timestamp, fields: Value) {
    log.line(LogLevel::Error, "policy-invalid", now, fields);
    publish(log, &invalid_policy(), now);
}

impl<L, P, S, E, K, M> Handler<L, P, S, E, K, M>
where
    L: Ledger + Rounds + Outbox,
    P: Pipelines + Catalogue,
    S: Schedules + Ticks,
    E: EvidenceSource,
    K: Calendars,
    M: Messenger,
{
    /// Says with what the function starts.
    pub fn announce(&self) {
        let policy = self.function.policies.packaged();
        let fields = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ledger-schema": LEDGER_SCHEMA,
            "mode": self.function.mode.as_str(),
            "policy-version": policy.map(|policy| policy.version.0.as_str()),
            "rules": policy.map(|policy| policy.rules.len()),
        });
        self.log.line(LogLevel::Info, "started", (self.clock)(), fields);
    }

    /// Handles one invocation.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Failure> {
        let began = (self.clock)();
        let request = event.context.request_id.as_str();
        // Lambda's own retries of an asynchronous invocation have the same request id; an owner must be new each time.
        let invocation = format!("{request}.{:x}", began.as_nanosecond());
        let deadline = i64::try_from(event.context.deadline)
            .ok()
            .and_then(|deadline| Timestamp::from_millisecond(deadline).ok())
            .filter(|deadline| *deadline > began)
            .unwrap_or_else(|| after(began, UNTOLD));
        // Boxed, since all that can be under way at once is one large future.
        let working = Box::pin(self.function.invoke(event.payload.get(), &invocation, deadline, &self.clock));
        let response = working.await;
        Ok(Journal { log: &self.log, request, clock: &self.clock }.keep(response, began)?)
    }
}
