//! Keeps the list of figures in step with the proofs that leave them, and with the page that tells of them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::tree::{project_files, root};

fn listed() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("tests/tools/scoreboard.json")).unwrap();
    let figures: Vec<Value> = serde_json::from_str(&text).unwrap();
    let names =
        figures.iter().map(|figure| figure["figure"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let distinct: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(distinct.len(), names.len(), "a figure is listed twice");
    distinct
}

/// The names under which tests and scripts leave figures.
fn left() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (path, text) in project_files() {
        let is_proof = path.starts_with("tests/it/") || path.starts_with("tests/tools/");
        if !is_proof || path == "tests/it/tidy/scoreboard.rs" || !text.contains("figure::") {
            continue;
        }
        for (index, _) in text.match_indices("record(") {
            let behind = text[index + "record(".len()..].trim_start();
            if let Some(name) = behind.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn every_figure_is_listed_and_measured() {
    assert_eq!(listed(), left(), "tests/tools/scoreboard.json, and the figures that proofs leave");
}
