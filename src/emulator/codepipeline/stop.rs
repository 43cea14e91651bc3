//! `StopPipelineExecution`, by waiting for the running actions or by letting them go.

use jiff::Timestamp;

use crate::domain::ids::{ExecutionId, PipelineName};
use crate::domain::pipeline::{ActionStatus, ErrorDetails, ExecutionStatus};

use super::CodePipeline;
use super::error::{Exception, ServiceError};
use super::events::State;
use super::execution::{Place, StageKey};
use super::scene::Scene;

impl CodePipeline {
    /// Stops an execution: after its running actions have ended, or at once with `abandon`, which lets them go.
    ///
    /// Refused with `PipelineNotFound`, `Validation` for an unknown execution, `PipelineExecutionNotStoppable` when
    /// it is not in progress, and `DuplicatedStopRequest` when it is being stopped in the same way.
    pub fn stop_pipeline_execution(
        &mut self,
        now: Timestamp,
        pipeline: &PipelineName,
        execution: &ExecutionId,
        abandon: bool,
        reason: Option<&str>,
    ) -> Result<ExecutionId, ServiceError> {
        let mut scene = self.open(now, pipeline)?;
        scene.check_stop(execution, abandon)?;
        scene.stop(execution, abandon, reason);
        Ok(execution.clone())
    }
}

impl Scene<'_> {
    fn check_stop(&self, id: &ExecutionId, abandon: bool) -> Result<(), ServiceError> {
        let Some(execution) = self.pipeline.executions.get(id) else {
            return Err(ServiceError::validation(format!(
                "Pipeline execution '{id}' does not belong to the pipeline"
            )));
        };
        match execution.status {
            ExecutionStatus::InProgress => Ok(()),
            ExecutionStatus::Stopping if abandon => Ok(()),
            ExecutionStatus::Stopping => Err(ServiceError::new(
                Exception::DuplicatedStopRequest,
                format!("Pipeline execution '{id}' is already stopping"),
            )),
            status => Err(ServiceError::new(
                Exception::PipelineExecutionNotStoppable,
                format!("Pipeline execution '{id}' has status {status}"),
            )),
        }
    }

    fn stop(&mut self, id: &ExecutionId, abandon: bool, reason: Option<&str>) -> Option<()> {
        let execution = self.pipeline.executions.get_mut(id)?;
        let first_request = execution.status == ExecutionStatus::InProgress;
        execution.status = ExecutionStatus::Stopping;
        execution.changed = self.now;
        if let Some(reason) = reason {
            execution.stop_reason = Some(reason.to_owned());
        }
        let place = execution.place.clone();
        if first_request {
            self.tell_pipeline(id, State::Stopping);
        }
        let stage = match place {
            Place::Inside(stage) => stage,
            Place::Waiting(stage) => {
                self.pipeline.row(&stage).waiting.retain(|other| other != id);
                return self.finish(id, ExecutionStatus::Stopped);
            }
            Place::Out => return self.finish(id, ExecutionStatus::Stopped),
        };
        let key = StageKey { execution: id.clone(), stage };
        self.strike_native_retry(&key);
        self.pipeline.stage_run_mut(&key)?.status = ExecutionStatus::Stopping;
        if first_request {
            self.tell_stage(&key, State::Stopping);
        }
        if abandon {
            for run in self.pipeline.current_in(&key, ActionStatus::InProgress) {
                self.close_run(&run, ActionStatus::Abandoned, ErrorDetails::default());
            }
        }
        if self.pipeline.has_current(&key, ActionStatus::InProgress) {
            return Some(());
        }
        self.conclude_stop(&key)
    }

    /// No action of the stopped stage runs any longer.
    pub(super) fn conclude_stop(&mut self, key: &StageKey) -> Option<()> {
        self.pipeline.stage_run_mut(key)?.status = ExecutionStatus::Stopped;
        self.tell_stage(key, State::Stopped);
        self.finish(&key.execution, ExecutionStatus::Stopped);
        self.unlock(key);
        self.admit(&key.stage);
        Some(())
    }
}
