//! Keeps the list of figures in step with the proofs that leave them, and with the page that tells of them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::tree::{project_files, root};

fn figures() -> Vec<Value> {
    let text = fs::read_to_string(root().join("tests/tools/scoreboard.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn listed() -> BTreeSet<String> {
    let figures = figures();
    let names =
        figures.iter().map(|figure| figure["figure"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let distinct: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(distinct.len(), names.len(), "a figure is listed twice");
    distinct
}

/// The proofs and the scripts that run some, with what they say.
fn proofs() -> impl Iterator<Item = String> {
    let is_proof = |path: &str| {
        (path.starts_with("tests/it/") || path.starts_with("tests/tools/"))
            && path != "tests/it/tidy/scoreboard.rs"
            && path != "tests/tools/scoreboard.json"
    };
    project_files().into_iter().filter(move |(path, _)| is_proof(path)).map(|(_, text)| text)
}

/// The names that stand where a proof leaves a figure.
fn left() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in proofs() {
        for (index, call) in text.match_indices("figure::record(") {
            let behind = text[index + call.len()..].trim_start();
            let name = behind.strip_prefix('"').and_then(|rest| rest.split('"').next());
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

#[test]
fn every_figure_that_a_proof_leaves_is_listed() {
    let listed = listed();
    let unlisted: Vec<_> = left().into_iter().filter(|name| !listed.contains(name)).collect();
    assert!(unlisted.is_empty(), "tests/tools/scoreboard.json does not list {unlisted:?}");
}

#[test]
fn every_figure_that_is_listed_is_left_by_a_proof() {
    let texts: Vec<String> = proofs().collect();
    let is_left = |name: &String| texts.iter().any(|text| text.contains(&format!("\"{name}\"")));
    let missing: Vec<_> = listed().into_iter().filter(|name| !is_left(name)).collect();
    assert!(missing.is_empty(), "no proof leaves {missing:?}");
}

#[test]
fn what_a_figure_covers_is_there() {
    for figure in figures() {
        let covers = figure["covers"].as_array().unwrap();
        let gone = covers.iter().find(|path| !root().join(path.as_str().unwrap()).exists());
        assert_eq!(gone, None, "a change of it would go unnoticed by `{}`", figure["figure"]);
    }
}
