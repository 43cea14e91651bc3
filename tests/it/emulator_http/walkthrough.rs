//! AWS's user guide on retrying a failed stage, typed into the real AWS CLI against the real `retrier emulator`.

use std::fs;

use serde_json::{Value, json};

use super::tools::{Emulator, aws, aws_error, wait_for};

const PIPELINE: &str = "MyFirstPipeline";

fn stage(endpoint: &str, name: &str) -> Value {
    let state = aws(endpoint, &["get-pipeline-state", "--name", PIPELINE]);
    let stages = state["stageStates"].as_array().unwrap();
    stages.iter().find(|stage| stage["stageName"] == name).unwrap().clone()
}

/// The guide's first step: the state shows the failed stage, and the execution to retry.
fn failed_execution(endpoint: &str) -> String {
    let staging = stage(endpoint, "Staging");
    assert_eq!(staging["latestExecution"]["status"], "Failed");
    let action = &staging["actionStates"][0];
    assert_eq!(action["actionName"], "Deploy-CodeDeploy-Application");
    assert_eq!(action["latestExecution"]["status"], "Failed");
    assert_eq!(action["latestExecution"]["errorDetails"]["code"], "JobFailed");
    staging["latestExecution"]["pipelineExecutionId"].as_str().unwrap().to_owned()
}

fn retry<'a>(stage: &'a str, execution: &'a str) -> [&'a str; 9] {
    [
        "retry-stage-execution",
        "--pipeline-name",
        PIPELINE,
        "--stage-name",
        stage,
        "--pipeline-execution-id",
        execution,
        "--retry-mode",
        "FAILED_ACTIONS",
    ]
}

#[test]
fn a_failed_stage_is_retried_and_the_pipeline_goes_on() {
    let emulator = Emulator::start(&[]);
    let endpoint = &emulator.endpoint;
    let execution = failed_execution(endpoint);
    assert_eq!(aws_error(endpoint, &retry("Stging", &execution)), "StageNotFoundException");

    let answer = aws(endpoint, &retry("Staging", &execution));
    assert_eq!(answer, json!({ "pipelineExecutionId": execution }));
    assert_eq!(aws_error(endpoint, &retry("Staging", &execution)), "StageNotRetryableException");

    let production = wait_for("Production to succeed", || {
        Some(stage(endpoint, "Production")).filter(|stage| stage["latestExecution"]["status"] == "Succeeded")
    });
    assert_eq!(production["latestExecution"]["pipelineExecutionId"], execution.as_str());
    let staging = stage(endpoint, "Staging");
    assert_eq!(staging["latestExecution"]["status"], "Succeeded");
    let retries = json!({ "manualStageRetryAttempt": 1, "latestRetryTrigger": "ManualStageRetry" });
    assert_eq!(staging["retryStageMetadata"], retries);

    let history = aws(endpoint, &["list-action-executions", "--pipeline-name", PIPELINE]);
    let history = history["actionExecutionDetails"].as_array().unwrap();
    let deployments: Vec<_> = (history.iter())
        .filter(|run| run["stageName"] == "Staging" && run["pipelineExecutionId"] == execution.as_str())
        .map(|run| run["status"].as_str().unwrap())
        .collect();
    assert_eq!(deployments, ["Succeeded", "Failed"]);
}

#[test]
fn a_failed_stage_is_retried_with_a_file() {
    let emulator = Emulator::start(&[]);
    let endpoint = &emulator.endpoint;
    let execution = failed_execution(endpoint);
    let input = json!({
        "pipelineName": PIPELINE,
        "stageName": "Staging",
        "pipelineExecutionId": execution,
        "retryMode": "FAILED_ACTIONS",
    });
    let folder = tempfolder("retried-with-a-file");
    let file = folder.join("failure.json");
    fs::write(&file, input.to_string()).unwrap();
    let from_file = format!("file://{}", file.display());
    let answer = aws(endpoint, &["retry-stage-execution", "--cli-input-json", &from_file]);
    assert_eq!(answer, json!({ "pipelineExecutionId": execution }));
}

#[test]
fn a_pipeline_that_was_edited_is_not_retried() {
    let emulator = Emulator::start(&[]);
    let endpoint = &emulator.endpoint;
    let execution = failed_execution(endpoint);
    let mut pipeline = aws(endpoint, &["get-pipeline", "--name", PIPELINE]);
    pipeline.as_object_mut().unwrap().remove("metadata");
    pipeline["pipeline"]["stages"][2]["actions"][0]["name"] = json!("Deploy-Again");
    let edited = aws(endpoint, &["update-pipeline", "--cli-input-json", &pipeline.to_string()]);
    assert_eq!(edited["pipeline"]["version"], 2);
    assert_eq!(aws_error(endpoint, &retry("Staging", &execution)), "StageNotRetryableException");
}

/// An empty folder of this test's own.
fn tempfolder(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}
