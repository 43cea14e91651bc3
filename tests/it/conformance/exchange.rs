//! What is asked of a ledger, what it answers, and when two answers say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use jiff::Timestamp;

use codepipeline_retrier::domain::budget::{Bucket, BucketKey};
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, View};
use codepipeline_retrier::ports::Quarantined;

/// One call of the port.
#[derive(Debug, Clone)]
pub enum Request {
    Read { run: StageRunId, buckets: Vec<BucketKey> },
    Commit(Box<Commit>),
    WriteControls(Controls),
    Quarantine(Quarantined),
}

/// How it was answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Read(Box<View>),
    Commit(CommitReply),
    WriteControls(ControlsReply),
    Quarantined,
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
            Self::Commit(_) | Self::WriteControls(_) | Self::Quarantined => {}
        }
        self
    }

    /// What it is, for a tally.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Commit(CommitReply::Done) => "commit done",
            Self::Commit(CommitReply::Conflict(None)) => "commit conflicts with nothing",
            Self::Commit(CommitReply::Conflict(Some(_))) => "commit conflicts",
            Self::Commit(CommitReply::BucketChanged(..)) => "bucket changed",
            Self::Commit(CommitReply::ControlsChanged) => "controls changed",
            Self::WriteControls(ControlsReply::Done) => "controls written",
            Self::WriteControls(ControlsReply::Conflict(_)) => "controls conflict",
            Self::Quarantined => "quarantined",
        }
    }
}

fn fill(bucket: &mut Bucket) {
    bucket.full_at = bucket.full_at.filter(|full_at| *full_at > 0);
}
