//! What several answers of CodePipeline say together about one stage run.
//!
//! The failure's identity and its history come from the action executions, since those belong to one pipeline
//! execution; the state must agree with them. Where two answers contradict each other, one of them is stale, and
//! nothing is concluded.

mod history;
mod outcome;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use history::{earlier_failures, followed_at, last_runs, present_failure, status_of, status_without_state};
pub use outcome::{moved_on, outcome_of};

use crate::domain::ids::{ActionExecutionId, ActionName, ExecutionId, Region, StageName, StageRunId};
use crate::domain::pipeline::{
    ActionExecution, ActionStatus, Category, ChangeSetPart, ErrorDetails, ExecutionKind, ExecutionMode,
    ExecutionStatus, Gap, Reading, StageEntry, StageReading, StageState, Transition,
};
use crate::domain::stage_run::after;
use crate::domain::trigger::SeenFailure;

/// The facts that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StageFacts {
    /// How executions share the stage.
    pub mode: ExecutionMode,
    /// How the stage stands for this execution.
    pub status: ExecutionStatus,
    /// How the execution stands.
    pub execution_status: ExecutionStatus,
    /// Why the execution exists.
    pub kind: ExecutionKind,
    /// An execution that has taken the stage since, in PARALLEL mode one that is newer.
    pub replaced_by: Option<ExecutionId>,
    /// Structure version that the execution started with.
    pub version: u32,
    /// Structure version in force now.
    pub current_version: u32,
    /// The actions that failed in the stage's latest attempt.
    pub failed: Vec<FailedAction>,
    /// When the last of the stage's runs changed. A stage may fail long after the action that failed it, since others
    /// of its actions ran on; then this is when.
    pub last_change: Option<Timestamp>,
    /// An approval of this stage run that was rejected or expired, in any attempt.
    pub rejected: Option<ActionName>,
    /// Actions that are running now.
    pub in_progress: Vec<ActionName>,
    /// Whether entry to the stage is open.
    pub transition: Transition,
    /// Whether CodePipeline itself retries the stage once.
    pub native_retry: bool,
    /// Whether it has, as far as CodePipeline's count says; none where there is no count.
    pub native_retry_fired: Option<bool>,
    /// Attempts of this stage run that failed and were run again.
    pub earlier: Vec<EarlierFailure>,
    /// Whether a failed action needs what an earlier action of the stage made and what is gone now.
    pub needs_all_actions: bool,
}

/// A failed run that is the stage's present failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FailedAction {
    /// The action.
    pub name: ActionName,
    /// Id of the failed run.
    pub id: ActionExecutionId,
    /// What the action is for.
    pub category: Category,
    /// Who carries it out.
    pub provider: String,
    /// Where it ran, if not in the pipeline's own Region.
    pub region: Option<Region>,
    /// The provider's own id of the run: a build id, a deployment id, a stack's ARN.
    pub external_id: Option<String>,
    /// When the run started.
    pub started: Timestamp,
    /// When it failed.
    pub failed_at: Timestamp,
    /// How it failed.
    pub error: ErrorDetails,
}

impl FailedAction {
    /// The failure of a run.
    pub fn of(run: &ActionExecution) -> Self {
        Self {
            name: run.action.clone(),
            id: run.id.clone(),
            category: run.category,
            provider: run.provider.clone(),
            region: run.region.clone(),
            external_id: run.external_id.clone(),
            started: run.started,
            failed_at: run.last_change,
            error: run.error.clone(),
        }
    }
}

/// A failed attempt that somebody or something has retried.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EarlierFailure {
    /// The runs that had failed.
    pub failed: BTreeSet<ActionExecutionId>,
    /// When the last of them failed.
    pub failed_at: Timestamp,
    /// When they were run again.
    pub retried_at: Timestamp,
}

/// Why there are no facts to decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unfit {
    /// The pipeline does not exist.
    PipelineGone,
    /// CodePipeline knows no such execution.
    ExecutionGone,
    /// The stage does not exist.
    StageGone,
    /// Two answers contradict each other: one is stale.
    Unsettled,
    /// An answer that safety depends on is missing.
    Unverified {
        /// The API operation.
        operation: &'static str,
        /// Why.
        gap: Gap,
    },
}

impl StageFacts {
    /// The identity of the failure: the failed runs' ids. Empty when nothing is failed.
    pub fn failure(&self) -> BTreeSet<ActionExecutionId> {
        self.failed.iter().map(|action| action.id.clone()).collect()
    }

    /// When the last of the failed actions failed.
    pub fn failed_at(&self) -> Option<Timestamp> {
        self.failed.iter().map(|action| action.failed_at).max()
    }

