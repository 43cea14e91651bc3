//! What `retrier explain` cannot explain: exit code, nothing on standard output, and what is wrong.

use std::fs;

use serde_json::json;

use super::scene::{ALL, EXECUTION, NEWER, Scene, execution, refused};

#[test]
fn events_that_are_no_failures() {
    let scene = Scene::new("no-failure");
    for name in [
        "pipeline-failed",
        "stage-succeeded-after-retry",
        "stage-succeeded-first-try",
        "retry-due",
        "sqs-batch",
        "malformed-no-stage",
        "malformed-truncated",
    ] {
        fs::copy(format!("events/{name}.json"), scene.folder.join("event.json")).unwrap();
        let output = refused(&scene.explain(&ALL, &[]));
        insta::assert_snapshot!(format!("event_{}", name.replace('-', "_")), output);
    }
}

#[test]
fn files_that_cannot_be_used() {
    let other = json!({"pipeline": {"name": "other", "version": 1, "stages": []}}).to_string();
    for (name, scene) in [
        ("broken_json", Scene::new("broken-json").write("state.json", "{\"pipelineVersion\": 12,")),
        ("wrong_answer", Scene::new("wrong-answer").write("state.json", &other)),
        ("no_text", {
            let scene = Scene::new("no-text");
            fs::write(scene.folder.join("state.json"), b"\xff\xfe").unwrap();
            scene
        }),
        ("other_pipeline", Scene::new("other-pipeline").write("pipeline.json", &other)),
        (
            "other_state",
            Scene::new("other-state").edit("state.json", "/pipelineName", json!("`other`\u{1b}[2J")),
        ),
        ("other_execution", Scene::new("unusable").edit("event.json", "/detail/execution-id", json!(NEWER))),
    ] {
        insta::assert_snapshot!(format!("unusable_{name}"), refused(&scene.explain(&ALL, &[])));
    }
    let other = execution("QUEUED", 12).replace(EXECUTION, NEWER);
    let scene = Scene::new("unusable").write("execution.json", &other);
    insta::assert_snapshot!("unusable_execution", refused(&scene.explain(&["execution"], &[])));
}

#[test]
fn files_that_are_not_there_or_never_end() {
    let scene = Scene::new("absent");
    insta::assert_snapshot!("absent_event", refused(&scene.run(&["--event", "nothing.json"])));
    insta::assert_snapshot!("absent_state", refused(&scene.explain(&[], &["--state", "nothing.json"])));
    let endless = refused(&scene.explain(&[], &["--state", "/dev/zero"]));
    assert!(endless.contains("`/dev/zero` is larger than 64 MiB"), "{endless}");
    fs::remove_file(scene.folder.join("policy.yaml")).unwrap();
    insta::assert_snapshot!("absent_policy", refused(&scene.explain(&ALL, &[])));
}

#[test]
fn a_bad_policy_is_shown_with_its_findings() {
    let scene =
        Scene::new("policy").write("policy.yaml", "version: 1\nrules:\n  - name: a\n    max-retry: 3\n");
    insta::assert_snapshot!(refused(&scene.explain(&ALL, &["--format", "json"])));
}

#[test]
fn times_that_make_no_sense() {
    let scene = Scene::new("times");
    for (name, now) in [("before", "2026-11-22T10:13:01Z"), ("words", "yesterday")] {
        insta::assert_snapshot!(format!("time_{name}"), refused(&scene.explain(&ALL, &["--now", now])));
    }
}
