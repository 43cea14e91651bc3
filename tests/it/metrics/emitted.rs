//! Every metric of the list is published by something that happens, and nothing else is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use codepipeline_retrier::metrics::{Dimension, METRICS, Metric, NAMESPACE, Values};
use codepipeline_retrier::replay::scenario::Scenario;
use codepipeline_retrier::telemetry::LogLevel;

use super::cloudwatch::{Cloud, Datum, Name, float};
use super::day::{POLICY, day};
use super::scene::play;

/// The scenario files of the project, by path.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// What is published over the day, and over every scenario of the project.
fn published() -> &'static Cloud {
    static ALL: OnceLock<Cloud> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Cloud::of(&day().lines);
        for file in files(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")) {
            let scenario =
                Scenario::read(&file.display().to_string(), &fs::read_to_string(&file).unwrap()).unwrap();
            all.data.extend(Cloud::of(&play(&scenario, LogLevel::Error).lines).data);
        }
        all
    })
}

/// The metric of the list that this is a value of, with that set of dimensions.
pub fn listed(name: &Name) -> Option<Metric> {
    let dimensions: BTreeSet<&str> = name.dimensions.keys().map(String::as_str).collect();
    let metric = METRICS.into_iter().find(|metric| metric.name == name.metric)?;
    let has_set = |set: &&[Dimension]| {
        set.iter().map(|dimension| dimension.name()).collect::<BTreeSet<_>>() == dimensions
    };
    metric.sets.iter().any(has_set).then_some(metric)
}

/// Whether the value may be one of that dimension.
pub fn may_be(dimension: &str, value: &str) -> bool {
    let dimension = Dimension::ALL.into_iter().find(|known| known.name() == dimension).unwrap();
    match dimension.values() {
        Values::Known(values) => values.contains(&value),
        Values::OfThePolicy => true,
    }
}

#[test]
fn everything_that_is_published_is_in_the_list_as_it_says() {
    for Datum { name, unit, .. } in &published().data {
        let metric = listed(name).unwrap_or_else(|| panic!("{name:?} is not in the list"));
        assert_eq!((name.namespace.as_str(), unit.as_deref()), (NAMESPACE, Some(metric.unit.as_str())));
        for (dimension, value) in &name.dimensions {
            assert!(may_be(dimension, value), "{name:?}");
        }
    }
}

#[test]
fn everything_in_the_list_is_published_with_every_set_of_dimensions() {
    let names = published().names();
    for metric in METRICS {
        for set in metric.sets {
            let keys: BTreeSet<&str> = set.iter().map(|dimension| dimension.name()).collect();
            let is_published = names.iter().any(|name| {
                name.metric == metric.name
                    && name.dimensions.keys().map(String::as_str).collect::<BTreeSet<_>>() == keys
            });
            assert!(is_published, "{} by {keys:?}", metric.name);
        }
    }
}

/// Beyond these the values are refused by a unit test or cannot be brought about one message at a time.
#[test]
fn values_of_dimensions_are_published_but_for_a_few() {
    const UNSEEN: [(&str, &str); 0] = [];
    let names = published().names();
    let mut unseen = Vec::new();
    for dimension in [Dimension::Verdict, Dimension::Reason, Dimension::Outcome, Dimension::Cause] {
        let Values::Known(values) = dimension.values() else { panic!("known values") };
        for value in values {
            let is_seen = names.iter().any(|name| {
                name.dimensions.get(dimension.name()).is_some_and(|published| published == value)
            });
            if !is_seen {
                unseen.push((dimension.name(), value));
            }
        }
    }
    assert_eq!(unseen, UNSEEN);
}

#[test]
fn budgets_are_those_of_the_policy() {
    let policy = codepipeline_retrier::policy_file::load("day", POLICY).policy.unwrap();
    let known: BTreeSet<&str> = (policy.rules.iter())
        .flat_map(|rule| &rule.settings.budgets)
        .map(|budget| budget.name.as_str())
        .collect();
    let cloud = Cloud::of(&day().lines);
    let told: BTreeSet<&str> =
        cloud.names().iter().filter_map(|name| name.dimensions.get("Budget")).map(String::as_str).collect();
    assert_eq!(told, known);
}

/// An ordinary message needs two lines, since it looks into two budgets, and one that comes to nothing needs none.
#[test]
fn lines_are_few_and_short() {
    let lines: Vec<&String> = day().lines.iter().filter(|line| line.contains("\"_aws\"")).collect();
    let decisions = day().lines.iter().filter(|line| line.contains("\"message\":\"decision\"")).count();
    assert!(lines.len() <= decisions * 3, "{} lines for {decisions} decisions", lines.len());
    let longest = lines.iter().map(|line| line.len()).max().unwrap();
    assert!(longest < 2_000, "{longest} bytes");
}

#[track_caller]
fn assert_same(published: f64, told: usize, what: &str) {
    assert!((published - float(told)).abs() < 0.5, "{what}: {published} published, {told} told");
}

/// What is published is what the log tells.
#[test]
fn the_counts_are_those_of_the_log() {
    let cloud = Cloud::of(&day().lines);
    let log = day().log();
    let sum = |metric: &str, dimensions: &[(&str, &str)]| {
        let name = Name::new(NAMESPACE, metric, dimensions);
        cloud.series(&name, "Sum", 86_400).values().sum::<f64>()
    };
    for verdict in ["retry", "wait", "give-up", "ignore"] {
        let told = log.iter().filter(|line| line["decision"]["verdict"] == verdict).count();
        assert_same(sum("Decisions", &[("Verdict", verdict)]), told, verdict);
        assert!(told > 0, "{verdict}");
    }
    for progress in ["recovered", "failed-again"] {
        let told = log.iter().filter(|line| line["progress"] == progress).count();
        assert_same(sum("RetriesEnded", &[("Outcome", progress)]), told, progress);
    }
    let again = log.iter().filter(|line| line["progress"] == "failed-again").count();
    assert_same(sum("FailedAgain", &[]), again, "failed again");
}
