//! A small CodePipeline: one stage with one action, its attempts, and what its answers say.

use codepipeline_retrier::domain::ids::{ActionExecutionId, ActionName, ExecutionId, StageName, StageRunId};
use codepipeline_retrier::domain::pipeline::{
    ActionDeclaration, ActionExecution, ActionRun, ActionState, ActionStatus, Category, ErrorDetails,
    ExecutionKind, ExecutionMode, ExecutionStatus, Gap, PipelineExecution, PipelineState, PipelineStructure,
    Reading, Refusal, StageDeclaration, StageExecution, StageState, Transition,
};
use codepipeline_retrier::domain::text::EvidenceText;

use super::time::{Second, instant};

/// What CodePipeline shows of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shown {
    pub attempts: Vec<Attempt>,
    /// A person has closed the entry to the stage.
    pub disabled: bool,
    /// A newer execution has entered the stage.
    pub replaced: bool,
}

/// One run of the stage's action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub status: ActionStatus,
    pub started: Second,
    pub changed: Second,
    /// Who brought it about.
    pub cause: Cause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    Change,
    Ours,
    Person,
}

/// The stage with what only the model knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stage {
    pub shown: Shown,
    /// What was shown before the last change and when that was; kept where answers may be stale.
    pub before: Option<(Box<Shown>, Second)>,
    /// The failed attempt that the open claim was made for.
    pub claimed: Option<usize>,
    /// For each attempt, whether a person brought it about so soon after a claim for the failure before it that our own
    /// call, if it was made, cannot be told from it.
    pub unclear: Vec<bool>,
    /// For each attempt, whether its failure has a decision on record that ends it.
    pub decided: Vec<bool>,
    /// For each attempt, whether the event of its failure was lost.
    pub lost: Vec<bool>,
    /// Whether a rollback of ours was called for.
    pub is_rolled_back: bool,
}

impl Stage {
    /// A stage that has just failed for the first time.
    pub fn failed() -> Self {
        let attempt = Attempt { status: ActionStatus::Failed, started: 0, changed: 1, cause: Cause::Change };
        Self {
            shown: Shown { attempts: vec![attempt], disabled: false, replaced: false },
            before: None,
            claimed: None,
            unclear: vec![false],
            decided: vec![false],
            lost: vec![false],
            is_rolled_back: false,
        }
    }

    /// A rollback takes the stage, if nothing is at work in it.
    pub fn roll_back(&mut self) -> bool {
        self.is_rolled_back = true;
        let is_free = !self.shown.replaced && self.shown.present_failure().is_some();
        self.shown.replaced |= is_free;
        is_free
    }

    /// Runs again what has failed, if that can be done.
    pub fn retry(&mut self, cause: Cause, now: Second) -> Result<(), Refusal> {
        if self.shown.replaced {
            return Err(Refusal::NotLatestExecution);
        }
        if self.shown.present_failure().is_none() {
            return Err(Refusal::NotRetryable);
        }
        let status = ActionStatus::InProgress;
        self.shown.attempts.push(Attempt { status, started: now, changed: now, cause });
        self.unclear.push(false);
        self.decided.push(false);
        self.lost.push(false);
        Ok(())
    }

    pub fn end(&mut self, status: ActionStatus, now: Second) {
        if let Some(last) = self.shown.attempts.last_mut() {
            last.status = status;
            last.changed = now;
        }
    }

    pub fn accepted(&self) -> usize {
        self.shown.attempts.iter().filter(|attempt| attempt.cause == Cause::Ours).count()
    }
}

impl Shown {
    pub fn last(&self) -> usize {
        self.attempts.len() - 1
    }

    pub fn is_running(&self) -> bool {
        self.attempts[self.last()].status == ActionStatus::InProgress
    }

    /// The attempt that has failed and was not run again.
    pub fn present_failure(&self) -> Option<usize> {
        (self.attempts[self.last()].status == ActionStatus::Failed).then(|| self.last())
    }
}

