//! What providers know, through the real AWS CLI, and answer by answer against their service models.

use std::process::Output;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use codepipeline_retrier::domain::ids::CalendarArn;
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::codepipeline::Provider;
use codepipeline_retrier::emulator::evidence::Source;
use codepipeline_retrier::emulator::http::{Server, provider_targets};

use super::bench::{Bench, STARTS};
use super::model::operation;
use super::tools::{error_told, printed, provider_command};

const CAUSES: &str = r#"  - name: shop
    stages:
      - name: Deploy
        actions:
          - name: Package
            category: Build
            region: us-west-2
            runs:
              - fail:
                  after: 60s
                  build: { code: COMMAND_EXECUTION_ERROR, message: "exit status 1", log: "npm ci\nE429 <too many>\n" }
          - { name: Lint, category: Compute, runs: [{ fail: { after: 60s, build: { log: "three\nlines\nof it" } } }] }
          - { name: Fine, category: Build, runs: [{ succeed: 30s }] }
          - { name: Slow, category: Build, runs: [hang] }
          - name: Servers
            category: Deploy
            provider: CodeDeploy
            runs:
              - fail:
                  after: 60s
                  deployment:
                    code: HEALTH_CONSTRAINTS
                    message: "too many"
                    event: { name: Install, script: install.sh, message: "exit 1", log: "disk full" }
          - name: Service
            category: Deploy
            provider: CodeDeployToECS
            runs: [{ fail: { after: 60s, deployment: { code: TIMEOUT } } }]
          - name: Queues
            category: Deploy
            stack: queues
            runs:
              - fail:
                  after: 60s
                  resources:
                    - name: Data
                      reason: "Embedded stack failed"
                      nested: [{ name: Jobs, type: "AWS::SQS::Queue", reason: "Rate exceeded & more" }]
          - { name: Made, category: Deploy, makes-change-set: good, runs: [{ succeed: 10s }] }
          - { name: Unmade, category: Deploy, makes-change-set: bad, runs: [{ fail: { after: 60s, change-set: "no changes" } }] }"#;

fn bench() -> Bench {
    let mut bench = Bench::new(CAUSES, STARTS);
    bench.pass(120);
    bench
}

/// What the provider calls the run of an action.
fn external_id(bench: &Bench, action: &str) -> String {
    let world = bench.world().lock();
    let mut runs = world.service.provider_runs();
    runs.find(|run| run.action.as_str() == action).unwrap().external_id.to_owned()
}

/// The AWS CLI at a bench whose time stands still.
struct Served {
    bench: Bench,
    server: Server,
}

impl Served {
    fn new() -> Self {
        let bench = bench();
        let world = bench.world().clone();
        let clock = Arc::new(Mutex::new(world.now()));
        let server = Server::start(world, move || *clock.lock().unwrap()).unwrap();
        Self { bench, server }
    }

    fn run(&self, region: &str, line: &str) -> Output {
        let words: Vec<&str> = line.split_whitespace().collect();
        provider_command(&self.server.endpoint(), &words).env("AWS_DEFAULT_REGION", region).output().unwrap()
    }

    fn aws(&self, line: &str) -> Value {
        let output = self.run("eu-central-1", line);
        printed(&output, &[line])
    }

    fn aws_in(&self, region: &str, line: &str) -> Value {
        let output = self.run(region, line);
        printed(&output, &[line])
    }

    fn aws_error(&self, line: &str) -> String {
        let output = self.run("eu-central-1", line);
        error_told(&output, &[line])
    }

    fn id(&self, action: &str) -> String {
        external_id(&self.bench, action)
    }
}

