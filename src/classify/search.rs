//! Looks for the built-in signatures and weighs those that match.

use std::cmp::Reverse;
use std::sync::OnceLock;

use super::Subject;
use super::expressions::Expressions;
use super::line::{Kind, Line, lines};
use super::signature::{Signature, Strength};
use super::signatures;
use crate::domain::evidence::{Classified, Found, Text};

/// A signature with the numbers of its expressions in the set.
struct Entry {
    signature: &'static Signature,
    is_transient: bool,
    patterns: Vec<usize>,
    beside: Vec<usize>,
    without: Vec<usize>,
    unless: Vec<usize>,
}

/// All signatures, and all their expressions, each of which is there once.
struct Table {
    entries: Vec<Entry>,
    expressions: Expressions,
}

/// Built when the first text is looked at, and kept.
fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut expressions_of_all: Vec<&'static str> = Vec::new();
        let mut number = |patterns: &'static [&'static str]| -> Vec<usize> {
            patterns
                .iter()
                .map(|pattern| {
                    let known = expressions_of_all.iter().position(|known| known == pattern);
                    known.unwrap_or_else(|| {
                        expressions_of_all.push(pattern);
                        expressions_of_all.len() - 1
                    })
                })
                .collect()
        };
        let entries = signatures::all()
            .map(|signature| Entry {
                signature,
                is_transient: signature.is_transient(),
                patterns: number(signature.patterns),
                beside: number(signature.beside),
                without: number(signature.without),
                unless: number(signature.unless),
            })
            .collect();
        Table { entries, expressions: Expressions::new(expressions_of_all) }
    })
}

/// A match: what decides between two, the better one being less.
type Rank = (Reverse<Strength>, bool, usize);

/// What the best of the built-in signatures says.
pub(super) fn best(subject: &Subject<'_>) -> Option<Classified> {
    let table = table();
    let texts: Vec<(&Text, Vec<Seen>)> =
        subject.texts.iter().map(|text| (text, seen(table, text.text.expose()))).collect();
    let ranked = table.entries.iter().enumerate().filter_map(|(index, entry)| {
        let rank: Rank = (Reverse(entry.signature.strength), entry.is_transient, index);
        let found = found(entry, subject, &texts)?;
        Some((rank, entry, found))
    });
    let (_, entry, found) = ranked.min_by_key(|(rank, ..)| *rank)?;
    Some(Classified {
        class: entry.signature.class,
        signature: entry.signature.name.to_owned(),
        reason: entry.signature.reason.to_owned(),
        found,
    })
}

/// A line with the numbers of the expressions that match it.
struct Seen {
    line: Line,
    matches: Vec<usize>,
}

fn seen(table: &Table, text: &str) -> Vec<Seen> {
    lines(text)
        .into_iter()
        .map(|line| {
            let matches = table.expressions.matches(&line.text);
            Seen { line, matches }
        })
        .collect()
}

/// Whether the signature matches, and where; nowhere when a code alone decides.
#[expect(clippy::option_option, reason = "whether it matches, and then whether at a place")]
fn found(entry: &Entry, subject: &Subject<'_>, texts: &[(&Text, Vec<Seen>)]) -> Option<Option<Found>> {
    let signature = entry.signature;
    let provider = signature.providers.is_empty()
        || signature.providers.iter().any(|prefix| subject.provider.starts_with(prefix));
    let category = signature.categories.is_empty()
        || subject.category.is_some_and(|category| signature.categories.contains(&category));
    if !(provider && category) {
        return None;
    }
    let is_ours = |code: Option<&str>| code.is_some_and(|code| signature.codes.contains(&code));
    if entry.patterns.is_empty() {
        let beside = texts.iter().any(|(text, _)| is_ours(text.code.as_deref()));
        return (is_ours(subject.code) || beside).then_some(None);
    }
    texts.iter().find_map(|(text, seen)| {
        let place = signature.places.is_empty() || signature.places.contains(&text.place);
        let code = signature.codes.is_empty() || is_ours(subject.code) || is_ours(text.code.as_deref());
        if !(place && code && has_beside(entry, seen)) {
            return None;
        }
        let line = seen.iter().find(|seen| matches(entry, seen))?;
        Some(Some(Found { place: text.place, line: line.line.number }))
    })
}

fn has_beside(entry: &Entry, seen: &[Seen]) -> bool {
    let any = |numbers: &[usize]| seen.iter().any(|seen| intersect(numbers, &seen.matches));
    (entry.beside.is_empty() || any(&entry.beside)) && !any(&entry.without)
}

fn matches(entry: &Entry, seen: &Seen) -> bool {
    tells(entry, seen.line.kind)
        && intersect(&entry.patterns, &seen.matches)
        && !intersect(&entry.unless, &seen.matches)
}

fn tells(entry: &Entry, kind: Kind) -> bool {
    entry.signature.any_line
        || if entry.is_transient { kind.tells_of_transient() } else { kind.tells_of_lasting() }
}

fn intersect(some: &[usize], others: &[usize]) -> bool {
    some.iter().any(|one| others.contains(one))
}
