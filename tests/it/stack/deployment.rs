//! The stack as a user deploys it, with `sam build` and `sam deploy`, on a server of its own that stands in for AWS. The
//! function in it is the binary that the tests were built with.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use codepipeline_retrier::aws::clients::Clients;
use serde_json::Value;

use super::process::{Folder, command, output_of, shown, succeed};
use super::template::TEMPLATE;
use crate::ministack::{MiniStack, REGION};

const STACK: &str = "retrier";

/// A server with the built stack. What was started ends with it, and what was written is gone.
pub struct Deployment {
    folder: Folder,
    server: MiniStack,
}

impl Deployment {
    /// Starts a server and builds the stack. The environment is the function's, on top of what the template gives it:
    /// `AWS_ENDPOINT_URL_CODEPIPELINE` names a CodePipeline, which the server lacks; and the server's, which for example
    /// with `AUTH=true` holds everybody to their policies.
    pub fn build(environment: &[(&str, &str)]) -> Self {
        Self::build_with(environment, &[])
    }

    /// The same with variables for the build, such as `POLICY`.
    pub fn build_with(environment: &[(&str, &str)], variables: &[(&str, &Path)]) -> Self {
        // The function has to know the address before the server says it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let folder = Folder::new("deployment");
        let log = folder.path().join("ministack.log");
        let mut all = vec![("AWS_ENDPOINT_URL", url.as_str())];
        all.extend(environment);
        let arguments = ["--port", &port.to_string(), "--log", log.to_str().unwrap()];
        let server = MiniStack::start(&arguments, &all);
        let output = sam_build(&folder, variables);
        assert!(output.status.success(), "{}", shown(&output));
        Self { folder, server }
    }

    /// Deploys the stack, or changes it, with these parameters; the others keep their values.
    #[track_caller]
    pub fn deploy(&self, parameters: &[(&str, &str)]) {
        let mut sam = self.sam("deploy");
        sam.args(["--template-file", path_text(&built(&self.folder).join("template.yaml"))])
            .args(["--resolve-s3", "--capabilities", "CAPABILITY_IAM"])
            .args(["--no-confirm-changeset", "--no-progressbar", "--parameter-overrides"])
            .arg(format!("Architecture={}", architecture()))
            .args(parameters.iter().map(|(name, value)| format!("{name}={value}")));
        succeed(&mut sam);
    }

    /// Deletes the stack.
    #[track_caller]
    pub fn delete(&self) {
        succeed(self.sam("delete").arg("--no-prompts"));
    }

    /// What `sam` prints about the stack.
    fn sam(&self, subcommand: &str) -> Command {
        let mut sam = command("sam/bin/sam", self.folder.path());
        sam.env("AWS_ENDPOINT_URL", self.server.url())
            .args([subcommand, "--stack-name", STACK, "--region", REGION])
            .arg("--config-file")
            .arg(settings_of_nobody(&self.folder));
        sam
    }

    /// What the AWS CLI answers.
    #[track_caller]
    pub fn aws(&self, arguments: &[&str]) -> Value {
        let mut aws = command("aws/bin/aws", self.folder.path());
        let text =
            succeed(aws.args(["--output", "json", "--endpoint-url", self.server.url()]).args(arguments));
        if text.trim().is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// What the AWS CLI answers to another account, all of which may do everything there.
    #[track_caller]
    pub fn aws_as(&self, account: &str, arguments: &[&str]) -> Value {
        let mut aws = command("aws/bin/aws", self.folder.path());
        aws.env("AWS_ACCESS_KEY_ID", account);
        let text =
            succeed(aws.args(["--output", "json", "--endpoint-url", self.server.url()]).args(arguments));
        if text.trim().is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// Where everything is.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// The SDK's clients.
    pub fn clients(&self) -> Arc<Clients> {
        self.server.clients()
    }

    /// Status and outputs of the stack.
    #[track_caller]
    pub fn stack(&self) -> (String, BTreeMap<String, String>) {
        let answer = self.aws(&["cloudformation", "describe-stacks", "--stack-name", STACK]);
        let stack = &answer["Stacks"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let outputs = stack["Outputs"].as_array().unwrap().iter();
        let outputs = outputs.map(|output| (text(&output["OutputKey"]), text(&output["OutputValue"])));
        (text(&stack["StackStatus"]), outputs.collect())
    }

    /// The built function: binary and policy.
    pub fn package(&self) -> PathBuf {
        built(&self.folder).join("RetrierFunction")
    }
}

/// The architecture of this machine, in Lambda's words.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

/// `sam build` into the folder, with the binaries of this test run, and variables on top.
pub fn sam_build(folder: &Folder, variables: &[(&str, &Path)]) -> Output {
    let mut sam = command("sam/bin/sam", folder.path());
    sam.args(["build", "--template-file", TEMPLATE, "--build-dir", path_text(&built(folder))])
        .args(["--parameter-overrides", &format!("Architecture={}", architecture())])
        .arg("--config-file")
        .arg(settings_of_nobody(folder))
        .env("FUNCTION_BINARY", env!("CARGO_BIN_EXE_retrier-lambda"))
        .env("RETRIER", env!("CARGO_BIN_EXE_retrier"))
        .envs(variables.iter().copied());
    output_of(&mut sam, "")
}

/// Where `sam build` puts what it builds.
pub fn built(folder: &Folder) -> PathBuf {
    folder.path().join("build")
}

/// A developer may have a samconfig.toml beside the template.
fn settings_of_nobody(folder: &Folder) -> PathBuf {
    let path = folder.path().join("samconfig.toml");
    std::fs::write(&path, "version = 0.1\n").unwrap();
    path
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}
