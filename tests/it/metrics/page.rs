//! `docs/metrics.md` is written from the list of metrics and from the template, and this keeps it so.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use codepipeline_retrier::metrics::{Dimension, METRICS, Metric, NAMESPACE, Values};

use super::alarm::Alarm;
use super::alarms::alarms;
use crate::stack::template::{HOME, resources, translated};

const PREFACE: &str = "\
# Metrics

What the function counts, the alarms that the stack makes of it, and what they cost. This page is written from
`src/metrics/list.rs` and [template.yaml](../template.yaml).

The stack's dashboard, output `DashboardUrl`, shows all of them. Alarms and notices go to the topic in output
`NotificationTopicArn`, and with parameter `NotificationEmail` to that address; its owner has to confirm the subscription.
";

const FORMAT: &str = "\
Each invocation writes what it counted to its log, as lines of CloudWatch's
[embedded metric format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html),
whatever `LogLevel` is; CloudWatch makes metrics of them. That takes no permission and no request. One line carries all that an
invocation counted, as far as the format allows: it names each metric and each dimension once, so two decisions of one
sweep need two lines. An invocation with nothing to count writes none.

Dimensions have few values, all known beforehand. Pipelines, stages and executions are none: what happened to one of them
is in the [log](queries.md) and in `retrier history`. Ordinary successes never
reach the function; `Executions` is what its sweeps see. Where retries hide decay it shows: `first-try / (first-try + failed)` is how
good pipelines are by themselves, `(first-try + recovered) / (first-try + failed)` how good they are with retries.
";

fn rows(page: &mut String) {
    page.push_str("\n## The list\n\n");
    let _ = writeln!(page, "Namespace `{NAMESPACE}`.\n");
    page.push_str("| metric | unit | by | one value is |\n|---|---|---|---|\n");
    for Metric { name, unit, sets, meaning } in METRICS {
        let sets: Vec<String> = (sets.iter())
            .map(|set| {
                let names: Vec<String> =
                    set.iter().map(|dimension| format!("`{}`", dimension.name())).collect();
                if names.is_empty() { "–".to_owned() } else { names.join(" and ") }
            })
            .collect();
        let _ = writeln!(page, "| `{name}` | {} | {} | {meaning} |", unit.as_str(), sets.join("; "));
    }
    page.push_str("\nWhere there is more than one way in a row, each is a metric of its own; `–` is without dimensions.\n");
    page.push_str("\n| dimension | values |\n|---|---|\n");
    for dimension in Dimension::ALL {
        let values = match dimension.values() {
            Values::Known(values) => {
                values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" ")
            }
            Values::OfThePolicy => {
                "the names of the policy's budgets, such as `region` and `pipeline`".to_owned()
            }
        };
        let _ = writeln!(page, "| `{}` | {values} |", dimension.name());
    }
    page.push_str(
        "\nReasons are explained in [reasons.md](reasons.md), classes in [policy.md](policy.md).\n\n",
    );
    page.push_str(FORMAT);
}

fn in_words(alarm: &Alarm, properties: &serde_json::Value) -> String {
    let Alarm { name, statistic, period, periods, datapoints, .. } = alarm;
    let dimensions: Vec<String> =
        name.dimensions.iter().map(|(key, value)| format!("{key} `{value}`")).collect();
    let by = if dimensions.is_empty() { String::new() } else { format!(", {}", dimensions.join(", ")) };
    let sign = match properties["ComparisonOperator"].as_str().unwrap() {
        "LessThanThreshold" => "below",
        _ => "at least",
    };
    let minutes = period / 60;
    let times = if periods == datapoints { String::new() } else { format!("{datapoints} of ") };
    format!(
        "{statistic} of `{}`{by} {sign} {} in {times}{periods} × {minutes} min",
        name.metric, properties["Threshold"]
    )
}

fn page() -> String {
    let mut page = PREFACE.to_owned();
    rows(&mut page);
    page.push_str(
        "\n## Alarms\n\nWhat to do is in the description of each, which comes with its message.\n\n",
    );
    page.push_str("| alarm | goes off when | without data |\n|---|---|---|\n");
    for (_, properties) in alarms() {
        let alarm = Alarm::of(&properties);
        let missing = match properties["TreatMissingData"].as_str().unwrap() {
            "breaching" => "goes off",
            _ => "is over",
        };
        let name = properties["AlarmName"].as_str().unwrap().trim_start_matches("retrier-");
        let _ = writeln!(page, "| `…-{name}` | {} | {missing} |", in_words(&alarm, &properties));
    }
    page.push_str(
        "\nTheir names begin with the stack's. `…-sweep-not-running` is there where sweeps are on, and looks back three \
         intervals: the row\nis that of an interval of 15 minutes.\n",
    );
    let most: usize =
        METRICS.iter().flat_map(|metric| metric.sets.iter().map(|set| Metric::most(set, 2))).sum();
    let count = |kind: &str| {
        let all = resources(&translated(), HOME, &[]);
        all.values().filter(|resource| resource["Type"] == kind).count()
    };
    let _ = write!(
        page,
        "\n## What it costs\n\nCloudWatch charges for each metric, that is for each combination of values that occurs in an \
         hour: at most {most} with two\nbudgets, if everything happened that can happen, and some 30 in an ordinary month. \
         Besides: {} alarms, {} dashboard, and the key that\nencrypts the topic. Prices are in [costs.md](costs.md).\n",
        count("AWS::CloudWatch::Alarm"),
        count("AWS::CloudWatch::Dashboard"),
    );
    page
}

#[test]
fn the_page_is_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let written = fs::read_to_string(root.join("docs/metrics.md")).unwrap_or_default();
    if written != page() {
        fs::create_dir_all(root.join("target")).unwrap();
        fs::write(root.join("target/metrics.md"), page()).unwrap();
        panic!("docs/metrics.md is not the list: replace it by target/metrics.md");
    }
}
