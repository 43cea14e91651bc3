//! What handlings met with on their way: for metrics and the debug log, and for nothing that is decided.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::domain::budget::{Bucket, BucketKey, Budget};
use crate::domain::decision::Ruling;
use crate::domain::ids::BudgetName;
use crate::domain::pipeline::Gap;
use crate::domain::policy::Policy;
use crate::domain::protocol::{Answer, CommitReply, ControlsReply, Effect};
use crate::domain::screen::Environment;
use crate::domain::stage_run::StageRun;

/// What others had changed when a write came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conflict {
    /// The stage run's record.
    Record,
    /// A bucket of a budget.
    Budget,
    /// What operators have set.
    Controls,
}

impl Conflict {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Record, Self::Budget, Self::Controls];

    /// The name used in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Budget => "budget",
            Self::Controls => "controls",
        }
    }
}

/// What handlings met with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Noticed {
    /// Writes that others were quicker with.
    pub conflicts: BTreeMap<Conflict, u32>,
    /// What could not be read of why actions failed.
    pub gaps: BTreeMap<Gap, u32>,
    /// Tokens that were found in each budget that was looked into; of several buckets the emptiest.
    pub balances: BTreeMap<BudgetName, u32>,
    /// Decisions that were written down, each with whether it was in shadow. To look again at what is waited for already
    /// is not written down.
    pub written: Vec<(Ruling, bool)>,
    /// How long answers took, by what was asked.
    pub took: BTreeMap<&'static str, SignedDuration>,
}

/// What of a request its answer is understood by.
#[derive(Debug, Default)]
pub(super) struct Asked {
    name: &'static str,
    buckets: Vec<BucketKey>,
    decision: Option<(Ruling, bool)>,
    record: Option<StageRun>,
}

impl Asked {
    pub(super) fn of(effect: &Effect) -> Self {
        let mut asked = Self { name: name(effect), ..Self::default() };
        match effect {
            Effect::ReadLedger { buckets, .. } => asked.buckets.clone_from(buckets),
            Effect::Commit(commit) => {
                asked.decision = commit.decision.as_ref().map(|decision| (decision.ruling, decision.shadow));
                asked.record = Some(commit.record.clone());
            }
            _ => {}
        }
        asked
    }
}

impl Noticed {
    /// Notes what an answer tells, and how long it took.
    pub(super) fn note(
        &mut self,
        environment: &Environment<'_>,
        asked: &Asked,
        answer: &Answer,
        took: SignedDuration,
        now: Timestamp,
    ) {
        *self.took.entry(asked.name).or_default() += took;
        match answer {
            Answer::Ledger(Ok(view)) => {
                for key in &asked.buckets {
                    let bucket = view.buckets.get(key).copied().unwrap_or_default();
                    self.balance(environment.policy, key, bucket, now);
                }
            }
            Answer::Committed(Ok(CommitReply::Done)) => self.written.extend(asked.decision),
            // Sent twice, done once: the first one was, although its answer was lost.
            Answer::Committed(Ok(CommitReply::Conflict(Some(current))))
                if asked.record.as_ref() == Some(&**current) =>
            {
                self.written.extend(asked.decision);
            }
            Answer::Committed(Ok(CommitReply::Conflict(_))) => self.conflict(Conflict::Record),
            Answer::Committed(Ok(CommitReply::BucketChanged(key, bucket))) => {
                self.conflict(Conflict::Budget);
                self.balance(environment.policy, key, *bucket, now);
            }
            Answer::Committed(Ok(CommitReply::ControlsChanged))
            | Answer::ControlsWritten(Ok(ControlsReply::Conflict(_))) => self.conflict(Conflict::Controls),
            Answer::Examined(examination) => {
                for (_, gap) in examination.values().flat_map(|examined| &examined.gaps) {
                    *self.gaps.entry(*gap).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    fn conflict(&mut self, conflict: Conflict) {
        *self.conflicts.entry(conflict).or_default() += 1;
    }

    fn balance(&mut self, policy: Option<&Policy>, key: &BucketKey, bucket: Bucket, now: Timestamp) {
        if let Some(budget) = policy.and_then(|policy| named(policy, &key.budget)) {
            self.lower(&key.budget, budget.balance(bucket, now));
        }
    }

    fn lower(&mut self, budget: &BudgetName, balance: u32) {
        let lowest = self.balances.get(budget).map_or(balance, |known| balance.min(*known));
        self.balances.insert(budget.clone(), lowest);
    }

    /// Adds what others met with.
    pub fn add(&mut self, other: &Self) {
        for (conflict, count) in &other.conflicts {
            *self.conflicts.entry(*conflict).or_default() += count;
        }
        for (gap, count) in &other.gaps {
            *self.gaps.entry(*gap).or_default() += count;
        }
        for (budget, balance) in &other.balances {
            self.lower(budget, *balance);
        }
        self.written.extend(&other.written);
        for (name, took) in &other.took {
            *self.took.entry(name).or_default() += *took;
        }
    }
}

/// The budget of that name. Every rule that names it has the same one.
fn named<'a>(policy: &'a Policy, name: &BudgetName) -> Option<&'a Budget> {
    let mut budgets = policy.rules.iter().flat_map(|rule| &rule.settings.budgets);
    budgets.find(|budget| budget.name == *name)
}

/// What is asked, as the debug log names it.
fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::ReadTags { .. } => "tags",
        Effect::ReadLedger { .. } => "ledger",
        Effect::NoteFailure(_) => "note",
        Effect::WriteControls(_) => "controls",
        Effect::Observe { .. } => "observe",
        Effect::Examine { .. } => "examine",
        Effect::ReadCalendars { .. } => "calendars",
        Effect::Commit(_) => "commit",
        Effect::Arm { .. } => "arm",
        Effect::Fence { .. } => "fence",
        Effect::Call { .. } => "call",
        Effect::FindTarget { .. } => "find-target",
        Effect::RollBack { .. } => "roll-back",
        Effect::Finish(_) => "finish",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(name: &str) -> BudgetName {
        BudgetName::parse(name).unwrap()
    }

    #[test]
    fn what_several_handlings_met_with_adds_up_and_balances_are_the_lowest() {
        let of = |conflicts: u32, balance: u32, seconds: i64| Noticed {
            conflicts: BTreeMap::from([(Conflict::Record, conflicts)]),
            gaps: BTreeMap::from([(Gap::Denied, conflicts)]),
            balances: BTreeMap::from([(budget("region"), balance)]),
            written: vec![(Ruling::WaitBackoff, false)],
            took: BTreeMap::from([("observe", SignedDuration::from_secs(seconds))]),
        };
        let mut all = Noticed::default();
        all.add(&of(1, 4, 2));
        all.add(&of(2, 3, 5));
        all.add(&of(0, 9, 0));
        assert_eq!(all.conflicts, BTreeMap::from([(Conflict::Record, 3)]));
        assert_eq!(all.gaps, BTreeMap::from([(Gap::Denied, 3)]));
        assert_eq!(all.balances, BTreeMap::from([(budget("region"), 3)]));
        assert_eq!(all.written.len(), 3);
        assert_eq!(all.took["observe"].as_secs(), 7);
    }
}
