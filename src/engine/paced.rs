//! CodePipeline at a measured pace: whoever reads thousands of pipelines leaves room for everybody else of the account.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageRunId};
use crate::domain::pipeline::{ActionExecution, ExecutionMode, Gap, Reading, RetryReply, StageReading};
use crate::domain::policy::RetryMode;
use crate::domain::rollback::RollbackReply;
use crate::domain::scope::Scope;
use crate::domain::stage_run::after;
use crate::domain::tags::TagsReading;
use crate::ports::{Catalogue, ExecutionEntry, Page, PageToken, Pipelines, Ticks};

/// Requests that reading all about a stage run takes: four, in a PARALLEL pipeline six and more, with longer lists.
const OBSERVING: i64 = 4;
/// Requests that reading it again takes in a PARALLEL pipeline.
const OBSERVING_PARALLEL: i64 = 4;

/// CodePipeline, asked no more often than so many times a second. What one reading asks at once is paid for by the pause
/// that follows it.
#[derive(Debug)]
pub struct Paced<'a, P, T, C> {
    pipelines: &'a P,
    ticks: &'a T,
    clock: &'a C,
    interval: SignedDuration,
    /// When everything asked so far is paid for.
    free_at: Mutex<Timestamp>,
}

impl<'a, P, T: Ticks, C: Fn() -> Timestamp + Sync> Paced<'a, P, T, C> {
    /// At most `rate` requests a second on average; 0 counts as 1.
    pub fn new(pipelines: &'a P, ticks: &'a T, clock: &'a C, rate: u32) -> Self {
        let interval = SignedDuration::from_micros(1_000_000 / i64::from(rate.max(1)));
        Self { pipelines, ticks, clock, interval, free_at: Mutex::new(clock()) }
    }

    /// Waits until everything asked so far is paid for, and takes so many requests on account.
    async fn turn(&self, requests: i64) {
        let pause = {
            let now = (self.clock)();
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = now.max(*free_at);
            let cost = self.interval.as_micros() * i128::from(requests);
            *free_at = after(begin, SignedDuration::from_micros(i64::try_from(cost).unwrap_or(i64::MAX)));
            begin.duration_since(now)
        };
        if pause.is_positive() {
            self.ticks.pause(pause).await;
        }
    }

    /// Waits until everything asked so far is paid for.
    pub async fn settle(&self) {
        self.turn(0).await;
    }
}

impl<P: Pipelines, T: Ticks, C: Fn() -> Timestamp + Sync> Pipelines for &Paced<'_, P, T, C> {
    async fn observe(&self, run: &StageRunId) -> Reading {
        self.turn(OBSERVING).await;
        self.pipelines.observe(run).await
    }

    /// The last look before a retry stands next to its call: nothing comes between them, and it is paid for afterwards.
    async fn observe_stage(&self, run: &StageRunId, mode: ExecutionMode) -> StageReading {
        self.turn(if mode == ExecutionMode::Parallel { OBSERVING_PARALLEL } else { 1 }).await;
        self.pipelines.observe_stage(run, mode).await
    }

    async fn tags(&self, pipeline: &PipelineArn, now: Timestamp) -> TagsReading {
        self.turn(1).await;
        self.pipelines.tags(pipeline, now).await
    }

    async fn last_success(&self, run: &StageRunId) -> Result<Option<ExecutionId>, Gap> {
        self.turn(1).await;
        self.pipelines.last_success(run).await
    }

    /// As with a retry, nothing comes between the last look and the call.
    async fn roll_back(&self, run: &StageRunId, target: &ExecutionId) -> RollbackReply {
        {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            *free_at = after(*free_at, self.interval);
        }
        self.pipelines.roll_back(run, target).await
    }

    async fn retry_stage(&self, run: &StageRunId, mode: RetryMode) -> RetryReply {
        {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            *free_at = after(*free_at, self.interval);
        }
        self.pipelines.retry_stage(run, mode).await
    }
}

impl<P: Catalogue, T: Ticks, C: Fn() -> Timestamp + Sync> Catalogue for Paced<'_, P, T, C> {
    async fn pipelines(&self, scope: &Scope, page: Option<&PageToken>) -> Result<Page<PipelineName>, Gap> {
        self.turn(1).await;
        self.pipelines.pipelines(scope, page).await
    }

    async fn executions(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<ExecutionEntry>, Gap> {
        self.turn(1).await;
        self.pipelines.executions(pipeline, page).await
    }

    async fn actions(
        &self,
        pipeline: &PipelineArn,
        execution: &ExecutionId,
    ) -> Result<Vec<ActionExecution>, Gap> {
        self.turn(1).await;
        self.pipelines.actions(pipeline, execution).await
    }
}
