//! The deployed product from a failed stage to its end: CodePipeline's events over EventBridge and the queue to the real
//! binary, decisions in DynamoDB, wake-ups through the queue, and a retry that runs.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use aws_sdk_codepipeline::types::{
    ActionExecutionFilter, ApprovalResult, ApprovalStatus, PipelineExecutionStatus,
};
use codepipeline_retrier::aws::ledger::{DynamoLedger, KeptDecision};
use codepipeline_retrier::domain::ids::PipelineName;
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use super::deployment::Deployment;
use super::process::Folder;
use crate::command::retrier;
use crate::lambda::now;
use crate::ministack::{REGION, clients_at};

const POLICY: &str = "\
version: 1
defaults:
  backoff: { initial: 3s, factor: 2, max: 1m, jitter: none }
  max-retries: 3
rules:
  - name: everything
    match: { pipeline: '*' }
";

/// The account is the one that the stand-in for AWS gives everybody.
const FLEET: &str = r#"
scenario: 1
about: a fleet for the deployed product
policy: |
  version: 1
  rules: [{ name: unused, match: { pipeline: "*" } }]
account: "000000000000"
region: eu-central-1
pipelines:
  - name: flaky
    stages: &flaky
      - name: Source
        actions: [{ name: Checkout, category: Source, runs: [{ succeed: 1s }] }]
      - name: Deploy
        actions:
          - name: Stack
            category: Deploy
            runs: [{ fail: { after: 1s, message: Rate exceeded } }, { succeed: 1s }]
      - name: Smoke
        actions: [{ name: Ping, category: Test, runs: [{ succeed: 1s }] }]
  - name: twice
    stages:
      - name: Source
        actions: [{ name: Checkout, category: Source, runs: [{ succeed: 1s }] }]
      - name: Deploy
        actions:
          - name: Stack
            category: Deploy
            runs:
              - fail: { after: 1s, message: Rate exceeded }
              - fail: { after: 1s, message: Rate exceeded }
              - succeed: 1s
  - name: approval
    stages:
      - name: Source
        actions: [{ name: Checkout, category: Source, runs: [{ succeed: 1s }] }]
      - name: Release
        actions: [{ name: Manager, category: Approval }]
  - name: compile
    stages:
      - name: Source
        actions: [{ name: Checkout, category: Source, runs: [{ succeed: 1s }] }]
      - name: Build
        actions:
          - name: Compile
            category: Build
            runs:
              - fail:
                  after: 1s
                  message: "Error while executing command: make. Reason: exit status 2"
  - name: paused
    stages: *flaky
timeline: []
"#;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(3);

/// The emulated CodePipeline as its own process.
struct CodePipeline {
    process: Child,
    url: String,
}

impl CodePipeline {
    fn start(port: u16, events_to: &str) -> Self {
        let mut process =
            retrier(&["emulator", "--port", &port.to_string(), "--scenario", "-", "--events-to", events_to])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .spawn()
                .unwrap();
        process.stdin.take().unwrap().write_all(FLEET.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started = Self { process, url: line.trim().to_owned() };
        assert_eq!(started.url, format!("http://127.0.0.1:{port}"));
        started
    }
}

impl Drop for CodePipeline {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Product {
    deployment: Deployment,
    pipelines: aws_sdk_codepipeline::Client,
    ledger: DynamoLedger,
    runtime: Runtime,
    _codepipeline: CodePipeline,
    _folder: Folder,
}

impl Product {
    fn deployed() -> Self {
        let folder = Folder::new("end-to-end");
        let policy = folder.path().join("policy.yaml");
        fs::write(&policy, POLICY).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let environment = [("AWS_ENDPOINT_URL_CODEPIPELINE", url.as_str())];
        let deployment = Deployment::build_with(&environment, &[("POLICY", &policy)]);
        deployment.deploy(&[("Mode", "active"), ("RetryStages", "*/*"), ("LogLevel", "debug")]);
        let codepipeline = CodePipeline::start(port, &format!("eventbridge:{}", deployment.url()));
        Self {
            pipelines: clients_at(&codepipeline.url).codepipeline().clone(),
            ledger: DynamoLedger::new(deployment.clients(), "retrier-ledger", now),
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            deployment,
            _codepipeline: codepipeline,
            _folder: folder,
        }
    }

    fn start(&self, pipeline: &str) {
        let request = self.pipelines.start_pipeline_execution().name(pipeline);
        self.runtime.block_on(request.send()).unwrap();
    }

    /// How the newest execution stands.
    fn status(&self, pipeline: &str) -> PipelineExecutionStatus {
        let request = self.pipelines.list_pipeline_executions().pipeline_name(pipeline);
        let answer = self.runtime.block_on(request.send()).unwrap();
        answer.pipeline_execution_summaries()[0].status().unwrap().clone()
    }

