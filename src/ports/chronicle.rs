//! CodePipeline as a backtest reads it: all that it remembers, and none of it in a hurry.

use std::future::Future;

use jiff::Timestamp;

use super::{Page, PageToken};
use crate::domain::ids::{ExecutionId, PipelineArn};
use crate::domain::pipeline::{ActionExecution, ExecutionKind, ExecutionStatus, Gap, PipelineStructure};

/// An execution as CodePipeline remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastExecution {
    /// Its id.
    pub id: ExecutionId,
    /// How it stands.
    pub status: ExecutionStatus,
    /// Why it exists.
    pub kind: ExecutionKind,
    /// When it started.
    pub started: Timestamp,
    /// When it last changed.
    pub last_change: Timestamp,
}

/// What CodePipeline remembers: one request for each page.
pub trait Chronicle: Send + Sync {
    /// The pipeline as it is now.
    fn structure(
        &self,
        pipeline: &PipelineArn,
    ) -> impl Future<Output = Result<PipelineStructure, Gap>> + Send;

    /// Its executions, the newest first.
    fn past_executions(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> impl Future<Output = Result<Page<PastExecution>, Gap>> + Send;

    /// The runs of actions of all its executions, the newest first. What cannot be made sense of is left out.
    fn past_runs(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> impl Future<Output = Result<Page<ActionExecution>, Gap>> + Send;
}
