//! The reading operations, as the domain's types. As of the last operation or [`CodePipeline::advance`].

use crate::domain::ids::{ExecutionId, PipelineName, StageName};
use crate::domain::pipeline::{
    ActionDeclaration, ActionExecution, ActionRun, ActionState, PipelineExecution, PipelineState,
    PipelineStructure, RetryMetadata, StageDeclaration, StageEntry, StageExecution, StageState, Transition,
};
use crate::domain::tags::Tags;

use super::CodePipeline;
use super::definition::{PipelineType, StageDefinition};
use super::error::ServiceError;
use super::execution::{ActionRecord, Execution, StageRun};
use super::pipeline::Pipeline;

impl CodePipeline {
    /// `ListPipelines`, by name.
    pub fn list_pipelines(&self) -> Vec<PipelineName> {
        self.pipelines.keys().cloned().collect()
    }

    /// `GetPipeline`, at the version in force. Refused with `PipelineNotFound`.
    pub fn pipeline_structure(&self, name: &PipelineName) -> Result<PipelineStructure, ServiceError> {
        let structure = &self.pipeline(name)?.structure;
        let definition = &structure.definition;
        Ok(PipelineStructure {
            name: name.clone(),
            version: structure.version,
            mode: definition.mode,
            stages: definition.stages.iter().map(stage_declaration).collect(),
        })
    }

    /// `ListTagsForResource`. Refused with `PipelineNotFound`, which stands for its `ResourceNotFoundException`.
    pub fn pipeline_tags(&self, name: &PipelineName) -> Result<Tags, ServiceError> {
        Ok(self.pipeline(name)?.structure.definition.tags.clone())
    }

    /// `GetPipelineState`. Refused with `PipelineNotFound`.
    ///
    /// PARALLEL executions leave no trace in it: such a pipeline shows nothing, or the last state of the mode it had
    /// before (User Guide, *Troubleshooting*). An action shows its last run, whichever execution that was for.
    pub fn pipeline_state(&self, name: &PipelineName) -> Result<PipelineState, ServiceError> {
        let pipeline = self.pipeline(name)?;
        let definition = &pipeline.structure.definition;
        let with_metadata =
            definition.pipeline_type == PipelineType::V2 || self.shared.switches.metadata_on_v1;
        let stages = definition.stages.iter();
        Ok(PipelineState {
            version: pipeline.structure.version,
            stages: stages.map(|stage| pipeline.stage_state(stage, with_metadata)).collect(),
        })
    }

    /// `GetPipelineExecution`. Refused with `PipelineNotFound`, `PipelineExecutionNotFound`.
    pub fn pipeline_execution(
        &self,
        name: &PipelineName,
        execution: &ExecutionId,
    ) -> Result<PipelineExecution, ServiceError> {
        let execution = self.pipeline(name)?.execution(execution)?;
        Ok(PipelineExecution {
            status: execution.status,
            kind: execution.kind,
            version: execution.structure.version,
            mode: execution.mode(),
        })
    }

    /// `ListActionExecutions` of one execution: every run of every action, newest first.
    ///
    /// Refused with `PipelineNotFound`, `PipelineExecutionNotFound`.
    pub fn action_executions(
        &self,
        name: &PipelineName,
        execution: &ExecutionId,
    ) -> Result<Vec<ActionExecution>, ServiceError> {
        let pipeline = self.pipeline(name)?;
        let execution = pipeline.execution(execution)?;
        let mut stages: Vec<&StageRun> = execution.stages.values().map(Box::as_ref).collect();
        let place = |run: &&StageRun| {
            let first = run.history.first().and_then(|id| pipeline.runs.get(id));
            first.map(|record| record.number)
        };
        stages.sort_by_key(place);
        let ids = stages.into_iter().flat_map(|run| &run.history).rev();
        let records = ids.filter_map(|id| pipeline.runs.get(id));
        Ok(records.map(action_execution).collect())
    }

    /// The executions that have entered a stage, by the start of their first action in it; in any mode.
    ///
    /// Refused with `PipelineNotFound`, `StageNotFound`.
    pub fn stage_entries(
        &self,
        name: &PipelineName,
        stage: &StageName,
    ) -> Result<Vec<StageEntry>, ServiceError> {
        let pipeline = self.pipeline(name)?;
        pipeline.stage(stage)?;
        let mut entries: Vec<_> = pipeline
            .executions
            .values()
            .filter_map(|execution| {
                let first = execution.stages.get(stage)?.history.first()?;
                let first = pipeline.runs.get(first)?;
                let entry = StageEntry {
                    execution: execution.id.clone(),
                    started: execution.started,
                    entered: first.started,
                };
                Some((first.number, entry))
            })
            .collect();
        entries.sort_by_key(|(number, _)| *number);
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }
}

impl Pipeline {
    pub(super) fn execution(&self, id: &ExecutionId) -> Result<&Execution, ServiceError> {
        self.executions.get(id).ok_or_else(|| ServiceError::execution_not_found(self.name(), id))
    }

    /// The execution that last entered the stage, with its run of it.
    pub(super) fn latest_run(&self, stage: &StageName) -> Option<(&Execution, &StageRun)> {
        let latest = self.rows.get(stage)?.latest.as_ref()?;
        let execution = self.executions.get(latest)?;
        Some((execution, execution.stages.get(stage)?))
    }

    fn stage_state(&self, stage: &StageDefinition, with_metadata: bool) -> StageState {
        let row = self.rows.get(&stage.name);
        let latest = self.latest_run(&stage.name);
        let actions = stage.actions.iter().map(|action| {
            let last = row.and_then(|row| row.actions.get(&action.name));
            ActionState {
                name: action.name.clone(),
                latest: last.and_then(|id| self.runs.get(id)).map(action_run),
            }
        });
        let retries = latest.map(|(_, run)| run.metadata);
        StageState {
            name: stage.name.clone(),
            latest: latest.map(|(execution, run)| StageExecution {
                execution: execution.id.clone(),
                status: run.status,
                kind: execution.kind,
            }),
            transition: match row.and_then(|row| row.closed.as_ref()) {
                Some(_) => Transition::Disabled,
                None => Transition::Enabled,
            },
            actions: actions.collect(),
            retries: retries.filter(|metadata| with_metadata && *metadata != RetryMetadata::default()),
            waiting: row.is_some_and(|row| !row.waiting.is_empty()),
        }
    }
}

fn stage_declaration(stage: &StageDefinition) -> StageDeclaration {
    StageDeclaration {
        name: stage.name.clone(),
        native_retry: stage.native_retry,
        actions: stage
            .actions
            .iter()
            .map(|action| ActionDeclaration {
                name: action.name.clone(),
                category: action.category,
                provider: action.provider.clone(),
                run_order: action.run_order,
                change_set: action.change_set.clone(),
            })
            .collect(),
    }
}

fn action_run(record: &ActionRecord) -> ActionRun {
    ActionRun {
        id: record.id.clone(),
        status: record.status,
        last_change: record.changed,
        error: record.error.clone(),
    }
}

pub(super) fn action_execution(record: &ActionRecord) -> ActionExecution {
    ActionExecution {
        execution: record.key.execution.clone(),
        stage: record.key.stage.clone(),
        action: record.action.clone(),
        id: record.id.clone(),
        status: record.status,
        category: record.category,
        provider: record.provider.clone(),
        region: Some(record.region.clone()),
        external_id: record.external_id.clone(),
        started: record.started,
        last_change: record.changed,
        error: record.error.clone(),
    }
}
