//! Plays a fleet: changes come, stages fail, people retry. It lets no function run, and hands over what happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::fates::Fates;
use super::lot::Lot;
use super::outages::AFTERMATH;
use super::people::People;
use super::starts::Starts;
use super::truth::{Account, By, Failure, Key, Truth};
use super::{Fleet, FleetPipeline};
use crate::domain::ids::{AccountId, ExecutionId, InvalidId, Partition, PipelineName, Region, StageName};
use crate::domain::pipeline::{ExecutionMode, ExecutionStatus};
use crate::domain::policy::RetryMode;
use crate::domain::stage_run::after;
use crate::emulator::codepipeline::{Fate, Listening, ServiceError, Switches};
use crate::emulator::world::{Place, SharedWorld, World};

/// CodePipeline's automatic retry of stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Native {
    /// Where the fleet declares it.
    AsDeclared,
    /// In every stage.
    Everywhere,
    /// Nowhere.
    Nowhere,
}

/// What the world remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Memory {
    /// Everything, for those who look at it afterwards.
    Everything,
    /// What something can still happen to. Executions that nothing can happen to are counted, and not played at all.
    Open,
}

/// How often executions are forgotten, and how long after their end: where one may still be retried, or decides whether
/// another one may, after more than the longest time that policies and people take.
const TIDY_EVERY: SignedDuration = SignedDuration::from_hours(6);
const KEPT: SignedDuration = SignedDuration::from_hours(2);
const KEPT_FOR_RETRIES: SignedDuration = SignedDuration::from_hours(8 * 24);

/// The caller by which the world knows people.
const PERSON: &str = "person";

/// A fleet while it is played.
#[derive(Debug)]
pub struct Play {
    world: SharedWorld,
    pipelines: Vec<Started>,
    fates: Arc<Fates>,
    people: People,
    starts: Starts,
    /// When somebody looks at what, by time and number.
    visits: BTreeMap<(Timestamp, u64), Visit>,
    visited: u64,
    cares: BTreeMap<Key, Care>,
    account: Account,
    /// Calls of `RetryStageExecution` that are accounted for, and by whom those were that no event told of yet.
    calls: usize,
    called: BTreeMap<Key, By>,
    end: Timestamp,
    /// When something is forgotten next; nothing ever is when absent.
    forgetting: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Visit {
    pipeline: PipelineName,
    key: Key,
}

/// A pipeline, and the last execution of it that the world knows of.
#[derive(Debug, Clone)]
struct Started {
    name: PipelineName,
    mode: ExecutionMode,
    last: Option<ExecutionId>,
}

/// Somebody's concern for a stage run.
#[derive(Debug, Clone, Copy)]
struct Care {
    run: Lot,
    tries: u32,
    looks_again: bool,
}

impl Play {
    /// Sets a fleet up.
    pub fn new(fleet: &Fleet, seed: u64, native: Native, memory: Memory) -> Result<Self, ServiceError> {
        let fates = Arc::new(Fates::of(fleet, seed));
        let mut world = World::new(place()?, Switches::default(), fleet.start);
        for pipeline in &fleet.pipelines {
            let mut definition = pipeline.definition.clone();
            for stage in &mut definition.stages {
                stage.native_retry = match native {
                    Native::AsDeclared => stage.native_retry,
                    Native::Everywhere => Some(RetryMode::FailedActions),
                    Native::Nowhere => None,
                };
            }
            world.service.create_pipeline(fleet.start, definition)?;
        }
        let drawing = Arc::clone(&fates);
        world.service.leave_to(Fate::new(move |of| drawing.outcome(of)));
        world.service.listen_to(Listening::Failures);
        Ok(Self {
            world: SharedWorld::new(world),
            pipelines: (fleet.pipelines.iter())
                .map(|FleetPipeline { definition, .. }| Started {
                    name: definition.name.clone(),
                    mode: definition.mode,
                    last: None,
                })
                .collect(),
            account: Account::of(fates.outages()),
            fates,
            people: fleet.people.clone(),
            starts: Starts::of(fleet, seed),
            visits: BTreeMap::new(),
            visited: 0,
            cares: BTreeMap::new(),
            calls: 0,
            called: BTreeMap::new(),
            end: after(after(fleet.start, fleet.lasting), AFTERMATH),
            forgetting: (memory == Memory::Open).then(|| after(fleet.start, TIDY_EVERY)),
        })
    }

