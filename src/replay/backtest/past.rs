//! The failures of a history, each with what became of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::class::Class;
use crate::domain::facts::{Attempt, attempts};
use crate::domain::ids::{ActionExecutionId, ActionName, PipelineArn, StageName, StageRunId};
use crate::domain::pipeline::{ActionExecution, ActionStatus, ExecutionKind};
use crate::domain::stage_run::{Timing, after};
use crate::replay::history::{Course, ExecutionHistory, PipelineHistory};

/// A failure that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastFailure {
    /// The stage run.
    pub run: StageRunId,
    /// Its number among the failures of the stage run, from 1.
    pub number: usize,
    /// The runs of actions that failed.
    pub failed: BTreeSet<ActionExecutionId>,
    /// When the last of them failed.
    pub failed_at: Timestamp,
    /// When the stage had failed: when nothing of it ran any more.
    pub told_at: Timestamp,
    /// The class of each failed action, as far as one was found.
    pub classes: BTreeMap<ActionName, Class>,
    /// What became of it.
    pub sequel: Sequel,
    /// The time that running its failed actions again takes, as their first runs took.
    pub work: SignedDuration,
}

/// What became of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequel {
    /// Nobody had it run again.
    Left,
    /// It was run again.
    Retried {
        /// When.
        at: Timestamp,
        /// By whom.
        by: Retrier,
        /// How that went.
        ended: Ended,
    },
}

/// Who had a stage run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retrier {
    /// The stage's own automatic retry.
    Native,
    /// A person, or something that acts for one: a history does not tell.
    Somebody,
}

/// How a retry went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The stage succeeded.
    Recovered(Timestamp),
    /// It failed again.
    Failed(Timestamp),
    /// Neither: it was stopped, or still ran when the history was read.
    Open,
}

impl PastFailure {
    /// One class for all its actions: where they differ, the gravest, which the documentation names last.
    pub fn class(&self) -> Class {
        self.classes.values().copied().max().unwrap_or(Class::Unknown)
    }

    /// Whether a retry of it by somebody or something succeeded; none where there was none, or none that ended.
    pub fn recovered_by_retry(&self) -> Option<bool> {
        match self.sequel {
            Sequel::Retried { ended: Ended::Recovered(_), .. } => Some(true),
            Sequel::Retried { ended: Ended::Failed(_), .. } => Some(false),
            _ => None,
        }
    }
}

/// Every failure of a pipeline's history, in the order of executions.
pub fn past_failures(arn: &PipelineArn, pipeline: &PipelineHistory) -> Vec<PastFailure> {
    pipeline.executions.iter().flat_map(|execution| of_execution(arn, pipeline, execution)).collect()
}

fn of_execution(
    arn: &PipelineArn,
    pipeline: &PipelineHistory,
    execution: &ExecutionHistory,
) -> Vec<PastFailure> {
    let Course::Eventful { runs, examination } = &execution.course else { return Vec::new() };
    if execution.kind == ExecutionKind::Rollback {
        return Vec::new();
    }
    let mut stages: BTreeMap<StageName, Vec<Attempt>> = BTreeMap::new();
    for (stage, attempt) in attempts(runs) {
        stages.entry(stage).or_default().push(attempt);
    }
    let mut failures = Vec::new();
    for (stage, attempts) in stages {
        let of_stage: Vec<&ActionExecution> = runs.iter().filter(|run| run.stage == stage).collect();
        let declared = pipeline.structure.stages.iter().find(|declared| declared.name == stage);
        let is_native = declared.is_some_and(|declared| declared.native_retry.is_some());
        for (index, attempt) in attempts.iter().enumerate() {
            let Attempt { failure, retried_at } = attempt;
            let failed = of_stage.iter().filter(|run| failure.failed.contains(&run.id));
            let class = |run: &&&ActionExecution| {
                let examined = examination.get(&run.id)?;
                Some((run.action.clone(), examined.classified.class))
            };
            let next = attempts.get(index + 1).map(|next| next.failure.failed_at);
            failures.push(PastFailure {
                run: StageRunId {
                    pipeline: arn.clone(),
                    execution: execution.id.clone(),
                    stage: stage.clone(),
                },
                number: index + 1,
                failed_at: failure.failed_at,
                told_at: told_at(&of_stage, failure.failed_at, *retried_at),
                classes: failed.clone().filter_map(|run| class(&run)).collect(),
                work: failed.map(|run| run.last_change.duration_since(run.started)).sum(),
                failed: failure.failed.clone(),
                sequel: match retried_at {
                    None => Sequel::Left,
                    Some(at) => Sequel::Retried {
                        at: *at,
                        by: retrier(is_native && index == 0, failure.failed_at, *at),
                        ended: ended(&of_stage, *at, next),
                    },
                },
            });
        }
    }
    failures
}

/// When nothing of the stage ran any more.
fn told_at(runs: &[&ActionExecution], failed_at: Timestamp, retried_at: Option<Timestamp>) -> Timestamp {
    let beside = runs.iter().filter(|run| run.started <= failed_at).map(|run| run.last_change);
    let last = beside.filter(|ended| retried_at.is_none_or(|at| *ended <= at)).max();
    last.unwrap_or(failed_at).max(failed_at)
}

/// The stage's own retry comes at once and but once; nothing else in a history tells it from a person's.
fn retrier(may_be_native: bool, failed_at: Timestamp, at: Timestamp) -> Retrier {
    let window = Timing::default().native_retry;
    if may_be_native && at <= after(failed_at, window) { Retrier::Native } else { Retrier::Somebody }
}

fn ended(runs: &[&ActionExecution], from: Timestamp, next_failure: Option<Timestamp>) -> Ended {
    if let Some(at) = next_failure {
        return Ended::Failed(at);
    }
    let mut last: BTreeMap<&ActionName, &ActionExecution> = BTreeMap::new();
    for run in runs {
        let newest = last.entry(&run.action).or_insert(run);
        if run.started > newest.started {
            *newest = run;
        }
    }
    let has_succeeded = last.values().all(|run| run.status == ActionStatus::Succeeded);
    let end = runs.iter().filter(|run| run.started >= from).map(|run| run.last_change).max();
    match end {
        Some(end) if has_succeeded => Ended::Recovered(end),
        _ => Ended::Open,
    }
}