#[test]
fn a_build_and_its_log_are_read_where_it_ran() {
    let served = Served::new();
    let id = served.id("Package");
    let line = format!("codebuild batch-get-builds --ids {id} other:1");
    let answer = served.aws_in("us-west-2", &line);
    assert_eq!(answer["buildsNotFound"], json!(["other:1"]));
    let build = &answer["builds"][0];
    assert_eq!((&build["id"], &build["buildStatus"]), (&json!(id), &json!("FAILED")));
    let phases: Vec<_> =
        build["phases"].as_array().unwrap().iter().map(|phase| &phase["phaseStatus"]).collect();
    assert_eq!(phases.iter().filter(|status| **status == "FAILED").count(), 1);
    let failed = build["phases"].as_array().unwrap().iter().find(|phase| phase["phaseStatus"] == "FAILED");
    let context = json!([{ "statusCode": "COMMAND_EXECUTION_ERROR", "message": "exit status 1" }]);
    assert_eq!((&failed.unwrap()["phaseType"], &failed.unwrap()["contexts"]), (&json!("BUILD"), &context));
    assert_eq!(build["phases"][7]["phaseType"], "POST_BUILD");
    assert_eq!(build["phases"][7]["phaseStatus"], "SUCCEEDED");
    assert_eq!(served.aws(&line)["builds"], json!([]), "another Region has no such build");

    let (group, stream) =
        (build["logs"]["groupName"].as_str().unwrap(), build["logs"]["streamName"].as_str().unwrap());
    let line = format!("logs get-log-events --log-group-name {group} --log-stream-name {stream}");
    let messages = served.aws_in("us-west-2", &format!("{line} --query events[].message"));
    assert_eq!(messages, json!(["npm ci\n", "E429 <too many>\n"]));
    assert_eq!(served.aws_error(&line), "ResourceNotFoundException");

    let others = format!("codebuild batch-get-builds --ids {} {}", served.id("Fine"), served.id("Slow"));
    let others = served.aws(&format!("{others} --query builds[].[buildStatus,buildComplete]"));
    assert_eq!(others, json!([["SUCCEEDED", true], ["IN_PROGRESS", false]]));
}

#[test]
fn a_log_is_read_from_its_end_and_on() {
    let served = Served::new();
    let id = served.id("Lint");
    let (group, stream) = id.split_once(":log-group:").unwrap().1.split_once(":log-stream:").unwrap();
    let line =
        format!("logs get-log-events --log-group-identifier {group} --log-stream-name {stream} --limit 2");
    let last = served.aws(&line);
    let said = |answer: &Value| -> Vec<String> {
        let events = answer["events"].as_array().unwrap();
        events.iter().map(|event| event["message"].as_str().unwrap().trim_end().to_owned()).collect()
    };
    assert_eq!(said(&last), ["lines", "of it"]);
    let back = last["nextBackwardToken"].as_str().unwrap();
    let first = served.aws(&format!("{line} --next-token {back}"));
    assert_eq!(said(&first), ["three"]);
    let beginning = first["nextBackwardToken"].as_str().unwrap();
    let nothing = served.aws(&format!("{line} --next-token {beginning}"));
    assert_eq!((said(&nothing).len(), &nothing["nextBackwardToken"]), (0, &first["nextBackwardToken"]));
    assert_eq!(said(&served.aws(&format!("{line} --start-from-head"))), ["three", "lines"]);
    assert_eq!(served.aws_error(&format!("{line} --next-token x/1")), "InvalidParameterException");
    assert_eq!(served.aws_error("logs get-log-events --log-stream-name x"), "InvalidParameterException");
}

#[test]
fn a_deployment_is_read_with_its_target() {
    let served = Served::new();
    for (action, code, event, member) in [
        ("Servers", "HEALTH_CONSTRAINTS", json!("ScriptFailed"), "instanceTarget"),
        ("Service", "TIMEOUT", Value::Null, "ecsTarget"),
    ] {
        let id = format!("--deployment-id {}", served.id(action));
        let info = served.aws(&format!("deploy get-deployment {id} --query deploymentInfo"));
        assert_eq!((&info["status"], &info["errorInformation"]["code"]), (&json!("Failed"), &json!(code)));
        let list = format!("deploy list-deployment-targets {id} --query targetIds");
        let targets = served.aws(&format!("{list} --target-filters TargetStatus=Failed"));
        assert_eq!(served.aws(&format!("{list} --target-filters TargetStatus=Succeeded")), json!([]));
        let target = targets[0].as_str().unwrap();
        let line = format!("deploy batch-get-deployment-targets {id} --target-ids");
        let shown = served.aws(&format!("{line} {target} --query deploymentTargets[0].{member}"));
        assert_eq!(shown["status"], "Failed");
        let events = shown["lifecycleEvents"].as_array().unwrap();
        let failed = events.iter().find(|event| event["status"] == "Failed");
        let told = failed.map_or(Value::Null, |event| event["diagnostics"]["errorCode"].clone());
        assert_eq!(told, event);
        assert_eq!(served.aws_error(&format!("{line} other")), "DeploymentTargetDoesNotExistException");
    }
    for (id, error) in
        [("d-ABCDEFGHI", "DeploymentDoesNotExistException"), ("shop", "InvalidDeploymentIdException")]
    {
        assert_eq!(served.aws_error(&format!("deploy get-deployment --deployment-id {id}")), error);
    }
}

