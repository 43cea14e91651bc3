//! What people do to a stage: retry it, roll it back, answer an approval in it, close and open its entry.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::request::Input;
use super::super::service::Bench;
use super::super::shown;
use crate::domain::ids::{ActionName, ExecutionId, PipelineName, StageName};
use crate::domain::policy::RetryMode;
use crate::emulator::codepipeline::{ApprovalAnswer, ApprovalVerdict};

fn stage_of(input: Input<'_>) -> Result<(PipelineName, StageName), ApiError> {
    Ok((input.id("pipelineName", PipelineName::parse)?, input.id("stageName", StageName::parse)?))
}

pub fn retry_stage_execution(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let (pipeline, stage) = stage_of(input)?;
    let execution = input.id("pipelineExecutionId", ExecutionId::parse)?;
    let mode = match input.text("retryMode")? {
        "ALL_ACTIONS" => RetryMode::AllActions,
        _ => RetryMode::FailedActions,
    };
    let service = &mut bench.world.service;
    let id = service.retry_stage_execution(bench.now, bench.caller, &pipeline, &stage, &execution, mode)?;
    Ok(json!({ "pipelineExecutionId": id.as_str() }))
}

pub fn rollback_stage(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let (pipeline, stage) = stage_of(input)?;
    let target = input.id("targetPipelineExecutionId", ExecutionId::parse)?;
    let id = bench.world.service.rollback_stage(bench.now, bench.caller, &pipeline, &stage, &target)?;
    Ok(json!({ "pipelineExecutionId": id.as_str() }))
}

pub fn put_approval_result(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let (pipeline, stage) = stage_of(input)?;
    let action = input.id("actionName", ActionName::parse)?;
    let result = input.structure("result").ok_or_else(|| ApiError::validation("'result' is missing"))?;
    let answer = ApprovalAnswer {
        verdict: match result.text("status")? {
            "Approved" => ApprovalVerdict::Approved,
            _ => ApprovalVerdict::Rejected,
        },
        summary: result.text("summary")?.to_owned(),
        token: Some(input.text("token")?.to_owned()),
    };
    let at = bench.world.service.put_approval_result(bench.now, &pipeline, &stage, &action, answer)?;
    Ok(json!({ "approvedAt": shown::epoch_seconds(at) }))
}

pub fn disable_stage_transition(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let (pipeline, stage) = stage_of(input)?;
    let stage = entry_concerned(bench, input, &pipeline, stage)?;
    let reason = input.text("reason")?;
    bench.world.service.disable_stage_transition(bench.now, &pipeline, &stage, reason)?;
    Ok(json!({}))
}

pub fn enable_stage_transition(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let (pipeline, stage) = stage_of(input)?;
    let stage = entry_concerned(bench, input, &pipeline, stage)?;
    bench.world.service.enable_stage_transition(bench.now, &pipeline, &stage)?;
    Ok(json!({}))
}

/// The stage whose entry is meant: this one, or the next one where its exit is spoken of. The last exit leads nowhere.
fn entry_concerned(
    bench: &Bench<'_>,
    input: Input<'_>,
    pipeline: &PipelineName,
    stage: StageName,
) -> Result<StageName, ApiError> {
    if input.text("transitionType")? == "Inbound" {
        return Ok(stage);
    }
    let (_, definition) = bench.world.service.definition(pipeline, None)?;
    let mut rest = definition.stages.iter().map(|stage| &stage.name).skip_while(|name| **name != stage);
    let Some(_) = rest.next() else {
        // The service knows best how to say that there is no such stage.
        return Ok(stage);
    };
    rest.next().cloned().ok_or_else(|| {
        ApiError::validation(format!("Stage '{stage}' is the last one and has no outbound transition"))
    })
}
