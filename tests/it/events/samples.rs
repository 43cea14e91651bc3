//! Sample events collected from AWS's documents and from the field, which are not part of the project. Where they are
//! present, each must come out as what it is.

use std::fs;
use std::path::{Path, PathBuf};

use super::{in_full, json_files, single};

/// Beginning of the file's name, and beginning of what comes out.
const EXPECTED: &[(&str, &str)] = &[
    (
        "e01",
        "Resumed arn:aws:codepipeline:eu-central-1:123456789012:BuildFromTag/05dafb6a-5a56-4951-a858-968795364846/Build at 2023-10-26T14:14:56Z key 2/2023-10-26T14:14:56.305Z",
    ),
    ("e02", "ignored stage-state: a stage in state `STOPPING`"),
    ("e03", "ignored never-retried: a stage in state `STOPPED` that was never retried"),
    ("e04", "ignored pipeline-event"),
    ("e05", "ignored pipeline-event"),
    ("e06", "ignored action-event"),
    ("e07", "ignored action-event"),
    ("e08", "ignored action-event"),
    ("e09", "ignored pipeline-event"),
    ("e10", "ignored action-event"),
    ("e11", "ignored pipeline-event"),
    ("e12", "ignored pipeline-event"),
    // It has no stage, which does not matter: it failed nowhere.
    ("e13", "ignored stage-state: a stage in state `STARTED`"),
    ("e14", "ignored pipeline-event"),
    ("e15", "ignored pipeline-event"),
    ("e16", "ignored stage-state: a stage in state `STARTED`"),
    ("e17", "ignored action-event"),
    ("e18", "ignored action-event"),
    ("p01", "ignored notification-rule"),
    ("p02", "ignored notification-rule"),
    ("p03", "ignored notification-rule"),
    ("p04", "ignored notification-rule"),
    ("p05", "ignored notification-rule"),
    ("p06", "ignored notification-rule"),
    ("p07", "ignored notification-rule"),
    ("p08", "ignored notification-rule"),
    ("p09", "ignored notification-rule"),
    (
        "constructed/c01",
        "Failed arn:aws:codepipeline:us-east-1:123456789012:myPipeline/12345678-1234-5678-abcd-12345678abcd/Deploy at 2026-01-01T00:00:00Z key 0/",
    ),
    (
        "constructed/c02",
        "Failed arn:aws:codepipeline:us-east-1:123456789012:myPipeline/12345678-1234-5678-abcd-12345678abcd/Deploy at 2026-01-01T00:00:00Z key 2/2026-01-01T00:05:00.000Z",
    ),
    (
        "constructed/c03",
        "Failed arn:aws-us-gov:codepipeline:us-gov-west-1:123456789012:myPipeline/12345678-1234-5678-abcd-12345678abcd/Deploy at 2026-01-01T00:00:00Z key 1/",
    ),
    (
        "constructed/c04",
        "Failed arn:aws-cn:codepipeline:cn-north-1:123456789012:myPipeline/12345678-1234-5678-abcd-12345678abcd/Deploy at 2026-01-01T00:00:00Z key 1/",
    ),
    ("constructed/c05", "ignored action-event"),
];

#[expect(
    clippy::disallowed_methods,
    reason = "the samples lie wherever the one who runs the tests keeps them"
)]
fn samples() -> Option<PathBuf> {
    let named = std::env::var_os("RETRIER_SAMPLE_EVENTS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/events");
    named.or_else(|| beside.is_dir().then_some(beside))
}

#[test]
fn every_sample_comes_out_as_what_it_is() {
    let Some(directory) = samples() else {
        println!("skipped: RETRIER_SAMPLE_EVENTS names no directory of sample events");
        return;
    };
    let mut names = json_files(&directory);
    names.extend(
        json_files(&directory.join("constructed")).into_iter().map(|name| format!("constructed/{name}")),
    );
    for (start, expected) in EXPECTED {
        let matching: Vec<&String> = names.iter().filter(|name| name.starts_with(start)).collect();
        assert_eq!(matching.len(), 1, "{start}");
        let text = fs::read_to_string(directory.join(matching[0])).unwrap();
        let actual = in_full(&single(&text));
        assert!(actual.starts_with(expected), "{start}: {actual}");
    }
    assert_eq!(names.len(), EXPECTED.len(), "samples without an expectation");
}
