//! The dashboard: what its widgets show exists, they fit together, and they can be looked at.
//!
//! `cargo nextest run metrics::dashboard` writes `target/dashboard.html`, which a browser shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use codepipeline_retrier::metrics::{METRICS, NAMESPACE};
use serde_json::Value;

use super::alarm::Alarm;
use super::alarms::alarms;
use super::cloudwatch::Name;
use super::day::{cloud, day};
use super::drawing::page;
use super::emitted::{listed, may_be};
use super::lines::{lines, named, searched};
use crate::stack::template::{HOME, resources, translated};

/// What services publish, and by which dimension.
const OF_SERVICES: [(&str, &str, &str); 7] = [
    ("AWS/Lambda", "Invocations", "FunctionName"),
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/Lambda", "Throttles", "FunctionName"),
    ("AWS/Lambda", "Duration", "FunctionName"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
    ("AWS/SQS", "ApproximateNumberOfMessagesDelayed", "QueueName"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName"),
];

fn widgets() -> Vec<Value> {
    let all = resources(&translated(), HOME, &[]);
    let body = all["Dashboard"]["Properties"]["DashboardBody"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    body["widgets"].as_array().unwrap().clone()
}

fn charts() -> Vec<Value> {
    widgets().into_iter().filter(|widget| widget["type"] == "metric").collect()
}

fn exists(name: &Name) -> bool {
    if name.namespace != NAMESPACE {
        let dimensions: Vec<&str> = name.dimensions.keys().map(String::as_str).collect();
        return OF_SERVICES.iter().any(|(namespace, metric, dimension)| {
            (*namespace, *metric, vec![*dimension])
                == (name.namespace.as_str(), name.metric.as_str(), dimensions.clone())
        });
    }
    listed(name).is_some() && name.dimensions.iter().all(|(dimension, value)| may_be(dimension, value))
}

#[test]
fn everything_that_a_widget_asks_for_exists() {
    for widget in charts() {
        let title = &widget["properties"]["title"];
        for entry in widget["properties"]["metrics"].as_array().unwrap() {
            let Some((search, _)) = searched(entry) else {
                assert!(exists(&named(entry).0), "{title}: {entry}");
                continue;
            };
            let metric = METRICS.into_iter().find(|metric| metric.name == search.metric());
            let sets = metric.unwrap_or_else(|| panic!("{title}: {entry}")).sets;
            let asked: BTreeSet<&str> = search.dimensions.iter().map(String::as_str).collect();
            let has_set = sets
                .iter()
                .any(|set| set.iter().map(|dimension| dimension.name()).collect::<BTreeSet<_>>() == asked);
            assert!(has_set && search.namespace == NAMESPACE, "{title}: {entry}");
            for (term, value) in search.terms.iter().filter(|(term, _)| term != "MetricName") {
                assert!(may_be(term, value), "{title}: {entry}");
            }
        }
    }
}

#[test]
fn every_metric_of_the_list_is_shown() {
    let mut shown = BTreeSet::new();
    for widget in charts() {
        for entry in widget["properties"]["metrics"].as_array().unwrap() {
            shown.insert(match searched(entry) {
                Some((search, _)) => search.metric().to_owned(),
                None => named(entry).0.metric,
            });
        }
    }
    let missing: Vec<&str> =
        METRICS.iter().map(|metric| metric.name).filter(|name| !shown.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_alarm_is_on_it() {
    let widget = widgets().into_iter().find(|widget| widget["type"] == "alarm").unwrap();
    let listed: BTreeSet<String> = (widget["properties"]["alarms"].as_array().unwrap().iter())
        .map(|arn| arn.as_str().unwrap().rsplit(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(listed, alarms().into_keys().collect());
}

/// A grid of 24 columns (CloudWatch API reference, *Dashboard body structure*).
#[test]
fn widgets_fill_the_grid_and_lie_side_by_side() {
    let mut cells: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for (index, widget) in widgets().iter().enumerate() {
        let number = |name: &str| widget[name].as_u64().unwrap();
        assert!(number("x") + number("width") <= 24, "{widget}");
        for x in number("x")..number("x") + number("width") {
            for y in number("y")..number("y") + number("height") {
                assert_eq!(cells.insert((x, y), index), None, "{widget} lies on another");
            }
        }
    }
    let rows = cells.keys().map(|(_, y)| y).max().unwrap() + 1;
    assert_eq!(cells.len() as u64, rows * 24, "there are holes in it");
}

#[test]
fn every_widget_shows_something_and_can_be_looked_at() {
    let cloud = cloud("RetrierFunction", "Queue", "DeadLetterQueue");
    for widget in charts() {
        let properties = &widget["properties"];
        let shown = lines(properties, &cloud);
        assert!(shown.iter().any(|line| !line.points.is_empty()), "{}", properties["title"]);
        let mut labels: Vec<&str> = shown.iter().map(|line| line.label.as_str()).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), shown.len(), "{}: two lines have one label", properties["title"]);
        assert!(properties["yAxis"]["left"]["label"].is_string(), "{}", properties["title"]);
    }
    let states: BTreeMap<String, bool> = (alarms().into_iter())
        .map(|(name, properties)| {
            let alarm = Alarm::of(&properties);
            let went_off = !alarm.changes(&cloud, day().from, day().to).is_empty();
            (name, went_off)
        })
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("dashboard.html"), page(&widgets(), &cloud, &states, day())).unwrap();
}
