//! What the engine needs of the world: a ledger, the pipelines, and schedules; and what a sweep needs beside.
//!
//! Expected refusals are values in the answers. Each port has one contract suite that every implementation passes.

mod chronicle;
mod outbox;

use std::collections::BTreeSet;
use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use crate::domain::budget::BucketKey;
use crate::domain::controls::Controls;
use crate::domain::evidence::{Depth, Evidence};
use crate::domain::facts::FailedAction;
use crate::domain::freeze::CalendarReadings;
use crate::domain::ids::{CalendarArn, ExecutionId, PipelineArn, PipelineName, StageRunId};
use crate::domain::pipeline::{ActionExecution, ExecutionMode, Gap, Reading, RetryReply, StageReading};
use crate::domain::policy::{PolicyVersion, RetryMode};
use crate::domain::protocol::{Commit, CommitReply, ControlsReply, Fault, View};
use crate::domain::rollback::RollbackReply;
use crate::domain::scope::Scope;
use crate::domain::storm::{Note, Window, WindowKey};
use crate::domain::sweep::{Sweep, Tick};
use crate::domain::tags::TagsReading;
use crate::domain::trigger::WakeUp;

pub use chronicle::{Chronicle, PastExecution};
pub use outbox::{Bulletin, Content, Entry, EntryId, MOST_ANNOUNCED, Messenger, Outbox, Pending};

/// The durable record: stage runs, claims, waits, budgets, decisions, controls.
pub trait Ledger: Send + Sync {
    /// Reads what is on record for a stage run, strongly consistent. Buckets and windows never written are left out.
    fn read(
        &self,
        run: &StageRunId,
        buckets: &[BucketKey],
        windows: &[WindowKey],
    ) -> impl Future<Output = Result<View, Fault>> + Send;

    /// Carries out one transaction: everything in it, or nothing. When several conditions fail at once, the record's
    /// is reported first, then the controls', then a bucket's. That another transaction touches the same item at the
    /// same moment is no answer: the implementation tries again, with jitter, for some seconds, and only then says
    /// [`Fault::NotDone`].
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<CommitReply, Fault>> + Send;

    /// Notes a failure, if its pipeline is not in the window and the window does not have enough; the window as it is
    /// now, whether or not that was written. The same note twice is one.
    fn note_failure(&self, note: &Note) -> impl Future<Output = Result<Window, Fault>> + Send;

    /// Writes the controls if the stored version is the one before.
    fn write_controls(
        &self,
        controls: &Controls,
    ) -> impl Future<Output = Result<ControlsReply, Fault>> + Send;

    /// Reads a policy that was pushed, strongly consistent. One that cannot be read is no fault: asking again would not
    /// help.
    fn policy(&self, number: u64) -> impl Future<Output = Result<KeptPolicy, Fault>> + Send;

    /// Keeps a note of a message that could not be understood. The same message twice is one note.
    fn quarantine(&self, message: &Quarantined) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// What the ledger keeps under the number of a push or rollback.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeptPolicy {
    /// A policy.
    Text {
        /// The version that the text had when it was pushed.
        version: PolicyVersion,
        /// The text, at most 64 KiB.
        text: String,
    },
    /// Nothing: this number went back to the packaged policy.
    Packaged,
    /// Something that cannot be read, or that is gone. What is wrong, without a word of what it says.
    Unreadable(String),
}

/// A message that could not be understood: what was wrong with it, and nothing of what it said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarantined {
    /// SHA-256 of its text.
    pub fingerprint: String,
    /// Its length in bytes.
    pub length: usize,
    /// What was wrong.
    pub problem: String,
    /// When it came.
    pub at: Timestamp,
}

/// CodePipeline.
pub trait Pipelines: Send + Sync {
    /// Reads everything that a decision about a stage run needs, as far as it can be had.
    fn observe(&self, run: &StageRunId) -> impl Future<Output = Reading> + Send;

    /// Reads again what may have changed since, right before a retry.
    fn observe_stage(
        &self,
        run: &StageRunId,
        mode: ExecutionMode,
    ) -> impl Future<Output = StageReading> + Send;

    /// Reads the pipeline's tags. What was read up to five minutes ago, by that clock, may be read again.
    fn tags(&self, pipeline: &PipelineArn, now: Timestamp) -> impl Future<Output = TagsReading> + Send;

    /// Retries the stage: one request, never repeated by the implementation.
    fn retry_stage(&self, run: &StageRunId, mode: RetryMode) -> impl Future<Output = RetryReply> + Send;

    /// The newest execution that succeeded in the stage and was no rollback.
    fn last_success(&self, run: &StageRunId)
    -> impl Future<Output = Result<Option<ExecutionId>, Gap>> + Send;

    /// Rolls the stage back to that execution: one request, never repeated by the implementation.
    fn roll_back(&self, run: &StageRunId, target: &ExecutionId)
    -> impl Future<Output = RollbackReply> + Send;
}

/// Those who carry actions out, and know more of a failure than CodePipeline says.
pub trait EvidenceSource: Send + Sync {
    /// Reads what there is about each failed run of a stage, in their order, as deep as asked. It takes no longer than
    /// some seconds and never fails: what cannot be read is a gap. [`Depth::State`] reads nothing.
    fn gather(
        &self,
        run: &StageRunId,
        failed: &[FailedAction],
        depth: Depth,
    ) -> impl Future<Output = Vec<Evidence>> + Send;
}

