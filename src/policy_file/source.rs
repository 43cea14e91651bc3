//! The text of a policy file, and places in it. It does not know what the text means.

/// A range of bytes in the text of a policy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte; equal to `start` for a point.
    pub end: usize,
}

impl Span {
    /// The very beginning of the text.
    pub const START: Self = Self { start: 0, end: 0 };

    /// From the beginning of this span to the end of the other.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end.max(self.start) }
    }
}

/// Where a span begins, as editors count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A named text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// Offset of every line's first byte, in order; the first is 0.
    line_starts: Vec<usize>,
}

impl Source {
    /// `name` is what people call the text: usually the path of its file.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let after_breaks = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let line_starts = std::iter::once(0).chain(after_breaks).collect();
        Self { name: name.into(), text, line_starts }
    }

    /// What people call the text.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column at which the span begins.
    pub fn place(&self, span: Span) -> Place {
        let before = self.before(span.start);
        let line = self.line_number(before.len());
        let line_start = self.line_start(line);
        Place { line, column: columns(before.get(line_start..).unwrap_or_default()) + 1 }
    }

    /// The line on which the span begins, without its line break.
    pub fn line(&self, span: Span) -> &str {
        let line_start = self.line_start(self.line_number(self.before(span.start).len()));
        self.text
            .get(line_start..)
            .and_then(|rest| rest.lines().next())
            .unwrap_or_default()
            .trim_start_matches(BYTE_ORDER_MARK)
    }

    /// How many characters of the span are on its first line.
    pub fn width(&self, span: Span) -> usize {
        let start = self.before(span.start).len();
        let end = self.before(span.end).len();
        let covered = self.text.get(start..end).unwrap_or_default();
        columns(covered.lines().next().unwrap_or_default().trim_end())
    }

    /// The line, from 1, that an offset is on.
    fn line_number(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    fn line_start(&self, line: usize) -> usize {
        let index = line.saturating_sub(1);
        self.line_starts.get(index).copied().unwrap_or(0)
    }

    /// The text before an offset, which may lie beyond the end or within a character.
    fn before(&self, offset: usize) -> &str {
        let end =
            (0..=offset.min(self.text.len())).rev().find(|end| self.text.is_char_boundary(*end)).unwrap_or(0);
        self.text.get(..end).unwrap_or_default()
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Characters of a piece of a line, where a byte order mark at its beginning takes no room.
fn columns(text: &str) -> usize {
    text.trim_start_matches(BYTE_ORDER_MARK).chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("policy.yaml", text)
    }

    fn at(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    #[test]
    fn columns_count_characters() {
        let source = source("a: é\r\nbé: c\n");
        assert_eq!(source.place(at(0, 1)), Place { line: 1, column: 1 });
        assert_eq!(source.place(at(12, 13)), Place { line: 2, column: 5 });
        assert_eq!(source.line(at(0, 1)), "a: é");
        assert_eq!(source.line(at(12, 13)), "bé: c");
    }

    #[test]
    fn a_byte_order_mark_takes_no_room() {
        let source = source("\u{feff}a: b");
        assert_eq!(source.place(at(3, 4)), Place { line: 1, column: 1 });
        assert_eq!(source.line(at(3, 4)), "a: b");
    }

    #[test]
    fn places_beyond_the_end_are_at_the_end() {
        let source = source("a\né");
        assert_eq!(source.place(at(99, 100)), Place { line: 2, column: 2 });
        assert_eq!(source.line(at(99, 100)), "é");
        assert_eq!(source.width(at(99, 100)), 0);
    }

    #[test]
    fn the_width_ends_with_the_line() {
        assert_eq!(source("ab  \ncd").width(at(1, 6)), 1);
    }
}
