//! The function under AWS's own Runtime Interface Emulator, which ships with the SAM CLI: a second opinion on the runtime's
//! protocol, and on every event in `events/`.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use codepipeline_retrier::domain::ids::PipelineName;
use serde_json::{Value, json};

use super::described::events;
use super::scene::{RETRIES_AT_ONCE, Scene};
use crate::contract::pipelines::{fails, shop, succeeds};
use crate::ministack::tool;

/// The emulator with the function in it. Both end when it is dropped.
struct Emulator {
    address: SocketAddr,
    process: Child,
    copy: PathBuf,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn interface_emulator() -> PathBuf {
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let libraries = tool("sam/lib");
    let python = fs::read_dir(&libraries).unwrap().next().expect("a folder for Python's version").unwrap();
    python.path().join(format!("site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"))
}

impl Emulator {
    fn start(environment: &[(String, String)]) -> Self {
        let (address, runtime_api) = (free(), free());
        // A wheel keeps no permissions, and what is being run cannot be written to.
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lambda-rie-{}", std::process::id()));
        fs::copy(interface_emulator(), &copy).unwrap();
        make_executable(&copy);
        let process = Command::new(&copy)
            .args(["--runtime-interface-emulator-address", &address.to_string()])
            .args(["--runtime-api-address", &runtime_api.to_string()])
            .args(["--log-level", "error"])
            .arg(env!("CARGO_BIN_EXE_retrier-lambda"))
            .env_clear()
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let emulator = Self { address, process, copy };
        for _ in 0..600 {
            if TcpStream::connect(address).is_ok() {
                return emulator;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("the Runtime Interface Emulator does not listen");
    }

    fn invoke(&self, payload: &str) -> Value {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = format!(
            "POST /2015-03-31/functions/function/invocations HTTP/1.0\r\nHost: {}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            self.address,
            payload.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(payload.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    }
}

#[cfg(unix)]
fn make_executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.copy);
    }
}

#[test]
fn every_event_is_answered_as_its_description_says() {
    let scene = Scene::new("interface-emulator", RETRIES_AT_ONCE);
    let emulator = Emulator::start(&scene.environment());
    for event in events() {
        event.check(&emulator.invoke(&event.payload));
    }
}

#[test]
fn a_failed_stage_is_retried() {
    let scene = Scene::new("interface-emulator-retry", RETRIES_AT_ONCE);
    let (_, event) = scene.failed(&PipelineName::parse("shop").unwrap(), shop([fails(), succeeds()]));
    let emulator = Emulator::start(&scene.environment());
    let answer = emulator.invoke(&event.to_string());
    assert_eq!((&answer["verdict"], &answer["final"]), (&json!("retry"), &json!(true)), "{answer}");
    assert_eq!(emulator.invoke(&event.to_string())["reason"], "already-answered");
    assert_eq!(scene.world.lock().service.retry_calls().len(), 1);
}
