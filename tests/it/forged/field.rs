//! The fleet with the function in it, to which anybody may send whatever they like.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::function::Response;
use codepipeline_retrier::journal::Journal;
use codepipeline_retrier::replay::moment::{Happening, Moment};
use codepipeline_retrier::replay::player::{TIME_LIMIT, deployed_function, run};
use codepipeline_retrier::replay::scenario::Scenario;
use codepipeline_retrier::replay::script::Script;
use codepipeline_retrier::telemetry::{Log, LogLevel};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::rig::calls::is_ours;
use crate::rig::fleet::switches;
use crate::rig::random::Random;

const FLEET: &str = include_str!("../../forged/fleet.yaml");

/// Log lines, as they were written.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// What was written since the last time.
    pub fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).expect("a log is text")
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The fleet, the function, and everything that went in and came out.
pub struct Field {
    script: Script,
    began: Timestamp,
    log: Log,
    pub lines: Lines,
    invocations: u64,
    /// Every event of CodePipeline so far, and every message of the product's kind, forged ones too.
    pub genuine: Vec<Value>,
    /// Messages that were not acknowledged when they came.
    pub refused: Vec<String>,
    /// What was returned to whoever handed a message over directly.
    pub returned: Vec<String>,
}

/// Who was retried, and rolled back, how often: what CodePipeline itself knows of it.
pub type Deeds = BTreeMap<(String, String), (usize, usize)>;

impl Field {
    pub fn new(seed: u64) -> Self {
        let mut scenario = Scenario::read("fleet", FLEET).unwrap();
        scenario.switches = switches(&mut Random::new(seed));
        let script = Script::new(&scenario).unwrap();
        let lines = Lines::default();
        Self {
            script,
            began: scenario.start,
            log: Log::new(LogLevel::Debug, lines.clone()),
            lines,
            invocations: 0,
            genuine: Vec::new(),
            refused: Vec::new(),
            returned: Vec::new(),
        }
    }

    pub fn world(&self) -> &SharedWorld {
        self.script.world()
    }

    /// How long it has been going on.
    pub fn lasted(&self) -> SignedDuration {
        self.world().now().duration_since(self.began)
    }

    /// Lets everything happen that happens within so long.
    pub fn pass(&mut self, lasting: SignedDuration) {
        let end = after(self.world().now(), lasting);
        while let Some(next) = self.script.next_due().filter(|next| *next <= end) {
            self.go_to(next);
            self.receive();
        }
        self.go_to(end);
    }

    fn go_to(&mut self, to: Timestamp) {
        let mut events = Vec::new();
        self.script.go_to(to, &mut |moment| keep(moment, &mut events));
        self.genuine.append(&mut events);
    }

    /// Somebody sends a message to the queue; it is handled at once, and whatever else is there.
    pub fn send(&mut self, body: String) {
        let now = self.world().now();
        self.world().lock().queue.send(body, now);
        while self.receive() {}
    }

    fn receive(&mut self) -> bool {
        let now = self.world().now();
        let message = self.world().lock().queue.receive(now);
        let Some(message) = message else { return false };
        if let Ok(own @ Value::Object(_)) = serde_json::from_str(&message.body)
            && self.genuine.len() < 400
            && own.get("retrier").is_some()
        {
            self.genuine.push(own);
        }
        let batch = json!({ "Records": [{
            "messageId": message.id.to_string(),
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": message.receives.to_string(),
                "SentTimestamp": now.as_millisecond().to_string(),
            },
            "eventSource": "aws:sqs",
        }]});
        let body = self.invoke(&batch.to_string());
        if body.as_ref() == Ok(&json!({ "batchItemFailures": [] })) {
            self.world().lock().queue.delete(message.id);
        } else {
            self.refused.push(format!("{body:?} for {}", message.body));
        }
        true
    }

    /// Somebody invokes the function with that.
    pub fn hand_over(&mut self, text: &str) {
        let body = self.invoke(text);
        self.returned.push(body.map_or_else(|error| error.to_string(), |body| body.to_string()));
    }

    fn invoke(&mut self, text: &str) -> Result<Value, codepipeline_retrier::function::NotHandled> {
        self.invocations += 1;
        let world = self.world().for_handling(self.invocations);
        let began = world.now();
        let name = format!("invocation-{}", self.invocations);
        let function = deployed_function(&world);
        let clock = || world.now();
        let handling = function.invoke(text, &name, after(began, TIME_LIMIT), &clock);
        let response: Response = run(handling, &world).expect("nothing kills it");
        let journal = Journal { log: &self.log, request: &name, clock: &clock };
        let body = journal.keep(response, began);
        let mut events = Vec::new();
        self.script.deliver(&mut |moment| keep(moment, &mut events));
        self.genuine.append(&mut events);
        body
    }

    /// Retries and rollbacks that the function made.
    pub fn deeds(&self) -> Deeds {
        let world = self.world().lock();
        let mut deeds = Deeds::new();
        for call in world.service.retry_calls().iter().filter(|call| call.caller == "retrier") {
            assert!(is_ours(call), "a call was refused: {call:?}");
            deeds.entry((call.pipeline.to_string(), call.stage.to_string())).or_default().0 += 1;
        }
        for call in world.service.rollback_calls().iter().filter(|call| call.caller == "retrier") {
            deeds.entry((call.pipeline.to_string(), call.stage.to_string())).or_default().1 += 1;
        }
        deeds
    }
}

fn keep(moment: &Moment, events: &mut Vec<Value>) {
    if let Happening::Event(event) = &moment.what {
        events.push(event.clone());
    }
}
