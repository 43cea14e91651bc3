//! `StartPipelineExecution` and `StopPipelineExecution`.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::request::Input;
use super::super::service::Bench;
use crate::domain::ids::{ExecutionId, PipelineName};

/// Variables and source revisions are taken and have no effect: actions do what their script says.
pub fn start_pipeline_execution(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let name = input.id("name", PipelineName::parse)?;
    let token = input.optional_text("clientRequestToken").map(|token| (name.clone(), token.to_owned()));
    let known = token.as_ref().and_then(|token| bench.memory.started.get(token)).cloned();
    let id = match known {
        Some(id) => id,
        None => bench.world.service.start_pipeline_execution(bench.now, &name)?,
    };
    if let Some(token) = token {
        bench.memory.started.insert(token, id.clone());
    }
    Ok(json!({ "pipelineExecutionId": id.as_str() }))
}

pub fn stop_pipeline_execution(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let name = input.id("pipelineName", PipelineName::parse)?;
    let id = input.id("pipelineExecutionId", ExecutionId::parse)?;
    let (abandon, reason) = (input.flag("abandon"), input.optional_text("reason"));
    let id = bench.world.service.stop_pipeline_execution(bench.now, &name, &id, abandon, reason)?;
    Ok(json!({ "pipelineExecutionId": id.as_str() }))
}
