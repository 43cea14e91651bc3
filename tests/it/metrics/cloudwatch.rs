//! What CloudWatch makes of a log: lines in its embedded metric format, read by the rules of its specification, and
//! statistics of what they carry.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

/// Which metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub namespace: String,
    pub metric: String,
    pub dimensions: BTreeMap<String, String>,
}

impl Name {
    pub fn new(namespace: &str, metric: &str, dimensions: &[(&str, &str)]) -> Self {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            namespace: namespace.into(),
            metric: metric.into(),
            dimensions: dimensions.iter().map(text).collect(),
        }
    }
}

/// Values that were published together.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    pub name: Name,
    pub unit: Option<String>,
    pub at: Timestamp,
    pub values: Vec<f64>,
}

/// Units that CloudWatch knows (API reference, `MetricDatum`), as far as anything here could mean them.
const UNITS: [&str; 6] = ["Seconds", "Milliseconds", "Bytes", "Percent", "Count", "None"];
/// A log event's largest size in bytes, for metrics to be taken from it.
const LARGEST: usize = 256 * 1024;

fn bounded<'a>(value: &'a Value, longest: usize, what: &str) -> Result<&'a str, String> {
    let text = value.as_str().ok_or_else(|| format!("{what} is no text: {value}"))?;
    if text.is_empty() || text.len() > longest {
        return Err(format!("{what} has {} bytes", text.len()));
    }
    Ok(text)
}

fn list<'a>(object: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    object.get(name).and_then(Value::as_array).ok_or_else(|| format!("`{name}` is no list"))
}

/// The metrics in a line of a log; none where it is no such document.
pub fn read(line: &str) -> Result<Vec<Datum>, String> {
    let Ok(Value::Object(root)) = serde_json::from_str::<Value>(line) else { return Ok(Vec::new()) };
    let Some(metadata) = root.get("_aws") else { return Ok(Vec::new()) };
    if line.len() > LARGEST {
        return Err(format!("the line has {} bytes", line.len()));
    }
    let at = metadata["Timestamp"].as_i64().ok_or("`Timestamp` is no whole number of milliseconds")?;
    let at = Timestamp::from_millisecond(at).map_err(|error| error.to_string())?;
    let directives = list(metadata, "CloudWatchMetrics")?;
    if directives.is_empty() {
        return Err("there is no directive".into());
    }
    let mut data = Vec::new();
    for directive in directives {
        of_directive(&root, directive, at, &mut data)?;
    }
    let mut seen = BTreeSet::new();
    for datum in &data {
        if !seen.insert(&datum.name) {
            return Err(format!("{:?} is told twice", datum.name));
        }
    }
    Ok(data)
}

fn of_directive(
    root: &Map<String, Value>,
    directive: &Value,
    at: Timestamp,
    data: &mut Vec<Datum>,
) -> Result<(), String> {
    let namespace = bounded(&directive["Namespace"], 255, "the namespace")?;
    if namespace.starts_with("AWS/") {
        return Err("the namespace is AWS's own".into());
    }
    let sets = list(directive, "Dimensions")?;
    let metrics = list(directive, "Metrics")?;
    if sets.is_empty() || metrics.is_empty() || metrics.len() > 100 {
        return Err(format!("{} sets of dimensions, {} metrics", sets.len(), metrics.len()));
    }
    for set in sets {
        let keys = set.as_array().ok_or("a set of dimensions is no list")?;
        if keys.len() > 30 {
            return Err(format!("a set of {} dimensions", keys.len()));
        }
        let mut dimensions = BTreeMap::new();
        for key in keys {
            let key = bounded(key, 250, "a dimension's name")?;
            let value = root.get(key).ok_or_else(|| format!("dimension `{key}` has no value"))?;
            let value = bounded(value, 1024, "a dimension's value")?;
            if !value.is_ascii() || value.starts_with(':') || value.trim().is_empty() {
                return Err(format!("dimension `{key}` is `{value}`"));
            }
            if dimensions.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(format!("dimension `{key}` twice in a set"));
            }
        }
        for metric in metrics {
            let name = bounded(&metric["Name"], 255, "a metric's name")?;
            let unit = match metric.get("Unit") {
                None => None,
                Some(unit) => Some(bounded(unit, 20, "a unit")?.to_owned()),
            };
            if unit.as_deref().is_some_and(|unit| !UNITS.contains(&unit)) {
                return Err(format!("`{name}` has unit {unit:?}"));
            }
            if metric.get("StorageResolution").is_some_and(|kept| *kept != 1 && *kept != 60) {
                return Err(format!("`{name}` has a resolution of its own"));
            }
            let values = match root.get(name) {
                Some(Value::Number(one)) => vec![one.as_f64().ok_or("a number")?],
                Some(Value::Array(many)) if (1..=100).contains(&many.len()) => many
                    .iter()
                    .map(|value| value.as_f64().ok_or_else(|| format!("`{name}` has a value {value}")))
                    .collect::<Result<_, _>>()?,
                other => return Err(format!("`{name}` is {other:?}")),
            };
            let metric = name.to_owned();
            let name = Name { namespace: namespace.to_owned(), metric, dimensions: dimensions.clone() };
            data.push(Datum { name, unit, at, values });
        }
    }
    Ok(())
}

