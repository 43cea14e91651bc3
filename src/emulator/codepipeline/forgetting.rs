//! Lets go of executions that nothing can happen to any longer, so that long plays fit into memory.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::ids::ExecutionId;
use crate::domain::pipeline::ExecutionStatus;

use super::CodePipeline;
use super::execution::Execution;
use super::pipeline::Pipeline;
use super::views::{ExecutionSummary, summary};

impl CodePipeline {
    /// Forgets the executions that ended before an instant and that no stage shows any longer, with their runs, and hands
    /// their summaries over. The real service does so after a year.
    ///
    /// Those that failed and those in PARALLEL mode have an instant of their own, `retried`: somebody may still look at
    /// what failed, and a newer execution decides whether an older one may be retried.
    pub fn forget_before(&mut self, before: Timestamp, retried: Timestamp) -> Vec<ExecutionSummary> {
        let pipelines = self.pipelines.values_mut();
        pipelines.flat_map(|pipeline| pipeline.forget_before(before, retried)).collect()
    }
}

impl Pipeline {
    fn forget_before(&mut self, before: Timestamp, retried: Timestamp) -> Vec<ExecutionSummary> {
        let shown: BTreeSet<&ExecutionId> =
            self.rows.values().flat_map(|row| row.latest.iter().chain(&row.occupant)).collect();
        let is_over = |execution: &&Execution| match execution.status {
            ExecutionStatus::Failed => execution.changed < retried,
            ExecutionStatus::Succeeded | ExecutionStatus::Superseded if execution.is_parallel() => {
                execution.changed < retried
            }
            ExecutionStatus::Succeeded | ExecutionStatus::Superseded => execution.changed < before,
            _ => false,
        };
        let gone: Vec<ExecutionId> = (self.executions.values())
            .filter(is_over)
            .filter(|execution| !shown.contains(&execution.id))
            .map(|execution| execution.id.clone())
            .collect();
        let mut summaries = Vec::with_capacity(gone.len());
        for id in gone {
            let Some(execution) = self.executions.remove(&id) else { continue };
            for run in execution.stages.values().flat_map(|run| &run.history) {
                self.runs.remove(run);
            }
            summaries.push(summary(&execution));
        }
        summaries
    }
}
