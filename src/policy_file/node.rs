//! YAML as a tree in which every key and value knows its place. What a policy may contain is not known here.
//!
//! Duplicate keys are kept, aliases are replaced by what they refer to, and plain scalars have the kinds of the YAML
//! 1.2 core schema: `no` is text.

use std::collections::BTreeMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use super::diagnostic::{Code, Diagnostic};
use super::form;
use super::limits;
use super::source::Span;

/// One value of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub value: Value,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    /// What was written, without quotes and escapes. Shared, so that aliases cannot multiply it.
    pub text: Rc<str>,
    pub kind: ScalarKind,
}

/// What the YAML 1.2 core schema takes a scalar for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarKind {
    Null,
    Bool,
    Integer,
    Float,
    Text,
}

/// One `key: value` of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub key: Node,
    pub value: Node,
}

impl Node {
    /// What it is, for messages.
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Map(_) => "a map",
            Value::Sequence(_) => "a list",
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => "nothing",
                ScalarKind::Bool => "a truth value",
                ScalarKind::Integer => "a whole number",
                ScalarKind::Float => "a number",
                ScalarKind::Text => "text",
            },
        }
    }
}

/// Reads the one document of a text; an empty text is a document without a value.
pub(super) fn parse(text: &str) -> Result<Node, Diagnostic> {
    let mut composer = Composer::default();
    let mut root = None;
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, range) = event
            .map_err(|error| form::explain(text, error.marker().byte_offset().unwrap_or(0), &error.info()))?;
        let span =
            Span { start: range.start.byte_offset().unwrap_or(0), end: range.end.byte_offset().unwrap_or(0) };
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                return Err(Diagnostic::new(Code::Syntax, span, "a second document begins here")
                    .hint("a policy is one YAML document; remove the `---`"));
            }
        }
        if let Some(complete) = composer.take(event, span)? {
            root = Some(complete);
        }
    }
    Ok(root.unwrap_or_else(|| Node {
        value: Value::Scalar(Scalar { text: Rc::from(""), kind: ScalarKind::Null }),
        span: Span::START,
    }))
}

/// A list or map that is not complete yet.
struct Open {
    anchor: usize,
    start: Span,
    flow: bool,
    children: Children,
}

enum Children {
    Sequence(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Node> },
}

/// What an anchor stands for, and how many values that is.
struct Anchored {
    node: Node,
    size: usize,
}

/// Builds the tree from events, with a stack of its own, so that no input can exhaust the thread's.
#[derive(Default)]
struct Composer {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    nodes: usize,
}

impl Composer {
    /// Takes one event; returns the root when it is complete.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<Option<Node>, Diagnostic> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.is_some(), span)?;
                let plain = style == ScalarStyle::Plain;
                // The parser writes `~` for a plain scalar that is not there.
                let text =
                    if plain && span.start == span.end { Rc::from("") } else { Rc::from(text.as_ref()) };
                let kind = if plain { plain_kind(&text) } else { ScalarKind::Text };
                let value = Value::Scalar(Scalar { text, kind });
                self.finish(Node { value, span }, anchor)
            }
            Event::Alias(anchor) => {
                let Some(anchored) = self.anchors.get(&anchor) else {
                    let message = "the alias stands within what it refers to";
                    return Err(Diagnostic::new(Code::Syntax, span, message));
                };
                let (node, size) = (anchored.node.clone(), anchored.size);
                self.count(size - 1, span)?;
                self.finish(node, 0)
            }
            Event::SequenceStart(style, anchor, tag) => {
                refuse_tag(tag.is_some(), span)?;
                self.begin(Children::Sequence(Vec::new()), style, anchor, span)
            }
            Event::MappingStart(style, anchor, tag) => {
                refuse_tag(tag.is_some(), span)?;
                let children = Children::Map { entries: Vec::new(), key: None };
                self.begin(children, style, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let anchor = open.anchor;
                    self.finish(open.close(span), anchor)
                }
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn begin(
        &mut self,
        children: Children,
        style: StructureStyle,
        anchor: usize,
        start: Span,
    ) -> Result<Option<Node>, Diagnostic> {
        if self.open.len() == limits::DEPTH {
            let message = format!("lists and maps are nested more than {} deep", limits::DEPTH);
            return Err(Diagnostic::new(Code::TooLarge, start, message));
        }
        self.open.push(Open { anchor, start, flow: style == StructureStyle::Flow, children });
        Ok(None)
    }

    /// Puts a complete value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<Option<Node>, Diagnostic> {
        self.count(1, node.span)?;
        if anchor != 0 {
            let size = node.size();
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, size });
        }
        let Some(open) = self.open.last_mut() else {
            return Ok(Some(node));
        };
        match &mut open.children {
            Children::Sequence(items) => items.push(node),
            Children::Map { entries, key } => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push(Entry { value: node.or_at(key.span), key }),
            },
        }
        Ok(None)
    }

    fn count(&mut self, more: usize, span: Span) -> Result<(), Diagnostic> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > limits::NODES {
            let message = format!("aliases expand to more than {} values", limits::NODES);
            return Err(Diagnostic::new(Code::TooLarge, span, message));
        }
        Ok(())
    }
}

