//! Shapes of input, and how a value is held against one.

use std::fmt;

use serde_json::{Map, Value};

use super::patterns::Pattern;

/// No limit.
pub const ANY: usize = usize::MAX;

/// What a value must look like.
#[derive(Debug)]
pub enum Shape {
    /// A text, its length in characters.
    Text { least: usize, most: usize, pattern: Option<&'static Pattern> },
    /// One of several texts.
    Choice(&'static [&'static str]),
    /// A whole number.
    Whole { least: i64, most: i64 },
    /// Yes or no.
    Flag,
    /// Any number of values of one shape.
    List { of: &'static Shape, least: usize, most: usize },
    /// Values by name.
    Map { key: &'static Shape, value: &'static Shape, most: usize },
    /// Named members; others are let pass unread, as the service does.
    Structure(&'static [Member]),
}

/// One member of a structure.
#[derive(Debug)]
pub struct Member {
    pub name: &'static str,
    pub is_required: bool,
    pub shape: &'static Shape,
}

/// A member that must be there.
pub const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, is_required: true, shape }
}

/// A member that may be left out, or be `null`.
pub const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, is_required: false, shape }
}

/// What is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// It is not of the type that it should be, so that it cannot even be read.
    Unreadable(String),
    /// It breaks constraints.
    Breaks(Vec<String>),
}

impl Shape {
    pub const fn text(least: usize, most: usize) -> Self {
        Self::Text { least, most, pattern: None }
    }

    pub const fn like(pattern: &'static Pattern, least: usize, most: usize) -> Self {
        Self::Text { least, most, pattern: Some(pattern) }
    }

    pub const fn list(of: &'static Self, least: usize, most: usize) -> Self {
        Self::List { of, least, most }
    }

    pub const fn map(key: &'static Self, value: &'static Self, most: usize) -> Self {
        Self::Map { key, value, most }
    }

    pub const fn whole(least: i64, most: i64) -> Self {
        Self::Whole { least, most }
    }

    /// Turns the flags of a structure into what JSON has for them, where they came as texts. What is neither stays.
    pub fn read_flags(&self, given: &mut Map<String, Value>) {
        let Self::Structure(members) = self else { return };
        for member in members.iter().filter(|member| matches!(member.shape, Self::Flag)) {
            if let Some(value) = given.get_mut(member.name) {
                let flag = value.as_str().and_then(|text| text.parse::<bool>().ok());
                *value = flag.map_or_else(|| value.take(), Value::Bool);
            }
        }
    }

    /// Holds an input against the shape.
    pub fn check(&self, input: &Value) -> Result<(), Objection> {
        let mut broken = Vec::new();
        self.walk(input, "", &mut broken).map_err(Objection::Unreadable)?;
        if broken.is_empty() { Ok(()) } else { Err(Objection::Breaks(broken)) }
    }

    fn walk(&self, value: &Value, path: &str, broken: &mut Vec<String>) -> Result<(), String> {
        let mut hold = |holds: bool, constraint: String| {
            if !holds {
                let shown = Shown(value);
                broken.push(format!(
                    "Value {shown} at '{path}' failed to satisfy constraint: Member must {constraint}"
                ));
            }
        };
        match (self, value) {
            (Self::Text { least, most, pattern }, Value::String(text)) => {
                let length = text.chars().count();
                hold(length >= *least, at_least("length", least));
                hold(length <= *most, at_most("length", most));
                if let Some(pattern) = pattern {
                    let constraint = format!("satisfy regular expression pattern: {}", pattern.text);
                    hold(pattern.holds(text), constraint);
                }
            }
            (Self::Choice(names), Value::String(text)) => {
                let constraint = format!("satisfy enum value set: [{}]", names.join(", "));
                hold(names.contains(&text.as_str()), constraint);
            }
            (Self::Whole { least, most }, Value::Number(number)) => {
                let whole = number.as_i64().ok_or_else(|| unreadable("NUMBER_VALUE", "Integer", path))?;
                hold(whole >= *least, at_least("value", least));
                hold(whole <= *most, at_most("value", most));
            }
            (Self::Flag, Value::Bool(_)) => {}
            (Self::List { of, least, most }, Value::Array(values)) => {
                hold(values.len() >= *least, at_least("length", least));
                hold(values.len() <= *most, at_most("length", most));
                for (number, value) in (1..).zip(values) {
                    of.walk(value, &format!("{path}.{number}.member"), broken)?;
                }
            }
            (Self::Map { key, value: of, most }, Value::Object(entries)) => {
                hold(entries.len() <= *most, at_most("length", most));
                for (name, value) in entries {
                    key.walk(&Value::from(name.as_str()), &format!("{path}.{name}.key"), broken)?;
                    of.walk(value, &format!("{path}.{name}.member"), broken)?;
                }
            }
            (Self::Structure(members), Value::Object(given)) => {
                for member in *members {
                    let path = match path {
                        "" => member.name.to_owned(),
                        path => format!("{path}.{}", member.name),
                    };
                    match given.get(member.name) {
                        None | Some(Value::Null) if member.is_required => broken.push(format!(
                            "Value null at '{path}' failed to satisfy constraint: Member must not be null"
                        )),
                        None | Some(Value::Null) => {}
                        Some(value) => member.shape.walk(value, &path, broken)?,
                    }
                }
            }
            (shape, value) => return Err(unreadable(kind_of(value), shape.kind(), path)),
        }
        Ok(())
    }

    /// What messages call a value of the shape.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Choice(_) => "String",
            Self::Whole { .. } => "Integer",
            Self::Flag => "Boolean",
            Self::List { .. } => "List",
            Self::Map { .. } => "Map",
            Self::Structure(_) => "Structure",
        }
    }
}

/// A value as messages show it.
struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => write!(f, "'{text}'"),
            other => write!(f, "'{other}'"),
        }
    }
}

fn at_least(what: &str, limit: &impl fmt::Display) -> String {
    format!("have {what} greater than or equal to {limit}")
}

fn at_most(what: &str, limit: &impl fmt::Display) -> String {
    format!("have {what} less than or equal to {limit}")
}

fn unreadable(given: &str, wanted: &str, path: &str) -> String {
    let place = if path.is_empty() { "the request".to_owned() } else { format!("'{path}'") };
    format!("{given} can not be converted to {wanted} at {place}")
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(_) => "BOOLEAN_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "LIST_VALUE",
        Value::Object(_) => "STRUCTURE_VALUE",
    }
}