    /// Retries that were not ours, and not the native one: attempts retried although no retry of ours answers them.
    /// Where CodePipeline does not count, a retry within `native_window` of its failure passes for the native one.
    pub fn retries_by_others(
        &self,
        answered: &BTreeSet<ActionExecutionId>,
        native_window: SignedDuration,
    ) -> usize {
        let foreign: Vec<&EarlierFailure> =
            self.earlier.iter().filter(|attempt| attempt.failed.is_disjoint(answered)).collect();
        let was_at_once =
            |attempt: &&EarlierFailure| attempt.retried_at <= after(attempt.failed_at, native_window);
        let fired = self.native_retry_fired.unwrap_or_else(|| foreign.iter().any(was_at_once));
        // The count may be carried over from an execution that the stage retried itself while it was declared so.
        foreign.len().saturating_sub(usize::from(self.native_retry && fired))
    }

    /// Whether the native retry is configured and has left no trace yet.
    pub fn native_retry_pending(&self) -> bool {
        self.native_retry && self.earlier.is_empty()
    }
}

/// A failure of a stage in one execution, retried since or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The failure.
    pub failure: SeenFailure,
    /// When somebody or something had it run again; none for the one that nobody did.
    pub retried_at: Option<Timestamp>,
}

/// Every failure that the runs of one execution show, stage by stage and in order: those that were retried since, and
/// the present one.
pub fn attempts(runs: &[ActionExecution]) -> Vec<(StageName, Attempt)> {
    let mut stages: BTreeMap<&StageName, Vec<&ActionExecution>> = BTreeMap::new();
    for run in runs {
        stages.entry(&run.stage).or_default().push(run);
    }
    let of_stage = |(stage, runs): (&StageName, Vec<&ActionExecution>)| {
        let earlier = earlier_failures(&runs).into_iter().map(|attempt| Attempt {
            failure: SeenFailure { failed: attempt.failed, failed_at: attempt.failed_at },
            retried_at: Some(attempt.retried_at),
        });
        let present = present_failure(&runs);
        let failed_at = present.iter().map(|action| action.failed_at).max();
        let failed = present.into_iter().map(|action| action.id).collect();
        let present = failed_at
            .map(|failed_at| Attempt { failure: SeenFailure { failed, failed_at }, retried_at: None });
        earlier.chain(present).map(|attempt| (stage.clone(), attempt)).collect::<Vec<_>>()
    };
    stages.into_iter().flat_map(of_stage).collect()
}

/// The same without what became of them.
pub fn failures(runs: &[ActionExecution]) -> Vec<(StageName, SeenFailure)> {
    attempts(runs).into_iter().map(|(stage, attempt)| (stage, attempt.failure)).collect()
}

/// The ids of the present failure, as far as the answers tell; empty when they do not.
pub fn failure(run: &StageRunId, reading: &Reading) -> BTreeSet<ActionExecutionId> {
    gather(run, reading).map(|facts| facts.failure()).unwrap_or_default()
}

/// The same answers with the stage as it was read again.
pub fn refreshed(earlier: &Reading, stage: StageReading) -> Reading {
    let mut fresh = earlier.clone();
    match stage {
        StageReading::State(state) => fresh.state = state,
        StageReading::Parallel { execution, actions, entries } => {
            fresh.execution = execution;
            fresh.actions = actions;
            fresh.entries = entries;
        }
    }
    fresh
}

/// Puts the answers together.
pub fn gather(run: &StageRunId, reading: &Reading) -> Result<StageFacts, Unfit> {
    let execution = have(&reading.execution, "GetPipelineExecution")?;
    let structure = have(&reading.structure, "GetPipeline")?;
    let declaration =
        structure.stages.iter().find(|stage| stage.name == run.stage).ok_or(Unfit::StageGone)?;
    let runs: Vec<&ActionExecution> = have(&reading.actions, "ListActionExecutions")?
        .iter()
        .filter(|action| action.execution == run.execution && action.stage == run.stage)
        .collect();

    let stage = if execution.mode == ExecutionMode::Parallel {
        let entries = have(&reading.entries, "ListActionExecutions")?;
        if !runs.is_empty() && !entries.iter().any(|entry| entry.execution == run.execution) {
            return Err(Unfit::Unsettled);
        }
        Stage {
            status: status_without_state(&runs, declaration),
            kind: execution.kind,
            replaced_by: newer_entry(run, entries),
            current_version: structure.version,
            transition: Transition::Enabled,
            native_retry_fired: None,
        }
    } else {
        let answer = have(&reading.state, "GetPipelineState")?;
        let stage = answer.stages.iter().find(|stage| stage.name == run.stage).ok_or(Unfit::StageGone)?;
        let edited = answer.version != execution.version;
        from_state(run, stage, &runs, answer.version, edited)?
    };

    let failed = present_failure(&runs);
    let failed_names: Vec<&ActionName> = failed.iter().map(|action| &action.name).collect();
    let needs_all_actions = declaration.actions.iter().any(|action| {
        let Some(ChangeSetPart::Executes(change_set)) = &action.change_set else {
            return false;
        };
        failed_names.contains(&&action.name)
            && declaration.actions.iter().any(|other| {
                other.change_set.as_ref() == Some(&ChangeSetPart::Makes(change_set.clone()))
                    && !failed_names.contains(&&other.name)
            })
    });
    Ok(StageFacts {
        mode: execution.mode,
        status: stage.status,
        execution_status: execution.status,
        kind: if execution.kind == ExecutionKind::Rollback { execution.kind } else { stage.kind },
        replaced_by: stage.replaced_by,
        version: execution.version,
        current_version: stage.current_version,
        failed,
        last_change: runs.iter().map(|run| run.last_change).max(),
        rejected: runs
            .iter()
            .find(|run| run.category == Category::Approval && run.status == ActionStatus::Failed)
            .map(|run| run.action.clone()),
        in_progress: runs
            .iter()
            .filter(|action| action.status == ActionStatus::InProgress)
            .map(|action| action.action.clone())
            .collect(),
        transition: stage.transition,
        native_retry: declaration.native_retry.is_some(),
        native_retry_fired: stage.native_retry_fired,
        earlier: earlier_failures(&runs),
        needs_all_actions,
    })
}

