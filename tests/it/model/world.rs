//! One state of the model: the other side of the ports, what is under way, and what may still go wrong.

use std::hash::{Hash, Hasher};

use codepipeline_retrier::domain::protocol::{Effect, State};
use codepipeline_retrier::domain::stage_run::Owner;
use codepipeline_retrier::emulator::ledger::MemoryLedger;

use super::queue::{Message, Subject};
use super::shared::Shared;
use super::stage::{Shown, Stage};
use super::time::Second;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub now: Second,
    /// The production emulator's ledger. Its decisions are taken out of it after every write.
    pub ledger: Shared<MemoryLedger>,
    pub stages: Vec<Shared<Stage>>,
    /// In order, so that worlds which differ in the order of sending alone are one.
    pub queue: Vec<Message>,
    /// How often each subject was handled: owners' names are never used twice.
    pub handlings: Vec<(Subject, u8)>,
    /// In order of their fingerprints.
    pub workers: Vec<Shared<Worker>>,
    pub requests: Vec<Request>,
    pub left: Left,
    /// Tokens taken and not given back: by which stage run and when.
    pub tokens: Vec<(usize, Second)>,
    /// How often the sweep has run with everything else at rest, and nothing has happened since but what it set off.
    pub swept: u8,
    /// The invariant that has been broken.
    pub broken: Option<Broken>,
    /// What the last step showed.
    pub seen: Seen,
}

/// A function at work on a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Worker {
    pub message: Message,
    pub owner: Owner,
    pub began: Second,
    /// The production protocol's state, and what it asks for next.
    pub state: State,
    pub effect: Effect,
    /// The attempt that failed last, as the first reading showed it.
    pub observed: Option<Shown>,
    /// The claim that it holds.
    pub claim: Option<Held>,
    /// What the stage looked like at the fence.
    pub fenced: Option<Shown>,
    /// Under a mutant, the request is sent once more.
    pub is_resending: bool,
}

/// A claim in the hands of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Held {
    pub attempt: usize,
    pub taken_over: bool,
    /// Until when a request made under it may take effect.
    pub lingers_until: Second,
}

/// A request to CodePipeline that is still on its way, though nobody waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    pub run: usize,
    /// The failed attempt that it is meant for.
    pub attempt: usize,
    pub taken_over: bool,
    /// It takes effect until then, or never.
    pub until: Second,
}

/// What may still go wrong, and who may still act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Left {
    /// Deaths of a worker.
    pub crashes: u8,
    /// Messages that vanish before anybody has them.
    pub losses: u8,
    /// Messages that are doubled.
    pub duplicates: u8,
    /// Answers of ledger and CodePipeline that are lost, late, or refusals for the moment.
    pub faults: u8,
    /// Answers that are older than the last change.
    pub stale: u8,
    /// Things that people do.
    pub acts: u8,
    /// Sweeps beside live workers; the one after everything else is always there.
    pub sweeps: u8,
}

/// The invariants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// I1: an accepted retry answers another failure than the one it was claimed for.
    WrongFailure,
    /// I2: more retries than the rule allows.
    TooManyRetries,
    /// I3: a retry was accepted that no token pays for.
    Unpaid,
    /// I3: more tokens were taken than capacity and refill give.
    Overdrawn,
    /// I3: a token came back that was not out, or after a take-over.
    RefundedTwice,
    /// I4: a call was made while an earlier one for the same failure may still take effect.
    RepeatedBlindly,
    /// I5: a call was made although the fence could see a person's act.
    AfterPerson,
    /// I5: a claim, take-over or rollback was committed under a pause.
    AfterPause,
    /// I6: everything is at rest, and a failure has no decision or a claim is open.
    Forgotten,
    /// I6: something waits without an end.
    Endless,
    /// I8: a stage run was rolled back once more.
    RolledBackTwice,
    /// I8: a rollback was called that is not on record as its caller's.
    RolledBackUnrecorded,
    /// I8: a rollback was called although the fence could see a person's act.
    RolledBackAfterPerson,
    /// A wake-up of something that is over has changed the record.
    StaleObeyed,
}

