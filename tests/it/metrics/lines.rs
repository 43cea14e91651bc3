//! The lines of a dashboard's widget: what its metrics and searches are over a time.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cloudwatch::{Cloud, Name};

/// One line of a chart.
#[derive(Debug, Clone)]
pub struct Line {
    pub label: String,
    pub color: Option<String>,
    /// Whether it belongs to the axis on the right.
    pub is_right: bool,
    /// In seconds.
    pub period: i64,
    /// By the beginning of each period, in seconds.
    pub points: BTreeMap<i64, f64>,
}

/// `SEARCH('{namespace,dimension,…} MetricName="…" Dimension="…"', 'statistic', period)`, as far as the dashboard uses it.
#[derive(Debug)]
pub struct Search {
    pub namespace: String,
    pub dimensions: Vec<String>,
    pub terms: Vec<(String, String)>,
    pub statistic: String,
    pub period: i64,
}

impl Search {
    pub fn read(expression: &str) -> Self {
        let inner = expression.strip_prefix("SEARCH('").and_then(|rest| rest.strip_suffix(')'));
        let inner = inner.unwrap_or_else(|| panic!("`{expression}` is not known here"));
        let mut parts = inner.rsplitn(3, ", ");
        let (period, statistic, query) = (parts.next(), parts.next(), parts.next());
        let query = query.and_then(|query| query.strip_suffix('\''));
        let query = query.unwrap_or_else(|| panic!("`{expression}` is not known here"));
        let (schema, terms) = query.strip_prefix('{').and_then(|rest| rest.split_once('}')).unwrap();
        let mut names = schema.split(',').map(str::to_owned);
        let terms = terms.split_whitespace().map(|term| {
            let (name, value) = term.split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('"').to_owned())
        });
        Self {
            namespace: names.next().unwrap(),
            dimensions: names.collect(),
            terms: terms.collect(),
            statistic: statistic.unwrap().trim_matches('\'').to_owned(),
            period: period.unwrap().parse().unwrap(),
        }
    }

    /// The metric that it asks for.
    pub fn metric(&self) -> &str {
        let term = self.terms.iter().find(|(name, _)| name == "MetricName");
        &term.expect("a search names its metric").1
    }

    fn finds(&self, name: &Name) -> bool {
        name.namespace == self.namespace
            && name.dimensions.len() == self.dimensions.len()
            && self.dimensions.iter().all(|dimension| name.dimensions.contains_key(dimension))
            && self.terms.iter().all(|(term, value)| match term.as_str() {
                "MetricName" => name.metric == *value,
                dimension => name.dimensions.get(dimension) == Some(value),
            })
    }
}

/// The metric that an entry of a widget names, and its options.
pub fn named(entry: &Value) -> (Name, Value) {
    let mut parts = entry.as_array().unwrap().clone();
    let options = parts.pop_if(|last| last.is_object()).unwrap_or(Value::Null);
    let texts: Vec<&str> = parts.iter().map(|part| part.as_str().unwrap()).collect();
    let [namespace, metric, dimensions @ ..] = texts.as_slice() else { panic!("{entry}") };
    let dimensions: Vec<(&str, &str)> =
        dimensions.chunks(2).map(|pair| (pair[0], *pair.get(1).expect("a dimension has a value"))).collect();
    (Name::new(namespace, metric, &dimensions), options)
}

/// The search that an entry of a widget is, if it is one.
pub fn searched(entry: &Value) -> Option<(Search, Value)> {
    let options = entry.as_array()?.first()?;
    Some((Search::read(options.get("expression")?.as_str()?), options.clone()))
}

/// What a widget shows.
pub fn lines(properties: &Value, cloud: &Cloud) -> Vec<Line> {
    let option = |options: &Value, name: &str| -> Option<String> {
        options.get(name).or_else(|| properties.get(name))?.as_str().map(str::to_owned)
    };
    let is_right = |options: &Value| options.get("yAxis").is_some_and(|axis| axis == "right");
    let period = properties["period"].as_i64().unwrap();
    let mut lines = Vec::new();
    for entry in properties["metrics"].as_array().unwrap() {
        if let Some((search, options)) = searched(entry) {
            for name in cloud.names().into_iter().filter(|name| search.finds(name)) {
                let mut label = option(&options, "label").unwrap();
                for (dimension, value) in &name.dimensions {
                    label = label.replace(&format!("${{PROP('Dim.{dimension}')}}"), value);
                }
                let points = cloud.series(name, &search.statistic, search.period);
                lines.push(Line {
                    label,
                    color: None,
                    is_right: is_right(&options),
                    period: search.period,
                    points,
                });
            }
        } else {
            let (name, options) = named(entry);
            let points = cloud.series(&name, &option(&options, "stat").unwrap(), period);
            lines.push(Line {
                label: option(&options, "label").unwrap_or(name.metric),
                color: option(&options, "color"),
                is_right: is_right(&options),
                period,
                points,
            });
        }
    }
    lines
}
