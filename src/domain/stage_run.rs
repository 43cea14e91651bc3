//! The durable life of one stage run, as the ledger keeps it, and the moves it may make.
//!
//! One record with one revision: every write is "this revision, if it is still the one before". Nothing here decides
//! whether a retry is right; it keeps count.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::basis::Basis;
use super::budget::{Deposit, Withdrawal};
use super::decision::{Decision, Ruling};
use super::ids::{ActionExecutionId, StageRunId};
use super::notice::Occasion;
use super::policy::RetryMode;
use super::rollback::Rollback;
use super::trigger::{EventKey, WakeUp};
use super::unread::Unread;

/// How long things may take. Safety rests on these; the defaults are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timing {
    /// How long a claim belongs to its owner: longer than a function can live, plus clock skew. Default 10 minutes.
    pub lease: SignedDuration,
    /// After the lease, how long a request of the old owner may still land or a state be stale. Default 60 seconds.
    pub settle_window: SignedDuration,
    /// How long after an event the state may not show it yet. Default 60 seconds.
    pub unsettled: SignedDuration,
    /// How long a configured native retry is waited for. Default 120 seconds.
    pub native_retry: SignedDuration,
    /// How often a pause without an end, or a broken policy, is looked at again. Default 5 minutes.
    pub poll: SignedDuration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: SignedDuration::from_mins(10),
            settle_window: SignedDuration::from_secs(60),
            unsettled: SignedDuration::from_secs(60),
            native_retry: SignedDuration::from_secs(120),
            poll: SignedDuration::from_mins(5),
        }
    }
}

/// Identity of one handling of one message; never used twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub String);

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What an event said that cannot be read again: hints, never facts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hint {
    /// By which a repeated event is recognised.
    pub key: EventKey,
    /// When it happened, never later than when it was first heard of. Stands in for the failure's own time while that
    /// is not known.
    pub time: Timestamp,
}

/// The record of a stage run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageRun {
    /// Whose record it is.
    pub id: StageRunId,
    /// Counts the writes; 0 has never been written.
    pub revision: u64,
    /// Number of the last wait or claim.
    pub sequence: u64,
    /// What is being waited for.
    pub wait: Option<Wait>,
    /// The retry that is under way, or whose end is not known.
    pub claim: Option<Claim>,
    /// What has been retried and closed for real.
    pub live: Tally,
    /// What would have been, in shadow mode.
    pub shadow: Tally,
    /// Events whose failure has its final decision.
    pub finals: Vec<EventKey>,
    /// Events that had their final decision without showing a failure.
    pub fruitless: Vec<Hint>,
    /// Transient refusals by CodePipeline since the last accepted retry.
    pub refusals: u32,
    /// Every retry made, in order.
    pub retries: Vec<Retry>,
    /// When to look how the running retry ended, should no event tell.
    pub look_at: Option<Timestamp>,
    /// What a team has been told of it: each once.
    pub told: BTreeSet<Occasion>,
    /// Its rollback, if it has had one.
    pub rollback: Option<Rollback>,
    /// What a newer release keeps there.
    pub unread: Unread,
}

/// A wait that has a wake-up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wait {
    /// Its number; a wake-up with another one is stale.
    pub sequence: u64,
    /// Why.
    pub ruling: Ruling,
    /// When to look again, as decided; none where a cause is waited for.
    pub until: Option<Timestamp>,
    /// When the wake-up comes.
    pub wake_at: Timestamp,
    /// The event that it began with.
    pub hint: Hint,
}

/// A reserved retry with its budget: made before the call, closed when its end is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Its number; a wake-up with another one is stale.
    pub sequence: u64,
    /// Number of the retry, from 1.
    pub retry: u32,
    /// The failure that it answers.
    pub failed: BTreeSet<ActionExecutionId>,
    /// What is run again.
    pub mode: RetryMode,
    /// Who may call.
    pub owner: Owner,
    /// Until when nobody else may.
    pub lease_until: Timestamp,
    /// What comes back to the budgets when nothing happened.
    pub deposits: Vec<Deposit>,
    /// Whether an earlier owner may have called already; then nothing ever comes back.
    pub taken_over: bool,
    /// The event that it began with.
    pub hint: Hint,
    /// What it was decided on; none in a record of an earlier release.
    pub basis: Option<Basis>,
}

