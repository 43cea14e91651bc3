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

/// What is told of one of the scenarios that the product is tested by.
fn told(scenario: &str) -> String {
    let file = format!("tests/scenarios/{scenario}.yaml");
    let output = demo(&["--scenario", &file], "");
    assert_eq!(output.status.code(), Some(0), "{scenario}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_not_the_products_doing_is_not_told_as_such() {
    for (name, scenario) in [
        ("a_retry_in_shadow", "budgets/shadow-pays-from-its-own"),
        ("green_by_a_newer_execution", "modes/superseded-before-the-stage"),
        ("rolled_back", "people/rolled-back-by-itself"),
        ("stopped_by_a_person", "people/stopped-during-our-retry"),
    ] {
        insta::assert_snapshot!(name, told(scenario));
    }
}

#[test]
fn a_retry_whose_caller_died_is_told_when_it_is_found() {
    insta::assert_snapshot!(told("crashes/after-call"));
}

/// A copy of an event that is waited upon is decided without a look at the failure.
#[test]
fn a_copy_of_an_event_is_told_with_its_reason() {
    let output = demo(&["--scenario", "examples/scenarios/bad-day.yaml"], "");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("backoff until 09:00:55: this event is being waited upon already\n"), "{told}");
    assert!(told.lines().all(|line| !line.trim_end().ends_with(':')), "{told}");
}

#[test]
fn a_pause_is_told_once_a_line() {
    insta::assert_snapshot!(told("pauses/during-the-wait"));
}

#[test]
fn another_day_is_told() {
    insta::assert_snapshot!(told("events/late-by-54-hours"));
}

#[test]
fn help() {
    insta::assert_snapshot!(shown(&demo(&["--help"], "")));
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