    /// The world as it stands.
    pub fn world(&self) -> &SharedWorld {
        &self.world
    }

    /// When it ends, whatever goes on still.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// When something happens next; nothing once all is over.
    pub fn next_due(&self) -> Option<Timestamp> {
        let service = self.world.lock().service.next_due();
        let visit = self.visits.first_key_value().map(|((at, _), _)| *at);
        let next = [self.starts.next_due(), visit, service].into_iter().flatten().min();
        next.filter(|next| *next <= self.end)
    }

    /// Moves the clock, and lets happen what is due by then. `hear` gets the events that the product's rule lets through.
    pub fn go_to(&mut self, now: Timestamp, hear: &mut impl FnMut(Timestamp, &Value)) {
        self.world.lock().advance(now);
        self.take_note(hear);
        while let Some(pipeline) = self.starts.take_due(now) {
            self.start(pipeline, now);
        }
        while let Some(entry) = self.visits.first_entry().filter(|entry| entry.key().0 <= now) {
            let visit = entry.remove();
            self.visit(&visit, now);
        }
        self.take_note(hear);
        self.forget(now);
    }

    /// Plays to the end with no function running.
    pub fn play_out(&mut self) {
        while let Some(next) = self.next_due() {
            self.go_to(next, &mut |_, _| {});
        }
    }

    /// Accounts for what happened since the last time, whoever brought it about.
    pub fn take_note(&mut self, hear: &mut impl FnMut(Timestamp, &Value)) {
        let events = {
            let mut world = self.world.lock();
            let calls = world.service.retry_calls().iter().skip(self.calls);
            for call in calls.filter(|call| call.outcome.is_ok()) {
                let by = if call.caller == PERSON { By::Person } else { By::Function };
                self.called.insert((call.execution.clone(), call.stage.clone()), by);
            }
            self.calls = world.service.retry_calls().len();
            world.service.drain_events()
        };
        for (at, event) in events {
            self.note(at, &event);
            hear(at, &event);
        }
    }

    /// The world, to which events are of interest again, and what happened in it.
    pub fn conclude(mut self) -> (SharedWorld, Truth) {
        self.take_note(&mut |_, _| {});
        let mut world = self.world.lock();
        for pipeline in &self.pipelines {
            for execution in world.service.list_executions(&pipeline.name).unwrap_or_default() {
                self.account.ended(&execution);
            }
        }
        world.service.listen_to(Listening::Everything);
        let now = world.now();
        drop(world);
        (self.world, self.account.conclude(now))
    }

    fn start(&mut self, pipeline: usize, now: Timestamp) {
        let is_alone = self.passes_alone(pipeline, now);
        let Some(Started { name, last, .. }) = self.pipelines.get_mut(pipeline) else { return };
        if is_alone {
            self.account.started(name, now);
            self.account.passed();
            return;
        }
        match self.world.lock().service.start_pipeline_execution(now, name) {
            Ok(execution) => {
                self.account.started(name, now);
                *last = Some(execution);
            }
            Err(_) => self.account.refused_start(),
        }
    }

    /// Whether a change goes through without a failure and meets nobody: no earlier execution runs or can be retried, since
    /// one that came later has succeeded in all stages, and the next one comes when it is through. It need not be played:
    /// nobody could tell the difference but by looking at it.
    fn passes_alone(&self, pipeline: usize, now: Timestamp) -> bool {
        let Some(Started { name, mode, last }) = self.pipelines.get(pipeline) else { return false };
        // In PARALLEL mode executions overtake each other, and a failed one may be retried whatever came after it.
        if self.forgetting.is_none() || *mode == ExecutionMode::Parallel {
            return false;
        }
        let Some(through) = self.fates.green_until(name, now) else { return false };
        let meets_the_next = self.starts.next_of(pipeline).is_some_and(|next| next <= through);
        let meets_the_last = || {
            let service = &self.world.lock().service;
            // One that is forgotten has succeeded: the stage that the last one failed in shows it.
            let last = last.as_ref().and_then(|last| service.pipeline_execution(name, last).ok());
            last.is_some_and(|last| last.status != ExecutionStatus::Succeeded)
        };
        !meets_the_next && !meets_the_last()
    }