/// The execution that last succeeded in the stage.
pub fn earlier_execution() -> ExecutionId {
    ExecutionId::parse("earlier").unwrap()
}

/// The execution that a rollback runs as.
pub fn rollback_execution() -> ExecutionId {
    ExecutionId::parse("rollback").unwrap()
}

pub fn action_execution(attempt: usize) -> ActionExecutionId {
    ActionExecutionId::parse(format!("attempt-{attempt}")).unwrap()
}

fn error() -> ErrorDetails {
    ErrorDetails {
        code: Some("JobFailed".into()),
        message: EvidenceText::new("Rate exceeded"),
        summary: EvidenceText::default(),
    }
}

fn action() -> ActionName {
    ActionName::parse("Build").unwrap()
}

/// `GetPipelineState`.
pub fn state(run: &StageRunId, shown: &Shown) -> PipelineState {
    let last = shown.last();
    let attempt = shown.attempts[last];
    let (execution, status, id, action_status) = if shown.replaced {
        let newer = ExecutionId::parse("newer").unwrap();
        let id = ActionExecutionId::parse("newer").unwrap();
        (newer, ExecutionStatus::InProgress, id, ActionStatus::InProgress)
    } else {
        (run.execution.clone(), status_of(attempt.status), action_execution(last), attempt.status)
    };
    let run_of_action = ActionRun {
        id,
        status: action_status,
        last_change: instant(attempt.changed),
        error: if action_status == ActionStatus::Failed { error() } else { ErrorDetails::default() },
    };
    let transition = if shown.disabled { Transition::Disabled } else { Transition::Enabled };
    PipelineState {
        version: 1,
        stages: vec![StageState {
            name: run.stage.clone(),
            latest: Some(StageExecution { execution, status, kind: ExecutionKind::Standard }),
            transition,
            actions: vec![ActionState { name: action(), latest: Some(run_of_action) }],
            retries: None,
            waiting: false,
        }],
    }
}

fn declared(name: StageName) -> StageDeclaration {
    StageDeclaration {
        name,
        native_retry: None,
        actions: vec![ActionDeclaration {
            name: action(),
            category: Category::Build,
            provider: "CodeBuild".into(),
            run_order: 1,
            change_set: None,
        }],
    }
}

/// Every answer that a decision rests on; state and history may be of different times.
pub fn reading(run: &StageRunId, shown_by_state: &Shown, shown_by_history: &Shown) -> Reading {
    let last = shown_by_history.attempts[shown_by_history.last()];
    let history = shown_by_history.attempts.iter().enumerate();
    Reading {
        state: Ok(state(run, shown_by_state)),
        execution: Ok(PipelineExecution {
            status: status_of(last.status),
            kind: ExecutionKind::Standard,
            version: 1,
            mode: ExecutionMode::Superseded,
        }),
        structure: Ok(PipelineStructure {
            name: run.pipeline.name.clone(),
            version: 1,
            mode: ExecutionMode::Superseded,
            stages: vec![declared(StageName::parse("source").unwrap()), declared(run.stage.clone())],
        }),
        actions: Ok(history
            .map(|(number, attempt)| ActionExecution {
                execution: run.execution.clone(),
                stage: run.stage.clone(),
                action: action(),
                id: action_execution(number),
                status: attempt.status,
                category: Category::Build,
                provider: "CodeBuild".into(),
                region: None,
                external_id: None,
                started: instant(attempt.started),
                last_change: instant(attempt.changed),
                error: if attempt.status == ActionStatus::Failed { error() } else { ErrorDetails::default() },
            })
            .collect()),
        entries: Err(Gap::NotRead),
    }
}

fn status_of(status: ActionStatus) -> ExecutionStatus {
    match status {
        ActionStatus::InProgress => ExecutionStatus::InProgress,
        ActionStatus::Succeeded => ExecutionStatus::Succeeded,
        ActionStatus::Failed => ExecutionStatus::Failed,
        ActionStatus::Abandoned => ExecutionStatus::Stopped,
    }
}
