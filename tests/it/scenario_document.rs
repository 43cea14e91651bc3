//! The description of the scenario file, and the examples, held against the reader: nothing in them is wrong, and nothing
//! that the reader knows is missing.

use std::fs;
use std::path::Path;

use codepipeline_retrier::emulator::codepipeline::Switches;
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::replay::expectation::Expectation;
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::scenario::Scenario;

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The scenarios that the document shows.
fn blocks(document: &str) -> Vec<&str> {
    document.split("```yaml\n").skip(1).map(|rest| rest.split_once("\n```").unwrap().0).collect()
}

/// Plays a scenario, which must come out as it says.
fn play(name: &str, text: &str) {
    let scenario = Scenario::read(name, text).unwrap_or_else(|error| panic!("{error}"));
    let mut player = Player::new(&scenario).unwrap();
    let mut found = Expectation::default();
    player.play(|moment| found.record(moment));
    found.conclude(&player.world().lock());
    if let Some(expected) = &scenario.expectation {
        assert_eq!(expected.differences(&found), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_scenario_in_the_document_can_be_played() {
    let document = text("docs/scenarios.md");
    let blocks = blocks(&document);
    assert_eq!(blocks.len(), 6);
    for (index, block) in blocks.iter().enumerate() {
        play(&format!("block {}", index + 1), block);
    }
}

#[test]
fn every_example_can_be_played_and_says_what_comes_of_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3);
    for file in files {
        let scenario = fs::read_to_string(&file).unwrap();
        assert!(scenario.contains("\nexpect:\n"), "{}", file.display());
        play(&file.display().to_string(), &scenario);
    }
}

/// Every key that the reader knows, from the types that it reads into.
fn keys() -> Vec<String> {
    let source = text("src/replay/scenario/document.rs");
    let mut keys = Vec::new();
    let mut renamed = None;
    for line in source.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("#[serde(rename = \"") {
            renamed = name.split_once('"').map(|(name, _)| name.to_owned());
        } else if let Some((name, _)) =
            line.strip_prefix("pub(super) ").and_then(|field| field.split_once(": "))
        {
            keys.push(renamed.take().unwrap_or_else(|| name.replace('_', "-")));
        }
    }
    keys.extend(["succeed", "fail", "hang"].map(str::to_owned));
    keys.sort();
    keys.dedup();
    keys
}

/// The words between back-ticks, in tables and in sentences.
fn words(document: &str) -> Vec<&str> {
    let prose = document.split("```").step_by(2);
    let code = prose.flat_map(|part| part.split('`').skip(1).step_by(2));
    code.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '-')).collect()
}

#[test]
fn every_key_of_the_reader_is_described() {
    let document = text("docs/scenarios.md");
    let words = words(&document);
    let keys = keys();
    assert!(keys.len() > 60, "only {} keys were found", keys.len());
    let missing: Vec<_> = keys.iter().filter(|key| !words.contains(&key.as_str())).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn every_key_of_the_reader_is_shown_at_work() {
    let document = text("docs/scenarios.md");
    let shown = blocks(&document).join("\n");
    let switches_in_prose = |key: &str| document.contains(&format!("| `{key}` | `"));
    let is_shown =
        |key: &str| shown.contains(&format!("{key}:")) || key == "hang" && shown.contains("- hang");
    let missing: Vec<_> =
        keys().into_iter().filter(|key| !is_shown(key) && !switches_in_prose(key)).collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_operation_and_fault_is_described() {
    let document = text("docs/scenarios.md");
    let words = words(&document);
    let names = Operation::ALL.map(Operation::as_str).into_iter().chain(Fault::ALL.map(Fault::as_str));
    for name in names {
        assert!(words.contains(&name), "{name}");
    }
}

#[test]
fn the_switches_stand_as_the_document_says() {
    let document = text("docs/scenarios.md");
    let (_, section) = document.split_once("## Switches").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('`').collect();
        line.starts_with("| `").then(|| format!("{}: {}", cells[1], cells[3]))
    });
    let rows: Vec<String> = rows.collect();
    assert_eq!(rows.len(), 11);
    let block = blocks(&document)[0];
    let switches = format!("{block}\nswitches: {{ {} }}\n", rows.join(", "));
    assert_eq!(Scenario::read("switches", &switches).unwrap().switches, Switches::default());
}

#[cfg(feature = "serve")]
#[test]
fn every_operation_of_the_http_face_is_named() {
    use codepipeline_retrier::emulator::http::operation_names;

    let document = text("docs/emulator.md");
    let (_, section) = document.split_once("## Operations\n\n").unwrap();
    let (list, _) = section.split_once(". ").unwrap();
    let named: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    assert_eq!(named, operation_names().collect::<Vec<_>>());
}
