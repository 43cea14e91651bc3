//! A pipeline's history as CodePipeline would have shown it at an instant.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Course, ExecutionHistory, PipelineHistory};
use crate::domain::ids::{ActionName, ExecutionId, StageName, StageRunId};
use crate::domain::pipeline::{
    ActionExecution, ActionRun, ActionState, ActionStatus, ErrorDetails, ExecutionMode, ExecutionStatus, Gap,
    PipelineExecution, PipelineState, Reading, StageDeclaration, StageEntry, StageExecution, StageReading,
    StageState, Transition,
};

/// One pipeline's history, in the order in which its stages were entered.
#[derive(Debug)]
pub struct Timeline<'a> {
    pipeline: &'a PipelineHistory,
    executions: BTreeMap<&'a ExecutionId, &'a ExecutionHistory>,
    /// By stage, when it was entered and by which execution, in order.
    entries: BTreeMap<StageName, Vec<(Timestamp, &'a ExecutionHistory)>>,
}

impl<'a> Timeline<'a> {
    /// Puts a history in order.
    pub fn new(pipeline: &'a PipelineHistory) -> Self {
        let mut entries: BTreeMap<StageName, Vec<(Timestamp, &ExecutionHistory)>> = BTreeMap::new();
        for execution in &pipeline.executions {
            for passage in execution.course.passages() {
                entries.entry(passage.stage).or_default().push((passage.entered, execution));
            }
        }
        for entered in entries.values_mut() {
            entered.sort_by_key(|(entered, _)| *entered);
        }
        let executions = pipeline.executions.iter().map(|execution| (&execution.id, execution)).collect();
        Self { pipeline, executions, entries }
    }

    /// The pipeline.
    pub fn pipeline(&self) -> &'a PipelineHistory {
        self.pipeline
    }

    /// The execution of that id.
    pub fn execution(&self, id: &ExecutionId) -> Option<&'a ExecutionHistory> {
        self.executions.get(id).copied()
    }

    /// Everything that a decision about a stage run rests on, as it was then.
    pub fn reading(&self, run: &StageRunId, at: Timestamp) -> Reading {
        let structure = &self.pipeline.structure;
        let Some(execution) = self.execution(&run.execution) else {
            let gap = Gap::ExecutionNotFound;
            return Reading {
                state: Err(gap),
                execution: Err(gap),
                structure: Ok(structure.clone()),
                actions: Err(gap),
                entries: Err(gap),
            };
        };
        let runs = runs_at(execution, at);
        let is_parallel = structure.mode == ExecutionMode::Parallel;
        Reading {
            state: if is_parallel { Err(Gap::NotRead) } else { Ok(self.state(run, &runs, at)) },
            execution: Ok(PipelineExecution {
                status: status_at(execution, &runs, at),
                kind: execution.kind,
                version: structure.version,
                mode: structure.mode,
            }),
            structure: Ok(structure.clone()),
            entries: if is_parallel { Ok(self.entries(&run.stage, at)) } else { Err(Gap::NotRead) },
            actions: Ok(runs),
        }
    }

    /// What is read again right before a retry, as it was then.
    pub fn stage_reading(&self, run: &StageRunId, mode: ExecutionMode, at: Timestamp) -> StageReading {
        let Reading { state, execution, actions, entries, .. } = self.reading(run, at);
        match mode {
            ExecutionMode::Parallel => StageReading::Parallel { execution, actions, entries },
            _ => StageReading::State(state),
        }
    }

    fn state(&self, run: &StageRunId, runs: &[ActionExecution], at: Timestamp) -> PipelineState {
        let stages = self.pipeline.structure.stages.iter().map(|declared| {
            let latest = self.latest_in(&declared.name, at);
            let is_ours = declared.name == run.stage && latest.is_some_and(|of| of.id == run.execution);
            let latest = latest.map(|latest| StageExecution {
                execution: latest.id.clone(),
                status: if is_ours { stage_status(declared, runs) } else { ExecutionStatus::InProgress },
                kind: latest.kind,
            });
            let actions = declared.actions.iter().map(|action| ActionState {
                name: action.name.clone(),
                latest: last_run(runs, &declared.name, &action.name).filter(|_| is_ours).map(shown),
            });
            StageState {
                name: declared.name.clone(),
                latest,
                transition: Transition::Enabled,
                actions: actions.collect(),
                retries: None,
                waiting: false,
            }
        });
        PipelineState { version: self.pipeline.structure.version, stages: stages.collect() }
    }

    fn latest_in(&self, stage: &StageName, at: Timestamp) -> Option<&'a ExecutionHistory> {
        let entries = self.entries.get(stage)?;
        let before = entries.partition_point(|(entered, _)| *entered <= at);
        entries.get(before.checked_sub(1)?).map(|(_, execution)| *execution)
    }

    /// The executions that had entered a stage by then.
    pub fn entries(&self, stage: &StageName, at: Timestamp) -> Vec<StageEntry> {
        let entries = self.entries.get(stage).map_or(&[][..], Vec::as_slice);
        let entered = entries.iter().take_while(|(entered, _)| *entered <= at);
        let entry = |(entered, execution): &(Timestamp, &ExecutionHistory)| StageEntry {
            execution: execution.id.clone(),
            started: execution.started,
            entered: *entered,
        };
        entered.map(entry).collect()
    }
}

