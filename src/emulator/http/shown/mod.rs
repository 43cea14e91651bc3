//! The documents of answers, as AWS's service model shapes them. What a world does not know is left out, not invented.

mod action;
mod execution;
mod state;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::domain::ids::{ExecutionId, PipelineArn, PipelineName};
use crate::domain::pipeline::{ErrorDetails, ExecutionKind};
use crate::emulator::codepipeline::{CodePipeline, TriggerType};
use crate::emulator::world::Place;

pub use action::{action_execution, action_type};
pub use execution::{execution, execution_summary};
pub use state::state;

/// An instant as the protocol writes it: seconds since 1970, with milliseconds where there are any.
pub fn epoch_seconds(instant: Timestamp) -> Value {
    let milliseconds = instant.as_millisecond();
    if milliseconds % 1000 == 0 {
        return json!(milliseconds / 1000);
    }
    #[expect(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
    let seconds = milliseconds as f64 / 1000.0;
    json!(seconds)
}

/// The pipeline's ARN.
pub fn pipeline_arn(place: &Place, name: &PipelineName) -> String {
    let Place { partition, region, account } = place.clone();
    PipelineArn { partition, region, account, name: name.clone() }.to_string()
}

/// Who did what the world does not know the doer of.
pub fn root(place: &Place) -> String {
    format!("arn:{}:iam::{}:root", place.partition, place.account)
}

/// An entry of `ListPipelines`.
pub fn pipeline_summary(service: &CodePipeline, name: &PipelineName) -> Value {
    let mut summary = Members::new();
    summary.put("name", name.as_str());
    if let Ok((version, definition)) = service.definition(name, None) {
        summary.put("version", version);
        summary.put("pipelineType", definition.pipeline_type.as_str());
        summary.put("executionMode", definition.mode.as_str());
    }
    if let Ok((created, updated)) = service.created_and_updated(name) {
        summary.put("created", epoch_seconds(created));
        summary.put("updated", epoch_seconds(updated));
    }
    summary.document()
}

const fn execution_type(kind: ExecutionKind) -> &'static str {
    match kind {
        ExecutionKind::Standard => "STANDARD",
        ExecutionKind::Rollback => "ROLLBACK",
    }
}

fn trigger(trigger: TriggerType, target: Option<&ExecutionId>, place: &Place) -> Value {
    let detail = target.map_or_else(|| root(place), ToString::to_string);
    json!({ "triggerType": trigger.as_str(), "triggerDetail": detail })
}

/// Code and message of an error; none where there is neither.
fn error_details(error: &ErrorDetails) -> Option<Value> {
    let mut details = Members::new();
    details.put_some("code", error.code.as_deref());
    details.put_some("message", not_empty(error.message.expose()));
    (!details.0.is_empty()).then(|| details.document())
}

fn not_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A structure in the making.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn new() -> Self {
        Self::default()
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn put_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn document(self) -> Value {
        Value::Object(self.0)
    }
}
