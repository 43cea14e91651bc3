//! What CodePipeline says of a pipeline, in its own words and without its wire format.
//!
//! One type for each API answer that a decision rests on; adapters and the emulator fill them in, nothing here judges.

use std::fmt;

use jiff::Timestamp;

use super::ids::{ActionExecutionId, ActionName, ExecutionId, PipelineName, Region, StageName};
use super::policy::RetryMode;
use super::text::EvidenceText;

/// How executions of a pipeline share its stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExecutionMode {
    /// One execution in a stage; a newer one replaces an older one that waits.
    Superseded,
    /// One execution in a stage; the others queue.
    Queued,
    /// Any number side by side; such a pipeline has no state of its own.
    Parallel,
}

impl ExecutionMode {
    /// CodePipeline's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "SUPERSEDED",
            Self::Queued => "QUEUED",
            Self::Parallel => "PARALLEL",
        }
    }
}

/// Why an execution exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExecutionKind {
    /// A change runs through the pipeline.
    Standard,
    /// A stage is brought back to an earlier revision.
    Rollback,
}

/// Status of a pipeline execution, a stage or both; CodePipeline's union of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CodePipeline's own names")]
pub enum ExecutionStatus {
    InProgress,
    Succeeded,
    Failed,
    Stopping,
    Stopped,
    Cancelled,
    Superseded,
    Skipped,
}

impl ExecutionStatus {
    /// CodePipeline's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Cancelled => "Cancelled",
            Self::Superseded => "Superseded",
            Self::Skipped => "Skipped",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::InProgress,
            Self::Succeeded,
            Self::Failed,
            Self::Stopping,
            Self::Stopped,
            Self::Cancelled,
            Self::Superseded,
            Self::Skipped,
        ]
        .into_iter()
        .find(|status| status.as_str() == name)
    }
}

impl fmt::Display for ExecutionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Status of one run of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CodePipeline's own names")]
pub enum ActionStatus {
    InProgress,
    Succeeded,
    Failed,
    /// Let go by a stop of the execution; it may still be running at its provider.
    Abandoned,
}

impl ActionStatus {
    /// CodePipeline's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Abandoned => "Abandoned",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::InProgress, Self::Succeeded, Self::Failed, Self::Abandoned]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// What an action is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "CodePipeline's own names")]
pub enum Category {
    Source,
    Build,
    Test,
    Deploy,
    Approval,
    Invoke,
    Compute,
}

impl Category {
    /// CodePipeline's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Build => "Build",
            Self::Test => "Test",
            Self::Deploy => "Deploy",
            Self::Approval => "Approval",
            Self::Invoke => "Invoke",
            Self::Compute => "Compute",
        }
    }

    /// The category of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Source, Self::Build, Self::Test, Self::Deploy, Self::Approval, Self::Invoke, Self::Compute]
            .into_iter()
            .find(|category| category.as_str() == name)
    }
}

/// How a run of an action failed, as far as CodePipeline says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct ErrorDetails {
    /// Error code, nearly always `JobFailed`.
    pub code: Option<String>,
    /// Message of the error.
    pub message: EvidenceText,
    /// Summary of the action's result.
    pub summary: EvidenceText,
}

/// Answer of `GetPipelineState`. A PARALLEL pipeline has none worth believing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PipelineState {
    /// Structure version that is in force now.
    pub version: u32,
    /// The stages in order.
    pub stages: Vec<StageState>,
}

/// One stage in `GetPipelineState`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageState {
    /// Name.
    pub name: StageName,
    /// The execution that was last in the stage; absent in a stage that never ran.
    pub latest: Option<StageExecution>,
    /// Why entry to the stage is closed, where it is.
    pub transition: Transition,
    /// The stage's actions, each with its last run.
    pub actions: Vec<ActionState>,
    /// CodePipeline's own count of retries; absent before the first, and not on every pipeline type.
    pub retries: Option<RetryMetadata>,
    /// Whether an execution waits to enter the stage.
    pub waiting: bool,
}

/// Whether executions may enter a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transition {
    /// They may.
    Enabled,
    /// A person closed it.
    Disabled,
}

/// The execution that is or was last in a stage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageExecution {
    /// Its id.
    pub execution: ExecutionId,
    /// How the stage stands for it.
    pub status: ExecutionStatus,
    /// Why it exists.
    pub kind: ExecutionKind,
}

/// One action in `GetPipelineState`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActionState {
    /// Name.
    pub name: ActionName,
    /// Its last run, whichever execution that was for.
    pub latest: Option<ActionRun>,
}

/// The last run of an action.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActionRun {
    /// Its id.
    pub id: ActionExecutionId,
    /// How it stands.
    pub status: ActionStatus,
    /// When the status last changed.
    pub last_change: Timestamp,
    /// How it failed.
    pub error: ErrorDetails,
}

/// CodePipeline's count of retries of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct RetryMetadata {
    /// Retries made by the stage's own automatic retry; at most 1.
    pub automatic: u32,
    /// Retries made through console or API, ours among them.
    pub manual: u32,
}

/// Answer of `GetPipelineExecution`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PipelineExecution {
    /// How the execution stands.
    pub status: ExecutionStatus,
    /// Why it exists.
    pub kind: ExecutionKind,
    /// Structure version it started with.
    pub version: u32,
    /// Execution mode it started with.
    pub mode: ExecutionMode,
}

/// Answer of `GetPipeline`, as far as a decision needs it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PipelineStructure {
    /// Name.
    pub name: PipelineName,
    /// Structure version.
    pub version: u32,
    /// How executions share the stages.
    pub mode: ExecutionMode,
    /// The stages in order.
    pub stages: Vec<StageDeclaration>,
}

