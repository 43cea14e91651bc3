//! Runs of actions as their providers know them: found by what the providers call them, with why they failed.

use jiff::Timestamp;

use crate::domain::ids::{ActionExecutionId, ActionName, PipelineName, Region};
use crate::domain::pipeline::{ActionStatus, ChangeSet};

use super::CodePipeline;
use super::cause::Cause;
use super::change_sets::KnownChangeSet;
use super::execution::ActionRecord;
use super::pipeline::Pipeline;
use super::provider::Provider;

/// A run of an action, in the eyes of who carried it out.
#[derive(Debug, Clone, Copy)]
pub struct ProviderRun<'a> {
    /// Who that was.
    pub provider: Provider,
    /// The provider as the action's type names it.
    pub provider_name: &'a str,
    /// The pipeline that asked for it.
    pub pipeline: &'a PipelineName,
    /// Its action.
    pub action: &'a ActionName,
    /// CodePipeline's id of it.
    pub id: &'a ActionExecutionId,
    /// The provider's id of it.
    pub external_id: &'a str,
    /// Where it ran.
    pub region: &'a Region,
    /// The stack that it deployed, if it did.
    pub stack: &'a str,
    /// How it stands.
    pub status: ActionStatus,
    /// When it started.
    pub started: Timestamp,
    /// When its status last changed.
    pub changed: Timestamp,
    /// Why it failed, once it has.
    pub cause: Option<&'a Cause>,
}

impl CodePipeline {
    /// A run whose provider can be asked about it.
    pub fn provider_run(&self, pipeline: &PipelineName, id: &ActionExecutionId) -> Option<ProviderRun<'_>> {
        let (pipeline, known) = self.pipelines.get_key_value(pipeline)?;
        provider_run(pipeline, known.runs.get(id)?)
    }

    /// Every run whose provider can be asked about it, by pipeline and then in no order.
    pub fn provider_runs(&self) -> impl Iterator<Item = ProviderRun<'_>> {
        let runs =
            self.pipelines.iter().flat_map(|(name, known)| known.runs.values().map(move |run| (name, run)));
        runs.filter_map(|(name, run)| provider_run(name, run))
    }

    /// How many runs of actions have begun in the pipelines that there are.
    pub fn runs_begun(&self) -> usize {
        self.pipelines.values().map(Pipeline::runs_begun).sum()
    }

    /// The ARN of a stack.
    pub fn stack_arn(&self, region: &Region, stack: &str) -> String {
        self.shared.stack_arn(region, stack)
    }

    /// The change sets that actions made, tried to make, or used up, each with its Region.
    pub fn change_sets(&self) -> impl Iterator<Item = (&Region, &ChangeSet, &KnownChangeSet)> {
        self.shared.change_sets.all()
    }
}

fn provider_run<'a>(pipeline: &'a PipelineName, record: &'a ActionRecord) -> Option<ProviderRun<'a>> {
    Some(ProviderRun {
        provider: Provider::of(&record.provider)?,
        provider_name: &record.provider,
        pipeline,
        action: &record.action,
        id: &record.id,
        external_id: record.external_id.as_deref()?,
        region: &record.region,
        stack: &record.stack,
        status: record.status,
        started: record.started,
        changed: record.changed,
        cause: record.cause().filter(|_| record.status == ActionStatus::Failed),
    })
}
