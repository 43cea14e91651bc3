//! A pipeline as its owner declares it, as AWS's own service model has it: members, limits, patterns and choices.

use super::patterns;
use super::shape::{ANY, Shape, optional, required};

pub static PIPELINE_NAME: Shape = Shape::like(&patterns::NAME, 1, 100);
pub static ROLE_ARN: Shape = Shape::like(&patterns::ROLE_ARN, 0, 1024);
pub static ARTIFACT_STORE_TYPE: Shape = Shape::Choice(&["S3"]);
pub static ARTIFACT_STORE_LOCATION: Shape = Shape::like(&patterns::BUCKET, 3, 63);
pub static ENCRYPTION_KEY_ID: Shape = Shape::text(1, 400);
pub static ENCRYPTION_KEY_TYPE: Shape = Shape::Choice(&["KMS"]);
pub static ENCRYPTION_KEY: Shape =
    Shape::Structure(&[required("id", &ENCRYPTION_KEY_ID), required("type", &ENCRYPTION_KEY_TYPE)]);
pub static ARTIFACT_STORE: Shape = Shape::Structure(&[
    required("type", &ARTIFACT_STORE_TYPE),
    required("location", &ARTIFACT_STORE_LOCATION),
    optional("encryptionKey", &ENCRYPTION_KEY),
]);
pub static AWS_REGION_NAME: Shape = Shape::text(4, 30);
pub static ARTIFACT_STORE_MAP: Shape = Shape::map(&AWS_REGION_NAME, &ARTIFACT_STORE, ANY);
pub static STAGE_NAME: Shape = Shape::like(&patterns::NAME, 1, 100);
pub static BLOCKER_NAME: Shape = Shape::text(1, 100);
pub static BLOCKER_TYPE: Shape = Shape::Choice(&["Schedule"]);
pub static BLOCKER_DECLARATION: Shape =
    Shape::Structure(&[required("name", &BLOCKER_NAME), required("type", &BLOCKER_TYPE)]);
pub static STAGE_BLOCKER_DECLARATION_LIST: Shape = Shape::list(&BLOCKER_DECLARATION, 0, ANY);
pub static ACTION_NAME: Shape = Shape::like(&patterns::NAME, 1, 100);
pub static ACTION_CATEGORY: Shape =
    Shape::Choice(&["Source", "Build", "Deploy", "Test", "Invoke", "Approval", "Compute"]);
pub static ACTION_OWNER: Shape = Shape::Choice(&["AWS", "ThirdParty", "Custom"]);
pub static ACTION_PROVIDER: Shape = Shape::like(&patterns::WORD, 1, 35);
pub static VERSION: Shape = Shape::like(&patterns::WORD, 1, 9);
pub static ACTION_TYPE_ID: Shape = Shape::Structure(&[
    required("category", &ACTION_CATEGORY),
    required("owner", &ACTION_OWNER),
    required("provider", &ACTION_PROVIDER),
    required("version", &VERSION),
]);
pub static ACTION_RUN_ORDER: Shape = Shape::whole(1, 999);
pub static ACTION_CONFIGURATION_KEY: Shape = Shape::text(1, 50);
pub static ACTION_CONFIGURATION_VALUE: Shape = Shape::text(1, 1000);
pub static ACTION_CONFIGURATION_MAP: Shape =
    Shape::map(&ACTION_CONFIGURATION_KEY, &ACTION_CONFIGURATION_VALUE, ANY);
pub static COMMAND: Shape = Shape::text(1, 1000);
pub static COMMAND_LIST: Shape = Shape::list(&COMMAND, 1, 50);
pub static ARTIFACT_NAME: Shape = Shape::like(&patterns::ARTIFACT, 1, 100);
pub static FILE_PATH: Shape = Shape::text(1, 128);
pub static FILE_PATH_LIST: Shape = Shape::list(&FILE_PATH, 1, 10);
pub static OUTPUT_ARTIFACT: Shape =
    Shape::Structure(&[required("name", &ARTIFACT_NAME), optional("files", &FILE_PATH_LIST)]);
