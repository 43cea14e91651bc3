//! The keys of the policy file, map by map: those that are read, and those that this version refuses.

/// The keys that a map may have.
#[derive(Debug)]
pub(super) struct Keys {
    /// What the map is, for messages.
    pub owner: &'static str,
    /// The keys that are read.
    pub known: &'static [&'static [&'static str]],
    /// Keys of the format that this version does not carry out, and therefore does not accept.
    pub later: &'static [&'static str],
}

impl Keys {
    /// Every key that is read.
    pub fn all(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().flat_map(|keys| keys.iter().copied())
    }
}

/// Settings, which `defaults` and every rule may have.
const SETTINGS: &[&str] = &[
    "mode",
    "retry-on",
    "max-retries",
    "retry-mode",
    "backoff",
    "give-up-after",
    "budgets",
    "parallel",
    "evidence",
];

const LATER_SETTINGS: &[&str] = &["freezes", "downstream", "on-give-up", "notify"];

/// The whole file.
pub(super) const POLICY: Keys = Keys {
    owner: "a policy",
    known: &[&["version", "defaults", "budgets", "rules"]],
    later: &["storm", "classifiers", "freezes"],
};

/// `defaults`.
pub(super) const DEFAULTS: Keys = Keys { owner: "`defaults`", known: &[SETTINGS], later: LATER_SETTINGS };

/// An entry of `rules`.
pub(super) const RULE: Keys =
    Keys { owner: "a rule", known: &[&["name", "match"], SETTINGS], later: LATER_SETTINGS };

/// `match` of a rule.
pub(super) const MATCH: Keys =
    Keys { owner: "`match`", known: &[&["pipeline", "stage", "account", "region"]], later: &["tags"] };

/// `backoff` of settings.
pub(super) const BACKOFF: Keys =
    Keys { owner: "`backoff`", known: &[&["initial", "factor", "max", "jitter"]], later: &[] };

/// A value of `budgets`.
pub(super) const BUDGET: Keys =
    Keys { owner: "a budget", known: &[&["capacity", "refill", "per"]], later: &[] };
