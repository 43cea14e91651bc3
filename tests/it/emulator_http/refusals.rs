//! Each operation's refusals: the right exception, and one that the service model knows for it.

use serde_json::{Value, json};

use super::bench::{Bench, FAILS_ONCE, STARTS, shop};
use super::model::exceptions;

const NOBODY: &str = "3f1c6a52-90d4-4f0b-8a37-5b0e6d1c2f41";

/// Pairs of an input and the exception that it is refused with, for one operation.
fn check(bench: &Bench, operation: &str, cases: &[(Value, &str)]) {
    for (input, expected) in cases {
        assert_eq!(bench.refused(operation, input), *expected, "{operation} {input}");
        assert!(exceptions(operation).contains(expected), "{operation} never answers {expected}");
    }
}

#[test]
fn what_is_not_there_cannot_be_read() {
    let bench = Bench::failed();
    let (no_pipeline, no_execution) = ("PipelineNotFoundException", "PipelineExecutionNotFoundException");
    let by_name = [(json!({ "name": "none" }), no_pipeline)];
    check(&bench, "GetPipelineState", &by_name);
    check(&bench, "GetPipeline", &by_name);
    check(
        &bench,
        "GetPipeline",
        &[
            (json!({ "name": "shop", "version": 2 }), "PipelineVersionNotFoundException"),
            (json!({ "name": "shop", "version": 5_000_000_000_i64 }), "PipelineVersionNotFoundException"),
        ],
    );
    check(
        &bench,
        "GetPipelineExecution",
        &[
            (json!({ "pipelineName": "none", "pipelineExecutionId": NOBODY }), no_pipeline),
            (json!({ "pipelineName": "shop", "pipelineExecutionId": NOBODY }), no_execution),
        ],
    );
    check(&bench, "ListPipelineExecutions", &[(json!({ "pipelineName": "none" }), no_pipeline)]);
    let filter = json!({ "pipelineExecutionId": NOBODY });
    check(
        &bench,
        "ListActionExecutions",
        &[
            (json!({ "pipelineName": "none" }), no_pipeline),
            (json!({ "pipelineName": "shop", "filter": filter }), no_execution),
        ],
    );
    let arn = |account: &str, resource: &str| json!({ "resourceArn": format!("arn:aws:codepipeline:eu-central-1:{account}:{resource}") });
    check(
        &bench,
        "ListTagsForResource",
        &[
            (arn("111122223333", "none"), "ResourceNotFoundException"),
            (arn("444455556666", "shop"), "ResourceNotFoundException"),
            (arn("111122223333", "webhook:shop"), "InvalidArnException"),
        ],
    );
}

#[test]
fn a_retry_is_refused_where_codepipeline_refuses_it() {
    let mut bench = Bench::failed();
    let execution = bench.newest("shop");
    let input = |pipeline: &str, stage: &str, execution: &str| {
        json!({
            "pipelineName": pipeline, "stageName": stage, "pipelineExecutionId": execution,
            "retryMode": "FAILED_ACTIONS",
        })
    };
    let not_retryable = "StageNotRetryableException";
    check(
        &bench,
        "RetryStageExecution",
        &[
            (input("none", "Test", &execution), "PipelineNotFoundException"),
            (input("shop", "None", &execution), "StageNotFoundException"),
            (input("shop", "Test", NOBODY), "ValidationException"),
            (input("shop", "Source", &execution), not_retryable),
            (input("shop", "Deploy", &execution), not_retryable),
        ],
    );
    bench.ok("StartPipelineExecution", &json!({ "name": "shop" }));
    bench.pass(12);
    let outdated = [(input("shop", "Test", &execution), "NotLatestPipelineExecutionException")];
    check(&bench, "RetryStageExecution", &outdated);
}

#[test]
fn other_acts_are_refused_where_codepipeline_refuses_them() {
    let bench = Bench::failed();
    let execution = bench.newest("shop");
    let (no_pipeline, no_stage) = ("PipelineNotFoundException", "StageNotFoundException");
    let rollback = |pipeline: &str, stage: &str, target: &str| json!({ "pipelineName": pipeline, "stageName": stage, "targetPipelineExecutionId": target });
    check(
        &bench,
        "RollbackStage",
        &[
            (rollback("none", "Test", &execution), no_pipeline),
            (rollback("shop", "None", &execution), no_stage),
            (rollback("shop", "Test", NOBODY), "PipelineExecutionNotFoundException"),
            (rollback("shop", "Test", &execution), "UnableToRollbackStageException"),
        ],
    );
    let approval = |pipeline: &str, stage: &str, action: &str| {
        json!({
            "pipelineName": pipeline, "stageName": stage, "actionName": action, "token": NOBODY,
            "result": { "status": "Rejected", "summary": "" },
        })
    };
    check(
        &bench,
        "PutApprovalResult",
        &[
            (approval("none", "Test", "Unit"), no_pipeline),
            (approval("shop", "None", "Unit"), no_stage),
            (approval("shop", "Test", "None"), "ActionNotFoundException"),
            (approval("shop", "Test", "Unit"), "InvalidApprovalTokenException"),
        ],
    );
    for operation in ["EnableStageTransition", "DisableStageTransition"] {
        for direction in ["Inbound", "Outbound"] {
            let input = |pipeline: &str, stage: &str| {
                json!({
                    "pipelineName": pipeline, "stageName": stage, "transitionType": direction, "reason": "why not",
                })
            };
            let cases = [(input("none", "Test"), no_pipeline), (input("shop", "None"), no_stage)];
            check(&bench, operation, &cases);
        }
    }
    check(&bench, "StartPipelineExecution", &[(json!({ "name": "none" }), no_pipeline)]);
    let stop = |pipeline: &str, execution: &str| json!({ "pipelineName": pipeline, "pipelineExecutionId": execution });
    check(
        &bench,
        "StopPipelineExecution",
        &[
            (stop("none", &execution), no_pipeline),
            (stop("shop", NOBODY), "ValidationException"),
            (stop("shop", &execution), "PipelineExecutionNotStoppableException"),
        ],
    );
}

#[test]
fn too_many_executions_are_refused() {
    let queued = shop("[hang]").replacen("- name: shop", "- name: shop\n    mode: QUEUED", 1);
    let bench = Bench::new(&queued, STARTS);
    for _ in 0..50 {
        bench.ok("StartPipelineExecution", &json!({ "name": "shop" }));
    }
    let limit = [(json!({ "name": "shop" }), "ConcurrentPipelineExecutionsLimitExceededException")];
    check(&bench, "StartPipelineExecution", &limit);
}

#[test]
fn a_start_that_is_repeated_with_its_token_starts_nothing() {
    let bench = Bench::new(&shop(FAILS_ONCE), "  []");
    let start = |token: &str| {
        let started =
            bench.ok("StartPipelineExecution", &json!({ "name": "shop", "clientRequestToken": token }));
        started["pipelineExecutionId"].clone()
    };
    let first = start("a");
    assert_eq!(start("a"), first);
    assert_ne!(start("b"), first);
}
