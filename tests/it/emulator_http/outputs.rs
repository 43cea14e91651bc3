//! Answers, member by member: nothing in them is unknown to the service model, and what it requires is there. The worlds
//! are those that the scenarios leave, which show about everything that a world can.

use serde_json::{Value, json};

use codepipeline_retrier::emulator::http::Service;
use codepipeline_retrier::emulator::http::{Call, Reply};
use codepipeline_retrier::emulator::world::SharedWorld;

use super::bench::{Bench, FAILS_ONCE, STARTS, shop};
use super::model::operation;
use crate::scenarios::worlds;

/// What is asked about every pipeline.
fn questions(name: &str) -> [(&'static str, Value); 5] {
    [
        ("GetPipeline", json!({ "name": name })),
        ("GetPipelineState", json!({ "name": name })),
        ("ListPipelineExecutions", json!({ "pipelineName": name })),
        ("ListActionExecutions", json!({ "pipelineName": name })),
        ("ListPipelines", json!({})),
    ]
}

fn objections(operation_name: &str, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match operation(operation_name).1 {
        Some(output) => output.objections(document, operation_name, &mut found),
        None => assert_eq!(*document, json!({})),
    }
    found
}

#[test]
fn every_answer_about_every_scenario_has_the_models_shape() {
    let mut found = Vec::new();
    for (scenario, world) in worlds() {
        let now = world.now();
        let pipelines = world.service.list_pipelines();
        let service = Service::new(SharedWorld::new(world));
        let ask = |operation: &str, input: &Value| {
            let body = input.to_string();
            let call = Call { operation, body: body.as_bytes(), caller: "test", region: None, now };
            // Faults that a scenario plans may be left over.
            let replies = std::iter::repeat_with(|| service.call(call)).take(20);
            let mut documents = replies.filter_map(|reply| match reply {
                Reply::Document(document) => Some(document),
                _ => None,
            });
            documents.next()
        };
        for pipeline in &pipelines {
            for (operation, input) in questions(pipeline.as_str()) {
                let Some(document) = ask(operation, &input) else { continue };
                let lines = objections(operation, &document);
                found.extend(lines.into_iter().map(|line| format!("{scenario}: {line}")));
                for execution in document["pipelineExecutionSummaries"].as_array().into_iter().flatten() {
                    let id = &execution["pipelineExecutionId"];
                    let input = json!({ "pipelineName": pipeline.as_str(), "pipelineExecutionId": id });
                    let Some(document) = ask("GetPipelineExecution", &input) else { continue };
                    found.extend(objections("GetPipelineExecution", &document));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_state_of_a_retried_stage() {
    let mut bench = Bench::failed();
    let execution = bench.newest("shop");
    let input = json!({
        "pipelineName": "shop", "stageName": "Test", "pipelineExecutionId": execution, "retryMode": "FAILED_ACTIONS",
    });
    bench.ok("RetryStageExecution", &input);
    bench.pass(5);
    let state = bench.ok("GetPipelineState", &json!({ "name": "shop" }));
    insta::assert_snapshot!(serde_json::to_string_pretty(&state).unwrap());
}

#[test]
fn the_history_of_a_retried_stage() {
    let mut bench = Bench::failed();
    let execution = bench.newest("shop");
    let input = json!({
        "pipelineName": "shop", "stageName": "Test", "pipelineExecutionId": execution, "retryMode": "ALL_ACTIONS",
    });
    bench.ok("RetryStageExecution", &input);
    bench.pass(60);
    let history = bench.ok("ListActionExecutions", &json!({ "pipelineName": "shop" }));
    let runs = history["actionExecutionDetails"].as_array().unwrap();
    let words: Vec<_> =
        runs.iter().map(|run| [&run["stageName"], &run["actionName"], &run["status"]]).collect();
    let expected = json!([
        ["Deploy", "Stack", "Succeeded"],
        ["Test", "Unit", "Succeeded"],
        ["Test", "Lint", "Succeeded"],
        ["Test", "Unit", "Failed"],
        ["Test", "Lint", "Succeeded"],
        ["Source", "Fetch", "Succeeded"],
    ]);
    assert_eq!(json!(words), expected);
    insta::assert_snapshot!(serde_json::to_string_pretty(&runs[3]).unwrap());
}

#[test]
fn instants_are_seconds_with_milliseconds_where_there_are_any() {
    let mut bench = Bench::new(&shop("[{ fail: { after: 10s } }]"), STARTS);
    bench.pass(10);
    let whole = bench.ok("GetPipelineState", &json!({ "name": "shop" }));
    assert_eq!(
        whole["created"].to_string(),
        bench.world().lock().now().as_second().saturating_sub(10).to_string()
    );

    let bench = Bench::new(&shop(FAILS_ONCE), "  []");
    let now = bench.world().now() + jiff::SignedDuration::new(1, 250_900_000);
    bench.world().lock().advance(now);
    bench.ok("StartPipelineExecution", &json!({ "name": "shop" }));
    let listed = bench.ok("ListPipelineExecutions", &json!({ "pipelineName": "shop" }));
    let started = &listed["pipelineExecutionSummaries"][0]["startTime"];
    assert_eq!(started.to_string(), format!("{}.25", now.as_second()));
}
