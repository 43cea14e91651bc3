//! The controls as JSON and back, exactly. As with records, members that this release does not know stay as they are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{instant, optional};
use super::whole::{self, Known};
use crate::domain::controls::{Controls, Pause, Retired};
use crate::domain::glob::Glob;
use crate::domain::ids::RuleName;
use crate::domain::live::{LivePolicy, Package, Pushed};
use crate::domain::policy::{Mode, PolicyVersion};
use crate::domain::unread::Unread;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ControlsDocument {
    version: u64,
    pauses: Vec<PauseDocument>,
    #[serde(deserialize_with = "Option::deserialize")]
    live: Option<LiveDocument>,
    #[serde(deserialize_with = "Option::deserialize")]
    package: Option<PackageDocument>,
    #[serde(deserialize_with = "Option::deserialize")]
    activated: Option<ActivatedDocument>,
    active_since: Vec<RuleDocument>,
    retired: Vec<RetiredDocument>,
}

impl Known for ControlsDocument {
    const MEMBERS: &'static [&'static str] =
        &["version", "pauses", "live", "package", "activated", "active-since", "retired"];
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PauseDocument {
    #[serde(deserialize_with = "Option::deserialize")]
    pipeline: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    until: Option<String>,
    reason: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LiveDocument {
    number: u64,
    policy_version: String,
    #[serde(deserialize_with = "Option::deserialize")]
    restores: Option<u64>,
    since: String,
    by: String,
    #[serde(deserialize_with = "Option::deserialize")]
    beside: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    taken_over: Option<TakenOverDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TakenOverDocument {
    policy_version: String,
    at: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PackageDocument {
    policy_version: String,
    since: String,
    #[serde(deserialize_with = "Option::deserialize")]
    before: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ActivatedDocument {
    policy_version: String,
    mode: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RuleDocument {
    rule: String,
    shadow: bool,
    since: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RetiredDocument {
    rule: String,
    shadow: bool,
    since: String,
    left_at: String,
}

/// The controls as JSON.
pub(super) fn body(controls: &Controls) -> String {
    whole::written(&ControlsDocument::of(controls), &controls.unread)
}

impl ControlsDocument {
    fn of(controls: &Controls) -> Self {
        let Controls { version, pauses, live, package, activated, active_since, retired, unread: _ } =
            controls;
        Self {
            version: *version,
            pauses: (pauses.iter())
                .map(|pause| PauseDocument {
                    pipeline: pause.pipeline.as_ref().map(Glob::to_string),
                    until: pause.until.as_ref().map(Timestamp::to_string),
                    reason: pause.reason.clone(),
                })
                .collect(),
            live: live.as_deref().map(LiveDocument::of),
            package: package.as_ref().map(|package| PackageDocument {
                policy_version: package.version.0.clone(),
                since: package.since.to_string(),
                before: package.before.as_ref().map(|version| version.0.clone()),
            }),
            activated: activated.as_ref().map(|(version, mode)| ActivatedDocument {
                policy_version: version.0.clone(),
                mode: mode.as_str().to_owned(),
            }),
            active_since: (active_since.iter())
                .map(|((rule, shadow), since)| RuleDocument {
                    rule: rule.to_string(),
                    shadow: *shadow,
                    since: since.to_string(),
                })
                .collect(),
            retired: (retired.iter())
                .map(|((rule, shadow), retired)| RetiredDocument {
                    rule: rule.to_string(),
                    shadow: *shadow,
                    since: retired.since.to_string(),
                    left_at: retired.left_at.to_string(),
                })
                .collect(),
        }
    }

    /// The controls, unless something in them is not what it should be.
    pub(super) fn controls(self, unread: Unread) -> Option<Controls> {
        let rule = |name: String, shadow: bool| Some((RuleName::parse(name).ok()?, shadow));
        Some(Controls {
            version: self.version,
            pauses: self.pauses.into_iter().map(PauseDocument::pause).collect::<Option<_>>()?,
            live: optional(self.live, |live| live.live().map(Box::new))?,
            package: optional(self.package, |package| {
                Some(Box::new(Package {
                    version: PolicyVersion(package.policy_version),
                    since: instant(&package.since)?,
                    before: package.before.map(PolicyVersion),
                }))
            })?,
            activated: optional(self.activated, |activated| {
                Some((PolicyVersion(activated.policy_version), Mode::parse(&activated.mode)?))
            })?,
            active_since: (self.active_since.into_iter())
                .map(|of| Some((rule(of.rule, of.shadow)?, instant(&of.since)?)))
                .collect::<Option<_>>()?,
            retired: (self.retired.into_iter())
                .map(|of| {
                    let retired = Retired { since: instant(&of.since)?, left_at: instant(&of.left_at)? };
                    Some((rule(of.rule, of.shadow)?, retired))
                })
                .collect::<Option<_>>()?,
            unread,
        })
    }
}

impl LiveDocument {
    fn of(live: &LivePolicy) -> Self {
        let LivePolicy { policy, since, by, beside, taken_over } = live;
        Self {
            number: policy.number,
            policy_version: policy.version.0.clone(),
            restores: policy.restores,
            since: since.to_string(),
            by: by.clone(),
            beside: beside.as_ref().map(|version| version.0.clone()),
            taken_over: taken_over.as_ref().map(|(version, at)| TakenOverDocument {
                policy_version: version.0.clone(),
                at: at.to_string(),
            }),
        }
    }

    fn live(self) -> Option<LivePolicy> {
        let version = PolicyVersion(self.policy_version);
        Some(LivePolicy {
            policy: Pushed { number: self.number, version, restores: self.restores },
            since: instant(&self.since)?,
            by: self.by,
            beside: self.beside.map(PolicyVersion),
            taken_over: optional(self.taken_over, |taken| {
                Some((PolicyVersion(taken.policy_version), instant(&taken.at)?))
            })?,
        })
    }
}

impl PauseDocument {
    fn pause(self) -> Option<Pause> {
        Some(Pause {
            pipeline: self.pipeline.map(Glob::new),
            until: optional(self.until, |text| instant(&text))?,
            reason: self.reason,
        })
    }
}
