//! What `GetPipelineState` shows of a stage for a given history of runs, so that tests can say one thing once. The
//! rules are the service's own; no code of the product is used.

use codepipeline_retrier::domain::ids::{ActionName, ExecutionId, StageName};
use codepipeline_retrier::domain::pipeline::{
    ActionExecution, ActionRun, ActionState, ActionStatus, ExecutionKind, ExecutionStatus, StageExecution,
    StageState, Transition,
};

/// The last run of an action, by the time of its start.
pub fn last_run<'a>(runs: &'a [ActionExecution], action: &ActionName) -> Option<&'a ActionExecution> {
    runs.iter().filter(|run| run.action == *action).max_by_key(|run| run.started)
}

/// The status of a stage with these actions.
pub fn status(runs: &[ActionExecution], actions: &[ActionName]) -> ExecutionStatus {
    let last: Vec<ActionStatus> =
        actions.iter().filter_map(|action| last_run(runs, action)).map(|run| run.status).collect();
    if last.contains(&ActionStatus::InProgress) || last.is_empty() {
        ExecutionStatus::InProgress
    } else if last.contains(&ActionStatus::Failed) {
        ExecutionStatus::Failed
    } else if last.contains(&ActionStatus::Abandoned) {
        ExecutionStatus::Stopped
    } else {
        ExecutionStatus::Succeeded
    }
}

/// The stage as it is shown while this execution is the last one in it.
pub fn stage_state(
    stage: &StageName,
    execution: &ExecutionId,
    actions: &[ActionName],
    runs: &[ActionExecution],
) -> StageState {
    let shown = |name: &ActionName| ActionState {
        name: name.clone(),
        latest: last_run(runs, name).map(|run| ActionRun {
            id: run.id.clone(),
            status: run.status,
            last_change: run.last_change,
            error: run.error.clone(),
        }),
    };
    StageState {
        name: stage.clone(),
        latest: Some(StageExecution {
            execution: execution.clone(),
            status: status(runs, actions),
            kind: ExecutionKind::Standard,
        }),
        transition: Transition::Enabled,
        actions: actions.iter().map(shown).collect(),
        retries: None,
        waiting: false,
    }
}