/// The part of the facts that PARALLEL pipelines have to do without a state for.
struct Stage {
    status: ExecutionStatus,
    kind: ExecutionKind,
    replaced_by: Option<ExecutionId>,
    current_version: u32,
    transition: Transition,
    native_retry_fired: Option<bool>,
}

fn from_state(
    run: &StageRunId,
    stage: &StageState,
    runs: &[&ActionExecution],
    current_version: u32,
    edited: bool,
) -> Result<Stage, Unfit> {
    let latest = stage.latest.as_ref();
    let is_ours = latest.is_some_and(|latest| latest.execution == run.execution);
    if is_ours && !(agrees(stage, runs) && (edited || shows_all(stage, runs))) {
        return Err(Unfit::Unsettled);
    }
    Ok(Stage {
        status: match latest {
            Some(latest) if is_ours => latest.status,
            _ => status_of(&last_runs(runs)),
        },
        kind: latest.map_or(ExecutionKind::Standard, |latest| {
            if is_ours { latest.kind } else { ExecutionKind::Standard }
        }),
        replaced_by: latest.filter(|_| !is_ours).map(|latest| latest.execution.clone()),
        current_version,
        transition: stage.transition,
        native_retry_fired: stage.retries.filter(|_| is_ours).map(|retries| retries.automatic > 0),
    })
}

/// Whether the state shows exactly the last runs that the history shows. Actions that this execution has not reached
/// still show an older execution's run in the state; those are not in the history and older than all of it.
fn agrees(stage: &StageState, runs: &[&ActionExecution]) -> bool {
    let last = last_runs(runs);
    let first_start = runs.iter().map(|run| run.started).min();
    stage.actions.iter().all(|action| match (&action.latest, last.get(&action.name)) {
        (Some(shown), Some(known)) => shown.id == known.id && shown.status == known.status,
        // Without any history it cannot be told whose failure it is.
        (Some(shown), None) => {
            first_start.map_or(shown.status != ActionStatus::Failed, |start| shown.last_change < start)
        }
        // An action that waits to be run again with the whole stage may have been cleared.
        (None, Some(known)) => followed_at(known, runs).is_some(),
        (None, None) => true,
    })
}

/// Whether every action that ran is in the state at all. An edit may have taken one out, nothing else can.
fn shows_all(stage: &StageState, runs: &[&ActionExecution]) -> bool {
    runs.iter().all(|run| stage.actions.iter().any(|action| action.name == run.action))
}

fn have<'a, T>(answer: &'a Result<T, Gap>, operation: &'static str) -> Result<&'a T, Unfit> {
    answer.as_ref().map_err(|gap| match gap {
        Gap::PipelineNotFound => Unfit::PipelineGone,
        Gap::ExecutionNotFound => Unfit::ExecutionGone,
        gap => Unfit::Unverified { operation, gap: *gap },
    })
}

/// An execution that is newer than this one, by its own start or by its entry, and has entered the stage.
fn newer_entry(run: &StageRunId, entries: &[StageEntry]) -> Option<ExecutionId> {
    let ours = entries.iter().find(|entry| entry.execution == run.execution)?;
    entries
        .iter()
        .find(|entry| {
            entry.execution != run.execution && (entry.started > ours.started || entry.entered > ours.entered)
        })
        .map(|entry| entry.execution.clone())
}
