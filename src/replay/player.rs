//! Plays a scenario: goes from one happening to the next, and lets the function run.
//!
//! Between queue and function it does what SQS and Lambda do: hand messages out until they are acknowledged.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::moment::{Happening, Moment};
use super::scenario::Scenario;
use super::script::Script;
use crate::domain::evidence::Depth;
use crate::domain::scope::{Scope, Scopes};
use crate::domain::stage_run::{Timing, after};
use crate::domain::sweep::SWEEP_RATE;
use crate::emulator::codepipeline::ServiceError;
use crate::emulator::faults::Fault;
use crate::emulator::queue::Message;
use crate::emulator::world::SharedWorld;
use crate::engine::Engine;
use crate::function::{Function, Policies, Response};

/// A script with the function running in it.
#[derive(Debug)]
pub struct Player {
    script: Script,
    handlings: u64,
    handed_out: Option<Message>,
    end: Timestamp,
}

/// Nothing that a scenario sets in motion takes longer: the age of the oldest failure that may be retried.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The function's time limit, after which Lambda ends it.
pub const TIME_LIMIT: SignedDuration = SignedDuration::from_secs(30);

impl Player {
    /// Sets a scenario up.
    pub fn new(scenario: &Scenario) -> Result<Self, ServiceError> {
        let end = after(scenario.start, scenario.lasting.unwrap_or(LONGEST));
        Ok(Self { script: Script::new(scenario)?, handlings: 0, handed_out: None, end })
    }

    /// The world as it stands.
    pub fn world(&self) -> &SharedWorld {
        self.script.world()
    }

    /// The message that the function got in the last step, if it got one.
    pub fn handed_out(&self) -> Option<&Message> {
        self.handed_out.as_ref()
    }

    /// Plays to the end, and tells `watch` of every moment.
    pub fn play(&mut self, mut watch: impl FnMut(&Moment)) {
        while self.step(&mut watch) {}
    }

    /// Goes to the next happening. `false` when there is none before the end.
    pub fn step(&mut self, watch: &mut impl FnMut(&Moment)) -> bool {
        let Some(next) = self.script.next_due().filter(|next| *next <= self.end) else {
            return false;
        };
        self.script.go_to(next, watch);
        let message = {
            let mut world = self.world().lock();
            let now = world.now();
            world.queue.receive(now)
        };
        if let Some(message) = &message {
            self.hand_out(message, watch);
        }
        self.handed_out = message;
        true
    }

    /// Lambda: the function gets a batch of one; what it acknowledges is deleted.
    fn hand_out(&mut self, message: &Message, watch: &mut impl FnMut(&Moment)) {
        self.handlings += 1;
        let world = self.world().for_handling(self.handlings);
        let deadline = after(world.now(), TIME_LIMIT);
        let response = invoke(&world, message, deadline);
        if world.killed_by().is_some_and(Fault::hangs) {
            self.world().lock().advance(deadline);
        }
        self.script.deliver(watch);
        let at = self.world().now();
        let Some(response) = response else {
            watch(&Moment { at, what: Happening::Died });
            return;
        };
        if is_acknowledged(&response) {
            self.world().lock().queue.delete(message.id);
        }
        for handled in response.handled {
            watch(&Moment { at, what: Happening::Handled(Box::new(handled)) });
        }
    }
}

/// The function as it is deployed in a world at this moment.
pub fn deployed_function(
    world: &SharedWorld,
) -> Function<SharedWorld, SharedWorld, SharedWorld, SharedWorld, SharedWorld, SharedWorld> {
    let (place, deployed) = {
        let locked = world.lock();
        (locked.place.clone(), locked.deployed.clone())
    };
    Function {
        engine: Engine {
            ledger: world.clone(),
            pipelines: world.clone(),
            schedules: world.clone(),
            evidence: world.clone(),
            calendars: world.clone(),
        },
        messenger: world.clone(),
        telling: deployed.telling,
        may_roll_back: deployed.may_roll_back,
        policies: Policies::new(deployed.policy),
        mode: deployed.mode,
        scopes: Scopes::alone(Scope {
            partition: place.partition,
            region: place.region,
            account: place.account,
        }),
        evidence: Depth::Logs,
        timing: Timing::default(),
        sweep_rate: SWEEP_RATE,
    }
}

/// Runs the function on one message of the queue. `None` when it died.
fn invoke(world: &SharedWorld, message: &Message, deadline: Timestamp) -> Option<Response> {
    let function = deployed_function(world);
    let batch = batch(message);
    let name = format!("handling-{}", world.handling());
    let clock = || world.now();
    run(function.invoke(&batch, &name, deadline, &clock), world)
}

/// Whether Lambda deletes what it handed to the function.
pub(super) fn is_acknowledged(response: &Response) -> bool {
    let body = response.body.as_ref().ok();
    let failures = body.and_then(|body| body.get("batchItemFailures")).and_then(Value::as_array);
    failures.is_some_and(Vec::is_empty)
}

/// A message as Lambda hands it to the function.
pub fn batch(message: &Message) -> String {
    json!({ "Records": [{
        "messageId": message.id.to_string(),
        "body": message.body,
        "attributes": { "ApproximateReceiveCount": message.receives.to_string() },
        "eventSource": "aws:sqs",
    }]})
    .to_string()
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
