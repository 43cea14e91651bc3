//! The lists that a sweep reads: one request a page, and nothing kept.

use aws_sdk_codepipeline::types::{PipelineExecutionStatus, PipelineExecutionSummary};

use super::reader::Reader;
use super::replies::gap;
use super::{SdkPipelines, Unusable, have, instant};
use crate::domain::ids::{ExecutionId, PipelineArn, PipelineName};
use crate::domain::pipeline::{ActionExecution, Gap};
use crate::domain::scope::Scope;
use crate::ports::{Catalogue, ExecutionEntry, Page, PageToken};

/// Names on a page (API reference, `ListPipelines`).
const MOST_PIPELINES: i32 = 1_000;
/// Executions on a page (API reference, `ListPipelineExecutions`).
const MOST_EXECUTIONS: i32 = 100;

pub(super) fn next(token: Option<String>) -> Option<PageToken> {
    token.filter(|token| !token.is_empty()).map(PageToken)
}

pub(super) fn text(page: Option<&PageToken>) -> Option<String> {
    page.map(|token| token.0.clone())
}

impl SdkPipelines {
    async fn names(&self, scope: &Scope, page: Option<&PageToken>) -> Result<Page<PipelineName>, Gap> {
        let clients = self.accounts.there(scope)?;
        let request = clients.codepipeline().list_pipelines();
        let request = request.max_results(MOST_PIPELINES).set_next_token(text(page));
        let answer = request.send().await.map_err(|error| gap(&error))?;
        let names = have(answer.pipelines)?;
        let name = |name: Option<&str>| Ok(PipelineName::parse(have(name)?)?);
        let entries = names.iter().map(|summary| name(summary.name())).collect::<Result<_, Unusable>>()?;
        Ok(Page { entries, next: next(answer.next_token) })
    }

    async fn updates(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<ExecutionEntry>, Gap> {
        let clients = self.accounts.of(pipeline)?;
        let request = clients.codepipeline().list_pipeline_executions();
        let request = request
            .pipeline_name(pipeline.name.as_str())
            .max_results(MOST_EXECUTIONS)
            .set_next_token(text(page));
        let answer = request.send().await.map_err(|error| gap(&error))?;
        let entry = |summary: &PipelineExecutionSummary| {
            let execution = ExecutionId::parse(have(summary.pipeline_execution_id())?)?;
            // One that was never updated has not changed since it started.
            let last_change = have(summary.last_update_time().or(summary.start_time()))?;
            let status = have(summary.status())?;
            Ok(ExecutionEntry {
                execution,
                last_change: instant(last_change)?,
                is_running: matches!(
                    status,
                    PipelineExecutionStatus::InProgress | PipelineExecutionStatus::Stopping
                ),
                has_succeeded: *status == PipelineExecutionStatus::Succeeded,
            })
        };
        let entries = have(answer.pipeline_execution_summaries)?;
        let entries = entries.iter().map(entry).collect::<Result<_, Unusable>>()?;
        Ok(Page { entries, next: next(answer.next_token) })
    }
}

/// Boxed, as every request's future is.
impl Catalogue for SdkPipelines {
    async fn pipelines(&self, scope: &Scope, page: Option<&PageToken>) -> Result<Page<PipelineName>, Gap> {
        Box::pin(self.names(scope, page)).await
    }

    async fn executions(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<ExecutionEntry>, Gap> {
        Box::pin(self.updates(pipeline, page)).await
    }

    async fn actions(
        &self,
        pipeline: &PipelineArn,
        execution: &ExecutionId,
    ) -> Result<Vec<ActionExecution>, Gap> {
        let clients = self.accounts.of(pipeline)?;
        Box::pin(Reader::of(&clients, pipeline).action_executions(execution)).await
    }
}
