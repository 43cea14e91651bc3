//! The product of a company: a hub, and accounts whose events reach it over its bus and whose stages it retries in the role
//! that they let it have.

use std::fs;
use std::net::TcpListener;
use std::thread::sleep;
use std::time::Duration;

use aws_sdk_codepipeline::types::PipelineExecutionStatus;
use codepipeline_retrier::aws::ledger::DynamoLedger;
use codepipeline_retrier::domain::ids::PipelineArn;
use codepipeline_retrier::domain::scope::PipelineLabel;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::crossing::Crossing;
use super::deployment::Deployment;
use super::process::Folder;
use super::product::{CodePipeline, PATIENCE};
use super::spokes::SPOKE;
use crate::command::retrier;
use crate::lambda::now;
use crate::ministack::{REGION, clients_at};

/// The hub's account.
const HUB: &str = "000000000000";
/// Listed, and lets the hub in.
const SPOKE_ACCOUNT: &str = "444455556666";
/// Listed, and wants to hear an external id that the hub does not know.
const CLOSED_ACCOUNT: &str = "777788889999";
/// Not listed.
const STRANGER: &str = "888899990000";

const POLICY: &str = "\
version: 1
defaults:
  backoff: { initial: 1s, factor: 2, max: 1m, jitter: none }
rules:
  - name: nobody-elses
    match: { account: '888899990000' }
  - name: of-the-spoke
    match: { account: '444455556666', region: 'eu-*' }
  - name: everything
    match: { pipeline: '*' }
";

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A hub with the accounts around it, each with a CodePipeline of its own.
struct Company {
    hub: Deployment,
    ledger: DynamoLedger,
    runtime: Runtime,
    pipelines: Vec<(&'static str, CodePipeline)>,
    folder: Folder,
    _crossing: Crossing,
}

impl Company {
    fn founded() -> Self {
        let folder = Folder::new("company");
        let file = folder.path().join("policy.yaml");
        fs::write(&file, POLICY).unwrap();
        let port = free_port();
        let crossing = format!("http://127.0.0.1:{port}");
        // Everybody may do what roles and policies permit, and no more.
        let environment = [("AWS_ENDPOINT_URL_CODEPIPELINE", crossing.as_str()), ("AUTH", "true")];
        let hub = Deployment::build_with(&environment, &[("POLICY", &file)]);
        let spokes = format!("{SPOKE_ACCOUNT},{CLOSED_ACCOUNT}");
        let own = [("Mode", "active"), ("RetryStages", "*/*"), ("LogLevel", "debug")];
        hub.deploy(&[&own[..], &[("SpokeAccounts", spokes.as_str())]].concat());
        let events_to = format!("eventbridge:{}", hub.url());
        let pipelines: Vec<(&str, CodePipeline)> = [HUB, SPOKE_ACCOUNT, CLOSED_ACCOUNT, STRANGER]
            .map(|account| (account, CodePipeline::start(free_port(), account, &events_to, &[])))
            .into();
        let places: Vec<(&str, &str)> =
            pipelines.iter().map(|(account, served)| (*account, served.url.as_str())).collect();
        Self {
            _crossing: Crossing::open(port, hub.url(), &places),
            ledger: DynamoLedger::new(hub.clients(), "retrier-ledger", now),
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            hub,
            pipelines,
            folder,
        }
    }

    /// Deploys the spoke's stack to an account, as a `StackSet` would.
    fn add_spoke(&self, account: &str, parameters: &[(&str, &str)]) {
        let (_, outputs) = self.hub.stack();
        let (bus, role) = (outputs["SpokeBusArn"].as_str(), outputs["FunctionRoleArn"].as_str());
        let of_hub = [("HubBusArn", bus), ("HubRoleArn", role)];
        let body = format!("file://{SPOKE}");
        let mut call =
            vec!["cloudformation", "create-stack", "--stack-name", "spoke", "--template-body", &body];
        let given: Vec<String> = (of_hub.iter().chain(parameters))
            .map(|(name, value)| format!("ParameterKey={name},ParameterValue={value}"))
            .collect();
        call.extend(["--capabilities", "CAPABILITY_NAMED_IAM", "--parameters"]);
        call.extend(given.iter().map(String::as_str));
        self.hub.aws_as(account, &call);
        let describe = ["cloudformation", "describe-stacks", "--stack-name", "spoke"];
        wait_for("the spoke is deployed", || {
            self.hub.aws_as(account, &describe)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
        });
    }

    fn codepipeline(&self, account: &str) -> aws_sdk_codepipeline::Client {
        let (_, served) = self.pipelines.iter().find(|(of, _)| *of == account).unwrap();
        clients_at(&served.url).codepipeline().clone()
    }

    fn start(&self, account: &str, pipeline: &str) {
        let request = self.codepipeline(account).start_pipeline_execution().name(pipeline).send();
        self.runtime.block_on(request).unwrap();
    }

