//! `CreatePipeline`, `UpdatePipeline`, `DeletePipeline`, and what an edit does to executions on their way.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::ids::PipelineName;
use crate::domain::pipeline::{ActionStatus, ExecutionStatus};

use super::CodePipeline;
use super::definition::PipelineDefinition;
use super::error::{Exception, ServiceError};
use super::events::State;
use super::execution::{Place, StageKey, Structure};
use super::pipeline::Pipeline;
use super::scene::Scene;

impl CodePipeline {
    /// Creates a pipeline at version 1. Unlike the console, and the real operation, it starts no execution.
    ///
    /// Refused with `PipelineNameInUse`, `InvalidStructure`, `InvalidStageDeclaration`, `InvalidActionDeclaration`.
    pub fn create_pipeline(
        &mut self,
        now: Timestamp,
        definition: PipelineDefinition,
    ) -> Result<(), ServiceError> {
        self.advance(now);
        definition.check()?;
        let name = definition.name.clone();
        if self.pipelines.contains_key(&name) {
            return Err(ServiceError::new(
                Exception::PipelineNameInUse,
                format!("A pipeline with the name '{name}' already exists"),
            ));
        }
        let pipeline = Pipeline::new(self.shared.now(), definition);
        self.pipelines.insert(name, pipeline);
        Ok(())
    }

    /// Gives the pipeline another structure and answers its version.
    ///
    /// Executions on their way end as soon as no action of theirs runs, and failed stages can no longer be retried.
    /// PARALLEL executions go on with the structure they started with (User Guide, *Edit a pipeline*). Tags stay as they
    /// are: `UpdatePipeline` takes none.
    /// Refused with `PipelineNotFound` and as in [`Self::create_pipeline`].
    pub fn update_pipeline(
        &mut self,
        now: Timestamp,
        mut definition: PipelineDefinition,
    ) -> Result<u32, ServiceError> {
        let mut scene = self.open(now, &definition.name)?;
        definition.check()?;
        definition.tags.clone_from(&scene.pipeline.structure.definition.tags);
        let version = scene.pipeline.structure.version + 1;
        let structure = Arc::new(Structure { version, definition });
        let pipeline = &mut *scene.pipeline;
        pipeline.versions.insert(version, Arc::clone(&structure));
        pipeline.structure = structure;
        pipeline.updated = scene.now;
        scene.end_for_edit();
        Ok(version)
    }

    /// Deletes a pipeline with all that runs in it, without an event. One that does not exist is deleted already.
    pub fn delete_pipeline(&mut self, now: Timestamp, name: &PipelineName) {
        self.advance(now);
        self.pipelines.remove(name);
        self.shared.agenda.strike_pipeline(name);
    }
}

impl Scene<'_> {
    /// Ends the executions that an edit ends: at once where no action runs, else after the running ones.
    fn end_for_edit(&mut self) {
        let concerned: Vec<_> = self
            .pipeline
            .by_age()
            .into_iter()
            .filter(|execution| !execution.is_parallel() && execution.place != Place::Out)
            .map(|execution| (execution.id.clone(), execution.place.clone()))
            .collect();
        // Marked first, so that none enters the stage that another one leaves.
        for (id, place) in &concerned {
            if let Some(execution) = self.pipeline.executions.get_mut(id) {
                execution.edited = true;
            }
            if let Place::Waiting(stage) = place {
                self.pipeline.row(stage).waiting.retain(|other| other != id);
                self.finish(id, self.status_after_edit());
            }
        }
        for (execution, place) in concerned {
            if let Place::Inside(stage) = place {
                self.end_inside_for_edit(&StageKey { execution, stage });
            }
        }
    }

    fn end_inside_for_edit(&mut self, key: &StageKey) -> Option<()> {
        self.strike_native_retry(key);
        if self.pipeline.has_current(key, ActionStatus::InProgress) {
            return Some(());
        }
        if self.pipeline.executions.get(&key.execution)?.is_active() {
            return self.conclude_edit(key);
        }
        // It had failed and its own retry was to come: nothing is left to end but its hold on the stage.
        self.pipeline.executions.get_mut(&key.execution)?.place = Place::Out;
        self.unlock(key);
        self.admit(&key.stage);
        Some(())
    }

    /// No action runs any longer in the stage of an execution that an edit ends.
    pub(super) fn conclude_edit(&mut self, key: &StageKey) -> Option<()> {
        let status = self.status_after_edit();
        let run = self.pipeline.stage_run_mut(key)?;
        if run.status != status {
            run.status = status;
            self.tell_stage(key, State::of(status)?);
        }
        self.finish(&key.execution, status);
        self.unlock(key);
        self.admit(&key.stage);
        Some(())
    }

    fn status_after_edit(&self) -> ExecutionStatus {
        if self.shared.switches.edit_fails_running {
            ExecutionStatus::Failed
        } else {
            ExecutionStatus::Cancelled
        }
    }
}
