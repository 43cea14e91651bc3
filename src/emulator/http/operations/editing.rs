//! `CreatePipeline`, `UpdatePipeline`, `DeletePipeline`. What a declaration says is kept as it came; what a world can act
//! on becomes a definition.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::request::Input;
use super::super::service::Bench;
use crate::domain::ids::{ActionName, PipelineName, Region, StageName};
use crate::domain::pipeline::{Category, ChangeSet, ChangeSetPart, ExecutionMode};
use crate::domain::policy::RetryMode;
use crate::emulator::codepipeline::{
    ActionDefinition, BeforeEntry, OnSuccess, PipelineDefinition, PipelineType, StageDefinition,
};

/// As the real operation, it starts an execution at once.
pub fn create_pipeline(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let declared = declared_in(input)?;
    let mut definition = definition(declared, None)?;
    definition.tags = input
        .structures("tags")
        .map(|tag| Ok((tag.text("key")?.to_owned(), tag.text("value")?.to_owned())))
        .collect::<Result<BTreeMap<_, _>, ApiError>>()?;
    let name = definition.name.clone();
    let kept = completed(declared, &definition, 1);
    bench.world.service.create_pipeline(bench.now, definition)?;
    bench.memory.forget(&name);
    bench.memory.declarations.keep(&name, 1, kept.clone());
    bench.world.service.start_created_pipeline(bench.now, &name)?;
    let tags = input.get("tags").cloned().unwrap_or_else(|| json!([]));
    Ok(json!({ "pipeline": kept, "tags": tags }))
}

/// Actions that keep stage and name keep their script; conditions that a script knows the result of keep it.
pub fn update_pipeline(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let declared = declared_in(input)?;
    let name = declared.id("name", PipelineName::parse)?;
    let (_, before) = bench.world.service.definition(&name, None)?;
    let definition = definition(declared, Some(before))?;
    let version = bench.world.service.update_pipeline(bench.now, definition.clone())?;
    let kept = completed(declared, &definition, version);
    bench.memory.declarations.keep(&name, version, kept.clone());
    Ok(json!({ "pipeline": kept }))
}

pub fn delete_pipeline(bench: &mut Bench<'_>, input: Input<'_>) -> Result<Value, ApiError> {
    let name = input.id("name", PipelineName::parse)?;
    bench.world.service.delete_pipeline(bench.now, &name);
    bench.memory.forget(&name);
    Ok(json!({}))
}

