//! Scenario files that are wrong, and what is said about them.

use codepipeline_retrier::replay::scenario::Scenario;

use super::story::Story;

const GOOD: &str = r#"scenario: 1
about: a throttled deployment
policy: |
  version: 1
  rules:
    - name: all
      match: { pipeline: "*" }
pipelines:
  - name: web
    stages:
      - name: Deploy
        actions: [{ name: Stack, category: Deploy, runs: [{ succeed: 40s }] }]
timeline:
  - { at: 0s, start: web }
expect:
  executions: { web: [Succeeded] }
"#;

/// What is said about the good file with something in it replaced.
fn said(good: &str, bad: &str) -> String {
    assert!(GOOD.contains(good), "{good}");
    Scenario::read("case", &GOOD.replacen(good, bad, 1)).unwrap_err().to_string()
}

#[test]
fn the_good_file_is_good() {
    let story = Story::of(&Scenario::read("case", GOOD).unwrap());
    assert_eq!(story.differences(), Vec::<String>::new());
}

#[test]
fn an_unknown_key_is_refused_wherever_it_stands() {
    for (good, bad) in [
        ("about:", "surprise: 1\nabout:"),
        ("- name: web", "- name: web\n    surprise: 1"),
        ("- name: Deploy", "- name: Deploy\n        surprise: 1"),
        ("category: Deploy", "category: Deploy, surprise: 1"),
        ("{ at: 0s, start: web }", "{ at: 0s, start: web, surprise: 1 }"),
        ("expect:", "expect:\n  surprise: 1"),
        ("expect:", "switches: { surprise: true }\nexpect:"),
        ("expect:", "deliveries: [{ event: 1, surprise: 1 }]\nexpect:"),
    ] {
        let message = said(good, bad);
        assert!(message.contains("unknown field `surprise`"), "{bad}: {message}");
        assert!(message.starts_with("`case` is not a scenario: "), "{message}");
    }
}

#[test]
fn a_cause_is_one_that_its_provider_knows() {
    for (provider, cause, expected) in [
        ("S3", "build: {}", "`build` is for `CodeBuild` and `Commands`, not for `S3`"),
        ("Commands", "build: { code: X }", "a run of `Commands` leaves a `log` and no more of a `build`"),
        (
            "CodeBuild",
            "deployment: { code: X }",
            "`deployment` is for `CodeDeploy` and `CodeDeployToECS`, not for `CodeBuild`",
        ),
        ("ECS", "resources: []", "`resources` is for `CloudFormation`, not for `ECS`"),
        ("Lambda", "change-set: gone", "`change-set` is for `CloudFormation`, not for `Lambda`"),
        ("CodeBuild", "build: {}, change-set: gone", "a run fails for one of `build`, `deployment`,"),
        ("CodeBuild", "build: { phase: BUILT }", "`BUILT` is not a known build phase; did you mean `BUILD`?"),
        ("CodeBuild", "build: { status: RED }", "`RED` is not a known build status"),
        ("CodeDeploy", "deployment: {}", "missing field `code`"),
        (
            "CodeDeploy",
            "deployment: { code: X, event: { name: Y, code: Z } }",
            "`Z` is not a known lifecycle error",
        ),
        ("CloudFormation", "resources: [{ name: A }]", "resource `A` needs a `type`"),
        (
            "CloudFormation",
            "resources: [{ name: A, type: B, nested: [{ name: C, type: D }] }]",
            "has nothing nested",
        ),
        ("CloudFormation", "resources: [{ name: A, type: B, status: GONE }]", "`GONE` is not a known status"),
    ] {
        let bad =
            format!("category: Deploy, provider: {provider}, runs: [{{ fail: {{ after: 1s, {cause} }} }}]");
        let message = said("category: Deploy, runs: [{ succeed: 40s }]", &bad);
        assert!(message.contains(expected), "{cause}: {message}");
    }
    assert!(said("expect:", "denied: [log]\nexpect:").contains("`log` is not a known source of evidence"));
}

