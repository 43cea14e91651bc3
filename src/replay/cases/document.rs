//! The file of cases as it is written: a mirror for serde, without any meaning.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{self, Deserializer};

use crate::replay::quantity::Length;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FileDocument {
    pub cases: u32,
    pub policy: Option<String>,
    pub tests: Vec<CaseDocument>,
}

/// One failure and what is expected of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CaseDocument {
    pub name: String,
    /// `pipeline/stage`.
    pub stage: String,
    pub account: Option<String>,
    pub region: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub execution_mode: Option<String>,
    pub mode: Option<String>,
    /// The failed action, where there is but one.
    pub class: Option<String>,
    pub message: Option<String>,
    pub code: Option<String>,
    pub log: Option<String>,
    pub provider: Option<String>,
    pub category: Option<String>,
    #[serde(default)]
    pub actions: Vec<ActionDocument>,
    /// When it failed.
    pub at: Option<Instant>,
    /// How old it is when it is decided about.
    pub age: Option<Length>,
    #[serde(default)]
    pub history: HistoryDocument,
    /// Tokens that are left, by budget.
    #[serde(default)]
    pub budgets: BTreeMap<String, u32>,
    pub paused: Option<bool>,
    /// How many other pipelines failed a minute before.
    #[serde(default)]
    pub others_failing: u32,
    /// Change calendars that are closed, by the names of their documents.
    #[serde(default)]
    pub closed_calendars: Vec<String>,
    pub expect: ExpectDocument,
}

/// An action of the stage.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ActionDocument {
    pub name: String,
    #[serde(default)]
    pub status: StatusDocument,
    pub class: Option<String>,
    pub message: Option<String>,
    pub code: Option<String>,
    pub log: Option<String>,
    pub provider: Option<String>,
    pub category: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StatusDocument {
    #[default]
    Failed,
    Succeeded,
    Running,
}

/// What happened to the execution before and beside.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and a key of its own in the file"
)]
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct HistoryDocument {
    /// Retries of the product's own in this stage of this execution.
    pub retries: u32,
    pub retried_by_hand: bool,
    pub native_retry: Option<NativeDocument>,
    pub newer_execution: bool,
    pub stopped: bool,
    pub approval_rejected: bool,
    pub edited: bool,
    pub rollback: bool,
    pub transition_disabled: bool,
    /// The stages behind this one, each with its name alone.
    pub stages_ahead: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NativeDocument {
    /// It may still fire.
    Pending,
    /// It has, and the stage failed again.
    Fired,
}

/// `retry/eligible`, or more in detail.
#[derive(Debug)]
pub(super) enum ExpectDocument {
    Decision(String),
    Detail(Box<DetailDocument>),
}

/// By hand, since serde says of neither form what is wrong with it.
impl<'de> Deserialize<'de> for ExpectDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = ExpectDocument;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decision such as `retry/eligible`, or keys such as `decision` and `rule`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ExpectDocument, E> {
                Ok(ExpectDocument::Decision(text.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ExpectDocument, A::Error> {
                let detail = DetailDocument::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(ExpectDocument::Detail(Box::new(detail)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DetailDocument {
    /// What it comes to.
    pub decision: String,
    /// What is decided first.
    pub first: Option<String>,
    pub rule: Option<String>,
    pub class: Option<String>,
    pub signature: Option<String>,
    /// `1m` or `1m..3m` after the failure.
    pub after: Option<String>,
    pub retry: Option<u32>,
    pub retry_mode: Option<String>,
    pub shadow: Option<bool>,
    pub rollback: Option<bool>,
}

/// An instant with its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant(pub Timestamp);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant = text.parse().map(Self);
        instant.map_err(|_| {
            de::Error::custom(format!(
                "`{text}` is no instant such as `2026-11-24T22:30:00Z` or `2026-11-24T22:30:00+01:00`"
            ))
        })
    }
}
