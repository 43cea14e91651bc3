//! A scenario in real time: brings its world up to an instant, and hands out its events when they are to be sent.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::output;
use crate::domain::stage_run::after;
use crate::emulator::codepipeline::ServiceError;
use crate::emulator::world::SharedWorld;
use crate::fingerprint;
use crate::replay::moment::{Happening, Moment};
use crate::replay::scenario::{Delivery, Scenario};
use crate::replay::script::{Script, matches_rule};

/// A scenario that is being played.
pub(super) struct Play {
    script: Script,
    outbox: Outbox,
}

impl Play {
    pub fn new(scenario: &Scenario) -> Result<Self, ServiceError> {
        let outbox =
            Outbox { deliveries: scenario.deliveries.clone(), matching: 0, put: 0, waiting: BTreeMap::new() };
        let script = Script::new(scenario)?;
        {
            // Whoever remembers an execution of an earlier run must not take one of this run for it.
            let mut world = script.world().lock();
            let seed = fingerprint::seed(&fingerprint::sha256_hex(&[&scenario.start.to_string()]));
            world.service = world.service.clone().with_seed(seed);
        }
        Ok(Self { script, outbox })
    }

    pub fn world(&self) -> &SharedWorld {
        self.script.world()
    }

    /// Lets happen what is due until `now`, each thing at its own time, and answers the events to be sent.
    pub fn go_on(&mut self, now: Timestamp) -> Vec<Value> {
        let Self { script, outbox } = self;
        let mut watch = |moment: &Moment| match &moment.what {
            Happening::Event(event) => outbox.put(moment.at, event),
            Happening::Acted(act, Err(refusal)) => {
                let pipeline = act.pipeline().map(|name| format!(" on `{name}`")).unwrap_or_default();
                output::notice(&format!("CodePipeline refuses an act of the scenario{pipeline}: {refusal}"));
            }
            _ => {}
        };
        while let Some(due) = script.next_due().filter(|due| *due <= now) {
            script.go_to(due, &mut watch);
            empty_queue(script.world());
        }
        script.go_to(now, &mut watch);
        empty_queue(script.world());
        self.outbox.take(now)
    }
}

/// The script fills the queue of a function that does not run here.
fn empty_queue(world: &SharedWorld) {
    let mut world = world.lock();
    while let Some(due) = world.queue.next_due() {
        if let Some(message) = world.queue.receive(due) {
            world.queue.delete(message.id);
        }
    }
}

/// Events on their way. Those that the product's rule matches are counted, as in the scenario's `deliveries`.
struct Outbox {
    deliveries: BTreeMap<u64, Delivery>,
    matching: u64,
    put: u64,
    waiting: BTreeMap<(Timestamp, u64), Value>,
}

impl Outbox {
    fn put(&mut self, at: Timestamp, event: &Value) {
        let mut planned = None;
        if matches_rule(event) {
            self.matching += 1;
            planned = self.deliveries.get(&self.matching);
        }
        // What nobody plans takes no time: whoever receives it has a queue of its own.
        let (copies, delay, spread) = match planned {
            Some(planned) => (planned.copies, planned.delay, planned.spread),
            None => (1, jiff::SignedDuration::ZERO, jiff::SignedDuration::ZERO),
        };
        let mut due = after(at, delay);
        for _ in 0..copies {
            self.put += 1;
            self.waiting.insert((due, self.put), event.clone());
            due = after(due, spread);
        }
    }

    fn take(&mut self, now: Timestamp) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= now) {
            events.push(first.remove());
        }
        events
    }
}
