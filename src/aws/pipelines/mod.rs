//! CodePipeline behind its port. It reads and retries; what the answers mean together is for the domain to say.
//!
//! # Requests
//!
//! What safety rests on is read anew each time: the state, how the execution stands, and the runs of its actions. They
//! do not depend on each other and go out together. Only a structure is kept, by pipeline and version, and
//! tags for five minutes.
//!
//! | for | SUPERSEDED, QUEUED | PARALLEL |
//! |---|---|---|
//! | deciding | `GetPipelineState`, `GetPipelineExecution`, `ListActionExecutions`; then `GetPipeline` unless kept | the same three; then `GetPipeline`, `ListPipelineExecutions`, `ListActionExecutions` of the pipeline |
//! | the last look before a retry | `GetPipelineState` | `GetPipelineExecution`, `ListActionExecutions`; `ListPipelineExecutions`, `ListActionExecutions` of the pipeline |
//! | the retry | `RetryStageExecution` | `RetryStageExecution` |
//!
//! So a decision that calls nothing takes three requests in one round trip, and a plain retry five in three; one more of
//! each when the pipeline is new to this process or was edited. A PARALLEL pipeline is six and eleven. A list takes one
//! more request for every further hundred entries.
//!
//! Where a rule asks for tags, `ListTagsForResource` comes before all that, unless the pipeline's tags were read in the last
//! five minutes.
//!
//! A backtest reads whole lists: `GetPipeline`, `ListPipelineExecutions`, and `ListActionExecutions` of all executions.
//!
//! A sweep lists: `ListPipelines`, then for each pipeline `ListPipelineExecutions`, and for each execution that changed
//! `ListActionExecutions`.
//!
//! # One retry is one request
//!
//! `RetryStageExecution` takes no client token. It goes out with the SDK's retries off. Below the SDK, hyper's client
//! takes another connection for a request whose pooled connection turns out to be closed, but only when it gets the
//! request back unstarted: one of which a byte was written is never sent again (`try_send_request` and
//! `TrySendError::Retryable` in hyper-util's `client::legacy`, `recv_msg` in hyper's `proto::h1::dispatch`).

mod catalogue;
mod chronicle;
mod entries;
mod history;
mod kept;
mod reader;
mod replies;
mod state;
mod structure;
mod tagged;

use std::sync::Arc;

use aws_sdk_codepipeline::types::ActionTypeId;
use aws_smithy_types::DateTime;
use jiff::{Timestamp, Unit};

use super::clients::{Clients, retry_config};
use super::spokes::Accounts;
use crate::domain::ids::{ExecutionId, InvalidId, PipelineArn, PipelineName, StageRunId};
use crate::domain::pipeline::{
    ExecutionMode, Gap, PipelineState, PipelineStructure, Reading, RetryReply, StageReading,
};
use crate::domain::policy::RetryMode;
use crate::domain::rollback::RollbackReply;
use crate::domain::tags::TagsReading;
use crate::ports::Pipelines;

use kept::Structures;
use reader::{Reader, StateRead};
use tagged::KeptTags;

/// CodePipeline of every account and Region that the function works for.
#[derive(Debug)]
pub struct SdkPipelines {
    accounts: Arc<Accounts>,
    structures: Structures,
    tags: KeptTags,
}

impl SdkPipelines {
    /// CodePipeline of one account and Region as the clients reach it, with nothing kept yet.
    pub fn new(clients: Arc<Clients>) -> Self {
        Self::across(Arc::new(Accounts::alone(clients)))
    }

    /// The same of several.
    pub fn across(accounts: Arc<Accounts>) -> Self {
        Self { accounts, structures: Structures::default(), tags: KeptTags::default() }
    }

    /// `GetPipeline`: the pipeline of that name, and its structure in force.
    pub async fn find(&self, name: &PipelineName) -> Result<(PipelineArn, PipelineStructure), Gap> {
        let (structure, metadata) = self.reader_at_home(name).structure_and_metadata(None).await?;
        let arn = have(metadata.as_ref().and_then(|metadata| metadata.pipeline_arn()))?;
        Ok((PipelineArn::parse(arn).map_err(Unusable::from)?, structure))
    }

