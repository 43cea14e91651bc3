//! Which freezes of the policy are on. Weekly windows are worked out; change calendars are not asked.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cli::columns::moment;
use crate::domain::controls::Controls;
use crate::domain::freeze::{CalendarReadings, Freeze, Weather, weather};
use crate::domain::policy::Policy;
use crate::domain::stage_run::after;

/// How far ahead the end of a freeze is looked for: a week has seven days.
const AHEAD: SignedDuration = SignedDuration::from_hours(8 * 24);

/// The freezes of the policy in force.
pub(super) enum Freezes {
    /// The policy in force is the packaged one, whose text the ledger does not have, or a pushed one that is broken.
    Unknown,
    /// The policy that was given is another than the one at work.
    OfAnother { given: String, at_work: String },
    /// These are they, by name.
    Known(BTreeMap<String, Known>),
}

/// One freeze.
pub(super) struct Known {
    /// When it holds, in words.
    pub when: String,
    pub state: State,
}

/// What is known of it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// On until then.
    On(Option<Timestamp>),
    Off,
    /// Somebody else's calendar, which was not asked.
    NotAsked,
}

impl Freezes {
    /// Those of this policy, if it is the one at work.
    pub fn of(controls: &Controls, policy: Option<&Policy>, now: Timestamp) -> Self {
        let Some(policy) = policy else { return Self::Unknown };
        let pushed = controls.live.as_deref().filter(|live| live.taken_over.is_none());
        let at_work = pushed
            .map(|live| &live.policy.version)
            .or(controls.package.as_deref().map(|package| &package.version))
            .or(controls.activated.as_ref().map(|(version, _)| version));
        if let Some(at_work) = at_work.filter(|version| **version != policy.version) {
            return Self::OfAnother { given: policy.version.0.clone(), at_work: at_work.0.clone() };
        }
        let freezes = policy.rules.iter().flat_map(|rule| &rule.settings.freezes);
        Self::Known(freezes.map(|freeze| (freeze.name.to_string(), Known::of(freeze, now))).collect())
    }
}

impl Known {
    fn of(freeze: &Freeze, now: Timestamp) -> Self {
        let state = match weather(std::iter::once(freeze), &CalendarReadings::new(), now, after(now, AHEAD)) {
            Weather::Open => State::Off,
            Weather::Frozen { until, .. } => State::On(until),
            Weather::Unasked(_) | Weather::Unknown(..) => State::NotAsked,
        };
        Self { when: freeze.when.to_string(), state }
    }
}

/// What is said of them, after their heading; each further line on its own.
pub(super) fn lines(freezes: &Freezes, now: Timestamp) -> (String, Vec<String>) {
    let known = match freezes {
        Freezes::Unknown => {
            let how = "not known here; `--policy FILE` names the packaged policy".to_owned();
            return (how, Vec::new());
        }
        Freezes::OfAnother { given, at_work } => {
            let lines = vec![format!("the file is version {given}, and version {at_work} is at work")];
            return ("not known here".to_owned(), lines);
        }
        Freezes::Known(known) => known,
    };
    let is_on = |known: &&Known| matches!(known.state, State::On(_));
    let on = known.values().filter(is_on).count();
    let summary = match (known.len(), on) {
        (0, _) => "the policy in force has none".to_owned(),
        (all, 0) => format!("none of {all} is known to be on"),
        (all, on) => format!("{on} of {all} on"),
    };
    let line = |(name, known): (&String, &Known)| match known.state {
        State::Off => None,
        State::On(Some(until)) => Some(format!("`{name}` on until {}: {}", moment(until, now), known.when)),
        State::On(None) => Some(format!("`{name}` on: {}", known.when)),
        State::NotAsked => Some(format!("`{name}` not asked: {}", known.when)),
    };
    (summary, known.iter().filter_map(line).collect())
}

/// The same for programs; null where they are not known.
pub(super) fn document(freezes: &Freezes) -> Value {
    let Freezes::Known(known) = freezes else { return Value::Null };
    let one = |(name, known): (&String, &Known)| {
        let (state, until) = match known.state {
            State::On(until) => ("on", until),
            State::Off => ("off", None),
            State::NotAsked => ("not-asked", None),
        };
        let until = until.map(|until| format!("{until:.0}"));
        json!({ "name": name, "when": known.when, "state": state, "until": until })
    };
    known.iter().map(one).collect()
}