/// What one mode of working has done to a stage run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Tally {
    /// Retries claimed and not given back.
    pub used: u32,
    /// Failed action executions that a retry answers. Never answered again.
    pub answered: BTreeSet<ActionExecutionId>,
    /// Failed action executions of failures closed without a retry.
    pub closed: BTreeSet<ActionExecutionId>,
}

/// A retry that was made, or may have been.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Retry {
    /// Its number, from 1.
    pub number: u32,
    /// The failure that it answered.
    pub failed: BTreeSet<ActionExecutionId>,
    /// When its claim was settled.
    pub settled_at: Timestamp,
    /// How it went on. Only ever moves on from `Issued`.
    pub progress: Progress,
    /// What it was decided on; none in a record of an earlier release.
    pub basis: Option<Basis>,
}

/// How a retry went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Progress {
    /// CodePipeline took it; the stage runs.
    Issued,
    /// The stage succeeded.
    Recovered,
    /// The stage failed again.
    FailedAgain,
    /// Stopped, replaced, or never known to have happened.
    Ended,
}

impl Progress {
    /// The name used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Recovered => "recovered",
            Self::FailedAgain => "failed-again",
            Self::Ended => "ended",
        }
    }
}

/// How long after a retry its end is looked for the first time.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(1);
/// The longest time from one look to the next.
const LAST_LOOK: SignedDuration = SignedDuration::from_hours(24);

/// Most events that are remembered; the oldest make room. A forgotten one costs a read, not a retry.
const MOST_FINALS: usize = 64;

impl StageRun {
    /// A record that has never been written.
    pub fn unwritten(id: &StageRunId) -> Self {
        Self {
            id: id.clone(),
            revision: 0,
            sequence: 0,
            wait: None,
            claim: None,
            live: Tally::default(),
            shadow: Tally::default(),
            finals: Vec::new(),
            fruitless: Vec::new(),
            refusals: 0,
            retries: Vec::new(),
            look_at: None,
            told: BTreeSet::new(),
            rollback: None,
            unread: Unread::new(),
        }
    }

    /// The tally of one mode of working.
    pub fn tally(&self, shadow: bool) -> &Tally {
        if shadow { &self.shadow } else { &self.live }
    }

    fn tally_mut(&mut self, shadow: bool) -> &mut Tally {
        if shadow { &mut self.shadow } else { &mut self.live }
    }

    /// Whether a wake-up of that number still has something to do.
    pub fn expects(&self, sequence: u64) -> bool {
        self.wait.as_ref().is_some_and(|wait| wait.sequence == sequence)
            || self.claim.as_ref().is_some_and(|claim| claim.sequence == sequence)
    }

    /// The last retry, while its end is not known.
    pub fn running_retry(&self) -> Option<&Retry> {
        self.retries.last().filter(|retry| retry.progress == Progress::Issued)
    }

    /// Begins to wait, in place of any earlier wait.
    pub fn begin_wait(
        &mut self,
        ruling: Ruling,
        until: Option<Timestamp>,
        wake_at: Timestamp,
        hint: Hint,
    ) -> WakeUp {
        self.sequence += 1;
        self.wait = Some(Wait { sequence: self.sequence, ruling, until, wake_at, hint });
        WakeUp { run: self.id.clone(), sequence: self.sequence }
    }

    /// Closes a failure for good. Where the failed actions are not known, this very event is remembered and no other: a
    /// later failure could carry the same key.
    pub fn close(&mut self, failed: &BTreeSet<ActionExecutionId>, shadow: bool, hint: &Hint) {
        self.wait = None;
        if failed.is_empty() {
            keep_newest(&mut self.fruitless, hint.clone());
        } else {
            self.tally_mut(shadow).closed.extend(failed.iter().cloned());
            self.remember(hint);
        }
    }