/// Everything that was published.
#[derive(Debug, Clone, Default)]
pub struct Cloud {
    pub data: Vec<Datum>,
}

impl Cloud {
    /// What a log carries.
    pub fn of(lines: &[String]) -> Self {
        let data = lines.iter().flat_map(|line| read(line).unwrap_or_else(|error| panic!("{error}: {line}")));
        Self { data: data.collect() }
    }

    /// Adds a value of a service's own metric.
    pub fn feed(&mut self, name: &Name, at: Timestamp, value: f64) {
        self.data.push(Datum { name: name.clone(), unit: None, at, values: vec![value] });
    }

    /// What a metric's statistic was, period by period, each by its beginning in seconds. A period without data is not in it.
    pub fn series(&self, name: &Name, statistic: &str, period: i64) -> BTreeMap<i64, f64> {
        let mut periods: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for datum in self.data.iter().filter(|datum| datum.name == *name) {
            let begin = datum.at.as_second().div_euclid(period) * period;
            periods.entry(begin).or_default().extend(&datum.values);
        }
        periods.into_iter().map(|(begin, values)| (begin, of(statistic, values))).collect()
    }

    /// The metrics there are.
    pub fn names(&self) -> BTreeSet<&Name> {
        self.data.iter().map(|datum| &datum.name).collect()
    }
}

/// A number of things as a value.
pub fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// A statistic by CloudWatch's name of it.
pub fn of(statistic: &str, mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = float(values.len());
    let sum: f64 = values.iter().sum();
    match statistic {
        "Sum" => sum,
        "Average" => sum / count,
        "Minimum" => values[0],
        "Maximum" => values[values.len() - 1],
        "SampleCount" => count,
        percentile => {
            let rank = percentile.strip_prefix('p').and_then(|rank| rank.parse::<usize>().ok());
            let rank = rank.unwrap_or_else(|| panic!("statistic `{percentile}` is not known here"));
            values[(rank * values.len()).div_ceil(100).max(1) - 1]
        }
    }
}

#[test]
fn a_line_is_read_as_the_specification_says() {
    let line = r#"{"_aws":{"Timestamp":1795000000000,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[[],["A"],["A","B"]],
        "Metrics":[{"Name":"M","Unit":"Count"}]}]},"A":"a","B":"b","M":[1,2]}"#;
    let data = read(line).unwrap();
    let sets: Vec<usize> = data.iter().map(|datum| datum.name.dimensions.len()).collect();
    assert_eq!((sets, &data[2].values), (vec![0, 1, 2], &vec![1.0, 2.0]));
    assert_eq!(read(r#"{"message":"decision"}"#), Ok(Vec::new()));
    assert_eq!(read("START RequestId: 1"), Ok(Vec::new()));

    for (good, bad) in [
        (r#""Timestamp":1795000000000"#, r#""Timestamp":"now""#),
        (r#""Namespace":"N""#, r#""Namespace":"""#),
        (r#""Namespace":"N""#, r#""Namespace":"AWS/N""#),
        (r#"[[],["A"],["A","B"]]"#, "[]"),
        (r#"[[],["A"],["A","B"]]"#, r#"[["A","A"]]"#),
        (r#"[[],["A"],["A","B"]]"#, r#"[["A"],["A"]]"#),
        (r#"[[],["A"],["A","B"]]"#, r#"[["C"]]"#),
        (r#""A":"a""#, r#""A":1"#),
        (r#""A":"a""#, r#""A":"""#),
        (r#""A":"a""#, r#""A":"ä""#),
        (r#""M":[1,2]"#, r#""M":"1""#),
        (r#""M":[1,2]"#, r#""M":[]"#),
        (r#""Unit":"Count""#, r#""Unit":"Tokens""#),
        (r#"[{"Name":"M","Unit":"Count"}]"#, "[]"),
    ] {
        assert!(read(&line.replacen(good, bad, 1)).is_err(), "{bad}");
    }
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    assert!(read(&line.replacen("[1,2]", &format!("[{}]", many.join(",")), 1)).is_err());
}

#[test]
fn statistics_are_cloudwatchs() {
    let values = || vec![4.0, 1.0, 3.0, 2.0];
    for (statistic, expected) in [
        ("Sum", 10.0),
        ("Average", 2.5),
        ("Minimum", 1.0),
        ("Maximum", 4.0),
        ("SampleCount", 4.0),
        ("p50", 2.0),
        ("p90", 4.0),
    ] {
        assert!((of(statistic, values()) - expected).abs() < 1e-9, "{statistic}");
    }
}
