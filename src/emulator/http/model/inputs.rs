//! The inputs of the operations, as AWS's own service model has them: members, limits, patterns and choices.

use super::declaration::{
    ACTION_NAME, PIPELINE_DECLARATION, PIPELINE_NAME, PIPELINE_VARIABLE_NAME, PIPELINE_VARIABLE_VALUE,
    PIPELINE_VERSION, STAGE_NAME, STAGE_RETRY_MODE,
};
use super::patterns;
use super::shape::{ANY, Shape, optional, required};

pub static TAG_KEY: Shape = Shape::text(1, 128);
pub static TAG_VALUE: Shape = Shape::text(0, 256);
pub static TAG: Shape = Shape::Structure(&[required("key", &TAG_KEY), required("value", &TAG_VALUE)]);
pub static TAG_LIST: Shape = Shape::list(&TAG, 0, ANY);
pub static CREATE_PIPELINE_INPUT: Shape =
    Shape::Structure(&[required("pipeline", &PIPELINE_DECLARATION), optional("tags", &TAG_LIST)]);
pub static DELETE_PIPELINE_INPUT: Shape = Shape::Structure(&[required("name", &PIPELINE_NAME)]);
pub static STAGE_TRANSITION_TYPE: Shape = Shape::Choice(&["Inbound", "Outbound"]);
pub static DISABLED_REASON: Shape = Shape::like(&patterns::REASON, 1, 300);
pub static DISABLE_STAGE_TRANSITION_INPUT: Shape = Shape::Structure(&[
    required("pipelineName", &PIPELINE_NAME),
    required("stageName", &STAGE_NAME),
    required("transitionType", &STAGE_TRANSITION_TYPE),
    required("reason", &DISABLED_REASON),
]);
pub static ENABLE_STAGE_TRANSITION_INPUT: Shape = Shape::Structure(&[
    required("pipelineName", &PIPELINE_NAME),
    required("stageName", &STAGE_NAME),
    required("transitionType", &STAGE_TRANSITION_TYPE),
]);
pub static GET_PIPELINE_INPUT: Shape =
    Shape::Structure(&[required("name", &PIPELINE_NAME), optional("version", &PIPELINE_VERSION)]);
pub static PIPELINE_EXECUTION_ID: Shape = Shape::like(&patterns::UUID, 0, ANY);
pub static GET_PIPELINE_EXECUTION_INPUT: Shape = Shape::Structure(&[
    required("pipelineName", &PIPELINE_NAME),
    required("pipelineExecutionId", &PIPELINE_EXECUTION_ID),
]);
pub static GET_PIPELINE_STATE_INPUT: Shape = Shape::Structure(&[required("name", &PIPELINE_NAME)]);
pub static START_TIME_RANGE: Shape = Shape::Choice(&["Latest", "All"]);
pub static LATEST_IN_PIPELINE_EXECUTION_FILTER: Shape = Shape::Structure(&[
    required("pipelineExecutionId", &PIPELINE_EXECUTION_ID),
    required("startTimeRange", &START_TIME_RANGE),
]);
pub static ACTION_EXECUTION_FILTER: Shape = Shape::Structure(&[
    optional("pipelineExecutionId", &PIPELINE_EXECUTION_ID),
    optional("latestInPipelineExecution", &LATEST_IN_PIPELINE_EXECUTION_FILTER),
]);
pub static MAX_RESULTS: Shape = Shape::whole(1, 100);
pub static NEXT_TOKEN: Shape = Shape::text(1, 2048);
pub static LIST_ACTION_EXECUTIONS_INPUT: Shape = Shape::Structure(&[
    required("pipelineName", &PIPELINE_NAME),
    optional("filter", &ACTION_EXECUTION_FILTER),
    optional("maxResults", &MAX_RESULTS),
    optional("nextToken", &NEXT_TOKEN),
]);
pub static SUCCEEDED_IN_STAGE_FILTER: Shape = Shape::Structure(&[optional("stageName", &STAGE_NAME)]);
pub static PIPELINE_EXECUTION_FILTER: Shape =
    Shape::Structure(&[optional("succeededInStage", &SUCCEEDED_IN_STAGE_FILTER)]);