    fn status(&self, account: &str, pipeline: &str) -> PipelineExecutionStatus {
        let request = self.codepipeline(account).list_pipeline_executions().pipeline_name(pipeline).send();
        let answer = self.runtime.block_on(request).unwrap();
        answer.pipeline_execution_summaries()[0].status().unwrap().clone()
    }

    /// What was decided about a pipeline, the oldest first.
    fn rulings(&self, pipeline: impl Into<PipelineLabel>) -> Vec<String> {
        let decisions = self.ledger.decisions(pipeline, Timestamp::UNIX_EPOCH, 100);
        let decisions = self.runtime.block_on(decisions).unwrap();
        decisions.iter().rev().map(|kept| format!("{}/{}", kept.verdict, kept.reason)).collect()
    }

    /// What the function returns to an event that is handed over to it, whoever sent it.
    fn invoke(&self, event: &Value) -> Value {
        let file = self.folder.path().join("answer.json");
        let (_, outputs) = self.hub.stack();
        let (function, event) = (outputs["FunctionArn"].as_str(), event.to_string());
        let call = ["lambda", "invoke", "--function-name", function, "--payload", &event];
        self.hub.aws(&[&call[..], &[file.to_str().unwrap()]].concat());
        serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap()
    }
}

/// Waits until it is so.
#[track_caller]
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 200 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(200));
    }
    panic!("{what}: it did not come to that");
}

fn elsewhere(account: &str, name: &str) -> PipelineLabel {
    let arn = format!("arn:aws:codepipeline:{REGION}:{account}:{name}");
    PipelineLabel::Elsewhere(PipelineArn::parse(&arn).unwrap())
}

#[test]
fn a_spoke_is_served_in_its_own_account_by_its_own_role() {
    let company = Company::founded();
    company.add_spoke(SPOKE_ACCOUNT, &[("RetryStages", "*/*")]);
    company.add_spoke(CLOSED_ACCOUNT, &[("RetryStages", "*/*"), ("ExternalId", "nobody-told-the-hub")]);
    company.add_spoke(STRANGER, &[("RetryStages", "*/*")]);
    // The stranger's event has the most time to arrive.
    for account in [STRANGER, HUB, SPOKE_ACCOUNT, CLOSED_ACCOUNT] {
        company.start(account, "flaky");
    }

    // Of the same name in two accounts, each retried where it is: as claimed, and as accepted.
    let retried = |rulings: Vec<String>| rulings.iter().filter(|ruling| ruling.starts_with("retry/")).count();
    let (own, spoke) = (elsewhere(HUB, "flaky"), elsewhere(SPOKE_ACCOUNT, "flaky"));
    wait_for("the hub retries its own", || retried(company.rulings(own.name())) == 2);
    wait_for("the hub retries the spoke's", || retried(company.rulings(spoke.clone())) == 2);
    for account in [HUB, SPOKE_ACCOUNT] {
        wait_for("a flaky stage goes on", || {
            company.status(account, "flaky") == PipelineExecutionStatus::Succeeded
        });
    }

    // The role wants to hear something else: nothing is known, and nothing is tried in another way.
    let closed = || company.rulings(elsewhere(CLOSED_ACCOUNT, "flaky"));
    wait_for("a spoke that does not let the hub in", || {
        closed().last().is_some_and(|ruling| ruling == "wait/cannot-verify")
    });
    assert_eq!(company.status(CLOSED_ACCOUNT, "flaky"), PipelineExecutionStatus::Failed);
    assert!(closed().iter().all(|ruling| ruling == "wait/cannot-verify"), "{:?}", closed());

    // Who is not listed is not listened to: the bus does not take its events, and the function would not act on them.
    assert_eq!(company.status(STRANGER, "flaky"), PipelineExecutionStatus::Failed);
    assert_eq!(company.rulings(elsewhere(STRANGER, "flaky")), Vec::<String>::new());
    let answer = company.invoke(&event_of(STRANGER));
    assert_eq!((&answer["reason"], &answer["account"]), (&json!("foreign-account"), &json!(STRANGER)));

    let there = company.rulings(spoke.clone());
    let history = |pipeline: &str| {
        let mut history = retrier(&["history", pipeline, "--format", "json", "--stack-name", "retrier"]);
        let history = history.args(["--region", REGION, "--endpoint-url", company.hub.url()]);
        let output =
            history.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = history(&spoke.to_string());
    assert_eq!(shown.lines().count(), there.len());
    assert!(shown.lines().all(|line| line.contains(SPOKE_ACCOUNT)));
    assert_eq!(history(&own.to_string()), history("flaky"), "by its ARN as by its name");
}

/// A failed stage of an account, as EventBridge tells it.
fn event_of(account: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/events/stage-failed.json");
    let mut event: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    event["account"] = json!(account);
    event["region"] = json!(REGION);
    event["resources"] = json!([format!("arn:aws:codepipeline:{REGION}:{account}:flaky")]);
    event["detail"]["pipeline"] = json!("flaky");
    event
}