#[test]
fn a_stack_is_read_with_those_nested_in_it() {
    let served = Served::new();
    let line = "cloudformation describe-stack-events --stack-name";
    let words = "--query StackEvents[].[LogicalResourceId,ResourceStatus,ResourceStatusReason]";
    let events = served.aws(&format!("{line} queues {words}"));
    let rolled_back = "The following resource(s) failed: [Data].";
    let expected = json!([
        ["queues", "UPDATE_ROLLBACK_COMPLETE", null],
        ["queues", "UPDATE_ROLLBACK_IN_PROGRESS", rolled_back],
        ["Data", "CREATE_FAILED", "Embedded stack failed"],
        ["Data", "CREATE_IN_PROGRESS", null],
        ["queues", "UPDATE_IN_PROGRESS", "User Initiated"],
    ]);
    assert_eq!(events, expected);
    assert_eq!(served.aws(&format!("{line} {} {words}", served.id("Queues"))), expected);
    let nested = served.aws(&format!("{line} queues --query StackEvents[2].PhysicalResourceId"));
    let nested = served.aws(&format!("{line} {} {words}", nested.as_str().unwrap()));
    assert_eq!(nested[1], json!(["Jobs", "CREATE_FAILED", "Rate exceeded & more"]));
    assert_eq!(served.aws(&format!("{line} shop --query StackEvents")), json!([]), "nothing was done to it");
    assert_eq!(served.aws_error(&format!("{line} nothing")), "ValidationError");
}

#[test]
fn a_change_set_is_read_by_its_arn_and_by_its_names() {
    let served = Served::new();
    let line = "cloudformation describe-change-set --change-set-name";
    for (action, name, status, reason) in
        [("Made", "good", "CREATE_COMPLETE", Value::Null), ("Unmade", "bad", "FAILED", json!("no changes"))]
    {
        for by in [served.id(action), format!("{name} --stack-name shop")] {
            let set = served.aws(&format!("{line} {by}"));
            assert_eq!(
                (&set["Status"], set.get("StatusReason").unwrap_or(&Value::Null)),
                (&json!(status), &reason)
            );
            assert_eq!((&set["ChangeSetName"], &set["StackName"]), (&json!(name), &json!("shop")));
        }
    }
    assert_eq!(served.aws_error(&format!("{line} good")), "ValidationError");
    assert_eq!(served.aws_error(&format!("{line} other --stack-name shop")), "ChangeSetNotFound");
}

/// Three change calendars: open, closed for an hour, and closed for good.
fn calendars(bench: &Bench) -> [String; 3] {
    let arns = ["Open", "Hour", "Good"].map(|name| {
        CalendarArn::parse(format!("arn:aws:ssm:eu-central-1:111122223333:document/{name}")).unwrap()
    });
    let mut world = bench.world().lock();
    let until = after(world.now(), SignedDuration::from_hours(1));
    world.calendars.close(arns[1].clone(), Some(until));
    world.calendars.close(arns[2].clone(), None);
    arns.map(|arn| arn.as_str().to_owned())
}

#[test]
fn a_change_calendar_says_whether_it_is_closed_and_until_when() {
    let served = Served::new();
    let [open, hour, good] = calendars(&served.bench);
    let now = served.bench.world().now();
    let shown = |at: Timestamp| json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let until = shown(after(now, SignedDuration::from_hours(1)));
    for (names, state, next) in [
        (open.clone(), "OPEN", None),
        (hour.clone(), "CLOSED", Some(&until)),
        (good, "CLOSED", None),
        // Of several calendars one that is closed is enough.
        (format!("{open} {hour}"), "CLOSED", Some(&until)),
    ] {
        let answer = served.aws(&format!("ssm get-calendar-state --calendar-names {names}"));
        assert_eq!((&answer["State"], &answer["AtTime"]), (&json!(state), &shown(now)), "{names}");
        assert_eq!(answer.get("NextTransitionTime"), next, "{names}");
    }
    let line = format!("ssm get-calendar-state --calendar-names {open}");
    let elsewhere = served.run("us-west-2", &line);
    assert_eq!(error_told(&elsewhere, &[&line]), "InvalidDocument", "another Region has no such calendar");
    assert_eq!(served.aws_error("ssm get-calendar-state --calendar-names Open"), "InvalidDocument");
    served.bench.world().lock().calendars.delete(CalendarArn::parse(open).unwrap());
    assert_eq!(served.aws_error(&line), "InvalidDocument");
    let at_a_time = "ssm get-calendar-state --calendar-names Open --at-time 2026-03-02T09:00:00Z";
    assert_eq!(served.aws_error(at_a_time), "UnsupportedCalendarException");
}