macro_rules! sights {
    ($($name:ident = $text:literal,)*) => {
        /// What at least one step of a full exploration must show, or the model would prove little.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Sight { $($name,)* }

        impl Sight {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

sights! {
    Accepted = "a retry is accepted",
    LastAccepted = "the last allowed retry is accepted",
    Recovered = "a retry is seen to have recovered the stage",
    FailedAgain = "a retry is seen to have failed again",
    Refunded = "a token comes back",
    BudgetEmpty = "a failure waits for a token",
    PaidAfterWaiting = "a token is taken after a wait for it",
    TakenOver = "a claim is taken over",
    TakeOverAccepted = "a taken-over claim's call is accepted",
    ConfirmedAsOurs = "a retry of unknown outcome is confirmed from the pipeline",
    Forgone = "a claim is given up without a retry",
    PauseStopsClaim = "a pause stops a claim at its commit",
    PauseStopsTakeOver = "a pause stops a take-over at its commit",
    PauseWaits = "a failure waits for the end of a pause",
    StaleWakeUp = "a stale wake-up is ignored",
    PersonWinsAtFence = "a person's retry wins at the fence",
    ActSeenAtFence = "a person's other act wins at the fence",
    OvertakenByPerson = "a person's retry wins between fence and call",
    Residual = "a person's retry fails again between fence and call, and our call answers that",
    LateRequest = "a request takes effect after its caller is gone",
    Resent = "a commit whose answer was lost is recognised when it is sent again",
    Conflicted = "a commit loses against another one",
    BucketLost = "a token is lost to another stage run at its commit",
    Unsettled = "answers that contradict each other decide nothing",
    Throttled = "a refusal for the moment gives the claim back",
    BehindClaim = "a message waits behind an open claim",
    SweptLost = "the sweep finds a failure whose event was lost",
    SweptWaiting = "the sweep finds what was waited for and forgotten",
    Closed = "a failure is closed without a retry",
    RolledBack = "a stage is rolled back",
    RollbackRefused = "CodePipeline refuses a rollback",
    RollbackStopped = "a rollback on record is not called, since something has changed",
    RollbackUnknown = "a rollback's answer is lost",
}

/// A set of sights. It tells how a state was reached and is no part of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen(u64);

impl Seen {
    pub fn add(&mut self, sight: Sight) {
        self.0 |= 1 << sight as u64;
    }

    pub fn has(self, sight: Sight) -> bool {
        self.0 & (1 << sight as u64) != 0
    }
}

impl PartialEq for Seen {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Seen {}

impl Hash for Seen {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl World {
    pub fn breaks(&mut self, broken: Broken) {
        self.broken.get_or_insert(broken);
    }

    /// Changes a stage, keeping what it showed before where somebody may still be shown that.
    pub fn change_stage<R>(&mut self, run: usize, change: impl FnOnce(&mut Stage) -> R) -> R {
        let mut stage = (*self.stages[run]).clone();
        let before = stage.shown.clone();
        let result = change(&mut stage);
        if before != stage.shown && self.left.stale > 0 {
            stage.before = Some((Box::new(before), self.now));
        }
        self.stages[run] = Shared::new(stage);
        result
    }

    pub fn send(&mut self, message: Message) {
        let place = self.queue.partition_point(|other| *other < message);
        self.queue.insert(place, message);
    }

    pub fn hire(&mut self, worker: Worker) {
        let worker = Shared::new(worker);
        let place = self.workers.partition_point(|other| other.fingerprint() < worker.fingerprint());
        self.workers.insert(place, worker);
    }

    /// Nobody is at work, nothing is on its way, and no stage runs.
    pub fn is_at_rest(&self) -> bool {
        self.workers.is_empty()
            && self.queue.is_empty()
            && self.requests.is_empty()
            && !self.stages.iter().any(|stage| stage.shown.is_running())
    }
}