pub static OUTPUT_ARTIFACT_LIST: Shape = Shape::list(&OUTPUT_ARTIFACT, 0, ANY);
pub static INPUT_ARTIFACT: Shape = Shape::Structure(&[required("name", &ARTIFACT_NAME)]);
pub static INPUT_ARTIFACT_LIST: Shape = Shape::list(&INPUT_ARTIFACT, 0, ANY);
pub static OUTPUT_VARIABLE: Shape = Shape::text(1, 128);
pub static OUTPUT_VARIABLE_LIST: Shape = Shape::list(&OUTPUT_VARIABLE, 1, 15);
pub static ACTION_NAMESPACE: Shape = Shape::like(&patterns::VARIABLE, 1, 100);
pub static ACTION_TIMEOUT: Shape = Shape::whole(5, 86400);
pub static ENVIRONMENT_VARIABLE_NAME: Shape = Shape::like(&patterns::ENVIRONMENT, 1, 128);
pub static ENVIRONMENT_VARIABLE_VALUE: Shape = Shape::like(&patterns::LINE, 1, 2000);
pub static ENVIRONMENT_VARIABLE_TYPE: Shape = Shape::Choice(&["PLAINTEXT", "SECRETS_MANAGER"]);
pub static ENVIRONMENT_VARIABLE: Shape = Shape::Structure(&[
    required("name", &ENVIRONMENT_VARIABLE_NAME),
    required("value", &ENVIRONMENT_VARIABLE_VALUE),
    optional("type", &ENVIRONMENT_VARIABLE_TYPE),
]);
pub static ENVIRONMENT_VARIABLE_LIST: Shape = Shape::list(&ENVIRONMENT_VARIABLE, 1, 10);
pub static ACTION_DECLARATION: Shape = Shape::Structure(&[
    required("name", &ACTION_NAME),
    required("actionTypeId", &ACTION_TYPE_ID),
    optional("runOrder", &ACTION_RUN_ORDER),
    optional("configuration", &ACTION_CONFIGURATION_MAP),
    optional("commands", &COMMAND_LIST),
    optional("outputArtifacts", &OUTPUT_ARTIFACT_LIST),
    optional("inputArtifacts", &INPUT_ARTIFACT_LIST),
    optional("outputVariables", &OUTPUT_VARIABLE_LIST),
    optional("roleArn", &ROLE_ARN),
    optional("region", &AWS_REGION_NAME),
    optional("namespace", &ACTION_NAMESPACE),
    optional("timeoutInMinutes", &ACTION_TIMEOUT),
    optional("environmentVariables", &ENVIRONMENT_VARIABLE_LIST),
]);
pub static STAGE_ACTION_DECLARATION_LIST: Shape = Shape::list(&ACTION_DECLARATION, 0, ANY);
pub static RESULT: Shape = Shape::Choice(&["ROLLBACK", "FAIL", "RETRY", "SKIP"]);
pub static STAGE_RETRY_MODE: Shape = Shape::Choice(&["FAILED_ACTIONS", "ALL_ACTIONS"]);
pub static RETRY_CONFIGURATION: Shape = Shape::Structure(&[optional("retryMode", &STAGE_RETRY_MODE)]);
pub static RULE_NAME: Shape = Shape::like(&patterns::NAME, 1, 100);
pub static RULE_CATEGORY: Shape = Shape::Choice(&["Rule"]);
pub static RULE_OWNER: Shape = Shape::Choice(&["AWS"]);
pub static RULE_PROVIDER: Shape = Shape::like(&patterns::WORD, 1, 35);
pub static RULE_TYPE_ID: Shape = Shape::Structure(&[
    required("category", &RULE_CATEGORY),
    optional("owner", &RULE_OWNER),
    required("provider", &RULE_PROVIDER),
    optional("version", &VERSION),
]);
pub static RULE_CONFIGURATION_KEY: Shape = Shape::text(1, 50);
pub static RULE_CONFIGURATION_VALUE: Shape = Shape::text(1, 10000);
pub static RULE_CONFIGURATION_MAP: Shape =
    Shape::map(&RULE_CONFIGURATION_KEY, &RULE_CONFIGURATION_VALUE, 200);
