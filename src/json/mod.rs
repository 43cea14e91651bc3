//! A view of a JSON value that knows where it stands, so that a complaint can name the place.
//!
//! It does not know what the values mean. A member that is `null` and one that is absent are the same thing.

pub mod shown;

use std::fmt;

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Map, Value};

use crate::domain::ids::InvalidId;
use shown::shown;

/// What is wrong with a document, and where. It holds nothing of the content, except names that [`shown`] made harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The place, such as `stageStates[2].stageName`; empty for the document itself.
    pub path: String,
    /// What is wrong, to follow the name of the place.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "the document {}", self.problem),
            path => write!(f, "`{path}` {}", self.problem),
        }
    }
}

/// Reads the text. JSON nested more than 128 deep is refused; of members with one name the last counts.
pub fn parse(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|error| Fault {
        path: String::new(),
        // Only the position: the error's own words may quote the text.
        problem: format!("is not readable as JSON at line {}, column {}", error.line(), error.column()),
    })
}

/// How many values the text holds as JSON, at least: what it costs to read is known before it is read. A text that is no
/// JSON has some number too.
pub fn values(text: &str) -> usize {
    let (mut count, mut quoted, mut escaped) = (1, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            // Each begins the first value inside, or one more beside the last.
            b'[' | b'{' | b',' if !quoted => count += 1,
            _ => {}
        }
    }
    count
}

/// A place in a document, and the value there, if there is one.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    path: String,
    value: Option<&'a Value>,
}

/// A place in a document where an object is.
#[derive(Debug, Clone)]
pub struct Object<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    /// The member of that name, be it there or not.
    pub fn member(&self, name: &str) -> Node<'a> {
        let path = match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        Node { path, value: self.members.get(name).filter(|value| !value.is_null()) }
    }
}

impl<'a> Node<'a> {
    /// The document itself.
    pub fn root(document: &'a Value) -> Self {
        Self { path: String::new(), value: Some(document) }
    }

    /// A complaint about this place.
    pub fn fault(&self, problem: impl Into<String>) -> Fault {
        Fault { path: self.path.clone(), problem: problem.into() }
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&'a Value> {
        self.value
    }

    /// Itself, if there is a value.
    pub fn optional(self) -> Option<Self> {
        self.value.is_some().then_some(self)
    }

