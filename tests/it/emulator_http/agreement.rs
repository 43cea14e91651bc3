//! What the wire says is what the world says: the answers, read back by the reader of CodePipeline's answers, are the
//! world's own.

use jiff::SignedDuration;
use serde_json::json;

use codepipeline_retrier::answers;
use codepipeline_retrier::emulator::faults::Faults;
use codepipeline_retrier::emulator::http::{Call, Reply, Service};
use codepipeline_retrier::emulator::world::SharedWorld;

use crate::scenarios::worlds;

#[test]
fn answers_read_back_are_the_worlds_own() {
    let mut compared = 0;
    for (scenario, mut world) in worlds() {
        world.faults = Faults::default();
        // Reads that still show the past would show no more than that.
        world.pass(SignedDuration::from_hours(24));
        let expected = world.service.clone();
        let now = world.now();
        let service = Service::new(SharedWorld::new(world));
        let ask = |operation: &str, input: &serde_json::Value| {
            let body = input.to_string();
            let reply = service.call(Call { operation, body: body.as_bytes(), caller: "test", now });
            let Reply::Document(document) = reply else {
                panic!("{scenario}: {operation} {input}: {reply:?}")
            };
            document.to_string()
        };
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
    }
    assert!(compared > 100, "only {compared} executions were compared");
}