/// The change calendars that a policy's freezes name.
pub trait Calendars: Send + Sync {
    /// Reads what each of them says at present. It takes no longer than some seconds and never fails: what cannot be read is
    /// a gap. What was read within the last minute, by that clock, may be read again.
    fn states(
        &self,
        calendars: &BTreeSet<CalendarArn>,
        now: Timestamp,
    ) -> impl Future<Output = CalendarReadings> + Send;
}

/// Wake-ups.
pub trait Schedules: Send + Sync {
    /// Sees to it that the wake-up is delivered at that instant or soon after, never before, and at least once. Arming a
    /// pending wake-up again changes nothing, or delivers one more copy; one that has been delivered is armed anew.
    fn arm(&self, wake_up: &WakeUp, at: Timestamp) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// One page of a list, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub entries: Vec<T>,
    /// The next page, if there is one.
    pub next: Option<PageToken>,
}

/// Where a page begins; it means something to whoever gave it, and only for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken(pub String);

/// An execution in a pipeline's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionEntry {
    /// Its id.
    pub execution: ExecutionId,
    /// When it last changed.
    pub last_change: Timestamp,
    /// Whether it is under way. A stage of it may fail without its own status changing, while other actions run on.
    pub is_running: bool,
    /// Whether it has succeeded.
    pub has_succeeded: bool,
}

/// CodePipeline as a sweep reads it: one request for each page.
pub trait Catalogue: Send + Sync {
    /// The names of all pipelines of an account and Region, in any order.
    fn pipelines(
        &self,
        scope: &Scope,
        page: Option<&PageToken>,
    ) -> impl Future<Output = Result<Page<PipelineName>, Gap>> + Send;

    /// A pipeline's executions, the newest first.
    fn executions(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> impl Future<Output = Result<Page<ExecutionEntry>, Gap>> + Send;

    /// Every run of every action of an execution, in any order.
    fn actions(
        &self,
        pipeline: &PipelineArn,
        execution: &ExecutionId,
    ) -> impl Future<Output = Result<Vec<ActionExecution>, Gap>> + Send;
}

/// The part of the durable record that only a sweep looks at.
pub trait Rounds: Send + Sync {
    /// What operators have set, and since when each rule has been at work, strongly consistent.
    fn controls(&self) -> impl Future<Output = Result<Controls, Fault>> + Send;

    /// How far the sweep has come, strongly consistent.
    fn sweep(&self) -> impl Future<Output = Result<Sweep, Fault>> + Send;

    /// Writes how far it has come, if the stored version is the one before. The same written twice is done once.
    fn write_sweep(&self, sweep: &Sweep) -> impl Future<Output = Result<SweepReply, Fault>> + Send;

    /// The stage runs whose wait or lease was over by then, on each page those first that have been over for longest. It
    /// may be a moment behind, and leave out the newest of very many.
    fn overdue(
        &self,
        by: Timestamp,
        page: Option<&PageToken>,
    ) -> impl Future<Output = Result<Page<StageRunId>, Fault>> + Send;
}

/// How writing the sweep's progress ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepReply {
    /// It is written.
    Done,
    /// Somebody else has written it.
    Conflict,
}

/// How a sweep goes on: in a while within this invocation, or in another one.
pub trait Ticks: Send + Sync {
    /// Sees to it that a tick comes soon. One that is lost is made up for by the schedule's next.
    fn tick(&self, tick: Tick) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Waits.
    fn pause(&self, duration: SignedDuration) -> impl Future<Output = ()> + Send;
}

impl<T: Ledger> Ledger for &T {
    async fn read(
        &self,
        run: &StageRunId,
        buckets: &[BucketKey],
        windows: &[WindowKey],
    ) -> Result<View, Fault> {
        (**self).read(run, buckets, windows).await
    }

    async fn note_failure(&self, note: &Note) -> Result<Window, Fault> {
        (**self).note_failure(note).await
    }

    async fn commit(&self, commit: &Commit) -> Result<CommitReply, Fault> {
        (**self).commit(commit).await
    }

    async fn write_controls(&self, controls: &Controls) -> Result<ControlsReply, Fault> {
        (**self).write_controls(controls).await
    }

    async fn quarantine(&self, message: &Quarantined) -> Result<(), Fault> {
        (**self).quarantine(message).await
    }

    async fn policy(&self, number: u64) -> Result<KeptPolicy, Fault> {
        (**self).policy(number).await
    }
}

impl<T: EvidenceSource> EvidenceSource for &T {
    async fn gather(&self, run: &StageRunId, failed: &[FailedAction], depth: Depth) -> Vec<Evidence> {
        (**self).gather(run, failed, depth).await
    }
}

impl<T: Calendars> Calendars for &T {
    async fn states(&self, calendars: &BTreeSet<CalendarArn>, now: Timestamp) -> CalendarReadings {
        (**self).states(calendars, now).await
    }
}

impl<T: Schedules> Schedules for &T {
    async fn arm(&self, wake_up: &WakeUp, at: Timestamp) -> Result<(), Fault> {
        (**self).arm(wake_up, at).await
    }
}
