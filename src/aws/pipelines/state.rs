//! Answers of `GetPipelineState` and `GetPipelineExecution` as the domain's types. An approval's token stays behind: who
//! has it may approve.

use aws_sdk_codepipeline::operation::get_pipeline_execution::GetPipelineExecutionOutput;
use aws_sdk_codepipeline::operation::get_pipeline_state::GetPipelineStateOutput;
use aws_sdk_codepipeline::types;

use super::{Unusable, count, have, instant, optional};
use crate::domain::ids::{ActionExecutionId, ActionName, ExecutionId, StageName};
use crate::domain::pipeline::{
    ActionRun, ActionState, ActionStatus, ErrorDetails, ExecutionKind, ExecutionMode, ExecutionStatus,
    PipelineExecution, PipelineState, RetryMetadata, StageExecution, StageState, Transition,
};
use crate::domain::text::EvidenceText;

/// The state. Entries that may be absent are those that a stage lacks until it has run.
pub(super) fn pipeline_state(answer: &GetPipelineStateOutput) -> Result<PipelineState, Unusable> {
    Ok(PipelineState {
        version: count(have(answer.pipeline_version)?)?,
        stages: have(answer.stage_states.as_deref())?.iter().map(stage).collect::<Result<_, _>>()?,
    })
}

fn stage(stage: &types::StageState) -> Result<StageState, Unusable> {
    Ok(StageState {
        name: StageName::parse(have(stage.stage_name())?)?,
        latest: optional(stage.latest_execution(), stage_execution)?,
        transition: match stage.inbound_transition_state() {
            Some(transition) if !transition.enabled() => Transition::Disabled,
            _ => Transition::Enabled,
        },
        actions: have(stage.action_states.as_deref())?.iter().map(action).collect::<Result<_, _>>()?,
        retries: optional(stage.retry_stage_metadata(), retries)?,
        waiting: stage.inbound_execution().is_some() || !stage.inbound_executions().is_empty(),
    })
}

fn stage_execution(execution: &types::StageExecution) -> Result<StageExecution, Unusable> {
    Ok(StageExecution {
        execution: ExecutionId::parse(execution.pipeline_execution_id())?,
        status: have(ExecutionStatus::parse(execution.status().as_str()))?,
        kind: kind(execution.r#type())?,
    })
}

fn action(action: &types::ActionState) -> Result<ActionState, Unusable> {
    Ok(ActionState {
        name: ActionName::parse(have(action.action_name())?)?,
        latest: optional(action.latest_execution(), action_run)?.flatten(),
    })
}

/// A run without id or time cannot be told from another one: one that succeeded is taken for no run, any other is not
/// usable, because to overlook a failure or a run in progress is not safe.
fn action_run(run: &types::ActionExecution) -> Result<Option<ActionRun>, Unusable> {
    let status = have(run.status().and_then(|status| ActionStatus::parse(status.as_str())))?;
    let (id, last_change) = (run.action_execution_id(), run.last_status_change());
    if status == ActionStatus::Succeeded && (id.is_none() || last_change.is_none()) {
        return Ok(None);
    }
    Ok(Some(ActionRun {
        id: ActionExecutionId::parse(have(id)?)?,
        status,
        last_change: instant(have(last_change)?)?,
        error: error_details(run.error_details(), run.summary()),
    }))
}

fn retries(metadata: &types::RetryStageMetadata) -> Result<RetryMetadata, Unusable> {
    Ok(RetryMetadata {
        automatic: count(metadata.auto_stage_retry_attempt().unwrap_or_default())?,
        manual: count(metadata.manual_stage_retry_attempt().unwrap_or_default())?,
    })
}

/// How an execution stands.
pub(super) fn pipeline_execution(answer: &GetPipelineExecutionOutput) -> Result<PipelineExecution, Unusable> {
    let execution = have(answer.pipeline_execution())?;
    Ok(PipelineExecution {
        status: have(execution.status().and_then(|status| ExecutionStatus::parse(status.as_str())))?,
        kind: kind(execution.execution_type())?,
        version: count(have(execution.pipeline_version())?)?,
        mode: mode(execution.execution_mode())?,
    })
}

/// Absent in answers that are older than the modes, when there was but one.
pub(super) fn mode(mode: Option<&types::ExecutionMode>) -> Result<ExecutionMode, Unusable> {
    match mode {
        None | Some(types::ExecutionMode::Superseded) => Ok(ExecutionMode::Superseded),
        Some(types::ExecutionMode::Queued) => Ok(ExecutionMode::Queued),
        Some(types::ExecutionMode::Parallel) => Ok(ExecutionMode::Parallel),
        Some(_) => Err(Unusable),
    }
}

/// Absent in answers that are older than rollback.
fn kind(kind: Option<&types::ExecutionType>) -> Result<ExecutionKind, Unusable> {
    match kind {
        None | Some(types::ExecutionType::Standard) => Ok(ExecutionKind::Standard),
        Some(types::ExecutionType::Rollback) => Ok(ExecutionKind::Rollback),
        Some(_) => Err(Unusable),
    }
}

/// Error and summary of a run, both of which may be absent.
pub(super) fn error_details(error: Option<&types::ErrorDetails>, summary: Option<&str>) -> ErrorDetails {
    ErrorDetails {
        code: error.and_then(types::ErrorDetails::code).map(str::to_owned),
        message: EvidenceText::new(error.and_then(types::ErrorDetails::message).unwrap_or_default()),
        summary: EvidenceText::new(summary.unwrap_or_default()),
    }
}
