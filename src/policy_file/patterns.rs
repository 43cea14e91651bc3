//! Reads what rules and classifiers match by: names, tags, codes and expressions. All of them together are limited.

use std::collections::BTreeMap;

use crate::classify;
use crate::domain::classifier::Pattern;
use crate::domain::glob::Glob;
use crate::domain::policy::Selector;
use crate::domain::tags::TagSelector;

use super::diagnostic::{Code, Diagnostic, quote};
use super::keys;
use super::limits;
use super::node::{Node, Value};
use super::read::{self, Fields, Findings};
use super::source::Span;

/// Reads the patterns of a whole policy, and counts them.
#[derive(Default)]
pub(super) struct Patterns {
    count: usize,
}

impl Patterns {
    /// Nothing if any part of it is wrong: half a selector would match too much.
    pub fn selector(&mut self, node: &Node, findings: &mut Findings) -> Option<Selector> {
        let fields = Fields::read(node, "`match`", &keys::MATCH, findings)?;
        if matches!(&node.value, Value::Map(entries) if entries.is_empty()) {
            let finding = Diagnostic::new(Code::MissingKey, node.span, "`match` names nothing");
            findings.push(finding.hint("to match everything, say so: `pipeline: \"*\"`"));
            return None;
        }
        let mut of = |key| self.names(&fields, key, findings);
        let (pipeline, stage) = (of("pipeline"), of("stage"));
        let (account, region) = (of("account"), of("region"));
        let tags = match fields.get("tags") {
            Some(node) => self.tags(node, findings),
            None => Some(TagSelector::default()),
        };
        let selector =
            Selector { pipeline: pipeline?, stage: stage?, account: account?, region: region?, tags: tags? };
        fields.is_sound().then_some(selector)
    }

    /// The patterns for names under a key; none where the key is absent.
    pub fn names(&mut self, fields: &Fields<'_>, key: &str, findings: &mut Findings) -> Option<Vec<Glob>> {
        self.list(fields, key, findings, |patterns, node, what, findings| {
            let pattern = patterns.text(node, what, findings)?;
            if pattern.is_empty() {
                let finding = Diagnostic::new(Code::OutOfRange, node.span, "the pattern is empty");
                findings.push(finding.hint("`*` matches every name"));
                return None;
            }
            Some(Glob::new(pattern))
        })
    }

    /// The exact texts under a key.
    pub fn texts(&mut self, fields: &Fields<'_>, key: &str, findings: &mut Findings) -> Option<Vec<String>> {
        self.list(fields, key, findings, |patterns, node, what, findings| {
            let text = patterns.text(node, what, findings)?;
            if text.is_empty() {
                let finding = Diagnostic::new(Code::OutOfRange, node.span, format!("{what} is empty"));
                findings.push(finding.hint("leave the key out to match whatever there is"));
                return None;
            }
            Some(text.to_owned())
        })
    }

    /// The expressions under a key.
    pub fn expressions(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        findings: &mut Findings,
    ) -> Option<Vec<Pattern>> {
        self.list(fields, key, findings, |patterns, node, what, findings| {
            let source = patterns.text(node, what, findings)?;
            if source.is_empty() {
                let finding = Diagnostic::new(Code::OutOfRange, node.span, "the expression is empty");
                findings.push(finding.hint("leave the key out to match whatever the texts say"));
                return None;
            }
            match classify::pattern(source) {
                Ok(pattern) => Some(pattern),
                Err(error) => {
                    let message = format!("{} cannot be used: {}", quote(source), error.what);
                    let span = place_within(node.span, source, error.at);
                    let hint =
                        "write it as for the Rust crate `regex`, and in single quotes: YAML leaves those as they are";
                    findings.push(Diagnostic::new(Code::BadRegex, span, message).hint(hint));
                    None
                }
            }
        })
    }

    fn tags(&mut self, node: &Node, findings: &mut Findings) -> Option<TagSelector> {
        let entries = read::entries(node, "`tags`", findings)?;
        if entries.is_empty() {
            let finding = Diagnostic::new(Code::MissingKey, node.span, "`tags` names nothing");
            findings.push(finding.hint("leave the key out, or name a tag: `tags: { team: web }`"));
            return None;
        }
        let is_whole = matches!(&node.value, Value::Map(all) if all.len() == entries.len());
        let wanted: Vec<_> = entries
            .into_iter()
            .map(|(key, entry)| {
                let is_key = (1..=limits::TAG_KEY).contains(&key.chars().count());
                if !is_key {
                    let message = format!("the key of a tag has 1 to {} characters", limits::TAG_KEY);
                    findings.push(Diagnostic::new(Code::OutOfRange, entry.key.span, message));
                }
                let what = format!("the tag {}", quote(key));
                // Unlike a name, a tag's value may be empty.
                let globs = self.each(&entry.value, &what, findings, |patterns, node, what, findings| {
                    patterns.text(node, what, findings).map(Glob::new)
                })?;
                is_key.then(|| (key.to_owned(), globs))
            })
            .collect();
        let wanted: Option<BTreeMap<String, Vec<Glob>>> = wanted.into_iter().collect();
        wanted.filter(|_| is_whole).map(TagSelector)
    }

    fn list<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        findings: &mut Findings,
        one: impl Fn(&mut Self, &Node, &str, &mut Findings) -> Option<T>,
    ) -> Option<Vec<T>> {
        match fields.get(key) {
            Some(node) => self.each(node, &format!("`{key}`"), findings, one),
            None => Some(Vec::new()),
        }
    }

    fn each<T>(
        &mut self,
        node: &Node,
        what: &str,
        findings: &mut Findings,
        one: impl Fn(&mut Self, &Node, &str, &mut Findings) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = read::list(node, what, findings)?;
        let read: Vec<_> = items.iter().map(|item| one(self, item, what, findings)).collect();
        read.into_iter().collect()
    }

    /// One text to match by, within the limits.
    fn text<'n>(&mut self, node: &'n Node, what: &str, findings: &mut Findings) -> Option<&'n str> {
        self.count += 1;
        if self.count == limits::PATTERNS + 1 {
            let message = format!("a policy has at most {} patterns in all", limits::PATTERNS);
            findings.push(Diagnostic::new(Code::TooLarge, node.span, message));
        }
        if self.count > limits::PATTERNS {
            return None;
        }
        let pattern = read::text(node, what, findings)?;
        if pattern.len() > limits::PATTERN_BYTES {
            let message = format!("a pattern has at most {} bytes", limits::PATTERN_BYTES);
            findings.push(Diagnostic::new(Code::TooLarge, node.span, message));
            return None;
        }
        Some(pattern)
    }
}

/// The place of a byte within a scalar, where it is written without escapes; else the whole scalar.
fn place_within(span: Span, text: &str, at: usize) -> Span {
    let quotes = (span.end - span.start).checked_sub(text.len());
    let before = match quotes {
        Some(0) => 0,
        Some(2) => 1,
        _ => return span,
    };
    let start = span.start + before + at;
    let width = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Span { start, end: start + width }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_has_a_place_where_nothing_is_escaped() {
        let at = |start, end| Span { start, end };
        assert_eq!(place_within(at(10, 13), "a(b", 1), at(11, 12));
        assert_eq!(place_within(at(10, 15), "a(b", 1), at(12, 13));
        assert_eq!(place_within(at(10, 16), "a(b", 1), at(10, 16));
        assert_eq!(place_within(at(10, 14), "é(b", 2), at(12, 13));
        assert_eq!(place_within(at(10, 13), "a(b", 3), at(13, 13));
    }
}
