//! `retrier explain` as people and scripts meet it. The files are those of `examples/explain`, edited where a test needs
//! another story.

#[cfg(all(feature = "aws", feature = "serve"))]
mod live;
mod refusals;
mod scene;

use std::fs;

use serde_json::{Value, json};

use crate::command::{output_with_input, shown};
use scene::{ALL, EXECUTION, NEWER, Scene, execution, refused};

#[test]
fn the_example() {
    insta::assert_snapshot!(shown(&Scene::new("example").explain(&ALL, &[])));
}

#[test]
fn the_example_for_programs() {
    insta::assert_snapshot!(shown(&Scene::new("json").explain(&ALL, &["--format", "json"])));
}

#[cfg(all(feature = "aws", feature = "serve"))]
#[test]
fn help() {
    insta::assert_snapshot!(shown(&Scene::new("help").run(&["--help"])));
}

#[test]
fn what_is_not_given_is_assumed_or_missed() {
    let scene = Scene::new("missing");
    for (name, files) in [
        ("event", &[][..]),
        ("state", &["state"]),
        ("actions", &["actions"]),
        ("pipeline", &["pipeline"]),
        ("state_actions", &["state", "actions"]),
        ("state_pipeline", &["state", "pipeline"]),
        ("actions_pipeline", &["actions", "pipeline"]),
    ] {
        insta::assert_snapshot!(format!("given_{name}"), shown(&scene.explain(files, &[])));
    }
}

#[test]
fn nothing_of_the_pipeline_is_assumed_when_all_is_given() {
    let scene = Scene::new("all").write("execution.json", &execution("QUEUED", 12));
    let all = ["state", "actions", "pipeline", "execution"];
    let explanation = scene.explain_as_json(&all, &["--now", "2026-11-22T10:13:02Z"]);
    let assumptions = explanation["assumptions"].as_array().unwrap();
    // Two of the product, and that nothing else would say more of why it failed.
    assert_eq!(assumptions.len(), 3, "{assumptions:#?}");
    assert!(assumptions.iter().all(|assumption| assumption["settled-by"].is_null()), "{assumptions:#?}");
}

#[test]
fn a_rule_that_looks_no_deeper_leaves_nothing_to_assume_of_what_failed() {
    let policy = |evidence: &str| {
        format!("version: 1\nrules:\n  - {{ name: all, match: {{ pipeline: '*' }}, evidence: {evidence} }}\n")
    };
    for (evidence, is_assumed) in [("state", false), ("details", true), ("logs", true)] {
        let scene = Scene::new(&format!("depth-{evidence}")).write("policy.yaml", &policy(evidence));
        let explanation = scene.explain_as_json(&["state", "actions"], &[]);
        let assumptions = explanation["assumptions"].to_string();
        assert_eq!(assumptions.contains("builds with their logs"), is_assumed, "{evidence}: {assumptions}");
    }
}

#[test]
fn whatever_suffices_to_decide_gives_the_same_decision() {
    let scene = Scene::new("same").write("execution.json", &execution("QUEUED", 12));
    let all = scene.explain_as_json(&["state", "actions", "pipeline", "execution"], &[]);
    for files in [
        &["state", "actions", "pipeline"][..],
        &["state", "actions"],
        &["actions", "pipeline"],
        &["actions"],
        &["state", "pipeline"],
        &["actions", "execution"],
    ] {
        let some = scene.explain_as_json(files, &[]);
        for key in ["decision-id", "failure-id", "explanation", "until", "then"] {
            assert_eq!(some[key], all[key], "{files:?}: {key}");
        }
    }
}

#[test]
fn an_edit_of_the_pipeline_is_told_by_the_execution() {
    let scene = Scene::new("edited").write("execution.json", &execution("QUEUED", 11));
    let files = ["state", "actions", "pipeline", "execution"];
    assert_eq!(scene.course(&files, &[]), ["ignore/structure-changed"]);
}

