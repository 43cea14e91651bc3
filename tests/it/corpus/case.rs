//! A recorded handling of one message: with what the function was set up, what it was handed, what the world answered it,
//! and what it did. Read from a line, played again, and compared.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use codepipeline_retrier::document::document;
use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::policy::{Mode, Policy};
use codepipeline_retrier::domain::scope::{Scope, Scopes};
use codepipeline_retrier::domain::screen::Telling;
use codepipeline_retrier::domain::stage_run::Timing;
use codepipeline_retrier::emulator::world::Place;
use codepipeline_retrier::engine::Engine;
use codepipeline_retrier::function::{Function, Handled, Policies, Response};
use codepipeline_retrier::policy_file;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::form::{Form, member};
use super::tape::{Exchange, Tape};

/// What the function works with, and what it is handed.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub place: Place,
    pub mode: Mode,
    /// The policy's text; none where none that compiles is in force.
    pub policy: Option<String>,
    /// The name of the invocation.
    pub invocation: String,
    /// The body of the message.
    pub message: String,
    /// How often the queue has handed it out, this time included.
    pub receives: u64,
}

/// A line of the corpus.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Where it is from: a scenario, and which handling in it.
    pub name: String,
    pub setting: Setting,
    /// What the clock says, each time that it is asked.
    pub clock: Vec<Timestamp>,
    pub exchanges: Vec<Exchange>,
    /// What became of the message.
    pub end: Value,
}

impl Setting {
    fn policy(&self) -> Option<Policy> {
        self.policy.as_ref().map(|text| policy_file::load("recorded", text).policy.unwrap())
    }

    /// Lets the function handle the message through the tape, and says what became of it.
    pub async fn handle(&self, tape: &Tape, clock: impl Fn() -> Timestamp + Sync) -> Value {
        let function = Function {
            engine: Engine {
                ledger: tape.clone(),
                pipelines: tape.clone(),
                schedules: tape.clone(),
                evidence: tape.clone(),
                calendars: tape.clone(),
            },
            messenger: tape.clone(),
            telling: Telling::default(),
            may_roll_back: false,
            policies: Policies::new(self.policy()),
            mode: self.mode,
            scopes: Scopes::alone(Scope {
                partition: self.place.partition.clone(),
                region: self.place.region.clone(),
                account: self.place.account.clone(),
            }),
            evidence: Depth::State,
            timing: Timing::default(),
            sweep_rate: 2,
        };
        let batch = json!({ "Records": [{
            "messageId": "recorded",
            "body": self.message,
            "attributes": { "ApproximateReceiveCount": self.receives.to_string() },
            "eventSource": "aws:sqs",
        }]});
        let text = batch.to_string();
        end_of(&function.invoke(&text, &self.invocation, Timestamp::MAX, &clock).await)
    }
}

fn end_of(response: &Response) -> Value {
    let [handled] = response.handled.as_slice() else { panic!("one message, {response:?}") };
    match handled {
        Handled::Worked(outcome) => json!({
            "conclusion": outcome.conclusion.as_str(),
            "decision": outcome.decision.as_ref().map(document),
            "progress": outcome.progress().map(|(number, progress)| json!([number, progress.as_str()])),
        }),
        Handled::Swept(report) => json!({ "conclusion": "swept", "end": report.end.as_str() }),
        Handled::Reminded => json!({ "conclusion": "reminded" }),
        Handled::Ignored(ignored) => json!({ "conclusion": "ignored", "detail": ignored.detail }),
        Handled::Malformed(malformed) => {
            json!({ "conclusion": "malformed", "fingerprint": malformed.fingerprint })
        }
        Handled::MalformedUnrecorded(_) => json!({ "conclusion": "malformed-unrecorded" }),
    }
}

impl Case {
    /// The decision that the message ended with, as `wait/backoff`.
    pub fn ruling(&self) -> Option<String> {
        let decision = self.end.get("decision")?;
        Some(format!("{}/{}", decision.get("verdict")?.as_str()?, decision.get("reason")?.as_str()?))
    }

    /// Names of the effects.
    pub fn effects(&self) -> impl Iterator<Item = &str> {
        self.exchanges
            .iter()
            .filter_map(|exchange| exchange.asks.as_object()?.keys().next().map(String::as_str))
    }

    /// What makes it another kind of handling than others: the effects, what is decided, and how it ended.
    pub fn kind(&self) -> String {
        let effects: Vec<_> = (self.exchanges.iter().zip(self.effects()))
            .map(|(exchange, effect)| format!("{effect}{}", remark(&exchange.answer)))
            .collect();
        let end = self.ruling().unwrap_or_default();
        let [conclusion, progress] = ["conclusion", "progress"]
            .map(|name| self.end.get(name).cloned().unwrap_or_default().to_string());
        format!("{} -> {end} {conclusion} {progress}", effects.join(", "))
    }

