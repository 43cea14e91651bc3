//! What a slice of a sweep did, for the log and for whoever invoked it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::noticed::Noticed;
use crate::domain::decision::StepName;
use crate::domain::live::Source;
use crate::domain::pipeline::Gap;
use crate::domain::protocol::Outcome;
use crate::domain::scope::Scope;
use crate::domain::sweep::{Courses, Sweep};

/// How a slice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SliceEnd {
    /// The round is complete.
    Complete,
    /// The round goes on in another invocation.
    Continued,
    /// Somebody else is at work until then.
    Busy {
        /// When that lease is over.
        until: Timestamp,
    },
    /// The tick's round is over, or the last one began only just now.
    NothingToDo,
    /// Somebody else has taken the sweep over.
    Overtaken,
    /// There is no policy that compiles, so nobody knows which pipelines it is about. What is overdue was looked at.
    NoPolicy,
    /// Another policy is in force than the one at hand, so the pipelines that it is about are not known: the tick comes
    /// again.
    PolicyMoved,
    /// The list of pipelines could not be read.
    Unreadable {
        /// Why.
        gap: Gap,
    },
    /// The ledger did not answer: the tick comes again.
    LedgerUnavailable,
}

impl SliceEnd {
    /// The name used in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Continued => "continued",
            Self::Busy { .. } => "busy",
            Self::NothingToDo => "nothing-to-do",
            Self::Overtaken => "overtaken",
            Self::NoPolicy => "policy-invalid",
            Self::PolicyMoved => "policy-moved",
            Self::Unreadable { .. } => "unreadable",
            Self::LedgerUnavailable => "ledger-unavailable",
        }
    }
}

/// What a slice did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub end: SliceEnd,
    /// Number of the round.
    pub round: u64,
    /// When the slice began.
    pub began: Timestamp,
    /// How long the slice took.
    pub duration: SignedDuration,
    /// How long the round has taken so far; none where no round was worked on.
    pub round_duration: Option<SignedDuration>,
    /// How long it is from one round to the next.
    pub every: SignedDuration,
    /// Pipelines that were looked through.
    pub pipelines: u32,
    /// Failures that were seen, most of which are known.
    pub findings: u32,
    /// How executions went that came to something in this round.
    pub courses: Courses,
    /// Waits and claims that were overdue.
    pub overdue: u32,
    /// Findings that could not be brought to an end.
    pub unhandled: u32,
    /// Pipelines that are to be looked at again from further back.
    pub lagging: usize,
    /// The spokes whose pipelines could not be listed, and why.
    pub unlisted: BTreeMap<Scope, Gap>,
    /// Age of the oldest failure that was news.
    pub oldest: Option<SignedDuration>,
    /// Whether no tick could be sent to go on with.
    pub continuation_lost: bool,
    /// What came of the findings that were news.
    pub outcomes: Vec<Outcome>,
    /// What handling them met with.
    pub noticed: Noticed,
    /// For [`SliceEnd::PolicyMoved`], the source of the policy to sweep by.
    pub source: Option<Source>,
}

impl Report {
    pub(super) fn new(began: Timestamp) -> Self {
        Self {
            end: SliceEnd::NothingToDo,
            round: 0,
            began,
            duration: SignedDuration::ZERO,
            round_duration: None,
            every: SignedDuration::ZERO,
            pipelines: 0,
            findings: 0,
            courses: Courses::default(),
            overdue: 0,
            unhandled: 0,
            lagging: 0,
            unlisted: BTreeMap::new(),
            oldest: None,
            continuation_lost: false,
            outcomes: Vec::new(),
            noticed: Noticed::default(),
            source: None,
        }
    }

    /// Whether the tick is done with.
    pub const fn is_acknowledged(&self) -> bool {
        !matches!(self.end, SliceEnd::LedgerUnavailable | SliceEnd::PolicyMoved)
    }

    /// Whether the round takes longer than it is to the next one.
    pub fn is_slow(&self) -> bool {
        self.round_duration.is_some_and(|duration| duration > self.every && self.every.is_positive())
    }

    pub(super) fn took(&mut self, now: Timestamp) {
        self.duration = now.duration_since(self.began);
    }

