//! The ledger in memory: the same conditions and transactions as the real one, and every write kept for inspection.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::outside::MemoryOutbox;
use crate::domain::budget::{Bucket, BucketKey};
use crate::domain::controls::Controls;
use crate::domain::decision::Decision;
use crate::domain::ids::StageRunId;
use crate::domain::live::{LivePolicy, Pushed};
use crate::domain::policy::PolicyVersion;
use crate::domain::protocol::{Commit, CommitReply, ControlsReply, View};
use crate::domain::stage_run::StageRun;
use crate::domain::storm::{Note, Window, WindowKey};
use crate::domain::sweep::Sweep;
use crate::ports::{KeptPolicy, Quarantined, SweepReply};

/// All that is on record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct MemoryLedger {
    controls: Controls,
    records: BTreeMap<StageRunId, StageRun>,
    buckets: BTreeMap<BucketKey, Bucket>,
    windows: BTreeMap<WindowKey, Window>,
    decisions: Vec<Decision>,
    commits: Vec<Commit>,
    quarantine: BTreeMap<String, Quarantined>,
    sweep: Sweep,
    policies: BTreeMap<u64, KeptPolicy>,
    /// What is to be told outside.
    pub outbox: MemoryOutbox,
}

impl MemoryLedger {
    /// What is on record for a stage run.
    pub fn read(&self, run: &StageRunId, buckets: &[BucketKey], windows: &[WindowKey]) -> View {
        View {
            controls: self.controls.clone(),
            record: self.records.get(run).cloned(),
            buckets: (buckets.iter())
                .filter_map(|key| Some((key.clone(), *self.buckets.get(key)?)))
                .collect(),
            windows: (windows.iter())
                .filter_map(|key| Some((*key, self.windows.get(key)?.clone())))
                .collect(),
        }
    }

    /// Notes a failure, if that is news; the window as it is now.
    pub fn note_failure(&mut self, note: &Note) -> Window {
        let window = self.windows.entry(note.key).or_default();
        if let Some(noted) = note.apply(window) {
            *window = noted;
        }
        window.clone()
    }

    /// One transaction: all of it, or nothing; it is kept for inspection.
    pub fn commit(&mut self, commit: &Commit) -> CommitReply {
        let reply = self.settle(commit);
        if reply == CommitReply::Done {
            self.decisions.extend(commit.decision.clone());
            self.commits.push(commit.clone());
        }
        reply
    }

    /// The same, without a trace of the transaction and its decision, for whoever keeps an account of its own.
    pub fn settle(&mut self, commit: &Commit) -> CommitReply {
        let record = &commit.record;
        let current = self.records.get(&record.id);
        if current.map_or(0, |current| current.revision) + 1 != record.revision {
            return CommitReply::Conflict(current.cloned().map(Box::new));
        }
        if commit.controls.is_some_and(|version| version != self.controls.version) {
            return CommitReply::ControlsChanged;
        }
        // Every change of a bucket is worked out before the first is written.
        let mut changed = BTreeMap::new();
        for withdrawal in &commit.withdrawals {
            let bucket = self.bucket(&withdrawal.key);
            match withdrawal.apply(bucket) {
                Some(after) => changed.insert(withdrawal.key.clone(), after),
                None => return CommitReply::BucketChanged(Box::new(withdrawal.key.clone()), bucket),
            };
        }
        if let Some((key, slot)) = &commit.slot {
            let bucket = changed.get(key).copied().unwrap_or_else(|| self.bucket(key));
            if bucket.next_slot != slot.expected {
                // As it is on record: nothing of this transaction was done.
                return CommitReply::BucketChanged(Box::new(key.clone()), self.bucket(key));
            }
            changed.insert(key.clone(), Bucket { next_slot: Some(slot.following), ..bucket });
        }
        for deposit in &commit.deposits {
            let bucket = changed.get(&deposit.key).copied().unwrap_or_else(|| self.bucket(&deposit.key));
            changed.insert(deposit.key.clone(), deposit.apply(bucket));
        }
        self.buckets.extend(changed);
        self.records.insert(record.id.clone(), record.clone());
        self.outbox.commit(commit);
        CommitReply::Done
    }

    /// The controls, if the stored version is the one before.
    pub fn write_controls(&mut self, controls: &Controls) -> ControlsReply {
        if self.controls.version + 1 != controls.version {
            return ControlsReply::Conflict(self.controls.clone());
        }
        self.controls = controls.clone();
        ControlsReply::Done
    }