impl Open {
    fn close(self, end: Span) -> Node {
        let (value, last) = match self.children {
            Children::Sequence(items) => {
                let last = items.last().map(|item| item.span);
                (Value::Sequence(items), last)
            }
            Children::Map { entries, .. } => {
                let last = entries.last().map(|entry| entry.value.span);
                (Value::Map(entries), last)
            }
        };
        let end = if self.flow { end } else { last.unwrap_or(end) };
        Node { value, span: self.start.to(end) }
    }
}

impl Node {
    /// A value that is not there is where its key is.
    fn or_at(mut self, key: Span) -> Self {
        if self.span.start == self.span.end {
            self.span = key;
        }
        self
    }

    /// Values in the tree below and with this one. As deep as the limits of nesting and expansion together allow.
    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::Sequence(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.key.size() + entry.value.size()).sum(),
        }
    }
}

fn refuse_tag(tagged: bool, span: Span) -> Result<(), Diagnostic> {
    if tagged {
        let finding = Diagnostic::new(Code::Syntax, span, "the value has a tag");
        return Err(finding.hint("a policy needs no tags; quotes make a value text"));
    }
    Ok(())
}

/// The core schema's patterns (YAML 1.2.2, section 10.3.2).
fn plain_kind(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => ScalarKind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => ScalarKind::Bool,
        _ if is_integer(text) => ScalarKind::Integer,
        _ if is_float(text) => ScalarKind::Float,
        _ => ScalarKind::Text,
    }
}

fn is_integer(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, |b| b.is_ascii_hexdigit());
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |b| matches!(b, b'0'..=b'7'));
    }
    all(unsigned(text), |b| b.is_ascii_digit())
}

fn is_float(text: &str) -> bool {
    let rest = unsigned(text);
    if matches!(rest, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| all(unsigned(exponent), |b| b.is_ascii_digit()))
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn all(text: &str, matches: fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_kinds_of_the_core_schema() {
        for (text, kind) in [
            ("no", ScalarKind::Text),
            ("on", ScalarKind::Text),
            ("~", ScalarKind::Null),
            ("null", ScalarKind::Null),
            ("True", ScalarKind::Bool),
            ("12", ScalarKind::Integer),
            ("-012", ScalarKind::Integer),
            ("0x1F", ScalarKind::Integer),
            ("0o17", ScalarKind::Integer),
            ("0o18", ScalarKind::Text),
            ("1.5", ScalarKind::Float),
            (".5", ScalarKind::Float),
            ("1e3", ScalarKind::Float),
            ("-.inf", ScalarKind::Float),
            (".", ScalarKind::Text),
            ("1m", ScalarKind::Text),
            ("6/h", ScalarKind::Text),
            ("1_000", ScalarKind::Text),
            ("12:30", ScalarKind::Text),
        ] {
            assert_eq!(plain_kind(text), kind, "{text}");
        }
    }

    #[test]
    fn quotes_make_text() {
        let Value::Sequence(items) = parse("['1', \"true\", 1]").unwrap().value else { panic!("a list") };
        let kinds: Vec<_> = items.iter().map(Node::describe).collect();
        assert_eq!(kinds, ["text", "text", "a whole number"]);
    }

    #[test]
    fn duplicate_keys_are_kept() {
        let Value::Map(entries) = parse("a: 1\na: 2\n").unwrap().value else { panic!("a map") };
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn aliases_are_replaced() {
        let Value::Map(entries) = parse("a: &x [1, 2]\nb: *x\n").unwrap().value else { panic!("a map") };
        assert_eq!(entries[0].value, entries[1].value);
    }

    #[test]
    fn spans_are_exact() {
        let text = "a:\n  - b: c  # d\n    e: [f, g ]\nh:\n";
        let Value::Map(entries) = parse(text).unwrap().value else { panic!("a map") };
        let shown = |span: Span| &text[span.start..span.end];
        assert_eq!(shown(entries[0].value.span), "- b: c  # d\n    e: [f, g ]");
        assert_eq!(shown(entries[1].value.span), "h");
    }
}
