//! The tools that the face is tried with: the real AWS CLI, and the service model that it ships.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// A file of the AWS CLI's own environment.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where the tools are")]
fn aws_tool(path: &str) -> PathBuf {
    let tools = std::env::var_os("RETRIER_TOOLS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tools"), PathBuf::from);
    let tool = tools.join("aws").join(path);
    assert!(tool.exists(), "{} is missing: run `make tools` first", tool.display());
    tool
}

/// The AWS CLI's `codepipeline` command at an endpoint, with nothing from the environment of the test.
pub fn aws_command(endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = provider_command(endpoint, &[&["codepipeline"], arguments].concat());
    command.env_remove("AWS_ENDPOINT_URL").env("AWS_ENDPOINT_URL_CODEPIPELINE", endpoint);
    command
}

/// Any command of the AWS CLI at an endpoint that stands in for all of AWS.
pub fn provider_command(endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(aws_tool("bin/aws"));
    command
        .args(arguments)
        .env_clear()
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_DEFAULT_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_PAGER", "")
        .stdin(Stdio::null());
    command
}

fn run_aws(endpoint: &str, arguments: &[&str]) -> Output {
    aws_command(endpoint, arguments).output().unwrap()
}

/// What the AWS CLI prints, parsed; nothing where it prints nothing.
pub fn aws(endpoint: &str, arguments: &[&str]) -> Value {
    printed(&run_aws(endpoint, arguments), arguments)
}

/// What the AWS CLI printed, parsed; nothing where it printed nothing.
pub fn printed(output: &Output, arguments: &[&str]) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "aws {arguments:?}: {stderr}");
    match output.stdout.as_slice() {
        [] => Value::Null,
        text => serde_json::from_slice(text).unwrap(),
    }
}

/// The name of the error that the AWS CLI tells of.
pub fn aws_error(endpoint: &str, arguments: &[&str]) -> String {
    error_told(&run_aws(endpoint, arguments), arguments)
}

/// The name of the error that the AWS CLI told of.
pub fn error_told(output: &Output, arguments: &[&str]) -> String {
    assert!(!output.status.success(), "aws {arguments:?} was not refused");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let name = stderr.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')'));
    name.unwrap_or_else(|| panic!("aws {arguments:?}: {stderr}")).0.to_owned()
}

/// The service model of one of the services that are served, as the AWS CLI ships it.
pub fn service_model(service: &str) -> &'static Value {
    static MODELS: OnceLock<Value> = OnceLock::new();
    let models = MODELS.get_or_init(|| {
        let program = "import sys, json, botocore.session\n\
                       loader = botocore.session.get_session().get_component('data_loader')\n\
                       names = ['codepipeline', 'codebuild', 'logs', 'codedeploy', 'cloudformation', 'ssm']\n\
                       models = {name: loader.load_service_model(name, 'service-2') for name in names}\n\
                       json.dump(models, sys.stdout)";
        let output = Command::new(aws_tool("bin/python")).args(["-c", program]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    });
    models.get(service).unwrap_or_else(|| panic!("`{service}` is not served"))
}

/// `retrier emulator` as users start it, on a free port, until it is dropped.
pub struct Emulator {
    child: Child,
    pub endpoint: String,
}

impl Emulator {
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = crate::command::retrier(&["emulator", "--port", "0"]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut endpoint = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
        Self { child, endpoint: endpoint.trim_end().to_owned() }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer; gives up after two minutes.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(Duration::from_millis(200));
    }
    panic!("waited for {what} in vain");
}
