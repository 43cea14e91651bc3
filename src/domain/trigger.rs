//! What sets the product to work, after its JSON has been understood.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use super::ids::{ActionExecutionId, StageRunId};

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A stage changed its state, says an event. Only the stage run is taken from it; everything else is a hint.
    StageEvent(StageEvent),
    /// An instant has come that a decision asked to be woken at.
    WakeUp(WakeUp),
    /// A sweep found something that no message may have told.
    Sweep(Finding),
}

impl Trigger {
    /// The stage run it is about.
    pub fn run(&self) -> &StageRunId {
        match self {
            Self::StageEvent(event) => &event.run,
            Self::WakeUp(wake_up) => &wake_up.run,
            Self::Sweep(finding) => &finding.run,
        }
    }
}

/// A stage execution state change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageEvent {
    /// The stage run.
    pub run: StageRunId,
    /// The state that the event reports.
    pub state: StageEventState,
    /// When CodePipeline says it happened; whole seconds.
    pub time: Timestamp,
    /// What tells this event from another one of the same stage run.
    pub key: EventKey,
}

/// The states of a stage that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageEventState {
    /// The stage failed: decide.
    Failed,
    /// The stage ended well: a retry may have recovered it.
    Succeeded,
    /// The stage was retried, by whomever.
    Resumed,
    /// A person stopped the execution.
    Stopped,
    /// An edit of the pipeline ended the execution.
    Canceled,
}

/// The two fields by which redelivered and repeated events of one stage run are recognised.
///
/// They are compared, never interpreted: documents disagree on what the attempt counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct EventKey {
    /// `pipeline-execution-attempt` in its shortest decimal form (`2`, not `2.0`); empty when absent.
    pub attempt: String,
    /// `stage-last-retry-attempt-time` as sent; empty when absent.
    pub last_retry: String,
}

/// Stands where an event has its attempt. Longer than an attempt is ever kept, so no event has it.
const SWEPT: &str = "no event, seen by a sweep over the history";

impl EventKey {
    /// The key of a failure that a sweep found: no event's, and no other failure's of the same stage run.
    pub fn swept(failed: &BTreeSet<ActionExecutionId>) -> Self {
        let last_retry = failed.first().map(|id| id.as_str().to_owned()).unwrap_or_default();
        Self { attempt: SWEPT.to_owned(), last_retry }
    }

    /// Whether it is not an event's.
    pub fn is_swept(&self) -> bool {
        self.attempt == SWEPT
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.attempt, self.last_retry)
    }
}

/// A wake-up that was armed for a stage run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WakeUp {
    /// The stage run.
    pub run: StageRunId,
    /// Number of the wait or claim it belongs to; one that is no longer current does nothing.
    pub sequence: u64,
}

/// What a sweep found about a stage run. A hint, as an event is: every fact is read again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finding {
    /// The stage run.
    pub run: StageRunId,
    /// A failure that the history shows, retried since or not. None where a wait or claim is over without having ended.
    pub failure: Option<SeenFailure>,
}

/// A failure as the history shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeenFailure {
    /// The failed runs of its actions.
    pub failed: BTreeSet<ActionExecutionId>,
    /// When the last of them failed.
    pub failed_at: Timestamp,
}

/// Whether the queue has handed out this very message before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// Certainly for the first time.
    First,
    /// Again, or it cannot be told: whoever had it may have died half-way.
    Again,
}
