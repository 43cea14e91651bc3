//! What an invocation leaves in the log: a line for what became of each message, its metrics, and what was told outside.
//!
//! Whatever the messages said, every line is one JSON object whose fields are made here. Foreign text is in them only as it
//! was made harmless where it was read: cut, escaped, or checked to be a name.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::document::document;
use crate::domain::live::Source;
use crate::domain::pipeline::Gap;
use crate::domain::protocol::Outcome;
use crate::engine::{Report, SliceEnd, Told};
use crate::function::{Handled, InvalidPolicy, NotHandled, PolicyNews, Response};
use crate::metrics::{Samples, counted, documents};
use crate::telemetry::{Log, LogLevel};

/// Writes lines of metrics.
pub fn publish(log: &Log, samples: &Samples, now: Timestamp) {
    for document in documents(samples, now) {
        log.metrics(now, document);
    }
}

/// The log, for one invocation.
#[derive(Debug, Clone, Copy)]
pub struct Journal<'a, C> {
    /// Where lines go.
    pub log: &'a Log,
    /// What the invocation is called.
    pub request: &'a str,
    /// The present.
    pub clock: &'a C,
}

impl<C: Fn() -> Timestamp> Journal<'_, C> {
    /// Logs what came of an invocation that began then, and leaves what the function returns.
    pub fn keep(&self, response: Response, began: Timestamp) -> Result<Value, NotHandled> {
        let samples = counted(&response);
        for news in response.news {
            self.tell_news(news);
        }
        for handled in &response.handled {
            self.tell(handled);
        }
        self.tell_telling(response.told);
        let now = (self.clock)();
        let took = now.duration_since(began).as_millis();
        publish(self.log, &samples, now);
        let phases: Map<String, Value> = (response.noticed.took.iter())
            .map(|(asked, took)| ((*asked).to_owned(), json!(took.as_millis())))
            .collect();
        let fields = json!({
            "requestId": self.request, "messages": response.handled.len(), "milliseconds": took, "phases": phases,
        });
        self.log.line(LogLevel::Debug, "invoked", now, fields);
        response.body
    }

    /// What was told outside, where there was anything; what could not be told, louder.
    fn tell_telling(&self, told: Told) {
        if told == Told::default() {
            return;
        }
        let Told { sent, digests, gathered, announced, left, dropped } = told;
        let level = if left + dropped > 0 { LogLevel::Warn } else { LogLevel::Info };
        let fields = json!({
            "requestId": self.request, "sent": sent, "digests": digests, "gathered": gathered,
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

    fn tell(&self, handled: &Handled) {
        let tell = |level: LogLevel, message: &str, mut fields: Value| {
            if let Value::Object(fields) = &mut fields {
                fields.insert("requestId".into(), self.request.into());
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