    /// `GetPipelineState`.
    pub async fn state(&self, name: &PipelineName) -> Result<PipelineState, Gap> {
        self.reader_at_home(name).state().await.map(|read| read.state)
    }

    fn reader_at_home<'a>(&'a self, pipeline: &'a PipelineName) -> Reader<'a> {
        Reader { client: self.accounts.home().codepipeline(), pipeline }
    }

    /// The structure at the version that the state names.
    async fn structure_of(
        &self,
        reader: Reader<'_>,
        pipeline: &PipelineArn,
        state: &Result<StateRead, Gap>,
    ) -> Result<PipelineStructure, Gap> {
        let read = match state {
            Ok(read) => read,
            // The same service would say the same; to ask it again does not help.
            Err(gap @ (Gap::PipelineNotFound | Gap::Throttled)) => return Err(*gap),
            Err(_) => return reader.structure(None).await,
        };
        let version = read.state.version;
        if let Some(kept) = self.structures.get(pipeline, version, read.created) {
            return Ok(kept);
        }
        let structure = reader.structure(Some(version)).await?;
        if structure.version != version {
            return Err(Gap::Unavailable);
        }
        self.structures.keep(pipeline, read.created, &structure);
        Ok(structure)
    }

    async fn read(&self, run: &StageRunId) -> Reading {
        let clients = match self.accounts.of(&run.pipeline) {
            Ok(clients) => clients,
            Err(gap) => {
                return Reading {
                    state: Err(gap),
                    execution: Err(gap),
                    structure: Err(gap),
                    actions: Err(gap),
                    entries: Err(gap),
                };
            }
        };
        let reader = Reader::of(&clients, &run.pipeline);
        let (execution, state, actions) = tokio::join!(
            reader.execution(&run.execution),
            reader.state(),
            reader.action_executions(&run.execution)
        );
        let mode = execution.as_ref().map(|execution| execution.mode);
        let (structure, entries) = match mode {
            Ok(ExecutionMode::Parallel) => tokio::join!(reader.structure(None), reader.entries(run)),
            Ok(_) => (self.structure_of(reader, &run.pipeline, &state).await, Err(Gap::NotRead)),
            // Without the execution nothing is decided.
            Err(Gap::PipelineNotFound) => (Err(Gap::PipelineNotFound), Err(Gap::NotRead)),
            Err(_) => (Err(Gap::NotRead), Err(Gap::NotRead)),
        };
        let state = match mode {
            Ok(ExecutionMode::Parallel) => Err(Gap::NotRead),
            _ => state.map(|read| read.state),
        };
        Reading { state, execution, structure, actions, entries }
    }

    async fn read_again(&self, run: &StageRunId, mode: ExecutionMode) -> StageReading {
        let clients = self.accounts.of(&run.pipeline);
        let reader = clients.as_ref().map(|clients| Reader::of(clients, &run.pipeline)).map_err(|gap| *gap);
        let reader = match (reader, mode) {
            (Ok(reader), ExecutionMode::Parallel) => reader,
            (Err(gap), ExecutionMode::Parallel) => {
                return StageReading::Parallel { execution: Err(gap), actions: Err(gap), entries: Err(gap) };
            }
            (Ok(reader), _) => return StageReading::State(reader.state().await.map(|read| read.state)),
            (Err(gap), _) => return StageReading::State(Err(gap)),
        };
        let (execution, actions, entries) = tokio::join!(
            reader.execution(&run.execution),
            reader.action_executions(&run.execution),
            reader.entries(run)
        );
        // What is not PARALLEL any more has no entries to speak of.
        let is_parallel = execution.as_ref().is_ok_and(|execution| execution.mode == ExecutionMode::Parallel);
        let entries = if is_parallel { entries } else { Err(Gap::NotRead) };
        StageReading::Parallel { execution, actions, entries }
    }

