//! The keys of the policy file, map by map: those that are read, and those that this version refuses.

/// The keys that a map may have.
#[derive(Debug)]
pub(super) struct Keys {
    /// What the map is, for messages.
    pub owner: &'static str,
    /// The keys that are read.
    pub known: &'static [&'static [&'static str]],
    /// What to add when a key that must be there is not.
    pub needed: &'static [(&'static str, &'static str)],
    /// Where keys belong that people write here instead.
    pub elsewhere: &'static [(&'static [&'static str], &'static str)],
}

impl Keys {
    /// Every key that is read.
    pub fn all(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().flat_map(|keys| keys.iter().copied())
    }

    /// What to add when this key is missing.
    pub fn to_add(&self, key: &str) -> Option<&'static str> {
        self.needed.iter().find(|(needed, _)| *needed == key).map(|(_, hint)| *hint)
    }

    /// Where a key belongs that does not belong here.
    pub fn home_of(&self, key: &str) -> Option<&'static str> {
        self.elsewhere.iter().find(|(keys, _)| keys.contains(&key)).map(|(_, home)| *home)
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
    "freezes",
    "downstream",
    "notify",
    "on-give-up",
    "evidence",
    "excerpts",
];

const MATCH_KEYS: &[&str] = &["pipeline", "stage", "account", "region", "tags"];

const CLASSIFIER_MATCH_KEYS: &[&str] =
    &["provider", "category", "pipeline", "stage", "action", "code", "message"];

const BACKOFF_KEYS: &[&str] = &["initial", "factor", "max", "jitter"];

const STORM_KEYS: &[&str] = &["failures", "within", "spread"];

const FREEZE_KEYS: &[&str] = &["days", "from", "to", "timezone", "change-calendar"];

/// The whole file.
pub(super) const POLICY: Keys = Keys {
    owner: "a policy",
    known: &[&["version", "defaults", "budgets", "storm", "classifiers", "freezes", "rules"]],
    needed: &[
        ("version", "add `version: 1`"),
        ("rules", "add at least one rule: `rules: [{ name: everything, match: { pipeline: \"*\" } }]`"),
    ],
    elsewhere: &[
        (SETTINGS, "belongs under `defaults` or in a rule; indent it"),
        (&["name", "match"], "belongs in a rule; indent it"),
        (STORM_KEYS, "belongs under `storm`; indent it"),
        (MATCH_KEYS, "belongs under `match` of a rule; indent it"),
    ],
};

/// `defaults`.
pub(super) const DEFAULTS: Keys = Keys {
    owner: "`defaults`",
    known: &[SETTINGS],
    needed: &[],
    elsewhere: &[(BACKOFF_KEYS, "belongs under `backoff`; indent it")],
};

/// An entry of `rules`.
pub(super) const RULE: Keys = Keys {
    owner: "a rule",
    known: &[&["name", "match"], SETTINGS],
    needed: &[
        ("name", "add a name of your own, such as `name: everything`"),
        ("match", "add what it is about; `match: { pipeline: \"*\" }` is everything"),
    ],
    elsewhere: &[
        (MATCH_KEYS, "belongs under `match`; indent it"),
        (BACKOFF_KEYS, "belongs under `backoff`; indent it"),
    ],
};

/// `match` of a rule.
pub(super) const MATCH: Keys = Keys {
    owner: "`match`",
    known: &[MATCH_KEYS],
    needed: &[],
    elsewhere: &[(SETTINGS, "belongs in the rule, beside `match`")],
};

/// An entry of `classifiers`.
pub(super) const CLASSIFIER: Keys = Keys {
    owner: "a classifier",
    known: &[&["name", "class", "match"]],
    needed: &[
        ("name", "add a name of your own, such as `name: grid-down`"),
        ("class", "add the class that it means, such as `class: capacity`"),
        ("match", "add what it looks for, such as `match: { message: 'no free slot' }`"),
    ],
    elsewhere: &[(CLASSIFIER_MATCH_KEYS, "belongs under `match`; indent it")],
};

/// `match` of a classifier.
pub(super) const CLASSIFIER_MATCH: Keys = Keys {
    owner: "`match` of a classifier",
    known: &[CLASSIFIER_MATCH_KEYS],
    needed: &[],
    elsewhere: &[(&["name", "class"], "belongs in the classifier, beside `match`")],
};

/// `backoff` of settings.
pub(super) const BACKOFF: Keys = Keys {
    owner: "`backoff`",
    known: &[BACKOFF_KEYS],
    needed: &[
        ("initial", "add the delay before the first retry, such as `initial: 1m`"),
        ("max", "add the longest delay, such as `max: 15m`"),
    ],
    elsewhere: &[(SETTINGS, "belongs beside `backoff`")],
};

/// A value of `budgets`.
pub(super) const BUDGET: Keys = Keys {
    owner: "a budget",
    known: &[&["capacity", "refill", "per"]],
    needed: &[
        ("capacity", "add the most retries at once, such as `capacity: 20`"),
        ("refill", "add how many more there are over time, such as `refill: 60/h`"),
    ],
    elsewhere: &[],
};

/// A value of `freezes`.
pub(super) const FREEZE: Keys = Keys {
    owner: "a freeze",
    known: &[FREEZE_KEYS],
    needed: &[("timezone", "add the place whose clock is meant, such as `timezone: Europe/Berlin`")],
    elsewhere: &[],
};

/// `storm`.
pub(super) const STORM: Keys = Keys { owner: "`storm`", known: &[STORM_KEYS], needed: &[], elsewhere: &[] };

/// Every key of the format, wherever it stands.
pub(super) fn of_the_format() -> impl Iterator<Item = &'static str> {
    [&POLICY, &RULE, &MATCH, &CLASSIFIER, &CLASSIFIER_MATCH, &BACKOFF, &BUDGET, &FREEZE, &STORM]
        .into_iter()
        .flat_map(Keys::all)
}
