//! Plays a scenario: moves the clock from one happening to the next, delivers events, and lets the function run.
//!
//! Between CodePipeline and the function it does what EventBridge and SQS do: match events against the rule, put them
//! into the queue, hand messages out until they are acknowledged.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::moment::{Happening, Moment};
use super::scenario::{Delivery, Scenario};
use crate::domain::stage_run::{Timing, after};
use crate::emulator::acts::Act;
use crate::emulator::codepipeline::ServiceError;
use crate::emulator::queue::Message;
use crate::emulator::world::{SharedWorld, World};
use crate::engine::Engine;
use crate::function::{Function, Response};

/// A world with a script.
#[derive(Debug)]
pub struct Player {
    world: SharedWorld,
    timeline: VecDeque<(Timestamp, Act)>,
    deliveries: BTreeMap<u64, Delivery>,
    events: u64,
    handlings: u64,
    end: Timestamp,
}

/// Nothing that a scenario sets in motion takes longer: the age of the oldest failure that may be retried.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Player {
    /// Sets a scenario up.
    pub fn new(scenario: &Scenario) -> Result<Self, ServiceError> {
        let mut world = World::new(scenario.place.clone(), scenario.switches.clone(), scenario.start);
        world.deployed = scenario.deployed.clone();
        for definition in &scenario.pipelines {
            world.service.create_pipeline(scenario.start, definition.clone())?;
        }
        for (operation, nth, act) in &scenario.hooks {
            world.before(*operation, *nth, act.clone());
        }
        Ok(Self {
            world: SharedWorld::new(world),
            timeline: (scenario.timeline.iter())
                .map(|(offset, act)| (after(scenario.start, *offset), act.clone()))
                .collect(),
            deliveries: scenario.deliveries.clone(),
            events: 0,
            handlings: 0,
            end: after(scenario.start, scenario.lasting.unwrap_or(LONGEST)),
        })
    }

    /// The world as it stands.
    pub fn world(&self) -> &SharedWorld {
        &self.world
    }

    /// Plays to the end, and tells `watch` of every moment.
    pub fn play(&mut self, mut watch: impl FnMut(&Moment)) {
        while self.step(&mut watch) {}
    }

    /// Goes to the next happening. `false` when there is none before the end.
    pub fn step(&mut self, watch: &mut impl FnMut(&Moment)) -> bool {
        let next = {
            let world = self.world.lock();
            let dues =
                [self.timeline.front().map(|(at, _)| *at), world.service.next_due(), world.queue.next_due()];
            dues.into_iter().flatten().min()
        };
        let Some(next) = next.filter(|next| *next <= self.end) else {
            return false;
        };
        self.world.lock().advance(next);
        self.deliver(watch);
        while let Some((_, act)) = self.timeline.front().filter(|(at, _)| *at <= self.world.now()).cloned() {
            self.timeline.pop_front();
            let refused = self.world.lock().act(&act);
            let at = self.world.now();
            watch(&Moment { at, what: Happening::Acted(act, refused) });
            self.deliver(watch);
        }
        let message = {
            let mut world = self.world.lock();
            let now = world.now();
            world.queue.receive(now)
        };
        if let Some(message) = message {
            self.hand_out(&message, watch);
        }
        true
    }

    /// EventBridge: what matches the rule goes into the queue.
    fn deliver(&mut self, watch: &mut impl FnMut(&Moment)) {
        let events = self.world.lock().service.drain_events();
        for (at, event) in events {
            if matches_rule(&event) {
                self.events += 1;
                let delivery = self.deliveries.get(&self.events).copied().unwrap_or_default();
                let mut visible_at = after(at, delivery.delay);
                for _ in 0..delivery.copies {
                    self.world.lock().queue.send(event.to_string(), visible_at);
                    visible_at = after(visible_at, delivery.spread);
                }
            }
            watch(&Moment { at, what: Happening::Event(event) });
        }
    }

    /// Lambda: the function gets a batch of one; what it acknowledges is deleted.
    fn hand_out(&mut self, message: &Message, watch: &mut impl FnMut(&Moment)) {
        self.handlings += 1;
        let world = self.world.for_handling(self.handlings);
        let response = invoke(&world, message);
        self.deliver(watch);
        let at = self.world.now();
        let Some(response) = response else {
            watch(&Moment { at, what: Happening::Died });
            return;
        };
        let failures = response.body.get("batchItemFailures").and_then(Value::as_array);
        if failures.is_some_and(Vec::is_empty) {
            self.world.lock().queue.delete(message.id);
        }
        for handled in response.handled {
            watch(&Moment { at, what: Happening::Handled(Box::new(handled)) });
        }
    }
}

/// The function as it is deployed in a world at this moment.
pub fn deployed_function(world: &SharedWorld) -> Function<SharedWorld, SharedWorld, SharedWorld> {
    let (place, deployed) = {
        let locked = world.lock();
        (locked.place.clone(), locked.deployed.clone())
    };
    Function {
        engine: Engine { ledger: world.clone(), pipelines: world.clone(), schedules: world.clone() },
        policy: deployed.policy,
        mode: deployed.mode,
        account: place.account,
        region: place.region,
        partition: place.partition,
        timing: Timing::default(),
    }
}

/// Runs the function on one message of the queue. `None` when it died.
fn invoke(world: &SharedWorld, message: &Message) -> Option<Response> {
    let function = deployed_function(world);
    let batch = json!({ "Records": [{
        "messageId": message.id.to_string(),
        "body": message.body,
        "attributes": { "ApproximateReceiveCount": message.receives.to_string() },
        "eventSource": "aws:sqs",
    }]})
    .to_string();
    let name = format!("handling-{}", world.handling());
    let clock = || world.now();
    run(function.invoke(&batch, &name, &clock), world)
}

/// Drives a future to its end, or to the death of its handling. Nothing in a world waits for anything but a turn.
pub fn run<T>(future: impl Future<Output = T>, world: &SharedWorld) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return Some(value),
            Poll::Pending if world.is_killed() => return None,
            Poll::Pending => {}
        }
    }
}

/// The rule's event pattern: failed stages, and what became of stages that were retried.
pub fn matches_rule(event: &Value) -> bool {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
    let detail = event.get("detail");
    let state = text(detail.and_then(|detail| detail.get("state")));
    let was_retried = detail.is_some_and(|detail| detail.get("stage-last-retry-attempt-time").is_some());
    text(event.get("source")) == "aws.codepipeline"
        && text(event.get("detail-type")) == "CodePipeline Stage Execution State Change"
        && (state == "FAILED"
            || was_retried && matches!(state.as_str(), "SUCCEEDED" | "RESUMED" | "STOPPED" | "CANCELED"))
}
