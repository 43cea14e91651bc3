//! How a stage fails, and what the service does about it by itself: its own retry, its own rollback.

use std::sync::Arc;

use crate::domain::pipeline::{ActionStatus, ExecutionKind, ExecutionStatus};
use crate::domain::policy::RetryMode;

use super::agenda::Happening;
use super::events::State;
use super::execution::{Place, RetryTrigger, StageKey, TriggerType};
use super::scene::Scene;

impl Scene<'_> {
    /// An action of the stage has failed; others may still run.
    pub(super) fn notice_failure(&mut self, key: &StageKey, still_runs: bool) -> Option<()> {
        if still_runs {
            if self.shared.switches.fail_with_siblings_running {
                self.announce_failure(key)?;
            }
            return Some(());
        }
        self.announce_failure(key)?;
        self.conclude_failure(key)
    }

    /// A condition fails the stage. No action has failed, so there is nothing to retry or roll back.
    pub(super) fn fail_by_condition(&mut self, key: &StageKey) -> Option<()> {
        self.pipeline.stage_run_mut(key)?.status = ExecutionStatus::Failed;
        self.tell_stage(key, State::Failed);
        self.leave_failed(key);
        Some(())
    }

    /// The stage turns Failed, once; unless its own retry is to come and nothing is said before.
    fn announce_failure(&mut self, key: &StageKey) -> Option<()> {
        if self.native_retry_to_come(key).is_some() && !self.shared.switches.native_emits_failed_first {
            return Some(());
        }
        let run = self.pipeline.stage_run_mut(key)?;
        if run.status == ExecutionStatus::Failed {
            return Some(());
        }
        run.status = ExecutionStatus::Failed;
        self.tell_stage(key, State::Failed)
    }

    /// No action of the failed stage runs any longer.
    fn conclude_failure(&mut self, key: &StageKey) -> Option<()> {
        if self.native_retry_to_come(key).is_none() {
            self.leave_failed(key);
            return Some(());
        }
        // The stage keeps its lock, or a waiting execution would take the retry's place.
        if self.shared.switches.native_emits_failed_first {
            let execution = self.pipeline.executions.get_mut(&key.execution)?;
            execution.status = ExecutionStatus::Failed;
            execution.changed = self.now;
            self.tell_pipeline(&key.execution, State::Failed);
        }
        let delay = self.shared.switches.native_retry_delay;
        let slot = self.plan(delay, Happening::NativeRetry(key.clone()));
        self.pipeline.stage_run_mut(key)?.native_due = Some(slot);
        Some(())
    }

    /// The execution fails with its stage; the next one may enter.
    fn leave_failed(&mut self, key: &StageKey) {
        self.finish(&key.execution, ExecutionStatus::Failed);
        self.unlock(key);
        self.roll_back_by_itself(key);
        self.admit(&key.stage);
    }

    /// The mode of the stage's own retry, if one will follow the failure of an action.
    pub(super) fn native_retry_to_come(&self, key: &StageKey) -> Option<RetryMode> {
        let execution = self.pipeline.executions.get(&key.execution)?;
        let stage = execution.structure.definition.stage(&key.stage)?;
        let unused = !execution.stages.get(&key.stage)?.native_used;
        let fires = self.shared.switches.native_fires && unused;
        stage.native_retry.filter(|_| fires)
    }

    /// The stage's own retry begins.
    pub(super) fn retry_natively(&mut self, key: &StageKey) -> Option<()> {
        let mode = self.native_retry_to_come(key)?;
        let run = self.pipeline.stage_run_mut(key)?;
        run.native_due = None;
        run.native_used = true;
        self.run_again(key, mode, RetryTrigger::AutomatedStageRetry)
    }

    /// Takes back a retry of the stage's own that has not begun.
    pub(super) fn strike_native_retry(&mut self, key: &StageKey) -> Option<()> {
        let slot = self.pipeline.stage_run_mut(key)?.native_due.take()?;
        self.shared.agenda.strike(slot);
        Some(())
    }

    /// Runs the failed actions or the whole stage again, in the same execution.
    pub(super) fn run_again(&mut self, key: &StageKey, mode: RetryMode, trigger: RetryTrigger) -> Option<()> {
        let sets_time =
            trigger == RetryTrigger::ManualStageRetry || self.shared.switches.native_sets_last_retry_time;
        let failed = self.pipeline.current_in(key, ActionStatus::Failed);

        let execution = self.pipeline.executions.get_mut(&key.execution)?;
        let is_parallel = execution.is_parallel();
        let had_failed = execution.status == ExecutionStatus::Failed;
        execution.status = ExecutionStatus::InProgress;
        execution.place = Place::Inside(key.stage.clone());
        execution.changed = self.now;
        execution.attempt += 1;
        let run = execution.stages.get_mut(&key.stage)?;
        let stage_had_failed = run.status == ExecutionStatus::Failed;
        run.status = ExecutionStatus::InProgress;
        run.last_trigger = Some(trigger);
        match trigger {
            RetryTrigger::AutomatedStageRetry => run.metadata.automatic += 1,
            RetryTrigger::ManualStageRetry => run.metadata.manual += 1,
        }
        if sets_time {
            run.last_retry = Some(self.now);
        }
        if !is_parallel {
            self.pipeline.row(&key.stage).occupant = Some(key.execution.clone());
        }

        let pipeline_first = self.shared.switches.pipeline_resumed_first;
        if had_failed && pipeline_first {
            self.tell_pipeline(&key.execution, State::Resumed);
        }
        if stage_had_failed {
            self.tell_stage(key, State::Resumed);
        }
        if had_failed && !pipeline_first {
            self.tell_pipeline(&key.execution, State::Resumed);
        }

        match mode {
            RetryMode::FailedActions => {
                for id in failed {
                    let action = self.pipeline.runs.get(&id)?.action.clone();
                    self.start_action(key, &action);
                }
                Some(())
            }
            RetryMode::AllActions => {
                let run = self.pipeline.stage_run_mut(key)?;
                run.current.clear();
                run.order = 0;
                self.start_next_order(key)
            }
        }
    }

    /// Brings back the last execution that succeeded in the stage, where the stage is configured so.
    fn roll_back_by_itself(&mut self, key: &StageKey) -> Option<()> {
        let execution = self.pipeline.executions.get(&key.execution)?;
        let structure = Arc::clone(&execution.structure);
        let stage = structure.definition.stage(&key.stage)?;
        let may = stage.on_failure_rollback
            && execution.kind == ExecutionKind::Standard
            && !execution.is_parallel();
        if !may {
            return None;
        }
        let target = self.pipeline.last_succeeded(&key.stage)?;
        self.roll_back(&key.stage, target, TriggerType::AutomatedRollback);
        Some(())
    }
}
