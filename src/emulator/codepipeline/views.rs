//! What the API answers beyond the domain's types, for faces that show all of it.

use jiff::Timestamp;

use crate::domain::ids::{ActionExecutionId, ActionName, ExecutionId, PipelineName, StageName};
use crate::domain::pipeline::{ActionExecution, ActionStatus, ExecutionKind, ExecutionMode, ExecutionStatus};

use super::CodePipeline;
use super::answers::action_execution;
use super::definition::PipelineDefinition;
use super::error::{Exception, ServiceError};
use super::execution::{ActionRecord, Execution, RetryTrigger, TriggerType};
use super::pipeline::Pipeline;

/// One entry of `ListPipelineExecutions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionSummary {
    /// Id.
    pub id: ExecutionId,
    /// How it stands.
    pub status: ExecutionStatus,
    /// Why it exists.
    pub kind: ExecutionKind,
    /// Execution mode it started with.
    pub mode: ExecutionMode,
    /// Structure version it started with.
    pub version: u32,
    /// When it started.
    pub started: Timestamp,
    /// When its status last changed.
    pub last_change: Timestamp,
    /// What started it.
    pub trigger: TriggerType,
    /// The execution that a rollback brings back.
    pub rollback_target: Option<ExecutionId>,
    /// The reason given for a stop.
    pub stop_reason: Option<String>,
}

/// One entry of `ListActionExecutions`, with what only its wire format has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionDetail {
    /// The run.
    pub run: ActionExecution,
    /// Structure version that it ran with.
    pub version: u32,
    /// What answers it, while it is an approval that waits for its answer.
    pub token: Option<String>,
}

/// A run of an action in a list, before anything is told of it: lists are long, and their pages short.
#[derive(Debug, Clone, Copy)]
pub struct ActionRun<'a> {
    pipeline: &'a Pipeline,
    record: &'a ActionRecord,
}

impl<'a> ActionRun<'a> {
    /// Its id.
    pub fn id(&self) -> &'a ActionExecutionId {
        &self.record.id
    }

    /// Which action of which stage it is a run of.
    pub fn action(&self) -> (&'a StageName, &'a ActionName) {
        (&self.record.key.stage, &self.record.action)
    }

    /// All of it.
    pub fn detail(&self) -> ActionDetail {
        self.pipeline.detail(self.record)
    }
}

/// `inboundTransitionState`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransitionState {
    /// Executions may enter.
    Enabled,
    /// A person closed the entry.
    Disabled {
        /// Why.
        reason: String,
        /// When.
        since: Timestamp,
    },
}

impl CodePipeline {
    /// `ListPipelineExecutions`, newest first. Refused with `PipelineNotFound`.
    pub fn list_executions(&self, name: &PipelineName) -> Result<Vec<ExecutionSummary>, ServiceError> {
        let executions = self.pipeline(name)?.by_age();
        Ok(executions.into_iter().rev().map(summary).collect())
    }

    /// Whether an execution has succeeded in a stage. Refused with `PipelineNotFound`.
    pub fn has_succeeded_in(
        &self,
        name: &PipelineName,
        execution: &ExecutionId,
        stage: &StageName,
    ) -> Result<bool, ServiceError> {
        let execution = self.pipeline(name)?.executions.get(execution);
        let run = execution.and_then(|execution| execution.stages.get(stage));
        Ok(run.is_some_and(|run| run.status == ExecutionStatus::Succeeded))
    }

