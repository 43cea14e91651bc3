//! The sweep: how far the comparison of CodePipeline with the ledger has come, as the ledger keeps it.
//!
//! A round reads every pipeline once, scope after scope, in the order of their names, in slices of one invocation each. When
//! it is complete, everything up to its beginning has been seen, and the next one goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};

use jiff::{SignedDuration, Timestamp};

use super::ids::{PipelineArn, PipelineName};
use super::policy::{Mode, Policy};
use super::scope::{PipelineLabel, Scope, Scopes};
use super::stage_run::{Owner, after};
use super::unread::Unread;

/// What makes a sweep go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tick {
    /// The schedule's: a round is to begin, or the one under way to go on.
    Scheduled {
        /// How long it is to the schedule's next.
        every: SignedDuration,
    },
    /// A slice that came to its end before its round: that round is to go on.
    Continue {
        /// Number of the round.
        round: u64,
    },
}

/// How far the sweep has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Sweep {
    /// Counts the writes; 0 has never been written.
    pub version: u64,
    /// Number of the round under way, or else of the last one.
    pub round: u64,
    /// Every change before that has been seen, but for pipelines that lag behind.
    pub watermark: Option<Timestamp>,
    /// The round under way.
    pub under_way: Option<Round>,
    /// The last round that was completed.
    pub completed: Option<Completed>,
    /// The pipelines that could not be read or answered, each with the instant from which its changes are to be read.
    pub lagging: BTreeMap<PipelineLabel, Timestamp>,
    /// The spokes whose pipelines could not be listed, each with the instant from which changes there are to be read.
    pub unlisted: BTreeMap<Scope, Timestamp>,
    /// Who is at work. One at a time is enough; two would do no harm.
    pub lease: Option<Lease>,
    /// How long it is from one round to the next.
    pub every: SignedDuration,
    /// What a newer release keeps there.
    pub unread: Unread,
}

/// A round under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Round {
    /// When it began.
    pub began: Timestamp,
    /// Since when it looks for changes.
    pub since: Timestamp,
    /// The spoke that it has come to; none while it is in the product's own account and Region.
    pub spoke: Option<Scope>,
    /// The last pipeline that is done there.
    pub cursor: Option<PipelineName>,
}

/// A completed round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Completed {
    /// When it began.
    pub began: Timestamp,
    /// When it was over.
    pub ended: Timestamp,
}

/// The right to work on the sweep.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Whose.
    pub owner: Owner,
    /// Until when.
    pub until: Timestamp,
}

/// What a tick finds there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Somebody else is at work until then.
    Busy(Timestamp),
    /// The round that the tick is for is over, or the last one began only just now.
    Nothing,
    /// This is how it stands with the work begun.
    Work(Box<Sweep>),
}

/// Most requests to CodePipeline a second, on average, where nobody sets another pace: 3,000 quiet pipelines in 25
/// minutes.
pub const SWEEP_RATE: u32 = 2;
/// How far the first round looks back at least, or else two intervals: the product may have been at work for that long
/// already. What failed before it was is left alone.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(1);
/// Nothing older can be retried: the longest `give-up-after`.
const LONGEST_LOOK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What is read again of what the round before has seen: clocks that differ by five minutes, and reads that are a minute
/// behind.
pub const OVERLAP: SignedDuration = SignedDuration::from_mins(6);
/// What is read again where a pipeline's own changes say how far it was seen: reads that are a minute behind.
pub const STALENESS: SignedDuration = SignedDuration::from_mins(2);
/// Most pipelines that lag with an instant of their own. Where more do, something is wrong with all of them, and the whole
/// round is done again.
pub const MOST_LAGGING: usize = 100;

impl Sweep {
    /// What is to be done on a tick, by this owner until then at the latest.
    pub fn turn(&self, tick: Tick, owner: &Owner, now: Timestamp, until: Timestamp) -> Turn {
        if let Some(lease) = self.lease.as_ref().filter(|lease| now < lease.until && lease.owner != *owner) {
            return Turn::Busy(lease.until);
        }
        let mut next = self.clone();
        next.version += 1;
        next.lease = Some(Lease { owner: owner.clone(), until });
        match (tick, &self.under_way) {
            (Tick::Continue { round }, Some(_)) if round == self.round => {}
            (Tick::Continue { .. }, _) => return Turn::Nothing,
            (Tick::Scheduled { every }, Some(_)) => next.every = every,
            (Tick::Scheduled { every }, None) => {
                // Ticks that piled up while nobody took them come all at once.
                let too_soon = |completed: &Completed| now < after(completed.began, every / 2);
                if self.completed.as_ref().is_some_and(too_soon) {
                    return Turn::Nothing;
                }
                next.every = every;
                next.round += 1;
                let first_look = FIRST_LOOK.max(every.saturating_add(every));
                let since = self.watermark.unwrap_or_else(|| after(now, -first_look));
                next.under_way = Some(Round { began: now, since, spoke: None, cursor: None });
            }
        }
        Turn::Work(Box::new(next))
    }

    /// Since when a pipeline's changes are read in this round: from a little before what the last one saw, or from where the
    /// pipeline was left.
    pub fn since(&self, pipeline: &PipelineLabel, now: Timestamp) -> Timestamp {
        let of_round = self.since_of_round(now);
        let of_pipeline = self.lagging.get(pipeline).copied();
        let of_spoke = pipeline.spoke().and_then(|spoke| self.unlisted.get(&spoke).copied());
        let since = of_pipeline.into_iter().chain(of_spoke).fold(of_round, Timestamp::min);
        since.max(after(now, -LONGEST_LOOK))
    }

