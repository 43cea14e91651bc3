//! The deployed product in a world of its own: the stack with the real binary, held to its roles, and the emulated
//! CodePipeline whose events reach it.

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

/// The account is the one that the stand-in for AWS gives everybody who does not say another.
const HOME: &str = "000000000000";

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
  - name: frozen
    stages: *flaky
  - name: slow
    stages:
      - name: Source
        actions: [{ name: Checkout, category: Source, runs: [{ succeed: 1s }] }]
      - name: Deploy
        actions:
          - name: Stack
            category: Deploy
            runs: [{ fail: { after: 1s, message: Rate exceeded } }, { succeed: 1d }]
  - name: ahead
    stages:
      - name: Source
        actions: [{ name: Checkout, category: Source, runs: [{ succeed: 1s }] }]
      - name: Test
        actions:
          - name: Unit
            category: Test
            runs: [{ fail: { after: 1s, message: Rate exceeded } }, { succeed: 1s }]
      - name: Production
        actions: [{ name: Stack, category: Deploy, runs: [{ succeed: 1s }] }]
  - name: rolls
    stages:
      - name: Source
        actions: [{ name: Checkout, category: Source, runs: [{ succeed: 1s }] }]
      - name: Build
        actions:
          - name: Compile
            category: Build
            runs:
              - succeed: 1s
              - fail: { after: 1s, message: "Error while executing command: make. Reason: exit status 2" }
              - fail: { after: 1s, message: "Error while executing command: make. Reason: exit status 2" }
              - succeed: 1s
timeline: []
"#;

/// Far longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// The emulated CodePipeline of an account as its own process.
pub struct CodePipeline {
    process: Child,
    pub url: String,
}

impl CodePipeline {
    pub fn start(port: u16, account: &str, events_to: &str, environment: &[(&str, &str)]) -> Self {
        let fleet = FLEET.replace(HOME, account);
        let mut process =
            retrier(&["emulator", "--port", &port.to_string(), "--scenario", "-", "--events-to", events_to])
                .envs(environment.iter().copied())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .spawn()
                .unwrap();
        process.stdin.take().unwrap().write_all(fleet.as_bytes()).unwrap();
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

/// A running product. All of it ends when it is dropped.
pub struct Product {
    pub deployment: Deployment,
    pub pipelines: aws_sdk_codepipeline::Client,
    pub ledger: DynamoLedger,
    pub runtime: Runtime,
    _codepipeline: CodePipeline,
    _folder: Folder,
}

impl Product {
    /// Deploys it with this policy, in mode active. The environment is that of every process.
    pub fn deployed(policy: &str, environment: &[(&str, &str)]) -> Self {
        let folder = Folder::new("end-to-end");
        let file = folder.path().join("policy.yaml");
        fs::write(&file, policy).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        // The function may do what the template's roles permit, and no more.
        let of_the_server = [("AWS_ENDPOINT_URL_CODEPIPELINE", url.as_str()), ("AUTH", "true")];
        let deployment =
            Deployment::build_with(&[&of_the_server, environment].concat(), &[("POLICY", &file)]);
        deployment.deploy(&[("Mode", "active"), ("RetryStages", "*/*"), ("LogLevel", "debug")]);
        let codepipeline =
            CodePipeline::start(port, HOME, &format!("eventbridge:{}", deployment.url()), environment);
        Self {
            pipelines: clients_at(&codepipeline.url).codepipeline().clone(),
            ledger: DynamoLedger::new(deployment.clients(), "retrier-ledger", now),
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            deployment,
            _codepipeline: codepipeline,
            _folder: folder,
        }
    }

    /// A change starts to run through the pipeline.
    pub fn start(&self, pipeline: &str) {
        let request = self.pipelines.start_pipeline_execution().name(pipeline);
        self.runtime.block_on(request.send()).unwrap();
    }

    /// How the newest execution stands.
    pub fn status(&self, pipeline: &str) -> PipelineExecutionStatus {
        let request = self.pipelines.list_pipeline_executions().pipeline_name(pipeline);
        let answer = self.runtime.block_on(request.send()).unwrap();
        answer.pipeline_execution_summaries()[0].status().unwrap().clone()
    }

    /// How many executions there are.
    pub fn executions(&self, pipeline: &str) -> usize {
        let request = self.pipelines.list_pipeline_executions().pipeline_name(pipeline);
        self.runtime.block_on(request.send()).unwrap().pipeline_execution_summaries().len()
    }

    /// How often an action ran in the newest execution.
    pub fn runs(&self, pipeline: &str, action: &str) -> usize {
        let executions = self.pipelines.list_pipeline_executions().pipeline_name(pipeline);
        let executions = self.runtime.block_on(executions.send()).unwrap();
        let newest = executions.pipeline_execution_summaries()[0].pipeline_execution_id().unwrap();
        let filter = ActionExecutionFilter::builder().pipeline_execution_id(newest).build();
        let request = self.pipelines.list_action_executions().pipeline_name(pipeline).filter(filter);
        let answer = self.runtime.block_on(request.send()).unwrap();
        answer.action_execution_details().iter().filter(|run| run.action_name() == Some(action)).count()
    }

    /// Decisions on record, oldest first.
    pub fn decisions(&self, pipeline: &str) -> Vec<KeptDecision> {
        let name = PipelineName::parse(pipeline).unwrap();
        let decisions = self.ledger.decisions(&name, Timestamp::UNIX_EPOCH, 100);
        let mut decisions = self.runtime.block_on(decisions).unwrap();
        decisions.reverse();
        decisions
    }

    /// The same in short: verdict and reason.
    pub fn rulings(&self, pipeline: &str) -> Vec<String> {
        let decisions = self.decisions(pipeline);
        decisions.iter().map(|decision| format!("{}/{}", decision.verdict, decision.reason)).collect()
    }

    /// Waits until it is so.
    #[track_caller]
    pub fn wait_for(&self, what: &str, pipeline: &str, mut is_so: impl FnMut() -> bool) {
        let steps = PATIENCE.as_millis() / 200;
        for _ in 0..steps {
            if is_so() {
                return;
            }
            sleep(Duration::from_millis(200));
        }
        panic!("{what}: {:?}, {:?}", self.status(pipeline), self.rulings(pipeline));
    }

    /// A person says no to a release.
    pub fn reject(&self, pipeline: &str) {
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
    pub fn operator(&self, arguments: &[&str]) -> String {
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
