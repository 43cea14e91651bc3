//! Reads single values out of the tree, and notes everything that is wrong with them.
//!
//! A reader returns nothing for a value that it has noted a finding about, so that one mistake is reported once.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::SignedDuration;

use super::diagnostic::{Code, Diagnostic, quote};
use super::form;
use super::keys::Keys;
use super::near;
use super::node::{Entry, Node, Scalar, ScalarKind, Value};
use super::quantity;
use super::source::Span;

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Diagnostic>);

impl Findings {
    pub fn push(&mut self, finding: Diagnostic) {
        self.0.push(finding);
    }

    /// Whether something keeps the policy from being used.
    pub fn any_error(&self) -> bool {
        use super::diagnostic::Severity;
        self.0.iter().any(|finding| finding.severity() == Severity::Error)
    }

    /// In the order of their places. What an alias repeats is said once.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.0.sort_by(|a, b| (a.span, a.code, &a.message).cmp(&(b.span, b.code, &b.message)));
        self.0.dedup();
        self.0
    }
}

/// The known entries of one map.
pub(super) struct Fields<'n> {
    keys: &'static Keys,
    span: Span,
    entries: BTreeMap<&'n str, &'n Entry>,
    sound: bool,
}

impl<'n> Fields<'n> {
    /// The entries of a map; notes keys that are unknown, not supported or given twice.
    pub fn read(node: &'n Node, what: &str, keys: &'static Keys, findings: &mut Findings) -> Option<Self> {
        let mut fields = Self { keys, span: node.span, entries: BTreeMap::new(), sound: true };
        let findings_before = findings.0.len();
        for (name, entry) in entries(node, what, findings)? {
            if keys.all().any(|known| known == name) {
                fields.entries.insert(name, entry);
            } else {
                findings.push(unexpected_key(name, entry.key.span, keys));
            }
        }
        fields.sound = findings.0.len() == findings_before;
        Some(fields)
    }

    /// Whether every key of the map is known, and given once.
    pub fn is_sound(&self) -> bool {
        self.sound
    }

    /// The value of a key that may be absent.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// The value of a key that must be there.
    pub fn require(&self, key: &str, findings: &mut Findings) -> Option<&'n Node> {
        let value = self.get(key);
        if value.is_none() {
            let message = format!("{} needs the key `{key}`", self.keys.owner);
            let start = Span { end: self.span.start, ..self.span };
            let mut finding = Diagnostic::new(Code::MissingKey, start, message);
            finding.hint = self.keys.to_add(key).map(str::to_owned);
            findings.push(finding);
        }
        value
    }
}

fn unexpected_key(name: &str, span: Span, keys: &Keys) -> Diagnostic {
    let message = format!("{} has no key {}", keys.owner, quote(name));
    let mut finding = Diagnostic::new(Code::UnknownKey, span, message);
    finding.hint = if name == "<<" {
        Some("YAML 1.2 has no merge keys; write the settings out, or put them into `defaults`".to_owned())
    } else if let Some(home) = keys.home_of(name) {
        Some(format!("`{name}` {home}"))
    } else {
        near::hint(name, keys.all())
    };
    finding
}

/// The entries of a map, each key once; notes duplicate keys and keys that are not text.
pub(super) fn entries<'n>(
    node: &'n Node,
    what: &str,
    findings: &mut Findings,
) -> Option<Vec<(&'n str, &'n Entry)>> {
    let Value::Map(all) = &node.value else {
        let mut finding = wrong_type(node, what, "a map");
        if let Value::Scalar(scalar) = &node.value {
            finding.hint = match scalar.kind {
                ScalarKind::Null => Some("indent the lines below it".to_owned()),
                _ => form::colon_of(&scalar.text).map(|colon| colon.hint()),
            };
        }
        findings.push(finding);
        return None;
    };
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    let mut entries = Vec::new();
    for entry in all {
        let Value::Scalar(Scalar { text, .. }) = &entry.key.value else {
            findings.push(wrong_type(&entry.key, "a key", "text"));
            continue;
        };
        if let Some(before) = first.get(text.as_ref()) {
            let message = format!("the key {} is given twice", quote(text));
            let finding = Diagnostic::new(Code::DuplicateKey, entry.key.span, message);
            findings.push(finding.related(*before, "first given here"));
        } else {
            first.insert(text, entry.key.span);
            entries.push((text.as_ref(), entry));
        }
    }
    Some(entries)
}

