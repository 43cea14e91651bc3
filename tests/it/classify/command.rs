//! `retrier classify` as people and scripts meet it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::case;
use crate::command::{output_with_input, retrier, shown};

fn run(arguments: &[&str], input: &str) -> std::process::Output {
    output_with_input(&mut retrier(arguments), input.as_bytes())
}

fn answers(output: &std::process::Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_log_is_answered_in_words() {
    let log = "pulling the image\ntoken=hunter2 toomanyrequests: slow down\nmake: *** Error 1\n";
    insta::assert_snapshot!(shown(&run(&["classify"], log)));
    insta::assert_snapshot!("a_log_for_programs", shown(&run(&["classify", "--format", "json", "-"], log)));
}

#[test]
fn json_lines_are_answered_in_order_and_bad_ones_are_refused() {
    let input = concat!(
        "{\"id\": \"a\", \"provider\": \"CodeDeploy\", \"category\": \"Deploy\", \"code\": \"THROTTLED\", \"message\": \"\"}\n",
        "\n",
        "{\"id\": 2, \"message\": \"assert failed\", \"category\": \"Tests\"}\n",
        "{\"id\": 3, \"message\": \"x\", \"where\": \"elsewhere\"}\n",
        "{\"id\": 4}\n",
        "not JSON\n",
        "{\"id\": 6, \"message\": 6}\n",
        "{\"message\": \"src/a.rs:1:1: error: no\", \"provider\": \"CodeBuild\", \"code\": 101, \"notes\": [1]}",
    );
    insta::assert_snapshot!(shown(&run(&["classify", "-"], input)));
    insta::assert_snapshot!("json_lines_for_people", shown(&run(&["classify", "--format", "text"], input)));
}

#[test]
fn every_case_is_answered_on_a_line_of_its_own() {
    let output = run(&["classify", "-"], &case::text_of_all());
    let answers = answers(&output);
    let cases = case::all();
    assert_eq!(answers.len(), cases.len());
    for (answer, case) in answers.iter().zip(&cases) {
        let given = (&answer["id"], &answer["class"], &answer["signature"]);
        assert_eq!(given, (&json!(case.id), &json!(case.class), &json!(case.signature)));
        assert_eq!(answer["retryable"] == json!(true), answer["group"] == json!("transient"), "{answer}");
    }
}

#[test]
fn ten_thousand_lines_are_answered() {
    let mut input = String::new();
    for number in 0..10_000 {
        let _ = writeln!(input, "{}", json!({ "id": number, "message": "Rate exceeded" }));
    }
    // From a file: answers come while the input is still being read, and would fill a pipe that nobody empties.
    let file = std::env::temp_dir().join(format!("retrier-classify-{}.jsonl", std::process::id()));
    std::fs::write(&file, input).unwrap();
    let output = retrier(&["classify", file.to_str().unwrap()]).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    let answers = answers(&output);
    assert!((0..10_000).all(|number| answers[number]["id"] == json!(number)));
    assert_eq!(answers.len(), 10_000);
}

#[test]
fn what_cannot_be_read_is_said() {
    insta::assert_snapshot!(shown(&run(&["classify", "no-such-file"], "")));
    let no_policy = run(&["classify", "--policy", "no-such-policy", "-"], "");
    insta::assert_snapshot!("classifying_with_no_such_policy", shown(&no_policy));
}

#[test]
fn nothing_is_none() {
    let output = run(&["classify", "--format", "json"], "");
    let answers = answers(&output);
    assert_eq!(answers[0]["signature"], json!("none"));
    assert_eq!(answers[0]["retryable"], json!(false));
}

#[test]
fn a_policy_tries_its_own_classifiers() {
    let file = std::env::temp_dir().join(format!("retrier-classifiers-{}.yaml", std::process::id()));
    let policy = "version: 1\nclassifiers:\n  - { name: grid-down, class: capacity, match: { provider: CodeBuild, \
                  message: 'no free (slot|node)' } }\nrules:\n  - { name: all, match: { pipeline: '*' } }\n";
    std::fs::write(&file, policy).unwrap();
    let input = r#"{"id":"a","provider":"CodeBuild","message":"expected a session, got: no free slot"}
{"id":"b","provider":"Jenkins","message":"expected a session, got: no free slot"}"#;
    let output = run(&["classify", "--policy", file.to_str().unwrap(), "-"], input);
    std::fs::remove_file(&file).unwrap();
    let told: Vec<_> = answers(&output)
        .iter()
        .map(|answer| (answer["class"].clone(), answer["signature"].clone(), answer["retryable"].clone()))
        .collect();
    assert_eq!(told[0], (json!("capacity"), json!("grid-down"), json!(true)));
    assert_ne!(told[1].1, json!("grid-down"));
}
