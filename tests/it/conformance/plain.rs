//! The reference: a few maps and rules in order. A bucket is the list of all that was ever taken from it and given back;
//! what is left in it is worked out from that list each time. A window is a list of pipelines, each with when it failed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use codepipeline_retrier::domain::budget::{Branch, Bucket, BucketKey, Slot, Withdrawal};
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::ids::{PipelineName, StageRunId};
use codepipeline_retrier::domain::live::{self, LivePolicy};
use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, View};
use codepipeline_retrier::domain::stage_run::StageRun;
use codepipeline_retrier::domain::storm::{Note, Window, WindowKey};
use codepipeline_retrier::domain::sweep::Sweep;
use codepipeline_retrier::names::decision_id;
use codepipeline_retrier::ports::{KeptPolicy, Quarantined, SweepReply};

use super::exchange::{Book, Kept, Push, Pushed, Reply, Request};

#[derive(Debug, Clone, Default)]
pub struct Plain {
    controls: Controls,
    records: BTreeMap<StageRunId, StageRun>,
    movements: BTreeMap<BucketKey, Vec<Movement>>,
    next_slots: BTreeMap<BucketKey, i64>,
    decisions: BTreeSet<String>,
    notes: BTreeMap<String, Quarantined>,
    windows: BTreeMap<WindowKey, Vec<(PipelineName, Timestamp)>>,
    sweep: Sweep,
    /// In the order of their numbers, which begin at 1. Nothing where it went back to the package.
    policies: Vec<Option<(PolicyVersion, String)>>,
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

    fn window(&self, key: WindowKey) -> Option<Window> {
        let failures = self.windows.get(&key)?;
        Some(Window { failures: failures.iter().cloned().collect() })
    }

    /// A window takes two more than make a storm, each pipeline once.
    fn note(&mut self, note: &Note) {
        let failures = self.windows.entry(note.key).or_default();
        let is_known = failures.iter().any(|(pipeline, _)| *pipeline == note.pipeline);
        if !is_known && failures.len() < note.failures as usize + 2 {
            failures.push((note.pipeline.clone(), note.at));
        }
    }

    fn write_sweep(&mut self, sweep: &Sweep) -> SweepReply {
        if sweep.version == self.sweep.version + 1 {
            self.sweep = sweep.clone();
        }
        if *sweep == self.sweep { SweepReply::Done } else { SweepReply::Conflict }
    }

    fn is_overdue(record: &StageRun, by: Timestamp) -> bool {
        record.wait.as_ref().is_some_and(|wait| wait.wake_at <= by)
            || record.claim.as_ref().is_some_and(|claim| claim.lease_until <= by)
            || record.look_at.is_some_and(|look_at| look_at <= by)
    }

    fn numbered(&self, number: u64) -> Option<&Option<(PolicyVersion, String)>> {
        self.policies.get(usize::try_from(number).unwrap().checked_sub(1)?)
    }

    fn push(&mut self, push: &Push) -> Option<u64> {
        if self.numbered(push.number).is_some() || self.controls.version != push.seen {
            return None;
        }
        let (policy, restores) = match &push.what {
            Pushed::Text(version, text) => (Some((version.clone(), text.clone())), None),
            Pushed::Restored(number) => (Some(self.numbered(*number)?.clone()?), Some(*number)),
            Pushed::Packaged => (None, None),
        };
        self.policies.push(policy.clone());
        let number = self.policies.len() as u64;
        self.controls.version += 1;
        self.controls.live = policy.map(|(version, _)| {
            Box::new(LivePolicy {
                policy: live::Pushed { number, version, restores },
                since: push.at,
                by: "jane".to_owned(),
                beside: None,
                taken_over: None,
            })
        });
        Some(number)
    }
}

impl Book for Plain {
    fn answer(&mut self, request: &Request) -> Reply {
        match request {
            Request::Read { run, buckets, windows } => Reply::Read(Box::new(View {
                controls: self.controls.clone(),
                record: self.records.get(run).cloned(),
                buckets: buckets.iter().map(|key| (key.clone(), self.bucket(key))).collect(),
                windows: windows.iter().filter_map(|key| Some((*key, self.window(*key)?))).collect(),
            })),
            Request::NoteFailure(note) => {
                self.note(note);
                Reply::Noted(self.window(note.key).unwrap())
            }
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
            Request::Controls => Reply::Controls(Box::new(self.controls.clone())),
            Request::Sweep => Reply::Sweep(Box::new(self.sweep.clone())),
            Request::WriteSweep(sweep) => Reply::SweepWritten(self.write_sweep(sweep)),
            Request::Overdue(by) => {
                let overdue = self.records.values().filter(|record| Self::is_overdue(record, *by));
                Reply::Overdue(overdue.map(|record| record.id.clone()).collect())
            }
            Request::Policy(number) => Reply::Policy(match self.numbered(*number).cloned() {
                Some(Some((version, text))) => KeptPolicy::Text { version, text },
                Some(None) => KeptPolicy::Packaged,
                None => KeptPolicy::Unreadable(String::new()),
            }),
            Request::Push(push) => Reply::Pushed(self.push(push)),
        }
    }

    fn kept(&self) -> Kept {
        Kept { decisions: self.decisions.clone(), notes: self.notes.clone() }
    }
}
