//! `ListPipelines`, `ListPipelineExecutions`, `ListActionExecutions`, `ListTagsForResource`, each in pages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::page::page;
use super::super::request::Input;
use super::super::service::Bench;
use super::super::shown;
use crate::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageName};

/// Entries of a page of pipelines, where the request does not say how many (API reference, `ListPipelines`).
const MOST_PIPELINES: usize = 1000;
/// Entries of any other page (API reference, `ListActionExecutions`).
const MOST: usize = 100;

pub fn list_pipelines(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let service = bench.shown();
    let all = service.list_pipelines();
    let page = page(input, &["ListPipelines"], MOST_PIPELINES, all, PipelineName::as_str)?;
    Ok(page.document("pipelines", |name| shown::pipeline_summary(service, &name)))
}

pub fn list_pipeline_executions(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let name = input.id("pipelineName", PipelineName::parse)?;
    let filter = input.structure("filter").and_then(|filter| filter.structure("succeededInStage"));
    let stage = filter.filter(|filter| filter.get("stageName").is_some());
    let stage = stage.map(|filter| filter.id("stageName", StageName::parse)).transpose()?;
    let service = bench.shown();
    let mut all = service.list_executions(&name)?;
    if let Some(stage) = &stage {
        all.retain(|execution| service.has_succeeded_in(&name, &execution.id, stage).unwrap_or_default());
    }
    let of = stage.as_ref().map_or("", StageName::as_str);
    let request = ["ListPipelineExecutions", name.as_str(), of];
    let page = page(input, &request, MOST, all, |execution| execution.id.as_str())?;
    Ok(page.document("pipelineExecutionSummaries", |execution| {
        shown::execution_summary(&execution, &bench.world.place)
    }))
}

pub fn list_action_executions(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let name = input.id("pipelineName", PipelineName::parse)?;
    let filter = input.structure("filter");
    let latest = filter.and_then(|filter| filter.structure("latestInPipelineExecution"));
    let execution = latest.or(filter).filter(|filter| filter.get("pipelineExecutionId").is_some());
    let execution =
        execution.map(|filter| filter.id("pipelineExecutionId", ExecutionId::parse)).transpose()?;
    let range = latest.and_then(|latest| latest.optional_text("startTimeRange")).unwrap_or("All");
    let service = bench.shown();
    let mut all = service.action_runs(&name, execution.as_ref())?;
    if range == "Latest" {
        let mut seen = BTreeSet::new();
        all.retain(|run| seen.insert(run.action()));
    }
    let of = execution.as_ref().map_or("", ExecutionId::as_str);
    let request = ["ListActionExecutions", name.as_str(), of, range];
    let page = page(input, &request, MOST, all, |run| run.id().as_str())?;
    let place = &bench.world.place;
    let declarations = &bench.memory.declarations;
    Ok(page.document("actionExecutionDetails", |run| {
        let detail = run.detail();
        let definition = service.definition(&name, Some(detail.version)).ok();
        let declared = definition.and_then(|(version, definition)| {
            declarations.action(place, version, definition, &detail.run.stage, &detail.run.action)
        });
        shown::action_execution(&detail, place, declared.as_ref())
    }))
}

pub fn list_tags_for_resource(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let text = input.text("resourceArn")?;
    let arn = PipelineArn::parse(text).map_err(|_| {
        ApiError::new("InvalidArnException", format!("'{text}' is not the ARN of a pipeline"))
    })?;
    let place = &bench.world.place;
    let unknown = || ApiError::new("ResourceNotFoundException", format!("Resource '{text}' does not exist"));
    if (&arn.partition, &arn.region, &arn.account) != (&place.partition, &place.region, &place.account) {
        return Err(unknown());
    }
    let (_, definition) = bench.shown().definition(&arn.name, None).map_err(|_| unknown())?;
    let all: Vec<_> = definition.tags.iter().collect();
    let page = page(input, &["ListTagsForResource", text], MOST, all, |(key, _)| key.as_str())?;
    Ok(page.document("tags", |(key, value)| json!({ "key": key, "value": value })))
}
