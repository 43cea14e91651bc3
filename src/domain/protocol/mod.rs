//! The life of a stage run as one total function, [`step`]: a state and an answer in, a state and an effect out.
//!
//! It is one message's way through: read the ledger, read CodePipeline, decide, write, wake later or claim, look
//! again, call, settle. Everything that lasts is in the ledger's record; a state lives as long as its message is
//! handled, and may be lost at any point between two effects. The order of writes is what makes that safe:
//!
//! - a retry is claimed, with its tokens, before it is called, so that nobody else calls it;
//! - a wait is written before its wake-up is armed, and a redelivered message arms it again;
//! - a claim whose end is not known stays open until its owner can be neither alive nor heard of, and is then judged
//!   by what the pipeline shows.
//!
//! What is done about a failure is decided elsewhere ([`super::decide`]); this is about doing it once.

mod answering;
mod close;
mod commit;
mod effects;
mod ended;
mod hold;
mod proceed;
mod reconcile;
mod repeated;
mod rollback;
mod step;
mod swept;
mod telling;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::backoff::Jitter;
use super::budget::BucketKey;
use super::controls::Controls;
use super::decision::Decision;
use super::evidence::{Depth, Examination};
use super::facts::FailedAction;
use super::freeze::CalendarReadings;
use super::ids::{CalendarArn, ExecutionId, PipelineArn, StageRunId};
use super::live::Source;
use super::outbox::Tidings;
use super::pipeline::{ExecutionMode, Gap, Reading, RetryReply, StageReading};
use super::policy::RetryMode;
use super::rollback::{RollbackProgress, RollbackReply};
use super::stage_run::{Hint, Owner, Progress, Retry, StageRun};
use super::storm::{Note, Window, WindowKey};
use super::tags::TagsReading;
use super::trigger::{Delivery, Trigger, WakeUp};

pub use commit::{Commit, CommitReply, ControlsReply, Fault, View};
pub use step::step;

/// An answer with the time at which it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Input {
    /// The present.
    pub now: Timestamp,
    /// What was answered.
    pub answer: Answer,
}

/// What the world outside says, each the answer to one [`Effect`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Here is a message. The first input, the answer to nothing.
    Begin {
        /// What it says.
        trigger: Trigger,
        /// Whether it was handed out before.
        delivery: Delivery,
        /// Who handles it, unique to this handling.
        owner: Owner,
    },
    /// To [`Effect::ReadTags`].
    Tags(TagsReading),
    /// To [`Effect::ReadLedger`].
    Ledger(Result<Box<View>, Fault>),
    /// To [`Effect::NoteFailure`]: the window as it is now.
    Noted(Result<Window, Fault>),
    /// To [`Effect::WriteControls`].
    ControlsWritten(Result<ControlsReply, Fault>),
    /// To [`Effect::Observe`].
    Observed {
        /// What CodePipeline says.
        reading: Box<Reading>,
        /// The random number that belongs to the failure it shows.
        jitter: Jitter,
    },
    /// To [`Effect::Examine`].
    Examined(Examination),
    /// To [`Effect::ReadCalendars`].
    Calendars(CalendarReadings),
    /// To [`Effect::Commit`].
    Committed(Result<CommitReply, Fault>),
    /// To [`Effect::Arm`].
    Armed(Result<(), Fault>),
    /// To [`Effect::Fence`].
    Fenced(Box<StageReading>),
    /// To [`Effect::Call`].
    Called(RetryReply),
    /// To [`Effect::FindTarget`]: the execution that last succeeded in the stage, if any did.
    Target(Result<Option<ExecutionId>, Gap>),
    /// To [`Effect::RollBack`].
    RolledBack(RollbackReply),
}