    /// Closes a failure that has been retried since, and leaves alone whatever is waited for: that is another one's.
    pub fn close_retried(&mut self, failed: &BTreeSet<ActionExecutionId>, shadow: bool) {
        self.tally_mut(shadow).closed.extend(failed.iter().cloned());
    }

    /// Whether a failed run is part of a failure that was answered or closed, for real or in shadow.
    pub fn knows(&self, failed: &ActionExecutionId) -> bool {
        [&self.live, &self.shadow]
            .iter()
            .any(|tally| tally.answered.contains(failed) || tally.closed.contains(failed))
    }

    /// Whether an event's failure, or the event itself, has had its final decision.
    pub fn is_final(&self, hint: &Hint) -> bool {
        self.finals.contains(&hint.key) || self.fruitless.contains(hint)
    }

    /// Reserves a retry.
    pub fn claim(
        &mut self,
        failed: &BTreeSet<ActionExecutionId>,
        mode: RetryMode,
        withdrawals: &[Withdrawal],
        owner: &Owner,
        lease_until: Timestamp,
        hint: &Hint,
    ) {
        self.sequence += 1;
        self.wait = None;
        self.live.used += 1;
        self.live.answered.extend(failed.iter().cloned());
        self.claim = Some(Claim {
            sequence: self.sequence,
            retry: self.live.used,
            failed: failed.clone(),
            mode,
            owner: owner.clone(),
            lease_until,
            deposits: withdrawals.iter().map(Withdrawal::deposit).collect(),
            taken_over: false,
            hint: hint.clone(),
            basis: None,
        });
    }

    /// Keeps with the open claim what it was decided on.
    pub fn base_claim_on(&mut self, decision: &Decision) {
        if let Some(claim) = &mut self.claim {
            claim.basis = Basis::of(decision);
        }
    }

    /// Records a retry that is decided but not made.
    pub fn claim_in_shadow(&mut self, failed: &BTreeSet<ActionExecutionId>, hint: &Hint) {
        self.wait = None;
        self.shadow.used += 1;
        self.shadow.answered.extend(failed.iter().cloned());
        self.remember(hint);
    }

    /// Makes an open claim somebody else's. What is in flight of the old owner's is never paid back from here on.
    pub fn take_over(&mut self, owner: &Owner, lease_until: Timestamp) {
        self.wait = None;
        if let Some(claim) = &mut self.claim {
            self.sequence += 1;
            claim.sequence = self.sequence;
            claim.owner = owner.clone();
            claim.lease_until = lease_until;
            claim.taken_over = true;
        }
    }

    /// Closes the open claim: the retry was made, or counts as made.
    pub fn settle(&mut self, progress: Progress, now: Timestamp) {
        if let Some(claim) = self.claim.take() {
            self.remember(&claim.hint);
            self.refusals = 0;
            self.look_at = (progress == Progress::Issued).then(|| after(now, FIRST_LOOK));
            self.retries.push(claim.retried(progress, now));
        }
    }

    /// Closes the open claim as if it had never been, and says what comes back to the budgets. Where an earlier owner
    /// may have called, neither tokens nor the retry come back: it counts as one that ended unseen. The failure may
    /// still be answered.
    pub fn give_back(&mut self, now: Timestamp) -> Vec<Deposit> {
        let Some(claim) = self.claim.take() else {
            return Vec::new();
        };
        for id in &claim.failed {
            self.live.answered.remove(id);
        }
        if claim.taken_over {
            self.retries.push(claim.retried(Progress::Ended, now));
            return Vec::new();
        }
        self.live.used = self.live.used.saturating_sub(1);
        claim.deposits
    }

    /// Gives up a claim whose call has left no trace in the pipeline. What it may have cost stays spent and its failure is
    /// closed; a retry of that failure which shows later is somebody else's.
    pub fn forgo(&mut self, now: Timestamp) {
        let Some(claim) = &mut self.claim else { return };
        claim.taken_over = true;
        let (failed, hint) = (claim.failed.clone(), claim.hint.clone());
        self.give_back(now);
        self.close(&failed, false, &hint);
    }