    async fn rollback(&self, run: &StageRunId, target: &ExecutionId) -> RollbackReply {
        let Ok(clients) = self.accounts.of(&run.pipeline) else { return RollbackReply::NotSent };
        let answer = clients
            .codepipeline()
            .rollback_stage()
            .pipeline_name(run.pipeline.name.as_str())
            .stage_name(run.stage.as_str())
            .target_pipeline_execution_id(target.as_str())
            .customize()
            .config_override(retry_config())
            .send()
            .await;
        replies::of_rollback(&answer)
    }

    async fn retry(&self, run: &StageRunId, mode: RetryMode) -> RetryReply {
        let Ok(clients) = self.accounts.of(&run.pipeline) else { return RetryReply::NotSent };
        let answer = clients
            .codepipeline()
            .retry_stage_execution()
            .pipeline_name(run.pipeline.name.as_str())
            .stage_name(run.stage.as_str())
            .pipeline_execution_id(run.execution.as_str())
            .retry_mode(replies::retry_mode(mode))
            .customize()
            .config_override(retry_config())
            .send()
            .await;
        replies::of_retry(run, &answer)
    }
}

/// A request's future takes some kilobytes, and several of them more than a caller wants to carry about: they are boxed.
impl Pipelines for SdkPipelines {
    async fn observe(&self, run: &StageRunId) -> Reading {
        Box::pin(self.read(run)).await
    }

    async fn observe_stage(&self, run: &StageRunId, mode: ExecutionMode) -> StageReading {
        Box::pin(self.read_again(run, mode)).await
    }

    async fn tags(&self, pipeline: &PipelineArn, now: Timestamp) -> TagsReading {
        Box::pin(self.kept_or_read_tags(pipeline, now)).await
    }

    async fn retry_stage(&self, run: &StageRunId, mode: RetryMode) -> RetryReply {
        Box::pin(self.retry(run, mode)).await
    }

    async fn last_success(&self, run: &StageRunId) -> Result<Option<ExecutionId>, Gap> {
        Box::pin(async {
            let clients = self.accounts.of(&run.pipeline)?;
            Reader::of(&clients, &run.pipeline).last_success(&run.stage).await
        })
        .await
    }

    async fn roll_back(&self, run: &StageRunId, target: &ExecutionId) -> RollbackReply {
        Box::pin(self.rollback(run, target)).await
    }
}

/// An answer that lacks something, or holds a name that is not known: nothing can rest on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unusable;

impl From<InvalidId> for Unusable {
    fn from(_: InvalidId) -> Self {
        Self
    }
}

impl From<Unusable> for Gap {
    fn from(_: Unusable) -> Self {
        Self::Unavailable
    }
}

/// A member that has to be there.
fn have<T>(member: Option<T>) -> Result<T, Unusable> {
    member.ok_or(Unusable)
}

/// A member that may be absent, but not unusable.
fn optional<T, U>(
    member: Option<T>,
    read: impl FnOnce(T) -> Result<U, Unusable>,
) -> Result<Option<U>, Unusable> {
    member.map(read).transpose()
}

/// A version or an attempt.
fn count(number: i32) -> Result<u32, Unusable> {
    u32::try_from(number).map_err(|_| Unusable)
}

/// Who carries an action out. The SDK makes an empty name of one that is not there.
fn provider(kind: &ActionTypeId) -> Result<String, Unusable> {
    have(Some(kind.provider()).filter(|provider| !provider.is_empty())).map(str::to_owned)
}

/// CodePipeline sends seconds as a fraction in binary; what is beyond the microsecond is not its own.
fn instant(at: &DateTime) -> Result<Timestamp, Unusable> {
    let nanoseconds = i32::try_from(at.subsec_nanos()).map_err(|_| Unusable)?;
    Timestamp::new(at.secs(), nanoseconds)
        .and_then(|instant| instant.round(Unit::Microsecond))
        .map_err(|_| Unusable)
}
