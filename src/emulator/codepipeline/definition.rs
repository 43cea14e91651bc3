//! How a pipeline is made up, and what its actions will do. Checked as a whole when a pipeline is created or updated.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::domain::ids::{ActionName, PipelineName, Region, StageName};
use crate::domain::pipeline::{Category, ChangeSetPart, ExecutionMode};
use crate::domain::policy::RetryMode;

use super::cause::Cause;
use super::error::{Exception, ServiceError};

/// Which features a pipeline has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PipelineType {
    /// The old type: SUPERSEDED only, no automatic retry, rollback or conditions.
    V1,
    /// The type with everything.
    V2,
}

impl PipelineType {
    /// CodePipeline's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "V1",
            Self::V2 => "V2",
        }
    }
}

/// A pipeline as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineDefinition {
    /// Name.
    pub name: PipelineName,
    /// How executions share the stages. Default of [`Self::new`]: SUPERSEDED.
    pub mode: ExecutionMode,
    /// Which features it has. Default of [`Self::new`]: V2.
    pub pipeline_type: PipelineType,
    /// The stages in order; the first is the source stage.
    pub stages: Vec<StageDefinition>,
    /// Tags of the pipeline.
    pub tags: BTreeMap<String, String>,
}

/// What a condition before the entry to a stage comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BeforeEntry {
    /// The stage runs.
    Pass,
    /// The stage fails without running an action.
    Fail,
    /// The stage is left out.
    Skip,
}

/// What a condition after the success of all actions comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnSuccess {
    /// The stage succeeds.
    Pass,
    /// The stage fails although every action succeeded.
    Fail,
}

/// A stage as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageDefinition {
    /// Name.
    pub name: StageName,
    /// CodePipeline's own single retry on failure.
    pub native_retry: Option<RetryMode>,
    /// Condition before entry.
    pub before_entry: BeforeEntry,
    /// Condition on success.
    pub on_success: OnSuccess,
    /// Whether a failure brings back the last execution that succeeded in the stage.
    pub on_failure_rollback: bool,
    /// The actions.
    pub actions: Vec<ActionDefinition>,
}

/// An action as it is to be, with what will come of its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionDefinition {
    /// Name.
    pub name: ActionName,
    /// What it is for. An `Approval` waits for an answer, whatever its script says.
    pub category: Category,
    /// Who carries it out.
    pub provider: String,
    /// Actions of the same order run side by side; 1 to 999.
    pub run_order: u32,
    /// Region of the action, where it is not the pipeline's.
    pub region: Option<Region>,
    /// The CloudFormation stack that it deploys, where that is not called as the pipeline and the action has no part in a
    /// change-set pair.
    pub stack: Option<String>,
    /// Part in a change-set pair. Once the change set was executed, whatever came of it, it is gone until it is made again.
    pub change_set: Option<ChangeSetPart>,
    /// Outcome of the first, second, … run of the action in the pipeline; the last one repeats.
    /// An empty script repeats [`Outcome::default`].
    pub script: Vec<Outcome>,
}

/// What comes of one run of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeds.
    Succeed {
        /// Time that it takes.
        after: SignedDuration,
    },
    /// It fails.
    Fail {
        /// Time that it takes.
        after: SignedDuration,
        /// Error code.
        code: String,
        /// Error message; in answers, not in events.
        message: String,
        /// Summary; in answers and events.
        summary: String,
        /// What its provider knows beside.
        cause: Option<Box<Cause>>,
    },
    /// It runs until it is abandoned.
    Hang,
}

impl Default for Outcome {
    /// Success after a minute.
    fn default() -> Self {
        Self::Succeed { after: SignedDuration::from_mins(1) }
    }
}

impl Outcome {
    /// Failure with code `JobFailed`, the catch-all, and no summary.
    pub fn fail(after: SignedDuration, message: impl Into<String>) -> Self {
        Self::Fail {
            after,
            code: "JobFailed".to_owned(),
            message: message.into(),
            summary: String::new(),
            cause: None,
        }
    }

    /// The same with what the provider knows of it. A success has no cause.
    #[must_use]
    pub fn because(mut self, of: Cause) -> Self {
        if let Self::Fail { cause, .. } = &mut self {
            *cause = Some(Box::new(of));
        }
        self
    }
}

impl ActionDefinition {
    /// An action of run order 1 that always succeeds.
    pub fn new(name: ActionName, category: Category, provider: impl Into<String>) -> Self {
        Self {
            name,
            category,
            provider: provider.into(),
            run_order: 1,
            region: None,
            stack: None,
            change_set: None,
            script: Vec::new(),
        }
    }

    /// The same with another run order.
    #[must_use]
    pub fn in_order(mut self, run_order: u32) -> Self {
        self.run_order = run_order;
        self
    }