/// The one thing to do next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Read the tags of the pipeline, since which rule applies depends on them.
    ReadTags {
        /// The pipeline.
        pipeline: PipelineArn,
    },
    /// Read controls, record, buckets and windows, strongly consistent.
    ReadLedger {
        /// The stage run.
        run: StageRunId,
        /// The buckets.
        buckets: Vec<BucketKey>,
        /// The windows that tell whether there is a storm.
        windows: Vec<WindowKey>,
    },
    /// Note that a pipeline failed, if that is news and its window does not have enough.
    NoteFailure(Note),
    /// Write the controls if their version is still the one before.
    WriteControls(Controls),
    /// Ask CodePipeline everything that a decision needs.
    Observe {
        /// The stage run.
        run: StageRunId,
    },
    /// Find out why the stage's failed runs failed, as deep as this.
    Examine {
        /// The stage run.
        run: StageRunId,
        /// Its failed runs.
        failed: Vec<FailedAction>,
        /// How deep to look.
        depth: Depth,
        /// Whether the line that decides is to be cited, cut and without secrets.
        excerpts: bool,
    },
    /// Ask change calendars whether they are closed.
    ReadCalendars {
        /// Which.
        calendars: BTreeSet<CalendarArn>,
    },
    /// Carry out a transaction.
    Commit(Box<Commit>),
    /// Arm a wake-up; arming it twice is arming it once.
    Arm {
        /// Which.
        wake_up: WakeUp,
        /// When it is due.
        at: Timestamp,
    },
    /// Read the stage again, right before the call.
    Fence {
        /// The stage run.
        run: StageRunId,
        /// How its pipeline shares stages.
        mode: ExecutionMode,
    },
    /// Call `RetryStageExecution`, once.
    Call {
        /// The stage run.
        run: StageRunId,
        /// What to run again.
        mode: RetryMode,
    },
    /// Find out which execution last succeeded in the stage.
    FindTarget {
        /// The stage run.
        run: StageRunId,
    },
    /// Call `RollbackStage`, once.
    RollBack {
        /// The stage run.
        run: StageRunId,
        /// The execution whose success is brought back.
        target: ExecutionId,
    },
    /// Nothing more.
    Finish(Box<Outcome>),
}

/// How the handling of a message ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// Whether the message is done with.
    pub conclusion: Conclusion,
    /// What was decided, if anything.
    pub decision: Option<Decision>,
    /// A retry of ours whose end became known.
    pub ended: Option<Retry>,
    /// For [`Conclusion::PolicyMoved`], the source of the policy to handle the message by.
    pub source: Option<Source>,
    /// What was written down to be told outside.
    pub tidings: Vec<Tidings>,
}

/// Whether a message is done with, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conclusion {
    /// Done.
    Handled,
    /// Done: the wake-up belongs to something that is over.
    StaleWakeUp,
    /// To be delivered again: the ledger did not answer.
    LedgerUnavailable,
    /// To be delivered again: the wake-up could not be armed.
    SchedulesUnavailable,
    /// To be delivered again: too many others write the same record or bucket.
    Contended,
    /// To be delivered again: the lease ended before the call was made.
    LeaseLost,
    /// To be delivered again: too little of the invocation was left to bring it to its end.
    OutOfTime,
    /// Nothing has been decided: another policy is in force than the one at hand, and the message is to be handled by that
    /// one, or to be delivered again.
    PolicyMoved,
    /// To be delivered again: an answer came that nobody asked for.
    OutOfOrder,
}

impl Conclusion {
    /// The name used in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Handled => "handled",
            Self::StaleWakeUp => "stale-wake-up",
            Self::LedgerUnavailable => "ledger-unavailable",
            Self::SchedulesUnavailable => "schedules-unavailable",
            Self::Contended => "contended",
            Self::LeaseLost => "lease-lost",
            Self::OutOfTime => "out-of-time",
            Self::PolicyMoved => "policy-moved",
            Self::OutOfOrder => "out-of-order",
        }
    }

    /// Whether the message may be deleted from its queue.
    pub const fn is_acknowledged(self) -> bool {
        matches!(self, Self::Handled | Self::StaleWakeUp)
    }
}

impl Outcome {
    /// The number of the retry whose end became known, and how it ended.
    pub fn progress(&self) -> Option<(u32, Progress)> {
        self.ended.as_ref().map(|retry| (retry.number, retry.progress))
    }

    fn handled(decision: Decision) -> Self {
        Self { decision: Some(decision), ..Self::without_decision(Conclusion::Handled) }
    }

    pub(crate) fn without_decision(conclusion: Conclusion) -> Self {
        Self { conclusion, decision: None, ended: None, source: None, tidings: Vec::new() }
    }
}

