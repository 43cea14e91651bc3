//! What really happened in a play, counted by who played it and not by the product.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::class::Class;
use crate::domain::ids::{ExecutionId, PipelineName, StageName};
use crate::domain::pipeline::ExecutionStatus;
use crate::emulator::codepipeline::ExecutionSummary;

/// Who retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// CodePipeline by itself.
    Native,
    /// The function.
    Function,
    /// A person.
    Person,
}

/// A failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// As what it was drawn.
    pub class: Class,
}

/// A retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: By,
    /// The failure that it answered.
    pub of: Failure,
    /// How it ended; it runs still, or was replaced, when absent.
    pub end: Option<RetryEnd>,
}

/// How a retry ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryEnd {
    /// The stage succeeded.
    Recovered(Timestamp),
    /// The stage failed again.
    FailedAgain(Failure),
}

/// A stage run that failed at least once, with all that came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRun {
    /// The pipeline.
    pub pipeline: PipelineName,
    /// The execution.
    pub execution: ExecutionId,
    /// The stage.
    pub stage: StageName,
    /// Its failures, in order; there is one at least.
    pub failures: Vec<Failure>,
    /// Its retries, in order.
    pub retries: Vec<Retry>,
    /// How long the change waited: from the first failure until the stage succeeded, or until the next change of the
    /// pipeline came, whichever was first.
    pub waited: SignedDuration,
}

impl FailedRun {
    /// Who retried it for the last time, if that helped.
    pub fn recovered_by(&self) -> Option<By> {
        let last = self.retries.last()?;
        matches!(last.end, Some(RetryEnd::Recovered(_))).then_some(last.by)
    }
}

/// How executions stand at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Executions {
    /// Started.
    pub started: u64,
    /// Succeeded without a failure.
    pub green_at_first_try: u64,
    /// Succeeded, and nobody but the function and CodePipeline had to help.
    pub recovered_by_retry: u64,
    /// Succeeded since a person retried.
    pub recovered_by_people: u64,
    /// Failed.
    pub left_failed: u64,
    /// Replaced by a newer one.
    pub superseded: u64,
    /// Anything else, such as in progress still.
    pub others: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Truth {
    /// How executions stand at the end.
    pub executions: Executions,
    /// Changes that CodePipeline did not take, since too many ran.
    pub refused_starts: u64,
    /// Every stage run that failed, by its first failure.
    pub failed_runs: Vec<FailedRun>,
    /// Outages that were drawn, until the end of what follows the last change.
    pub outages: usize,
}

impl Truth {
    /// Every failure, in order of stage runs.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.failed_runs.iter().flat_map(|run| &run.failures)
    }

    /// Every retry, in order of stage runs.
    pub fn retries(&self) -> impl Iterator<Item = &Retry> {
        self.failed_runs.iter().flat_map(|run| &run.retries)
    }

    /// Failures by class.
    pub fn failures_by_class(&self) -> BTreeMap<Class, u64> {
        let mut by_class = BTreeMap::new();
        for failure in self.failures() {
            *by_class.entry(failure.class).or_default() += 1;
        }
        by_class
    }

    /// How long changes waited in all.
    pub fn waited(&self) -> SignedDuration {
        let waited = self.failed_runs.iter().map(|run| run.waited);
        waited.fold(SignedDuration::ZERO, SignedDuration::saturating_add)
    }
}

/// A stage run, as it is looked up.
pub(super) type Key = (ExecutionId, StageName);

/// Keeps the account.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    truth: Truth,
    /// Where the stage runs stand that failed.
    places: BTreeMap<Key, usize>,
    /// The executions in which a stage failed, and whether a person had to help.
    executions: BTreeMap<ExecutionId, bool>,
    /// Those whose change waits.
    waiting: BTreeMap<PipelineName, Vec<Key>>,
}

impl Account {
    pub(super) fn of(outages: usize) -> Self {
        Self { truth: Truth { outages, ..Truth::default() }, ..Self::default() }
    }

    fn run(&mut self, key: &Key) -> Option<&mut FailedRun> {
        self.truth.failed_runs.get_mut(*self.places.get(key)?)
    }

