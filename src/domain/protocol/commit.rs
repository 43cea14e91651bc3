//! What goes to the ledger and comes back: the view of a stage run, and a transaction with how it ended.

use std::collections::BTreeMap;

use super::super::budget::{Bucket, BucketKey, Deposit, Slot, Withdrawal};
use super::super::controls::Controls;
use super::super::decision::Decision;
use super::super::notice::Notice;
use super::super::outbox::Tidings;
use super::super::stage_run::StageRun;
use super::super::storm::{Window, WindowKey};

/// What the ledger holds for one stage run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct View {
    /// What operators have set.
    pub controls: Controls,
    /// The record, if there is one.
    pub record: Option<StageRun>,
    /// The buckets that were asked for; an absent one is full.
    pub buckets: BTreeMap<BucketKey, Bucket>,
    /// The windows that were asked for; in an absent one nothing failed.
    pub windows: BTreeMap<WindowKey, Window>,
}

/// Why the ledger or the schedules gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It was certainly not done: refused, throttled, not reached.
    NotDone,
    /// It may have been done.
    Unknown,
}

/// One transaction on the ledger: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Commit {
    /// The record's next revision; valid if the stored one is the revision before.
    pub record: StageRun,
    /// Tokens to take, each under its own condition.
    pub withdrawals: Vec<Withdrawal>,
    /// Tokens to give back, without a condition.
    pub deposits: Vec<Deposit>,
    /// A place to take among the waiters of an empty bucket.
    pub slot: Option<(BucketKey, Slot)>,
    /// The version that the controls must still have.
    pub controls: Option<u64>,
    /// A decision to keep.
    pub decision: Option<Decision>,
    /// Whether that decision is to be announced.
    pub announced: bool,
    /// Messages to send. They stay in the ledger as to be sent until somebody says that they were.
    pub notices: Vec<Notice>,
}

impl Commit {
    /// What it writes down to be told outside.
    pub fn tidings(&self) -> impl Iterator<Item = Tidings> {
        let decision = self.decision.as_ref().filter(|_| self.announced);
        let notices = self.notices.iter().map(|notice| Tidings::Notice(Box::new(notice.clone())));
        notices.chain(decision.map(|decision| Tidings::Decision(Box::new(decision.clone()))))
    }

    /// Whether all of it is done, by that answer: sent twice, it was done by the first one although its answer was lost.
    pub fn is_done(&self, reply: &CommitReply) -> bool {
        match reply {
            CommitReply::Done => true,
            CommitReply::Conflict(Some(current)) => **current == self.record,
            CommitReply::Conflict(None) | CommitReply::BucketChanged(..) | CommitReply::ControlsChanged => {
                false
            }
        }
    }
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CommitReply {
    /// All of it was done.
    Done,
    /// The record had moved on; this is what it is now.
    Conflict(Option<Box<StageRun>>),
    /// A bucket was not as expected; this is what it is now.
    BucketChanged(Box<BucketKey>, Bucket),
    /// The controls have changed.
    ControlsChanged,
}

/// How writing the controls ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ControlsReply {
    /// They are written.
    Done,
    /// They had changed; this is what they are now.
    Conflict(Controls),
}
