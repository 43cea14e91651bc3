//! `RollbackStage`: a new execution that brings a stage back to what an earlier one left there.

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{ExecutionId, PipelineName, StageName};
use crate::domain::pipeline::{ExecutionKind, ExecutionMode, ExecutionStatus};

use super::CodePipeline;
use super::definition::PipelineType;
use super::error::{Exception, ServiceError};
use super::execution::{Execution, StageKey, TriggerType};
use super::pipeline::Pipeline;
use super::scene::Scene;

/// Time that CodePipeline keeps history (User Guide, *Quotas*: 12 months).
const HISTORY: SignedDuration = SignedDuration::from_hours(365 * 24);

/// One call of `RollbackStage`, accepted or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackCall {
    /// When it came.
    pub at: Timestamp,
    /// Who called, in the caller's own words.
    pub caller: String,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// The stage.
    pub stage: StageName,
    /// The execution whose success was to be brought back.
    pub target: ExecutionId,
    /// The execution that it runs as.
    pub outcome: Result<ExecutionId, ServiceError>,
}

impl CodePipeline {
    /// Starts an execution of kind Rollback, which runs this stage only.
    ///
    /// Refused with `PipelineNotFound`, `StageNotFound`, `PipelineExecutionNotFound`, `PipelineExecutionOutdated` when
    /// the target is older than the history, and `UnableToRollbackStage`: V1, PARALLEL, the source stage, a stage in
    /// progress, a target of another structure version, of kind Rollback, or that did not succeed in the stage. `caller` is
    /// for [`Self::rollback_calls`] only.
    pub fn rollback_stage(
        &mut self,
        now: Timestamp,
        caller: &str,
        pipeline: &PipelineName,
        stage: &StageName,
        target: &ExecutionId,
    ) -> Result<ExecutionId, ServiceError> {
        let outcome = self.open(now, pipeline).and_then(|mut scene| {
            scene.check_rollback(stage, target)?;
            Ok(scene.roll_back(stage, target.clone(), TriggerType::ManualRollback))
        });
        self.rollback_calls.push(RollbackCall {
            at: self.shared.now(),
            caller: caller.to_owned(),
            pipeline: pipeline.clone(),
            stage: stage.clone(),
            target: target.clone(),
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Every call of `RollbackStage` so far, oldest first.
    pub fn rollback_calls(&self) -> &[RollbackCall] {
        &self.rollback_calls
    }
}

impl CodePipeline {
    /// The newest execution of kind Standard that succeeded in the stage, whatever structure it had.
    pub fn last_success(
        &self,
        pipeline: &PipelineName,
        stage: &StageName,
    ) -> Result<Option<ExecutionId>, ServiceError> {
        let executions = self.pipeline(pipeline)?.executions.values();
        let succeeded = executions.filter(|execution| {
            execution.kind == ExecutionKind::Standard
                && execution.stages.get(stage).is_some_and(|run| run.status == ExecutionStatus::Succeeded)
        });
        Ok(succeeded.max_by_key(|execution| execution.number).map(|execution| execution.id.clone()))
    }
}

impl Scene<'_> {
    fn check_rollback(&self, stage: &StageName, target: &ExecutionId) -> Result<(), ServiceError> {
        let definition = &self.pipeline.structure.definition;
        self.pipeline.stage(stage)?;
        let unable = |why: &str| {
            let message = format!("Unable to roll back stage '{stage}': {why}");
            Err(ServiceError::new(Exception::UnableToRollbackStage, message))
        };
        if definition.pipeline_type == PipelineType::V1 {
            return unable("the pipeline type is V1");
        }
        if definition.mode == ExecutionMode::Parallel {
            return unable("the execution mode is PARALLEL");
        }
        if definition.stages.first().is_some_and(|first| first.name == *stage) {
            return unable("it is the source stage");
        }
        let Some(execution) = self.pipeline.executions.get(target) else {
            return Err(ServiceError::execution_not_found(self.pipeline.name(), target));
        };
        if self.now.duration_since(execution.started) > HISTORY {
            return Err(ServiceError::new(
                Exception::PipelineExecutionOutdated,
                format!("Pipeline execution '{target}' is outdated"),
            ));
        }
        if !self.pipeline.is_rollback_target(execution, stage) {
            return unable("the target has not succeeded in it, or with another structure");
        }
        let occupied = self.pipeline.rows.get(stage).is_some_and(|row| row.occupant.is_some());
        if occupied {
            return unable("it is in progress");
        }
        Ok(())
    }

    /// Starts the rollback. It takes the stage at once, whoever waits and whether or not entry is open.
    pub(super) fn roll_back(
        &mut self,
        stage: &StageName,
        target: ExecutionId,
        trigger: TriggerType,
    ) -> ExecutionId {
        let id = self.begin(trigger, Some(target));
        self.enter(&StageKey { execution: id.clone(), stage: stage.clone() });
        id
    }
}

impl Pipeline {
    /// The newest execution that a rollback of the stage could bring back.
    pub(super) fn last_succeeded(&self, stage: &StageName) -> Option<ExecutionId> {
        let all = self.executions.values();
        all.filter(|execution| self.is_rollback_target(execution, stage))
            .max_by_key(|execution| execution.number)
            .map(|execution| execution.id.clone())
    }

    fn is_rollback_target(&self, execution: &Execution, stage: &StageName) -> bool {
        let run = execution.stages.get(stage);
        execution.kind == ExecutionKind::Standard
            && execution.structure.version == self.structure.version
            && run.is_some_and(|run| run.status == ExecutionStatus::Succeeded)
    }
}
