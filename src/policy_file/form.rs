//! Texts that are no YAML, explained in the words of whoever wrote them. Only lines are looked at; nothing is parsed.

use super::diagnostic::{Code, Diagnostic, quote};
use super::keys;
use super::source::Span;

/// What is wrong with a text that the parser gave up on at this place, for this reason.
pub(super) fn explain(text: &str, at: usize, reason: &str) -> Diagnostic {
    let finding = Diagnostic::new(Code::Syntax, Span { start: at, end: at }, reason);
    if let Some(hint) = character_hint(text, at) {
        return finding.hint(hint);
    }
    let lines = Line::up_to(text, at);
    let Some((last, above)) = lines.split_last() else {
        return finding;
    };
    // The parser may notice a key without a colon only when it meets the next one.
    let suspects = [Some(last), above.last()];
    for line in suspects.into_iter().flatten() {
        if let Some(colon) = colon_of(line.content) {
            let message = format!("{} {}", colon.missing, quote(colon.key));
            return Diagnostic::new(Code::Syntax, line.span_of(colon.key), message).hint(colon.hint());
        }
    }
    match (last.key(), last.sibling(above)) {
        (Some(key), Some(sibling)) => {
            let message = format!("the key {} is not indented like any key above it", quote(key));
            let hint = format!(
                "indent it by {} spaces, like {} above it",
                sibling.column,
                quote(sibling.key().unwrap_or_default())
            );
            Diagnostic::new(Code::Syntax, last.span_of(key), message).hint(hint)
        }
        _ => finding,
    }
}

/// What to do about the mistakes that policies invite: patterns begin with `*`, and editors indent with tabs.
fn character_hint(text: &str, at: usize) -> Option<String> {
    let (before, after) = text.split_at_checked(at)?;
    if before.ends_with('\t') || after.starts_with('\t') {
        return Some("indent with spaces".to_owned());
    }
    let first = after.chars().next()?;
    matches!(first, '*' | '@' | '%' | '`' | '?')
        .then(|| format!("what begins with `{first}` needs quotes, as in `\"{first}\"`"))
}

/// A key of the format and its value, without what belongs between them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Colon<'t> {
    missing: &'static str,
    key: &'t str,
    value: &'t str,
}

impl Colon<'_> {
    /// How to write it.
    pub fn hint(&self) -> String {
        format!("write {}", quote(&format!("{}: {}", self.key, self.value)))
    }
}

/// The key and value of `max-retries 2` or `max-retries:2`.
pub(super) fn colon_of(content: &str) -> Option<Colon<'_>> {
    let (key, rest) = content.split_once([' ', ':'])?;
    let value = rest.trim();
    let known = keys::of_the_format().any(|known| known == key);
    if !known || value.is_empty() || value.starts_with(':') {
        return None;
    }
    match content.as_bytes().get(key.len()) {
        Some(b':') if rest.starts_with(' ') => None,
        Some(b':') => Some(Colon { missing: "no space after the colon of", key, value }),
        _ => Some(Colon { missing: "no colon after the key", key, value }),
    }
}

/// A line that is neither blank nor a comment.
struct Line<'t> {
    /// Offset of `content`.
    start: usize,
    /// Characters before `content`; a `-` of a list counts as indentation, as it does in YAML.
    column: usize,
    /// Without indentation, dashes and what follows the text.
    content: &'t str,
}

impl<'t> Line<'t> {
    /// The lines from the first to the one that holds the offset, or the last above it.
    fn up_to(text: &'t str, at: usize) -> Vec<Self> {
        let mut start = 0;
        let mut lines = Vec::new();
        for line in text.split_inclusive('\n') {
            if start > at {
                break;
            }
            let content = line.trim_start_matches([' ', '-']);
            let column = line.len() - content.len();
            let content = content.trim_end();
            if !content.is_empty() && !content.starts_with('#') {
                lines.push(Self { start: start + column, column, content });
            }
            start += line.len();
        }
        lines
    }

    /// The key that the line begins with.
    fn key(&self) -> Option<&'t str> {
        let (key, rest) = self.content.split_once(':')?;
        let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        (plain && (rest.is_empty() || rest.starts_with(' '))).then_some(key)
    }

    /// The key above that this line was probably meant to stand under, when it stands under none.
    fn sibling<'l>(&self, above: &'l [Self]) -> Option<&'l Self> {
        let mut open: Vec<&Self> = Vec::new();
        for line in above.iter().filter(|line| line.key().is_some()) {
            open.retain(|outer| outer.column < line.column);
            open.push(line);
        }
        if open.iter().any(|outer| outer.column == self.column) {
            return None;
        }
        open.into_iter().min_by_key(|outer| outer.column.abs_diff(self.column))
    }

    fn span_of(&self, key: &str) -> Span {
        Span { start: self.start, end: self.start + key.len() }
    }
}