    /// How often an action ran in the newest execution.
    fn runs(&self, pipeline: &str, action: &str) -> usize {
        let executions = self.pipelines.list_pipeline_executions().pipeline_name(pipeline);
        let executions = self.runtime.block_on(executions.send()).unwrap();
        let newest = executions.pipeline_execution_summaries()[0].pipeline_execution_id().unwrap();
        let filter = ActionExecutionFilter::builder().pipeline_execution_id(newest).build();
        let request = self.pipelines.list_action_executions().pipeline_name(pipeline).filter(filter);
        let answer = self.runtime.block_on(request.send()).unwrap();
        answer.action_execution_details().iter().filter(|run| run.action_name() == Some(action)).count()
    }

    /// Decisions on record, oldest first.
    fn decisions(&self, pipeline: &str) -> Vec<KeptDecision> {
        let name = PipelineName::parse(pipeline).unwrap();
        let decisions = self.ledger.decisions(&name, Timestamp::UNIX_EPOCH, 100);
        let mut decisions = self.runtime.block_on(decisions).unwrap();
        decisions.reverse();
        decisions
    }

    fn rulings(&self, pipeline: &str) -> Vec<String> {
        let decisions = self.decisions(pipeline);
        decisions.iter().map(|decision| format!("{}/{}", decision.verdict, decision.reason)).collect()
    }

    #[track_caller]
    fn wait_for(&self, what: &str, pipeline: &str, mut is_so: impl FnMut() -> bool) {
        let steps = PATIENCE.as_millis() / 200;
        for _ in 0..steps {
            if is_so() {
                return;
            }
            sleep(Duration::from_millis(200));
        }
        panic!("{what}: {:?}, {:?}", self.status(pipeline), self.rulings(pipeline));
    }

    fn reject(&self, pipeline: &str) {
        let request = self.pipelines.get_pipeline_state().name(pipeline);
        let state = self.runtime.block_on(request.send()).unwrap();
        let stage = state.stage_states().iter().find(|stage| stage.stage_name() == Some("Release")).unwrap();
        let token = stage.action_states()[0].latest_execution().unwrap().token().unwrap();
        let result = ApprovalResult::builder().summary("not today").status(ApprovalStatus::Rejected);
        let request = self
            .pipelines
            .put_approval_result()
            .pipeline_name(pipeline)
            .stage_name("Release")
            .action_name("Manager")
            .token(token)
            .result(result.build().unwrap());
        self.runtime.block_on(request.send()).unwrap();
    }

    /// The operator's command against this stack.
    #[track_caller]
    fn operator(&self, arguments: &[&str]) -> String {
        let output: Output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = retrier(arguments);
        command
            .args(["--stack-name", "retrier", "--region", REGION, "--endpoint-url", self.deployment.url()])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }
}

#[test]
fn failures_are_handled_from_the_event_to_the_end() {
    let product = Product::deployed();
    for pipeline in ["flaky", "twice", "approval", "compile"] {
        product.start(pipeline);
    }
    let is_waiting = || {
        let request = product.pipelines.get_pipeline_state().name("approval");
        let state = product.runtime.block_on(request.send()).unwrap();
        let release = &state.stage_states()[1].action_states()[0];
        release.latest_execution().is_some_and(|run| run.token().is_some())
    };
    product.wait_for("the approval waits", "approval", is_waiting);
    product.reject("approval");

    let succeeded = |pipeline: &str| product.status(pipeline) == PipelineExecutionStatus::Succeeded;
    product.wait_for("a flaky stage is retried", "flaky", || succeeded("flaky"));
    assert_eq!((product.runs("flaky", "Stack"), product.runs("flaky", "Checkout")), (2, 1));
    product.wait_for("a second retry is made", "twice", || succeeded("twice"));
    assert_eq!(product.runs("twice", "Stack"), 3);

    let ends_with =
        |pipeline: &str, ruling: &str| product.rulings(pipeline).last().is_some_and(|last| last == ruling);
    product.wait_for("left to people", "approval", || ends_with("approval", "ignore/approval-rejected"));
    product.wait_for("left to people", "compile", || ends_with("compile", "give-up/not-retryable"));
    assert_eq!((product.runs("approval", "Manager"), product.runs("compile", "Compile")), (1, 1));

    product.operator(&["pause", "--reason", "release day"]);
    product.start("paused");
    product.wait_for("nothing is done while paused", "paused", || ends_with("paused", "wait/paused"));
    assert_eq!(product.runs("paused", "Stack"), 1);
    product.operator(&["resume"]);
    product.wait_for("it goes on after the pause", "paused", || succeeded("paused"));

    for (pipeline, retries) in [("flaky", 1), ("twice", 2), ("approval", 0), ("compile", 0), ("paused", 1)] {
        let decisions = product.decisions(pipeline);
        let made = decisions.iter().filter(|decision| decision.verdict == "retry").count();
        // A claim is on record, and that it was issued.
        assert_eq!(made, 2 * retries, "{pipeline}: {:?}", product.rulings(pipeline));
        let shown = product.operator(&["history", pipeline, "--format", "json"]);
        assert_eq!(shown.lines().count(), decisions.len(), "{pipeline}");
    }
    assert!(product.operator(&["status"]).contains("paused: no"));
    product.deployment.delete();
    let tables = product.deployment.aws(&["dynamodb", "list-tables"]);
    assert_eq!(tables["TableNames"].as_array().unwrap().len(), 0);
}
