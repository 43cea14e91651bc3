//! Answers with one thing wrong, each with its complaint.

use codepipeline_retrier::answers::{
    AnswerError, action_executions, pipeline_execution, pipeline_state, pipeline_structure,
};
use serde_json::{Value, json};

use super::document;

/// The document with another value at the pointer; `None` removes the member.
fn altered(name: &str, pointer: &str, value: Option<Value>) -> String {
    let mut answer: Value = serde_json::from_str(&document(name)).unwrap();
    let (owner, member) = pointer.rsplit_once('/').unwrap();
    let owner = answer.pointer_mut(owner).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => owner.insert(member.to_owned(), value),
        None => owner.remove(member),
    };
    answer.to_string()
}

/// The complaints about the document with each of the changes, one a line.
fn complaints<T: std::fmt::Debug>(
    name: &str,
    read: fn(&str) -> Result<T, AnswerError>,
    changes: &[(&str, Option<Value>)],
) -> String {
    changes
        .iter()
        .map(|(pointer, value)| read(&altered(name, pointer, value.clone())).unwrap_err())
        .map(|error| error.to_string())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_pipeline_state_that_cannot_be_used() {
    insta::assert_snapshot!(
        complaints(
            "get-pipeline-state.json",
            pipeline_state,
            &[
                ("/pipelineVersion", None),
                ("/pipelineVersion", Some(json!(7.5))),
                ("/pipelineVersion", Some(json!(5_000_000_000_u64))),
                ("/stageStates", None),
                ("/stageStates", Some(json!({}))),
                ("/stageStates/0/stageName", Some(json!("a stage"))),
                ("/stageStates/1/actionStates", Some(json!(null))),
                ("/stageStates/1/latestExecution", Some(json!("Failed"))),
                ("/stageStates/1/latestExecution/status", Some(json!("Paused\n`x`"))),
                ("/stageStates/1/latestExecution/type", Some(json!("OTHER"))),
                ("/stageStates/1/latestExecution/pipelineExecutionId", None),
                ("/stageStates/2/inboundTransitionState/enabled", None),
                ("/stageStates/2/inboundTransitionState/enabled", Some(json!("false"))),
                ("/stageStates/1/actionStates/0/latestExecution/actionExecutionId", None),
                ("/stageStates/1/actionStates/1/latestExecution/actionExecutionId", None),
                ("/stageStates/1/actionStates/0/latestExecution/lastStatusChange", Some(json!("today"))),
                ("/stageStates/1/actionStates/0/latestExecution/status", Some(json!("Rejected"))),
                ("/stageStates/1/actionStates/0/latestExecution/errorDetails/message", Some(json!(["secret"]))),
                ("/stageStates/1/retryStageMetadata/autoStageRetryAttempt", Some(json!(-1))),
            ],
        ),
        @r"
        answer of `get-pipeline-state`: `pipelineVersion` is missing
        answer of `get-pipeline-state`: `pipelineVersion` is not a whole number
        answer of `get-pipeline-state`: `pipelineVersion` is too large
        answer of `get-pipeline-state`: `stageStates` is missing
        answer of `get-pipeline-state`: `stageStates` is not a list
        answer of `get-pipeline-state`: `stageStates[0].stageName` is not a valid stage name: 1 to 100 of A-Z a-z 0-9 . @ - _
        answer of `get-pipeline-state`: `stageStates[1].actionStates` is missing
        answer of `get-pipeline-state`: `stageStates[1].latestExecution` is not an object
        answer of `get-pipeline-state`: `stageStates[1].latestExecution.status` is an unknown status: `Paused\n\u{60}x\u{60}`
        answer of `get-pipeline-state`: `stageStates[1].latestExecution.type` is an unknown execution type: `OTHER`
        answer of `get-pipeline-state`: `stageStates[1].latestExecution.pipelineExecutionId` is missing
        answer of `get-pipeline-state`: `stageStates[2].inboundTransitionState.enabled` is missing
        answer of `get-pipeline-state`: `stageStates[2].inboundTransitionState.enabled` is not `true` or `false`
        answer of `get-pipeline-state`: `stageStates[1].actionStates[0].latestExecution.actionExecutionId` is missing
        answer of `get-pipeline-state`: `stageStates[1].actionStates[1].latestExecution.actionExecutionId` is missing
        answer of `get-pipeline-state`: `stageStates[1].actionStates[0].latestExecution.lastStatusChange` is not an instant such as `2026-11-22T10:13:02Z`
        answer of `get-pipeline-state`: `stageStates[1].actionStates[0].latestExecution.status` is an unknown action status: `Rejected`
        answer of `get-pipeline-state`: `stageStates[1].actionStates[0].latestExecution.errorDetails.message` is not text
        answer of `get-pipeline-state`: `stageStates[1].retryStageMetadata.autoStageRetryAttempt` is not a whole number
        "
    );
}

#[test]
fn a_pipeline_execution_that_cannot_be_used() {
    insta::assert_snapshot!(
        complaints(
            "get-pipeline-execution.json",
            pipeline_execution,
            &[
                ("/pipelineExecution", None),
                ("/pipelineExecution/status", None),
                ("/pipelineExecution/status", Some(json!("FAILED"))),
                ("/pipelineExecution/executionMode", Some(json!("SERIAL"))),
                ("/pipelineExecution/executionType", Some(json!(1))),
                ("/pipelineExecution/pipelineVersion", None),
            ],
        ),
        @r"
        answer of `get-pipeline-execution`: `pipelineExecution` is missing
        answer of `get-pipeline-execution`: `pipelineExecution.status` is missing
        answer of `get-pipeline-execution`: `pipelineExecution.status` is an unknown status: `FAILED`
        answer of `get-pipeline-execution`: `pipelineExecution.executionMode` is an unknown execution mode: `SERIAL`
        answer of `get-pipeline-execution`: `pipelineExecution.executionType` is not text
        answer of `get-pipeline-execution`: `pipelineExecution.pipelineVersion` is missing
        "
    );
}

#[test]
fn a_pipeline_structure_that_cannot_be_used() {
    insta::assert_snapshot!(
        complaints(
            "get-pipeline.json",
            pipeline_structure,
            &[
                ("/pipeline/name", Some(json!(""))),
                ("/pipeline/executionMode", Some(json!("serial"))),
                ("/pipeline/stages/0/actions/0/actionTypeId/category", Some(json!("Gate"))),
                ("/pipeline/stages/0/actions/0/actionTypeId", None),
                ("/pipeline/stages/1/onFailure/result", Some(json!("PRAY"))),
                ("/pipeline/stages/1/onFailure/retryConfiguration/retryMode", Some(json!("SOME_ACTIONS"))),
                ("/pipeline/stages/2/actions/1/configuration/ChangeSetName", None),
                ("/pipeline/stages/2/actions/1/configuration/StackName", None),
            ],
        ),
        @r"
        answer of `get-pipeline`: `pipeline.name` is not a valid pipeline name: 1 to 100 of A-Z a-z 0-9 . @ - _
        answer of `get-pipeline`: `pipeline.executionMode` is an unknown execution mode: `serial`
        answer of `get-pipeline`: `pipeline.stages[0].actions[0].actionTypeId.category` is an unknown category: `Gate`
        answer of `get-pipeline`: `pipeline.stages[0].actions[0].actionTypeId` is missing
        answer of `get-pipeline`: `pipeline.stages[1].onFailure.result` is an unknown result: `PRAY`
        answer of `get-pipeline`: `pipeline.stages[1].onFailure.retryConfiguration.retryMode` is an unknown retry mode: `SOME_ACTIONS`
        answer of `get-pipeline`: `pipeline.stages[2].actions[1].configuration.ChangeSetName` is missing
        answer of `get-pipeline`: `pipeline.stages[2].actions[1].configuration.StackName` is missing
        "
    );
}

#[test]
fn a_list_of_action_executions_that_cannot_be_used() {
    insta::assert_snapshot!(
        complaints(
            "list-action-executions.json",
            action_executions,
            &[
                ("/actionExecutionDetails", None),
                ("/nextToken", Some(json!("page2"))),
                ("/NextToken", Some(json!("page2"))),
                ("/actionExecutionDetails/0/input", None),
                ("/actionExecutionDetails/0/actionExecutionId", Some(json!("a/b"))),
                ("/actionExecutionDetails/1/startTime", None),
                ("/actionExecutionDetails/1/lastUpdateTime", Some(json!(1e300))),
                ("/actionExecutionDetails/1/status", Some(json!("Stopped"))),
            ],
        ),
        @r"
        answer of `list-action-executions`: `actionExecutionDetails` is missing
        answer of `list-action-executions`: `nextToken` says that the list goes on; read all of it
        answer of `list-action-executions`: `NextToken` says that the list goes on; read all of it
        answer of `list-action-executions`: `actionExecutionDetails[0].input` is missing
        answer of `list-action-executions`: `actionExecutionDetails[0].actionExecutionId` is not a valid action execution id: 1 to 100 of A-Z a-z 0-9 -
        answer of `list-action-executions`: `actionExecutionDetails[1].startTime` is missing
        answer of `list-action-executions`: `actionExecutionDetails[1].lastUpdateTime` is out of the range of instants
        answer of `list-action-executions`: `actionExecutionDetails[1].status` is an unknown action status: `Stopped`
        "
    );
}

#[test]
fn a_document_that_is_none() {
    let complaints = ["", "[]", "null", "{", "An error occurred (AccessDenied)"]
        .map(|text| pipeline_state(text).unwrap_err().to_string())
        .join("\n");
    insta::assert_snapshot!(complaints, @r"
        answer of `get-pipeline-state`: the document is not readable as JSON at line 1, column 0
        answer of `get-pipeline-state`: the document is not an object
        answer of `get-pipeline-state`: the document is not an object
        answer of `get-pipeline-state`: the document is not readable as JSON at line 1, column 1
        answer of `get-pipeline-state`: the document is not readable as JSON at line 1, column 1
        ");
}

#[test]
fn an_error_tells_its_parts() {
    let pointer = "/stageStates/1/actionStates/0/latestExecution/status";
    let text = altered("get-pipeline-state.json", pointer, Some(json!("Rejected")));
    assert_eq!(
        pipeline_state(&text),
        Err(AnswerError {
            what: "get-pipeline-state",
            path: "stageStates[1].actionStates[0].latestExecution.status".to_owned(),
            problem: "is an unknown action status: `Rejected`".to_owned(),
        })
    );
}

#[test]
fn a_run_that_succeeded_and_cannot_be_identified_is_no_run() {
    for member in ["actionExecutionId", "lastStatusChange"] {
        let pointer = format!("/stageStates/0/actionStates/0/latestExecution/{member}");
        let state = pipeline_state(&altered("get-pipeline-state.json", &pointer, None)).unwrap();
        assert_eq!(state.stages[0].actions[0].latest, None, "{member}");
    }
}

#[test]
fn a_retry_configuration_without_a_result_is_taken_for_a_retry() {
    let pointer = "/pipeline/stages/1/onFailure/result";
    let structure = pipeline_structure(&altered("get-pipeline.json", pointer, None)).unwrap();
    assert!(structure.stages[1].native_retry.is_some());
}
