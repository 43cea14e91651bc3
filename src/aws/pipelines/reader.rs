//! The reading requests. A list is read to its end, or to where the rest cannot matter, or not at all: a history that
//! was cut would hide who retried before.

use std::future::Future;
use std::time::Duration;

use aws_sdk_codepipeline::Client;
use aws_sdk_codepipeline::types::{
    ActionExecutionDetail, ActionExecutionFilter, ExecutionType, PipelineExecutionFilter,
    PipelineExecutionSummary, PipelineMetadata, SucceededInStageFilter,
};
use jiff::Timestamp;

use super::history::action_execution;
use super::replies::gap;
use super::state::{pipeline_execution, pipeline_state};
use super::structure::pipeline_structure;
use super::{have, instant, optional};
use crate::aws::clients::Clients;
use crate::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageName};
use crate::domain::pipeline::{ActionExecution, Gap, PipelineExecution, PipelineState, PipelineStructure};

/// The largest page that CodePipeline gives.
const PAGE: i32 = 100;
/// Most pages of one list. An execution of the largest pipeline, a thousand actions, is ten without a retry.
const MOST_PAGES: usize = 30;
/// Most time for one list.
const LONGEST: Duration = Duration::from_secs(8);

/// Reads about one pipeline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub client: &'a Client,
    pub pipeline: &'a PipelineName,
}

/// A state, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct StateRead {
    pub state: PipelineState,
    /// When the pipeline was made.
    pub created: Option<Timestamp>,
}

/// A page of a list, and where the next one begins.
pub(super) type Page<T> = (Vec<T>, Option<String>);

impl<'a> Reader<'a> {
    /// Reads about the pipeline with these clients, which are those of its account and Region.
    pub fn of(clients: &'a Clients, pipeline: &'a PipelineArn) -> Self {
        Self { client: clients.codepipeline(), pipeline: &pipeline.name }
    }

    /// `GetPipelineState`.
    pub async fn state(&self) -> Result<StateRead, Gap> {
        let request = self.client.get_pipeline_state().name(self.pipeline.as_str());
        let answer = request.send().await.map_err(|error| gap(&error))?;
        Ok(StateRead { state: pipeline_state(&answer)?, created: optional(answer.created(), instant)? })
    }

    /// `GetPipelineExecution`.
    pub async fn execution(&self, execution: &ExecutionId) -> Result<PipelineExecution, Gap> {
        let request = self
            .client
            .get_pipeline_execution()
            .pipeline_name(self.pipeline.as_str())
            .pipeline_execution_id(execution.as_str());
        let answer = request.send().await.map_err(|error| gap(&error))?;
        Ok(pipeline_execution(&answer)?)
    }

    /// `GetPipeline` at a version, or at the one in force.
    pub async fn structure(&self, version: Option<u32>) -> Result<PipelineStructure, Gap> {
        self.structure_and_metadata(version).await.map(|(structure, _)| structure)
    }

    /// The same, with what CodePipeline says about the pipeline beside.
    pub async fn structure_and_metadata(
        &self,
        version: Option<u32>,
    ) -> Result<(PipelineStructure, Option<PipelineMetadata>), Gap> {
        let version = version.map(i32::try_from).transpose().map_err(|_| Gap::Unavailable)?;
        let request = self.client.get_pipeline().name(self.pipeline.as_str()).set_version(version);
        let answer = request.send().await.map_err(|error| gap(&error))?;
        Ok((pipeline_structure(&answer)?, answer.metadata))
    }

    /// `ListActionExecutions` of one execution, all of it.
    pub async fn action_executions(&self, execution: &ExecutionId) -> Result<Vec<ActionExecution>, Gap> {
        let pages = |token| self.page_of_actions(Some(execution), token);
        list(pages, |_| false).await
    }

