//! What the product once did, recorded, and held against what it does now: every effect and every decision, byte for byte.
//!
//! A line of `tests/corpus` is one message handled by the production function: what it was handed, what the world answered,
//! and what it did. A line that is there is never written again. Where a change of behaviour is meant, take the lines out
//! that it concerns, and record: `RETRIER_RECORD=1 cargo nextest run corpus`, which adds one handling of every kind that is
//! not on record yet.

mod case;
mod form;
mod kinds;
mod recorder;
mod tape;
mod unswept;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use codepipeline_retrier::domain::decision::Ruling;
use serde_json::json;

use crate::figure;
use crate::scenarios::scenario_files;
use case::{Case, compare};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Every line of the corpus, with its place.
fn lines() -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        lines.extend(
            text.lines().zip(1..).map(|(line, number)| (format!("{name}:{number}"), line.to_owned())),
        );
    }
    lines
}

fn cases() -> Vec<(String, Case)> {
    let read = |(place, line): (String, String)| {
        let case = Case::read(&line).unwrap_or_else(|error| panic!("{place}{error}"));
        (place, case)
    };
    lines().into_iter().map(read).collect()
}

/// Adds a handling of every kind that is not on record.
fn add_what_is_missing() {
    let mut known: BTreeSet<String> = cases().iter().map(|(_, case)| case.kind()).collect();
    for (name, path) in scenario_files() {
        for case in recorder::record(&name, &path) {
            if known.insert(case.kind()) {
                let file = folder().join(case.file());
                let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
                writeln!(file, "{}", case.to_line()).unwrap();
            }
        }
    }
}

#[test]
fn every_recorded_handling_is_handled_the_same_today() {
    if figure::number("RETRIER_RECORD", 0) > 0 {
        add_what_is_missing();
    }
    let mut problems = Vec::new();
    for (place, case) in cases() {
        let differences = case.differences();
        if !differences.is_empty() {
            problems.push(format!("{place} ({}):\n    {}", case.name, differences.join("\n    ")));
        }
    }
    assert!(
        problems.is_empty(),
        "{} recorded handlings are handled in another way today. If that is meant, take their lines out and add new \
         ones: RETRIER_RECORD=1 cargo nextest run corpus\n{}",
        problems.len(),
        problems.join("\n")
    );
}

#[test]
fn every_ruling_and_every_effect_is_on_record() {
    let cases = cases();
    let rulings: BTreeSet<_> = cases.iter().filter_map(|(_, case)| case.ruling()).collect();
    let missing: Vec<_> =
        Ruling::ALL.iter().map(Ruling::to_string).filter(|ruling| !rulings.contains(ruling)).collect();
    assert!(missing.is_empty(), "no recording shows {missing:?}");
    let effects: BTreeSet<_> = cases.iter().flat_map(|(_, case)| case.effects()).collect();
    let known = BTreeSet::from([
        "arm",
        "call",
        "commit",
        "fence",
        "note-failure",
        "observe",
        "quarantine",
        "read-calendars",
        "read-ledger",
        "read-tags",
        "write-controls",
    ]);
    assert_eq!(effects, known);
}

#[test]
fn the_corpus_is_neat() {
    let mut names = BTreeSet::new();
    let mut bytes = 0;
    for (place, line) in lines() {
        let case = Case::read(&line).unwrap();
        bytes += line.len();
        assert_eq!(case.to_line(), line, "{place} is not written as it would be recorded");
        assert!(place.starts_with(&format!("{}:", case.file())), "{place} belongs into {}", case.file());
        assert!(names.insert(case.name.clone()), "{place}: `{}` is there twice", case.name);
    }
    assert!(bytes < 2_000_000, "the corpus has {bytes} bytes: take out what shows nothing of its own");
}

#[test]
fn what_is_recorded_is_played_back_as_it_was() {
    for (name, path) in scenario_files() {
        for case in recorder::record(&name, &path) {
            let again = Case::read(&case.to_line()).unwrap();
            assert_eq!(again, case, "{}", case.name);
            assert_eq!(again.differences(), Vec::<String>::new(), "{}", case.name);
        }
    }
}

#[test]
fn a_change_is_noticed_wherever_it_is() {
    let (_, whole) =
        cases().into_iter().find(|(_, case)| case.effects().any(|effect| effect == "call")).unwrap();
    let changed = |change: fn(&mut Case)| {
        let mut case = whole.clone();
        change(&mut case);
        case.differences()
    };
    assert_eq!(changed(|_| ()), Vec::<String>::new());
    assert_ne!(
        changed(|case| case.end["decision"]["explanation"][0]["detail"] = json!("other")),
        Vec::<String>::new()
    );
    assert_ne!(changed(|case| case.exchanges[1].asks = json!({ "observe": null })), Vec::<String>::new());
    assert_ne!(changed(|case| drop(case.exchanges.pop())), Vec::<String>::new());
    assert_ne!(changed(|case| case.exchanges.extend(case.exchanges.last().cloned())), Vec::<String>::new());
    assert_ne!(
        changed(|case| case.clock.iter_mut().for_each(|at| *at += jiff::SignedDuration::from_secs(1))),
        Vec::<String>::new()
    );
}

#[test]
fn differences_are_named_by_their_place() {
    let mut lines = Vec::new();
    let recorded = json!({ "same": 1, "list": [1, 2], "gone": true, "deep": { "a": "x" } });
    let now = json!({ "same": 1, "list": [1, 3, 4], "deep": { "a": "y", "b": null } });
    compare("end", &recorded, &now, &mut lines);
    assert_eq!(
        lines,
        [
            r#"end.deep.a: recorded "x", now "y""#,
            "end.gone: recorded true, now null",
            "end.list[1]: recorded 2, now 3",
            "end.list[2]: recorded null, now 4",
        ]
    );
}
