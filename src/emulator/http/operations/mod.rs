//! The operations: what each takes, whether it reads or changes, and the function that answers it.

mod acting;
mod editing;
mod listing;
mod reading;
mod starting;

use serde_json::Value;

use super::error::ApiError;
use super::model::{Shape, inputs};
use super::request::Input;
use super::service::Bench;

type Answer = fn(&mut Bench<'_>, Input<'_>) -> Result<Value, ApiError>;

/// One operation.
#[derive(Debug)]
pub struct Operation {
    name: &'static str,
    /// What it takes.
    pub input: &'static Shape,
    /// What it does, as far as faults are concerned.
    pub effect: Effect,
    pub answer: Answer,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only reads.
    Reads,
    /// It reads tags.
    ReadsTags,
    /// It is `RetryStageExecution`.
    Retries,
    /// It changes something else.
    Changes,
}

const fn reads(name: &'static str, input: &'static Shape, answer: Answer) -> Operation {
    Operation { name, input, effect: Effect::Reads, answer }
}

const fn changes(name: &'static str, input: &'static Shape, answer: Answer) -> Operation {
    Operation { name, input, effect: Effect::Changes, answer }
}

#[rustfmt::skip]
const OPERATIONS: [Operation; 17] = [
    changes("CreatePipeline", &inputs::CREATE_PIPELINE_INPUT, editing::create_pipeline),
    changes("DeletePipeline", &inputs::DELETE_PIPELINE_INPUT, editing::delete_pipeline),
    changes("DisableStageTransition", &inputs::DISABLE_STAGE_TRANSITION_INPUT, acting::disable_stage_transition),
    changes("EnableStageTransition", &inputs::ENABLE_STAGE_TRANSITION_INPUT, acting::enable_stage_transition),
    reads("GetPipeline", &inputs::GET_PIPELINE_INPUT, reading::get_pipeline),
    reads("GetPipelineExecution", &inputs::GET_PIPELINE_EXECUTION_INPUT, reading::get_pipeline_execution),
    reads("GetPipelineState", &inputs::GET_PIPELINE_STATE_INPUT, reading::get_pipeline_state),
    reads("ListActionExecutions", &inputs::LIST_ACTION_EXECUTIONS_INPUT, listing::list_action_executions),
    reads("ListPipelineExecutions", &inputs::LIST_PIPELINE_EXECUTIONS_INPUT, listing::list_pipeline_executions),
    reads("ListPipelines", &inputs::LIST_PIPELINES_INPUT, listing::list_pipelines),
    Operation {
        name: "ListTagsForResource",
        input: &inputs::LIST_TAGS_FOR_RESOURCE_INPUT,
        effect: Effect::ReadsTags,
        answer: listing::list_tags_for_resource,
    },
    changes("PutApprovalResult", &inputs::PUT_APPROVAL_RESULT_INPUT, acting::put_approval_result),
    Operation {
        name: "RetryStageExecution",
        input: &inputs::RETRY_STAGE_EXECUTION_INPUT,
        effect: Effect::Retries,
        answer: acting::retry_stage_execution,
    },
    changes("RollbackStage", &inputs::ROLLBACK_STAGE_INPUT, acting::rollback_stage),
    changes("StartPipelineExecution", &inputs::START_PIPELINE_EXECUTION_INPUT, starting::start_pipeline_execution),
    changes("StopPipelineExecution", &inputs::STOP_PIPELINE_EXECUTION_INPUT, starting::stop_pipeline_execution),
    changes("UpdatePipeline", &inputs::UPDATE_PIPELINE_INPUT, editing::update_pipeline),
];

/// The operation of that name.
pub(super) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// The names of all operations that there are.
pub fn operation_names() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|operation| operation.name)
}
