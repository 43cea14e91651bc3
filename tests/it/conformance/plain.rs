//! The reference: a few maps and rules in order. A bucket is the list of all that was ever taken from it and given back;
//! what is left in it is worked out from that list each time.

use std::collections::{BTreeMap, BTreeSet};

use codepipeline_retrier::domain::budget::{Branch, Bucket, BucketKey, Slot, Withdrawal};
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, View};
use codepipeline_retrier::domain::stage_run::StageRun;
use codepipeline_retrier::names::decision_id;
use codepipeline_retrier::ports::Quarantined;

use super::exchange::{Book, Kept, Reply, Request};

#[derive(Debug, Clone, Default)]
pub struct Plain {
    controls: Controls,
    records: BTreeMap<StageRunId, StageRun>,
    movements: BTreeMap<BucketKey, Vec<Movement>>,
    next_slots: BTreeMap<BucketKey, i64>,
    decisions: BTreeSet<String>,
    notes: BTreeMap<String, Quarantined>,
}

/// A token that was taken or came back: how long the bucket needs for it.
#[derive(Debug, Clone, Copy)]
enum Movement {
    Taken { at: i64, takes_ms: i64 },
    Back { ms: i64 },
}

/// When all that was taken has come back. A token begins to come back when it is taken and all before it have: so the last
/// one is back when some token had been taken, and it and all after it have come back one after the other.
fn full_at(movements: &[Movement]) -> Option<i64> {
    let lasts = |movement: &Movement| match *movement {
        Movement::Taken { takes_ms, .. } => takes_ms,
        Movement::Back { ms } => -ms,
    };
    let each = movements.iter().enumerate().filter_map(|(first, movement)| match *movement {
        Movement::Taken { at, .. } => Some(at + movements[first..].iter().map(lasts).sum::<i64>()),
        Movement::Back { .. } => None,
    });
    each.max()
}

impl Plain {
    fn bucket(&self, key: &BucketKey) -> Bucket {
        let movements = self.movements.get(key).map_or(&[][..], Vec::as_slice);
        Bucket { full_at: full_at(movements), next_slot: self.next_slots.get(key).copied() }
    }

    /// Whether there is a token, and the bucket is as the branch says.
    fn gives(&self, withdrawal: &Withdrawal) -> bool {
        let Withdrawal { branch, now_ms, interval_ms, tolerance_ms, .. } = *withdrawal;
        let missing_ms = self.bucket(&withdrawal.key).full_at.map_or(0, |full_at| (full_at - now_ms).max(0));
        let capacity = tolerance_ms / interval_ms + 1;
        // One that has come back in part is not there yet.
        let missing = missing_ms / interval_ms + i64::from(missing_ms % interval_ms > 0);
        let is_full = missing_ms == 0;
        is_full == (branch == Branch::Idle) && capacity - missing >= 1
    }

    fn commit(&mut self, commit: &Commit) -> CommitReply {
        let id = &commit.record.id;
        let current = self.records.get(id);
        if commit.record.revision != current.map_or(1, |current| current.revision + 1) {
            return CommitReply::Conflict(current.cloned().map(Box::new));
        }
        if commit.controls.is_some() && commit.controls != Some(self.controls.version) {
            return CommitReply::ControlsChanged;
        }
        let empty = commit.withdrawals.iter().find(|withdrawal| !self.gives(withdrawal)).map(|of| &of.key);
        let slot_is_gone =
            |(key, slot): &&(BucketKey, Slot)| self.next_slots.get(key).copied() != slot.expected;
        if let Some(key) = empty.or_else(|| commit.slot.as_ref().filter(slot_is_gone).map(|(key, _)| key)) {
            return CommitReply::BucketChanged(Box::new(key.clone()), self.bucket(key));
        }
        for withdrawal in &commit.withdrawals {
            let taken = Movement::Taken { at: withdrawal.now_ms, takes_ms: withdrawal.interval_ms };
            self.movements.entry(withdrawal.key.clone()).or_default().push(taken);
        }
        for deposit in &commit.deposits {
            let back = Movement::Back { ms: deposit.amount_ms };
            self.movements.entry(deposit.key.clone()).or_default().push(back);
        }
        if let Some((key, slot)) = &commit.slot {
            self.next_slots.insert(key.clone(), slot.following);
        }
        self.decisions.extend(commit.decision.as_ref().map(decision_id));
        self.records.insert(id.clone(), commit.record.clone());
        CommitReply::Done
    }
}

impl Book for Plain {
    fn answer(&mut self, request: &Request) -> Reply {
        match request {
            Request::Read { run, buckets } => Reply::Read(Box::new(View {
                controls: self.controls.clone(),
                record: self.records.get(run).cloned(),
                buckets: buckets.iter().map(|key| (key.clone(), self.bucket(key))).collect(),
                ..View::default()
            })),
            Request::Commit(commit) => Reply::Commit(self.commit(commit)),
            Request::WriteControls(controls) => {
                Reply::WriteControls(if controls.version == self.controls.version + 1 {
                    self.controls = controls.clone();
                    ControlsReply::Done
                } else {
                    ControlsReply::Conflict(self.controls.clone())
                })
            }
            Request::Quarantine(note) => {
                if !self.notes.contains_key(&note.fingerprint) {
                    self.notes.insert(note.fingerprint.clone(), note.clone());
                }
                Reply::Quarantined
            }
        }
    }

    fn kept(&self) -> Kept {
        Kept { decisions: self.decisions.clone(), notes: self.notes.clone() }
    }
}