    /// The file that it belongs to: one for each decision.
    pub fn file(&self) -> String {
        let name = self.ruling().unwrap_or_else(|| "no-decision".to_owned());
        format!("{}.jsonl", name.replace('/', "-"))
    }

    pub fn to_line(&self) -> String {
        let Setting { place, mode, policy, invocation, message, receives } = &self.setting;
        let exchanges: Vec<_> = (self.exchanges.iter())
            .map(|Exchange { asks, answer }| json!({ "asks": asks, "answer": answer }))
            .collect();
        json!({
            "case": self.name, "place": place.store(), "mode": mode.store(), "policy": policy,
            "invocation": invocation, "message": message, "receives": receives,
            "clock": self.clock.store(), "exchanges": exchanges, "end": self.end,
        })
        .to_string()
    }

    pub fn read(line: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let exchanges = value.get("exchanges").and_then(Value::as_array).ok_or("there are no `exchanges`")?;
        let part = |exchange: &Value, name: &str| exchange.get(name).cloned().unwrap_or_default();
        Ok(Self {
            name: member(&value, "case")?,
            setting: Setting {
                place: member(&value, "place")?,
                mode: member(&value, "mode")?,
                policy: member(&value, "policy")?,
                invocation: member(&value, "invocation")?,
                message: member(&value, "message")?,
                receives: member(&value, "receives")?,
            },
            clock: member(&value, "clock")?,
            exchanges: (exchanges.iter())
                .map(|of| Exchange { asks: part(of, "asks"), answer: part(of, "answer") })
                .collect(),
            end: value.get("end").cloned().ok_or("there is no `end`")?,
        })
    }

    /// Plays it again. How it differs from what was recorded, a line each.
    pub fn differences(&self) -> Vec<String> {
        let tape = Tape::playing(self.exchanges.clone());
        let readings = Mutex::new(self.clock.iter().copied());
        let last = self.clock.last().copied().unwrap_or(Timestamp::UNIX_EPOCH);
        let clock = || readings.lock().unwrap().next().unwrap_or(last);
        // Every answer is there at once, or never comes.
        let handling = pin!(self.setting.handle(&tape, clock));
        let end = match handling.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(end) => end,
            Poll::Pending => Value::Null,
        };
        let mut lines = Vec::new();
        for (number, (recorded, now)) in self.exchanges.iter().zip(tape.heard()).enumerate() {
            let place = format!("effect {}", number + 1);
            compare(&place, &recorded.asks, &now.asks, &mut lines);
        }
        for exchange in tape.heard().iter().skip(self.exchanges.len()) {
            lines.push(format!("one more effect: {}", exchange.asks));
        }
        if lines.is_empty() {
            lines.extend(tape.ahead().iter().map(|exchange| format!("one effect less: {}", exchange.asks)));
            compare("end", &self.end, &end, &mut lines);
        }
        lines
    }
}

/// A word on an answer that is not the plain one.
fn remark(answer: &Value) -> String {
    let known = |name: &str| matches!(name, "fault" | "conflict" | "bucket-changed" | "refused" | "gap");
    let gap = |(name, value): (&String, &Value)| {
        value.get("gap").map(|gap| format!(" {name} {gap}")).filter(|_| name != "entries" && name != "state")
    };
    match answer {
        Value::String(text) if text != "done" => format!(" ({text})"),
        Value::Object(members) => match members.iter().find(|(name, _)| known(name)) {
            Some((name, value)) if value.is_string() => format!(" ({name} {value})"),
            Some((name, _)) => format!(" ({name})"),
            None => members.iter().filter_map(gap).collect(),
        },
        _ => String::new(),
    }
}

/// The places where two values differ.
pub fn compare(place: &str, recorded: &Value, now: &Value, lines: &mut Vec<String>) {
    let nothing = Value::Null;
    match (recorded, now) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                let [a, b] = [a, b].map(|of| of.get(name).unwrap_or(&nothing));
                compare(&format!("{place}.{name}"), a, b, lines);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let [a, b] = [a, b].map(|of| of.get(index).unwrap_or(&nothing));
                compare(&format!("{place}[{index}]"), a, b, lines);
            }
        }
        _ if recorded != now => lines.push(format!("{place}: recorded {recorded}, now {now}")),
        _ => {}
    }
}
