//! `StartPipelineExecution`, and how any execution comes to be.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::ids::{ExecutionId, PipelineName};
use crate::domain::pipeline::{ExecutionKind, ExecutionMode, ExecutionStatus};

use super::CodePipeline;
use super::error::{Exception, ServiceError};
use super::events::State;
use super::execution::{Execution, Place, TriggerType};
use super::scene::Scene;

impl CodePipeline {
    /// Starts an execution at the first stage.
    ///
    /// Refused with `PipelineNotFound`, and with `ConcurrentPipelineExecutionsLimitExceeded` in QUEUED and PARALLEL
    /// mode when as many executions are in progress as the limit allows.
    pub fn start_pipeline_execution(
        &mut self,
        now: Timestamp,
        name: &PipelineName,
    ) -> Result<ExecutionId, ServiceError> {
        self.start(now, name, TriggerType::StartPipelineExecution)
    }

    /// Starts the execution that the real `CreatePipeline` starts by itself. Refused as
    /// [`Self::start_pipeline_execution`].
    pub fn start_created_pipeline(
        &mut self,
        now: Timestamp,
        name: &PipelineName,
    ) -> Result<ExecutionId, ServiceError> {
        self.start(now, name, TriggerType::CreatePipeline)
    }

    fn start(
        &mut self,
        now: Timestamp,
        name: &PipelineName,
        trigger: TriggerType,
    ) -> Result<ExecutionId, ServiceError> {
        let mut scene = self.open(now, name)?;
        scene.check_limit(scene.pipeline.structure.definition.mode)?;
        let id = scene.begin(trigger, None);
        let structure = Arc::clone(&scene.pipeline.structure);
        if let Some(first) = structure.definition.stages.first() {
            scene.arrive(&id, &first.name);
        }
        Ok(id)
    }
}

impl Scene<'_> {
    /// Whether one more execution in progress fits.
    pub(super) fn check_limit(&self, mode: ExecutionMode) -> Result<(), ServiceError> {
        let limit = self.shared.switches.concurrency_limit;
        if mode == ExecutionMode::Superseded || self.pipeline.active() < limit {
            return Ok(());
        }
        Err(ServiceError::new(
            Exception::ConcurrentPipelineExecutionsLimitExceeded,
            "The pipeline has reached the limit for concurrent pipeline executions.",
        ))
    }

    /// A new execution that is in no stage yet.
    pub(super) fn begin(
        &mut self,
        trigger: TriggerType,
        rollback_target: Option<ExecutionId>,
    ) -> ExecutionId {
        let id = self.shared.ids.execution();
        self.pipeline.started += 1;
        let execution = Execution {
            id: id.clone(),
            number: self.pipeline.started,
            structure: Arc::clone(&self.pipeline.structure),
            kind: match rollback_target {
                Some(_) => ExecutionKind::Rollback,
                None => ExecutionKind::Standard,
            },
            trigger,
            rollback_target,
            status: ExecutionStatus::InProgress,
            started: self.now,
            changed: self.now,
            attempt: 1,
            place: Place::Out,
            stages: BTreeMap::new(),
            stop_reason: None,
            edited: false,
        };
        self.pipeline.executions.insert(id.clone(), execution);
        self.tell_pipeline(&id, State::Started);
        id
    }
}
