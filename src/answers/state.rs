//! `get-pipeline-state`.

use super::{AnswerError, each, error_details, execution_kind, read};
use crate::domain::ids::{ActionExecutionId, ActionName, ExecutionId, StageName};
use crate::domain::pipeline::{
    ActionRun, ActionState, ActionStatus, ExecutionStatus, PipelineState, RetryMetadata, StageExecution,
    StageState, Transition,
};
use crate::json::{Fault, Node, Object};

/// Reads the answer of `aws codepipeline get-pipeline-state`.
///
/// The last run of an action has had an `actionExecutionId` since 2020. One that lacks it, or `lastStatusChange`, cannot
/// be told from another run: one that succeeded is taken for no run, and any other is an error, because to overlook a
/// failure or a run in progress is not safe.
pub fn pipeline_state(text: &str) -> Result<PipelineState, AnswerError> {
    read("get-pipeline-state", text, |answer| {
        Ok(PipelineState {
            version: answer.member("pipelineVersion").count()?,
            stages: each(&answer.member("stageStates"), stage)?,
        })
    })
}

fn stage(stage: &Object<'_>) -> Result<StageState, Fault> {
    Ok(StageState {
        name: stage.member("stageName").id(StageName::parse)?,
        latest: optional_object(stage.member("latestExecution"), stage_execution)?,
        transition: optional_object(stage.member("inboundTransitionState"), transition)?
            .unwrap_or(Transition::Enabled),
        actions: each(&stage.member("actionStates"), action)?,
        retries: optional_object(stage.member("retryStageMetadata"), retries)?,
        waiting: is_waited_for(stage)?,
    })
}

/// `inboundExecution` is the older of the two, for the one execution that there can be outside of QUEUED mode.
fn is_waited_for(stage: &Object<'_>) -> Result<bool, Fault> {
    let one = stage.member("inboundExecution").optional().is_some();
    let several = match stage.member("inboundExecutions").optional() {
        Some(_) => !each(&stage.member("inboundExecutions"), |_| Ok(()))?.is_empty(),
        None => false,
    };
    Ok(one || several)
}

fn optional_object<T>(
    node: Node<'_>,
    understand: fn(&Object<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    node.optional().map(|node| understand(&node.object()?)).transpose()
}

fn stage_execution(execution: &Object<'_>) -> Result<StageExecution, Fault> {
    Ok(StageExecution {
        execution: execution.member("pipelineExecutionId").id(ExecutionId::parse)?,
        status: execution.member("status").one_of("status", ExecutionStatus::parse)?,
        kind: execution_kind(execution.member("type"))?,
    })
}

fn transition(transition: &Object<'_>) -> Result<Transition, Fault> {
    Ok(if transition.member("enabled").flag()? { Transition::Enabled } else { Transition::Disabled })
}

fn action(action: &Object<'_>) -> Result<ActionState, Fault> {
    Ok(ActionState {
        name: action.member("actionName").id(ActionName::parse)?,
        latest: optional_object(action.member("latestExecution"), action_run)?.flatten(),
    })
}

fn action_run(run: &Object<'_>) -> Result<Option<ActionRun>, Fault> {
    let status = run.member("status").one_of("action status", ActionStatus::parse)?;
    let id = run.member("actionExecutionId");
    let last_change = run.member("lastStatusChange");
    let is_identified = id.value().is_some() && last_change.value().is_some();
    if status == ActionStatus::Succeeded && !is_identified {
        return Ok(None);
    }
    Ok(Some(ActionRun {
        id: id.id(ActionExecutionId::parse)?,
        status,
        last_change: last_change.instant_or_seconds()?,
        error: error_details(run, "summary")?,
    }))
}

fn retries(metadata: &Object<'_>) -> Result<RetryMetadata, Fault> {
    let count = |name: &str| match metadata.member(name).optional() {
        Some(attempts) => attempts.count(),
        None => Ok(0),
    };
    Ok(RetryMetadata {
        automatic: count("autoStageRetryAttempt")?,
        manual: count("manualStageRetryAttempt")?,
    })
}