    /// `ListActionExecutions` of all executions, until `enough` is read.
    pub async fn all_action_executions(
        &self,
        enough: impl Fn(&[ActionExecution]) -> bool,
    ) -> Result<Vec<ActionExecution>, Gap> {
        list(|token| self.page_of_actions(None, token), enough).await
    }

    /// `ListPipelineExecutions`, until `enough` is read.
    pub async fn executions(
        &self,
        enough: impl Fn(&[(ExecutionId, Timestamp)]) -> bool,
    ) -> Result<Vec<(ExecutionId, Timestamp)>, Gap> {
        list(|token| self.page_of_executions(token), enough).await
    }

    /// `ListPipelineExecutions` of those that succeeded in the stage, the newest first: the first that is no rollback.
    pub async fn last_success(&self, stage: &StageName) -> Result<Option<ExecutionId>, Gap> {
        let succeeded = SucceededInStageFilter::builder().stage_name(stage.as_str()).build();
        let filter = PipelineExecutionFilter::builder().succeeded_in_stage(succeeded).build();
        let request = self
            .client
            .list_pipeline_executions()
            .pipeline_name(self.pipeline.as_str())
            .filter(filter)
            .max_results(PAGE);
        let answer = request.send().await.map_err(|error| gap(&error))?;
        let all: Vec<PipelineExecutionSummary> = have(answer.pipeline_execution_summaries)?;
        let standard = all
            .iter()
            .find(|execution| execution.execution_type().is_none_or(|kind| *kind == ExecutionType::Standard));
        Ok(optional(standard, |execution| Ok(ExecutionId::parse(have(execution.pipeline_execution_id())?)?))?)
    }

    async fn page_of_actions(
        &self,
        execution: Option<&ExecutionId>,
        token: Option<String>,
    ) -> Result<Page<ActionExecution>, Gap> {
        let filter = execution.map(|execution| {
            ActionExecutionFilter::builder().pipeline_execution_id(execution.as_str()).build()
        });
        let request = self
            .client
            .list_action_executions()
            .pipeline_name(self.pipeline.as_str())
            .set_filter(filter)
            .max_results(PAGE)
            .set_next_token(token);
        let answer = request.send().await.map_err(|error| gap(&error))?;
        let entries: Vec<ActionExecutionDetail> = have(answer.action_execution_details)?;
        Ok((entries.iter().map(action_execution).collect::<Result<_, _>>()?, answer.next_token))
    }

    async fn page_of_executions(&self, token: Option<String>) -> Result<Page<(ExecutionId, Timestamp)>, Gap> {
        let request = self
            .client
            .list_pipeline_executions()
            .pipeline_name(self.pipeline.as_str())
            .max_results(PAGE)
            .set_next_token(token);
        let answer = request.send().await.map_err(|error| gap(&error))?;
        let entry = |entry: &PipelineExecutionSummary| {
            let id = ExecutionId::parse(have(entry.pipeline_execution_id())?)?;
            Ok((id, instant(have(entry.start_time())?)?))
        };
        let entries: Vec<PipelineExecutionSummary> = have(answer.pipeline_execution_summaries)?;
        let entries = entries.iter().map(entry).collect::<Result<_, super::Unusable>>()?;
        Ok((entries, answer.next_token))
    }
}

/// Reads pages until the end of the list, or until `enough` says that the rest does not matter.
pub(super) async fn list<T, P: Future<Output = Result<Page<T>, Gap>>>(
    page: impl Fn(Option<String>) -> P,
    enough: impl Fn(&[T]) -> bool,
) -> Result<Vec<T>, Gap> {
    let all = async {
        let (mut entries, mut token) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let (more, next) = page(token).await?;
            entries.extend(more);
            token = next.filter(|token| !token.is_empty());
            if token.is_none() || enough(&entries) {
                return Ok(entries);
            }
        }
        Err(Gap::Unavailable)
    };
    tokio::time::timeout(LONGEST, all).await.unwrap_or(Err(Gap::Unavailable))
}
