//! `retrier test`: the shipped cases, cases that fail, and files that cannot be read, by the real binary.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use proptest::prelude::*;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use serde_json::Value;

use codepipeline_retrier::replay::cases::Cases;

use crate::command::{retrier, shown};

/// A folder of its own with these files in it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("retrier-cases-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        for (file, text) in files {
            fs::write(path.join(file), text).unwrap();
        }
        Self(path)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        retrier(arguments).current_dir(&self.0).output().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const POLICY: &str = "version: 1\nrules:\n  - name: prod\n    match: { stage: Prod }\n    max-retries: 1\n  - name: everything\n    match: { pipeline: '*' }\n";

const CASES: &str = "
cases: 1
tests:
  - name: this one passes
    stage: shop/Test
    message: Rate exceeded
    expect: retry/eligible
  - name: this one fails
    stage: shop/Test
    log: 'error[E0425]: cannot find value `x` in this scope'
    expect: { decision: retry, class: network, after: 1m..2m, retry: 2 }
  - name: this one asks for a budget that is not there
    stage: shop/Test
    class: network
    budgets: { production: 0 }
    expect: give-up
";

#[test]
fn the_shipped_cases_pass_and_leave_no_rule_out() {
    let output = retrier(&["test", "examples/cases", "--strict"]).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert!(output.stderr.is_empty(), "{}", shown(&output));
}

/// The keys of the format, as the reader itself lists them where it meets one that it does not know.
fn keys() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let case = "name: a\n    stage: a/b\n    expect: ";
    for text in [
        "cases: 1\nbogus: 1\n".to_owned(),
        format!("cases: 1\ntests:\n  - bogus: 1\n    {case}retry\n"),
        format!("cases: 1\ntests:\n  - {case}retry\n    history: {{ bogus: 1 }}\n"),
        format!("cases: 1\ntests:\n  - {case}retry\n    actions: [{{ bogus: 1 }}]\n"),
        format!("cases: 1\ntests:\n  - {case}{{ bogus: 1 }}\n"),
    ] {
        let message = Cases::read("cases", &text).unwrap_err().to_string();
        let (_, known) = message.split_once("expected one of ").unwrap_or_else(|| panic!("{message}"));
        let known = known.lines().next().unwrap();
        let words = known.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        keys.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    assert!(keys.len() > 35, "{keys:?}");
    keys
}

#[test]
fn every_key_has_an_example_and_a_place_on_the_page() {
    let page = fs::read_to_string("docs/policy-cases.md").unwrap();
    let examples: String = ["classes", "people", "production"]
        .map(|name| fs::read_to_string(format!("examples/cases/{name}.yaml")).unwrap())
        .concat();
    for key in keys() {
        assert!(page.contains(&format!("`{key}`")), "docs/policy-cases.md says nothing of `{key}`");
        assert!(examples.contains(&format!("{key}:")), "no example has `{key}`");
    }
}

#[test]
fn a_case_that_fails_says_what_came_and_where_it_was_decided() {
    let folder = Folder::new("fails", &[("policy.yaml", POLICY), ("cases.yaml", CASES)]);
    let output = folder.run(&["test", "cases.yaml", "--junit", "results.xml"]);
    insta::assert_snapshot!(shown(&output));
    let xml = fs::read_to_string(folder.0.join("results.xml")).unwrap();
    let report = Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (3, 1, 1));
    let failed = &report.test_suites[0].test_cases[1];
    assert!(
        matches!(&failed.status, TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, message: Some(message), .. }
        if message.contains("got give-up/not-retryable")),
        "{failed:?}"
    );
}

#[test]
fn the_whole_decision_is_shown_where_it_is_asked_for() {
    let folder = Folder::new("explain", &[("policy.yaml", POLICY), ("cases.yaml", CASES)]);
    let output = folder.run(&["test", "cases.yaml", "--filter", "one fails", "--explain"]);
    let text = shown(&output);
    assert!(text.contains("pass  stage-state") && text.contains("stop  class"), "{text}");
    assert!(text.contains("1 case: 0 passed, 1 failed"), "{text}");
}

#[test]
fn json_has_every_case_with_its_decision() {
    let folder = Folder::new("json", &[("policy.yaml", POLICY), ("cases.yaml", CASES)]);
    let output = folder.run(&["test", ".", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&document["schema"], &document["passed"], &document["failed"]),
        (&1.into(), &1.into(), &2.into())
    );
    let cases = document["cases"].as_array().unwrap();
    assert_eq!(cases[0]["decision"]["verdict"], "retry");
    assert_eq!(cases[1]["differences"][0]["what"], "decision");
    assert_eq!(cases[2]["problem"], "rule `everything` takes no token of a budget `production`");
    assert_eq!(document["rules-without-case"][0]["rule"], "prod");
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let typo =
        "cases: 1\ntests:\n  - name: a\n    stage: shop/Test\n    mesage: Rate exceeded\n    expect: retry\n";
    let files = [
        ("policy.yaml", POLICY),
        ("typo.yaml", typo),
        ("stage.yaml", "cases: 1\ntests:\n  - { name: a, stage: shop, expect: retry }\n"),
        (
            "decision.yaml",
            "cases: 1\ntests:\n  - { name: a, stage: shop/Test, expect: give-up/not-retriable }\n",
        ),
        (
            "twice.yaml",
            "cases: 1\ntests:\n  - { name: a, stage: a/b, expect: retry }\n  - { name: a, stage: a/b, expect: retry }\n",
        ),
        (
            "both.yaml",
            "cases: 1\ntests:\n  - { name: a, stage: a/b, class: network, message: x, expect: retry }\n",
        ),
        ("none.yaml", "cases: 1\ntests: []\n"),
        ("newer.yaml", "cases: 2\ntests:\n  - { name: a, stage: a/b, expect: retry }\n"),
        (
            "expect.yaml",
            "cases: 1\ntests:\n  - { name: a, stage: a/b, expect: { decision: retry, clas: network } }\n",
        ),
        ("list.yaml", "cases: 1\ntests:\n  - { name: a, stage: a/b, expect: [retry] }\n"),
        ("length.yaml", "cases: 1\ntests:\n  - { name: a, stage: a/b, age: soon, expect: retry }\n"),
    ];
    let folder = Folder::new("refused", &files);
    let mut all = String::new();
    for (file, _) in &files[1..] {
        let output = folder.run(&["test", file]);
        assert_eq!(output.status.code(), Some(2), "{file}: {}", shown(&output));
        all += &[file, "\n", &String::from_utf8(output.stderr).unwrap(), "\n"].concat();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_policy_that_does_not_compile_is_shown_with_its_findings() {
    let folder = Folder::new("policy", &[("policy.yaml", "version: 1\nrules: []\n"), ("cases.yaml", CASES)]);
    let output = folder.run(&["test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("policy.yaml:2"), "{}", shown(&output));
    let empty = Folder::new("empty", &[("policy.yaml", POLICY)]);
    let output = empty.run(&["test", "."]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
}

proptest! {
    #[test]
    fn whatever_is_in_a_file_is_read_or_refused(text in "[ -~\n]{0,200}") {
        let _ = Cases::read("any", &text);
        let _ = Cases::read("any", &format!("cases: 1\ntests:\n  - name: a\n    stage: a/b\n    expect: retry\n    {text}"));
    }
}
