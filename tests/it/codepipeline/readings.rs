//! What is made of CodePipeline's answers: the same as of the AWS CLI's, and a gap where one is missing.

use codepipeline_retrier::domain::pipeline::{ExecutionMode, Gap, StageReading};
use codepipeline_retrier::ports::Pipelines;

use super::stub::{Reply, Request, Stub};
use super::{Rig, action, actions, execution, executions, stage_run, state, structure};

/// A pipeline that is well, apart from one operation.
fn apart_from(operation: &'static str, reply: Reply) -> Stub {
    Stub::start(move |request| if request.operation == operation { reply.clone() } else { well(request) })
}

pub fn well(request: &Request) -> Reply {
    Reply::ok(&match request.operation.as_str() {
        "GetPipelineState" => state(3),
        "GetPipelineExecution" => execution("SUPERSEDED"),
        "GetPipeline" => structure(3),
        "ListActionExecutions" => actions(&[action(1, "Test", 1, 1_795_342_300, 1_795_342_382)], None),
        "ListPipelineExecutions" => executions(&[(1, 1_795_342_000)], None),
        other => panic!("`{other}` was asked for"),
    })
}

#[test]
fn a_refused_request_is_a_gap_in_what_was_read() {
    for (reply, gap) in [
        (Reply::error(400, "PipelineNotFoundException"), Gap::PipelineNotFound),
        (Reply::error(400, "AccessDeniedException"), Gap::Denied),
        (Reply::error(400, "ExpiredTokenException"), Gap::Denied),
        (Reply::error(400, "ValidationException"), Gap::Unavailable),
        (Reply::error(400, "InvalidNextTokenException"), Gap::Unavailable),
        (Reply::Answer { status: 200, headers: vec![], body: "<html>".to_owned() }, Gap::Unavailable),
        (Reply::Answer { status: 200, headers: vec![], body: "{}".to_owned() }, Gap::Unavailable),
    ] {
        for operation in ["GetPipelineState", "GetPipelineExecution", "GetPipeline", "ListActionExecutions"] {
            let stub = apart_from(operation, reply.clone());
            let rig = Rig::at(&stub.url);
            let reading = rig.run(rig.pipelines.observe(&stage_run()));
            let found = match operation {
                "GetPipelineState" => reading.state.err(),
                "GetPipelineExecution" => reading.execution.err(),
                "GetPipeline" => reading.structure.err(),
                _ => reading.actions.err(),
            };
            assert_eq!(found, Some(gap), "{operation}: {reply:?}");
        }
    }
}

#[test]
fn an_unknown_execution_is_told_from_an_unknown_pipeline() {
    let stub = apart_from("GetPipelineExecution", Reply::error(400, "PipelineExecutionNotFoundException"));
    let rig = Rig::at(&stub.url);
    let reading = rig.run(rig.pipelines.observe(&stage_run()));
    assert_eq!(reading.execution, Err(Gap::ExecutionNotFound));
}

/// Reading is tried again, which is safe, and not for ever.
#[test]
fn throttled_and_broken_reads_are_tried_three_times() {
    for (reply, gap) in [
        (Reply::error(400, "ThrottlingException"), Gap::Throttled),
        (Reply::error(500, "InternalFailure"), Gap::Unavailable),
        (Reply::Close, Gap::Unavailable),
    ] {
        let stub = Stub::always(reply.clone());
        let rig = Rig::at(&stub.url);
        let read = rig.run(rig.pipelines.observe_stage(&stage_run(), ExecutionMode::Queued));
        assert_eq!(read, StageReading::State(Err(gap)), "{reply:?}");
        assert_eq!(stub.operations(), ["GetPipelineState"; 3], "{reply:?}");
    }
}

#[test]
fn a_state_of_another_version_than_its_structure_is_not_put_together() {
    let stub = apart_from("GetPipeline", Reply::ok(&structure(4)));
    let rig = Rig::at(&stub.url);
    assert_eq!(rig.run(rig.pipelines.observe(&stage_run())).structure, Err(Gap::Unavailable));
}

#[test]
fn neither_tokens_nor_messages_can_be_printed() {
    let stub = Stub::start(well);
    let rig = Rig::at(&stub.url);
    let printed = format!("{:?}", rig.run(rig.pipelines.observe(&stage_run())));
    assert!(printed.contains("JobFailed"), "{printed}");
    for secret in ["who-has-it-may-approve", "Rate exceeded"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
