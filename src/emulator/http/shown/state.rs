//! The answer of `GetPipelineState`.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::{Members, epoch_seconds, error_details, execution_type, not_empty, root};
use crate::domain::ids::{ExecutionId, PipelineName, StageName};
use crate::domain::pipeline::{
    ActionRun, ActionState, ActionStatus, ExecutionStatus, RetryMetadata, StageExecution, StageState,
};
use crate::emulator::codepipeline::{
    ActionDetail, BeforeEntry, CodePipeline, OnSuccess, RetryTrigger, StageDefinition, TransitionState,
};
use crate::emulator::world::Place;

/// The state of a pipeline.
pub fn state(service: &CodePipeline, place: &Place, name: &PipelineName) -> Result<Value, ApiError> {
    let state = service.pipeline_state(name)?;
    let (_, definition) = service.definition(name, None)?;
    let (created, updated) = service.created_and_updated(name)?;
    let stages: Result<Vec<Value>, ApiError> = state
        .stages
        .iter()
        .zip(&definition.stages)
        .map(|(stage, definition)| {
            Stage { service, place, pipeline: name, state: stage, definition }.document()
        })
        .collect();
    Ok(json!({
        "pipelineName": name.as_str(),
        "pipelineVersion": state.version,
        "stageStates": stages?,
        "created": epoch_seconds(created),
        "updated": epoch_seconds(updated),
    }))
}

/// A stage, and where more is known of it.
struct Stage<'a> {
    service: &'a CodePipeline,
    place: &'a Place,
    pipeline: &'a PipelineName,
    state: &'a StageState,
    definition: &'a StageDefinition,
}

impl Stage<'_> {
    fn document(&self) -> Result<Value, ApiError> {
        let name = &self.state.name;
        let inbound = self.inbound(name)?;
        let mut shown = Members::new();
        shown.put("stageName", name.as_str());
        shown.put_some("inboundExecution", inbound.first().cloned());
        shown.put("inboundExecutions", inbound);
        shown.put("inboundTransitionState", self.transition(name)?);
        let actions: Result<Vec<Value>, ApiError> =
            self.state.actions.iter().map(|action| self.action(action)).collect();
        shown.put("actionStates", actions?);
        shown.put_some("latestExecution", self.state.latest.as_ref().map(stage_execution));
        self.conditions(&mut shown);
        if let Some(retries) = self.state.retries {
            shown.put("retryStageMetadata", self.retries(retries)?);
        }
        Ok(shown.document())
    }

    /// The executions before the entry.
    fn inbound(&self, name: &StageName) -> Result<Vec<Value>, ApiError> {
        let waiting = self.service.inbound_executions(self.pipeline, name)?;
        waiting.iter().map(|id| self.waiting(id)).collect()
    }

    fn waiting(&self, id: &ExecutionId) -> Result<Value, ApiError> {
        let execution = self.service.pipeline_execution(self.pipeline, id)?;
        Ok(stage_execution(&StageExecution {
            execution: id.clone(),
            status: ExecutionStatus::InProgress,
            kind: execution.kind,
        }))
    }

    fn transition(&self, name: &StageName) -> Result<Value, ApiError> {
        Ok(match self.service.transition_state(self.pipeline, name)? {
            TransitionState::Enabled => json!({ "enabled": true }),
            TransitionState::Disabled { reason, since } => json!({
                "enabled": false,
                "lastChangedBy": root(self.place),
                "lastChangedAt": epoch_seconds(since),
                "disabledReason": reason,
            }),
        })
    }

    fn action(&self, action: &ActionState) -> Result<Value, ApiError> {
        let mut shown = Members::new();
        shown.put("actionName", action.name.as_str());
        if let Some(run) = &action.latest {
            let detail = self.service.action_detail(self.pipeline, &run.id)?;
            shown.put("latestExecution", action_run(run, detail.as_ref()));
        }
        Ok(shown.document())
    }

    /// What became of the stage's conditions, where they were of any consequence.
    fn conditions(&self, shown: &mut Members) {
        let Some(latest) = &self.state.latest else { return };
        let runs = || self.state.actions.iter().filter_map(|action| action.latest.as_ref());
        let failed = || json!({ "latestExecution": { "status": "Failed" }, "conditionStates": [] });
        let is_failed = latest.status == ExecutionStatus::Failed;
        match self.definition.before_entry {
            BeforeEntry::Fail if is_failed => shown.put("beforeEntryConditionState", failed()),
            BeforeEntry::Skip if latest.status == ExecutionStatus::Skipped => {
                shown.put("beforeEntryConditionState", failed());
            }
            _ => {}
        }
        let has_passed = runs().next().is_some() && runs().all(|run| run.status == ActionStatus::Succeeded);
        if self.definition.on_success == OnSuccess::Fail && is_failed && has_passed {
            shown.put("onSuccessConditionState", failed());
        }
    }

    /// Counts start at 1 in the service model, so one of 0 is left out.
    fn retries(&self, retries: RetryMetadata) -> Result<Value, ApiError> {
        let at_least_one = |count: u32| (count > 0).then_some(count);
        let mut shown = Members::new();
        shown.put_some("autoStageRetryAttempt", at_least_one(retries.automatic));
        shown.put_some("manualStageRetryAttempt", at_least_one(retries.manual));
        let trigger = self.service.latest_retry_trigger(self.pipeline, &self.state.name)?;
        shown.put_some("latestRetryTrigger", trigger.map(RetryTrigger::as_str));
        Ok(shown.document())
    }
}

fn stage_execution(execution: &StageExecution) -> Value {
    json!({
        "pipelineExecutionId": execution.execution.as_str(),
        "status": execution.status.as_str(),
        "type": execution_type(execution.kind),
    })
}

fn action_run(run: &ActionRun, detail: Option<&ActionDetail>) -> Value {
    let mut shown = Members::new();
    shown.put("actionExecutionId", run.id.as_str());
    shown.put("status", run.status.as_str());
    shown.put_some("summary", not_empty(run.error.summary.expose()));
    shown.put("lastStatusChange", epoch_seconds(run.last_change));
    shown.put_some("token", detail.and_then(|detail| detail.token.as_deref()));
    shown.put_some("externalExecutionId", detail.and_then(|detail| detail.run.external_id.as_deref()));
    shown.put_some("errorDetails", error_details(&run.error));
    shown.document()
}
