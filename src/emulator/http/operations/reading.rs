//! `GetPipeline`, `GetPipelineState`, `GetPipelineExecution`.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::request::Input;
use super::super::service::Bench;
use super::super::shown;
use crate::domain::ids::{ExecutionId, PipelineName};

pub fn get_pipeline(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let name = input.id("name", PipelineName::parse)?;
    // A number that no version has is one that the pipeline does not have.
    let version = input.whole("version").map(|version| u32::try_from(version).unwrap_or(u32::MAX));
    let service = bench.shown();
    let (version, definition) = service.definition(&name, version)?;
    let declaration = bench.memory.declarations.of(&bench.world.place, version, definition);
    let (created, updated) = service.created_and_updated(&name)?;
    let arn = shown::pipeline_arn(&bench.world.place, &name);
    Ok(json!({
        "pipeline": declaration,
        "metadata": {
            "pipelineArn": arn,
            "created": shown::epoch_seconds(created),
            "updated": shown::epoch_seconds(updated),
        },
    }))
}

pub fn get_pipeline_state(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let name = input.id("name", PipelineName::parse)?;
    shown::state(bench.shown(), &bench.world.place, &name)
}

pub fn get_pipeline_execution(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let name = input.id("pipelineName", PipelineName::parse)?;
    let id = input.id("pipelineExecutionId", ExecutionId::parse)?;
    let service = bench.shown();
    // Refuses what is not there.
    service.pipeline_execution(&name, &id)?;
    let executions = service.list_executions(&name)?;
    let known = executions.iter().find(|execution| execution.id == id);
    let execution = known.map(|execution| shown::execution(execution, &bench.world.place, &name));
    Ok(json!({ "pipelineExecution": execution }))
}
