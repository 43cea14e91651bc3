//! `DisableStageTransition` and `EnableStageTransition`, for the entry to a stage.

use jiff::Timestamp;

use crate::domain::ids::{PipelineName, StageName};

use super::CodePipeline;
use super::error::ServiceError;

impl CodePipeline {
    /// Closes the entry to a stage. Executions wait before it; one inside, and a retry of one, go on.
    ///
    /// Refused with `PipelineNotFound`, `StageNotFound`.
    pub fn disable_stage_transition(
        &mut self,
        now: Timestamp,
        pipeline: &PipelineName,
        stage: &StageName,
        reason: &str,
    ) -> Result<(), ServiceError> {
        let scene = self.open(now, pipeline)?;
        scene.pipeline.stage(stage)?;
        let now = scene.now;
        scene.pipeline.row(stage).closed = Some((reason.to_owned(), now));
        Ok(())
    }

    /// Opens the entry to a stage; whoever waits goes in. Refused as [`Self::disable_stage_transition`].
    pub fn enable_stage_transition(
        &mut self,
        now: Timestamp,
        pipeline: &PipelineName,
        stage: &StageName,
    ) -> Result<(), ServiceError> {
        let mut scene = self.open(now, pipeline)?;
        scene.pipeline.stage(stage)?;
        scene.pipeline.row(stage).closed = None;
        scene.admit(stage);
        Ok(())
    }
}