/// The runs that had started by then, as they stood.
fn runs_at(execution: &ExecutionHistory, at: Timestamp) -> Vec<ActionExecution> {
    let Course::Eventful { runs, .. } = &execution.course else { return Vec::new() };
    let as_it_was = |run: &ActionExecution| {
        let mut run = run.clone();
        if run.last_change > at {
            run.status = ActionStatus::InProgress;
            run.last_change = run.started;
        }
        run
    };
    runs.iter().filter(|run| run.started <= at).map(as_it_was).collect()
}

fn last_run<'r>(
    runs: &'r [ActionExecution],
    stage: &StageName,
    action: &ActionName,
) -> Option<&'r ActionExecution> {
    let of_action = runs.iter().filter(|run| run.stage == *stage && run.action == *action);
    of_action.max_by_key(|run| (run.started, &run.id))
}

fn shown(run: &ActionExecution) -> ActionRun {
    ActionRun {
        id: run.id.clone(),
        status: run.status,
        last_change: run.last_change,
        error: ErrorDetails::default(),
    }
}

/// How a stage stands by the last runs of its actions.
fn stage_status(stage: &StageDeclaration, runs: &[ActionExecution]) -> ExecutionStatus {
    let last = |action: &ActionName| last_run(runs, &stage.name, action).map(|run| run.status);
    let all: Vec<Option<ActionStatus>> = stage.actions.iter().map(|action| last(&action.name)).collect();
    let any = |status| all.contains(&Some(status));
    if any(ActionStatus::InProgress) {
        ExecutionStatus::InProgress
    } else if any(ActionStatus::Failed) {
        ExecutionStatus::Failed
    } else if any(ActionStatus::Abandoned) {
        ExecutionStatus::Stopped
    } else if all.iter().all(|status| *status == Some(ActionStatus::Succeeded)) {
        ExecutionStatus::Succeeded
    } else {
        ExecutionStatus::InProgress
    }
}

/// How an execution stood: what is known of its end holds from its end on, and before it what its runs show.
fn status_at(execution: &ExecutionHistory, runs: &[ActionExecution], at: Timestamp) -> ExecutionStatus {
    if execution.last_change <= at {
        return execution.status;
    }
    if runs.iter().any(|run| run.status == ActionStatus::InProgress) {
        return ExecutionStatus::InProgress;
    }
    let mut last: BTreeMap<(&StageName, &ActionName), &ActionExecution> = BTreeMap::new();
    for run in runs {
        let newest = last.entry((&run.stage, &run.action)).or_insert(run);
        if (run.started, &run.id) > (newest.started, &newest.id) {
            *newest = run;
        }
    }
    if last.values().any(|run| run.status == ActionStatus::Failed) {
        ExecutionStatus::Failed
    } else {
        ExecutionStatus::InProgress
    }
}
