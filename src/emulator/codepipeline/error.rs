//! The exceptions of the API, by their real names.

use std::fmt;

use crate::domain::ids::{ActionName, ExecutionId, InvalidId, PipelineName, StageName};
use crate::domain::pipeline::Refusal;

/// Which exception it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the API's own names, less the ending `Exception`")]
pub enum Exception {
    AccessDenied,
    ActionNotFound,
    ApprovalAlreadyCompleted,
    ConcurrentPipelineExecutionsLimitExceeded,
    Conflict,
    DuplicatedStopRequest,
    InvalidActionDeclaration,
    InvalidApprovalToken,
    InvalidStageDeclaration,
    InvalidStructure,
    NotLatestPipelineExecution,
    PipelineExecutionNotFound,
    PipelineExecutionNotStoppable,
    PipelineExecutionOutdated,
    PipelineNameInUse,
    PipelineNotFound,
    PipelineVersionNotFound,
    StageNotFound,
    StageNotRetryable,
    Throttling,
    UnableToRollbackStage,
    Validation,
}

impl Exception {
    /// The API's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::ActionNotFound => "ActionNotFoundException",
            Self::ApprovalAlreadyCompleted => "ApprovalAlreadyCompletedException",
            Self::ConcurrentPipelineExecutionsLimitExceeded => {
                "ConcurrentPipelineExecutionsLimitExceededException"
            }
            Self::Conflict => "ConflictException",
            Self::DuplicatedStopRequest => "DuplicatedStopRequestException",
            Self::InvalidActionDeclaration => "InvalidActionDeclarationException",
            Self::InvalidApprovalToken => "InvalidApprovalTokenException",
            Self::InvalidStageDeclaration => "InvalidStageDeclarationException",
            Self::InvalidStructure => "InvalidStructureException",
            Self::NotLatestPipelineExecution => "NotLatestPipelineExecutionException",
            Self::PipelineExecutionNotFound => "PipelineExecutionNotFoundException",
            Self::PipelineExecutionNotStoppable => "PipelineExecutionNotStoppableException",
            Self::PipelineExecutionOutdated => "PipelineExecutionOutdatedException",
            Self::PipelineNameInUse => "PipelineNameInUseException",
            Self::PipelineNotFound => "PipelineNotFoundException",
            Self::PipelineVersionNotFound => "PipelineVersionNotFoundException",
            Self::StageNotFound => "StageNotFoundException",
            Self::StageNotRetryable => "StageNotRetryableException",
            Self::Throttling => "ThrottlingException",
            Self::UnableToRollbackStage => "UnableToRollbackStageException",
            Self::Validation => "ValidationException",
        }
    }

    /// The refusal of a retry that it means, if `RetryStageExecution` can answer so.
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::AccessDenied => Some(Refusal::AccessDenied),
            Self::ConcurrentPipelineExecutionsLimitExceeded => Some(Refusal::ConcurrencyLimit),
            Self::Conflict => Some(Refusal::Conflict),
            Self::NotLatestPipelineExecution => Some(Refusal::NotLatestExecution),
            Self::PipelineNotFound => Some(Refusal::PipelineNotFound),
            Self::StageNotFound => Some(Refusal::StageNotFound),
            Self::StageNotRetryable => Some(Refusal::NotRetryable),
            Self::Throttling => Some(Refusal::Throttled),
            Self::Validation => Some(Refusal::Invalid),
            _ => None,
        }
    }
}

/// An exception with its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// Which one.
    pub exception: Exception,
    /// What the service says to it.
    pub message: String,
}

impl ServiceError {
    /// An exception with a message.
    pub fn new(exception: Exception, message: impl Into<String>) -> Self {
        Self { exception, message: message.into() }
    }

    pub(super) fn pipeline_not_found(name: &PipelineName) -> Self {
        Self::new(Exception::PipelineNotFound, format!("Pipeline '{name}' does not exist"))
    }

    pub(super) fn stage_not_found(pipeline: &PipelineName, stage: &StageName) -> Self {
        Self::new(Exception::StageNotFound, format!("Pipeline '{pipeline}' does not have a stage '{stage}'"))
    }

    pub(super) fn action_not_found(stage: &StageName, action: &ActionName) -> Self {
        Self::new(Exception::ActionNotFound, format!("Stage '{stage}' does not have an action '{action}'"))
    }

    pub(super) fn execution_not_found(pipeline: &PipelineName, id: &ExecutionId) -> Self {
        Self::new(
            Exception::PipelineExecutionNotFound,
            format!("Pipeline '{pipeline}' does not have an execution '{id}'"),
        )
    }

    pub(super) fn not_retryable(why: &str) -> Self {
        Self::new(Exception::StageNotRetryable, format!("Unable to retry. {why}"))
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(Exception::Validation, message)
    }
}

impl From<InvalidId> for ServiceError {
    fn from(error: InvalidId) -> Self {
        Self::validation(error.to_string())
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.exception.as_str(), self.message)
    }
}

impl std::error::Error for ServiceError {}
