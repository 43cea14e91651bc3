//! Every operation once through the real AWS CLI, which parses what it gets by AWS's own service model. Time stands still
//! but where a test moves it.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use codepipeline_retrier::emulator::http::Server;
use codepipeline_retrier::emulator::world::SharedWorld;

use super::bench::{Bench, FAILS_ONCE, STARTS, shop};
use super::tools::{aws, aws_error};

/// A served world and its clock.
struct Served {
    server: Server,
    world: SharedWorld,
    clock: Arc<Mutex<Timestamp>>,
}

impl Served {
    fn new(pipelines: &str, timeline: &str) -> Self {
        let mut bench = Bench::new(pipelines, timeline);
        bench.pass(0);
        let world = bench.world().clone();
        let clock = Arc::new(Mutex::new(world.now()));
        let reading = Arc::clone(&clock);
        let server = Server::start(world.clone(), move || *reading.lock().unwrap()).unwrap();
        Self { server, world, clock }
    }

    fn pass(&self, seconds: i64) {
        *self.clock.lock().unwrap() += SignedDuration::from_secs(seconds);
    }

    fn aws(&self, line: &str) -> Value {
        aws(&self.server.endpoint(), &line.split_whitespace().collect::<Vec<_>>())
    }

    fn aws_error(&self, line: &str) -> String {
        aws_error(&self.server.endpoint(), &line.split_whitespace().collect::<Vec<_>>())
    }
}

const ID: &str = "--query pipelineExecutionId";

#[test]
fn a_pipeline_is_started_read_retried_and_rolled_back() {
    let served = Served::new(&shop(FAILS_ONCE), "  []");
    let first = served.aws(&format!("start-pipeline-execution --name shop {ID}"));
    let first = first.as_str().unwrap();
    served.pass(60);
    let listed = served.aws("list-pipelines --query pipelines[].[name,version,pipelineType,executionMode]");
    assert_eq!(listed, json!([["shop", 1, "V2", "SUPERSEDED"]]));
    let stages = "--query stageStates[].[stageName,latestExecution.status]";
    let state = served.aws(&format!("get-pipeline-state --name shop {stages}"));
    assert_eq!(state, json!([["Source", "Succeeded"], ["Test", "Failed"], ["Deploy", null]]));
    let execution = format!("--pipeline-name shop --pipeline-execution-id {first}");
    let shown = served.aws(&format!("get-pipeline-execution {execution}"));
    let shown = &shown["pipelineExecution"];
    assert_eq!((&shown["status"], &shown["executionType"]), (&json!("Failed"), &json!("STANDARD")));

    let retry =
        format!("retry-stage-execution {execution} --stage-name Test --retry-mode FAILED_ACTIONS {ID}");
    assert_eq!(served.aws(&retry), first);
    served.pass(60);
    let latest = format!("latestInPipelineExecution={{pipelineExecutionId={first},startTimeRange=Latest}}");
    let history = format!("list-action-executions --pipeline-name shop --filter {latest}");
    let history = served.aws(&format!("{history} --query actionExecutionDetails[].[actionName,status]"));
    let expected =
        [["Stack", "Succeeded"], ["Unit", "Succeeded"], ["Lint", "Succeeded"], ["Fetch", "Succeeded"]];
    assert_eq!(history, json!(expected));

    let rollback = format!("rollback-stage --pipeline-name shop --stage-name Deploy {ID}");
    let second = served.aws(&format!("{rollback} --target-pipeline-execution-id {first}"));
    let executions = served.aws("list-pipeline-executions --pipeline-name shop");
    let newest = &executions["pipelineExecutionSummaries"][0];
    assert_eq!(newest["pipelineExecutionId"], second);
    assert_eq!(newest["executionType"], "ROLLBACK");
    assert_eq!(newest["rollbackMetadata"]["rollbackTargetPipelineExecutionId"], first);
    assert_eq!(newest["trigger"], json!({ "triggerType": "ManualRollback", "triggerDetail": first }));
    let calls = served.world.lock().service.retry_calls().to_vec();
    assert_eq!(calls.iter().map(|call| call.caller.as_str()).collect::<Vec<_>>(), ["test"]);
}

#[test]
fn an_execution_is_stopped() {
    let served = Served::new(&shop("[hang]"), STARTS);
    served.pass(15);
    let id =
        served.aws("list-pipeline-executions --pipeline-name shop --query pipelineExecutionSummaries[0]");
    let id = id["pipelineExecutionId"].as_str().unwrap();
    let stop = format!("stop-pipeline-execution --pipeline-name shop --pipeline-execution-id {id}");
    assert_eq!(served.aws(&format!("{stop} --reason enough {ID}")), id);
    assert_eq!(served.aws_error(&stop), "DuplicatedStopRequestException");
    served.aws(&format!("{stop} --abandon --reason at-once"));
    let stopped =
        served.aws("list-pipeline-executions --pipeline-name shop --query pipelineExecutionSummaries[0]");
    assert_eq!(stopped["status"], "Stopped");
    assert_eq!(stopped["stopTrigger"], json!({ "reason": "at-once" }));
    assert_eq!(served.aws_error(&stop), "PipelineExecutionNotStoppableException");
}

