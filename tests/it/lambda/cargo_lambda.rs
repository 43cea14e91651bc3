//! The function under `cargo lambda watch`, which developers run it in: a third opinion on the runtime's protocol.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::described::events;
use super::scene::Scene;
use crate::ministack::tool;

const POLICY: &str = "\
version: 1
rules:
  - name: all
    match: { pipeline: '*' }
";

const NAME: &str = "retrier-lambda";

/// Its server, and the function: the binary of this test run, where it would otherwise build one. Both end when it is
/// dropped.
struct CargoLambda {
    address: SocketAddr,
    processes: Vec<Child>,
}

fn cargo_lambda(subcommand: &str, address: SocketAddr) -> Command {
    let mut command = Command::new(tool("sam/bin/cargo-lambda"));
    command
        .args(["lambda", subcommand, "--invoke-address", &address.ip().to_string()])
        .args(["--invoke-port", &address.port().to_string()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

impl CargoLambda {
    fn start(environment: &[(String, String)]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server =
            cargo_lambda("watch", address).arg("--only-lambda-apis").stdout(Stdio::null()).spawn().unwrap();
        let mut started = Self { address, processes: vec![server] };
        for _ in 0..600 {
            if TcpStream::connect(address).is_ok() {
                started.processes.push(function(address, environment));
                return started;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("`cargo lambda watch` does not listen");
    }

    fn invoke(&self, payload: &Path) -> Value {
        let output = cargo_lambda("invoke", self.address)
            .args([NAME, "--data-file", payload.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {output:?}", payload.display());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }
}

/// The function with the variables that `cargo lambda watch` gives those it starts itself.
fn function(address: SocketAddr, environment: &[(String, String)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_retrier-lambda"))
        .env_clear()
        .envs(environment.iter().cloned())
        .env("AWS_LAMBDA_RUNTIME_API", format!("http://{address}/.rt/{NAME}"))
        .env("AWS_LAMBDA_FUNCTION_NAME", NAME)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4096")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for CargoLambda {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

#[test]
fn every_event_is_answered_as_its_description_says() {
    let scene = Scene::new("cargo-lambda", POLICY);
    let server = CargoLambda::start(&scene.environment());
    for event in events().iter().filter(|event| event.is_json()) {
        event.check(&server.invoke(&event.file));
    }
}
