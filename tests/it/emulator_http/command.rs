//! `retrier emulator` as people meet it.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::json;

use super::tools::{Emulator, aws};
use crate::command::{output_with_input, retrier, shown};

#[test]
fn help() {
    insta::assert_snapshot!(shown(&retrier(&["emulator", "--help"]).output().unwrap()));
}

/// Starts the command, asks it to end as Ctrl-C does once it serves, and shows all that it said.
fn said(arguments: &[&str], input: &str) -> String {
    let mut command = retrier(&["emulator", "--port", "0"]);
    let mut child = (command.args(arguments))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let mut endpoint = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut endpoint).unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let endpoint = endpoint.trim_end();
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint}");
    let text = format!("exit code: {}\n{stderr}", output.status.code().unwrap());
    let text = text.replace(endpoint, "http://127.0.0.1:PORT");
    let ids = "--pipeline-execution-id ";
    match text.split_once(ids) {
        Some((before, after)) => format!("{before}{ids}ID{}", &after[36..]),
        None => text,
    }
}

#[test]
fn what_it_says_of_its_own_pipelines() {
    insta::assert_snapshot!(said(&[], ""));
}

#[test]
fn what_it_says_of_a_scenario() {
    let scenario = "\
scenario: 1
about: one pipeline, and much that concerns the function only
policy: |
  version: 1
  rules: [{ name: all, match: { pipeline: '*' } }]
pipelines:
  - name: p
    stages: [{ name: s, actions: [{ name: a, category: Build, runs: [{ succeed: 1s }] }] }]
timeline:
  - { at: 0s, retry: { pipeline: p, stage: s } }
  - { at: 1d, start: p }
  - { at: 1d, pause: { reason: why } }
  - { at: 1d, break: { operation: arm, nth: 1, fault: not-done } }
  - { at: 1d, break: { operation: retry, nth: 1, fault: crash-after } }
  - { at: 1d, break: { operation: retry, nth: 2, fault: reply-lost } }
  - { at: 1d, break: { operation: calendars, nth: 1, fault: not-done } }
  - { at: 1d, close-calendar: { calendar: \"arn:aws:ssm:eu-central-1:111122223333:document/Releases\" } }
  - { at: 2d, open-calendar: \"arn:aws:ssm:eu-central-1:111122223333:document/Releases\" }
  - { before: { operation: fence, nth: 1 }, stop: { pipeline: p } }
";
    insta::assert_snapshot!(said(&["--scenario", "-"], scenario));
}

#[test]
fn what_cannot_be_served() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let run = |arguments: &[&str], input: &str| {
        let mut command = retrier(&[&["emulator"], arguments].concat());
        shown(&output_with_input(&mut command, input.as_bytes())).replace(&port, "PORT")
    };
    let all = [
        run(&[], ""),
        run(&["--port", "x"], ""),
        run(&["--port", &port], ""),
        run(&["--port", "0", "--scenario", "none.yaml"], ""),
        run(&["--port", "0", "--scenario", "-"], "scenario: 2\n"),
    ];
    insta::assert_snapshot!(all.join("\n=====\n"));
}

#[test]
fn a_scenario_is_played_from_now_on() {
    let emulator = Emulator::start(&["--scenario", "tests/scenarios/rulings/give-up/not-retryable.yaml"]);
    let pipelines = aws(&emulator.endpoint, &["list-pipelines", "--query", "length(pipelines)"]);
    assert_eq!(pipelines, json!(1));
}

#[test]
fn two_runs_have_no_execution_in_common() {
    let ids = || {
        let emulator = Emulator::start(&[]);
        let listed = ["list-pipeline-executions", "--pipeline-name", "MyFirstPipeline"];
        aws(&emulator.endpoint, &listed)["pipelineExecutionSummaries"][0]["pipelineExecutionId"].clone()
    };
    assert_ne!(ids(), ids());
}
