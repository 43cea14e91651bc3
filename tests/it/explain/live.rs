//! `retrier explain` against a live account, for which the emulated one stands in: the real binary on both sides.

mod ledger;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use super::scene::{Scene, refused};
use crate::command::{retrier, shown};

/// `retrier emulator` with its own five pipelines.
struct Account {
    process: Child,
    endpoint: String,
}

impl Account {
    fn start() -> Self {
        let mut command = retrier(&["emulator", "--port", "0"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut endpoint = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
        Self { process, endpoint: endpoint.trim().to_owned() }
    }

    /// What CodePipeline answers, by the operator's other tool: the protocol itself.
    fn ask(&self, operation: &str, input: &Value) -> Value {
        let answer = ask(&self.endpoint, operation, &input.to_string());
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// The execution that is or was last in a pipeline.
    fn last_execution(&self, pipeline: &str) -> String {
        let list = self.ask("ListPipelineExecutions", &json!({"pipelineName": pipeline}));
        list["pipelineExecutionSummaries"][0]["pipelineExecutionId"].as_str().unwrap().to_owned()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn ask(endpoint: &str, operation: &str, body: &str) -> String {
    use std::io::{Read, Write};
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: CodePipeline_20150709.{operation}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

const POLICY: &str = "version: 1\nrules: [{ name: all, match: { pipeline: \"*\" } }]\n";

fn scene(name: &str) -> Scene {
    Scene::new(&format!("live-{name}")).write("policy.yaml", POLICY)
}

/// The command with credentials, and nothing of this machine's.
fn command(scene: &Scene, arguments: &[&str]) -> Command {
    let mut command = scene.command(arguments);
    command
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", scene.folder.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", scene.folder.join("credentials"))
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
    command
}

fn live(scene: &Scene, account: &Account, arguments: &[&str]) -> Output {
    let reached = ["--region", "eu-central-1", "--endpoint-url", &account.endpoint];
    command(scene, &[arguments, &reached].concat()).output().unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(output)))
}

/// Everything that differs from run to run made the same.
fn settled(text: &str, execution: &str) -> String {
    let mut settled = String::new();
    for line in text.replace(execution, "EXECUTION").lines() {
        let words = line.split(' ').map(|word| {
            let is_time =
                word.contains(':') && word.ends_with('Z') && word.starts_with(|c: char| c.is_ascii_digit());
            let is_span =
                word.len() > 1 && word.ends_with('s') && word.starts_with(|c: char| c.is_ascii_digit());
            if is_time {
                "TIME"
            } else if is_span {
                "SPAN"
            } else {
                word
            }
        });
        settled.push_str(&words.collect::<Vec<_>>().join(" "));
        settled.push('\n');
    }
    settled
}

#[test]
fn a_stage_is_named_by_pipeline_and_stage() {
    let (account, scene) = (Account::start(), scene("stage"));
    let output = live(&scene, &account, &["--pipeline-name", "MyFirstPipeline", "--stage", "Staging"]);
    let execution = account.last_execution("MyFirstPipeline");
    insta::assert_snapshot!(settled(&shown(&output), &execution));
}

#[test]
fn a_compile_error_is_given_up_and_not_shown() {
    let (account, scene) = (Account::start(), scene("red"));
    let output = live(&scene, &account, &["--pipeline-name", "always-red", "--stage", "Build"]);
    let text = shown(&output);
    assert!(text.contains("give-up/not-retryable"), "{text}");
    assert!(!text.contains("exit status"), "evidence was printed: {text}");
}

#[test]
fn a_stage_that_has_not_failed_has_nothing_to_decide() {
    let (account, scene) = (Account::start(), scene("waiting"));
    let arguments = ["--pipeline-name", "release-with-approval", "--stage", "Approve"];
    let text = shown(&live(&scene, &account, &arguments));
    assert!(text.contains("ignore/not-failed"), "{text}");
    assert!(text.contains("The stage is not failed, so there is nothing to decide."), "{text}");
    assert!(!text.contains("  failed "), "nothing says that it failed: {text}");
}

/// Reading changes nothing: what CodePipeline says is the same before and after.
#[test]
fn nothing_is_changed() {
    let (account, scene) = (Account::start(), scene("unchanged"));
    let look = || account.ask("GetPipelineState", &json!({"name": "MyFirstPipeline"}));
    let before = look();
    live(&scene, &account, &["--pipeline-name", "MyFirstPipeline", "--stage", "Staging"]);
    assert_eq!(look(), before);
}

/// The same failure, told by an event and the account, and by pipeline and stage.
#[test]
fn an_event_is_looked_up_in_the_account() {
    let (account, scene) = (Account::start(), scene("event"));
    let execution = account.last_execution("MyFirstPipeline");
    let scene = scene
        .edit(
            "event.json",
            "/resources/0",
            json!("arn:aws:codepipeline:eu-central-1:111122223333:MyFirstPipeline"),
        )
        .edit("event.json", "/detail/pipeline", json!("MyFirstPipeline"))
        .edit("event.json", "/detail/stage", json!("Staging"))
        .edit("event.json", "/detail/execution-id", json!(execution))
        .edit("event.json", "/time", json!("2020-01-01T00:00:00Z"));
    let endpoint = ["--endpoint-url", &account.endpoint, "--format", "json"];
    // The Region is the event's.
    let by_event = [&["--event", "event.json", "--live"][..], &endpoint].concat();
    let by_event = document(&command(&scene, &by_event).output().unwrap());
    let by_stage = ["--pipeline-name", "MyFirstPipeline", "--stage", "Staging", "--format", "json"];
    let by_stage = document(&live(&scene, &account, &by_stage));
    assert_eq!((&by_event["verdict"], &by_event["reason"]), (&json!("retry"), &json!("eligible")));
    for key in ["verdict", "reason", "failure-id", "failed-at", "classes", "ahead", "assumptions"] {
        assert_eq!(by_event[key], by_stage[key], "{key}");
    }

    let elsewhere = live_region(&scene, &account, "us-east-1");
    assert!(
        elsewhere.contains("`--region` is us-east-1, and what is asked about is in eu-central-1"),
        "{elsewhere}"
    );
    let scene = scene.edit("event.json", "/account", json!("444455556666")).edit(
        "event.json",
        "/resources/0",
        json!("arn:aws:codepipeline:eu-central-1:444455556666:MyFirstPipeline"),
    );
    let foreign = live_region(&scene, &account, "eu-central-1");
    assert!(
        foreign.contains("the event is about account 444455556666, and this is 111122223333"),
        "{foreign}"
    );
}

fn live_region(scene: &Scene, account: &Account, region: &str) -> String {
    let arguments =
        ["--event", "event.json", "--live", "--region", region, "--endpoint-url", &account.endpoint];
    refused(&command(scene, &arguments).output().unwrap())
}

#[test]
fn a_parallel_pipeline_takes_an_execution() {
    let (account, scene) = (Account::start(), scene("parallel"));
    let arguments = ["--pipeline-name", "pull-requests", "--stage", "Test"];
    let unnamed = refused(&live(&scene, &account, &arguments));
    assert!(unnamed.contains("`pull-requests` is PARALLEL"), "{unnamed}");
    assert!(
        unnamed.contains("aws codepipeline list-pipeline-executions --pipeline-name pull-requests"),
        "{unnamed}"
    );
    account.ask("StartPipelineExecution", &json!({"name": "pull-requests"}));
    let execution = account.last_execution("pull-requests");
    let named = [&arguments[..], &["--execution-id", &execution, "--format", "json"]].concat();
    assert_eq!(document(&live(&scene, &account, &named))["reason"], "not-failed");
}

#[test]
fn what_is_not_there_is_told_apart() {
    let (account, scene) = (Account::start(), scene("missing"));
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (name, arguments) in [
        ("pipeline", &["--pipeline-name", "nothing", "--stage", "Test"][..]),
        ("stage", &["--pipeline-name", "always-red", "--stage", "Test"]),
        ("execution", &["--pipeline-name", "always-red", "--stage", "Build", "--execution-id", unknown]),
        ("run", &["--pipeline-name", "held-before-production", "--stage", "Production"]),
    ] {
        insta::assert_snapshot!(format!("live_no_{name}"), refused(&live(&scene, &account, arguments)));
    }
}

const STAGE: [&str; 4] = ["--pipeline-name", "MyFirstPipeline", "--stage", "Staging"];

#[test]
fn an_account_that_cannot_be_reached_is_told_apart() {
    let scene = scene("unreachable");
    let region = [&STAGE[..], &["--region", "eu-central-1"]].concat();
    for (name, arguments, unset) in [
        ("region", &STAGE[..], None),
        ("credentials", &region, Some("AWS_ACCESS_KEY_ID")),
        ("profile", &[&region[..], &["--profile", "production"]].concat(), None),
        ("service", &[&region[..], &["--endpoint-url", "http://127.0.0.1:1"]].concat(), None),
        ("endpoint", &[&region[..], &["--endpoint-url", "127.0.0.1:4566"]].concat(), None),
        ("live", &["--event", "event.json", "--region", "eu-central-1"], None),
        ("both", &[&STAGE[..], &["--event", "event.json"]].concat(), None),
    ] {
        let mut command = command(&scene, arguments);
        unset.map(|name| command.env_remove(name));
        insta::assert_snapshot!(format!("live_no_{name}"), refused(&command.output().unwrap()));
    }
    let mut bundle = command(&scene, &region);
    let refusal = refused(&bundle.env("AWS_CA_BUNDLE", "policy.yaml").output().unwrap());
    assert!(refusal.contains("AWS_CA_BUNDLE `policy.yaml` holds no certificate"), "{refusal}");
}

/// The endpoint of one service from the environment or the profile; and a profile that is named comes before the
/// credentials of the environment.
#[test]
fn the_account_is_found_as_every_aws_tool_finds_it() {
    let (account, scene) = (Account::start(), scene("found"));
    let endpoint = &account.endpoint;
    let by_variable = command(&scene, &STAGE)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("AWS_ENDPOINT_URL_CODEPIPELINE", endpoint)
        .output()
        .unwrap();
    assert!(shown(&by_variable).contains("retry/eligible"), "{}", shown(&by_variable));

    let config = format!(
        "[profile work]\nregion = eu-central-1\nservices = here\n\n[services here]\ncodepipeline =\n  endpoint_url = {endpoint}\n"
    );
    fs::write(scene.folder.join("config"), config).unwrap();
    let by_profile = [&STAGE[..], &["--profile", "work"]].concat();
    let without = refused(&command(&scene, &by_profile).output().unwrap());
    assert!(without.contains("no AWS credentials found for profile `work`"), "{without}");
    fs::write(
        scene.folder.join("credentials"),
        "[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = secret\n",
    )
    .unwrap();
    let by_profile = command(&scene, &by_profile).output().unwrap();
    assert!(shown(&by_profile).contains("retry/eligible"), "{}", shown(&by_profile));
}

/// The emulated account answers whatever host it is asked for, as a proxy does.
#[test]
fn a_proxy_of_the_environment_is_taken() {
    let (account, scene) = (Account::start(), scene("proxy"));
    let elsewhere = ["--region", "eu-central-1", "--endpoint-url", "http://codepipeline.invalid"];
    let arguments = [&STAGE[..], &elsewhere].concat();
    let by_proxy = command(&scene, &arguments).env("HTTP_PROXY", &account.endpoint).output().unwrap();
    assert!(shown(&by_proxy).contains("retry/eligible"), "{}", shown(&by_proxy));
    let past_it = command(&scene, &arguments)
        .env("HTTP_PROXY", &account.endpoint)
        .env("NO_PROXY", "codepipeline.invalid")
        .output()
        .unwrap();
    assert!(refused(&past_it).contains("cannot read pipeline `MyFirstPipeline`"), "{}", shown(&past_it));
}
