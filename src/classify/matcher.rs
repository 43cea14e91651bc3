//! Expressions that are only asked whether they match. What `regex` can do beyond that is most of the work of making one: the
//! way back to where a match began, captures, and a search for literals, which has been made already.

use std::panic::{RefUnwindSafe, UnwindSafe};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::pool::Pool;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind, PatternSet};

/// Most memory for what a search learns about a matcher's texts, in bytes; beyond it, it forgets and learns anew.
const CACHE: usize = 1024 * 1024;

/// Expressions over bytes, without regard to case. All are looked for at once, in one pass.
pub(super) struct Matcher {
    automaton: DFA,
    caches: Pool<Cache, MakeCache>,
}

type MakeCache = Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>;

impl Matcher {
    /// Of constants, each of which a test compiles.
    pub(super) fn new(patterns: &[&str]) -> Self {
        let thompson = thompson::Config::new().which_captures(WhichCaptures::None).utf8(false);
        let config = DFA::config().match_kind(MatchKind::All).cache_capacity(CACHE);
        #[expect(clippy::expect_used, reason = "every expression is a constant that a test compiles")]
        let automaton = DFA::builder()
            .syntax(syntax::Config::new().unicode(false).utf8(false).case_insensitive(true))
            .thompson(thompson)
            .configure(config)
            .build_many(patterns)
            .expect("constant expressions compile");
        let of = automaton.clone();
        Self { automaton, caches: Pool::new(Box::new(move || of.create_cache())) }
    }

    /// Whether any of them matches somewhere in the text.
    pub(super) fn is_match(&self, text: &str) -> bool {
        let input = Input::new(text).earliest(true);
        self.automaton.try_search_fwd(&mut self.caches.get(), &input).is_ok_and(|found| found.is_some())
    }

    /// The number of the first of them that matches somewhere in the text.
    pub(super) fn first(&self, text: &str) -> Option<usize> {
        let mut found = PatternSet::new(self.automaton.pattern_len());
        let input = Input::new(text);
        self.automaton.try_which_overlapping_matches(&mut self.caches.get(), &input, &mut found).ok()?;
        found.iter().map(|number| number.as_usize()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_matches_is_told() {
        let matcher = Matcher::new(&[r"^\d+ failed\b", r"\bfail", r"ed$"]);
        for (text, first) in [
            ("3 FAILED", Some(0)),
            ("it failed", Some(1)),
            ("it ended", Some(2)),
            ("it ends", None),
            ("", None),
        ] {
            assert_eq!(matcher.first(text), first, "{text}");
            assert_eq!(matcher.is_match(text), first.is_some(), "{text}");
        }
    }
}