/// A list's entries, or the one value that stands for a list; notes an empty list.
pub(super) fn list<'n>(node: &'n Node, what: &str, findings: &mut Findings) -> Option<Vec<&'n Node>> {
    match &node.value {
        Value::Sequence(items) if items.is_empty() => {
            let finding = Diagnostic::new(Code::EmptyList, node.span, format!("{what} is an empty list"));
            findings.push(finding.hint("leave the key out, or name at least one"));
            None
        }
        Value::Sequence(items) => Some(items.iter().collect()),
        Value::Scalar(scalar) if scalar.kind != ScalarKind::Null => Some(vec![node]),
        _ => {
            findings.push(wrong_type(node, what, "text or a list"));
            None
        }
    }
}

/// A list of texts in which nothing is there twice.
pub(super) fn distinct_texts<'n>(
    node: &'n Node,
    what: &str,
    findings: &mut Findings,
) -> Option<Vec<Spanned<&'n str>>> {
    distinct(node, what, &|written| Some(in_quotes(written)), findings)
}

/// A list of some of these words in which nothing is there twice. Whether each is one of them is for the caller to see;
/// here whoever wrote a number is told the words, since in quotes it would be none either.
pub(super) fn distinct_words<'n>(
    node: &'n Node,
    what: &str,
    words: &[&str],
    findings: &mut Findings,
) -> Option<Vec<Spanned<&'n str>>> {
    distinct(node, what, &|written| near::hint(written, words.iter().copied()), findings)
}

fn distinct<'n>(
    node: &'n Node,
    what: &str,
    advice: &impl Fn(&str) -> Option<String>,
    findings: &mut Findings,
) -> Option<Vec<Spanned<&'n str>>> {
    let items = list(node, what, findings)?;
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    let mut texts = Vec::new();
    let mut sound = true;
    for item in items {
        let Some(value) = text_or(item, &format!("an entry of {what}"), advice, findings) else {
            sound = false;
            continue;
        };
        if let Some(before) = first.insert(value, item.span) {
            sound = false;
            let message = format!("{what} names {} twice", quote(value));
            let finding = Diagnostic::new(Code::DuplicateValue, item.span, message);
            findings.push(finding.related(before, "first named here"));
        }
        texts.push(Spanned { value, span: item.span });
    }
    sound.then_some(texts)
}

/// A text; a number or truth value has to be quoted.
pub(super) fn text<'n>(node: &'n Node, what: &str, findings: &mut Findings) -> Option<&'n str> {
    text_or(node, what, &|written| Some(in_quotes(written)), findings)
}

fn in_quotes(written: &str) -> String {
    format!("write it in quotes: `\"{written}\"`")
}

/// A text; for a number or truth value there is advice.
fn text_or<'n>(
    node: &'n Node,
    what: &str,
    advice: &impl Fn(&str) -> Option<String>,
    findings: &mut Findings,
) -> Option<&'n str> {
    let mut finding = match &node.value {
        Value::Scalar(Scalar { text, kind: ScalarKind::Text }) => return Some(text),
        _ => wrong_type(node, what, "text"),
    };
    if let Value::Scalar(Scalar { text, kind }) = &node.value
        && *kind != ScalarKind::Null
    {
        finding.hint = advice(text);
    }
    findings.push(finding);
    None
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node, what: &str, findings: &mut Findings) -> Option<bool> {
    if let Value::Scalar(Scalar { text, kind: ScalarKind::Bool }) = &node.value {
        Some(text.eq_ignore_ascii_case("true"))
    } else {
        findings.push(wrong_type(node, what, "`true` or `false`"));
        None
    }
}

