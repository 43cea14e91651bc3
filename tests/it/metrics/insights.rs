//! A small CloudWatch Logs Insights: as much of its query language as the documentation uses, and a stop at everything else
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html>).

mod expression;
mod query;
mod tokens;

use std::collections::BTreeMap;

use serde_json::Value as Json;

pub use query::Query;

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Missing,
    Number(f64),
    Text(String),
    Truth(bool),
}

impl Value {
    /// As a table shows it.
    pub fn shown(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Truth(truth) => u8::from(*truth).to_string(),
        }
    }
}

/// The fields of an event, or of a row of a result.
pub type Row = BTreeMap<String, Value>;

/// The fields that Insights finds in an event: members of objects with dots, elements of lists with their number.
pub fn event(line: &str) -> Row {
    let json: Json = serde_json::from_str(line).unwrap();
    let mut row = Row::new();
    flatten("", &json, &mut row);
    row.insert("@message".into(), Value::Text(line.to_owned()));
    let time = row.get("timestamp").cloned().unwrap_or(Value::Missing);
    row.insert("@timestamp".into(), time);
    row
}

fn flatten(name: &str, json: &Json, row: &mut Row) {
    let inner = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    let value = match json {
        Json::Null => return,
        Json::Object(members) => {
            members.iter().for_each(|(key, value)| flatten(&inner(key), value, row));
            return;
        }
        Json::Array(elements) => {
            let numbered = elements.iter().enumerate();
            numbered.for_each(|(index, value)| flatten(&inner(&index.to_string()), value, row));
            return;
        }
        Json::Bool(truth) => Value::Truth(*truth),
        Json::Number(number) => Value::Number(number.as_f64().unwrap()),
        Json::String(text) => Value::Text(text.clone()),
    };
    row.insert(name.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: [&str; 4] = [
        r#"{"timestamp":"2026-03-02T09:00:10.000Z","message":"a","n":{"x-y":1},"list":["p"],"k":"one"}"#,
        r#"{"timestamp":"2026-03-02T09:20:10.000Z","message":"a","n":{"x-y":2},"k":"two"}"#,
        r#"{"timestamp":"2026-03-02T10:00:10.000Z","message":"a","n":{"x-y":6},"k":"one"}"#,
        r#"{"timestamp":"2026-03-02T10:30:10.000Z","message":"b"}"#,
    ];

    fn answer(query: &str) -> Vec<Vec<String>> {
        let events: Vec<Row> = LOG.iter().map(|line| event(line)).collect();
        let query = Query::read(query).unwrap_or_else(|error| panic!("{error}: {query}"));
        let (_, rows) = query.run(&events);
        rows.iter().map(|row| row.iter().map(Value::shown).collect()).collect()
    }

    #[test]
    fn fields_filter_sort_and_limit() {
        let rows = answer(
            "fields k, `n.x-y` * 2 as twice | filter `n.x-y` >= 2 and message = 'a' | sort twice desc | limit 1",
        );
        assert_eq!(rows, [["one", "12"]]);
        assert_eq!(answer("filter list.0 like /^p$/ | fields message"), [["a"]]);
        assert_eq!(answer("filter k in ['two', 'three'] | fields `n.x-y`"), [["2"]]);
        assert_eq!(answer("filter not ispresent(k) | fields message"), [["b"]]);
        assert_eq!(
            answer("filter k like 'ne' or message = 'b' | fields message | sort @timestamp asc"),
            [["a"], ["a"], ["b"]]
        );
    }

    #[test]
    fn stats_by_fields_and_times() {
        let rows = answer(
            "filter message = 'a' | stats count(*) as c, avg(`n.x-y`) as a, max(`n.x-y`), pct(`n.x-y`, 50) as p by k | sort c desc",
        );
        assert_eq!(rows, [["one", "2", "3.5", "6", "1"], ["two", "1", "2", "2", "2"]]);
        let rows = answer(
            "filter ispresent(k) | stats sum(`n.x-y`) as s, count_distinct(k) as d by bin(1h) as hour | sort hour",
        );
        assert_eq!(rows, [["2026-03-02T09:00:00.000Z", "3", "2"], ["2026-03-02T10:00:00.000Z", "6", "1"]]);
        assert_eq!(answer("stats count(*)"), [["4"]]);
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        for bad in [
            "parse @message /x/",
            "stats median(n) by k",
            "filter k",
            "filter k == 'one'",
            "filter k = one two",
            "sort",
            "limit many",
            "fields",
            "filter k = 'open",
            "stats count(*) by bin(5)",
            "dedup k",
            "",
        ] {
            assert!(Query::read(bad).is_err(), "{bad}");
        }
    }
}
