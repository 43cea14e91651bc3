//! What operators have set for the whole product: pauses, and since when each rule has been at work.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::glob::Glob;
use super::ids::RuleName;
use super::live::{LivePolicy, Package};
use super::policy::{Mode, Policy, PolicyVersion};
use super::stage_run::after;
use super::unread::Unread;

/// One record, read with every stage run; a claim is valid only if it has not changed since.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Controls {
    /// Counts the writes; 0 has never been written.
    pub version: u64,
    /// Pauses, in the order in which they were set.
    pub pauses: Vec<Pause>,
    /// The policy that somebody pushed; where there is none, the packaged one is in force.
    pub live: Option<Box<LivePolicy>>,
    /// The packaged policy that is deployed, as far as functions have told.
    pub package: Option<Box<Package>>,
    /// The policy and mode that `active_since` was last brought up to date with.
    pub activated: Option<(PolicyVersion, Mode)>,
    /// Since when each rule has been at work, and whether in shadow.
    pub active_since: BTreeMap<(RuleName, bool), Timestamp>,
    /// Rules that went out of work a moment ago: since when they had been at work, and when they left.
    pub retired: BTreeMap<(RuleName, bool), Retired>,
    /// What a newer release keeps there.
    pub unread: Unread,
}

/// A rule that is not at work any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Retired {
    /// Since when it had been at work.
    pub since: Timestamp,
    /// When it left.
    pub left_at: Timestamp,
}

/// A stop put in by a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pause {
    /// The pipelines it is for; every one when absent.
    pub pipeline: Option<Glob>,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Why, in the person's words.
    pub reason: String,
}

impl Pause {
    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// How far an event may predate the activation that it causes: rules are activated by the first event under them, and
/// that event's failure happened a little earlier.
const LONGEST_LEAD: SignedDuration = SignedDuration::from_mins(5);
/// The same for the very first activation: nothing but our own rule can have sent the event, however long it was under
/// way.
const LONGEST_FIRST_LEAD: SignedDuration = SignedDuration::from_hours(1);
/// How long a rule that left is remembered. While a deployment rolls out, old and new policy handle messages in turn; a
/// rule that only one of them has must not begin anew with each.
pub(super) const ROLL_OUT: SignedDuration = SignedDuration::from_mins(15);
/// How much earlier than its event a failure may have happened.
const EVENT_LEAD: SignedDuration = SignedDuration::from_secs(60);

impl Controls {
    /// The pause in force for a pipeline.
    pub fn pause_for(&self, pipeline: &str, now: Timestamp) -> Option<&Pause> {
        self.pauses.iter().find(|pause| {
            !pause.is_over(now) && pause.pipeline.as_ref().is_none_or(|glob| glob.matches(pipeline))
        })
    }

    /// Whether the rules of this policy have been put to work.
    pub fn knows(&self, policy: &Policy, mode: Mode) -> bool {
        self.activated.as_ref().is_some_and(|(version, known)| *version == policy.version && *known == mode)
    }

    /// The next version, in which every rule of the policy is at work: those that were before since then, the others
    /// since the event that brought this about, or now.
    #[must_use]
    pub fn activate(&self, policy: &Policy, mode: Mode, event: Option<Timestamp>, now: Timestamp) -> Self {
        let lead = if self.activated.is_none() { LONGEST_FIRST_LEAD } else { LONGEST_LEAD };
        let earliest = after(now, -lead);
        let since = event.map_or(now, |event| after(event, -EVENT_LEAD).clamp(earliest, now));
        let since_of = |key: &(RuleName, bool)| {
            let retired = || self.retired.get(key).filter(|rule| now <= after(rule.left_at, ROLL_OUT));
            self.active_since.get(key).copied().or_else(|| retired().map(|rule| rule.since)).unwrap_or(since)
        };
        let active_since: BTreeMap<(RuleName, bool), Timestamp> = policy
            .rules
            .iter()
            .filter_map(|rule| {
                let mode = mode.max(rule.settings.mode);
                let key = (rule.name.clone(), mode == Mode::Shadow);
                (mode != Mode::Disabled).then(|| (key.clone(), since_of(&key)))
            })
            .collect();
        let left =
            self.active_since.iter().map(|(key, since)| (key, Retired { since: *since, left_at: now }));
        let retired = (self.retired.iter().map(|(key, rule)| (key, *rule)).chain(left))
            .filter(|(key, rule)| !active_since.contains_key(*key) && now <= after(rule.left_at, ROLL_OUT))
            .map(|(key, rule)| (key.clone(), rule))
            .collect();
        Self {
            version: self.version + 1,
            pauses: self.pauses.iter().filter(|pause| !pause.is_over(now)).cloned().collect(),
            live: self.live.clone(),
            package: self.package.clone(),
            activated: Some((policy.version.clone(), mode)),
            active_since,
            retired,
            unread: self.unread.clone(),
        }
    }

    /// The next version with one more pause.
    #[must_use]
    pub fn pause(&self, pause: Pause) -> Self {
        let mut next = self.clone();
        next.version += 1;
        next.pauses.push(pause);
        next
    }

    /// The next version without pauses for exactly these pipelines (`None`: those for every one).
    #[must_use]
    pub fn resume(&self, pipeline: Option<&Glob>) -> Self {
        let mut next = self.clone();
        next.version += 1;
        next.pauses.retain(|pause| pause.pipeline.as_ref() != pipeline);
        next
    }
}
