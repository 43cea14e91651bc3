//! Name patterns of the policy: `*` for any run of characters, `?` for exactly one; case-sensitive.

use std::fmt;

/// A pattern that names are matched against.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(String);

impl Glob {
    /// Every text is a pattern; one without `*` and `?` matches only itself.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole name matches. Linear in the name for each `*`, without backtracking beyond the last one.
    pub fn matches(&self, name: &str) -> bool {
        self.walk(name, |mine, c| mine == '?' || mine == c)
    }

    /// Whether everything that `other` matches is matched by this pattern too. `false` when that is not certain.
    pub fn covers(&self, other: &Self) -> bool {
        self.consumes(&other.0)
    }

    /// Whether certainly no name matches both patterns. `false` when that is not certain.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        fn differ(some: impl Iterator<Item = char>, others: impl Iterator<Item = char>) -> bool {
            some.zip(others)
                .take_while(|(one, other)| *one != '*' && *other != '*')
                .any(|(one, other)| one != '?' && other != '?' && one != other)
        }
        match (self.is_name(), other.is_name()) {
            (true, _) => !other.matches(&self.0),
            (_, true) => !self.matches(&other.0),
            _ => {
                differ(self.0.chars(), other.0.chars()) || differ(self.0.chars().rev(), other.0.chars().rev())
            }
        }
    }

    /// Whether it matches only itself.
    fn is_name(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// Matches another pattern as if it were a name whose `*` and `?` stand for themselves. Of these, only a `*` of
    /// this pattern may consume a `*`, and a `*` or `?` a `?`.
    fn consumes(&self, other: &str) -> bool {
        self.walk(other, |mine, theirs| match mine {
            '?' => theirs != '*',
            _ => mine == theirs && theirs != '?',
        })
    }

    /// Whether the pattern matches the whole text, where `one` says what a character other than `*` consumes.
    fn walk(&self, text: &str, one: impl Fn(char, char) -> bool) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let text: Vec<char> = text.chars().collect();
        let (mut p, mut n) = (0, 0);
        let mut last_star: Option<(usize, usize)> = None;
        while let Some(c) = text.get(n) {
            match pattern.get(p) {
                Some('*') => {
                    last_star = Some((p, n));
                    p += 1;
                }
                Some(mine) if one(*mine, *c) => {
                    p += 1;
                    n += 1;
                }
                _ => match last_star {
                    Some((star, start)) => {
                        last_star = Some((star, start + 1));
                        p = star + 1;
                        n = start + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern.iter().skip(p).all(|c| *c == '*')
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("web-*", "web-shop", true),
            ("web-*", "web-", true),
            ("web-*", "api-shop", false),
            ("E2E?", "E2E1", true),
            ("E2E?", "E2E", false),
            ("*-prod-*", "eu-prod-1-prod-", true),
            ("*b", "aab", true),
            ("*b", "aba", false),
            ("Test", "test", false),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a-b-b-c", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn covering() {
        for (wide, narrow, expected) in [
            ("*", "web-*", true),
            ("**", "*?", true),
            ("", "", true),
            ("", "a", false),
            ("*?a*", "*?a*", true),
            ("web-*", "web-shop", true),
            ("web-*", "web-s*", true),
            ("web-?", "web-*", false),
            ("web-*", "*", false),
            ("Prod*", "Prod", true),
            ("?", "a", true),
            ("a", "?", false),
            ("?", "?", true),
            ("?*", "*?", false),
            ("*a*b*c*d*", "*a*b*x*c*d", true),
        ] {
            assert_eq!(Glob::new(wide).covers(&Glob::new(narrow)), expected, "{wide} over {narrow}");
        }
    }

    #[test]
    fn being_apart() {
        for (one, other, expected) in [
            ("web-*", "shop-*", true),
            ("*-eu", "*-us", true),
            ("web-*", "*-eu", false),
            ("web", "web-*", true),
            ("web-eu", "web-*", false),
            ("w?b*", "web*", false),
            ("w?b*", "was*", true),
            ("*", "web", false),
            ("", "*", false),
            ("", "?", true),
        ] {
            let (one, other) = (Glob::new(one), Glob::new(other));
            assert_eq!(one.is_apart_from(&other), expected, "{one} and {other}");
            assert_eq!(other.is_apart_from(&one), expected, "{other} and {one}");
        }
    }

    proptest! {
        #[test]
        fn what_is_apart_has_no_name_in_common(one in "[ab*?]{0,5}", other in "[ab*?]{0,5}", name in "[ab]{0,6}") {
            let (one, other) = (Glob::new(one), Glob::new(other));
            if one.is_apart_from(&other) {
                prop_assert!(!(one.matches(&name) && other.matches(&name)));
            }
        }

        #[test]
        fn what_is_covered_is_matched(wide in "[ab*?]{0,5}", narrow in "[ab*?]{0,5}", name in "[ab]{0,6}") {
            let (wide, narrow) = (Glob::new(wide), Glob::new(narrow));
            if wide.covers(&narrow) && narrow.matches(&name) {
                prop_assert!(wide.matches(&name));
            }
        }
    }
}
