//! What the service keeps of one pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::ids::{ActionExecutionId, ActionName, ExecutionId, PipelineName, StageName};
use crate::domain::pipeline::ActionStatus;

use super::definition::{PipelineDefinition, StageDefinition};
use super::error::ServiceError;
use super::execution::{ActionRecord, Execution, StageKey, StageRun, Structure};

/// A stage apart from any execution: its lock, its queue, and what `GetPipelineState` shows.
#[derive(Debug, Clone, Default)]
pub(super) struct StageRow {
    /// The execution that holds the lock.
    pub(super) occupant: Option<ExecutionId>,
    /// Executions before the entry, in order of arrival.
    pub(super) waiting: Vec<ExecutionId>,
    /// The execution that last entered; PARALLEL ones leave no trace.
    pub(super) latest: Option<ExecutionId>,
    /// The last run of each action; PARALLEL ones leave no trace.
    pub(super) actions: BTreeMap<ActionName, ActionExecutionId>,
    /// Why and since when entry is closed.
    pub(super) closed: Option<(String, Timestamp)>,
}

/// A pipeline with its past.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) structure: Arc<Structure>,
    pub(super) versions: BTreeMap<u32, Arc<Structure>>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) executions: BTreeMap<ExecutionId, Execution>,
    pub(super) started: u64,
    pub(super) rows: BTreeMap<StageName, StageRow>,
    pub(super) runs: BTreeMap<ActionExecutionId, ActionRecord>,
    /// Runs of all actions so far, forgotten ones too.
    runs_begun: usize,
    /// Runs of each action so far.
    pub(super) run_counts: BTreeMap<(StageName, ActionName), usize>,
}

impl Pipeline {
    pub(super) fn new(now: Timestamp, definition: PipelineDefinition) -> Self {
        let structure = Arc::new(Structure { version: 1, definition });
        Self {
            versions: BTreeMap::from([(1, Arc::clone(&structure))]),
            structure,
            created: now,
            updated: now,
            executions: BTreeMap::new(),
            started: 0,
            rows: BTreeMap::new(),
            runs: BTreeMap::new(),
            runs_begun: 0,
            run_counts: BTreeMap::new(),
        }
    }

    pub(super) fn name(&self) -> &PipelineName {
        &self.structure.definition.name
    }

    /// Runs of all actions so far, forgotten ones too.
    pub(super) fn runs_begun(&self) -> usize {
        self.runs_begun
    }

    /// The number of a run that begins.
    pub(super) fn next_run(&mut self) -> usize {
        self.runs_begun += 1;
        self.runs_begun - 1
    }

    /// The stage in the structure that is in force.
    pub(super) fn stage(&self, name: &StageName) -> Result<&StageDefinition, ServiceError> {
        self.structure.definition.stage(name).ok_or_else(|| ServiceError::stage_not_found(self.name(), name))
    }

    /// Stages have a row once something happened to them.
    pub(super) fn row(&mut self, stage: &StageName) -> &mut StageRow {
        self.rows.entry(stage.clone()).or_default()
    }

    pub(super) fn stage_run(&self, key: &StageKey) -> Option<&StageRun> {
        self.executions.get(&key.execution)?.stages.get(&key.stage).map(Box::as_ref)
    }

    pub(super) fn stage_run_mut(&mut self, key: &StageKey) -> Option<&mut StageRun> {
        let execution = self.executions.get_mut(&key.execution)?;
        execution.stages.get_mut(&key.stage).map(Box::as_mut)
    }

    /// The runs that count of a stage run's actions, by action.
    pub(super) fn current_runs(&self, key: &StageKey) -> impl Iterator<Item = &ActionRecord> {
        let current = self.stage_run(key).map(|run| &run.current);
        let ids = current.into_iter().flatten().map(|(_, id)| id);
        ids.filter_map(|id| self.runs.get(id))
    }

    /// Ids of the current runs in a status.
    pub(super) fn current_in(&self, key: &StageKey, status: ActionStatus) -> Vec<ActionExecutionId> {
        self.current_runs(key)
            .filter(|record| record.status == status)
            .map(|record| record.id.clone())
            .collect()
    }

    pub(super) fn has_current(&self, key: &StageKey, status: ActionStatus) -> bool {
        self.current_runs(key).any(|record| record.status == status)
    }

    /// The executions, oldest first.
    pub(super) fn by_age(&self) -> Vec<&Execution> {
        let mut all: Vec<&Execution> = self.executions.values().collect();
        all.sort_by_key(|execution| execution.number);
        all
    }

    pub(super) fn active(&self) -> usize {
        self.executions.values().filter(|execution| execution.is_active()).count()
    }
}