    /// The class of the first failure of a stage run.
    pub(super) fn first_class(&self, key: &Key) -> Option<Class> {
        let run = self.truth.failed_runs.get(*self.places.get(key)?)?;
        run.failures.first().map(|failure| failure.class)
    }

    /// Whether a stage run stands failed.
    pub(super) fn is_failed(&self, key: &Key) -> bool {
        let run = self.places.get(key).and_then(|place| self.truth.failed_runs.get(*place));
        run.is_some_and(|run| match run.retries.last() {
            None => true,
            Some(last) => matches!(last.end, Some(RetryEnd::FailedAgain(_))),
        })
    }

    /// A change came: those before it that still wait do so no longer.
    pub(super) fn started(&mut self, pipeline: &PipelineName, now: Timestamp) {
        self.truth.executions.started += 1;
        for key in self.waiting.get_mut(pipeline).map(std::mem::take).unwrap_or_default() {
            self.waited(&key, now);
        }
    }

    /// An execution is over that nothing happened to.
    pub(super) fn passed(&mut self) {
        self.truth.executions.green_at_first_try += 1;
    }

    pub(super) fn refused_start(&mut self) {
        self.truth.refused_starts += 1;
    }

    pub(super) fn failed(&mut self, pipeline: &PipelineName, key: &Key, failure: Failure) {
        let Some(run) = self.run(key) else {
            self.places.insert(key.clone(), self.truth.failed_runs.len());
            self.executions.entry(key.0.clone()).or_default();
            self.waiting.entry(pipeline.clone()).or_default().push(key.clone());
            self.truth.failed_runs.push(FailedRun {
                pipeline: pipeline.clone(),
                execution: key.0.clone(),
                stage: key.1.clone(),
                failures: vec![failure],
                retries: Vec::new(),
                waited: SignedDuration::ZERO,
            });
            return;
        };
        run.failures.push(failure);
        if let Some(retry) = run.retries.last_mut() {
            retry.end.get_or_insert(RetryEnd::FailedAgain(failure));
        }
    }

    pub(super) fn retried(&mut self, key: &Key, by: By, at: Timestamp) {
        if let Some(run) = self.run(key)
            && let Some(of) = run.failures.last().copied()
        {
            run.retries.push(Retry { at, by, of, end: None });
        }
    }

    pub(super) fn recovered(&mut self, pipeline: &PipelineName, key: &Key, at: Timestamp) {
        if let Some(retry) = self.run(key).and_then(|run| run.retries.last_mut()) {
            retry.end.get_or_insert(RetryEnd::Recovered(at));
            if retry.by == By::Person {
                self.executions.insert(key.0.clone(), true);
            }
        }
        if let Some(waiting) = self.waiting.get_mut(pipeline)
            && let Some(place) = waiting.iter().position(|waits| waits == key)
        {
            waiting.swap_remove(place);
            self.waited(key, at);
        }
    }

    fn waited(&mut self, key: &Key, until: Timestamp) {
        if let Some(run) = self.run(key)
            && let Some(first) = run.failures.first()
        {
            run.waited = until.duration_since(first.at);
        }
    }

    /// An execution is over, or the play is.
    pub(super) fn ended(&mut self, execution: &ExecutionSummary) {
        let helped = self.executions.get(&execution.id);
        let executions = &mut self.truth.executions;
        let count = match execution.status {
            ExecutionStatus::Succeeded => match helped {
                None => &mut executions.green_at_first_try,
                Some(false) => &mut executions.recovered_by_retry,
                Some(true) => &mut executions.recovered_by_people,
            },
            ExecutionStatus::Failed => &mut executions.left_failed,
            ExecutionStatus::Superseded => &mut executions.superseded,
            _ => &mut executions.others,
        };
        *count += 1;
    }

    /// The play is over: what waits still has waited until now.
    pub(super) fn conclude(mut self, now: Timestamp) -> Truth {
        for key in std::mem::take(&mut self.waiting).into_values().flatten() {
            self.waited(&key, now);
        }
        self.truth
    }
}
