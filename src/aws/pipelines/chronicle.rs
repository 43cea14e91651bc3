//! The lists that a backtest reads: one request a page. What one entry lacks concerns that entry alone.

use aws_sdk_codepipeline::types::{ExecutionType, PipelineExecutionSummary};

use super::catalogue::{next, text};
use super::history::action_execution;
use super::reader::Reader;
use super::replies::gap;
use super::{SdkPipelines, Unusable, have, instant};
use crate::domain::ids::{ExecutionId, PipelineArn};
use crate::domain::pipeline::{ActionExecution, ExecutionKind, ExecutionStatus, Gap, PipelineStructure};
use crate::ports::{Chronicle, Page, PageToken, PastExecution};

/// Entries on a page (API reference, `ListPipelineExecutions` and `ListActionExecutions`).
const MOST: i32 = 100;

fn past_execution(summary: &PipelineExecutionSummary) -> Result<PastExecution, Unusable> {
    let started = instant(have(summary.start_time())?)?;
    Ok(PastExecution {
        id: ExecutionId::parse(have(summary.pipeline_execution_id())?)?,
        status: have(summary.status().and_then(|status| ExecutionStatus::parse(status.as_str())))?,
        kind: match summary.execution_type() {
            Some(ExecutionType::Rollback) => ExecutionKind::Rollback,
            _ => ExecutionKind::Standard,
        },
        started,
        last_change: summary.last_update_time().map_or(Ok(started), instant)?,
    })
}

impl SdkPipelines {
    async fn page_of_past(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<PastExecution>, Gap> {
        let clients = self.accounts.of(pipeline)?;
        let request = clients.codepipeline().list_pipeline_executions();
        let request =
            request.pipeline_name(pipeline.name.as_str()).max_results(MOST).set_next_token(text(page));
        let answer = request.send().await.map_err(|error| gap(&error))?;
        let entries = have(answer.pipeline_execution_summaries)?;
        let entries = entries.iter().filter_map(|entry| past_execution(entry).ok()).collect();
        Ok(Page { entries, next: next(answer.next_token) })
    }

    async fn page_of_runs(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<ActionExecution>, Gap> {
        let clients = self.accounts.of(pipeline)?;
        let request = clients.codepipeline().list_action_executions();
        let request =
            request.pipeline_name(pipeline.name.as_str()).max_results(MOST).set_next_token(text(page));
        let answer = request.send().await.map_err(|error| gap(&error))?;
        let entries = have(answer.action_execution_details)?;
        let entries = entries.iter().filter_map(|entry| action_execution(entry).ok()).collect();
        Ok(Page { entries, next: next(answer.next_token) })
    }
}

/// Boxed, as every request's future is.
impl Chronicle for SdkPipelines {
    async fn structure(&self, pipeline: &PipelineArn) -> Result<PipelineStructure, Gap> {
        let clients = self.accounts.of(pipeline)?;
        Box::pin(Reader::of(&clients, pipeline).structure(None)).await
    }

    async fn past_executions(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<PastExecution>, Gap> {
        Box::pin(self.page_of_past(pipeline, page)).await
    }

    async fn past_runs(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<ActionExecution>, Gap> {
        Box::pin(self.page_of_runs(pipeline, page)).await
    }
}
