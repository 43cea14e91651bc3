//! The fleet file as it is written: a mirror for serde, without any meaning.

use std::collections::BTreeMap;

use crate::replay::quantity::{Length, Rate, Share};

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FleetDocument {
    pub(super) fleet: u32,
    pub(super) about: Option<String>,
    pub(super) start: Option<String>,
    pub(super) lasting: Option<Length>,
    pub(super) policy: Option<String>,
    pub(super) pipelines: Vec<GroupDocument>,
    #[serde(default)]
    pub(super) classes: BTreeMap<String, BehaviourDocument>,
    #[serde(default)]
    pub(super) outages: Vec<OutageDocument>,
    #[serde(default)]
    pub(super) people: PeopleDocument,
}

/// Pipelines that are alike.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct GroupDocument {
    pub(super) name: String,
    pub(super) count: Option<u32>,
    pub(super) mode: Option<String>,
    pub(super) runs: Option<Rate>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    pub(super) stages: Option<Vec<StageDocument>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct StageDocument {
    pub(super) name: String,
    pub(super) category: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) takes: Option<Length>,
    pub(super) fails: Option<BTreeMap<String, Share>>,
    pub(super) native_retry: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct BehaviourDocument {
    pub(super) clears: Option<Share>,
    pub(super) lasts: Option<Length>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct OutageDocument {
    pub(super) class: String,
    pub(super) every: Option<Length>,
    pub(super) lasts: Option<Length>,
    pub(super) pipelines: Option<Share>,
    pub(super) stages: Option<OneOrMore>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PeopleDocument {
    pub(super) retry: Option<Share>,
    #[serde(default)]
    pub(super) classes: BTreeMap<String, Share>,
    pub(super) after: Option<Length>,
    pub(super) gives_up_after: Option<u32>,
    pub(super) working_hours: Option<HoursDocument>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct HoursDocument {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) days: Option<Vec<String>>,
    pub(super) timezone: Option<String>,
}
