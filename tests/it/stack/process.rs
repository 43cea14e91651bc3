//! Runs the tools as their users do, away from whatever account and settings the person has who runs the tests.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::ministack::{REGION, tool};

/// Variables that would lead a tool elsewhere, or make of an inner `make` a part of an outer one.
const MISLEADING: [&str; 10] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "FUNCTION_BINARY",
    "POLICY",
];

/// An installed tool that works in `home`, where it finds no settings, with credentials that are worth nothing.
pub fn command(program: &str, home: &Path) -> Command {
    let mut command = Command::new(tool(program));
    for name in MISLEADING {
        command.env_remove(name);
    }
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("HOME", home)
        .env("AWS_CONFIG_FILE", home.join("no-config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", home.join("no-credentials"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_REGION", REGION)
        .env("AWS_PAGER", "")
        .env("SAM_CLI_TELEMETRY", "0")
        .env("SAM_CLI_POLL_DELAY", "0.5")
        .stdin(Stdio::null());
    command
}

/// What the command prints; it has to succeed.
#[track_caller]
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", shown(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The command with something to read, which may fail.
pub fn output_of(command: &mut Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A command that does not read its input may be gone already.
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()).is_ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// All that a command printed.
pub fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A folder that is gone with whoever holds it.
pub struct Folder(std::path::PathBuf);

impl Folder {
    /// A new one, named after its purpose.
    pub fn new(purpose: &str) -> Self {
        let path = std::env::temp_dir().join(crate::ministack::unique(&format!("retrier-{purpose}")));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Whoever still holds a file in it loses it; the test is over.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