#[test]
fn a_compile_error_is_given_up() {
    let scene = Scene::new("compile").edit(
        "actions.json",
        "/actionExecutionDetails/0/output/executionResult/errorDetails/message",
        json!("COMMAND_EXECUTION_ERROR: Error while executing command: make. Reason: exit status 2"),
    );
    let scene =
        scene.edit("actions.json", "/actionExecutionDetails/0/input/actionTypeId/category", json!("Build"));
    let output = scene.explain(&ALL, &[]);
    assert!(!shown(&output).contains("make"), "evidence was printed: {}", shown(&output));
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn a_rollback_that_the_rule_asks_for_is_told() {
    let policy = |keys: &str| {
        format!(
            "version: 1\nrules:\n  - {{ name: all, match: {{ pipeline: '*' }}, retry-on: [throttling]{keys} }}\n"
        )
    };
    let told = |name: &str, keys: &str| {
        let scene = Scene::new(name).write("policy.yaml", &policy(keys));
        shown(&scene.explain(&ALL, &["--policy", "policy.yaml"])).contains("to be rolled back")
    };
    assert!(told("rollback", ", on-give-up: rollback"));
    assert!(!told("no-rollback", ""));
    assert!(!told("shadow-rollback", ", on-give-up: rollback, mode: shadow"));
}

#[test]
fn a_failure_that_nobody_knows_is_to_be_looked_at() {
    let scene = Scene::new("unknown")
        .edit(
            "actions.json",
            "/actionExecutionDetails/0/output/executionResult/errorDetails/message",
            json!("something went wrong"),
        )
        .edit("actions.json", "/actionExecutionDetails/0/input/actionTypeId/category", json!("Build"));
    let explanation = scene.explain_as_json(&ALL, &[]);
    assert_eq!(explanation["reason"], "not-retryable");
    assert_eq!(explanation["classes"], json!({"Browser": "unknown"}));
    let advice = explanation["advice"].as_str().unwrap();
    assert!(advice.starts_with("Look at the log: CodePipeline does not say what failed"), "{advice}");
    assert!(!advice.contains("add the class"), "{advice}");
}

#[test]
fn a_rejected_approval_is_nobodys_to_retry() {
    let scene = Scene::new("approval")
        .edit("actions.json", "/actionExecutionDetails/0/input/actionTypeId/category", json!("Approval"))
        .edit("actions.json", "/actionExecutionDetails/0/input/actionTypeId/provider", json!("Manual"));
    insta::assert_snapshot!(shown(&scene.explain(&ALL, &[])));
}

#[test]
fn a_stage_that_is_gone() {
    let scene = Scene::new("gone").edit("event.json", "/detail/stage", json!("Load"));
    insta::assert_snapshot!(shown(&scene.explain(&ALL, &[])));
    assert_eq!(scene.course(&["state"], &[]), ["ignore/stage-gone"]);
}

#[test]
fn a_stage_without_a_rule_is_left_alone() {
    let scene = Scene::new("no-rule")
        .write("policy.yaml", "version: 1\nrules:\n  - name: other\n    match: { pipeline: other }\n");
    insta::assert_snapshot!(shown(&scene.explain(&ALL, &[])));
}

#[test]
fn in_shadow_mode_the_same_is_decided_and_nothing_called() {
    let policy = "version: 1\nrules:\n  - name: trial\n    match: { pipeline: \"*\" }\n    mode: shadow\n";
    let scene = Scene::new("shadow").write("policy.yaml", policy);
    let text = shown(&scene.explain(&ALL, &[]));
    assert!(text.contains("retry/eligible: retry 1 of 2, FAILED_ACTIONS, in mode `shadow`"), "{text}");
    assert!(text.contains("outside shadow mode the stage would be retried now"), "{text}");
    assert!(!text.contains("the stage is retried now"), "{text}");
    let later = ["--now", "2026-11-22T10:20:00Z"];
    let explanation = scene.explain_as_json(&ALL, &later);
    let meaning = explanation["meaning"].as_str().unwrap();
    assert!(meaning.contains("outside shadow mode the stage would be retried now"), "{meaning}");
}

#[test]
fn time_makes_the_difference() {
    let scene = Scene::new("time");
    for (now, expected) in [
        ("2026-11-22T10:13:02Z", &["wait/backoff", "retry/eligible"][..]),
        ("2026-11-22T11:14:00+01:00", &["retry/eligible"]),
        ("2026-11-22T12:13:02Z", &["give-up/too-old"]),
    ] {
        assert_eq!(scene.course(&ALL, &["--now", now]), expected, "{now}");
    }
}

#[test]
fn the_clock_is_read_when_asked() {
    let past = "2020-01-01T00:00:00Z";
    let scene = Scene::new("clock")
        .edit("event.json", "/time", json!(past))
        .edit("actions.json", "/actionExecutionDetails/0/startTime", json!(past))
        .edit("actions.json", "/actionExecutionDetails/0/lastUpdateTime", json!(past));
    assert_eq!(scene.course(&["actions"], &["--now", "now"]), ["give-up/too-old"]);
}

#[test]
fn a_native_retry_goes_first() {
    let scene = Scene::new("native").edit(
        "pipeline.json",
        "/pipeline/stages/2",
        json!({"name": "Test", "actions": [], "onFailure": {"result": "RETRY"}}),
    );
    assert_eq!(scene.course(&ALL, &[]), ["wait/native-retry-pending", "retry/eligible"]);
    let without_history = scene.course(&["state", "pipeline"], &[]);
    assert_eq!(without_history, ["wait/cannot-verify"], "nobody tells what the actions are for");
}

#[test]
fn a_wait_without_end_ends_with_the_failures_age() {
    let scene = Scene::new("running")
        .edit("state.json", "/stageStates/2/actionStates/0/latestExecution/status", json!("InProgress"))
        .edit("actions.json", "/actionExecutionDetails/1/status", json!("InProgress"));
    insta::assert_snapshot!(shown(&scene.explain(&ALL, &[])));
}

#[test]
fn a_newer_execution_has_the_stage() {
    let scene = Scene::new("newer").edit(
        "state.json",
        "/stageStates/2/latestExecution/pipelineExecutionId",
        json!(NEWER),
    );
    insta::assert_snapshot!(shown(&scene.explain(&["state"], &[])));
    let expected = ["wait/state-unsettled", "ignore/not-latest-execution"];
    for files in [&ALL[..], &["state", "pipeline"], &["state"]] {
        assert_eq!(scene.course(files, &[]), expected, "{files:?}");
    }
}

#[test]
fn a_retry_in_the_history_is_somebodys() {
    let scene = Scene::new("somebody");
    let again = "2026-11-22T10:14:00Z";
    let run = scene.another_run("again", EXECUTION, "Failed", again, "2026-11-22T10:15:00Z");
    let scene = scene.history(vec![run]).edit("event.json", "/time", json!("2026-11-22T10:15:00Z"));
    assert_eq!(scene.course(&["actions", "pipeline"], &[]), ["ignore/retried-by-someone-else"]);
}

#[test]
fn a_retry_that_went_well_after_the_event_shows_in_the_history() {
    let scene = Scene::new("recovered");
    let again = "2026-11-22T10:14:00Z";
    let run = scene.another_run("again", EXECUTION, "Succeeded", again, "2026-11-22T10:15:00Z");
    let scene = scene.history(vec![run]);
    assert_eq!(scene.course(&["actions"], &["--now", "2026-11-22T10:20:00Z"]), ["ignore/not-failed"]);
}

#[test]
fn a_stage_failed_by_a_condition_has_nothing_to_retry() {
    let scene =
        Scene::new("condition").edit("actions.json", "/actionExecutionDetails/0/status", json!("Succeeded"));
    assert_eq!(
        scene.course(&["actions"], &[]),
        ["wait/state-unsettled", "ignore/no-failed-actions"],
        "the event says that the stage failed"
    );
}

#[test]
fn retries_that_the_state_counts_are_not_assumed_away() {
    let mut stage = Scene::new("counted").read("state.json")["stageStates"][2].clone();
    let mut course = |metadata: Value| {
        stage["retryStageMetadata"] = metadata;
        let scene = Scene::new("counted").edit("state.json", "/stageStates/2", stage.clone());
        scene.course(&["state", "pipeline"], &[])
    };
    assert_eq!(course(json!({"manualStageRetryAttempt": 1})), ["wait/cannot-verify"]);
    assert_eq!(course(json!({"autoStageRetryAttempt": 1})), ["wait/backoff", "retry/eligible"]);

    let mut detail = Scene::new("counted").read("event.json")["detail"].clone();
    detail["stage-last-retry-attempt-time"] = json!("2026-11-22T10:10:00Z");
    let scene = Scene::new("counted").edit("event.json", "/detail", detail);
    assert_eq!(scene.course(&["state", "pipeline"], &[]), ["wait/cannot-verify"]);
}

#[test]
fn a_run_from_before_the_execution_came_to_the_stage_is_not_its_own() {
    let scene = Scene::new("older")
        .edit("state.json", "/stageStates/2/actionStates/0/latestExecution/status", json!("Failed"))
        .edit(
            "state.json",
            "/stageStates/2/actionStates/0/latestExecution/lastStatusChange",
            json!("2026-11-21T16:00:00Z"),
        );
    let explanation = scene.explain_as_json(&["state", "pipeline"], &[]);
    assert_eq!(explanation["classes"], json!({"Browser": "capacity"}));
}

#[test]
fn a_parallel_pipeline_is_told_by_its_history() {
    let scene = Scene::new("parallel").edit("pipeline.json", "/pipeline/executionMode", json!("PARALLEL"));
    insta::assert_snapshot!(shown(&scene.explain(&ALL, &[])));
    assert_eq!(scene.course(&["state", "pipeline"], &[]), ["wait/cannot-verify"]);

    let late = "2026-11-22T10:12:00Z";
    let run = scene.another_run("newer", NEWER, "Succeeded", late, "2026-11-22T10:13:00Z");
    let scene = scene.history(vec![run]);
    let expected = ["wait/state-unsettled", "ignore/not-latest-execution"];
    assert_eq!(scene.course(&["actions", "pipeline"], &[]), expected);
}

/// A rule for a team, and one for everybody.
const BY_TEAM: &str = r#"
version: 1
rules:
  - name: web-team
    match: { pipeline: "*", tags: { team: [docs, "web*"], critical: "no" } }
    max-retries: 0
  - name: everything-else
    match: { pipeline: "*" }
"#;

#[test]
fn a_rule_that_asks_for_tags_is_told_them() {
    let scene = Scene::new("tags").write("policy.yaml", BY_TEAM);
    let tags = ["--tags", "team=web-shop", "--tags", "critical=no"];
    let explanation = scene.explain_as_json(&ALL, &tags);
    assert_eq!((&explanation["rule"], &explanation["reason"]), (&json!("web-team"), &json!("retries-used")));
    assert_eq!(
        explanation["explanation"][1]["detail"],
        json!(
            "rule `web-team` matches pipeline `web-shop`, stage `Test`, tag `critical: no`, tag `team: web*`"
        )
    );
    let other = scene.explain_as_json(&ALL, &["--tags", "team=web-shop", "--tags", "critical=a=b"]);
    assert_eq!(other["rule"], json!("everything-else"));
}

#[test]
fn a_rule_that_asks_for_tags_says_so() {
    let scene = Scene::new("no-tags").write("policy.yaml", BY_TEAM);
    insta::assert_snapshot!(shown(&scene.explain(&ALL, &[])));
    let refusal = refused(&scene.explain(&ALL, &["--tags", "team"]));
    assert!(refusal.contains("not a tag such as `team=web`"), "{refusal}");
}

#[test]
fn a_pipeline_in_china() {
    let scene = Scene::new("china").edit("event.json", "/region", json!("cn-north-1")).edit(
        "event.json",
        "/resources/0",
        json!("arn:aws-cn:codepipeline:cn-north-1:111122223333:web-shop"),
    );
    insta::assert_snapshot!(shown(&scene.explain(&["pipeline"], &[])));
    assert_eq!(scene.course(&ALL, &[]), ["wait/backoff", "retry/eligible"]);
}

#[test]
fn an_event_may_come_from_standard_input() {
    let scene = Scene::new("stdin");
    let event = fs::read(scene.folder.join("event.json")).unwrap();
    let mut command = scene.command(&["--event", "-", "--actions", "actions.json", "--format", "json"]);
    let output = output_with_input(&mut command, &event);
    assert_eq!(output.stdout, scene.explain(&["actions"], &["--format", "json"]).stdout);
    for second in ["--state", "--actions", "--execution", "--pipeline", "--policy"] {
        let refusal = refused(&scene.run(&["--event", "-", second, "-"]));
        assert!(refusal.contains("only one file can be read from standard input"), "{second}: {refusal}");
    }
}

#[test]
fn colour_is_for_those_who_ask() {
    let scene = Scene::new("colour");
    let arguments = ["--event", "event.json", "--actions", "actions.json"];
    let coloured = scene.command(&arguments).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(coloured.stdout.contains(&0x1b));
    let plain = scene.command(&arguments).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap();
    assert_eq!(plain.stdout, scene.run(&arguments).stdout);
    assert!(!plain.stdout.contains(&0x1b));
}
