//! What CodePipeline remembers of pipelines: executions and the runs of their actions, with the class of what failed and
//! none of its texts. It can be kept in a file, shared, and decided about again.

mod document;
mod gathering;
mod timeline;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::evidence::{Depth, Examination};
use crate::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageName};
use crate::domain::pipeline::{
    ActionExecution, ActionStatus, ExecutionKind, ExecutionStatus, PipelineStructure,
};
use crate::domain::scope::Scope;
use crate::domain::tags::Tags;

pub use document::{Header, InvalidHistory, read, read_header, write_header, write_pipeline};
pub use gathering::{Gathered, Sources};
pub use timeline::Timeline;

/// The history of an account's pipelines in one Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Where, when, and how deep it was read.
    pub header: Header,
    /// The pipelines.
    pub pipelines: Vec<PipelineHistory>,
}

/// The history of one pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineHistory {
    /// The pipeline as it was when its history was read.
    pub structure: PipelineStructure,
    /// Its tags; none where they were not read.
    pub tags: Option<Tags>,
    /// Its executions, the oldest first.
    pub executions: Vec<ExecutionHistory>,
}

/// One execution of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionHistory {
    /// Its id.
    pub id: ExecutionId,
    /// How it stood when it was read.
    pub status: ExecutionStatus,
    /// Why it exists.
    pub kind: ExecutionKind,
    /// When it started.
    pub started: Timestamp,
    /// When it last changed.
    pub last_change: Timestamp,
    /// What happened in it.
    pub course: Course,
}

/// What happened in an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// No action failed and none ran twice: only where it was when is kept.
    Quiet(Vec<Passage>),
    /// Something failed or was run again.
    Eventful {
        /// Every run of every action, without texts.
        runs: Vec<ActionExecution>,
        /// The class of each failed run.
        examination: Examination,
    },
}

/// A stage that an execution went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The stage.
    pub stage: StageName,
    /// When its first action started.
    pub entered: Timestamp,
    /// When its last action ended.
    pub left: Timestamp,
}

impl Course {
    /// The course that these runs show. Texts do not come in here, so classes have to be found before.
    pub fn of(runs: Vec<ActionExecution>, examination: Examination) -> Self {
        let mut actions: BTreeMap<_, usize> = BTreeMap::new();
        for run in &runs {
            *actions.entry((&run.stage, &run.action)).or_default() += 1;
        }
        let is_quiet = actions.values().all(|times| *times == 1)
            && runs
                .iter()
                .all(|run| matches!(run.status, ActionStatus::Succeeded | ActionStatus::InProgress));
        if is_quiet { Self::Quiet(passages(&runs)) } else { Self::Eventful { runs, examination } }
    }

    /// The stages that it went through, in the order of its entry.
    pub fn passages(&self) -> Vec<Passage> {
        match self {
            Self::Quiet(passages) => passages.clone(),
            Self::Eventful { runs, .. } => passages(runs),
        }
    }
}

impl Course {
    /// Calls this once for each stage that it went through.
    pub fn each_stage(&self, mut call: impl FnMut(&StageName)) {
        match self {
            Self::Quiet(passages) => passages.iter().for_each(|passage| call(&passage.stage)),
            Self::Eventful { runs, .. } => passages(runs).iter().for_each(|passage| call(&passage.stage)),
        }
    }
}

fn passages(runs: &[ActionExecution]) -> Vec<Passage> {
    let mut stages: BTreeMap<&StageName, Passage> = BTreeMap::new();
    for run in runs {
        let passage = stages.entry(&run.stage).or_insert_with(|| Passage {
            stage: run.stage.clone(),
            entered: run.started,
            left: run.last_change,
        });
        passage.entered = passage.entered.min(run.started);
        passage.left = passage.left.max(run.last_change);
    }
    let mut passages: Vec<Passage> = stages.into_values().collect();
    passages.sort_by_key(|passage| passage.entered);
    passages
}

impl ExecutionHistory {
    /// Whether it succeeded and nothing in it had to run twice.
    pub fn is_first_try(&self) -> bool {
        self.status == ExecutionStatus::Succeeded && matches!(self.course, Course::Quiet(_))
    }
}

impl History {
    /// Where the pipelines are.
    pub fn scope(&self) -> &Scope {
        &self.header.scope
    }

    /// The ARN of one of its pipelines.
    pub fn arn(&self, name: &PipelineName) -> PipelineArn {
        self.header.scope.pipeline(name)
    }

    /// How deep it was looked at what failed.
    pub fn depth(&self) -> Depth {
        self.header.depth
    }

    /// Only the executions that started since then, of pipelines with such names.
    #[must_use]
    pub fn narrowed(mut self, since: Timestamp, wanted: impl Fn(&PipelineName) -> bool) -> Self {
        self.pipelines.retain(|pipeline| wanted(&pipeline.structure.name));
        for pipeline in &mut self.pipelines {
            pipeline.executions.retain(|execution| execution.started >= since);
        }
        self.header.since = self.header.since.max(since);
        self
    }
}