    pub(super) fn ending(mut self, end: SliceEnd, sweep: &Sweep) -> Self {
        let ended = self.began + self.duration;
        self.round_duration = match (&sweep.under_way, sweep.completed) {
            (Some(round), _) => Some(ended.duration_since(round.began)),
            (None, Some(completed)) if end == SliceEnd::Complete => {
                Some(completed.ended.duration_since(completed.began))
            }
            _ => None,
        };
        Self { end, round: sweep.round, every: sweep.every, lagging: sweep.lagging.len(), ..self }
    }

    /// What came of one handling, and whether a decision was written down. Most findings are known, and only looked up.
    pub(super) fn note(
        &mut self,
        outcome: &Outcome,
        is_written: bool,
        failed_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        if !outcome.conclusion.is_acknowledged() {
            self.unhandled += 1;
        }
        let last_step = outcome.decision.as_ref().and_then(|decision| decision.explanation.last());
        let is_known = last_step.is_none_or(|step| {
            matches!(step.name, StepName::Duplicate | StepName::Trigger | StepName::Rule | StepName::Mode)
        });
        // A wait that ends since its rule was disabled is no news of a failure, but there is something to tell.
        if is_known && !is_written && outcome.ended.is_none() && outcome.conclusion.is_acknowledged() {
            return;
        }
        if let Some(failed_at) = failed_at.filter(|_| !is_known) {
            let age = now.duration_since(failed_at);
            self.oldest = Some(self.oldest.map_or(age, |oldest| oldest.max(age)));
        }
        self.outcomes.push(outcome.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sweep::{Completed, Round};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).unwrap()
    }

    const EVERY: SignedDuration = SignedDuration::from_mins(15);

    /// A sweep in its fourth round, which began at 0.
    fn fourth(is_under_way: bool) -> Sweep {
        let mut sweep = Sweep { round: 4, every: EVERY, ..Sweep::default() };
        if is_under_way {
            sweep.under_way = Some(Round { began: at(0), since: at(-900), spoke: None, cursor: None });
        } else {
            sweep.completed = Some(Completed { began: at(0), ended: at(100) });
        }
        sweep
    }

    #[test]
    fn a_report_tells_its_round_and_how_long_it_took() {
        let mut report = Report::new(at(60));
        report.took(at(85));
        assert_eq!(report.duration, SignedDuration::from_secs(25));
        let seconds = |sweep: &Sweep, end| {
            let ended = report.clone().ending(end, sweep);
            assert_eq!((ended.round, ended.every, ended.end), (4, EVERY, end));
            ended.round_duration.map(|duration| duration.as_secs())
        };
        // So far, while it is under way; as long as it took, when it is complete; nobody knows where nothing was done.
        assert_eq!(seconds(&fourth(true), SliceEnd::Continued), Some(85));
        assert_eq!(seconds(&fourth(false), SliceEnd::Complete), Some(100));
        assert_eq!(seconds(&fourth(false), SliceEnd::NothingToDo), None);
    }

    #[test]
    fn a_round_is_slow_when_the_next_one_should_have_begun() {
        let slow = |seconds: Option<i64>, every: SignedDuration| {
            let round_duration = seconds.map(SignedDuration::from_secs);
            Report { round_duration, every, ..Report::new(at(0)) }.is_slow()
        };
        assert!(slow(Some(901), EVERY));
        assert!(!slow(Some(900), EVERY));
        assert!(!slow(None, EVERY));
        // Where no schedule is known, nothing is late.
        assert!(!slow(Some(901), SignedDuration::ZERO));
    }

    #[test]
    fn every_end_has_a_name_of_its_own() {
        let ends = [
            SliceEnd::Complete,
            SliceEnd::Continued,
            SliceEnd::NothingToDo,
            SliceEnd::Overtaken,
            SliceEnd::NoPolicy,
            SliceEnd::PolicyMoved,
            SliceEnd::LedgerUnavailable,
        ];
        let names: std::collections::BTreeSet<_> = ends.iter().map(|end| end.as_str()).collect();
        assert_eq!(names.len(), ends.len());
        assert_eq!(SliceEnd::NoPolicy.as_str(), "policy-invalid");
    }
}