pub static RULE_TIMEOUT: Shape = Shape::whole(5, 86400);
pub static RULE_DECLARATION: Shape = Shape::Structure(&[
    required("name", &RULE_NAME),
    required("ruleTypeId", &RULE_TYPE_ID),
    optional("configuration", &RULE_CONFIGURATION_MAP),
    optional("commands", &COMMAND_LIST),
    optional("inputArtifacts", &INPUT_ARTIFACT_LIST),
    optional("roleArn", &ROLE_ARN),
    optional("region", &AWS_REGION_NAME),
    optional("timeoutInMinutes", &RULE_TIMEOUT),
]);
pub static RULE_DECLARATION_LIST: Shape = Shape::list(&RULE_DECLARATION, 1, 5);
pub static CONDITION: Shape =
    Shape::Structure(&[optional("result", &RESULT), optional("rules", &RULE_DECLARATION_LIST)]);
pub static CONDITION_LIST: Shape = Shape::list(&CONDITION, 1, 1);
pub static FAILURE_CONDITIONS: Shape = Shape::Structure(&[
    optional("result", &RESULT),
    optional("retryConfiguration", &RETRY_CONFIGURATION),
    optional("conditions", &CONDITION_LIST),
]);
pub static SUCCESS_CONDITIONS: Shape = Shape::Structure(&[required("conditions", &CONDITION_LIST)]);
pub static BEFORE_ENTRY_CONDITIONS: Shape = Shape::Structure(&[required("conditions", &CONDITION_LIST)]);
pub static STAGE_DECLARATION: Shape = Shape::Structure(&[
    required("name", &STAGE_NAME),
    optional("blockers", &STAGE_BLOCKER_DECLARATION_LIST),
    required("actions", &STAGE_ACTION_DECLARATION_LIST),
    optional("onFailure", &FAILURE_CONDITIONS),
    optional("onSuccess", &SUCCESS_CONDITIONS),
    optional("beforeEntry", &BEFORE_ENTRY_CONDITIONS),
]);
pub static PIPELINE_STAGE_DECLARATION_LIST: Shape = Shape::list(&STAGE_DECLARATION, 0, ANY);
pub static PIPELINE_VERSION: Shape = Shape::whole(1, i64::MAX);
pub static EXECUTION_MODE: Shape = Shape::Choice(&["QUEUED", "SUPERSEDED", "PARALLEL"]);
pub static PIPELINE_TYPE: Shape = Shape::Choice(&["V1", "V2"]);
pub static PIPELINE_VARIABLE_NAME: Shape = Shape::like(&patterns::VARIABLE, 1, 128);
pub static PIPELINE_VARIABLE_VALUE: Shape = Shape::like(&patterns::LINE, 1, 1000);
pub static PIPELINE_VARIABLE_DESCRIPTION: Shape = Shape::like(&patterns::LINE, 0, 200);
pub static PIPELINE_VARIABLE_DECLARATION: Shape = Shape::Structure(&[
    required("name", &PIPELINE_VARIABLE_NAME),
    optional("defaultValue", &PIPELINE_VARIABLE_VALUE),
    optional("description", &PIPELINE_VARIABLE_DESCRIPTION),
]);
pub static PIPELINE_VARIABLE_DECLARATION_LIST: Shape = Shape::list(&PIPELINE_VARIABLE_DECLARATION, 0, 50);
pub static PIPELINE_TRIGGER_PROVIDER_TYPE: Shape = Shape::Choice(&["CodeStarSourceConnection"]);
pub static GIT_TAG_NAME_PATTERN: Shape = Shape::text(1, 255);
pub static GIT_TAG_PATTERN_LIST: Shape = Shape::list(&GIT_TAG_NAME_PATTERN, 1, 8);
pub static GIT_TAG_FILTER_CRITERIA: Shape = Shape::Structure(&[
    optional("includes", &GIT_TAG_PATTERN_LIST),
    optional("excludes", &GIT_TAG_PATTERN_LIST),
]);
pub static GIT_BRANCH_NAME_PATTERN: Shape = Shape::like(&patterns::LINE, 1, 255);
pub static GIT_BRANCH_PATTERN_LIST: Shape = Shape::list(&GIT_BRANCH_NAME_PATTERN, 1, 8);
pub static GIT_BRANCH_FILTER_CRITERIA: Shape = Shape::Structure(&[
    optional("includes", &GIT_BRANCH_PATTERN_LIST),
    optional("excludes", &GIT_BRANCH_PATTERN_LIST),
]);
pub static GIT_FILE_PATH_PATTERN: Shape = Shape::like(&patterns::LINE, 1, 255);
pub static GIT_FILE_PATH_PATTERN_LIST: Shape = Shape::list(&GIT_FILE_PATH_PATTERN, 1, 8);
pub static GIT_FILE_PATH_FILTER_CRITERIA: Shape = Shape::Structure(&[
    optional("includes", &GIT_FILE_PATH_PATTERN_LIST),
    optional("excludes", &GIT_FILE_PATH_PATTERN_LIST),
]);
pub static GIT_PUSH_FILTER: Shape = Shape::Structure(&[
    optional("tags", &GIT_TAG_FILTER_CRITERIA),
    optional("branches", &GIT_BRANCH_FILTER_CRITERIA),
    optional("filePaths", &GIT_FILE_PATH_FILTER_CRITERIA),
]);
pub static GIT_PUSH_FILTER_LIST: Shape = Shape::list(&GIT_PUSH_FILTER, 1, 3);
pub static GIT_PULL_REQUEST_EVENT_TYPE: Shape = Shape::Choice(&["OPEN", "UPDATED", "CLOSED"]);
pub static GIT_PULL_REQUEST_EVENT_TYPE_LIST: Shape = Shape::list(&GIT_PULL_REQUEST_EVENT_TYPE, 1, 3);
pub static GIT_PULL_REQUEST_FILTER: Shape = Shape::Structure(&[
    optional("events", &GIT_PULL_REQUEST_EVENT_TYPE_LIST),
    optional("branches", &GIT_BRANCH_FILTER_CRITERIA),
    optional("filePaths", &GIT_FILE_PATH_FILTER_CRITERIA),
]);
pub static GIT_PULL_REQUEST_FILTER_LIST: Shape = Shape::list(&GIT_PULL_REQUEST_FILTER, 1, 3);
pub static GIT_CONFIGURATION: Shape = Shape::Structure(&[
    required("sourceActionName", &ACTION_NAME),
    optional("push", &GIT_PUSH_FILTER_LIST),
    optional("pullRequest", &GIT_PULL_REQUEST_FILTER_LIST),
]);
pub static PIPELINE_TRIGGER_DECLARATION: Shape = Shape::Structure(&[
    required("providerType", &PIPELINE_TRIGGER_PROVIDER_TYPE),
    required("gitConfiguration", &GIT_CONFIGURATION),
]);
pub static PIPELINE_TRIGGER_DECLARATION_LIST: Shape = Shape::list(&PIPELINE_TRIGGER_DECLARATION, 0, 50);
pub static PIPELINE_DECLARATION: Shape = Shape::Structure(&[
    required("name", &PIPELINE_NAME),
    required("roleArn", &ROLE_ARN),
    optional("artifactStore", &ARTIFACT_STORE),
    optional("artifactStores", &ARTIFACT_STORE_MAP),
    required("stages", &PIPELINE_STAGE_DECLARATION_LIST),
    optional("version", &PIPELINE_VERSION),
    optional("executionMode", &EXECUTION_MODE),
    optional("pipelineType", &PIPELINE_TYPE),
    optional("variables", &PIPELINE_VARIABLE_DECLARATION_LIST),
    optional("triggers", &PIPELINE_TRIGGER_DECLARATION_LIST),
]);
