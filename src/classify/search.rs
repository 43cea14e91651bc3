//! Looks for the built-in signatures and weighs those that match.

use std::cmp::Reverse;
use std::sync::OnceLock;

use super::Subject;
use super::expressions::Expressions;
use super::line::{Kind, Line, lines};
use super::signature::{Signature, Strength};
use super::signatures;
use crate::domain::class::Class;
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

/// The expressions, each at its number.
#[cfg(test)]
pub(super) fn sources() -> Vec<&'static str> {
    table().expressions.sources().to_vec()
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
    let texts: Vec<Read<'_>> = subject.texts.iter().map(|text| read(table, subject, text)).collect();
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

/// A text that was looked at.
struct Read<'a> {
    text: &'a Text,
    seen: Vec<Seen>,
    /// Number of the last line that tells of a failure that stays, or that the work went on: whatever passes by itself and
    /// was told before had been survived.
    survived_to: u32,
}

/// A line with the numbers of the expressions that match it.
struct Seen {
    line: Line,
    matches: Vec<usize>,
}

fn read<'a>(table: &Table, subject: &Subject<'_>, text: &'a Text) -> Read<'a> {
    let lines = lines(text.text.expose());
    let matches = table.expressions.matches(lines.iter().map(|line| line.text.as_str()));
    let seen: Vec<Seen> =
        lines.into_iter().zip(matches).map(|(line, matches)| Seen { line, matches }).collect();
    let lasting = |entry: &&Entry| {
        let signature = entry.signature;
        !entry.is_transient && signature.class != Class::Unknown && signature.strength >= Strength::Symptom
    };
    let survived_to = (table.entries.iter().filter(lasting))
        .filter_map(|entry| told(entry, subject, text, &seen).last())
        .chain(seen.iter().filter(|seen| seen.line.goes_on()))
        .map(|seen| seen.line.number)
        .max()
        .unwrap_or_default();
    Read { text, seen, survived_to }
}

/// Whether the signature matches, and where; nowhere when a code alone decides.
#[expect(clippy::option_option, reason = "whether it matches, and then whether at a place")]
fn found(entry: &Entry, subject: &Subject<'_>, texts: &[Read<'_>]) -> Option<Option<Found>> {
    if entry.patterns.is_empty() {
        let beside = texts.iter().any(|read| is_of(entry, read.text.code.as_deref()));
        return (is_about(entry, subject) && (is_of(entry, subject.code) || beside)).then_some(None);
    }
    texts.iter().enumerate().find_map(|(text, read)| {
        let counts = |seen: &&Seen| !entry.is_transient || seen.line.number >= read.survived_to;
        let line = told(entry, subject, read.text, &read.seen).find(counts)?;
        Some(Some(Found { text, place: read.text.place, line: line.line.number }))
    })
}

/// The lines of a text that match the signature.
fn told<'a>(
    entry: &'a Entry,
    subject: &Subject<'_>,
    text: &Text,
    seen: &'a [Seen],
) -> impl Iterator<Item = &'a Seen> + use<'a> {
    let signature = entry.signature;
    let place = signature.places.is_empty() || signature.places.contains(&text.place);
    let code = signature.codes.is_empty() || is_of(entry, subject.code) || is_of(entry, text.code.as_deref());
    let applies = place && code && is_about(entry, subject) && has_beside(entry, seen);
    seen.iter().filter(move |seen| applies && matches(entry, seen))
}

/// Whether the signature is about such actions.
fn is_about(entry: &Entry, subject: &Subject<'_>) -> bool {
    let signature = entry.signature;
    let provider = signature.providers.is_empty()
        || signature.providers.iter().any(|prefix| subject.provider.starts_with(prefix));
    let category = signature.categories.is_empty()
        || subject.category.is_some_and(|category| signature.categories.contains(&category));
    provider && category
}

/// Whether the code is one of the signature's.
fn is_of(entry: &Entry, code: Option<&str>) -> bool {
    code.is_some_and(|code| entry.signature.codes.contains(&code))
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
