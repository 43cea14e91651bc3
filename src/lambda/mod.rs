//! The function in Lambda's runtime: what is read when it starts, what each invocation returns, and what is logged.
//!
//! Errors have fixed type names, by which retries and alarms can tell them apart.

mod service;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::aws::ledger::LEDGER_SCHEMA;
use crate::document::document;
use crate::domain::live::Source;
use crate::domain::pipeline::Gap;
use crate::domain::policy::Policy;
use crate::domain::protocol::Outcome;
use crate::domain::stage_run::after;
use crate::engine::{Report, SliceEnd, Told};
use crate::function::{Function, Handled, InvalidPolicy, NotHandled, PolicyNews};
use crate::metrics::{Samples, counted, documents, invalid_policy};
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

fn publish(log: &Log, samples: &Samples, now: Timestamp) {
    for document in documents(samples, now) {
        log.metrics(now, document);
    }
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
        let samples = counted(&response);
        for news in response.news {
            self.tell_news(news);
        }
        for handled in &response.handled {
            self.tell(handled, request);
        }
        self.tell_telling(response.told, request);
        let now = (self.clock)();
        let took = now.duration_since(began).as_millis();
        publish(&self.log, &samples, now);
        let phases: Map<String, Value> = (response.noticed.took.iter())
            .map(|(asked, took)| ((*asked).to_owned(), json!(took.as_millis())))
            .collect();
        let fields = json!({
            "requestId": request, "messages": response.handled.len(), "milliseconds": took, "phases": phases,
        });
        self.log.line(LogLevel::Debug, "invoked", now, fields);
        Ok(response.body?)
    }

    /// What was told outside, where there was anything; what could not be told, louder.
    fn tell_telling(&self, told: Told, request: &str) {
        if told == Told::default() {
            return;
        }
        let Told { sent, digests, gathered, announced, left, dropped } = told;
        let level = if left + dropped > 0 { LogLevel::Warn } else { LogLevel::Info };
        let fields = json!({
            "requestId": request, "sent": sent, "digests": digests, "gathered": gathered,
            "announced": announced, "left": left, "dropped": dropped,
        });
        self.log.line(level, "told", (self.clock)(), fields);
    }

    fn tell_news(&self, news: PolicyNews) {
        let now = (self.clock)();
        match news {
            PolicyNews::InForce { source, version } => {
                let (level, message, pushed) = match &source {
                    Source::Packaged => (LogLevel::Info, "policy-packaged", None),
                    Source::PackagedOver(pushed) => (LogLevel::Warn, "policy-taken-over", Some(pushed)),
                    Source::Pushed(pushed) => (LogLevel::Info, "policy-pushed", Some(pushed)),
                };
                let fields = json!({
                    "policy-version": version.map(|version| version.0),
                    "number": pushed.map(|pushed| pushed.number),
                });
                self.log.line(level, message, now, fields);
            }
            PolicyNews::Invalid(invalid) => {
                let InvalidPolicy { policy, problem, findings, instead, version_instead } = *invalid;
                let fields = json!({
                    "number": policy.number,
                    "policy-version": policy.version.0,
                    "problem": problem,
                    "findings": findings,
                    "instead": { "number": instead, "policy-version": version_instead.map(|version| version.0) },
                });
                self.log.line(LogLevel::Error, "policy-invalid", now, fields);
            }
        }
    }

    fn tell(&self, handled: &Handled, request: &str) {
        let tell = |level: LogLevel, message: &str, mut fields: Value| {
            if let Value::Object(fields) = &mut fields {
                fields.insert("requestId".into(), request.into());
            }
            self.log.line(level, message, (self.clock)(), fields);
        };
        match handled {
            Handled::Worked(outcome) => tell_outcome(outcome, &tell),
            Handled::Swept(report) => {
                report.outcomes.iter().for_each(|outcome| tell_outcome(outcome, &tell));
                tell_sweep(report, &tell);
            }
            Handled::Reminded => {}
            Handled::Ignored(ignored) => {
                tell(LogLevel::Debug, "ignored", json!({ "detail": ignored.detail }));
            }
            Handled::Malformed(malformed) | Handled::MalformedUnrecorded(malformed) => {
                let fields = json!({
                    "problem": malformed.problem,
                    "fingerprint": malformed.fingerprint,
                    "length": malformed.length,
                });
                tell(LogLevel::Warn, "malformed", fields);
            }
        }
    }
}

fn tell_outcome(outcome: &Outcome, tell: &impl Fn(LogLevel, &str, Value)) {
    if let Some(decision) = &outcome.decision {
        tell(LogLevel::Info, "decision", json!({ "decision": document(decision) }));
    }
    if let Some((retry, progress)) = outcome.progress() {
        let run = outcome.decision.as_ref().map(|decision| &decision.run);
        let fields = json!({
            "retry": retry,
            "progress": progress.as_str(),
            "pipeline": run.map(|run| run.pipeline.name.as_str()),
            "stage": run.map(|run| run.stage.as_str()),
            "executionId": run.map(|run| run.execution.as_str()),
        });
        tell(LogLevel::Info, "retry-ended", fields);
    }
    if !outcome.conclusion.is_acknowledged() {
        tell(LogLevel::Warn, "not-handled", json!({ "reason": outcome.conclusion.as_str() }));
    }
}

/// One line for each slice, and one more where it does not keep up or get through.
fn tell_sweep(report: &Report, tell: &impl Fn(LogLevel, &str, Value)) {
    let seconds = |duration: SignedDuration| duration.as_secs();
    let fields = json!({
        "end": report.end.as_str(),
        "round": report.round,
        "milliseconds": report.duration.as_millis(),
        "roundSeconds": report.round_duration.map(seconds),
        "pipelines": report.pipelines,
        "findings": report.findings,
        "news": report.outcomes.len(),
        "oldestSeconds": report.oldest.map(seconds),
        "overdue": report.overdue,
        "unhandled": report.unhandled,
        "lagging": report.lagging,
        "unlisted": report.unlisted.len(),
    });
    tell(LogLevel::Info, "sweep", fields);
    let problem = match report.end {
        SliceEnd::LedgerUnavailable => Some("the ledger did not answer"),
        SliceEnd::PolicyMoved => Some("the policy in force could not be fetched"),
        SliceEnd::Unreadable { gap: Gap::Denied } => Some("`codepipeline:ListPipelines` is not allowed"),
        SliceEnd::Unreadable { .. } => Some("the list of pipelines could not be read"),
        _ if report.is_slow() => Some("a round takes longer than it is to the next"),
        _ if report.continuation_lost => Some("the tick to go on with could not be sent"),
        _ => None,
    };
    if let Some(problem) = problem {
        tell(LogLevel::Warn, "sweep-trouble", json!({ "problem": problem, "round": report.round }));
    }
    for (spoke, gap) in &report.unlisted {
        let fields = json!({
            "problem": "the list of a spoke's pipelines could not be read",
            "account": spoke.account.as_str(),
            "region": spoke.region.as_str(),
            "gap": gap.as_str(),
            "round": report.round,
        });
        tell(LogLevel::Warn, "sweep-trouble", fields);
    }
}
