//! A failed stage with one member changed: which changes matter, and what is said of them.

use std::fs;

use serde_json::{Value, json};

use super::{events, in_full, single};

/// What comes out of a failed stage after the changes, each a JSON pointer and its new value.
fn outcome(changes: &[(&str, Value)]) -> String {
    let text = fs::read_to_string(events().join("stage-failed.json")).unwrap();
    let mut event: Value = serde_json::from_str(&text).unwrap();
    for (pointer, value) in changes {
        *event.pointer_mut(pointer).unwrap() = value.clone();
    }
    in_full(&single(&event.to_string()))
}

#[test]
fn the_arn_must_not_contradict_the_envelope() {
    for (arn, what) in [
        ("arn:aws:codepipeline:eu-central-1:444455556666:web-shop", "`account`"),
        ("arn:aws:codepipeline:eu-west-1:111122223333:web-shop", "`region`"),
        ("arn:aws:codepipeline:eu-central-1:111122223333:web", "`detail.pipeline`"),
        ("arn:aws-us-gov:codepipeline:eu-central-1:111122223333:web-shop", "the Region's partition"),
    ] {
        assert_eq!(
            outcome(&[("/resources/0", json!(arn))]),
            format!("malformed: `resources[0]` does not agree with {what}")
        );
    }
}

#[test]
fn a_region_is_in_one_partition() {
    for (region, partition, is_sound) in [
        ("eu-central-1", "aws", true),
        ("cn-north-1", "aws-cn", true),
        ("cn-north-1", "aws", false),
        ("cn-north-1", "aws-iso", false),
        ("us-gov-east-1", "aws-us-gov", true),
        ("us-gov-east-1", "aws", false),
        ("us-gov-east-1", "aws-cn", false),
        ("us-iso-east-1", "aws-iso", true),
        ("us-isof-south-1", "aws-iso-f", true),
    ] {
        let arn = format!("arn:{partition}:codepipeline:{region}:111122223333:web-shop");
        let outcome = outcome(&[("/region", json!(region)), ("/resources/0", json!(arn))]);
        let expected = if is_sound {
            format!("Failed {arn}/")
        } else {
            "malformed: `resources[0]` does not agree with the Region's partition".to_owned()
        };
        assert!(outcome.starts_with(&expected), "{outcome}");
    }
}

#[test]
fn without_an_arn_the_region_tells_the_partition() {
    for none in [json!(null), json!([]), json!([null])] {
        for (region, partition) in
            [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-east-1", "aws-us-gov")]
        {
            let outcome = outcome(&[("/region", json!(region)), ("/resources", none.clone())]);
            let expected = format!("Failed arn:{partition}:codepipeline:{region}:111122223333:web-shop/");
            assert!(outcome.starts_with(&expected), "{outcome}");
        }
    }
}

#[test]
fn what_identifies_the_stage_run_has_to_be_there_and_sound() {
    for pointer in [
        "/source",
        "/detail-type",
        "/account",
        "/region",
        "/time",
        "/detail",
        "/detail/state",
        "/detail/pipeline",
        "/detail/execution-id",
        "/detail/stage",
    ] {
        let path = pointer.trim_start_matches('/').replace('/', ".");
        assert_eq!(outcome(&[(pointer, json!(null))]), format!("malformed: `{path}` is missing"));
        let of_another_type = outcome(&[(pointer, json!([1]))]);
        assert!(of_another_type.starts_with(&format!("malformed: `{path}` is not ")), "{of_another_type}");
    }
    for (pointer, value) in [
        ("/account", "1234"),
        ("/region", "EU"),
        ("/time", "2026-11-22"),
        ("/detail/pipeline", ""),
        ("/detail/execution-id", "a/b"),
        ("/detail/stage", "Test\n"),
        ("/resources/0", "web-shop"),
        ("/resources", "web-shop"),
    ] {
        let outcome = outcome(&[(pointer, json!(value))]);
        assert!(outcome.starts_with("malformed: `"), "{pointer}: {outcome}");
    }
}

#[test]
fn nothing_else_matters() {
    let untouched = outcome(&[]);
    assert!(untouched.starts_with("Failed "), "{untouched}");
    for pointer in ["/version", "/id", "/detail/version", "/detail/start-time"] {
        for value in [json!(null), json!(1.5), json!("x"), json!({"a": []})] {
            assert_eq!(outcome(&[(pointer, value)]), untouched, "{pointer}");
        }
    }
}

#[test]
fn a_state_to_come_is_no_failure() {
    assert_eq!(
        outcome(&[("/detail/state", json!("SKIPPED"))]),
        "ignored stage-state: a stage in state `SKIPPED`"
    );
    assert_eq!(
        outcome(&[("/detail-type", json!("CodePipeline Rule Execution State Change"))]),
        "ignored other-detail-type: an event of type `CodePipeline Rule Execution State Change`"
    );
}
