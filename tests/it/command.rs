//! Runs the real binary as a shell would, with nothing from the environment of the test.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// The command with its arguments, and nothing to read.
pub fn retrier(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retrier"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// What the command does with something to read.
pub fn output_with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// All of what a run shows, for a snapshot.
pub fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!(
        "exit code: {}\n----- stdout -----\n{}\n----- stderr -----\n{}",
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr)
    )
}
