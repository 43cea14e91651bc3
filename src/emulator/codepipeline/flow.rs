//! How executions move from stage to stage: waiting, superseding, entering, leaving. What happens inside is elsewhere.

use std::sync::Arc;

use crate::domain::ids::{ExecutionId, StageName};
use crate::domain::pipeline::{ExecutionKind, ExecutionMode, ExecutionStatus, RetryMetadata};

use super::definition::BeforeEntry;
use super::events::State;
use super::execution::{Execution, Place, StageKey, StageRun};
use super::pipeline::Pipeline;
use super::scene::Scene;

impl Scene<'_> {
    /// The execution is before the entry to a stage, and goes in if it may.
    pub(super) fn arrive(&mut self, id: &ExecutionId, stage: &StageName) -> Option<()> {
        let execution = self.pipeline.executions.get_mut(id)?;
        execution.place = Place::Waiting(stage.clone());
        self.pipeline.row(stage).waiting.push(id.clone());
        self.admit(stage);
        Some(())
    }

    /// Lets in, in order of arrival, whoever may go in, and then lets a newer one that waits replace the older.
    pub(super) fn admit(&mut self, stage: &StageName) {
        while let Some(next) = self.pipeline.next_to_enter(stage) {
            self.pipeline.row(stage).waiting.retain(|id| *id != next);
            self.enter(&StageKey { execution: next, stage: stage.clone() });
        }
        for id in self.pipeline.superseded(stage) {
            self.pipeline.row(stage).waiting.retain(|other| *other != id);
            self.finish(&id, ExecutionStatus::Superseded);
        }
    }

    /// The execution takes the stage, without asking.
    pub(super) fn enter(&mut self, key: &StageKey) -> Option<()> {
        let execution = self.pipeline.executions.get(&key.execution)?;
        let structure = Arc::clone(&execution.structure);
        let stage = structure.definition.stage(&key.stage)?;
        let run = StageRun::new(self.now, self.carried_metadata(&key.stage));
        if !execution.is_parallel() {
            let row = self.pipeline.row(&key.stage);
            row.occupant = Some(key.execution.clone());
            row.latest = Some(key.execution.clone());
        }
        let execution = self.pipeline.executions.get_mut(&key.execution)?;
        execution.place = Place::Inside(key.stage.clone());
        execution.stages.insert(key.stage.clone(), Box::new(run));
        match stage.before_entry {
            BeforeEntry::Pass => {
                self.tell_stage(key, State::Started);
                self.start_next_order(key)
            }
            BeforeEntry::Fail => {
                self.tell_stage(key, State::Started);
                self.fail_by_condition(key)
            }
            // No event of a skipped stage is documented.
            BeforeEntry::Skip => {
                self.pipeline.stage_run_mut(key)?.status = ExecutionStatus::Skipped;
                self.move_on(key)
            }
        }
    }

    /// The execution is done with the stage and goes to the next one, if there is one for it.
    pub(super) fn move_on(&mut self, key: &StageKey) -> Option<()> {
        let execution = self.pipeline.executions.get(&key.execution)?;
        let structure = Arc::clone(&execution.structure);
        // A rollback concerns one stage.
        let next = match execution.kind {
            ExecutionKind::Standard => structure.definition.stage_after(&key.stage),
            ExecutionKind::Rollback => None,
        };
        self.unlock(key);
        match next {
            Some(next) => self.arrive(&key.execution, &next.name),
            None => self.finish(&key.execution, ExecutionStatus::Succeeded),
        };
        self.admit(&key.stage);
        Some(())
    }

    /// Gives the stage's lock back. Nobody enters yet.
    pub(super) fn unlock(&mut self, key: &StageKey) {
        let row = self.pipeline.row(&key.stage);
        if row.occupant.as_ref() == Some(&key.execution) {
            row.occupant = None;
        }
    }

    /// The execution has this status from now on and is in no stage.
    pub(super) fn finish(&mut self, id: &ExecutionId, status: ExecutionStatus) -> Option<()> {
        let execution = self.pipeline.executions.get_mut(id)?;
        execution.status = status;
        execution.place = Place::Out;
        execution.changed = self.now;
        self.tell_pipeline(id, State::of(status)?)
    }

    /// Retry counts that a new run of the stage starts from.
    fn carried_metadata(&self, stage: &StageName) -> RetryMetadata {
        if self.shared.switches.metadata_resets {
            return RetryMetadata::default();
        }
        self.pipeline.latest_run(stage).map_or_else(RetryMetadata::default, |(_, run)| run.metadata)
    }
}

impl Pipeline {
    /// The first that waits before the stage and may enter it.
    fn next_to_enter(&self, stage: &StageName) -> Option<ExecutionId> {
        let row = self.rows.get(stage).filter(|row| row.closed.is_none())?;
        let may_enter = |id: &&ExecutionId| {
            row.occupant.is_none() || self.executions.get(*id).is_some_and(Execution::is_parallel)
        };
        row.waiting.iter().find(may_enter).cloned()
    }

    /// Executions in SUPERSEDED mode that wait before the stage with a newer one beside them, oldest first.
    fn superseded(&self, stage: &StageName) -> Vec<ExecutionId> {
        let row = self.rows.get(stage);
        let mut waiting: Vec<_> = row
            .into_iter()
            .flat_map(|row| &row.waiting)
            .filter_map(|id| self.executions.get(id))
            .filter(|execution| execution.mode() == ExecutionMode::Superseded)
            .collect();
        waiting.sort_by_key(|execution| execution.number);
        waiting.pop();
        waiting.into_iter().map(|execution| execution.id.clone()).collect()
    }
}
