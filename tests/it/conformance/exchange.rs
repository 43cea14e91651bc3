//! What is asked of a ledger, what it answers, and when two answers say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use jiff::Timestamp;

use codepipeline_retrier::domain::budget::{Bucket, BucketKey};
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, View};
use codepipeline_retrier::domain::storm::{Note, Window, WindowKey};
use codepipeline_retrier::domain::sweep::Sweep;
use codepipeline_retrier::ports::{KeptPolicy, Quarantined, SweepReply};

/// One call of the ports, or what somebody does who pushes a policy.
#[derive(Debug, Clone)]
pub enum Request {
    Read { run: StageRunId, buckets: Vec<BucketKey>, windows: Vec<WindowKey> },
    NoteFailure(Note),
    Commit(Box<Commit>),
    WriteControls(Controls),
    Quarantine(Quarantined),
    Controls,
    Sweep,
    WriteSweep(Sweep),
    Overdue(Timestamp),
    Policy(u64),
    Push(Push),
}

/// A push or rollback: done if nothing has its number, and the controls are as they were seen.
#[derive(Debug, Clone)]
pub struct Push {
    pub what: Pushed,
    pub number: u64,
    /// Version of the controls.
    pub seen: u64,
    pub at: Timestamp,
}

#[derive(Debug, Clone)]
pub enum Pushed {
    Text(PolicyVersion, String),
    /// What has that number, if it is a policy.
    Restored(u64),
    Packaged,
}

/// How it was answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Read(Box<View>),
    Noted(Window),
    Commit(CommitReply),
    WriteControls(ControlsReply),
    Quarantined,
    Controls(Box<Controls>),
    Sweep(Box<Sweep>),
    SweepWritten(SweepReply),
    /// Each once, in whatever order: an index in parts has none of its own.
    Overdue(BTreeSet<StageRunId>),
    Policy(KeptPolicy),
    /// The number under which it was done.
    Pushed(Option<u64>),
}

/// What is kept beyond what the port shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// Names of decisions.
    pub decisions: BTreeSet<String>,
    pub notes: BTreeMap<String, Quarantined>,
}

/// A ledger that says what is right.
pub trait Book: Clone + Debug + Default + 'static {
    fn answer(&mut self, request: &Request) -> Reply;
    fn kept(&self) -> Kept;
}

/// A ledger that is held against a book.
pub trait Subject {
    /// Whether all of it is looked at after every operation, rather than at the end.
    const LOOKS_ALWAYS: bool;

    /// An empty one.
    fn begin() -> Self;
    fn answer(&mut self, now: Timestamp, request: &Request) -> Reply;
    fn kept(&mut self) -> Kept;
}

/// Asks a book, and says every answer that is right. Of several buckets that are not as expected, either may be reported.
pub fn right_answers<B: Book>(book: &mut B, request: &Request) -> Vec<Reply> {
    let mut answers = vec![book.answer(request).normal()];
    if let (Request::Commit(commit), Reply::Commit(CommitReply::BucketChanged(..))) = (request, &answers[0]) {
        for key in keys(commit) {
            let alone = Request::Commit(Box::new(only(commit, &key)));
            // It is refused, so that the copy is what the book is.
            let answer = book.clone().answer(&alone).normal();
            if matches!(answer, Reply::Commit(CommitReply::BucketChanged(..))) && !answers.contains(&answer) {
                answers.push(answer);
            }
        }
    }
    answers
}

fn keys(commit: &Commit) -> BTreeSet<BucketKey> {
    let taken = commit.withdrawals.iter().map(|withdrawal| withdrawal.key.clone());
    taken.chain(commit.slot.iter().map(|(key, _)| key.clone())).collect()
}

/// The transaction with the conditions on one bucket alone.
fn only(commit: &Commit, key: &BucketKey) -> Commit {
    let mut alone = commit.clone();
    alone.withdrawals.retain(|withdrawal| withdrawal.key == *key);
    alone.slot = alone.slot.filter(|(of, _)| of == key);
    alone
}

impl Reply {
    /// Where what differs makes no difference: a bucket from which no token was ever taken is full, in whatever way a
    /// ledger says so.
    pub fn normal(mut self) -> Self {
        match &mut self {
            Self::Read(view) => {
                view.buckets.values_mut().for_each(fill);
                view.buckets.retain(|_, bucket| *bucket != Bucket::default());
            }
            Self::Commit(CommitReply::BucketChanged(_, bucket)) => fill(bucket),
            // What is wrong is told to people, in words.
            Self::Policy(KeptPolicy::Unreadable(problem)) => problem.clear(),
            _ => {}
        }
        self
    }

    /// What it is, for a tally.
    pub fn name(&self, to: &Request) -> &'static str {
        match self {
            Self::Read(view) if view.windows.is_empty() => "read",
            Self::Read(_) => "read with a window",
            Self::Noted(window) => match to {
                Request::NoteFailure(note) if window.failures.get(&note.pipeline) == Some(&note.at) => {
                    "failure noted"
                }
                Request::NoteFailure(note) if window.failures.contains_key(&note.pipeline) => "failure known",
                _ => "window has enough",
            },
            Self::Commit(CommitReply::Done) => "commit done",
            Self::Commit(CommitReply::Conflict(None)) => "commit conflicts with nothing",
            Self::Commit(CommitReply::Conflict(Some(_))) => "commit conflicts",
            Self::Commit(CommitReply::BucketChanged(..)) => "bucket changed",
            Self::Commit(CommitReply::ControlsChanged) => "controls changed",
            Self::WriteControls(ControlsReply::Done) => "controls written",
            Self::WriteControls(ControlsReply::Conflict(_)) => "controls conflict",
            Self::Quarantined => "quarantined",
            Self::Controls(_) => "controls",
            Self::Sweep(_) => "sweep",
            Self::SweepWritten(SweepReply::Done) => "sweep written",
            Self::SweepWritten(SweepReply::Conflict) => "sweep conflicts",
            Self::Overdue(runs) if runs.is_empty() => "nothing overdue",
            Self::Overdue(_) => "something overdue",
            Self::Policy(KeptPolicy::Text { .. }) => "policy",
            Self::Policy(KeptPolicy::Packaged) => "policy of the package",
            Self::Policy(KeptPolicy::Unreadable(_)) => "no policy",
            Self::Pushed(None) => "push refused",
            Self::Pushed(Some(_)) => match to {
                Request::Push(Push { what: Pushed::Restored(_), .. }) => "policy restored",
                Request::Push(Push { what: Pushed::Packaged, .. }) => "policy withdrawn",
                _ => "policy pushed",
            },
        }
    }
}

fn fill(bucket: &mut Bucket) {
    bucket.full_at = bucket.full_at.filter(|full_at| *full_at > 0);
}

/// Stage runs that were listed, none of them twice.
pub fn each_once(listed: Vec<StageRunId>) -> BTreeSet<StageRunId> {
    let length = listed.len();
    let each: BTreeSet<_> = listed.into_iter().collect();
    assert_eq!(each.len(), length, "some are listed twice: {each:?}");
    each
}
