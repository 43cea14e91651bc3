//! One request: its input, which is known to have the shape that its operation wants, and what is known of its caller.

use serde_json::{Map, Value};

use super::error::ApiError;
use crate::domain::ids::InvalidId;

/// An input, or a structure in it.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(&'a Map<String, Value>);

impl<'a> Input<'a> {
    pub const fn new(members: &'a Map<String, Value>) -> Self {
        Self(members)
    }

    /// A member; `null` is none.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub fn optional_text(self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// A text that the shape requires.
    pub fn text(self, name: &str) -> Result<&'a str, ApiError> {
        self.optional_text(name).ok_or_else(|| ApiError::validation(format!("'{name}' is missing")))
    }

    /// A text that the shape requires, as an identifier.
    pub fn id<T>(self, name: &str, parse: impl Fn(&'a str) -> Result<T, InvalidId>) -> Result<T, ApiError> {
        Ok(parse(self.text(name)?)?)
    }

    pub fn flag(self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    pub fn whole(self, name: &str) -> Option<usize> {
        self.get(name)?.as_u64().and_then(|number| usize::try_from(number).ok())
    }

    /// A structure; none where there is none, or something else.
    pub fn structure(self, name: &str) -> Option<Self> {
        self.get(name)?.as_object().map(Self)
    }

    /// The structures of a list; none where there is no list.
    pub fn structures(self, name: &str) -> impl Iterator<Item = Self> + use<'a> {
        let values = self.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        values.iter().filter_map(|value| value.as_object().map(Self))
    }

    /// The texts of a list; none where there is no list.
    pub fn texts(self, name: &str) -> Vec<&'a str> {
        let values = self.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        values.iter().filter_map(Value::as_str).collect()
    }

    /// All of it.
    pub fn value(self) -> Value {
        Value::Object(self.0.clone())
    }
}