#[test]
fn an_entry_has_one_act_and_one_time() {
    let entry = "{ at: 0s, start: web }";
    for (bad, expected) in [
        ("{ at: 0s, start: web, delete: web }", "it has 2 acts; give each an entry of its own"),
        ("{ at: 0s }", "it has no act, such as `start` or `retry`"),
        ("{ start: web }", "it needs either `at` or `before`"),
        ("{ at: 0s, before: { operation: retry, nth: 1 }, start: web }", "it needs either `at` or `before`"),
        ("{ before: { operation: knock, nth: 1 }, start: web }", "`knock` is not a known operation"),
        ("{ at: 0s, break: { operation: retry, nth: 1, fault: fire } }", "`fire` is not a known fault"),
        (
            "{ at: 0s, outage: { operation: knock, fault: denied, lasting: 1m } }",
            "`knock` is not a known operation",
        ),
        ("{ at: 0s, refuse-retry: NoException }", "`NoException` is not a known refusal of a retry"),
        ("{ at: 0s, deploy: {} }", "`deploy` needs either `policy` or `broken: true`"),
        ("{ at: 0s, mode: asleep }", "`asleep` is not a known mode"),
        ("{ at: 0s, start: \"a b\" }", "`a b` is "),
    ] {
        let message = said(entry, bad);
        assert!(message.starts_with("`case`: timeline entry 1: "), "{bad}: {message}");
        assert!(message.contains(expected), "{bad}: {message}");
    }
}

#[test]
fn durations_are_in_the_notation_of_policies() {
    for bad in ["40", "fast", "-1s", "1.5h", "40 s"] {
        let message = said("succeed: 40s", &format!("succeed: \"{bad}\""));
        assert!(message.contains("a duration such as `90s`, `5m`, `2h` or `1d`"), "{bad}: {message}");
    }
}

#[test]
fn a_bad_policy_is_reported_as_the_policy_file_would_be() {
    let message = said("match: { pipeline: \"*\" }", "match: { pipeline: \"*\" }\n      storm: {}");
    assert!(message.starts_with("`case`: the policy has errors\nerror["), "{message}");
    assert!(message.contains("storm"), "{message}");
    let message = said("version: 1", "version: 2");
    assert!(message.contains("the policy has errors"), "{message}");
}

#[test]
fn names_and_values_are_checked() {
    for (good, bad, expected) in [
        ("scenario: 1", "scenario: 2", "`case`: scenario format 2 is not known, only 1"),
        ("expect:", "start: yesterday\nexpect:", "`case`: `yesterday` is not an instant"),
        ("expect:", "mode: asleep\nexpect:", "`case`: `asleep` is not a known mode"),
        (
            "category: Deploy",
            "category: Hope",
            "`case`: web/Deploy/Stack: `Hope` is not a known action category",
        ),
        ("[Succeeded]", "[Fine]", "`case`: `expect`, web: `Fine` is not a known execution status"),
        (
            "expect:",
            "expect:\n  decisions: { web/Deploy: [retry/now] }",
            "`case`: `expect`, web/Deploy: `retry/now` is not a known decision",
        ),
        (
            "expect:",
            "expect:\n  decisions: { web/Deploy: [0 x wait/backoff] }",
            "`case`: `expect`, web/Deploy: `0 x wait/backoff` does not begin with a number",
        ),
        (
            "expect:",
            "expect:\n  modes: { web/Deploy: [SOME] }",
            "`case`: `expect`, web/Deploy: `SOME` is not a known retry mode",
        ),
    ] {
        let message = said(good, bad);
        assert!(message.starts_with(expected), "{bad}: {message}");
    }
    let without = GOOD.split("pipelines:").next().unwrap();
    let message = Scenario::read("case", &format!("{without}pipelines: []\ntimeline: []\n")).unwrap_err();
    assert_eq!(message.to_string(), "`case`: there is no pipeline");
}