    /// Every run of every action, of one execution or of all, newest first.
    ///
    /// Refused with `PipelineNotFound`, `PipelineExecutionNotFound`.
    pub fn action_runs(
        &self,
        name: &PipelineName,
        execution: Option<&ExecutionId>,
    ) -> Result<Vec<ActionRun<'_>>, ServiceError> {
        let pipeline = self.pipeline(name)?;
        if let Some(execution) = execution {
            pipeline.execution(execution)?;
        }
        let mut runs: Vec<ActionRun<'_>> = pipeline
            .runs
            .values()
            .filter(|record| execution.is_none_or(|execution| record.key.execution == *execution))
            .map(|record| ActionRun { pipeline, record })
            .collect();
        runs.sort_unstable_by_key(|run| std::cmp::Reverse(run.record.number));
        Ok(runs)
    }

    /// One run of an action; none if there is no such run. Refused with `PipelineNotFound`.
    pub fn action_detail(
        &self,
        name: &PipelineName,
        run: &ActionExecutionId,
    ) -> Result<Option<ActionDetail>, ServiceError> {
        let pipeline = self.pipeline(name)?;
        Ok(pipeline.runs.get(run).map(|record| pipeline.detail(record)))
    }

    /// The definition of a version, or of the one in force, with its number.
    ///
    /// Refused with `PipelineNotFound`, `PipelineVersionNotFound`.
    pub fn definition(
        &self,
        name: &PipelineName,
        version: Option<u32>,
    ) -> Result<(u32, &PipelineDefinition), ServiceError> {
        let pipeline = self.pipeline(name)?;
        let version = version.unwrap_or(pipeline.structure.version);
        let structure = pipeline.versions.get(&version).ok_or_else(|| {
            ServiceError::new(
                Exception::PipelineVersionNotFound,
                format!("Pipeline '{name}' does not have a version {version}"),
            )
        })?;
        Ok((version, &structure.definition))
    }

    /// When the pipeline was created and last updated. Refused with `PipelineNotFound`.
    pub fn created_and_updated(&self, name: &PipelineName) -> Result<(Timestamp, Timestamp), ServiceError> {
        let pipeline = self.pipeline(name)?;
        Ok((pipeline.created, pipeline.updated))
    }

    /// The executions before the entry to a stage, in order of arrival. Refused with `PipelineNotFound`, `StageNotFound`.
    pub fn inbound_executions(
        &self,
        name: &PipelineName,
        stage: &StageName,
    ) -> Result<Vec<ExecutionId>, ServiceError> {
        let pipeline = self.pipeline(name)?;
        pipeline.stage(stage)?;
        let row = pipeline.rows.get(stage);
        Ok(row.map(|row| row.waiting.clone()).unwrap_or_default())
    }

    /// Whether the entry to a stage is open. Refused with `PipelineNotFound`, `StageNotFound`.
    pub fn transition_state(
        &self,
        name: &PipelineName,
        stage: &StageName,
    ) -> Result<TransitionState, ServiceError> {
        let pipeline = self.pipeline(name)?;
        pipeline.stage(stage)?;
        let closed = pipeline.rows.get(stage).and_then(|row| row.closed.clone());
        Ok(match closed {
            Some((reason, since)) => TransitionState::Disabled { reason, since },
            None => TransitionState::Enabled,
        })
    }

    /// Who last retried the stage for the execution that was last in it. Refused with `PipelineNotFound`.
    pub fn latest_retry_trigger(
        &self,
        name: &PipelineName,
        stage: &StageName,
    ) -> Result<Option<RetryTrigger>, ServiceError> {
        let latest = self.pipeline(name)?.latest_run(stage);
        Ok(latest.and_then(|(_, run)| run.last_trigger))
    }

    /// What the provider calls a run of an action; approvals and unknown runs have no such id.
    pub fn external_execution_id(
        &self,
        name: &PipelineName,
        run: &ActionExecutionId,
    ) -> Result<Option<&str>, ServiceError> {
        let record = self.pipeline(name)?.runs.get(run);
        Ok(record.and_then(|record| record.external_id.as_deref()))
    }
}

impl Pipeline {
    fn detail(&self, record: &ActionRecord) -> ActionDetail {
        let execution = self.executions.get(&record.key.execution);
        let waits = record.status == ActionStatus::InProgress;
        ActionDetail {
            run: action_execution(record),
            version: execution.map_or(self.structure.version, |execution| execution.structure.version),
            token: record.token.clone().filter(|_| waits),
        }
    }
}

pub(super) fn summary(execution: &Execution) -> ExecutionSummary {
    ExecutionSummary {
        id: execution.id.clone(),
        status: execution.status,
        kind: execution.kind,
        mode: execution.mode(),
        version: execution.structure.version,
        started: execution.started,
        last_change: execution.changed,
        trigger: execution.trigger,
        rollback_target: execution.rollback_target.clone(),
        stop_reason: execution.stop_reason.clone(),
    }
}
