//! What became of a failure that was retried, by us or by somebody.

use std::collections::BTreeSet;

use super::StageFacts;
use crate::domain::ids::{ActionExecutionId, StageRunId};
use crate::domain::pipeline::{ExecutionStatus, Reading, StageReading};
use crate::domain::stage_run::Progress;

/// How a retry of this failure went, once that shows; none while it does not.
pub fn outcome_of(retried: &BTreeSet<ActionExecutionId>, facts: &StageFacts) -> Option<Progress> {
    if facts.failed.iter().any(|action| retried.contains(&action.id)) {
        return None;
    }
    let retried_at = facts.earlier.iter().find(|attempt| !attempt.failed.is_disjoint(retried))?.retried_at;
    let failed_again = facts.failed.iter().any(|action| action.started >= retried_at)
        || facts.earlier.iter().any(|attempt| attempt.retried_at > retried_at);
    if failed_again {
        return Some(Progress::FailedAgain);
    }
    match (facts.status, facts.execution_status) {
        (ExecutionStatus::Succeeded, _) if facts.in_progress.is_empty() => Some(Progress::Recovered),
        // Its actions are well, and the stage failed all the same: by a condition, or since the pipeline was edited.
        (ExecutionStatus::Failed, _) if facts.in_progress.is_empty() && facts.failed.is_empty() => {
            Some(Progress::FailedAgain)
        }
        (ExecutionStatus::Stopped | ExecutionStatus::Cancelled | ExecutionStatus::Superseded, _)
        | (_, ExecutionStatus::Stopped | ExecutionStatus::Cancelled | ExecutionStatus::Superseded) => {
            Some(Progress::Ended)
        }
        _ => None,
    }
}

/// Whether the stage, read again, shows that a failed action has been run again since.
pub fn moved_on(
    run: &StageRunId,
    earlier: &Reading,
    failed: &BTreeSet<ActionExecutionId>,
    stage: &StageReading,
) -> bool {
    let known = earlier.actions.as_deref().unwrap_or_default();
    known.iter().filter(|action| failed.contains(&action.id)).any(|failed| match stage {
        StageReading::State(Ok(state)) => state
            .stages
            .iter()
            .filter(|stage| stage.name == run.stage)
            .filter(|stage| stage.latest.as_ref().is_some_and(|latest| latest.execution == run.execution))
            .flat_map(|stage| &stage.actions)
            .filter(|action| action.name == failed.action)
            .filter_map(|action| action.latest.as_ref())
            .any(|shown| shown.id != failed.id && shown.last_change >= failed.last_change),
        StageReading::Parallel { actions: Ok(actions), .. } => actions.iter().any(|shown| {
            shown.execution == run.execution
                && shown.stage == run.stage
                && shown.action == failed.action
                && shown.started >= failed.last_change
                && shown.id != failed.id
        }),
        StageReading::State(Err(_)) | StageReading::Parallel { .. } => false,
    })
}
