//! `docs/queries.md`: every query answers something over a day's log, and every line has the keys that the page says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use codepipeline_retrier::telemetry::LogLevel;
use serde_json::Value as Json;

use super::day::day;
use super::insights::{Query, Row, Value, event};
use super::scene::{Fleet, Run, play};

/// Messages that only a process of its own writes, or one of another day.
const UNSEEN: [&str; 5] =
    ["ledger-trouble", "invalid-settings", "started", "policy-taken-over", "policy-packaged"];

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/queries.md")).unwrap()
}

/// The queries of the page, each with the question above it.
fn queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    let (mut question, mut open) = (String::new(), None::<String>);
    for line in page().lines() {
        match (line.strip_prefix("### "), line.starts_with("```"), open.as_mut()) {
            (Some(heading), ..) => question = heading.to_owned(),
            (_, true, None) => open = Some(String::new()),
            (_, true, Some(_)) => queries.push((question.clone(), open.take().unwrap())),
            (_, false, Some(query)) => {
                query.push_str(line);
                query.push('\n');
            }
            _ => {}
        }
    }
    queries
}

fn events() -> Vec<Row> {
    day().lines.iter().map(|line| event(line)).collect()
}

/// The answer to the question, column by column.
fn answer(question: &str) -> Vec<BTreeMap<String, String>> {
    let query = queries().into_iter().find(|(asked, _)| asked == question);
    let (_, query) = query.unwrap_or_else(|| panic!("nobody asks `{question}`"));
    let (columns, rows) = Query::read(&query).unwrap().run(&events());
    let row = |row: Vec<Value>| columns.iter().cloned().zip(row.iter().map(Value::shown)).collect();
    rows.into_iter().map(row).collect()
}

#[test]
fn every_query_has_an_answer_and_asks_for_nothing_that_there_is_not() {
    let events = events();
    let known: BTreeSet<&String> = events.iter().flat_map(Row::keys).collect();
    let queries = queries();
    assert!(queries.len() >= 15, "{} queries", queries.len());
    for (question, text) in &queries {
        let query = Query::read(text).unwrap_or_else(|error| panic!("{question}: {error}"));
        for field in query.fields() {
            assert!(known.contains(&field), "{question}: no line has `{field}`");
        }
        let (columns, rows) = query.run(&events);
        assert!(!rows.is_empty() && !columns.is_empty(), "{question}: no answer");
        assert!(rows.iter().flatten().any(|value| *value != Value::Missing), "{question}: empty cells");
    }
}

#[test]
fn the_hopeless_pipeline_is_the_one_that_is_retried_most() {
    let first = &answer("Which pipelines are retried most?")[0];
    assert_eq!(first["decision.pipeline"], "web-hopeless");
    let worst = &answer("Which pipelines do retries not help?")[0];
    assert_eq!(worst["pipeline"], "web-hopeless");
}

#[test]
fn recoveries_are_as_many_as_the_log_tells() {
    let log = day().log();
    let count = |progress: &str| log.iter().filter(|line| line["progress"] == progress).count().to_string();
    for row in answer("How many retries recover?") {
        assert_eq!(row["retries"], count(&row["progress"]), "{row:?}");
    }
}

#[test]
fn the_storm_is_seen_in_its_hour() {
    let rows = answer("Was there a storm?");
    assert!(rows.iter().any(|row| row["hour"] == "2026-03-02T15:00:00.000Z"), "{rows:?}");
}

/// The keys of each message, as the page has them.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let ticked =
        |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let page = page();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let [_, message, _, keys, ..] = cells.as_slice() else { return None };
        Some((ticked(message).into_iter().next()?, ticked(keys).into_iter().collect()))
    })
    .collect()
}

/// An event of another service, which somebody's own rule may send along.
const NO_CONCERN: &str = r#"{"version":"0","id":"6a7e8feb","detail-type":"Object Created","source":"aws.s3","account":"111122223333","time":"2026-03-02T09:00:00Z","region":"eu-central-1","resources":[],"detail":{}}"#;

#[test]
fn every_line_has_the_keys_that_the_page_says_and_every_key_is_in_some_line() {
    let always = ["timestamp", "level", "message"];
    let documented = documented();
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let fleet = Fleet {
        policy: "version: 1\nrules:\n  - { name: all, match: { pipeline: \"*\" } }\n",
        keys: "lasting: 1h",
        pipelines: vec![("web".to_owned(), vec![Run::Fails("Rate exceeded"), Run::Fine])],
        timeline: vec![(2, format!("send: '{NO_CONCERN}'"))],
    };
    let debug = play(&fleet.starting([0_i64].into_iter()).scenario(), LogLevel::Debug);
    for line in day().log().iter().chain(&debug.log()).filter(|line| line.get("_aws").is_none()) {
        let message = line["message"].as_str().unwrap().to_owned();
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        let known = documented.get(&message).unwrap_or_else(|| panic!("`{message}` is not documented"));
        for key in line.as_object().unwrap().keys().filter(|key| !always.contains(&key.as_str())) {
            assert!(known.contains(key), "`{message}` has `{key}`, which is not documented");
            seen.entry(message.clone()).or_default().insert(key.clone());
        }
    }
    for (message, keys) in documented {
        let is_unseen = UNSEEN.contains(&message.as_str());
        assert_eq!(seen.get(&message), Some(&keys).filter(|_| !is_unseen), "`{message}`");
    }
}

/// A decision is one line, and one document.
#[test]
fn a_decision_is_one_line() {
    let log = day().log();
    let decisions: Vec<&Json> = log.iter().filter(|line| line["message"] == "decision").collect();
    assert!(decisions.len() > 300);
    for line in decisions {
        let decision = &line["decision"];
        for key in ["decision-id", "verdict", "reason", "pipeline", "stage", "execution-id", "explanation"] {
            assert!(!decision[key].is_null(), "{key}: {line}");
        }
    }
}