const APPROVAL: &str = "  - name: shop
    stages:
      - { name: Approve, actions: [{ name: Manager, category: Approval }] }
      - { name: Deploy, actions: [{ name: Stack, category: Deploy, runs: [{ succeed: 10s }] }] }";

#[test]
fn an_approval_is_answered_with_its_token() {
    let served = Served::new(APPROVAL, STARTS);
    let action = "stageStates[0].actionStates[0].latestExecution";
    let waiting = served.aws(&format!("get-pipeline-state --name shop --query {action}"));
    let token = waiting["token"].as_str().unwrap();
    let answer = "put-approval-result --pipeline-name shop --stage-name Approve --action-name Manager";
    let result = "--result summary=fine,status=Approved";
    let foreign = "00000000-0000-4000-8000-000000000000";
    let refused = served.aws_error(&format!("{answer} {result} --token {foreign}"));
    assert_eq!(refused, "InvalidApprovalTokenException");
    let approved = served.aws(&format!("{answer} {result} --token {token}"));
    assert_eq!(approved["approvedAt"], served.world.now().as_second());
    let refused = served.aws_error(&format!("{answer} {result} --token {token}"));
    assert_eq!(refused, "ApprovalAlreadyCompletedException");
    let answered = served.aws(&format!("get-pipeline-state --name shop --query {action}"));
    assert_eq!((&answered["status"], &answered["summary"]), (&json!("Succeeded"), &json!("fine")));
    assert_eq!(answered["token"], Value::Null, "it answers nothing any longer");
}

#[test]
fn a_transition_is_closed_and_opened() {
    let served = Served::new(&shop("[{ succeed: 10s }]"), STARTS);
    let before = "--pipeline-name shop --stage-name Deploy --transition-type Inbound";
    served.aws(&format!("disable-stage-transition {before} --reason investigating"));
    served.pass(60);
    let stage = "get-pipeline-state --name shop --query stageStates[2]";
    let closed = served.aws(stage);
    let transition = &closed["inboundTransitionState"];
    assert_eq!(
        (&transition["enabled"], &transition["disabledReason"]),
        (&json!(false), &json!("investigating"))
    );
    assert_eq!(closed["inboundExecutions"].as_array().unwrap().len(), 1);
    assert_eq!(closed["inboundExecution"], closed["inboundExecutions"][0]);

    // The way out of a stage is the way into the next one.
    served.aws("enable-stage-transition --pipeline-name shop --stage-name Test --transition-type Outbound");
    let open = served.aws(stage);
    assert_eq!(open["inboundTransitionState"], json!({ "enabled": true }));
    assert_eq!(open["latestExecution"]["status"], "InProgress");
    let last = "enable-stage-transition --pipeline-name shop --stage-name Deploy --transition-type Outbound";
    assert_eq!(served.aws_error(last), "ValidationException");
}

#[test]
fn a_pipeline_is_created_edited_and_deleted() {
    let served = Served::new(&shop(FAILS_ONCE), "  []");
    let shop = served.aws("get-pipeline --name shop");
    let arn = shop["metadata"]["pipelineArn"].as_str().unwrap().replace("shop", "copy");
    let mut copy = json!({ "pipeline": shop["pipeline"], "tags": [{ "key": "team", "value": "web" }] });
    copy["pipeline"]["name"] = json!("copy");
    let endpoint = served.server.endpoint();
    let created = aws(&endpoint, &["create-pipeline", "--cli-input-json", &copy.to_string()]);
    assert_eq!(created, copy);
    let tags = served.aws(&format!("list-tags-for-resource --resource-arn {arn}"));
    assert_eq!(tags["tags"], copy["tags"]);
    let started = "list-pipeline-executions --pipeline-name copy --query pipelineExecutionSummaries[].trigger.triggerType";
    assert_eq!(served.aws(started), json!(["CreatePipeline"]));

    let mut edited = json!({ "pipeline": copy["pipeline"] });
    edited["pipeline"]["stages"].as_array_mut().unwrap().pop();
    let answer = aws(&endpoint, &["update-pipeline", "--cli-input-json", &edited.to_string()]);
    assert_eq!(answer["pipeline"]["version"], 2);
    assert_eq!(served.aws("get-pipeline --name copy --query pipeline"), answer["pipeline"]);
    let before = served.aws("get-pipeline --name copy --pipeline-version 1 --query pipeline");
    assert_eq!(before, copy["pipeline"]);
    served.aws("delete-pipeline --name copy");
    assert_eq!(served.aws_error("get-pipeline --name copy"), "PipelineNotFoundException");
    assert_eq!(served.aws("list-pipelines --query pipelines[].name"), json!(["shop"]));
}
