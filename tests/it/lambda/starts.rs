//! How the real binary starts, and what it says when it cannot work.

use std::fs;

use serde_json::{Value, json};

use super::process::{FunctionProcess, batch_of_one, settings};
use super::runtime_api::End;

/// An address at which nothing listens: the port was free a moment ago.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// The policy that ships.
pub fn policy() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/policy.yaml")
}

/// An event of `events/`.
pub fn event(name: &str) -> Value {
    let path = format!("{}/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn alone() -> Vec<(String, String)> {
    settings(&policy(), "ledger", "http://127.0.0.1/1/retrier", &nowhere(), &nowhere())
}

#[test]
fn an_event_that_is_no_concern_of_ours_needs_no_aws() {
    let function = FunctionProcess::start(&alone());
    let End::Response(document) = function.invoke(&event("pipeline-failed")) else { panic!("a response") };
    assert_eq!((&document["verdict"], &document["reason"]), (&json!("ignore"), &json!("not-a-failure")));
    let log = function.log(3);
    assert_eq!(log[0]["message"], "started");
    assert_eq!(log[0]["mode"], "active");
    assert!(log.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()));
}

#[test]
fn a_ledger_that_cannot_be_reached_is_an_error_with_a_fixed_name() {
    let function = FunctionProcess::start(&alone());
    let End::Error(kind, message) = function.invoke(&event("stage-failed")) else { panic!("an error") };
    assert_eq!(kind, "LedgerUnavailable");
    assert_eq!(message, "the message must be delivered again: ledger-unavailable");
    let log = function.log(4);
    let trouble = log.iter().find(|line| line["message"] == "ledger-trouble").unwrap();
    assert_eq!(trouble["problem"], "the table cannot be reached");
}

#[test]
fn a_batch_is_answered_message_by_message() {
    let function = FunctionProcess::start(&alone());
    let failed = batch_of_one("one", &event("stage-failed"), 1);
    let ignored = batch_of_one("two", &event("other-source"), 1);
    let records = [&failed, &ignored].map(|batch| batch["Records"][0].clone());
    let end = function.invoke(&json!({ "Records": records }));
    assert_eq!(end, End::Response(json!({ "batchItemFailures": [{ "itemIdentifier": "one" }] })));
}

#[test]
fn everything_that_is_wrong_with_the_settings_is_told_at_every_invocation() {
    let wrong: Vec<_> = alone()
        .into_iter()
        .filter(|(name, _)| name != "RETRIER_TABLE")
        .chain([("RETRIER_MODE".to_owned(), "on".to_owned())])
        .collect();
    let function = FunctionProcess::start(&wrong);
    for _ in 0..2 {
        let End::Error(kind, message) = function.invoke(&event("stage-failed")) else { panic!("an error") };
        assert_eq!(kind, "InvalidSettings");
        assert!(message.contains("RETRIER_TABLE is not set"), "{message}");
        assert!(message.contains("RETRIER_MODE must be"), "{message}");
    }
    assert_eq!(function.log(1)[0]["message"], "invalid-settings");
}

#[test]
fn a_policy_that_does_not_compile_is_told_with_its_findings() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("starts");
    fs::create_dir_all(&folder).unwrap();
    let broken = folder.join("policy.yaml");
    fs::write(&broken, "version: 1\nrules:\n  - name: all\n    match: { pipelin: \"*\" }\n").unwrap();
    for (path, expected) in [(broken, "findings"), (folder.join("none.yaml"), "problem")] {
        let function = FunctionProcess::start(&settings(
            &path,
            "ledger",
            "http://127.0.0.1/1/retrier",
            &nowhere(),
            &nowhere(),
        ));
        function.invoke(&event("pipeline-failed"));
        let log = function.log(2);
        assert_eq!((&log[0]["message"], &log[0]["level"]), (&json!("policy-invalid"), &json!("ERROR")));
        assert!(!log[0][expected].is_null(), "{}", log[0]);
        assert!(log[1]["policy-version"].is_null());
    }
}

#[test]
fn outside_lambda_it_says_what_it_is() {
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_retrier-lambda")).env_clear().output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: this is the AWS Lambda function"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
