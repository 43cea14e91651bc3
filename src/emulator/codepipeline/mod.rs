//! CodePipeline in memory: pipelines, executions, stages and actions that really run, on whatever clock its caller keeps.
//!
//! Operations have the names, effects and exceptions of the API. It does not talk HTTP, deliver events or inject
//! faults into transport; what AWS leaves undocumented is one of [`Switches`].

mod agenda;
mod answers;
mod approval;
mod cause;
mod change_sets;
mod definition;
mod edit;
mod error;
mod events;
mod execution;
mod failure;
mod fate;
mod flow;
mod forgetting;
mod identity;
mod listening;
mod pipeline;
mod progress;
mod provided;
mod provider;
mod retry;
mod rollback;
mod scene;
mod start;
mod stop;
mod switches;
#[cfg(test)]
mod tests;
mod transition;
mod views;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::ids::{AccountId, Partition, PipelineName, Region};

use pipeline::Pipeline;
use scene::{Scene, Shared};

pub use approval::{ApprovalAnswer, ApprovalVerdict};
pub use cause::{
    BuildCause, BuildPhase, BuildStatus, Cause, DeploymentCause, LifecycleCause, LifecycleCode, NESTED_STACK,
    ResourceCause, ResourceStatus,
};
pub use change_sets::{ChangeSetState, KnownChangeSet};
pub use definition::{
    ActionDefinition, BeforeEntry, OnSuccess, Outcome, PipelineDefinition, PipelineType, StageDefinition,
};
pub use error::{Exception, ServiceError};
pub use execution::{RetryTrigger, TriggerType};
pub use fate::{Circumstances, Fate};
pub(super) use identity::scramble;
pub use listening::Listening;
pub use provided::ProviderRun;
pub use provider::Provider;
#[cfg(feature = "serve")]
pub(super) use provider::steady_uuid;
pub use retry::RetryCall;
pub use rollback::RollbackCall;
pub use switches::Switches;
pub use views::{ActionDetail, ActionRun, ExecutionSummary, TransitionState};

/// CodePipeline of one account and Region.
///
/// Every operation takes `now` and first lets happen what was due until then. Time never runs backwards: an earlier
/// `now` counts as the latest one seen. The same calls give the same ids and the same events, byte for byte.
#[derive(Debug, Clone)]
pub struct CodePipeline {
    pipelines: BTreeMap<PipelineName, Pipeline>,
    shared: Shared,
    retry_calls: Vec<RetryCall>,
    rollback_calls: Vec<RollbackCall>,
    planned_refusals: VecDeque<ServiceError>,
}

impl CodePipeline {
    /// An account without pipelines.
    pub fn new(partition: Partition, account: AccountId, region: Region, switches: Switches) -> Self {
        Self {
            pipelines: BTreeMap::new(),
            shared: Shared::new(partition, account, region, switches),
            retry_calls: Vec::new(),
            rollback_calls: Vec::new(),
            planned_refusals: VecDeque::new(),
        }
    }

    /// Ids from another seed (default 0), so that two services do not share any.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.shared.ids = identity::Ids::new(seed);
        self
    }

    /// When something happens next by itself, if nobody acts before.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.shared.agenda.next_due()
    }

    /// Lets everything happen that is due until `now`, in order of time and, within an instant, of planning.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some((at, due)) = self.shared.agenda.take_due(now) {
            self.shared.reach(at);
            if let Some(pipeline) = self.pipelines.get_mut(&due.pipeline) {
                Scene::new(pipeline, &mut self.shared).happen(due.what);
            }
        }
        self.shared.reach(now);
    }

    /// Takes the events emitted since the last call, each with the instant of its emission, in order of emission.
    ///
    /// They have the shape of EventBridge's real ones; see AWS's *Detect and react to changes in pipeline state*.
    pub fn drain_events(&mut self) -> Vec<(Timestamp, Value)> {
        std::mem::take(&mut self.shared.events)
    }

    /// The pipeline to act on, after everything that was due until `now`.
    fn open(&mut self, now: Timestamp, name: &PipelineName) -> Result<Scene<'_>, ServiceError> {
        self.advance(now);
        match self.pipelines.get_mut(name) {
            Some(pipeline) => Ok(Scene::new(pipeline, &mut self.shared)),
            None => Err(ServiceError::pipeline_not_found(name)),
        }
    }

    fn pipeline(&self, name: &PipelineName) -> Result<&Pipeline, ServiceError> {
        self.pipelines.get(name).ok_or_else(|| ServiceError::pipeline_not_found(name))
    }
}
