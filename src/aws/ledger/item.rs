//! An item of the table as attributes with names, and what is wrong with one that cannot be read. What the attributes
//! mean is said elsewhere.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

use super::keys::Key;
use super::layout::LAYOUT;
use super::whole::{self, Known};
use crate::domain::unread::Unread;

/// Partition key.
pub(super) const PARTITION: &str = "pk";
/// Sort key.
pub(super) const SORT: &str = "sk";
/// Version of the layout of an item.
pub(super) const SCHEMA: &str = "schema";
/// When DynamoDB may delete the item, in seconds since 1970: the table's TTL attribute.
pub(super) const EXPIRES: &str = "expires";
/// The thing itself, as JSON.
pub(super) const BODY: &str = "body";

/// An item that cannot be read: somebody changed it by hand, or a newer release wrote it. It is never taken for an absent
/// one, nor for what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Partition and sort key.
    pub item: String,
    /// What is wrong with it, without a word of what it says.
    pub problem: String,
    /// Whether nothing is, but that a newer release wrote it.
    pub is_newer: bool,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the item `{}` of the table {}", self.item, self.problem)
    }
}

/// Attributes by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Item(BTreeMap<String, AttributeValue>);

impl Item {
    /// An item of the first layout.
    pub(super) fn new(key: &Key) -> Self {
        Self::default().text(PARTITION, &key.partition).text(SORT, &key.sort).number(SCHEMA, LAYOUT)
    }

    /// The same of another layout.
    pub(super) fn of_layout(self, layout: i64) -> Self {
        self.number(SCHEMA, layout)
    }

    /// An item as the SDK has it.
    pub(super) fn of<'a>(attributes: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>) -> Self {
        Self(attributes.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// The attributes, to be collected into what the SDK wants.
    pub(super) fn attributes(self) -> impl Iterator<Item = (String, AttributeValue)> {
        self.0.into_iter()
    }

    pub(super) fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::S(value.into()));
        self
    }

    pub(super) fn number(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::N(value.to_string()));
        self
    }

    pub(super) fn flag(mut self, name: &str, value: bool) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::Bool(value));
        self
    }

    /// The names of its attributes.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The key, as far as it is there.
    pub(super) fn key(&self) -> Key {
        let part = |name| match self.0.get(name) {
            Some(AttributeValue::S(text)) => text.clone(),
            _ => String::new(),
        };
        Key { partition: part(PARTITION), sort: part(SORT) }
    }

    /// A complaint about this item.
    pub(super) fn damaged(&self, problem: impl Into<String>) -> Damaged {
        let Key { partition, sort } = self.key();
        Damaged { item: format!("{partition} / {sort}"), problem: problem.into(), is_newer: false }
    }

    /// Refuses an item of another layout than the first.
    pub(super) fn check_layout(&self) -> Result<(), Damaged> {
        self.check_layout_up_to(LAYOUT)
    }

    /// Refuses an item of a layout that is newer than that.
    pub(super) fn check_layout_up_to(&self, newest: i64) -> Result<(), Damaged> {
        match self.integer(SCHEMA)? {
            Some(known) if (LAYOUT..=newest).contains(&known) => Ok(()),
            Some(newer) if newer > newest => {
                let read =
                    if newest == LAYOUT { "layout 1".to_owned() } else { format!("layouts 1 to {newest}") };
                let problem =
                    format!("has layout {newer}, which a newer release wrote; this one reads {read}");
                Err(Damaged { is_newer: true, ..self.damaged(problem) })
            }
            _ => Err(self.damaged("has no layout that any release wrote")),
        }
    }

    /// The attribute as text.
    pub(super) fn string(&self, name: &str) -> Result<&str, Damaged> {
        match self.0.get(name) {
            Some(AttributeValue::S(text)) => Ok(text),
            Some(_) => Err(self.damaged(format!("has something other than text in `{name}`"))),
            None => Err(self.damaged(format!("has no `{name}`"))),
        }
    }

    /// The attribute as text, if it is there.
    pub(super) fn optional_string(&self, name: &str) -> Result<Option<&str>, Damaged> {
        if self.0.contains_key(name) { self.string(name).map(Some) } else { Ok(None) }
    }

    /// The attribute as a whole number, if it is there.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Damaged> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::N(digits)) => match digits.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(self.damaged(format!("has a number that is out of range in `{name}`"))),
            },
            Some(_) => Err(self.damaged(format!("has something other than a number in `{name}`"))),
        }
    }

    /// The attribute as true or false.
    pub(super) fn boolean(&self, name: &str) -> Result<bool, Damaged> {
        match self.0.get(name) {
            Some(AttributeValue::Bool(value)) => Ok(*value),
            _ => Err(self.damaged(format!("has neither true nor false in `{name}`"))),
        }
    }

    /// The body, read as a document.
    pub(super) fn document<T: DeserializeOwned>(&self) -> Result<T, Damaged> {
        serde_json::from_str(self.string(BODY)?).map_err(|error| self.unreadable(&error))
    }

    /// The body, read as a document of which some members may be a newer release's.
    pub(super) fn whole_document<T: Known>(&self) -> Result<(T, Unread), Damaged> {
        whole::read(self.string(BODY)?).map_err(|error| self.unreadable(&error))
    }

    /// Only the position: the error's own words may quote the text.
    fn unreadable(&self, error: &serde_json::Error) -> Damaged {
        self.damaged(format!(
            "has a `{BODY}` that is not as it was written, at line {}, column {}",
            error.line(),
            error.column()
        ))
    }

    /// Whether its time was over at that instant. DynamoDB deletes such items within days.
    pub(super) fn is_expired(&self, now: jiff::Timestamp) -> Result<bool, Damaged> {
        Ok(self.integer(EXPIRES)?.is_some_and(|expires| expires <= now.as_second()))
    }
}
