//! `RetryStageExecution`: when it is refused, and the record of every call.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::ids::{ActionExecutionId, ExecutionId, PipelineName, StageName};
use crate::domain::pipeline::{ActionStatus, ExecutionStatus};
use crate::domain::policy::RetryMode;

use super::CodePipeline;
use super::error::{Exception, ServiceError};
use super::execution::{Execution, RetryTrigger, StageKey};
use super::identity::is_uuid;
use super::scene::Scene;

/// One call of `RetryStageExecution`, accepted or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryCall {
    /// When it came.
    pub at: Timestamp,
    /// Who called, in the caller's own words.
    pub caller: String,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// The stage.
    pub stage: StageName,
    /// The execution.
    pub execution: ExecutionId,
    /// Which actions were to run again.
    pub mode: RetryMode,
    /// How it was answered.
    pub outcome: Result<(), ServiceError>,
    /// The failed runs of actions that it answered; none if it was refused.
    pub answered: BTreeSet<ActionExecutionId>,
}

impl CodePipeline {
    /// Runs the failed actions of a stage, or all of them, again in the same execution, whose id is returned.
    ///
    /// Refused with `Validation`, `PipelineNotFound`, `StageNotFound`, `NotLatestPipelineExecution`,
    /// `StageNotRetryable` and `ConcurrentPipelineExecutionsLimitExceeded` (API reference), and with whatever
    /// [`Self::refuse_next_retry`] planned. `caller` is for [`Self::retry_calls`] only.
    pub fn retry_stage_execution(
        &mut self,
        now: Timestamp,
        caller: &str,
        pipeline: &PipelineName,
        stage: &StageName,
        execution: &ExecutionId,
        mode: RetryMode,
    ) -> Result<ExecutionId, ServiceError> {
        self.advance(now);
        let key = StageKey { execution: execution.clone(), stage: stage.clone() };
        let answer = match self.planned_refusals.pop_front() {
            Some(refusal) => Err(refusal),
            None => self.open(now, pipeline).and_then(|mut scene| scene.retry(&key, mode)),
        };
        let (outcome, answered) = match answer {
            Ok(answered) => (Ok(()), answered),
            Err(error) => (Err(error), BTreeSet::new()),
        };
        self.retry_calls.push(RetryCall {
            at: self.shared.now(),
            caller: caller.to_owned(),
            pipeline: pipeline.clone(),
            stage: stage.clone(),
            execution: execution.clone(),
            mode,
            outcome: outcome.clone(),
            answered,
        });
        outcome.map(|()| execution.clone())
    }

    /// Refuses the next call of `RetryStageExecution` that no earlier plan refuses, whatever it asks, and does nothing.
    pub fn refuse_next_retry(&mut self, refusal: ServiceError) {
        self.planned_refusals.push_back(refusal);
    }

    /// Every call of `RetryStageExecution` so far, oldest first.
    pub fn retry_calls(&self) -> &[RetryCall] {
        &self.retry_calls
    }
}

impl Scene<'_> {
    /// Retries by hand; answers which failed runs were retried.
    fn retry(
        &mut self,
        key: &StageKey,
        mode: RetryMode,
    ) -> Result<BTreeSet<ActionExecutionId>, ServiceError> {
        self.check_retry(key, mode)?;
        let answered = self.pipeline.current_in(key, ActionStatus::Failed);
        self.run_again(key, mode, RetryTrigger::ManualStageRetry);
        Ok(answered.into_iter().collect())
    }

    fn check_retry(&self, key: &StageKey, mode: RetryMode) -> Result<(), ServiceError> {
        self.pipeline.stage(&key.stage)?;
        let execution = self.retryable_execution(key)?;
        let refuse = |why| Err(ServiceError::not_retryable(why));
        if execution.structure.version != self.pipeline.structure.version {
            return refuse("The pipeline structure has changed since the execution started.");
        }
        let run = execution.stages.get(&key.stage);
        if run.is_none_or(|run| run.status != ExecutionStatus::Failed) {
            return refuse("The stage has not failed, or runs again already.");
        }
        if !self.pipeline.has_current(key, ActionStatus::Failed) {
            return refuse("The stage contains no failed actions.");
        }
        if self.native_retry_to_come(key).is_some() {
            return refuse("Another retry attempt in the stage is already in progress.");
        }
        let still_runs = self.pipeline.has_current(key, ActionStatus::InProgress);
        if mode == RetryMode::AllActions && still_runs {
            return refuse("The stage has actions in progress.");
        }
        if execution.is_active() {
            return Ok(());
        }
        self.check_limit(execution.mode())
    }

    /// The execution, if it is the one that may be retried in the stage.
    fn retryable_execution(&self, key: &StageKey) -> Result<&Execution, ServiceError> {
        let id = &key.execution;
        if !is_uuid(id.as_str()) {
            return Err(ServiceError::validation(format!(
                "Value '{id}' at 'pipelineExecutionId' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: \
                 [0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}"
            )));
        }
        let Some(execution) = self.pipeline.executions.get(id) else {
            return Err(ServiceError::validation(format!(
                "Pipeline execution '{id}' does not belong to the pipeline"
            )));
        };
        if matches!(execution.status, ExecutionStatus::Stopping | ExecutionStatus::Stopped) {
            return Err(ServiceError::not_retryable("The execution was stopped."));
        }
        let row = self.pipeline.rows.get(&key.stage);
        let latest = row.and_then(|row| row.latest.as_ref());
        let entered = execution.stages.contains_key(&key.stage);
        if entered && !execution.is_parallel() && latest != Some(id) {
            return Err(ServiceError::new(
                Exception::NotLatestPipelineExecution,
                format!(
                    "Pipeline execution '{id}' is out of date: \
                     a later one has entered stage '{}'",
                    key.stage
                ),
            ));
        }
        Ok(execution)
    }
}
