//! `retrier demo` as people meet it.

use std::collections::BTreeSet;
use std::process::Output;

use serde_json::Value;

use crate::command::{output_with_input, retrier, shown};

fn demo(arguments: &[&str], input: &str) -> Output {
    output_with_input(&mut retrier(&[&["demo"], arguments].concat()), input.as_bytes())
}

#[test]
fn the_built_in_fleet() {
    insta::assert_snapshot!(shown(&demo(&[], "")));
}

#[test]
fn the_same_story_every_time() {
    assert_eq!(demo(&[], "").stdout, demo(&["--fast"], "").stdout);
}

#[test]
fn for_programs_it_is_one_decision_document_a_line() {
    let output = demo(&["--format", "json"], "");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let documents: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(documents.iter().all(|document| document["schema"] == 1));
    let ids: BTreeSet<_> =
        documents.iter().map(|document| document["decision-id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), documents.len(), "every decision has an id of its own");
    let retried = documents.iter().find(|document| document["verdict"] == "retry").unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(retried).unwrap());
}

const SMALL: &str = "\
scenario: 1
about: one pipeline
policy: |
  version: 1
  rules: [{ name: all, match: { pipeline: '*' } }]
pipelines:
  - name: p
    stages: [{ name: s, actions: [{ name: a, category: Build, runs: [{ succeed: 1s }] }] }]
timeline: [{ at: 0s, start: p }]
";

#[test]
fn a_scenario_of_ones_own_from_standard_input() {
    insta::assert_snapshot!(shown(&demo(&["--scenario", "-"], SMALL)));
}

#[test]
fn an_expectation_that_is_not_met_is_a_finding() {
    let scenario = format!("{SMALL}expect: {{ executions: {{ p: [Failed] }}, retries: {{ p/s: 1 }} }}\n");
    insta::assert_snapshot!(shown(&demo(&["--scenario", "-", "--fast"], &scenario)));
}

#[test]
fn scenarios_that_cannot_be_read() {
    let unknown_key = SMALL.replace("about:", "abuot:");
    let two_acts = SMALL.replace("start: p }", "start: p, delete: p }");
    let no_duration = SMALL.replace("1s", "soon");
    let bad_policy = SMALL.replace("version: 1", "version: 7");
    let cases = [
        ("not YAML", "scenario: [".to_owned()),
        ("an unknown key", unknown_key),
        ("two acts in one entry", two_acts),
        ("not a duration", no_duration),
        ("a policy with errors", bad_policy),
        ("a format of the future", SMALL.replace("scenario: 1", "scenario: 2")),
        ("a name that cannot be", SMALL.replace("name: p\n", "name: p p\n")),
        (
            "CodePipeline would refuse it",
            SMALL.replace("name: p\n", "name: p\n    mode: QUEUED\n    type: V1\n"),
        ),
    ];
    let mut shown_all = Vec::new();
    for (what, text) in cases {
        let output = demo(&["--scenario", "-"], &text);
        assert_eq!(output.status.code(), Some(2), "{what}");
        assert!(output.stdout.is_empty(), "{what}");
        shown_all.push(format!("== {what}\n{}", String::from_utf8(output.stderr).unwrap()));
    }
    insta::assert_snapshot!(shown_all.join("\n"));
}

#[test]
fn a_scenario_file_that_is_not_there() {
    insta::assert_snapshot!(shown(&demo(&["--scenario", "nowhere.yaml"], "")));
}