/// A whole number within a range.
pub(super) fn integer(
    node: &Node,
    what: &str,
    range: RangeInclusive<i64>,
    findings: &mut Findings,
) -> Option<i64> {
    let number = match &node.value {
        Value::Scalar(Scalar { text, kind: ScalarKind::Integer }) => quantity::integer(text),
        _ => None,
    };
    let Some(number) = number else {
        let mut finding = wrong_type(node, what, "a whole number");
        if let Value::Scalar(Scalar { text, kind: ScalarKind::Text }) = &node.value
            && quantity::integer(text).is_some()
        {
            finding = finding.hint(format!("write it without quotes: `{text}`"));
        }
        findings.push(finding);
        return None;
    };
    if !range.contains(&number) {
        let (least, most) = range.into_inner();
        let message = format!("{what} must be from {least} to {most}");
        findings.push(Diagnostic::new(Code::OutOfRange, node.span, message));
        return None;
    }
    Some(number)
}

/// One of several fixed words.
pub(super) fn choice<T: Copy>(
    node: &Node,
    what: &str,
    choices: &[(&'static str, T)],
    findings: &mut Findings,
) -> Option<T> {
    let names = || choices.iter().map(|(choice, _)| *choice);
    let Value::Scalar(Scalar { text, kind: ScalarKind::Text }) = &node.value else {
        let mut finding = wrong_type(node, what, "text");
        finding.hint = near::hint("", names());
        findings.push(finding);
        return None;
    };
    let chosen = choices.iter().find(|(choice, _)| *choice == text.as_ref());
    if chosen.is_none() {
        let message = format!("{what} cannot be {}", quote(text));
        let mut finding = Diagnostic::new(Code::UnknownValue, node.span, message);
        finding.hint = near::hint(text, names());
        findings.push(finding);
    }
    chosen.map(|(_, value)| *value)
}

/// A duration within a range, whose ends are named in the message.
pub(super) fn duration(
    node: &Node,
    what: &str,
    (least, least_text): (SignedDuration, &str),
    (most, most_text): (SignedDuration, &str),
    findings: &mut Findings,
) -> Option<SignedDuration> {
    let hint = "write a whole number and a unit: `30s`, `5m`, `2h` or `1d`";
    let written = unit_text(node, what, "a duration", Code::BadDuration, hint, findings)?;
    let Some(duration) = quantity::duration(written) else {
        let message = format!("{} is not a duration", quote(written));
        let hint = match quantity::sum_in_one_unit(written) {
            Some(same) => format!("a duration has one unit: write `{same}`"),
            None => hint.to_owned(),
        };
        findings.push(Diagnostic::new(Code::BadDuration, node.span, message).hint(hint));
        return None;
    };
    if !(least..=most).contains(&duration) {
        let message = format!("{what} must be from {least_text} to {most_text}");
        findings.push(Diagnostic::new(Code::OutOfRange, node.span, message));
        return None;
    }
    Some(duration)
}

/// A rate.
pub(super) fn rate(node: &Node, what: &str, findings: &mut Findings) -> Option<quantity::Rate> {
    let hint = "write so many per minute, hour or day: `1/m`, `6/h` or `60/d`";
    let written = unit_text(node, what, "a rate", Code::BadRate, hint, findings)?;
    let rate = quantity::rate(written);
    if rate.is_none() {
        let message = format!("{} is not a rate", quote(written));
        findings.push(Diagnostic::new(Code::BadRate, node.span, message).hint(hint));
    }
    rate
}

/// The text of a quantity. A bare number lacks its unit, which is a mistake of its own kind.
fn unit_text<'n>(
    node: &'n Node,
    what: &str,
    expected: &str,
    code: Code,
    hint: &str,
    findings: &mut Findings,
) -> Option<&'n str> {
    match &node.value {
        Value::Scalar(Scalar { text, kind: ScalarKind::Text }) => Some(text),
        Value::Scalar(Scalar { text, kind: ScalarKind::Integer | ScalarKind::Float }) => {
            let message = format!("{} is not {expected}: it has no unit", quote(text));
            findings.push(Diagnostic::new(code, node.span, message).hint(hint));
            None
        }
        _ => {
            findings.push(wrong_type(node, what, expected));
            None
        }
    }
}

pub(super) fn wrong_type(node: &Node, what: &str, expected: &str) -> Diagnostic {
    let message = format!("{what} must be {expected}, found {}", node.describe());
    Diagnostic::new(Code::WrongType, node.span, message)
}