#[test]
fn what_is_denied_is_refused_in_each_protocol() {
    let served = Served::new();
    served.bench.world().lock().denied.extend(Source::ALL);
    for (line, error) in [
        ("codebuild batch-get-builds --ids a:1", "AccessDeniedException"),
        ("logs get-log-events --log-group-name a --log-stream-name b", "AccessDeniedException"),
        ("deploy get-deployment --deployment-id d-ABCDEFGHI", "AccessDeniedException"),
        ("cloudformation describe-stack-events --stack-name shop", "AccessDenied"),
        ("ssm get-calendar-state --calendar-names Releases", "AccessDeniedException"),
    ] {
        assert_eq!(served.aws_error(line), error);
    }
    served.aws("codepipeline list-pipelines");
}

#[test]
fn every_answer_has_the_models_shape() {
    let bench = bench();
    let log = |id: &str| {
        let (_, names) = id.split_once(":log-group:").unwrap();
        let (group, stream) = names.split_once(":log-stream:").unwrap();
        json!({ "logGroupName": group, "logStreamName": stream })
    };
    let id = |action: &str| external_id(&bench, action);
    let target = |action: &str| {
        let input = json!({ "deploymentId": id(action) });
        let known = bench.ok("CodeDeploy_20141006.ListDeploymentTargets", &input);
        json!({ "deploymentId": id(action), "targetIds": known["targetIds"] })
    };
    let mut asked: Vec<(&str, Value)> = vec![
        ("CodeBuild_20161006.BatchGetBuilds", json!({ "ids": [id("Fine"), id("Slow"), "x:1"] })),
        ("Logs_20140328.GetLogEvents", log(&id("Lint"))),
        ("CloudFormation_20100515.DescribeStackEvents", json!({ "StackName": "queues" })),
        ("CloudFormation_20100515.DescribeChangeSet", json!({ "ChangeSetName": id("Unmade") })),
    ];
    for arn in calendars(&bench) {
        asked.push(("AmazonSSM.GetCalendarState", json!({ "CalendarNames": [arn] })));
    }
    for action in ["Servers", "Service"] {
        asked.push(("CodeDeploy_20141006.GetDeployment", json!({ "deploymentId": id(action) })));
        asked.push(("CodeDeploy_20141006.ListDeploymentTargets", json!({ "deploymentId": id(action) })));
        asked.push(("CodeDeploy_20141006.BatchGetDeploymentTargets", target(action)));
    }
    for target in provider_targets() {
        assert!(asked.iter().any(|(name, _)| *name == target), "{target}");
    }
    let mut found = Vec::new();
    for (name, input) in asked {
        let mut document = bench.ok(name, &input);
        if name.starts_with("CloudFormation") {
            drop_nothing(&mut document);
        }
        operation(name).1.unwrap().objections(&document, name, &mut found);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// XML has no word for what is not there.
fn drop_nothing(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(drop_nothing);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_nothing),
        _ => {}
    }
}

#[test]
fn events_of_a_stack_come_in_pages_that_follow_one_another() {
    let pipeline = "  - name: shop
    stages:
      - { name: Deploy, actions: [{ name: Queues, category: Deploy, runs: [{ succeed: 10s }] }] }";
    let mut bench = Bench::new(pipeline, STARTS);
    for _ in 0..120 {
        bench.pass(15);
        bench.ok("StartPipelineExecution", &json!({ "name": "shop" }));
    }
    bench.pass(15);
    let runs = bench.world().lock().service.provider_runs().count();
    let (mut ids, mut token, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let input = json!({ "StackName": "shop", "NextToken": token });
        let page = bench.ok("CloudFormation_20100515.DescribeStackEvents", &input);
        let events = page["StackEvents"].as_array().unwrap();
        ids.extend(events.iter().map(|event| event["EventId"].as_str().unwrap().to_owned()));
        pages += 1;
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!((ids.len(), pages), (2 * runs, 3));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2 * runs);
    let input = json!({ "StackName": "shop", "NextToken": "other" });
    assert_eq!(
        bench.refused("CloudFormation_20100515.DescribeStackEvents", &input),
        "InvalidNextTokenException"
    );
}

#[test]
fn runs_bear_ids_as_their_providers_give_them() {
    let bench = bench();
    let world = bench.world().lock();
    let mut seen = 0;
    for run in world.service.provider_runs() {
        let id = run.external_id;
        let looks_right = match run.provider {
            Provider::CodeBuild => id.starts_with(&format!("{}:", run.action)) && id.len() > 36,
            Provider::Commands => id.starts_with(
                "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/codepipeline/shop:log-stream:",
            ),
            Provider::CodeDeploy => id.starts_with("d-") && id.len() == 11,
            Provider::CloudFormation => id.starts_with("arn:aws:cloudformation:eu-central-1:111122223333:"),
        };
        assert!(looks_right, "{id}");
        assert!(run.changed.duration_since(run.started) <= SignedDuration::from_mins(1));
        seen += 1;
    }
    assert_eq!(seen, 9);
}
