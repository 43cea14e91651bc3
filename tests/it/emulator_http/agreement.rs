//! What the wire says is what the world says: the answers, read back by the reader of CodePipeline's answers, are the
//! world's own.

use jiff::SignedDuration;
use serde_json::{Value, json};

use codepipeline_retrier::answers;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::CodePipeline;
use codepipeline_retrier::emulator::faults::Faults;

use super::bench::Bench;
use crate::scenarios::scenarios;

/// Compares everything that can be asked with what the world has, and counts the executions.
fn compare(scenario: &str, bench: &Bench) -> usize {
    let expected: CodePipeline = bench.world().lock().service.clone();
    let ask = |operation: &str, input: &Value| bench.ok(operation, input).to_string();
    let mut compared = 0;
    for name in expected.list_pipelines() {
        let by_name = json!({ "name": name.as_str() });
        let state = answers::pipeline_state(&ask("GetPipelineState", &by_name)).unwrap();
        assert_eq!(state, expected.pipeline_state(&name).unwrap(), "{scenario}");
        let structure = answers::pipeline_structure(&ask("GetPipeline", &by_name)).unwrap();
        assert_eq!(structure, expected.pipeline_structure(&name).unwrap(), "{scenario}");
        for execution in expected.list_executions(&name).unwrap() {
            let id = execution.id.as_str();
            let input = json!({ "pipelineName": name.as_str(), "pipelineExecutionId": id });
            let shown = answers::pipeline_execution(&ask("GetPipelineExecution", &input)).unwrap();
            assert_eq!(shown, expected.pipeline_execution(&name, &execution.id).unwrap(), "{scenario}");
            let filter = json!({ "pipelineExecutionId": id });
            let input = json!({ "pipelineName": name.as_str(), "filter": filter });
            let shown = answers::action_executions(&ask("ListActionExecutions", &input)).unwrap();
            assert_eq!(shown, expected.action_executions(&name, &execution.id).unwrap(), "{scenario}");
            compared += 1;
        }
    }
    compared
}

#[test]
fn answers_read_back_are_the_worlds_own_at_every_moment() {
    let mut compared = 0;
    for (name, mut scenario) in scenarios() {
        // Reads that show the past would show no more than that.
        scenario.timeline.retain(|(_, act)| !matches!(act, Act::StaleReads { .. }));
        scenario.hooks.clear();
        let mut bench = Bench::of(&scenario);
        for seconds in [0, 3, 4, 8, 16, 31, 45, 60, 60, 120, 600, 86_400] {
            bench.pass(seconds);
            bench.world().lock().faults = Faults::default();
            compared += compare(&name, &bench);
        }
        bench.world().lock().pass(SignedDuration::from_hours(24 * 8));
        compared += compare(&name, &bench);
    }
    assert!(compared > 1000, "only {compared} executions were compared");
}
