//! The emulated service's own account of `RetryStageExecution`: whose a call is, and which stage run it is about.

use codepipeline_retrier::domain::ids::{ExecutionId, PipelineArn, StageName, StageRunId};
use codepipeline_retrier::domain::tags::Tags;
use codepipeline_retrier::emulator::codepipeline::{PipelineDefinition, RetryCall};
use codepipeline_retrier::emulator::world::{Place, World};
use serde_json::Value;

/// Whether CodePipeline took a call of the function's.
pub fn is_ours(call: &RetryCall) -> bool {
    call.caller == "retrier" && call.outcome.is_ok()
}

/// Whether CodePipeline took a call of somebody else's.
pub fn is_anothers(call: &RetryCall) -> bool {
    call.caller != "retrier" && call.outcome.is_ok()
}

/// The calls of the function that CodePipeline took, each with its number among all calls.
pub fn accepted(world: &World) -> impl Iterator<Item = (usize, &RetryCall)> {
    world.service.retry_calls().iter().enumerate().filter(|(_, call)| is_ours(call))
}

/// Whether both are about the same stage run.
pub fn are_about_the_same(one: &RetryCall, other: &RetryCall) -> bool {
    (&one.pipeline, &one.execution, &one.stage) == (&other.pipeline, &other.execution, &other.stage)
}

/// The stage run that a call is about.
pub fn run_of(place: &Place, call: &RetryCall) -> StageRunId {
    let Place { partition, account, region } = place.clone();
    StageRunId {
        pipeline: PipelineArn { partition, region, account, name: call.pipeline.clone() },
        execution: call.execution.clone(),
        stage: call.stage.clone(),
    }
}

/// The stage run that an event of a stage is about.
pub fn run_of_event(event: &Value) -> StageRunId {
    let detail = |member: &str| event["detail"][member].as_str().unwrap();
    StageRunId {
        pipeline: PipelineArn::parse(event["resources"][0].as_str().unwrap()).unwrap(),
        execution: ExecutionId::parse(detail("execution-id")).unwrap(),
        stage: StageName::parse(detail("stage")).unwrap(),
    }
}

/// The tags that a stage run's pipeline was made with: nobody changes them.
pub fn tags_of(pipelines: &[PipelineDefinition], run: &StageRunId) -> Tags {
    let definition = pipelines.iter().find(|definition| definition.name == run.pipeline.name);
    definition.map(|definition| definition.tags.clone()).unwrap_or_default()
}
