//! From the answers that are given to the reading that a decision needs: what is missing is assumed where that is safe,
//! and said; where it is not, the gap stays and the decision meets it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::aws::Source;
use crate::domain::ids::{ActionName, ExecutionId, StageRunId};
use crate::domain::pipeline::{
    ActionDeclaration, ActionExecution, ActionRun, ActionState, ExecutionKind, ExecutionMode,
    ExecutionStatus, Gap, PipelineExecution, PipelineState, PipelineStructure, Reading, StageDeclaration,
    StageEntry, StageExecution, StageState, Transition,
};
use crate::domain::tags::Tags;
use crate::domain::trigger::StageEvent;

/// CodePipeline's answers, as far as there are files of them.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub state: Option<PipelineState>,
    pub actions: Option<Vec<ActionExecution>>,
    pub execution: Option<PipelineExecution>,
    pub structure: Option<PipelineStructure>,
    /// The pipeline's tags.
    pub tags: Option<Tags>,
}

/// Something taken for true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assumption {
    /// What, as a statement.
    pub text: String,
    /// The flag that takes the assumption's place.
    pub settled_by: Option<&'static str>,
}

impl Assumption {
    pub fn new(text: impl Into<String>, settled_by: Option<&'static str>) -> Self {
        Self { text: text.into(), settled_by }
    }
}

/// A reading, and what it takes for true.
#[derive(Debug)]
pub(super) struct Assembled {
    pub reading: Reading,
    pub assumptions: Vec<Assumption>,
}

/// Puts a reading together.
pub(super) fn assemble(event: &StageEvent, given: &Given) -> Assembled {
    let mut assembly = Assembly { event, run: &event.run, given, assumptions: Vec::new() };
    let execution = assembly.execution();
    let structure = assembly.structure(execution.version);
    let reading = if execution.mode == ExecutionMode::Parallel {
        assembly.set_state_aside();
        let entries = assembly.entries();
        let actions = given.actions.clone().ok_or(Gap::NotRead);
        Reading {
            state: Err(Gap::NotRead),
            execution: Ok(execution),
            structure: Ok(structure),
            actions,
            entries,
        }
    } else {
        let actions = assembly.actions();
        let state = assembly.state(structure.version);
        Reading {
            state,
            execution: Ok(execution),
            structure: Ok(structure),
            actions,
            entries: Err(Gap::NotRead),
        }
    };
    Assembled { reading, assumptions: assembly.assumptions }
}

struct Assembly<'a> {
    event: &'a StageEvent,
    run: &'a StageRunId,
    given: &'a Given,
    assumptions: Vec<Assumption>,
}

impl Assembly<'_> {
    fn assume(&mut self, text: impl Into<String>, settled_by: Source) {
        self.assumptions.push(Assumption::new(text, Some(settled_by.flag())));
    }

    fn execution(&mut self) -> PipelineExecution {
        if let Some(execution) = &self.given.execution {
            return execution.clone();
        }
        let Given { state, structure, .. } = self.given;
        let version = state.as_ref().map(|state| state.version);
        let version = version.or(structure.as_ref().map(|structure| structure.version));
        let mode = structure.as_ref().map_or(ExecutionMode::Superseded, |structure| structure.mode);
        self.assume(
            format!(
                "the execution has failed and is not a rollback, runs in mode {}, and the pipeline was not edited \
                 since it started",
                mode.as_str()
            ),
            Source::Execution,
        );
        PipelineExecution {
            status: ExecutionStatus::Failed,
            kind: ExecutionKind::Standard,
            // Any number will do when nothing tells of versions.
            version: version.unwrap_or(1),
            mode,
        }
    }

    fn structure(&mut self, execution_version: u32) -> PipelineStructure {
        if let Some(structure) = &self.given.structure {
            return structure.clone();
        }
        self.assume(
            "CodePipeline does not retry the stage by itself, and to run the failed actions again is enough",
            Source::Pipeline,
        );
        let names = match &self.given.state {
            Some(state) => state.stages.iter().map(|stage| stage.name.clone()).collect(),
            None => vec![self.run.stage.clone()],
        };
        PipelineStructure {
            name: self.run.pipeline.name.clone(),
            version: self.given.state.as_ref().map_or(execution_version, |state| state.version),
            // The mode that counts is the execution's.
            mode: ExecutionMode::Superseded,
            stages: names
                .into_iter()
                .map(|name| StageDeclaration { name, native_retry: None, actions: Vec::new() })
                .collect(),
        }
    }

    /// The state; where the history is given, a state that says no more than history and event do.
    fn state(&mut self, version: u32) -> Result<PipelineState, Gap> {
        if let Some(state) = &self.given.state {
            return Ok(state.clone());
        }
        let actions = self.given.actions.as_deref().ok_or(Gap::NotRead)?;
        self.assume(
            "no other execution has entered the stage, and nobody disabled the transition into it",
            Source::State,
        );
        let ran_since = actions.iter().any(|action| self.is_ours(action) && action.started > self.event.time);
        let status = StageExecution {
            execution: self.run.execution.clone(),
            status: ExecutionStatus::Failed,
            kind: ExecutionKind::Standard,
        };
        let stage = StageState {
            name: self.run.stage.clone(),
            // The event has the last word on the stage unless the history goes on after it.
            latest: (!ran_since).then_some(status),
            transition: Transition::Enabled,
            actions: last_runs(self.run, actions),
            retries: None,
            waiting: false,
        };
        Ok(PipelineState { version, stages: vec![stage] })
    }

    /// The history; where it is not given, what the state shows of it, if that can be all of it.
    fn actions(&mut self) -> Result<Vec<ActionExecution>, Gap> {
        if let Some(actions) = &self.given.actions {
            return Ok(actions.clone());
        }
        let state = self.given.state.as_ref().ok_or(Gap::NotRead)?;
        let index = state.stages.iter().position(|stage| stage.name == self.run.stage).ok_or(Gap::NotRead)?;
        let (earlier, rest) = state.stages.split_at(index);
        let stage = rest.first().ok_or(Gap::NotRead)?;
        match &stage.latest {
            None => return Err(Gap::NotRead),
            // The state alone tells that the stage is another execution's.
            Some(latest) if latest.execution != self.run.execution => return Ok(Vec::new()),
            Some(_) => {}
        }
        if self.may_hide_retries(stage) {
            return Err(Gap::NotRead);
        }
        let structure = self.given.structure.as_ref().ok_or(Gap::NotRead)?;
        let declared = structure.stages.iter().find(|declared| declared.name == self.run.stage);
        let declared = declared.map(|stage| stage.actions.as_slice()).unwrap_or_default();
        let entered = earlier.last().and_then(|before| left(before, &self.run.execution));
        let shown = shown_runs(self.run, stage, declared, entered).ok_or(Gap::NotRead)?;
        self.assume(
            "each run that the state shows of the stage is of this execution and the first of its action: nobody has \
             retried it",
            Source::Actions,
        );
        Ok(shown)
    }

    /// Whether there is more history than the last runs, as far as state and event count retries.
    fn may_hide_retries(&self, stage: &StageState) -> bool {
        match stage.retries {
            Some(retries) => retries.manual > 0,
            None => !self.event.key.last_retry.is_empty(),
        }
    }

    fn set_state_aside(&mut self) {
        if self.given.state.is_some() {
            let text = "the state tells nothing: an execution in mode PARALLEL has none of its own";
            self.assumptions.push(Assumption::new(text, None));
        }
    }

    fn entries(&mut self) -> Result<Vec<StageEntry>, Gap> {
        let actions = self.given.actions.as_deref().ok_or(Gap::NotRead)?;
        let entries = entries(self.run, actions);
        if entries.iter().all(|entry| entry.execution == self.run.execution) {
            self.assume(
                "no newer execution has reached the stage; a list of all executions' actions would tell",
                Source::Actions,
            );
        }
        Ok(entries)
    }

    fn is_ours(&self, action: &ActionExecution) -> bool {
        action.execution == self.run.execution && action.stage == self.run.stage
    }
}

