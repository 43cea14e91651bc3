//! What the engine needs of the world: a ledger, the pipelines, and schedules.
//!
//! Expected refusals are values in the answers. Each port has one contract suite that every implementation passes.

use std::future::Future;

use jiff::Timestamp;

use crate::domain::budget::BucketKey;
use crate::domain::controls::Controls;
use crate::domain::ids::StageRunId;
use crate::domain::pipeline::{ExecutionMode, Reading, RetryReply, StageReading};
use crate::domain::policy::RetryMode;
use crate::domain::protocol::{Commit, CommitReply, ControlsReply, Fault, View};
use crate::domain::trigger::WakeUp;

/// The durable record: stage runs, claims, waits, budgets, decisions, controls.
pub trait Ledger: Send + Sync {
    /// Reads what is on record for a stage run, strongly consistent. Buckets never written are left out.
    fn read(
        &self,
        run: &StageRunId,
        buckets: &[BucketKey],
    ) -> impl Future<Output = Result<View, Fault>> + Send;

    /// Carries out one transaction: everything in it, or nothing. When several conditions fail at once, the record's
    /// is reported first, then the controls', then a bucket's. That another transaction touches the same item at the
    /// same moment is no answer: the implementation tries again, with jitter, for some seconds, and only then says
    /// [`Fault::NotDone`].
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<CommitReply, Fault>> + Send;

    /// Writes the controls if the stored version is the one before.
    fn write_controls(
        &self,
        controls: &Controls,
    ) -> impl Future<Output = Result<ControlsReply, Fault>> + Send;

    /// Keeps a note of a message that could not be understood. The same message twice is one note.
    fn quarantine(&self, message: &Quarantined) -> impl Future<Output = Result<(), Fault>> + Send;
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

    /// Retries the stage: one request, never repeated by the implementation.
    fn retry_stage(&self, run: &StageRunId, mode: RetryMode) -> impl Future<Output = RetryReply> + Send;
}

/// Wake-ups.
pub trait Schedules: Send + Sync {
    /// Sees to it that the wake-up is delivered at that instant or soon after, never before, and at least once. Arming a
    /// pending wake-up again changes nothing, or delivers one more copy; one that has been delivered is armed anew.
    fn arm(&self, wake_up: &WakeUp, at: Timestamp) -> impl Future<Output = Result<(), Fault>> + Send;
}