    /// The value, which has to be an object.
    pub fn object(&self) -> Result<Object<'a>, Fault> {
        let members = self.required("an object", Value::as_object)?;
        Ok(Object { path: self.path.clone(), members })
    }

    /// The elements of the value, which has to be a list.
    pub fn items(&self) -> Result<Vec<Self>, Fault> {
        let items = self.required("a list", Value::as_array)?;
        Ok(items
            .iter()
            .enumerate()
            .map(|(index, value)| Self {
                path: format!("{}[{index}]", self.path),
                value: Some(value).filter(|value| !value.is_null()),
            })
            .collect())
    }

    /// The value, which has to be text.
    pub fn text(&self) -> Result<&'a str, Fault> {
        self.required("text", Value::as_str)
    }

    /// The value, which has to be `true` or `false`.
    pub fn flag(&self) -> Result<bool, Fault> {
        self.required("`true` or `false`", Value::as_bool)
    }

    /// The value, which has to be a whole number that is not negative.
    pub fn whole(&self) -> Result<u64, Fault> {
        self.required("a whole number", Value::as_u64)
    }

    /// [`Self::whole`], for the counts and versions of CodePipeline.
    pub fn count(&self) -> Result<u32, Fault> {
        u32::try_from(self.whole()?).map_err(|_| self.fault("is too large"))
    }

    /// The value, which has to be an identifier.
    pub fn id<T>(&self, parse: impl FnOnce(&'a str) -> Result<T, InvalidId>) -> Result<T, Fault> {
        parse(self.text()?).map_err(|invalid| self.fault(format!("is {invalid}")))
    }

    /// The value, which has to be one of a set of names.
    pub fn one_of<T>(&self, what: &str, parse: fn(&str) -> Option<T>) -> Result<T, Fault> {
        let name = self.text()?;
        parse(name).ok_or_else(|| self.fault(format!("is an unknown {what}: `{}`", shown(name))))
    }

    /// The value, which has to be an instant in text, with its offset from UTC.
    pub fn instant(&self) -> Result<Timestamp, Fault> {
        self.text()?.parse().map_err(|_| self.fault("is not an instant such as `2026-11-22T10:13:02Z`"))
    }

    /// [`Self::instant`], or a number of seconds since 1970, taken to the microsecond.
    pub fn instant_or_seconds(&self) -> Result<Timestamp, Fault> {
        let Some(number) = self.value.and_then(Value::as_number) else {
            return self.instant();
        };
        let instant = match number.as_i64() {
            Some(seconds) => Timestamp::from_second(seconds).ok(),
            None => number
                .as_f64()
                .and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok())
                .and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok())
                .and_then(|instant| instant.round(Unit::Microsecond).ok()),
        };
        instant.ok_or_else(|| self.fault("is out of the range of instants"))
    }

    fn required<T>(&self, what: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<T, Fault> {
        let value = self.value.ok_or_else(|| self.fault("is missing"))?;
        read(value).ok_or_else(|| self.fault(format!("is not {what}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ids::StageName;

    #[test]
    fn a_complaint_names_the_place() {
        let document = json!({"stages": [{"name": "Build"}, {"name": "no good"}, {}, 5]});
        let stages = Node::root(&document).object().unwrap().member("stages");
        let problems: Vec<String> = stages
            .items()
            .unwrap()
            .iter()
            .map(|stage| stage.object()?.member("name").id(StageName::parse))
            .filter_map(Result::err)
            .map(|fault| fault.to_string())
            .collect();
        assert_eq!(
            problems,
            [
                "`stages[1].name` is not a valid stage name: 1 to 100 of A-Z a-z 0-9 . @ - _",
                "`stages[2].name` is missing",
                "`stages[3]` is not an object",
            ]
        );
    }

    #[test]
    fn null_is_absent() {
        let document = json!({"name": null});
        let name = Node::root(&document).object().unwrap().member("name");
        assert_eq!(name.text().unwrap_err().to_string(), "`name` is missing");
        assert!(name.optional().is_none());
    }

    #[test]
    fn instants_come_as_text_and_as_numbers() {
        for (written, expected) in [
            (json!("2026-11-22T11:13:02.123000+01:00"), "2026-11-22T10:13:02.123Z"),
            (json!("2026-11-22T10:13:02Z"), "2026-11-22T10:13:02Z"),
            (json!(1_795_342_382), "2026-11-22T10:13:02Z"),
            (json!(1_795_342_382.123), "2026-11-22T10:13:02.123Z"),
        ] {
            let instant = Node::root(&written).instant_or_seconds().unwrap();
            assert_eq!(instant.to_string(), expected, "{written}");
        }
        for wrong in [json!("2026-11-22T10:13:02"), json!("soon"), json!(1e300), json!(u64::MAX), json!(true)]
        {
            assert!(Node::root(&wrong).instant_or_seconds().is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_that_is_not_json_is_not_quoted() {
        let fault = parse("{\"password\": hunter2}").unwrap_err();
        assert_eq!(fault.to_string(), "the document is not readable as JSON at line 1, column 14");
    }

    #[test]
    fn values_are_counted_outside_of_texts() {
        for (text, expected) in [
            ("", 1),
            ("1", 1),
            ("[1, 2, 3]", 4),
            (r#"{"a": [1, {"b": 2}], "c": "d"}"#, 6),
            (r#"["a,b,[,{", "\",\"", "\\\\"]"#, 4),
            (r#""\\\"," "#, 1),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