pub static LIST_PIPELINE_EXECUTIONS_INPUT: Shape = Shape::Structure(&[
    required("pipelineName", &PIPELINE_NAME),
    optional("maxResults", &MAX_RESULTS),
    optional("filter", &PIPELINE_EXECUTION_FILTER),
    optional("nextToken", &NEXT_TOKEN),
]);
pub static MAX_PIPELINES: Shape = Shape::whole(1, 1000);
pub static LIST_PIPELINES_INPUT: Shape =
    Shape::Structure(&[optional("nextToken", &NEXT_TOKEN), optional("maxResults", &MAX_PIPELINES)]);
pub static RESOURCE_ARN: Shape = Shape::like(&patterns::RESOURCE_ARN, 0, ANY);
pub static LIST_TAGS_FOR_RESOURCE_INPUT: Shape = Shape::Structure(&[
    required("resourceArn", &RESOURCE_ARN),
    optional("nextToken", &NEXT_TOKEN),
    optional("maxResults", &MAX_RESULTS),
]);
pub static APPROVAL_SUMMARY: Shape = Shape::text(0, 512);
pub static APPROVAL_STATUS: Shape = Shape::Choice(&["Approved", "Rejected"]);
pub static APPROVAL_RESULT: Shape =
    Shape::Structure(&[required("summary", &APPROVAL_SUMMARY), required("status", &APPROVAL_STATUS)]);
pub static APPROVAL_TOKEN: Shape = Shape::like(&patterns::UUID, 0, ANY);
pub static PUT_APPROVAL_RESULT_INPUT: Shape = Shape::Structure(&[
    required("pipelineName", &PIPELINE_NAME),
    required("stageName", &STAGE_NAME),
    required("actionName", &ACTION_NAME),
    required("result", &APPROVAL_RESULT),
    required("token", &APPROVAL_TOKEN),
]);
pub static RETRY_STAGE_EXECUTION_INPUT: Shape = Shape::Structure(&[
    required("pipelineName", &PIPELINE_NAME),
    required("stageName", &STAGE_NAME),
    required("pipelineExecutionId", &PIPELINE_EXECUTION_ID),
    required("retryMode", &STAGE_RETRY_MODE),
]);
pub static ROLLBACK_STAGE_INPUT: Shape = Shape::Structure(&[
    required("pipelineName", &PIPELINE_NAME),
    required("stageName", &STAGE_NAME),
    required("targetPipelineExecutionId", &PIPELINE_EXECUTION_ID),
]);
pub static PIPELINE_VARIABLE: Shape = Shape::Structure(&[
    required("name", &PIPELINE_VARIABLE_NAME),
    required("value", &PIPELINE_VARIABLE_VALUE),
]);
pub static PIPELINE_VARIABLE_LIST: Shape = Shape::list(&PIPELINE_VARIABLE, 1, 50);
pub static CLIENT_REQUEST_TOKEN: Shape = Shape::like(&patterns::TOKEN, 1, 128);
pub static SOURCE_REVISION_TYPE: Shape =
    Shape::Choice(&["COMMIT_ID", "IMAGE_DIGEST", "S3_OBJECT_VERSION_ID", "S3_OBJECT_KEY"]);
pub static REVISION: Shape = Shape::text(1, 1500);
pub static SOURCE_REVISION_OVERRIDE: Shape = Shape::Structure(&[
    required("actionName", &ACTION_NAME),
    required("revisionType", &SOURCE_REVISION_TYPE),
    required("revisionValue", &REVISION),
]);
pub static SOURCE_REVISION_OVERRIDE_LIST: Shape = Shape::list(&SOURCE_REVISION_OVERRIDE, 0, 50);
pub static START_PIPELINE_EXECUTION_INPUT: Shape = Shape::Structure(&[
    required("name", &PIPELINE_NAME),
    optional("variables", &PIPELINE_VARIABLE_LIST),
    optional("clientRequestToken", &CLIENT_REQUEST_TOKEN),
    optional("sourceRevisions", &SOURCE_REVISION_OVERRIDE_LIST),
]);
pub static BOOLEAN: Shape = Shape::Flag;
pub static STOP_PIPELINE_EXECUTION_REASON: Shape = Shape::text(0, 200);
pub static STOP_PIPELINE_EXECUTION_INPUT: Shape = Shape::Structure(&[
    required("pipelineName", &PIPELINE_NAME),
    required("pipelineExecutionId", &PIPELINE_EXECUTION_ID),
    optional("abandon", &BOOLEAN),
    optional("reason", &STOP_PIPELINE_EXECUTION_REASON),
]);
pub static UPDATE_PIPELINE_INPUT: Shape = Shape::Structure(&[required("pipeline", &PIPELINE_DECLARATION)]);
