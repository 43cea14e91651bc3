//! A world from a scenario, with the service over it and a clock that only the test moves.

use jiff::SignedDuration;
use serde_json::Value;

use codepipeline_retrier::emulator::http::{ApiError, Call, Reply, Service};
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::replay::scenario::Scenario;
use codepipeline_retrier::replay::script::Script;

/// Pipelines as a scenario has them, and who does what when.
pub fn scenario(pipelines: &str, timeline: &str) -> Scenario {
    let text = format!(
        "scenario: 1\nabout: a test\npolicy: |\n  version: 1\n  rules: [{{ name: all, match: {{ pipeline: '*' }} }}]\n\
         pipelines:\n{pipelines}\ntimeline:\n{timeline}\n"
    );
    Scenario::read("test", &text).unwrap()
}

/// `shop` with `Source` (10 s), `Test` with `Lint` (succeeds after 10 s) beside `Unit`, whose runs are given, and `Deploy`.
pub fn shop(runs: &str) -> String {
    format!(
        "  - name: shop
    stages:
      - {{ name: Source, actions: [{{ name: Fetch, category: Source, runs: [{{ succeed: 10s }}] }}] }}
      - name: Test
        actions:
          - {{ name: Lint, category: Build, runs: [{{ succeed: 10s }}] }}
          - {{ name: Unit, category: Build, runs: {runs} }}
      - {{ name: Deploy, actions: [{{ name: Stack, category: Deploy, runs: [{{ succeed: 10s }}] }}] }}"
    )
}

/// `Unit` fails once.
pub const FAILS_ONCE: &str = "[{ fail: { after: 10s, message: Rate exceeded } }, { succeed: 10s }]";
/// It starts at once.
pub const STARTS: &str = "  - { at: 0s, start: shop }";

pub struct Bench {
    script: Script,
    service: Service,
}

impl Bench {
    pub fn new(pipelines: &str, timeline: &str) -> Self {
        Self::of(&scenario(pipelines, timeline))
    }

    pub fn of(scenario: &Scenario) -> Self {
        let script = Script::new(scenario).unwrap();
        let service = Service::new(script.world().clone());
        Self { script, service }
    }

    /// `shop` whose stage `Test` has failed.
    pub fn failed() -> Self {
        let mut bench = Self::new(&shop(FAILS_ONCE), STARTS);
        bench.pass(60);
        bench
    }

    pub fn world(&self) -> &SharedWorld {
        self.script.world()
    }

    /// Lets so many seconds pass, each thing in them at its time.
    pub fn pass(&mut self, seconds: i64) {
        let until = self.world().now() + SignedDuration::from_secs(seconds);
        while let Some(due) = self.script.next_due().filter(|due| *due <= until) {
            self.script.go_to(due, &mut |_| {});
            let mut world = self.script.world().lock();
            while let Some(message) = world.queue.receive(due) {
                world.queue.delete(message.id);
            }
        }
        self.script.go_to(until, &mut |_| {});
    }

    pub fn reply(&self, operation: &str, body: &[u8]) -> Reply {
        let now = self.world().now();
        self.service.call(Call { operation, body, caller: "test", region: None, now })
    }

    pub fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        match self.reply(operation, input.to_string().as_bytes()) {
            Reply::Document(document) => Ok(document),
            Reply::Refused(error) => Err(error),
            Reply::Lost => panic!("no fault is planned"),
        }
    }

    pub fn ok(&self, operation: &str, input: &Value) -> Value {
        self.call(operation, input).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
    }

    /// The name of the error.
    pub fn refused(&self, operation: &str, input: &Value) -> &'static str {
        match self.call(operation, input) {
            Err(error) => error.name,
            Ok(document) => panic!("{operation} {input}: {document}"),
        }
    }

    /// The id of the newest execution.
    pub fn newest(&self, pipeline: &str) -> String {
        let listed = self.ok("ListPipelineExecutions", &serde_json::json!({ "pipelineName": pipeline }));
        listed["pipelineExecutionSummaries"][0]["pipelineExecutionId"].as_str().unwrap().to_owned()
    }
}
