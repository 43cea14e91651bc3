//! What CodePipeline's refusals mean: a gap in what was read, or an answer to a retry.

use aws_sdk_codepipeline::error::SdkError;
use aws_sdk_codepipeline::operation::retry_stage_execution::{
    RetryStageExecutionError, RetryStageExecutionOutput,
};
use aws_sdk_codepipeline::operation::rollback_stage::{RollbackStageError, RollbackStageOutput};
use aws_sdk_codepipeline::types::StageRetryMode;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::aws::certainty::{Cause, cause};
use crate::domain::ids::{ExecutionId, StageRunId};
use crate::domain::pipeline::{Gap, Refusal, RetryReply};
use crate::domain::policy::RetryMode;
use crate::domain::rollback::RollbackReply;

/// Why an answer is missing.
pub(super) fn gap<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Gap {
    match cause(error) {
        Cause::Throttled => Gap::Throttled,
        Cause::AccessDenied | Cause::Credentials => Gap::Denied,
        // The latter is what `ListTagsForResource` says.
        Cause::Refused("PipelineNotFoundException" | "ResourceNotFoundException") => Gap::PipelineNotFound,
        Cause::Refused("PipelineExecutionNotFoundException") => Gap::ExecutionNotFound,
        Cause::Refused(_) | Cause::NotSent | Cause::Unknown => Gap::Unavailable,
    }
}

/// What became of a retry.
///
/// An answer is only believed when it names the execution, and a refusal only when it is one that CodePipeline declares
/// or an account's own; anything else leaves open whether it happened. Credentials that are not accepted are renewed
/// sooner or later, so they count as a request that was not sent.
pub(super) fn of_retry(
    run: &StageRunId,
    answer: &Result<RetryStageExecutionOutput, SdkError<RetryStageExecutionError, HttpResponse>>,
) -> RetryReply {
    let error = match answer {
        Ok(answer) if answer.pipeline_execution_id() == Some(run.execution.as_str()) => {
            return RetryReply::Accepted;
        }
        Ok(_) => return RetryReply::Unknown,
        Err(error) => error,
    };
    match cause(error) {
        Cause::NotSent | Cause::Credentials => RetryReply::NotSent,
        Cause::Throttled => RetryReply::Refused(Refusal::Throttled),
        Cause::AccessDenied => RetryReply::Refused(Refusal::AccessDenied),
        Cause::Refused(code) => {
            let declared = [
                Refusal::NotRetryable,
                Refusal::NotLatestExecution,
                Refusal::PipelineNotFound,
                Refusal::StageNotFound,
                Refusal::Invalid,
                Refusal::Conflict,
                Refusal::ConcurrencyLimit,
            ];
            let refusal = declared.into_iter().find(|refusal| refusal.as_str() == code);
            refusal.map_or(RetryReply::Unknown, RetryReply::Refused)
        }
        Cause::Unknown => RetryReply::Unknown,
    }
}

/// Refusals of `RollbackStage` that CodePipeline declares.
const DECLARED: [&str; 7] = [
    "ConflictException",
    "PipelineExecutionNotFoundException",
    "PipelineExecutionOutdatedException",
    "PipelineNotFoundException",
    "StageNotFoundException",
    "UnableToRollbackStageException",
    "ValidationException",
];

/// What became of a rollback, as little believed as with a retry.
pub(super) fn of_rollback(
    answer: &Result<RollbackStageOutput, SdkError<RollbackStageError, HttpResponse>>,
) -> RollbackReply {
    let error = match answer {
        Ok(answer) => {
            let execution = ExecutionId::parse(answer.pipeline_execution_id());
            return execution.map_or(RollbackReply::Unknown, RollbackReply::Started);
        }
        Err(error) => error,
    };
    match cause(error) {
        Cause::NotSent | Cause::Credentials => RollbackReply::NotSent,
        Cause::Throttled => RollbackReply::Refused("ThrottlingException"),
        Cause::AccessDenied => RollbackReply::Refused("AccessDeniedException"),
        Cause::Refused(code) => {
            let declared = DECLARED.into_iter().find(|declared| *declared == code);
            declared.map_or(RollbackReply::Unknown, RollbackReply::Refused)
        }
        Cause::Unknown => RollbackReply::Unknown,
    }
}

/// CodePipeline's name for the mode.
pub(super) fn retry_mode(mode: RetryMode) -> StageRetryMode {
    match mode {
        RetryMode::FailedActions => StageRetryMode::FailedActions,
        RetryMode::AllActions => StageRetryMode::AllActions,
    }
}