    /// The time whose events are this round's to count, and no other's: from the beginning of the last one to its own.
    pub fn window(&self, now: Timestamp) -> Range<Timestamp> {
        self.under_way.as_ref().map_or(now..now, |round| round.since..round.began)
    }

    fn since_of_round(&self, now: Timestamp) -> Timestamp {
        after(self.under_way.as_ref().map_or(now, |round| round.since), -OVERLAP)
    }

    /// The scopes that this round has still to read, the one that it is in first. A spoke that is not listed any more is
    /// passed over.
    pub fn scopes_ahead<'a>(&self, scopes: &'a Scopes) -> Vec<&'a Scope> {
        let reached = self.under_way.as_ref().and_then(|round| round.spoke.clone());
        // The own one comes first, as none does.
        scopes.iter().filter(|scope| scopes.spoke(scope) >= reached.as_ref()).collect()
    }

    /// Notes that the round has come to a scope: to a spoke, or the own one.
    pub fn enter(&mut self, spoke: Option<&Scope>) {
        if let Some(round) = self.under_way.as_mut().filter(|round| round.spoke.as_ref() != spoke) {
            round.spoke = spoke.cloned();
            round.cursor = None;
        }
    }

    /// Notes that a spoke cannot be read: what changes there is read later, from where this round would have begun.
    pub fn leave_out(&mut self, spoke: &Scope, now: Timestamp) {
        let since = self.since_of_round(now);
        self.unlisted.entry(spoke.clone()).or_insert(since);
    }

    /// Notes that every pipeline of a spoke is done in this round; those that lag say so themselves.
    pub fn through(&mut self, spoke: &Scope) {
        self.unlisted.remove(spoke);
    }

    /// The pipelines that this round has still to read of the scope that it is in, of these.
    pub fn ahead<'a>(&self, pipelines: &'a BTreeSet<PipelineName>) -> impl Iterator<Item = &'a PipelineName> {
        let cursor = self.under_way.as_ref().and_then(|round| round.cursor.clone());
        let from = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        pipelines.range((from, Bound::Unbounded))
    }

    /// Notes that a pipeline is done in this round; `left` is from when its changes are to be read again, if they are.
    pub fn done(&mut self, pipeline: &PipelineLabel, left: Option<Timestamp>) {
        match left {
            Some(since) => self.lagging.insert(pipeline.clone(), since),
            None => self.lagging.remove(pipeline),
        };
        if let Some(round) = &mut self.under_way {
            round.cursor = Some(pipeline.name().clone());
        }
    }

    /// Ends the round. Too many that lag behind are no exceptions: then the next round looks as far back as this one.
    pub fn complete(&mut self, now: Timestamp) {
        let Some(round) = self.under_way.take() else { return };
        if self.lagging.len() > MOST_LAGGING {
            let oldest = self.lagging.values().min().copied().unwrap_or(round.since);
            self.watermark = Some(after(oldest, OVERLAP).min(round.since));
            self.lagging.clear();
        } else {
            self.watermark = Some(round.began);
        }
        self.completed = Some(Completed { began: round.began, ended: now });
    }

    /// Forgets the pipelines of a scope that lag and are not there any more, or that no rule is about.
    pub fn keep_lagging(&mut self, spoke: Option<&Scope>, pipelines: &BTreeSet<PipelineName>) {
        self.lagging.retain(|label, _| label.spoke().as_ref() != spoke || pipelines.contains(label.name()));
    }

    /// Forgets what lags in spokes that are not listed any more.
    pub fn keep_scopes(&mut self, scopes: &Scopes) {
        self.lagging.retain(|label, _| label.spoke().is_none_or(|spoke| scopes.contains(&spoke)));
        self.unlisted.retain(|spoke, _| scopes.contains(spoke));
    }

    /// Whether the round under way, or the one that should have begun, is late: nobody knows what has been lost since.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let began = self.under_way.as_ref().map(|round| round.began);
        let last = began.or(self.completed.map(|completed| completed.began));
        last.is_some_and(|last| now > after(last, self.every.saturating_add(self.every)))
    }
}

/// How executions went: how good pipelines are by themselves, and with retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Courses {
    /// Those that succeeded without a failure.
    pub first_try: u32,
    /// Those in which something failed for the first time.
    pub failed: u32,
    /// Those that succeeded after a failure, whoever retried it.
    pub recovered: u32,
}

impl Courses {
    /// Counts what happened to an execution within that time: its first failure, its success, both or neither.
    pub fn note(
        &mut self,
        first_failure: Option<Timestamp>,
        success: Option<Timestamp>,
        window: &Range<Timestamp>,
    ) {
        let is_now = |at: Option<Timestamp>| at.is_some_and(|at| window.contains(&at));
        self.failed += u32::from(is_now(first_failure));
        if is_now(success) {
            let count = if first_failure.is_some() { &mut self.recovered } else { &mut self.first_try };
            *count += 1;
        }
    }
}

/// Whether some stage of that pipeline may fall under a rule that is at work. Its tags may be what a rule asks for.
pub fn concerns(policy: &Policy, mode: Mode, pipeline: &PipelineArn) -> bool {
    mode != Mode::Disabled
        && (policy.rules.iter())
            .any(|rule| rule.settings.mode != Mode::Disabled && rule.selector.matches_pipeline(pipeline))
}

#[cfg(test)]
mod tests;