#[test]
fn names_outside_the_fleet_are_refused() {
    let entry = "{ at: 0s, start: web }";
    for (good, bad, expected) in [
        (
            entry,
            "{ at: 0s, start: wob }",
            "the timeline starts `wob`, which is no pipeline of the scenario; ",
        ),
        (entry, "{ at: 0s, retry: { pipeline: shop, stage: Deploy } }", "the timeline retries `shop`, which"),
        (
            entry,
            "{ at: 0s, disable-transition: { pipeline: web, stage: Deplyo } }",
            "the timeline opens or closes `web/Deplyo`, but `web` has no stage `Deplyo`; did you mean `Deploy`?",
        ),
        (entry, "{ at: 0s, edit: { pipeline: wob } }", "did you mean `web`?"),
        ("executions: { web", "executions: { wob", "`expect` names `wob`, which is no pipeline of the"),
        (
            "expect:",
            "expect:\n  retries: { web/Test: 1 }",
            "`expect` names `web/Test`, but `web` has no stage",
        ),
    ] {
        let message = said(good, bad);
        assert!(message.contains(expected), "{bad}: {message}");
    }
}

#[test]
fn values_that_are_not_known_come_with_those_that_are() {
    for (good, bad, expected) in [
        (
            "category: Deploy",
            "category: Biuld",
            "web/Deploy/Stack: `Biuld` is not a known action category; did you mean `Build`?",
        ),
        ("category: Deploy", "category: Hope", "choose from `Source`, `Build`, `Test`, `Deploy`,"),
        (
            "- name: web",
            "- name: web\n    mode: LINE",
            "web: `LINE` is not a known execution mode; choose from `SUPERSEDED`,",
        ),
        (
            "- name: Deploy",
            "- name: Deploy\n        before-entry: hop",
            "web/Deploy: `hop` is not a known result of `before-entry`; ",
        ),
    ] {
        let message = said(good, bad);
        assert!(message.contains(expected), "{bad}: {message}");
    }
}

#[test]
fn a_text_that_is_no_scenario_is_called_by_its_name() {
    let message = said("about:", "abuot:");
    assert!(message.starts_with("`case` is not a scenario: line 2 column 1: "), "{message}");
    assert!(message.contains("\n --> case:2:1\n"), "{message}");
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let message = Scenario::read("case", &" ".repeat(Scenario::LARGEST + 1)).unwrap_err().to_string();
    assert_eq!(message, "`case` is larger than 1048576 bytes");
}

#[test]
fn an_act_that_codepipeline_refuses_is_reported() {
    for (entry, expected) in [
        ("{ at: 0s, delete: web }\n  - { at: 1s, start: web }", "PipelineNotFoundException"),
        ("{ at: 0s, stop: { pipeline: web } }", "PipelineExecutionNotFoundException"),
    ] {
        let text = GOOD.replacen("{ at: 0s, start: web }", entry, 1);
        let story = Story::of(&Scenario::read("case", &text).unwrap());
        let lines = story.differences();
        assert!(
            lines.iter().any(|line| line.contains("was refused") && line.contains(expected)),
            "{lines:?}"
        );
    }
}

#[test]
fn what_nobody_expected_is_reported() {
    let text = GOOD
        .replacen("{ succeed: 40s }", "{ fail: { after: 5s, message: Rate exceeded } }, { succeed: 5s }", 1)
        .replacen("{ at: 0s, start: web }", "{ at: 0s, start: web }\n  - { at: 0s, send: nonsense }", 1);
    let lines = Story::of(&Scenario::read("case", &text).unwrap()).differences();
    for expected in [
        "web/Deploy: expected 0 retries, got 1",
        "expected 0 messages to be malformed, got 1",
        "web/Deploy: nothing is expected of it, got [",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(expected)), "{expected}: {lines:?}");
    }
}
