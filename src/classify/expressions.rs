//! Many expressions over the lines of a text, quickly: each is run only where a literal stands without which it cannot
//! match, and compiled only then.
//!
//! Which literals these are is written down in `needed.txt`: to find out takes longer than everything else that a function
//! does with its first failure. A test holds the file against the expressions, and writes it where it is told to.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::literals::Literals;
use super::matcher::Matcher;

/// Each literal, in lower case, behind the numbers of the expressions that need it or another one of theirs; and on a line
/// without a literal the numbers of those that need none.
const NEEDED: &str = include_str!("needed.txt");

/// Expressions, each by its number.
pub(super) struct Expressions {
    sources: Vec<&'static str>,
    compiled: Vec<OnceLock<Matcher>>,
    literals: Literals,
    /// For each literal, the expressions that need it.
    of_literal: Vec<Vec<usize>>,
    /// Those that need none.
    always: Vec<usize>,
}

impl Expressions {
    /// Takes in the expressions that `needed.txt` is about. They are searched without regard to case.
    pub(super) fn new(sources: Vec<&'static str>) -> Self {
        let (mut literals, mut of_literal, mut always) = (Vec::new(), Vec::new(), Vec::new());
        for line in NEEDED.lines() {
            let (numbers, literal) = line.split_once('\t').unwrap_or((line, ""));
            let numbers = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
            if literal.is_empty() {
                always = numbers;
            } else {
                literals.push(literal);
                of_literal.push(numbers);
            }
        }
        let compiled = sources.iter().map(|_| OnceLock::new()).collect();
        Self { sources, compiled, literals: Literals::new(literals), of_literal, always }
    }

    /// All of them, in the order of their numbers.
    #[cfg(test)]
    pub(super) fn sources(&self) -> &[&'static str] {
        &self.sources
    }

    /// For each line the numbers of those that match somewhere in it.
    pub(super) fn matches<'a>(&self, lines: impl Iterator<Item = &'a str> + Clone) -> Vec<Vec<usize>> {
        let mut text = String::new();
        let mut ends = Vec::new();
        for line in lines.clone() {
            text.push_str(line);
            text.push('\n');
            ends.push(text.len());
        }
        text.make_ascii_lowercase();
        let always: BTreeSet<usize> = self.always.iter().copied().collect();
        let mut possible = vec![always; ends.len()];
        for (literal, at) in self.literals.find(text.as_bytes()) {
            let line = ends.partition_point(|end| *end <= at);
            if let (Some(line), Some(numbers)) = (possible.get_mut(line), self.of_literal.get(literal)) {
                line.extend(numbers);
            }
        }
        let matching = |(line, possible): (&str, BTreeSet<usize>)| {
            possible.into_iter().filter(|number| self.is_match(*number, line)).collect()
        };
        lines.zip(possible).map(matching).collect()
    }

    fn is_match(&self, number: usize, line: &str) -> bool {
        let (Some(source), Some(compiled)) = (self.sources.get(number), self.compiled.get(number)) else {
            return false;
        };
        compiled.get_or_init(|| Matcher::new(&[source])).is_match(line)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BTreeMap;
    use std::fmt::Write as _;
    use std::path::Path;

    use proptest::prelude::*;
    use regex::bytes::Regex;
    use regex_syntax::ParserBuilder;
    use regex_syntax::hir::{Hir, HirKind};

    use super::*;
    use crate::classify::line::expression;
    use crate::classify::literals::LEAST;
    use crate::classify::search;

    /// Literals, in lower case, of which every match of the expression holds at least one.
    fn needed(source: &str) -> Option<Vec<Vec<u8>>> {
        let parsed = ParserBuilder::new().unicode(false).utf8(false).build().parse(source).ok()?;
        let mut literals = needed_by(&parsed)?;
        for literal in &mut literals {
            literal.make_ascii_lowercase();
        }
        literals.sort();
        literals.dedup();
        (shortest(&literals) >= LEAST).then_some(literals)
    }

    fn needed_by(hir: &Hir) -> Option<Vec<Vec<u8>>> {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => None,
            HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
            HirKind::Repetition(repetition) => {
                (repetition.min > 0).then(|| needed_by(&repetition.sub)).flatten()
            }
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
        search::sources()
    }

    /// What `needed.txt` is to say. `WRITE_NEEDED=1` writes it.
    #[test]
    fn what_is_written_down_is_what_the_expressions_need() {
        let mut needing: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for (number, source) in built_in().into_iter().enumerate() {
            for literal in needed(source).unwrap_or_else(|| vec![Vec::new()]) {
                needing.entry(literal).or_default().push(number);
            }
        }
        let mut text = String::new();
        for (literal, numbers) in needing {
            let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
            let literal = String::from_utf8(literal).unwrap();
            assert!(!literal.contains(['\n', '\r']), "{literal:?}");
            writeln!(text, "{}\t{literal}", numbers.join(" ")).unwrap();
        }
        if option_env!("WRITE_NEEDED").is_some() {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/classify/needed.txt");
            std::fs::write(file, &text).unwrap();
        }
        assert!(
            text == NEEDED,
            "the expressions have changed: run this test with WRITE_NEEDED=1, and then without"
        );
    }

    #[test]
    fn every_built_in_expression_compiles() {
        for source in built_in() {
            drop(Matcher::new(&[source]));
        }
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
        fn none_that_matches_is_spared(lines in proptest::collection::vec(line(), 0..4)) {
            static ALL: OnceLock<(Expressions, Vec<Regex>)> = OnceLock::new();
            let (expressions, each) = ALL.get_or_init(|| {
                let sources = built_in();
                (Expressions::new(sources.clone()), sources.into_iter().map(expression).collect())
            });
            let matching = |line: &String| -> Vec<usize> {
                (0..each.len()).filter(|number| each[*number].is_match(line.as_bytes())).collect()
            };
            let expected: Vec<Vec<usize>> = lines.iter().map(matching).collect();
            prop_assert_eq!(expressions.matches(lines.iter().map(String::as_str)), expected);
        }
    }
}
