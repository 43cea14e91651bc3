//! An execution, as `GetPipelineExecution` and `ListPipelineExecutions` show it.

use serde_json::{Value, json};

use super::{Members, epoch_seconds, execution_type, trigger};
use crate::domain::ids::PipelineName;
use crate::emulator::codepipeline::ExecutionSummary;
use crate::emulator::world::Place;

/// The answer of `GetPipelineExecution`.
pub fn execution(execution: &ExecutionSummary, place: &Place, pipeline: &PipelineName) -> Value {
    let mut shown = both(execution, place);
    shown.put("pipelineName", pipeline.as_str());
    shown.put("pipelineVersion", execution.version);
    shown.put("artifactRevisions", json!([]));
    shown.put("variables", json!([]));
    shown.document()
}

/// An entry of `ListPipelineExecutions`.
pub fn execution_summary(execution: &ExecutionSummary, place: &Place) -> Value {
    let mut shown = both(execution, place);
    shown.put("startTime", epoch_seconds(execution.started));
    shown.put("lastUpdateTime", epoch_seconds(execution.last_change));
    shown.put("sourceRevisions", json!([]));
    let reason = execution.stop_reason.as_ref();
    shown.put_some("stopTrigger", reason.map(|reason| json!({ "reason": reason })));
    shown.document()
}

/// What both answers have.
fn both(execution: &ExecutionSummary, place: &Place) -> Members {
    let target = execution.rollback_target.as_ref();
    let mut shown = Members::new();
    shown.put("pipelineExecutionId", execution.id.as_str());
    shown.put("status", execution.status.as_str());
    shown.put_some("statusSummary", execution.stop_reason.as_deref());
    shown.put("trigger", trigger(execution.trigger, target, place));
    shown.put("executionMode", execution.mode.as_str());
    shown.put("executionType", execution_type(execution.kind));
    let metadata = target.map(|target| json!({ "rollbackTargetPipelineExecutionId": target.as_str() }));
    shown.put_some("rollbackMetadata", metadata);
    shown
}
