//! A text that is drawn over itself again and again on a terminal, without blinking.

use super::error::CliError;
use super::output;

/// Hides the cursor, cuts long lines instead of wrapping them, and clears what is shown.
const BEGIN: &str = "\u{1b}[?25l\u{1b}[?7l\u{1b}[2J";
const HOME: &str = "\u{1b}[H";
const CLEAR_REST_OF_LINE: &str = "\u{1b}[K";
const CLEAR_REST: &str = "\u{1b}[J";
/// The cursor is shown again, lines wrap, and what comes next has a line of its own.
const END: &str = "\u{1b}[?7h\u{1b}[?25h\n";

/// Rows where the terminal does not say.
const ROWS: usize = 24;

/// The terminal of standard output, as it was before once this is dropped.
pub(super) struct Screen {
    is_drawn: bool,
}

impl Screen {
    /// Where standard output is a terminal that can do it; `terminal` is what the environment calls it.
    pub fn of(terminal: Option<&str>) -> Option<Self> {
        (output::is_terminal() && terminal != Some("dumb")).then_some(Self { is_drawn: false })
    }

    /// Shows this text in place of the one before; `false` where nobody looks any more.
    pub fn draw(&mut self, text: &str) -> Result<bool, CliError> {
        let rows = terminal_size::terminal_size().map_or(ROWS, |(_, rows)| usize::from(rows.0));
        let text = output::plain_where_it_has_to_be(text);
        let begin = if self.is_drawn { "" } else { BEGIN };
        self.is_drawn = true;
        output::unchanged(&format!("{begin}{}", frame(&text, rows)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.is_drawn {
            // Whoever closed the terminal does not miss the cursor.
            let _: Result<bool, CliError> = output::unchanged(END);
        }
    }
}

/// The text over whatever was there, in so many rows: what does not fit is counted in the last one.
fn frame(text: &str, rows: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let fitting = if lines.len() > rows { rows.saturating_sub(1) } else { lines.len() };
    let mut shown: Vec<String> =
        lines.iter().take(fitting).map(|line| format!("{line}{CLEAR_REST_OF_LINE}")).collect();
    if fitting < lines.len() {
        let left = lines.len() - fitting;
        shown.push(format!("... {left} more lines, in a taller window{CLEAR_REST_OF_LINE}"));
    }
    format!("{HOME}{}{CLEAR_REST}", shown.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_goes_over_the_last_one_and_leaves_nothing_of_it() {
        assert_eq!(frame("one\ntwo\n", 24), "\u{1b}[Hone\u{1b}[K\ntwo\u{1b}[K\u{1b}[J");
        assert_eq!(frame("", 24), "\u{1b}[H\u{1b}[J");
    }

    #[test]
    fn what_does_not_fit_never_scrolls() {
        let text = "line\n".repeat(30);
        let frame = frame(&text, 24);
        assert_eq!(frame.lines().count(), 24);
        assert!(frame.ends_with("... 7 more lines, in a taller window\u{1b}[K\u{1b}[J"), "{frame:?}");
        assert_eq!(super::frame(&"line\n".repeat(24), 24).matches("line").count(), 24);
        assert_eq!(super::frame("a\nb\n", 0).lines().count(), 1);
    }
}
