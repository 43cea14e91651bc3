//! Text in columns, and instants and foreign words as people read them in them.

use anstyle::Style;
use jiff::SignedDuration;
#[cfg(feature = "aws")]
use jiff::Timestamp;

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

/// Columns of a line that fits every terminal.
pub(super) const WIDTH: usize = 80;
/// What is always left of a name that is cut.
const SHORTEST: usize = 10;

/// The same, with the longest cells of these columns cut until a line fits a narrow terminal, as far as that can be done.
pub(super) fn narrow_table(margin: &str, headings: &[&str], rows: &[Vec<String>], names: &[usize]) -> String {
    let mut rows = rows.to_vec();
    let width = |rows: &[Vec<String>], column: usize| {
        let heading = headings.get(column).map_or(0, |heading| heading.chars().count());
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.max().unwrap_or(0).max(heading)
    };
    loop {
        let gaps = 2 * headings.len().saturating_sub(1);
        let all: usize = (0..headings.len()).map(|column| width(&rows, column)).sum();
        let over = (margin.chars().count() + gaps + all).saturating_sub(WIDTH);
        let widest = names.iter().map(|column| (width(&rows, *column), *column)).max();
        let Some((widest, column)) = widest.filter(|(widest, _)| over > 0 && *widest > SHORTEST) else {
            return table(margin, headings, &rows);
        };
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
            *cell = cut(cell, widest - 1);
        }
    }
}

/// A text of so many characters at most, with a mark where it was cut.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}\u{2026}", kept.trim_end_matches('\u{2026}'))
}

/// How far an instant is away, to the two largest units: `in 1h5m`, `3m ago`.
#[cfg(feature = "aws")]
pub(super) fn away(at: Timestamp, now: Timestamp) -> String {
    let away = at.duration_since(now);
    if away.is_negative() { format!("{} ago", roughly(-away)) } else { format!("in {}", roughly(away)) }
}

/// A duration to the two largest units that it has: days and hours, hours and minutes, minutes and seconds.
pub(super) fn roughly(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let unit = match seconds {
        86_400.. => 3_600,
        3_600.. => 60,
        _ => 1,
    };
    in_words(SignedDuration::from_secs(seconds - seconds % unit))
}

/// An instant with how far it is away: `2026-11-22T10:15:00Z (in 5m)`.
#[cfg(feature = "aws")]
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
#[cfg(feature = "aws")]
pub(super) fn foreign(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(all(test, feature = "aws"))]
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
    fn names_are_cut_until_a_line_fits() {
        let long = "pipeline-with-a-very-long-name-".repeat(3);
        let rows = [
            vec![long.clone(), "Deploy-To-Production-In-Frankfurt".to_owned(), "backoff".to_owned()],
            vec!["shop".to_owned(), "Test".to_owned(), "paused".to_owned()],
        ];
        let text = narrow_table("  ", &["PIPELINE", "STAGE", "WHY"], &rows, &[0, 1]);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(plain.lines().all(|line| line.chars().count() <= WIDTH), "{plain}");
        assert!(plain.contains("pipeline-with-a-very-long") && plain.contains('\u{2026}'), "{plain}");
        assert!(plain.contains("  shop ") && plain.contains("backoff"), "{plain}");
        // What cannot be cut is left as it is.
        let wide = narrow_table("", &["A"], &[vec!["x".repeat(100)]], &[]);
        assert!(wide.contains(&"x".repeat(100)));
    }

    #[test]
    fn distances_have_two_units_at_most() {
        let now: Timestamp = "2026-11-22T10:10:00Z".parse().unwrap();
        for (seconds, expected) in
            [(0, "in 0s"), (59, "in 59s"), (61, "in 1m1s"), (3_661, "in 1h1m"), (-90_061, "1d1h ago")]
        {
            assert_eq!(away(now + SignedDuration::from_secs(seconds), now), expected);
        }
    }

    #[test]
    fn foreign_words_stay_on_their_line() {
        assert_eq!(foreign("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(foreign("it's \"fine\", Zürich\\n"), "it's \"fine\", Zürich\\n");
    }
}
