//! Many expressions over one line, quickly: each is run only where a literal stands without which it cannot match, and
//! compiled only then.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex::bytes::Regex;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

use super::line::expression;

/// A literal shorter than this, in bytes, stands on every other line, and spares nothing.
const SHORTEST: usize = 3;

/// Expressions, each by its number.
pub(super) struct Expressions {
    sources: Vec<&'static str>,
    compiled: Vec<OnceLock<Regex>>,
    /// All literals at once, and for each the expressions that need it.
    literals: AhoCorasick,
    of_literal: Vec<Vec<usize>>,
    /// Those that need none.
    always: Vec<usize>,
}

impl Expressions {
    /// Takes the expressions in. They are searched without regard to case.
    pub(super) fn new(sources: Vec<&'static str>) -> Self {
        let mut needing: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        let mut always = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            match needed(source) {
                Some(literals) => {
                    for literal in literals {
                        needing.entry(literal).or_default().push(number);
                    }
                }
                None => always.push(number),
            }
        }
        #[expect(clippy::expect_used, reason = "constant literals, which every test of a class builds")]
        let literals = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(needing.keys())
            .expect("constant literals build");
        let compiled = sources.iter().map(|_| OnceLock::new()).collect();
        Self { sources, compiled, literals, of_literal: needing.into_values().collect(), always }
    }

    /// The numbers of those that match somewhere in the line.
    pub(super) fn matches(&self, line: &str) -> Vec<usize> {
        let possible: BTreeSet<usize> = (self.literals.find_overlapping_iter(line))
            .filter_map(|found| self.of_literal.get(found.pattern().as_usize()))
            .flatten()
            .chain(&self.always)
            .copied()
            .collect();
        possible.into_iter().filter(|number| self.is_match(*number, line)).collect()
    }

    fn is_match(&self, number: usize, line: &str) -> bool {
        let (Some(source), Some(compiled)) = (self.sources.get(number), self.compiled.get(number)) else {
            return false;
        };
        compiled.get_or_init(|| expression(source)).is_match(line.as_bytes())
    }
}

/// Literals, in lower case, of which every match of the expression holds at least one.
fn needed(source: &str) -> Option<Vec<Vec<u8>>> {
    let parsed = ParserBuilder::new().unicode(false).utf8(false).build().parse(source).ok()?;
    let mut literals = needed_by(&parsed)?;
    for literal in &mut literals {
        literal.make_ascii_lowercase();
    }
    literals.sort();
    literals.dedup();
    (shortest(&literals) >= SHORTEST).then_some(literals)
}

fn needed_by(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => None,
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Repetition(repetition) => (repetition.min > 0).then(|| needed_by(&repetition.sub)).flatten(),
        HirKind::Capture(capture) => needed_by(&capture.sub),
        HirKind::Alternation(each) => {
            each.iter().map(needed_by).collect::<Option<Vec<_>>>().map(|literals| literals.concat())
        }
        // Any of them would do: the one that is seen least often.
        HirKind::Concat(all) => all
            .iter()
            .filter_map(needed_by)
            .max_by_key(|literals| (shortest(literals), Reverse(literals.len()))),
    }
}

fn shortest(literals: &[Vec<u8>]) -> usize {
    literals.iter().map(Vec::len).min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::classify::signatures;

    #[test]
    fn what_an_expression_needs() {
        for (source, expected) in [
            (r"\bConnection (?:reset|closed)\b", Some(vec!["connection "])),
            (r"\b(?:ECONNRESET|EPIPE)\b", Some(vec!["econnreset", "epipe"])),
            (r"\d+ (?:failed|failures?)", Some(vec!["failed", "failure"])),
            (r"(?:a lock)+ is", Some(vec!["a lock"])),
            (r"(?:lock)? is", Some(vec![" is"])),
            (r"\b42\b", None),
            (r"lock|\d+", None),
            (r"\w+", None),
        ] {
            let expected =
                expected.map(|all| all.into_iter().map(|one| one.as_bytes().to_vec()).collect::<Vec<_>>());
            assert_eq!(needed(source), expected, "{source}");
        }
    }

    fn built_in() -> Vec<&'static str> {
        let all: BTreeSet<&str> = signatures::all()
            .flat_map(|one| [one.patterns, one.beside, one.without, one.unless])
            .flatten()
            .copied()
            .collect();
        all.into_iter().collect()
    }

    #[test]
    fn nearly_every_built_in_expression_needs_something() {
        let all = built_in();
        let always: Vec<&&str> = all.iter().filter(|source| needed(source).is_none()).collect();
        assert!(always.len() * 10 < all.len(), "{} of {}: {always:#?}", always.len(), all.len());
    }

    /// Words of the expressions themselves, so that many of them match.
    fn line() -> impl Strategy<Value = String> {
        let words: Vec<String> = built_in()
            .into_iter()
            .filter_map(needed)
            .flatten()
            .map(|literal| String::from_utf8(literal).unwrap())
            .collect();
        let word = prop_oneof![
            6 => proptest::sample::select(words),
            1 => "[A-Za-z0-9 :./-]{0,8}",
            1 => Just("503".to_owned()),
        ];
        proptest::collection::vec(
            (word, prop_oneof![3 => Just(" "), 1 => Just(": "), 1 => Just("")], any::<bool>()),
            0..8,
        )
        .prop_map(|words| {
            let written = |(word, after, is_upper): (String, &str, bool)| {
                (if is_upper { word.to_uppercase() } else { word }) + after
            };
            words.into_iter().map(written).collect()
        })
    }

    proptest! {
        #[test]
        fn none_that_matches_is_spared(line in line()) {
            static ALL: OnceLock<(Expressions, Vec<Regex>)> = OnceLock::new();
            let (expressions, each) = ALL.get_or_init(|| {
                let sources = built_in();
                (Expressions::new(sources.clone()), sources.into_iter().map(expression).collect())
            });
            let matching: Vec<usize> =
                (0..each.len()).filter(|number| each[*number].is_match(line.as_bytes())).collect();
            prop_assert_eq!(expressions.matches(&line), matching);
        }
    }
}
