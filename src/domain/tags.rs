//! Tags of pipelines, and what a rule asks of them.

use std::collections::BTreeMap;

use super::glob::Glob;
use super::pipeline::Gap;

/// A pipeline's tags: keys of 1 to 128 characters, values of up to 256, upper and lower case different (CodePipeline API
/// reference, `Tag`).
pub type Tags = BTreeMap<String, String>;

/// What is known of a pipeline's tags; [`Gap::NotRead`] until somebody asks.
pub type TagsReading = Result<Tags, Gap>;

/// No tags.
pub static NO_TAGS: Tags = BTreeMap::new();

/// What a rule asks of tags: every key must be there, with a value that one of its patterns matches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct TagSelector(pub BTreeMap<String, Vec<Glob>>);

impl TagSelector {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a pipeline with these tags is meant.
    pub fn matches(&self, tags: &Tags) -> bool {
        self.0.keys().all(|key| self.matching(key, tags).is_some())
    }

    /// The pattern that each key's value matches, in the order of keys; keys that do not match are left out.
    pub fn matched<'a>(&'a self, tags: &'a Tags) -> impl Iterator<Item = (&'a str, &'a Glob)> {
        self.0.keys().filter_map(|key| Some((key.as_str(), self.matching(key, tags)?)))
    }

    fn matching(&self, key: &str, tags: &Tags) -> Option<&Glob> {
        let value = tags.get(key)?;
        self.0.get(key)?.iter().find(|glob| glob.matches(value))
    }

    /// Whether every pipeline that `other` means is meant here too. `false` when that is not certain.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.iter().all(|(key, wide)| {
            let covered = |narrow: &Glob| wide.iter().any(|wide| wide.covers(narrow));
            other.0.get(key).is_some_and(|narrow| narrow.iter().all(covered))
        })
    }

    /// Whether some of what `other` means is certainly meant here, for each key by itself.
    pub fn covers_some_of(&self, other: &Self) -> bool {
        self.0.iter().all(|(key, wide)| {
            let covered = |narrow: &Glob| wide.iter().any(|wide| wide.covers(narrow));
            other.0.get(key).is_some_and(|narrow| narrow.iter().any(covered))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(entries: &[(&str, &[&str])]) -> TagSelector {
        let globs = |globs: &[&str]| globs.iter().map(|glob| Glob::new(*glob)).collect();
        TagSelector(entries.iter().map(|(key, values)| ((*key).to_owned(), globs(values))).collect())
    }

    fn tags(entries: &[(&str, &str)]) -> Tags {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_key_must_be_there_with_one_of_its_values() {
        let wanted = selector(&[("team", &["web", "shop-*"]), ("critical", &["*"])]);
        for (given, expected) in [
            (tags(&[("team", "web"), ("critical", "")]), true),
            (tags(&[("team", "shop-eu"), ("critical", "yes"), ("more", "x")]), true),
            (tags(&[("team", "Web"), ("critical", "yes")]), false),
            (tags(&[("Team", "web"), ("critical", "yes")]), false),
            (tags(&[("team", "web")]), false),
            (tags(&[]), false),
        ] {
            assert_eq!(wanted.matches(&given), expected, "{given:?}");
        }
        assert!(TagSelector::default().matches(&NO_TAGS));
    }

    #[test]
    fn the_pattern_that_matched_is_named() {
        let wanted = selector(&[("team", &["web", "shop-*"])]);
        let given = tags(&[("team", "shop-eu")]);
        let matched: Vec<_> = wanted.matched(&given).map(|(key, glob)| (key, glob.as_str())).collect();
        assert_eq!(matched, [("team", "shop-*")]);
    }

    #[test]
    fn covering() {
        let everything = TagSelector::default();
        let web = selector(&[("team", &["web"])]);
        let any_team = selector(&[("team", &["*"])]);
        let web_in_production = selector(&[("team", &["web"]), ("env", &["prod"])]);
        let web_or_shop = selector(&[("team", &["web", "shop"])]);
        for (wide, narrow, expected) in [
            (&everything, &web, true),
            (&web, &everything, false),
            (&any_team, &everything, false),
            (&any_team, &web_or_shop, true),
            (&web, &web_in_production, true),
            (&web_in_production, &web, false),
            (&web, &web_or_shop, false),
            (&web_or_shop, &web, true),
        ] {
            assert_eq!(wide.covers(narrow), expected, "{wide:?} over {narrow:?}");
        }
        assert!(web.covers_some_of(&web_or_shop));
        assert!(!web.covers_some_of(&everything));
    }
}
