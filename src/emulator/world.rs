//! One account and Region in memory: pipelines, ledger, queue and a clock that only its driver moves.
//!
//! [`SharedWorld`] is the world as the engine sees it, through the ports; faults and acts take effect there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::acts::{Act, Deed};
use super::calendars::KnownCalendars;
use super::codepipeline::{CodePipeline, ServiceError, Switches, scramble};
use super::evidence::Source;
use super::faults::{Fault, Faults, Operation};
use super::ledger::MemoryLedger;
use super::outside::Outside;
use super::queue::Queue;
use super::rate::CallRate;
use crate::domain::ids::{AccountId, Partition, Region};
use crate::domain::policy::{Mode, Policy};
use crate::domain::screen::Telling;
use crate::domain::stage_run::after;

/// Where the world is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Partition.
    pub partition: Partition,
    /// Account.
    pub account: AccountId,
    /// Region.
    pub region: Region,
}

/// What the function is deployed with.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// The policy in force; none when nothing that compiles was ever there.
    pub policy: Option<Policy>,
    /// The deployment's mode.
    pub mode: Mode,
    /// What it tells others.
    pub telling: Telling,
    /// Whether it may roll stages back.
    pub may_roll_back: bool,
}

/// What reads show instead of the present.
#[derive(Debug, Clone)]
struct Stale {
    until: Timestamp,
    shown: Box<CodePipeline>,
    /// By which it is told whether an answer is stale; all are without one.
    seed: Option<u64>,
}

impl Stale {
    fn concerns(&self, call: u64, answer: u64) -> bool {
        self.seed.is_none_or(|seed| scramble(seed.wrapping_add(scramble(call * 8 + answer))) & 1 == 0)
    }
}

/// The world.
#[derive(Debug, Clone)]
pub struct World {
    now: Timestamp,
    /// Where it is.
    pub place: Place,
    /// CodePipeline.
    pub service: CodePipeline,
    /// The durable record.
    pub ledger: MemoryLedger,
    /// The queue in front of the function, wake-ups included.
    pub queue: Queue,
    /// What goes wrong.
    pub faults: Faults,
    /// How many calls CodePipeline takes.
    pub rate: CallRate,
    /// What the function is deployed with.
    pub deployed: Deployed,
    /// The sources of evidence to which everybody's access is denied.
    pub denied: BTreeSet<Source>,
    /// Change calendars.
    pub calendars: KnownCalendars,
    /// What was told outside.
    pub outside: Outside,
    hooks: BTreeMap<(Operation, u64), Vec<Act>>,
    stale: Option<Stale>,
    /// What acts of hooks were refused with.
    refused_acts: Vec<ServiceError>,
    pub(super) deeds: Vec<Deed>,
    killed: BTreeMap<u64, Fault>,
    requests: Vec<(Timestamp, Operation)>,
}

impl World {
    /// A world in which nothing has happened.
    pub fn new(place: Place, switches: Switches, now: Timestamp) -> Self {
        let Place { partition, account, region } = place.clone();
        Self {
            now,
            place,
            service: CodePipeline::new(partition, account, region, switches),
            ledger: MemoryLedger::default(),
            queue: Queue::default(),
            faults: Faults::default(),
            rate: CallRate::default(),
            deployed: Deployed {
                policy: None,
                mode: Mode::Active,
                telling: Telling::default(),
                may_roll_back: false,
            },
            denied: BTreeSet::new(),
            calendars: KnownCalendars::default(),
            outside: Outside::default(),
            hooks: BTreeMap::new(),
            stale: None,
            refused_acts: Vec::new(),
            deeds: Vec::new(),
            killed: BTreeMap::new(),
            requests: Vec::new(),
        }
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Moves the clock forward, and lets happen in CodePipeline what is due until then.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.service.advance(self.now);
    }

    /// Lets time pass.
    pub fn pass(&mut self, duration: SignedDuration) {
        self.advance(after(self.now, duration));
    }

    /// Lets an act happen right before the `nth` call (from 1) of an operation.
    pub fn before(&mut self, operation: Operation, nth: u64, act: Act) {
        self.hooks.entry((operation, nth)).or_default().push(act);
    }

    /// Refusals of acts that hooks brought about.
    pub fn refused_acts(&self) -> &[ServiceError] {
        &self.refused_acts
    }

    /// Every act so far, hooked ones too, in order.
    pub fn deeds(&self) -> &[Deed] {
        &self.deeds
    }

    /// CodePipeline as one answer of a read shows it.
    pub(super) fn shown(&self, answer: u64) -> &CodePipeline {
        match &self.stale {
            Some(stale) if self.now < stale.until && stale.concerns(self.faults.calls(), answer) => {
                &stale.shown
            }
            _ => &self.service,
        }
    }

    pub(super) fn show_the_present_until(&mut self, until: Timestamp) {
        self.stale = Some(Stale { until, shown: Box::new(self.service.clone()), seed: None });
    }

    /// Lets reads of CodePipeline show the present for so long, but not all of them, and not in all of their answers:
    /// which ones depends on the seed.
    pub fn show_the_present_now_and_then(&mut self, lasting: SignedDuration, seed: u64) {
        let until = after(self.now, lasting);
        self.stale = Some(Stale { until, shown: Box::new(self.service.clone()), seed: Some(seed) });
    }

    /// Lets happen what is hooked to the call that comes next.
    pub(super) fn run_hooks(&mut self, operation: Operation) {
        let nth = self.faults.count(operation) + 1;
        for act in self.hooks.remove(&(operation, nth)).unwrap_or_default() {
            if let Err(refusal) = self.act(&act) {
                self.refused_acts.push(refusal);
            }
        }
    }

    /// Every call to CodePipeline so far, and when it was made.
    pub fn requests(&self) -> &[(Timestamp, Operation)] {
        &self.requests
    }

    pub(super) fn count_request(&mut self, operation: Operation) {
        use Operation as O;
        if matches!(
            operation,
            O::Tags | O::Observe | O::Fence | O::Retry | O::Catalogue | O::RollbackTarget | O::Rollback
        ) {
            self.requests.push((self.now, operation));
        }
    }

    pub(super) fn kill(&mut self, handling: u64, by: Fault) {
        self.killed.insert(handling, by);
    }
}

/// A handle to a world. Every clone is the same world.
///
/// `handling` tells concurrent users of the ports apart, so that a crash kills only the one it befalls.
#[derive(Debug, Clone)]
pub struct SharedWorld {
    world: Arc<Mutex<World>>,
    handling: u64,
    ahead: SignedDuration,
}

impl SharedWorld {
    /// Shares a world.
    pub fn new(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)), handling: 0, ahead: SignedDuration::ZERO }
    }

    /// A handle for one handling of a message.
    #[must_use]
    pub fn for_handling(&self, handling: u64) -> Self {
        Self { handling, ..self.clone() }
    }

    /// The same handle for one whose clock is so far ahead of the world's.
    #[must_use]
    pub fn with_clock(self, ahead: SignedDuration) -> Self {
        Self { ahead, ..self }
    }

    /// The present by the handling's own clock.
    pub fn told(&self) -> Timestamp {
        after(self.now(), self.ahead)
    }

    /// Which handling of a message this handle is for.
    pub fn handling(&self) -> u64 {
        self.handling
    }

    /// The world, for as long as the guard lives.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.lock().now()
    }

    /// Whether a fault has killed this handling; it will never answer.
    pub fn is_killed(&self) -> bool {
        self.killed_by().is_some()
    }

    /// The fault that has killed this handling.
    pub fn killed_by(&self) -> Option<Fault> {
        self.lock().killed.get(&self.handling).copied()
    }
}