/// When an execution had left a stage, where the state still shows that it was there.
fn left(stage: &StageState, execution: &ExecutionId) -> Option<Timestamp> {
    stage.latest.as_ref().filter(|latest| latest.execution == *execution)?;
    stage.actions.iter().filter_map(|action| action.latest.as_ref()).map(|run| run.last_change).max()
}

/// The last runs of a stage's actions as a history, without those that ended before the execution came to the stage.
/// None where an action is not declared, so that nobody knows what it is for.
fn shown_runs(
    run: &StageRunId,
    stage: &StageState,
    declared: &[ActionDeclaration],
    entered: Option<Timestamp>,
) -> Option<Vec<ActionExecution>> {
    let mut runs = Vec::new();
    for action in &stage.actions {
        let Some(last) = &action.latest else { continue };
        if entered.is_some_and(|entered| last.last_change < entered) {
            continue;
        }
        let declared = declared.iter().find(|declared| declared.name == action.name)?;
        runs.push(ActionExecution {
            execution: run.execution.clone(),
            stage: run.stage.clone(),
            action: action.name.clone(),
            id: last.id.clone(),
            status: last.status,
            category: declared.category,
            provider: declared.provider.clone(),
            region: None,
            external_id: None,
            started: entered.unwrap_or(last.last_change),
            last_change: last.last_change,
            error: last.error.clone(),
        });
    }
    Some(runs)
}

/// The last run of each action, as a state would show it.
fn last_runs(run: &StageRunId, actions: &[ActionExecution]) -> Vec<ActionState> {
    let mut last: BTreeMap<&ActionName, &ActionExecution> = BTreeMap::new();
    for action in
        actions.iter().filter(|action| action.execution == run.execution && action.stage == run.stage)
    {
        let newest = last.entry(&action.action).or_insert(action);
        if (action.started, &action.id) > (newest.started, &newest.id) {
            *newest = action;
        }
    }
    last.into_iter()
        .map(|(name, action)| ActionState {
            name: name.clone(),
            latest: Some(ActionRun {
                id: action.id.clone(),
                status: action.status,
                last_change: action.last_change,
                error: action.error.clone(),
            }),
        })
        .collect()
}

/// The executions that have entered the stage, by the history of all of them.
fn entries(run: &StageRunId, actions: &[ActionExecution]) -> Vec<StageEntry> {
    let mut times: BTreeMap<&ExecutionId, (Timestamp, Option<Timestamp>)> = BTreeMap::new();
    for action in actions {
        let (started, entered) = times.entry(&action.execution).or_insert((action.started, None));
        *started = action.started.min(*started);
        if action.stage == run.stage {
            *entered = Some(entered.map_or(action.started, |earlier| action.started.min(earlier)));
        }
    }
    times
        .into_iter()
        .filter_map(|(execution, (started, entered))| {
            entered.map(|entered| StageEntry { execution: execution.clone(), started, entered })
        })
        .collect()
}