    /// What is kept under the number of a push or rollback.
    pub fn policy(&self, number: u64) -> KeptPolicy {
        let absent = || KeptPolicy::Unreadable("there is no such policy".to_owned());
        self.policies.get(&number).cloned().unwrap_or_else(absent)
    }

    /// Keeps a policy under the next number and points to it, as one transaction.
    pub fn push_policy(&mut self, version: PolicyVersion, text: String, by: &str, now: Timestamp) -> u64 {
        self.point_to(version, text, None, by, now)
    }

    /// Brings an earlier policy back under the next number. Nothing happens where that number holds no policy.
    pub fn restore_policy(&mut self, number: u64, by: &str, now: Timestamp) -> Option<u64> {
        let KeptPolicy::Text { version, text } = self.policy(number) else { return None };
        Some(self.point_to(version, text, Some(number), by, now))
    }

    /// Goes back to the packaged policy.
    pub fn withdraw_policy(&mut self) -> u64 {
        let number = self.next_policy();
        self.policies.insert(number, KeptPolicy::Packaged);
        self.controls = self.controls.point(None);
        number
    }

    /// Puts something else where a policy was: what a careless hand does in the table.
    pub fn damage_policy(&mut self, number: u64, kept: KeptPolicy) {
        self.policies.insert(number, kept);
    }

    fn point_to(
        &mut self,
        version: PolicyVersion,
        text: String,
        restores: Option<u64>,
        by: &str,
        now: Timestamp,
    ) -> u64 {
        let number = self.next_policy();
        self.policies.insert(number, KeptPolicy::Text { version: version.clone(), text });
        let live = LivePolicy {
            policy: Pushed { number, version, restores },
            since: now,
            by: by.to_owned(),
            beside: None,
            taken_over: None,
        };
        self.controls = self.controls.point(Some(live));
        number
    }

    fn next_policy(&self) -> u64 {
        self.policies.last_key_value().map_or(1, |(newest, _)| newest + 1)
    }

    /// A note of a message that could not be understood.
    pub fn quarantine(&mut self, message: &Quarantined) {
        self.quarantine.entry(message.fingerprint.clone()).or_insert_with(|| message.clone());
    }

    /// How far the sweep has come.
    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    /// How far the sweep has come, if the stored version is the one before.
    pub fn write_sweep(&mut self, sweep: &Sweep) -> SweepReply {
        if self.sweep == *sweep {
            return SweepReply::Done;
        }
        if self.sweep.version + 1 != sweep.version {
            return SweepReply::Conflict;
        }
        self.sweep = sweep.clone();
        SweepReply::Done
    }

    /// The stage runs whose wait or lease was over by then, those first that have been over for longest.
    pub fn overdue(&self, by: Timestamp) -> Vec<StageRunId> {
        let due = |record: &StageRun| record.open_until().filter(|due| *due <= by);
        let mut overdue: Vec<_> =
            self.records.values().filter_map(|record| Some((due(record)?, record.id.clone()))).collect();
        overdue.sort();
        overdue.into_iter().map(|(_, run)| run).collect()
    }

    /// The controls in force.
    pub fn controls(&self) -> &Controls {
        &self.controls
    }

    /// The record of a stage run.
    pub fn record(&self, run: &StageRunId) -> Option<&StageRun> {
        self.records.get(run)
    }

    /// Every record.
    pub fn records(&self) -> impl Iterator<Item = &StageRun> {
        self.records.values()
    }

    /// Every decision on record, in the order in which they were written.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Every transaction that was carried out, in order.
    pub fn commits(&self) -> &[Commit] {
        &self.commits
    }

    /// Hands over the decisions on record and forgets the transactions, for whoever keeps an account of its own.
    pub fn take_decisions(&mut self) -> Vec<Decision> {
        self.commits.clear();
        std::mem::take(&mut self.decisions)
    }

    /// What a bucket holds.
    pub fn bucket(&self, key: &BucketKey) -> Bucket {
        self.buckets.get(key).copied().unwrap_or_default()
    }

    /// Every bucket that was ever written.
    pub fn buckets(&self) -> impl Iterator<Item = (&BucketKey, &Bucket)> {
        self.buckets.iter()
    }

    /// Every window in which a failure was noted.
    pub fn windows(&self) -> impl Iterator<Item = (&WindowKey, &Window)> {
        self.windows.iter()
    }

    /// The messages that could not be understood.
    pub fn quarantined(&self) -> impl Iterator<Item = &Quarantined> {
        self.quarantine.values()
    }
}