/// Where the handling of a message stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum State {
    /// No message yet.
    Idle,
    /// The tags of the pipeline are being read.
    Tagging(Job),
    /// The ledger is being read.
    Reading(Job),
    /// The rules of a new policy are being put to work.
    Activating(Job, Box<View>, Controls),
    /// A failure is being noted.
    Noting(Job, Box<View>, WindowKey),
    /// CodePipeline is being asked.
    Observing(Job, Box<View>),
    /// The failed runs are being examined.
    Examining(Job, Box<Context>),
    /// Change calendars are being asked.
    Consulting(Job, Box<Context>),
    /// A transaction is under way.
    Committing(Box<Committing>),
    /// A wake-up is being armed.
    Arming(Box<Outcome>),
    /// The stage is being read again.
    Fencing(Box<Held>),
    /// The call is under way.
    Calling(Box<Held>),
    /// It is being found out what could be brought back.
    Aiming(Job, Box<Context>),
    /// The stage is being read again, before it is rolled back.
    FencingRollback(Box<Aimed>),
    /// The call that rolls it back is under way.
    RollingBack(Box<Aimed>),
    /// Over.
    Done,
}

/// One message and who handles it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Job {
    trigger: Trigger,
    delivery: Delivery,
    owner: Owner,
    /// How often it had to begin again since others were quicker.
    rounds: u8,
    /// Whether the failure has been noted for the sake of storms.
    noted: bool,
    /// The pipeline's tags, if the rule depends on them.
    tags: TagsReading,
}

/// What has been read so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Context {
    view: View,
    reading: Option<(Box<Reading>, Jitter)>,
    examination: Examination,
    calendars: CalendarReadings,
    /// The execution that last succeeded in the stage, where that was asked for.
    target: Option<Result<Option<ExecutionId>, Gap>>,
}

impl Context {
    fn new(view: View) -> Self {
        Self {
            view,
            reading: None,
            examination: Examination::new(),
            calendars: CalendarReadings::new(),
            target: None,
        }
    }
}

/// A transaction under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Committing {
    job: Job,
    context: Context,
    commit: Commit,
    next: Next,
    /// What to do when the record has moved on.
    purpose: Purpose,
    /// Whether it has been sent before without an answer.
    resent: bool,
}

/// What follows a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Next {
    Finish(Box<Outcome>),
    Arm { wake_up: WakeUp, at: Timestamp, outcome: Box<Outcome> },
    Fence(Box<Decision>, Option<Retry>),
    FenceRollback { decision: Box<Decision>, hint: Hint, ended: Option<Retry> },
}

impl Next {
    /// The retry whose end becomes known with the transaction.
    fn ended(&self) -> Option<&Retry> {
        match self {
            Self::Finish(outcome) | Self::Arm { outcome, .. } => outcome.ended.as_ref(),
            Self::Fence(_, ended) | Self::FenceRollback { ended, .. } => ended.as_ref(),
        }
    }
}

/// What a transaction is for: an answer is thought over again on a newer record, the end of a claim is not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Purpose {
    Answer,
    Close(Ending, Box<Decision>),
    /// The rollback went so, for this reason.
    Rollback(RollbackProgress, String),
}

/// How a claim ends at its owner's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Ending {
    /// CodePipeline took the retry.
    Issued,
    /// It certainly did not happen.
    NotDone,
    /// CodePipeline refused it for the moment.
    RefusedForNow,
}

/// A claim in hand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Held {
    job: Job,
    context: Context,
    record: StageRun,
    decision: Decision,
    /// An earlier retry whose end became known.
    ended: Option<Retry>,
}

impl Held {
    /// The outcome of a handling that ends with this claim in hand.
    fn outcome(&self) -> Outcome {
        Outcome { ended: self.ended.clone(), ..Outcome::handled(self.decision.clone()) }
    }
}

/// A rollback in hand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Aimed {
    job: Job,
    context: Context,
    record: StageRun,
    decision: Decision,
    hint: Hint,
    /// An earlier retry whose end became known.
    ended: Option<Retry>,
}

/// What must be left of the invocation for a message to be begun.
const TO_BEGIN: SignedDuration = SignedDuration::from_secs(10);
/// What must be left of the invocation for failed runs to be examined: what that may take, and the write that follows.
const TO_EXAMINE: SignedDuration = SignedDuration::from_secs(12);
/// What must be left of the invocation for a retry to be claimed: the transaction, the last look, and the call.
const TO_CLAIM: SignedDuration = SignedDuration::from_secs(15);
/// What must be left of the invocation for the call to be made: five seconds for its answer, and the write that settles it.
const TO_CALL: SignedDuration = SignedDuration::from_secs(8);

/// How often a message may begin again before it goes back to its queue.
const MOST_ROUNDS: u8 = 20;
