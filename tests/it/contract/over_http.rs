//! CodePipeline's suite on the SDK adapter, which speaks over HTTP to a world that is the same as in memory.

use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageRunId};
use codepipeline_retrier::domain::pipeline::{
    ActionExecution, ExecutionMode, Gap, PipelineStructure, Reading, RetryReply, StageReading,
};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::rollback::RollbackReply;
use codepipeline_retrier::domain::scope::Scope;
use codepipeline_retrier::domain::tags::TagsReading;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::PipelineDefinition;
use codepipeline_retrier::emulator::http::Server;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::ports::{
    Catalogue, Chronicle, ExecutionEntry, Page, PageToken, PastExecution, Pipelines,
};

use super::pipelines::Running;
use crate::codepipeline::Rig;

/// The adapter, and the world that it reaches. What people do, they do in the world itself.
struct OverHttp {
    rig: Rig,
    world: SharedWorld,
    _server: Server,
}

fn new() -> OverHttp {
    let world = super::world::new();
    let clock = world.clone();
    let server = Server::start(world.clone(), move || clock.now()).unwrap();
    OverHttp { rig: Rig::at(&server.endpoint()), world, _server: server }
}

fn run(clause: impl Future<Output = ()>, port: &OverHttp) {
    port.rig.run(clause);
}

impl Pipelines for OverHttp {
    async fn observe(&self, run: &StageRunId) -> Reading {
        self.rig.pipelines.observe(run).await
    }

    async fn observe_stage(&self, run: &StageRunId, mode: ExecutionMode) -> StageReading {
        self.rig.pipelines.observe_stage(run, mode).await
    }

    async fn tags(&self, pipeline: &PipelineArn, now: Timestamp) -> TagsReading {
        self.rig.pipelines.tags(pipeline, now).await
    }

    async fn retry_stage(&self, run: &StageRunId, mode: RetryMode) -> RetryReply {
        self.rig.pipelines.retry_stage(run, mode).await
    }

    async fn last_success(&self, run: &StageRunId) -> Result<Option<ExecutionId>, Gap> {
        self.rig.pipelines.last_success(run).await
    }

    async fn roll_back(&self, run: &StageRunId, target: &ExecutionId) -> RollbackReply {
        self.rig.pipelines.roll_back(run, target).await
    }
}

impl Catalogue for OverHttp {
    async fn pipelines(&self, scope: &Scope, page: Option<&PageToken>) -> Result<Page<PipelineName>, Gap> {
        self.rig.pipelines.pipelines(scope, page).await
    }

    async fn executions(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<ExecutionEntry>, Gap> {
        self.rig.pipelines.executions(pipeline, page).await
    }

    async fn actions(
        &self,
        pipeline: &PipelineArn,
        execution: &ExecutionId,
    ) -> Result<Vec<ActionExecution>, Gap> {
        self.rig.pipelines.actions(pipeline, execution).await
    }
}

impl Chronicle for OverHttp {
    async fn structure(&self, pipeline: &PipelineArn) -> Result<PipelineStructure, Gap> {
        self.rig.pipelines.structure(pipeline).await
    }

    async fn past_executions(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<PastExecution>, Gap> {
        self.rig.pipelines.past_executions(pipeline, page).await
    }

    async fn past_runs(
        &self,
        pipeline: &PipelineArn,
        page: Option<&PageToken>,
    ) -> Result<Page<ActionExecution>, Gap> {
        self.rig.pipelines.past_runs(pipeline, page).await
    }
}

impl Running for OverHttp {
    fn arn(&self, name: &PipelineName) -> PipelineArn {
        self.world.arn(name)
    }

    async fn make(&self, definition: PipelineDefinition) {
        self.world.make(definition).await;
    }

    async fn start(&self, pipeline: &PipelineName) -> ExecutionId {
        self.world.start(pipeline).await
    }

    async fn act(&self, act: &Act) {
        self.world.act(act).await;
    }

    async fn pass(&self, duration: SignedDuration) {
        self.world.pass(duration).await;
    }
}

crate::contract::pipelines::suite!(run, new);