    /// Records how the running retry ended; that retry.
    pub fn conclude(&mut self, progress: Progress) -> Option<Retry> {
        let retry = self.retries.last_mut().filter(|retry| retry.progress == Progress::Issued)?;
        retry.progress = progress;
        self.look_at = None;
        Some(retry.clone())
    }

    /// Puts the next look at the running retry off, ever longer: a stage that holds an approval may run for days.
    pub fn look_later(&mut self, now: Timestamp) {
        let age = self.running_retry().map(|retry| now.duration_since(retry.settled_at));
        self.look_at = age.map(|age| after(now, age.clamp(FIRST_LOOK, LAST_LOOK)));
    }

    /// When somebody should look at it if nobody has done so by then: the first of what is open.
    pub fn open_until(&self) -> Option<Timestamp> {
        let wait = self.wait.as_ref().map(|wait| wait.wake_at);
        let claim = self.claim.as_ref().map(|claim| claim.lease_until);
        wait.into_iter().chain(claim).chain(self.look_at).min()
    }

    /// What a sweep found is known by its failed runs; its key says nothing about an event.
    fn remember(&mut self, hint: &Hint) {
        if hint.key.is_swept() {
            return;
        }
        keep_newest(&mut self.finals, hint.key.clone());
    }
}

impl Claim {
    fn retried(self, progress: Progress, now: Timestamp) -> Retry {
        Retry { number: self.retry, failed: self.failed, settled_at: now, progress, basis: self.basis }
    }
}

/// Adds what is not there yet; the oldest makes room.
fn keep_newest<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.contains(&item) {
        return;
    }
    if list.len() >= MOST_FINALS {
        list.remove(0);
    }
    list.push(item);
}

/// Adds without leaving the range of time.
pub fn after(instant: Timestamp, duration: SignedDuration) -> Timestamp {
    instant.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{
        AccountId, ExecutionId, Partition, PipelineArn, PipelineName, Region, StageName,
    };

    fn record() -> StageRun {
        StageRun::unwritten(&StageRunId {
            pipeline: PipelineArn {
                partition: Partition::parse("aws").unwrap(),
                region: Region::parse("eu-central-1").unwrap(),
                account: AccountId::parse("111122223333").unwrap(),
                name: PipelineName::parse("shop").unwrap(),
            },
            execution: ExecutionId::parse("e-1").unwrap(),
            stage: StageName::parse("Test").unwrap(),
        })
    }

    #[test]
    fn only_the_last_wait_and_the_open_claim_expect_their_wake_up() {
        let now = Timestamp::UNIX_EPOCH;
        let hint = Hint { key: EventKey::default(), time: now };
        let mut record = record();
        assert!(!record.expects(0));
        let expected =
            |record: &StageRun| (0..6).filter(|number| record.expects(*number)).collect::<Vec<_>>();
        record.begin_wait(Ruling::WaitBackoff, None, now, hint.clone());
        assert_eq!(expected(&record), [1]);
        record.begin_wait(Ruling::WaitBackoff, None, now, hint.clone());
        assert_eq!(expected(&record), [2]);
        record.claim(&BTreeSet::new(), RetryMode::FailedActions, &[], &Owner("o".into()), now, &hint);
        assert_eq!(expected(&record), [3]);
        record.begin_wait(Ruling::WaitClaimOpen, None, now, hint);
        assert_eq!(expected(&record), [3, 4]);
        record.take_over(&Owner("p".into()), now);
        assert_eq!(expected(&record), [5]);
        record.settle(Progress::Issued, now);
        assert_eq!(expected(&record), Vec::<u64>::new());
    }

    #[test]
    fn an_owner_is_shown_by_its_name() {
        assert_eq!(Owner("request-1/0".into()).to_string(), "request-1/0");
    }
}