    fn visit(&mut self, Visit { pipeline, key }: &Visit, now: Timestamp) {
        let Some(care) = self.cares.get_mut(key) else { return };
        care.looks_again = false;
        if !self.account.is_failed(key) {
            return;
        }
        let (execution, stage) = key;
        let mode = RetryMode::FailedActions;
        // Whoever finds a newer change in the stage, or that it runs again, leaves it alone.
        let pressed =
            self.world.lock().service.retry_stage_execution(now, PERSON, pipeline, stage, execution, mode);
        if pressed.is_ok() {
            care.tries += 1;
        }
    }

    fn forget(&mut self, now: Timestamp) {
        if let Some(next) = self.forgetting.as_mut().filter(|next| **next <= now) {
            *next = after(now, TIDY_EVERY);
            let before = |kept| now.saturating_sub(kept).unwrap_or(Timestamp::MIN);
            let gone = self.world.lock().service.forget_before(before(KEPT), before(KEPT_FOR_RETRIES));
            for execution in &gone {
                self.account.ended(execution);
            }
        }
    }

    fn note(&mut self, at: Timestamp, event: &Value) {
        let Some(Told { pipeline, key, state }) = Told::read(event) else { return };
        match state {
            "FAILED" => {
                let _ = self.note_failure(at, pipeline, key);
            }
            "RESUMED" => {
                let by = self.called.remove(&key).unwrap_or(By::Native);
                self.account.retried(&key, by, at);
            }
            "SUCCEEDED" => self.account.recovered(&pipeline, &key, at),
            _ => {}
        }
    }

    fn note_failure(&mut self, at: Timestamp, pipeline: PipelineName, key: Key) -> Option<()> {
        let (class, run) = {
            let service = &self.world.lock().service;
            let failed = service.failed_run(&pipeline, &key.0, &key.1)?;
            let circumstances = service.circumstances(&pipeline, &failed)?;
            (self.fates.fated(&circumstances)?.class?, self.fates.stage_run(&circumstances))
        };
        self.account.failed(&pipeline, &key, Failure { at, class });
        let first = self.account.first_class(&key)?;
        let care = match self.cares.get_mut(&key) {
            Some(care) => care,
            None if self.people.care(run, first) => {
                self.cares.entry(key.clone()).or_insert(Care { run, tries: 0, looks_again: false })
            }
            None => return None,
        };
        if care.looks_again || care.tries >= self.people.gives_up_after {
            return None;
        }
        care.looks_again = true;
        self.visited += 1;
        let when = self.people.look(care.run, care.tries, at);
        self.visits.insert((when, self.visited), Visit { pipeline, key });
        Some(())
    }
}

/// What an event tells of a stage.
struct Told<'a> {
    pipeline: PipelineName,
    key: Key,
    state: &'a str,
}

impl<'a> Told<'a> {
    fn read(event: &'a Value) -> Option<Self> {
        let detail = event.get("detail")?;
        let text = |key: &str| detail.get(key).and_then(Value::as_str);
        let execution = ExecutionId::parse(text("execution-id")?).ok()?;
        let stage = StageName::parse(text("stage")?).ok()?;
        Some(Self {
            pipeline: PipelineName::parse(text("pipeline")?).ok()?,
            key: (execution, stage),
            state: text("state")?,
        })
    }
}

/// Invented, and plainly so.
fn place() -> Result<Place, InvalidId> {
    Ok(Place {
        partition: Partition::parse("aws")?,
        account: AccountId::parse("111122223333")?,
        region: Region::parse("eu-central-1")?,
    })
}
