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
        let pattern: Vec<char> = self.0.chars().collect();
        let name: Vec<char> = name.chars().collect();
        let (mut p, mut n) = (0, 0);
        let mut last_star: Option<(usize, usize)> = None;
        while n < name.len() {
            match pattern.get(p) {
                Some('*') => {
                    last_star = Some((p, n));
                    p += 1;
                }
                Some(c) if *c == '?' || Some(c) == name.get(n) => {
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

    /// Whether everything that `other` matches is matched by this pattern too. `false` when that is not certain.
    pub fn covers(&self, other: &Self) -> bool {
        self.0 == other.0
            || !self.0.is_empty() && self.0.chars().all(|c| c == '*')
            // A pattern is matched as if it were a name, its `*` and `?` standing for themselves: sound as long as
            // this pattern's wildcards are what consume them.
            || self.covers_symbolically(other)
    }

    fn covers_symbolically(&self, other: &Self) -> bool {
        fn walk(mine: &[char], theirs: &[char]) -> bool {
            match (mine.split_first(), theirs.split_first()) {
                (None, None) => true,
                (Some(('*', mine_rest)), None) => walk(mine_rest, theirs),
                (Some(('*', mine_rest)), Some((_, theirs_rest))) => {
                    walk(mine_rest, theirs) || walk(mine, theirs_rest)
                }
                (Some(('?', mine_rest)), Some((t, theirs_rest))) => *t != '*' && walk(mine_rest, theirs_rest),
                (Some((m, mine_rest)), Some((t, theirs_rest))) => {
                    m == t && !matches!(t, '*' | '?') && walk(mine_rest, theirs_rest)
                }
                _ => false,
            }
        }
        let stars = self.0.chars().filter(|c| *c == '*').count();
        // The walk is exponential in the number of stars; beyond a few it is not certain enough to be worth it.
        stars <= 3 && walk(&self.0.chars().collect::<Vec<_>>(), &other.0.chars().collect::<Vec<_>>())
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
            ("web-*", "web-shop", true),
            ("web-*", "web-s*", true),
            ("web-?", "web-*", false),
            ("web-*", "*", false),
            ("Prod*", "Prod", true),
            ("?", "a", true),
            ("a", "?", false),
        ] {
            assert_eq!(Glob::new(wide).covers(&Glob::new(narrow)), expected, "{wide} over {narrow}");
        }
    }

    proptest! {
        #[test]
        fn what_is_covered_is_matched(wide in "[ab*?]{0,5}", narrow in "[ab*?]{0,5}", name in "[ab]{0,6}") {
            let (wide, narrow) = (Glob::new(wide), Glob::new(narrow));
            if wide.covers(&narrow) && narrow.matches(&name) {
                prop_assert!(wide.matches(&name));
            }
        }
    }
}