fn declared_in(input: Input<'_>) -> Result<Input<'_>, ApiError> {
    input.structure("pipeline").ok_or_else(|| ApiError::validation("'pipeline' is missing"))
}

/// The declaration with what the service fills in.
fn completed(declared: Input<'_>, definition: &PipelineDefinition, version: u32) -> Value {
    let mut declaration = declared.value();
    let actions =
        |stage: &mut Value| stage.get_mut("actions").and_then(Value::as_array_mut).map(std::mem::take);
    let stages = declaration.get_mut("stages").and_then(Value::as_array_mut);
    for stage in stages.into_iter().flatten() {
        let mut all = actions(stage).unwrap_or_default();
        for action in all.iter_mut().filter_map(Value::as_object_mut) {
            action.entry("runOrder").or_insert(json!(1));
            for list in ["inputArtifacts", "outputArtifacts"] {
                action.entry(list).or_insert(json!([]));
            }
            action.entry("configuration").or_insert(json!({}));
        }
        if let Some(stage) = stage.as_object_mut() {
            stage.insert("actions".to_owned(), Value::Array(all));
        }
    }
    if let Some(members) = declaration.as_object_mut() {
        members.insert("version".to_owned(), json!(version));
        members.insert("executionMode".to_owned(), json!(definition.mode.as_str()));
        members.insert("pipelineType".to_owned(), json!(definition.pipeline_type.as_str()));
    }
    declaration
}

fn definition(
    declared: Input<'_>,
    before: Option<&PipelineDefinition>,
) -> Result<PipelineDefinition, ApiError> {
    let mode = match declared.optional_text("executionMode") {
        Some("QUEUED") => ExecutionMode::Queued,
        Some("PARALLEL") => ExecutionMode::Parallel,
        _ => ExecutionMode::Superseded,
    };
    let stages = declared.structures("stages").map(|declared| {
        let name = declared.id("name", StageName::parse)?;
        let before = before.and_then(|before| before.stages.iter().find(|stage| stage.name == name));
        stage(name, declared, before)
    });
    let mut stages = stages.collect::<Result<Vec<_>, _>>()?;
    let name = declared.id("name", PipelineName::parse)?;
    // What is called as the pipeline need not be said.
    for action in stages.iter_mut().flat_map(|stage| &mut stage.actions) {
        action.stack = action.stack.take().filter(|stack| stack != name.as_str());
    }
    Ok(PipelineDefinition {
        name,
        mode,
        pipeline_type: match declared.optional_text("pipelineType") {
            Some("V2") => PipelineType::V2,
            _ => PipelineType::V1,
        },
        stages,
        tags: before.map(|before| before.tags.clone()).unwrap_or_default(),
    })
}

fn stage(
    name: StageName,
    declared: Input<'_>,
    before: Option<&StageDefinition>,
) -> Result<StageDefinition, ApiError> {
    let on_failure = declared.structure("onFailure");
    let result = on_failure.and_then(|on_failure| on_failure.optional_text("result"));
    let retry = on_failure.and_then(|on_failure| on_failure.structure("retryConfiguration"));
    let actions = declared.structures("actions").map(|declared| {
        let name = declared.id("name", ActionName::parse)?;
        let before = before.and_then(|before| before.actions.iter().find(|action| action.name == name));
        action(name, declared, before)
    });
    let mut definition = StageDefinition::new(name, actions.collect::<Result<_, _>>()?);
    if result == Some("RETRY") {
        definition.native_retry = match retry.and_then(|retry| retry.optional_text("retryMode")) {
            Some("ALL_ACTIONS") => Some(RetryMode::AllActions),
            _ => Some(RetryMode::FailedActions),
        };
    }
    definition.on_failure_rollback = result == Some("ROLLBACK");
    if declared.get("beforeEntry").is_some() {
        definition.before_entry = before.map_or(BeforeEntry::Pass, |before| before.before_entry);
    }
    if declared.get("onSuccess").is_some() {
        definition.on_success = before.map_or(OnSuccess::Pass, |before| before.on_success);
    }
    Ok(definition)
}

fn action(
    name: ActionName,
    declared: Input<'_>,
    before: Option<&ActionDefinition>,
) -> Result<ActionDefinition, ApiError> {
    let kind = declared
        .structure("actionTypeId")
        .ok_or_else(|| ApiError::validation("'actionTypeId' is missing"))?;
    let category = kind.text("category")?;
    let category = Category::parse(category)
        .ok_or_else(|| ApiError::validation(format!("'{category}' is not an action category")))?;
    let order = declared.whole("runOrder").and_then(|order| u32::try_from(order).ok());
    let region = declared.get("region").is_some().then(|| declared.id("region", Region::parse));
    let mut definition =
        ActionDefinition::new(name, category, kind.text("provider")?).in_order(order.unwrap_or(1));
    definition.region = region.transpose()?;
    let configuration = declared.structure("configuration");
    definition.change_set = configuration.and_then(change_set);
    let stack = configuration.and_then(|configuration| configuration.optional_text("StackName"));
    definition.stack = stack.filter(|_| definition.change_set.is_none()).map(str::to_owned);
    definition.script = before.map(|before| before.script.clone()).unwrap_or_default();
    Ok(definition)
}

fn change_set(configuration: Input<'_>) -> Option<ChangeSetPart> {
    let text = |name| configuration.optional_text(name).map(str::to_owned);
    let set = ChangeSet { stack: text("StackName")?, name: text("ChangeSetName")? };
    match configuration.optional_text("ActionMode")? {
        "CHANGE_SET_REPLACE" => Some(ChangeSetPart::Makes(set)),
        "CHANGE_SET_EXECUTE" => Some(ChangeSetPart::Executes(set)),
        _ => None,
    }
}