/// One stage of the structure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageDeclaration {
    /// Name.
    pub name: StageName,
    /// CodePipeline's own single retry on failure, where it is configured.
    pub native_retry: Option<RetryMode>,
    /// The actions.
    pub actions: Vec<ActionDeclaration>,
}

/// One action of the structure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActionDeclaration {
    /// Name.
    pub name: ActionName,
    /// What it is for.
    pub category: Category,
    /// Who carries it out: `CodeBuild`, `Manual`, …
    pub provider: String,
    /// Actions of a lower number run before it, those of the same number beside it.
    pub run_order: u32,
    /// Its part in a pair of CloudFormation change-set actions.
    pub change_set: Option<ChangeSetPart>,
}

/// The two actions that deploy by change set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChangeSetPart {
    /// Makes it (`CHANGE_SET_REPLACE`).
    Makes(ChangeSet),
    /// Carries it out (`CHANGE_SET_EXECUTE`). A failed one is gone afterwards.
    Executes(ChangeSet),
}

/// A change set, as the configuration of an action names it. Many pipelines give all their change sets the same name: only
/// the stack tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeSet {
    /// Name of the stack.
    pub stack: String,
    /// Name of the change set.
    pub name: String,
}

/// One entry of `ListActionExecutions`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActionExecution {
    /// The execution it ran for.
    pub execution: ExecutionId,
    /// Its stage.
    pub stage: StageName,
    /// Its action.
    pub action: ActionName,
    /// Its id.
    pub id: ActionExecutionId,
    /// How it stands.
    pub status: ActionStatus,
    /// What it is for.
    pub category: Category,
    /// Who carries it out.
    pub provider: String,
    /// Where it ran, if not in the pipeline's own Region.
    pub region: Option<Region>,
    /// The provider's own id of the run: a build id, a deployment id, a stack's ARN.
    pub external_id: Option<String>,
    /// When it started.
    pub started: Timestamp,
    /// When its status last changed.
    pub last_change: Timestamp,
    /// How it failed.
    pub error: ErrorDetails,
}

/// An execution of a PARALLEL pipeline that has entered the stage in question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageEntry {
    /// The execution.
    pub execution: ExecutionId,
    /// When the execution started.
    pub started: Timestamp,
    /// When its first action in the stage started.
    pub entered: Timestamp,
}

/// The answers that a decision about one stage run rests on, each as far as it could be had.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reading {
    /// `GetPipelineState`. Not read for a PARALLEL execution: `Err(Gap::NotRead)`.
    pub state: Result<PipelineState, Gap>,
    /// `GetPipelineExecution`.
    pub execution: Result<PipelineExecution, Gap>,
    /// `GetPipeline`, at the version in force now.
    pub structure: Result<PipelineStructure, Gap>,
    /// `ListActionExecutions` of this execution: every run of every action, in any order.
    pub actions: Result<Vec<ActionExecution>, Gap>,
    /// Executions that have entered the stage; read for PARALLEL only.
    pub entries: Result<Vec<StageEntry>, Gap>,
}

/// The answers read again right before the call: what can have changed, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StageReading {
    /// `GetPipelineState`, for executions that have one.
    State(Result<PipelineState, Gap>),
    /// What stands in for it in PARALLEL mode.
    Parallel {
        /// `GetPipelineExecution`.
        execution: Result<PipelineExecution, Gap>,
        /// `ListActionExecutions` of this execution.
        actions: Result<Vec<ActionExecution>, Gap>,
        /// Executions that have entered the stage.
        entries: Result<Vec<StageEntry>, Gap>,
    },
}

/// Why an answer is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// CodePipeline says that there is no such pipeline.
    PipelineNotFound,
    /// CodePipeline says that there is no such execution.
    ExecutionNotFound,
    /// The caller lacks the right.
    Denied,
    /// CodePipeline asked to slow down.
    Throttled,
    /// CodePipeline did not answer, or not in a way that can be read.
    Unavailable,
    /// Nobody asked.
    NotRead,
}

impl Gap {
    /// In words, to follow "could not be read: ".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PipelineNotFound => "no such pipeline",
            Self::ExecutionNotFound => "no such execution",
            Self::Denied => "access denied",
            Self::Throttled => "throttled",
            Self::Unavailable => "no usable answer",
            Self::NotRead => "not read",
        }
    }
}

/// Answer of `RetryStageExecution`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetryReply {
    /// The stage runs again.
    Accepted,
    /// CodePipeline refused; nothing happened.
    Refused(Refusal),
    /// The request certainly never left; nothing happened.
    NotSent,
    /// It may or may not have happened: time-out, reset, server error, unreadable answer.
    Unknown,
}

/// Why CodePipeline refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// `StageNotRetryableException`.
    NotRetryable,
    /// `NotLatestPipelineExecutionException`.
    NotLatestExecution,
    /// `PipelineNotFoundException`.
    PipelineNotFound,
    /// `StageNotFoundException`.
    StageNotFound,
    /// `ValidationException`.
    Invalid,
    /// Access denied.
    AccessDenied,
    /// `ConflictException`.
    Conflict,
    /// Any spelling of throttling.
    Throttled,
    /// `ConcurrentPipelineExecutionsLimitExceededException`.
    ConcurrencyLimit,
}

impl Refusal {
    /// CodePipeline's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotRetryable => "StageNotRetryableException",
            Self::NotLatestExecution => "NotLatestPipelineExecutionException",
            Self::PipelineNotFound => "PipelineNotFoundException",
            Self::StageNotFound => "StageNotFoundException",
            Self::Invalid => "ValidationException",
            Self::AccessDenied => "AccessDeniedException",
            Self::Conflict => "ConflictException",
            Self::Throttled => "ThrottlingException",
            Self::ConcurrencyLimit => "ConcurrentPipelineExecutionsLimitExceededException",
        }
    }
}
