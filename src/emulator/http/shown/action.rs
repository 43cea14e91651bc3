//! A run of an action, as `ListActionExecutions` shows it.

use serde_json::{Value, json};

use super::{Members, epoch_seconds, error_details, not_empty};
use crate::domain::pipeline::Category;
use crate::emulator::codepipeline::ActionDetail;
use crate::emulator::world::Place;

/// `actionTypeId` of an action that AWS itself provides.
pub fn action_type(category: Category, provider: &str) -> Value {
    json!({ "category": category.as_str(), "owner": "AWS", "provider": provider, "version": "1" })
}

/// An entry of `ListActionExecutions`. `declared` is the action as its pipeline declares it.
pub fn action_execution(detail: &ActionDetail, place: &Place, declared: Option<&Value>) -> Value {
    let run = &detail.run;
    let declared = |name: &str| declared.and_then(|declared| declared.get(name)).cloned();
    let mut input = Members::new();
    let usual = || action_type(run.category, &run.provider);
    input.put("actionTypeId", declared("actionTypeId").unwrap_or_else(usual));
    let configuration = declared("configuration").unwrap_or_else(|| json!({}));
    input.put("resolvedConfiguration", configuration.clone());
    input.put("configuration", configuration);
    input.put_some("roleArn", declared("roleArn"));
    input.put("region", run.region.as_ref().unwrap_or(&place.region).as_str());
    input.put_some("namespace", declared("namespace"));
    input.put("inputArtifacts", json!([]));

    let mut result = Members::new();
    result.put_some("externalExecutionId", run.external_id.as_deref());
    result.put_some("externalExecutionSummary", not_empty(run.error.summary.expose()));
    result.put_some("errorDetails", error_details(&run.error));
    let mut output = Members::new();
    output.put("outputArtifacts", json!([]));
    if !result.0.is_empty() {
        output.put("executionResult", result.document());
    }
    output.put("outputVariables", json!({}));

    let mut shown = Members::new();
    shown.put("pipelineExecutionId", run.execution.as_str());
    shown.put("actionExecutionId", run.id.as_str());
    shown.put("pipelineVersion", detail.version);
    shown.put("stageName", run.stage.as_str());
    shown.put("actionName", run.action.as_str());
    shown.put("startTime", epoch_seconds(run.started));
    shown.put("lastUpdateTime", epoch_seconds(run.last_change));
    shown.put("status", run.status.as_str());
    shown.put("input", input.document());
    shown.put("output", output.document());
    shown.document()
}
