//! CodePipeline's adapter against a server that answers as CodePipeline might, well or badly: what is sent, how often,
//! and what is made of each answer.

mod entries;
mod readings;
mod requests;
mod retries;
pub mod stub;
mod unchanged;

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::region::Region;
use serde_json::{Value, json};

use codepipeline_retrier::aws::clients::{Clients, common};
use codepipeline_retrier::aws::pipelines::SdkPipelines;
use codepipeline_retrier::aws::settings::{Endpoints, Trust};
use codepipeline_retrier::domain::ids::{ExecutionId, PipelineArn, StageName, StageRunId};

/// The adapter, and what it runs on. Connections stay open between calls, as in a function that stays warm.
pub struct Rig {
    runtime: tokio::runtime::Runtime,
    pub pipelines: SdkPipelines,
}

impl Rig {
    pub fn at(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let credentials = Credentials::new("AKIDTEST", "secret", None, None, "test");
        let config = common(&Trust::Amazon)
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let endpoints = Endpoints { codepipeline: Some(url.to_owned()), ..Endpoints::default() };
        Self { runtime, pipelines: SdkPipelines::new(Arc::new(Clients::new(config, endpoints))) }
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

pub fn execution_id(number: u32) -> ExecutionId {
    ExecutionId::parse(format!("3f1c6a52-90d4-4f0b-8a37-{number:012}")).unwrap()
}

/// Stage `Test` of pipeline `shop`.
pub fn stage_run() -> StageRunId {
    StageRunId {
        pipeline: PipelineArn::parse("arn:aws:codepipeline:eu-central-1:111122223333:shop").unwrap(),
        execution: execution_id(1),
        stage: StageName::parse("Test").unwrap(),
    }
}

/// `GetPipelineState` with the stage failed, at a structure version.
pub fn state(version: u32) -> Value {
    json!({
        "pipelineName": "shop", "pipelineVersion": version, "created": 1_700_000_000.25, "updated": 1_700_000_000.25,
        "stageStates": [{
            "stageName": "Test",
            "inboundTransitionState": {"enabled": true},
            "latestExecution": {"pipelineExecutionId": execution_id(1).as_str(), "status": "Failed"},
            "actionStates": [{"actionName": "Unit", "latestExecution": {
                "actionExecutionId": "0d7be2a4-6c1f-4e58-b93a-000000000001", "status": "Failed",
                "lastStatusChange": 1_795_342_382.123,
                "token": "who-has-it-may-approve",
                "errorDetails": {"code": "JobFailed", "message": "Rate exceeded"},
            }}],
        }],
    })
}

/// `GetPipelineExecution`.
pub fn execution(mode: &str) -> Value {
    json!({"pipelineExecution": {
        "pipelineName": "shop", "pipelineVersion": 3, "pipelineExecutionId": execution_id(1).as_str(),
        "status": "Failed", "executionMode": mode, "executionType": "STANDARD",
    }})
}

/// `GetPipeline` at a structure version.
pub fn structure(version: u32) -> Value {
    json!({"pipeline": {
        "name": "shop", "roleArn": "arn:aws:iam::111122223333:role/shop", "version": version,
        "stages": [{"name": "Test", "actions": [{"name": "Unit", "actionTypeId":
            {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"}}]}],
    }})
}

/// One entry of `ListActionExecutions`: a run of `Unit` for an execution, in a stage, from one second to another.
pub fn action(execution: u32, stage: &str, run: u32, started: i64, changed: i64) -> Value {
    json!({
        "pipelineExecutionId": execution_id(execution).as_str(),
        "actionExecutionId": format!("0d7be2a4-6c1f-4e58-b93a-{run:012}"),
        "stageName": stage, "actionName": "Unit", "status": "Failed",
        "startTime": started, "lastUpdateTime": changed,
        "input": {"actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"}},
    })
}

/// A page of `ListActionExecutions`.
pub fn actions(entries: &[Value], next: Option<&str>) -> Value {
    json!({"actionExecutionDetails": entries, "nextToken": next})
}

/// A page of `ListPipelineExecutions`: executions with their starts.
pub fn executions(entries: &[(u32, i64)], next: Option<&str>) -> Value {
    let entries: Vec<Value> = entries
        .iter()
        .map(|(execution, started)| {
            json!({
                "pipelineExecutionId": execution_id(*execution).as_str(), "status": "Failed", "startTime": started,
                "lastUpdateTime": started,
            })
        })
        .collect();
    json!({"pipelineExecutionSummaries": entries, "nextToken": next})
}
