//! Text in columns, and instants and foreign words as people read them in them.

use anstyle::Style;
use jiff::{SignedDuration, Timestamp};

use crate::domain::duration::in_words;

const HEADING: Style = Style::new().bold();

/// Rows under headings, each column as wide as what it holds, every line behind this margin.
pub(super) fn table(margin: &str, headings: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |column: usize| {
        let heading = headings.get(column).map_or(0, |heading| heading.chars().count());
        let widest = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        heading.max(widest.unwrap_or(0))
    };
    let widths: Vec<usize> = (0..headings.len()).map(cells).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut text = format!("{margin}{HEADING}{}{HEADING:#}\n", line(&mut headings.iter().copied()));
    for row in rows {
        text.push_str(margin);
        text.push_str(&line(&mut row.iter().map(String::as_str)));
        text.push('\n');
    }
    text
}

/// An instant with how far it is away: `2026-11-22T10:15:00Z (in 5m)`.
pub(super) fn moment(at: Timestamp, now: Timestamp) -> String {
    let away = at.duration_since(now);
    let rounded = |away: SignedDuration| in_words(away);
    if away.is_negative() {
        format!("{at:.0} ({} ago)", rounded(-away))
    } else {
        format!("{at:.0} (in {})", rounded(away))
    }
}

/// Words that somebody else has written, on one line and unable to pass for anything else.
pub(super) fn foreign(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_they_hold() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["größer".to_owned(), String::new()]];
        let text = anstream::adapter::strip_str(&table("  ", &["ONE", "TWO"], &rows)).to_string();
        assert_eq!(text, "  ONE     TWO\n  a       b\n  größer\n");
    }

    #[test]
    fn moments_tell_how_far_they_are_away() {
        let now: Timestamp = "2026-11-22T10:10:00.5Z".parse().unwrap();
        for (at, expected) in [
            ("2026-11-22T10:15:00.5Z", "2026-11-22T10:15:00Z (in 5m)"),
            ("2026-11-22T09:10:00.5Z", "2026-11-22T09:10:00Z (1h ago)"),
            ("2026-11-22T10:10:00.5Z", "2026-11-22T10:10:00Z (in 0s)"),
        ] {
            assert_eq!(moment(at.parse().unwrap(), now), expected);
        }
    }

    #[test]
    fn foreign_words_stay_on_their_line() {
        assert_eq!(foreign("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(foreign("it's \"fine\", Zürich\\n"), "it's \"fine\", Zürich\\n");
    }
}
