//! What the action executions of one stage run tell: its attempts, and which runs are the present failure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{EarlierFailure, FailedAction};
use crate::domain::ids::{ActionExecutionId, ActionName};
use crate::domain::pipeline::{
    ActionDeclaration, ActionExecution, ActionStatus, ExecutionStatus, StageDeclaration,
};

/// The last run of each action.
pub(super) fn last_runs<'a>(runs: &[&'a ActionExecution]) -> BTreeMap<&'a ActionName, &'a ActionExecution> {
    let mut last: BTreeMap<&ActionName, &ActionExecution> = BTreeMap::new();
    for run in runs {
        let newest = last.entry(&run.action).or_insert(run);
        if order(run) > order(newest) {
            *newest = run;
        }
    }
    last
}

/// When this run's failure was retried: the start of the first re-run after it. A retry runs failed actions again, or
/// all of them; a first run that starts late is an ordinary sibling and says nothing.
pub(super) fn followed_at(run: &ActionExecution, runs: &[&ActionExecution]) -> Option<Timestamp> {
    let is_rerun = |other: &ActionExecution| {
        runs.iter().any(|first| first.action == other.action && order(first) < order(other))
    };
    runs.iter()
        .filter(|other| {
            if other.action == run.action {
                order(other) > order(run)
            } else {
                // A retry may come in the very instant of the failure; an action that failed as it started has siblings.
                let is_later = other.started >= run.last_change && other.started > run.started;
                is_later && is_rerun(other)
            }
        })
        .map(|other| other.started)
        .min()
}

pub(super) fn order(run: &ActionExecution) -> (Timestamp, &ActionExecutionId) {
    (run.started, &run.id)
}

pub(super) fn present_failure(runs: &[&ActionExecution]) -> Vec<FailedAction> {
    let mut failed: Vec<FailedAction> = runs
        .iter()
        .filter(|run| run.status == ActionStatus::Failed && followed_at(run, runs).is_none())
        .map(|run| FailedAction::of(run))
        .collect();
    failed.sort_by(|a, b| a.name.cmp(&b.name));
    failed
}

/// Failed runs that were followed by others, put together by what followed them: each group is one retried attempt.
pub(super) fn earlier_failures(runs: &[&ActionExecution]) -> Vec<EarlierFailure> {
    let mut attempts: BTreeMap<Timestamp, EarlierFailure> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.status == ActionStatus::Failed) {
        if let Some(retried_at) = followed_at(run, runs) {
            let attempt = attempts.entry(retried_at).or_insert_with(|| EarlierFailure {
                failed: BTreeSet::new(),
                failed_at: run.last_change,
                retried_at,
            });
            attempt.failed.insert(run.id.clone());
            attempt.failed_at = attempt.failed_at.max(run.last_change);
        }
    }
    attempts.into_values().collect()
}

/// The status of a stage that another execution has taken, as its actions show it.
pub(super) fn status_of(last: &BTreeMap<&ActionName, &ActionExecution>) -> ExecutionStatus {
    let any = |status| last.values().any(|run| run.status == status);
    if any(ActionStatus::Failed) {
        ExecutionStatus::Failed
    } else if last.is_empty() || any(ActionStatus::InProgress) {
        ExecutionStatus::InProgress
    } else if any(ActionStatus::Abandoned) {
        ExecutionStatus::Stopped
    } else {
        ExecutionStatus::Succeeded
    }
}

/// The status of a stage in PARALLEL mode, where no state tells it. Between two run orders nothing is running, and in a
/// stage that is run again as a whole an old failure may still be an action's last run; neither is an end.
pub(super) fn status_without_state(
    runs: &[&ActionExecution],
    declaration: &StageDeclaration,
) -> ExecutionStatus {
    let last = last_runs(runs);
    let any = |status| last.values().any(|run| run.status == status);
    let has_succeeded = |action: &ActionDeclaration| {
        last.get(&action.name).is_some_and(|run| run.status == ActionStatus::Succeeded)
    };
    if !present_failure(runs).is_empty() {
        ExecutionStatus::Failed
    } else if any(ActionStatus::Abandoned) {
        ExecutionStatus::Stopped
    } else if !any(ActionStatus::InProgress) && declaration.actions.iter().all(has_succeeded) {
        ExecutionStatus::Succeeded
    } else {
        ExecutionStatus::InProgress
    }
}
