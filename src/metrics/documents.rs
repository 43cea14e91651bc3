//! Values of metrics, and the lines that carry them: CloudWatch's embedded metric format
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
//!
//! A line names each metric and each dimension once, so values go into one line as far as they agree, and into another
//! where they do not. An ordinary invocation needs one or two.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::list::{Dimension, Metric, NAMESPACE, Unit};

/// Most values of one metric in one line, as the format has it.
const MOST_VALUES: usize = 100;

/// Dimensions with their values.
type Place = BTreeMap<Dimension, String>;

/// Values to be published.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    all: BTreeMap<(Metric, Place), Vec<i64>>,
}

impl Samples {
    /// Adds to a number of things; nothing where there are none.
    pub(super) fn count(&mut self, metric: Metric, at: &[(Dimension, &str)], count: i64) {
        if count == 0 {
            return;
        }
        match self.at(metric, at).as_mut_slice() {
            [sum] => *sum += count,
            _ => self.value(metric, at, count),
        }
    }

    /// Adds one value among others.
    pub(super) fn value(&mut self, metric: Metric, at: &[(Dimension, &str)], value: i64) {
        self.at(metric, at).push(value);
    }

    fn at(&mut self, metric: Metric, at: &[(Dimension, &str)]) -> &mut Vec<i64> {
        let place = at.iter().map(|(dimension, value)| (*dimension, (*value).to_owned())).collect();
        self.all.entry((metric, place)).or_default()
    }
}

/// One line in the making.
#[derive(Default)]
struct Line {
    place: Place,
    metrics: Vec<(Metric, Vec<Vec<Dimension>>, Vec<i64>)>,
}

impl Line {
    /// Takes the values in, if nothing in the line says otherwise.
    fn takes(&mut self, metric: Metric, place: &Place, values: &[i64]) -> bool {
        let agrees = place
            .iter()
            .all(|(dimension, value)| self.place.get(dimension).is_none_or(|known| known == value));
        let set: Vec<Dimension> = place.keys().copied().collect();
        let same = self.metrics.iter_mut().find(|(known, ..)| *known == metric);
        match same {
            _ if !agrees => return false,
            Some((_, sets, known)) if known == values && !sets.contains(&set) => sets.push(set),
            Some(_) => return false,
            None => self.metrics.push((metric, vec![set], values.to_vec())),
        }
        self.place.extend(place.iter().map(|(dimension, value)| (*dimension, value.clone())));
        true
    }

    fn document(self, now: Timestamp) -> Map<String, Value> {
        // Metrics with the same dimensions share a directive.
        let mut directives: BTreeMap<Vec<Vec<&str>>, Vec<Value>> = BTreeMap::new();
        let mut members = Map::new();
        for (dimension, value) in self.place {
            members.insert(dimension.name().to_owned(), value.into());
        }
        for (metric, sets, values) in self.metrics {
            let sets =
                sets.iter().map(|set| set.iter().map(|dimension| dimension.name()).collect()).collect();
            let definition = json!({ "Name": metric.name, "Unit": Unit::as_str(metric.unit) });
            directives.entry(sets).or_default().push(definition);
            let value = match values.as_slice() {
                [one] => json!(one),
                many => json!(many),
            };
            members.insert(metric.name.to_owned(), value);
        }
        let directives: Vec<Value> = (directives.into_iter())
            .map(|(sets, metrics)| json!({ "Namespace": NAMESPACE, "Dimensions": sets, "Metrics": metrics }))
            .collect();
        let metadata = json!({ "Timestamp": now.as_millisecond(), "CloudWatchMetrics": directives });
        let mut document = Map::from_iter([("_aws".to_owned(), metadata)]);
        document.extend(members);
        document
    }
}

/// The lines that carry these values, as few as the format allows; none where there is nothing to tell.
pub fn documents(samples: &Samples, now: Timestamp) -> Vec<Map<String, Value>> {
    let mut lines: Vec<Line> = Vec::new();
    for ((metric, place), values) in &samples.all {
        for values in values.chunks(MOST_VALUES) {
            if !lines.iter_mut().any(|line| line.takes(*metric, place, values)) {
                let mut line = Line::default();
                line.takes(*metric, place, values);
                lines.push(line);
            }
        }
    }
    lines.into_iter().map(|line| line.document(now)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::list::{DECISIONS, RECOVERY_SECONDS, RETRIES};
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_795_000_000).unwrap()
    }

    fn decided(samples: &mut Samples, verdict: &str, reason: &str) {
        samples.count(DECISIONS, &[(Dimension::Verdict, verdict)], 1);
        samples.count(DECISIONS, &[(Dimension::Verdict, verdict), (Dimension::Reason, reason)], 1);
    }

    #[test]
    fn nothing_to_count_is_no_line() {
        let mut samples = Samples::default();
        samples.count(RETRIES, &[], 0);
        assert_eq!(documents(&samples, now()), Vec::new());
    }

    #[test]
    fn what_agrees_shares_a_line() {
        let mut samples = Samples::default();
        decided(&mut samples, "retry", "eligible");
        samples.count(RETRIES, &[], 1);
        samples.count(RETRIES, &[(Dimension::Class, "network")], 1);
        samples.value(RECOVERY_SECONDS, &[], 90);
        let lines = documents(&samples, now());
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let expected = json!({
            "_aws": {
                "Timestamp": 1_795_000_000_000_i64,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "CodePipelineRetrier", "Dimensions": [[]],
                        "Metrics": [{ "Name": "RecoverySeconds", "Unit": "Seconds" }],
                    },
                    {
                        "Namespace": "CodePipelineRetrier", "Dimensions": [[], ["Class"]],
                        "Metrics": [{ "Name": "Retries", "Unit": "Count" }],
                    },
                    {
                        "Namespace": "CodePipelineRetrier", "Dimensions": [["Verdict"], ["Verdict", "Reason"]],
                        "Metrics": [{ "Name": "Decisions", "Unit": "Count" }],
                    },
                ],
            },
            "Verdict": "retry", "Reason": "eligible", "Class": "network",
            "Decisions": 1, "Retries": 1, "RecoverySeconds": 90,
        });
        assert_eq!(Value::Object(line.clone()), expected);
    }

    #[test]
    fn what_does_not_agree_has_a_line_of_its_own() {
        let mut samples = Samples::default();
        decided(&mut samples, "wait", "backoff");
        decided(&mut samples, "wait", "backoff");
        decided(&mut samples, "wait", "frozen");
        decided(&mut samples, "give-up", "too-old");
        let lines = documents(&samples, now());
        let of = |line: &Map<String, Value>| {
            let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
            (text("Verdict"), text("Reason"), line["Decisions"].as_i64().unwrap())
        };
        let all: Vec<_> = lines.iter().map(of).collect();
        let told = |verdict: &str, reason: &str, count| (verdict.to_owned(), reason.to_owned(), count);
        // Three waits, two of them for one reason, have different counts with and without the reason.
        assert_eq!(
            all,
            [
                told("give-up", "too-old", 1),
                told("wait", "-", 3),
                told("wait", "backoff", 2),
                told("wait", "frozen", 1),
            ]
        );
    }

    #[test]
    fn many_values_are_cut_into_lines_of_a_hundred() {
        let mut samples = Samples::default();
        (0..250).for_each(|seconds| samples.value(RECOVERY_SECONDS, &[], seconds));
        let lines = documents(&samples, now());
        let lengths: Vec<usize> =
            lines.iter().map(|line| line["RecoverySeconds"].as_array().unwrap().len()).collect();
        assert_eq!(lengths, [100, 100, 50]);
    }
}
