//! How many requests go out for each thing that is done, and what for.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use codepipeline_retrier::domain::pipeline::{ExecutionMode, Gap};
use codepipeline_retrier::ports::Pipelines;

use super::readings::well;
use super::stub::{Reply, Stub};
use super::{Rig, action, actions, execution, execution_id, stage_run, state, structure};

const DECIDING: [&str; 3] = ["GetPipelineExecution", "GetPipelineState", "ListActionExecutions"];

#[test]
fn a_structure_is_read_once_and_at_its_version() {
    let stub = Stub::start(well);
    let rig = Rig::at(&stub.url);
    let first = rig.run(rig.pipelines.observe(&stage_run()));
    assert_eq!(
        stub.operations(),
        ["GetPipeline", "GetPipelineExecution", "GetPipelineState", "ListActionExecutions"]
    );
    let asked = stub.requests().into_iter().find(|request| request.operation == "GetPipeline").unwrap();
    assert_eq!(asked.body, json!({"name": "shop", "version": 3}));
    stub.forget();
    assert_eq!(rig.run(rig.pipelines.observe(&stage_run())), first);
    assert_eq!(stub.operations(), DECIDING);
}

#[test]
fn an_edit_is_read_anew() {
    static VERSION: AtomicU32 = AtomicU32::new(3);
    let stub = Stub::start(|request| match request.operation.as_str() {
        "GetPipelineState" => Reply::ok(&state(VERSION.load(Ordering::SeqCst))),
        "GetPipeline" => Reply::ok(&structure(VERSION.load(Ordering::SeqCst))),
        _ => well(request),
    });
    let rig = Rig::at(&stub.url);
    for version in [3, 4, 4, 5] {
        VERSION.store(version, Ordering::SeqCst);
        let reading = rig.run(rig.pipelines.observe(&stage_run()));
        assert_eq!(reading.structure.unwrap().version, version);
    }
    assert_eq!(stub.operations().iter().filter(|name| *name == "GetPipeline").count(), 3);
}

#[test]
fn the_last_look_is_one_request() {
    for mode in [ExecutionMode::Superseded, ExecutionMode::Queued] {
        let stub = Stub::start(well);
        let rig = Rig::at(&stub.url);
        rig.run(rig.pipelines.observe_stage(&stage_run(), mode));
        assert_eq!(stub.operations(), ["GetPipelineState"]);
    }
}

#[test]
fn a_parallel_pipeline_takes_its_entries_beside() {
    let stub = Stub::start(|request| match request.operation.as_str() {
        "GetPipelineExecution" => Reply::ok(&execution("PARALLEL")),
        _ => well(request),
    });
    let rig = Rig::at(&stub.url);
    let reading = rig.run(rig.pipelines.observe(&stage_run()));
    assert_eq!(reading.state, Err(Gap::NotRead));
    let entries =
        ["GetPipelineExecution", "ListActionExecutions", "ListActionExecutions", "ListPipelineExecutions"];
    let mut all = [&entries[..], &["GetPipeline", "GetPipelineState"]].concat();
    all.sort_unstable();
    assert_eq!(stub.operations(), all);
    stub.forget();
    rig.run(rig.pipelines.observe_stage(&stage_run(), ExecutionMode::Parallel));
    assert_eq!(stub.operations(), entries);
}

#[test]
fn a_history_is_read_to_its_end_and_of_one_execution() {
    let stub =
        Stub::start(|request| match (request.operation.as_str(), request.body["nextToken"].as_str()) {
            ("ListActionExecutions", None) => {
                Reply::ok(&actions(&[action(1, "Test", 2, 1_795_342_400, 1_795_342_482)], Some("two")))
            }
            ("ListActionExecutions", Some("two")) => Reply::ok(&actions(&[], Some("three"))),
            ("ListActionExecutions", Some(_)) => {
                Reply::ok(&actions(&[action(1, "Test", 1, 1_795_342_300, 1_795_342_382)], None))
            }
            _ => well(request),
        });
    let rig = Rig::at(&stub.url);
    let reading = rig.run(rig.pipelines.observe(&stage_run()));
    assert_eq!(reading.actions.unwrap().len(), 2);
    let asked = stub.requests().into_iter().filter(|request| request.operation == "ListActionExecutions");
    let bodies: Vec<_> = asked.map(|request| request.body).collect();
    let filter = json!({"pipelineExecutionId": execution_id(1).as_str()});
    let page = json!({"pipelineName": "shop", "filter": filter, "maxResults": 100});
    let with = |token: &str| {
        let mut page = page.clone();
        page["nextToken"] = json!(token);
        page
    };
    assert_eq!(bodies, [page.clone(), with("two"), with("three")]);
}

#[test]
fn a_history_without_end_is_a_gap_and_not_a_cut_one() {
    let stub = Stub::start(|request| match request.operation.as_str() {
        "ListActionExecutions" => Reply::ok(&actions(&[action(1, "Test", 1, 1, 2)], Some("again"))),
        _ => well(request),
    });
    let rig = Rig::at(&stub.url);
    assert_eq!(rig.run(rig.pipelines.observe(&stage_run())).actions, Err(Gap::Unavailable));
    let pages = stub.operations().iter().filter(|name| *name == "ListActionExecutions").count();
    assert_eq!(pages, 30);
}

#[test]
fn a_page_that_is_missing_leaves_no_history() {
    let stub =
        Stub::start(|request| match (request.operation.as_str(), request.body["nextToken"].as_str()) {
            ("ListActionExecutions", None) => Reply::ok(&actions(&[action(1, "Test", 1, 1, 2)], Some("two"))),
            ("ListActionExecutions", _) => Reply::error(400, "ThrottlingException"),
            _ => well(request),
        });
    let rig = Rig::at(&stub.url);
    assert_eq!(rig.run(rig.pipelines.observe(&stage_run())).actions, Err(Gap::Throttled));
}
