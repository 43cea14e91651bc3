//! `make local`, as a developer uses it: it comes up, the deployed function retries what fails, and Ctrl-C ends all of it.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::process::succeed;
use crate::ministack::unique;

/// The script while it runs. It is ended as a terminal ends it.
struct Playground {
    script: Child,
    lines: Lines<BufReader<ChildStdout>>,
    folder: PathBuf,
}

impl Playground {
    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = format!("target/{}", unique("local"));
        let mut script = Command::new(root.join("tests/tools/local"))
            .arg(&folder)
            // Not built once more.
            .env("FUNCTION_BINARY", env!("CARGO_BIN_EXE_retrier-lambda"))
            .env("RETRIER", env!("CARGO_BIN_EXE_retrier"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(script.stdout.take().unwrap()).lines();
        Self { script, lines, folder: root.join(folder) }
    }

    /// Everything that it says until it is up.
    fn welcome(&mut self) -> String {
        let mut text = String::new();
        for line in self.lines.by_ref().map_while(Result::ok) {
            text.push_str(&line);
            text.push('\n');
            if line.contains("Ctrl-C") {
                return text;
            }
        }
        panic!("it has ended: {text}");
    }

    /// What a command prints in another terminal, which has read the settings.
    #[track_caller]
    fn typed(&self, line: &str) -> String {
        let settings = self.folder.join("environment");
        let line = format!("source '{}' && {line}", settings.display());
        succeed(Command::new("bash").args(["-c", &line]).env_remove("AWS_ENDPOINT_URL"))
    }

    fn end(&mut self) {
        if self.script.try_wait().unwrap().is_none() {
            succeed(Command::new("kill").args(["-TERM", &self.script.id().to_string()]));
            self.script.wait().unwrap();
        }
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn it_comes_up_retries_what_fails_and_leaves_nothing() {
    let mut playground = Playground::start();
    let welcome = playground.welcome();
    for word in ["orders", "retrier history", "start-pipeline-execution"] {
        assert!(welcome.contains(word), "{welcome}");
    }
    let addresses = playground.typed("echo $AWS_ENDPOINT_URL $AWS_ENDPOINT_URL_CODEPIPELINE");
    let addresses: Vec<_> = addresses.split_whitespace().map(|url| url.replace("http://", "")).collect();
    assert!(addresses.iter().all(|address| TcpStream::connect(address).is_ok()), "{addresses:?}");
    playground.typed("aws codepipeline start-pipeline-execution --name web");

    // `orders` begins by itself.
    let mut history = String::new();
    for _ in 0..300 {
        history = playground.typed("retrier history orders");
        if history.contains("1 of 2 accepted") {
            break;
        }
        sleep(Duration::from_millis(200));
    }
    assert!(history.contains("1 of 2 accepted"), "{history}");
    assert!(playground.typed("retrier status").contains("paused: no"));
    let of_a_function = fs::read_to_string(playground.folder.join("function.env")).unwrap();
    assert!(of_a_function.contains("RETRIER_TABLE=codepipeline-retrier-ledger"), "{of_a_function}");

    playground.end();
    assert!(addresses.iter().all(|address| TcpStream::connect(address).is_err()), "{addresses:?}");
    assert!(!playground.folder.exists());
}