    /// The same with a script.
    #[must_use]
    pub fn with_script(mut self, script: impl IntoIterator<Item = Outcome>) -> Self {
        self.script = script.into_iter().collect();
        self
    }

    /// The same as part of a change-set pair.
    #[must_use]
    pub fn with_change_set(mut self, part: ChangeSetPart) -> Self {
        self.change_set = Some(part);
        self
    }

    /// The stack that it deploys, should it deploy one.
    pub fn stack_name<'a>(&'a self, pipeline: &'a PipelineName) -> &'a str {
        match &self.change_set {
            Some(ChangeSetPart::Makes(set) | ChangeSetPart::Executes(set)) => &set.stack,
            None => self.stack.as_deref().unwrap_or(pipeline.as_str()),
        }
    }

    /// Outcome of the run with this number, counted from 0.
    pub(super) fn outcome(&self, run: usize) -> Outcome {
        let chosen = self.script.get(run).or(self.script.last());
        chosen.cloned().unwrap_or_default()
    }
}

impl StageDefinition {
    /// A stage without conditions and automatic retry.
    pub fn new(name: StageName, actions: Vec<ActionDefinition>) -> Self {
        Self {
            name,
            native_retry: None,
            before_entry: BeforeEntry::Pass,
            on_success: OnSuccess::Pass,
            on_failure_rollback: false,
            actions,
        }
    }

    /// The smallest run order above `order`.
    pub(super) fn order_after(&self, order: u32) -> Option<u32> {
        let orders = self.actions.iter().map(|action| action.run_order);
        orders.filter(|next| *next > order).min()
    }

    pub(super) fn action(&self, name: &ActionName) -> Option<&ActionDefinition> {
        self.actions.iter().find(|action| action.name == *name)
    }

    fn needs_v2(&self) -> bool {
        self.native_retry.is_some()
            || self.on_failure_rollback
            || self.before_entry != BeforeEntry::Pass
            || self.on_success != OnSuccess::Pass
    }

    fn check(&self) -> Result<(), ServiceError> {
        let stage = &self.name;
        let invalid_stage = |message| Err(ServiceError::new(Exception::InvalidStageDeclaration, message));
        if self.actions.is_empty() {
            return invalid_stage(format!("Stage '{stage}' has no action"));
        }
        if self.native_retry.is_some() && self.on_failure_rollback {
            return invalid_stage(format!("Stage '{stage}' has two results for a failure"));
        }
        let mut names = BTreeSet::new();
        for ActionDefinition { name, run_order, .. } in &self.actions {
            let problem = if !names.insert(name) {
                "is declared twice"
            } else if !(1..=999).contains(run_order) {
                "has a run order outside 1 to 999"
            } else {
                continue;
            };
            return Err(ServiceError::new(
                Exception::InvalidActionDeclaration,
                format!("Action '{name}' of stage '{stage}' {problem}"),
            ));
        }
        Ok(())
    }
}

impl PipelineDefinition {
    /// A SUPERSEDED pipeline of type V2 without tags.
    pub fn new(name: PipelineName, stages: Vec<StageDefinition>) -> Self {
        Self {
            name,
            mode: ExecutionMode::Superseded,
            pipeline_type: PipelineType::V2,
            stages,
            tags: BTreeMap::new(),
        }
    }

    /// The same in another mode.
    #[must_use]
    pub fn in_mode(mut self, mode: ExecutionMode) -> Self {
        self.mode = mode;
        self
    }

    pub(super) fn stage(&self, name: &StageName) -> Option<&StageDefinition> {
        self.stages.iter().find(|stage| stage.name == *name)
    }

    pub(super) fn stage_after(&self, name: &StageName) -> Option<&StageDefinition> {
        let mut rest = self.stages.iter().skip_while(|stage| stage.name != *name);
        rest.next()?;
        rest.next()
    }

    /// Whether the service takes it.
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        let invalid = |message: String| Err(ServiceError::new(Exception::InvalidStructure, message));
        if self.stages.is_empty() {
            return invalid("Pipeline has no stage".to_owned());
        }
        let mut names = BTreeSet::new();
        if let Some(stage) = self.stages.iter().find(|stage| !names.insert(&stage.name)) {
            return invalid(format!("Stage '{}' is declared twice", stage.name));
        }
        let needs_v2 =
            self.mode != ExecutionMode::Superseded || self.stages.iter().any(StageDefinition::needs_v2);
        if needs_v2 && self.pipeline_type == PipelineType::V1 {
            return invalid(
                "Execution mode, automatic retry, rollback and conditions need pipeline type V2".to_owned(),
            );
        }
        self.stages.iter().try_for_each(StageDefinition::check)
    }
}
