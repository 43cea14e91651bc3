//! One execution of a pipeline, its runs of stages, and their runs of actions. Data; who changes it is elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::ids::{ActionExecutionId, ActionName, ExecutionId, Region, StageName};
use crate::domain::pipeline::{
    ActionStatus, Category, ChangeSetPart, ErrorDetails, ExecutionKind, ExecutionMode, ExecutionStatus,
    RetryMetadata,
};

use super::agenda::Slot;
use super::cause::Cause;
use super::definition::{Outcome, PipelineDefinition};

/// Why an execution was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CodePipeline's own names")]
pub enum TriggerType {
    CreatePipeline,
    StartPipelineExecution,
    ManualRollback,
    AutomatedRollback,
}

impl TriggerType {
    /// CodePipeline's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatePipeline => "CreatePipeline",
            Self::StartPipelineExecution => "StartPipelineExecution",
            Self::ManualRollback => "ManualRollback",
            Self::AutomatedRollback => "AutomatedRollback",
        }
    }
}

/// Who last retried a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CodePipeline's own names")]
pub enum RetryTrigger {
    AutomatedStageRetry,
    ManualStageRetry,
}

impl RetryTrigger {
    /// CodePipeline's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AutomatedStageRetry => "AutomatedStageRetry",
            Self::ManualStageRetry => "ManualStageRetry",
        }
    }
}

/// A definition with its version.
#[derive(Debug)]
pub(super) struct Structure {
    pub(super) version: u32,
    pub(super) definition: PipelineDefinition,
}

/// A stage run within its pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StageKey {
    pub(super) execution: ExecutionId,
    pub(super) stage: StageName,
}

/// Where an execution is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the entry to a stage.
    Waiting(StageName),
    /// In a stage.
    Inside(StageName),
    /// In none: it ended, or its stage failed.
    Out,
}

/// An execution.
#[derive(Debug, Clone)]
pub(super) struct Execution {
    pub(super) id: ExecutionId,
    /// Its number in the pipeline, by start.
    pub(super) number: u64,
    /// What it started with and keeps.
    pub(super) structure: Arc<Structure>,
    pub(super) kind: ExecutionKind,
    pub(super) trigger: TriggerType,
    pub(super) rollback_target: Option<ExecutionId>,
    pub(super) status: ExecutionStatus,
    pub(super) started: Timestamp,
    pub(super) changed: Timestamp,
    /// 1 and one more for each retry of any stage.
    pub(super) attempt: u32,
    pub(super) place: Place,
    /// Boxed: most of a map of a few large values is empty room.
    pub(super) stages: BTreeMap<StageName, Box<StageRun>>,
    /// The reason given for a stop.
    pub(super) stop_reason: Option<String>,
    /// Whether the pipeline was edited under it.
    pub(super) edited: bool,
}

impl Execution {
    pub(super) fn mode(&self) -> ExecutionMode {
        self.structure.definition.mode
    }

    pub(super) fn is_parallel(&self) -> bool {
        self.mode() == ExecutionMode::Parallel
    }

    /// Whether it counts against the limit of concurrent executions.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.status, ExecutionStatus::InProgress | ExecutionStatus::Stopping)
    }
}

/// A run of a stage, all its retries included.
#[derive(Debug, Clone)]
pub(super) struct StageRun {
    pub(super) status: ExecutionStatus,
    pub(super) started: Timestamp,
    /// The run order that is at work; 0 before the first.
    pub(super) order: u32,
    /// The run that counts of each action begun since the stage last started over, by the action's name.
    pub(super) current: Vec<(ActionName, ActionExecutionId)>,
    /// Every run of every action, oldest first.
    pub(super) history: Vec<ActionExecutionId>,
    pub(super) metadata: RetryMetadata,
    pub(super) last_trigger: Option<RetryTrigger>,
    /// What `stage-last-retry-attempt-time` says.
    pub(super) last_retry: Option<Timestamp>,
    pub(super) native_used: bool,
    /// Where the automatic retry stands in the agenda.
    pub(super) native_due: Option<Slot>,
}

impl StageRun {
    /// From now on this run counts of the action.
    pub(super) fn count(&mut self, action: &ActionName, id: &ActionExecutionId) {
        let entry = (action.clone(), id.clone());
        match self.current.binary_search_by(|(known, _)| known.cmp(action)) {
            Ok(place) => self.current.splice(place..=place, [entry]).for_each(drop),
            Err(place) => self.current.insert(place, entry),
        }
        self.history.push(id.clone());
    }

    pub(super) fn new(now: Timestamp, metadata: RetryMetadata) -> Self {
        Self {
            status: ExecutionStatus::InProgress,
            started: now,
            order: 0,
            current: Vec::new(),
            history: Vec::new(),
            metadata,
            last_trigger: None,
            last_retry: None,
            native_used: false,
            native_due: None,
        }
    }
}

/// A run of an action.
#[derive(Debug, Clone)]
pub(super) struct ActionRecord {
    pub(super) id: ActionExecutionId,
    /// Its number in the pipeline, by start.
    pub(super) number: usize,
    pub(super) key: StageKey,
    pub(super) action: ActionName,
    pub(super) category: Category,
    pub(super) provider: String,
    /// Where it runs.
    pub(super) region: Region,
    /// The stack that it concerns, where it concerns one.
    pub(super) stack: String,
    pub(super) change_set: Option<ChangeSetPart>,
    /// What will come of it.
    pub(super) plan: Outcome,
    pub(super) status: ActionStatus,
    pub(super) started: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) error: ErrorDetails,
    /// What the provider calls it; approvals have none.
    pub(super) external_id: Option<String>,
    /// What answers an approval.
    pub(super) token: Option<String>,
    /// Where its end stands in the agenda.
    pub(super) due: Option<Slot>,
}

impl ActionRecord {
    /// What the provider will know of its failure, if it is to fail.
    pub(super) fn cause(&self) -> Option<&Cause> {
        match &self.plan {
            Outcome::Fail { cause, .. } => cause.as_deref(),
            Outcome::Succeed { .. } | Outcome::Hang => None,
        }
    }
}
