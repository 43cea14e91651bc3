//! What comes of runs that no script foresees: drawn when a run starts, by whoever set the pipelines up.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::ids::{ActionExecutionId, ActionName, ExecutionId, PipelineName, StageName};
use crate::domain::pipeline::ActionStatus;

use super::CodePipeline;
use super::definition::Outcome;
use super::execution::StageKey;
use super::pipeline::Pipeline;
use super::scene::Scene;

/// A run that starts, as far as its outcome may depend on it. No id is among it: the same run of another play, in which
/// other things happened before, has the same circumstances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances<'a> {
    /// The pipeline.
    pub pipeline: &'a PipelineName,
    /// When the execution started, which no other of the pipeline did.
    pub execution_started: Timestamp,
    /// The stage.
    pub stage: &'a StageName,
    /// The action.
    pub action: &'a ActionName,
    /// How often the action ran before in this run of the stage.
    pub attempt: usize,
    /// When it ran there first; now if it did not.
    pub first_started: Timestamp,
    /// When this run starts.
    pub started: Timestamp,
}

/// Says what comes of a run; nothing where the script of the action decides.
#[derive(Clone)]
pub struct Fate(Arc<Draw>);

type Draw = dyn Fn(&Circumstances<'_>) -> Option<Outcome> + Send + Sync;

impl Fate {
    /// A fate that draws like this. The same circumstances have to give the same outcome.
    pub fn new(draw: impl Fn(&Circumstances<'_>) -> Option<Outcome> + Send + Sync + 'static) -> Self {
        Self(Arc::new(draw))
    }
}

impl fmt::Debug for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fate").finish_non_exhaustive()
    }
}

impl CodePipeline {
    /// Lets fate say what comes of runs from now on.
    pub fn leave_to(&mut self, fate: Fate) {
        self.shared.fate = Some(fate);
    }

    /// The circumstances that a run started in.
    pub fn circumstances(
        &self,
        pipeline: &PipelineName,
        run: &ActionExecutionId,
    ) -> Option<Circumstances<'_>> {
        let pipeline = self.pipelines.get(pipeline)?;
        let record = pipeline.runs.get(run)?;
        let mut circumstances = pipeline.circumstances(&record.key, &record.action, record.started)?;
        let earlier = pipeline.runs_in(&record.key, &record.action);
        circumstances.attempt = earlier.take_while(|earlier| *earlier != run).count();
        Some(circumstances)
    }

    /// The failed run that counts in a stage run, the first by the name of its action.
    pub fn failed_run(
        &self,
        pipeline: &PipelineName,
        execution: &ExecutionId,
        stage: &StageName,
    ) -> Option<ActionExecutionId> {
        let key = StageKey { execution: execution.clone(), stage: stage.clone() };
        self.pipelines.get(pipeline)?.current_in(&key, ActionStatus::Failed).into_iter().next()
    }
}

impl Scene<'_> {
    /// What fate says of a run that starts now.
    pub(super) fn drawn(&self, key: &StageKey, action: &ActionName) -> Option<Outcome> {
        let Fate(draw) = self.shared.fate.as_ref()?;
        draw(&self.pipeline.circumstances(key, action, self.now)?)
    }
}

impl Pipeline {
    fn runs_in<'a>(
        &'a self,
        key: &'a StageKey,
        action: &'a ActionName,
    ) -> impl Iterator<Item = &'a ActionExecutionId> {
        let history = self.stage_run(key).into_iter().flat_map(|run| &run.history);
        history.filter(|id| self.runs.get(*id).is_some_and(|record| record.action == *action))
    }

    fn circumstances<'a>(
        &'a self,
        key: &'a StageKey,
        action: &'a ActionName,
        started: Timestamp,
    ) -> Option<Circumstances<'a>> {
        let execution = self.executions.get(&key.execution)?;
        let mut earlier = self.runs_in(key, action).peekable();
        let first = earlier.peek().and_then(|id| self.runs.get(*id));
        Some(Circumstances {
            pipeline: self.name(),
            execution_started: execution.started,
            stage: &key.stage,
            action,
            first_started: first.map_or(started, |record| record.started),
            attempt: earlier.count(),
            started,
        })
    }
}
