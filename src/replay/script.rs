//! A scenario as it unfolds around the function: the clock, what people do, and events on their way to the queue.
//!
//! It does what EventBridge does, and lets no function run.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::moment::{Happening, Moment};
use super::scenario::{Delivery, Scenario};
use crate::domain::stage_run::after;
use crate::domain::sweep::Tick;
use crate::emulator::acts::Act;
use crate::emulator::codepipeline::ServiceError;
use crate::emulator::world::{SharedWorld, World};
use crate::event::tick_body;

/// A world, and what is still to happen to it.
#[derive(Debug)]
pub struct Script {
    world: SharedWorld,
    timeline: VecDeque<(Timestamp, Act)>,
    deliveries: BTreeMap<u64, Delivery>,
    events: u64,
    sweep: Option<Schedule>,
}

/// The schedule of the sweep.
#[derive(Debug)]
struct Schedule {
    every: SignedDuration,
    next: Timestamp,
    /// When something last happened that a sweep may find something of.
    busy_at: Timestamp,
}

impl Script {
    /// Sets a scenario up.
    pub fn new(scenario: &Scenario) -> Result<Self, ServiceError> {
        let mut world = World::new(scenario.place.clone(), scenario.switches.clone(), scenario.start);
        world.deployed = scenario.deployed.clone();
        world.denied.clone_from(&scenario.denied);
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
            sweep: scenario.sweep.map(|every| Schedule {
                every,
                next: after(scenario.start, every),
                busy_at: scenario.start,
            }),
        })
    }

    /// The world as it stands.
    pub fn world(&self) -> &SharedWorld {
        &self.world
    }

    /// When something happens next: an act, something in CodePipeline, or a message that becomes visible.
    pub fn next_due(&self) -> Option<Timestamp> {
        let world = self.world.lock();
        let act = self.timeline.front().map(|(at, _)| *at);
        let others = [act, world.service.next_due(), world.queue.next_due()].into_iter().flatten().min();
        let is_behind = || !world.ledger.sweep().lagging.is_empty();
        let is_open =
            || is_behind() || world.ledger.records().any(|of| of.wait.is_some() || of.claim.is_some());
        // A schedule goes on for ever. Once nothing is open and nothing happens, two more rounds have seen all there was.
        let is_wanted = |sweep: &&Schedule| {
            others.is_some() || is_open() || sweep.next <= after(sweep.busy_at, sweep.every * 3)
        };
        let tick = self.sweep.as_ref().filter(is_wanted).map(|sweep| sweep.next);
        others.into_iter().chain(tick).min()
    }

    /// The schedule sends its tick to the queue.
    fn tick(&mut self) {
        let now = self.world.now();
        let Some(sweep) = self.sweep.as_mut().filter(|sweep| sweep.next <= now) else { return };
        let tick = Tick::Scheduled { every: sweep.every };
        let at = sweep.next;
        // Ticks of a time that was slept through come together.
        while sweep.next <= now {
            sweep.next = after(sweep.next, sweep.every);
        }
        self.world.lock().queue.send(tick_body(tick), at);
    }

    /// Moves the clock, and lets happen what is due by then.
    pub fn go_to(&mut self, to: Timestamp, watch: &mut impl FnMut(&Moment)) {
        self.world.lock().advance(to);
        self.tick();
        self.deliver(watch);
        while let Some((_, act)) = self.timeline.front().filter(|(at, _)| *at <= self.world.now()).cloned() {
            self.timeline.pop_front();
            self.act(act, watch);
        }
    }

    /// Lets an act happen now that no timeline knew of.
    pub fn act(&mut self, act: Act, watch: &mut impl FnMut(&Moment)) {
        let refused = self.world.lock().act(&act);
        let at = self.world.now();
        self.busy(at);
        watch(&Moment { at, what: Happening::Acted(act, refused) });
        self.deliver(watch);
    }

    fn busy(&mut self, at: Timestamp) {
        if let Some(sweep) = &mut self.sweep {
            sweep.busy_at = sweep.busy_at.max(at);
        }
    }

    /// EventBridge: what matches the rule goes into the queue.
    pub fn deliver(&mut self, watch: &mut impl FnMut(&Moment)) {
        let events = self.world.lock().service.drain_events();
        for (at, event) in events {
            self.busy(at);
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
