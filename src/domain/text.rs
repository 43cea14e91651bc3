//! Text that came from a build or a service and may hold secrets.

use std::fmt;

/// Whether a character steers whoever shows it instead of being shown: control characters, ends of lines, marks for the
/// direction of text, and what has no width.
pub fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// Evidence as it was read. It can be searched, and it is never shown: neither `Debug` nor anything else prints it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EvidenceText(String);

impl EvidenceText {
    /// Longest text that is kept, in bytes; what is beyond is cut off at the end.
    pub const LONGEST: usize = 16 * 1024;

    /// Takes the text in, cut to [`Self::LONGEST`].
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > Self::LONGEST {
            let end = (0..=Self::LONGEST).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            text.truncate(end);
        }
        Self(text)
    }

    /// Longest text of which the end is kept, in bytes.
    pub const LONGEST_TAIL: usize = 64 * 1024;

    /// Takes the end of a log in: at most [`Self::LONGEST_TAIL`], from the beginning of a line where there is one.
    pub fn tail(text: impl Into<String>) -> Self {
        let text = text.into();
        let Some(earliest) = text.len().checked_sub(Self::LONGEST_TAIL).filter(|at| *at > 0) else {
            return Self(text);
        };
        let after_break = text.as_bytes().iter().skip(earliest - 1).position(|byte| *byte == b'\n');
        let start = match after_break.map(|at| earliest + at) {
            Some(start) if start < text.len() => start,
            _ => (earliest..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len()),
        };
        Self(text.get(start..).unwrap_or_default().to_owned())
    }

    /// For classification only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EvidenceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EvidenceText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_printed() {
        let printed = format!("{:?}", EvidenceText::new("password=hunter2"));
        assert_eq!(printed, "EvidenceText(16 bytes)");
    }

    #[test]
    fn it_is_cut_between_characters() {
        let text = EvidenceText::new("é".repeat(EvidenceText::LONGEST));
        assert!(text.expose().len() <= EvidenceText::LONGEST);
        assert!(text.expose().chars().all(|c| c == 'é'));
        assert_eq!(EvidenceText::new("x".repeat(20_000)).expose().len(), 16_384);
    }

    #[test]
    fn of_a_log_the_last_whole_lines_are_kept() {
        let log = "a line of the log\n".repeat(10_000);
        let kept = EvidenceText::tail(log.clone());
        assert!(kept.expose().len() <= EvidenceText::LONGEST_TAIL);
        assert!(kept.expose().len() > EvidenceText::LONGEST_TAIL - 18);
        assert!(kept.expose().starts_with("a line") && log.ends_with(kept.expose()));
        assert_eq!(EvidenceText::tail("short").expose(), "short");
        let exact = "x".repeat(EvidenceText::LONGEST_TAIL);
        assert_eq!(EvidenceText::tail(exact.clone()).expose(), exact);
    }

    #[test]
    fn of_one_long_line_the_end_is_kept_between_characters() {
        let kept = EvidenceText::tail(format!("x{}", "é".repeat(EvidenceText::LONGEST_TAIL)));
        assert_eq!(kept.expose().len(), EvidenceText::LONGEST_TAIL);
        assert!(kept.expose().chars().all(|c| c == 'é'));
        let ends_with_break = EvidenceText::tail(format!("{}\n", "é".repeat(EvidenceText::LONGEST_TAIL)));
        assert!(ends_with_break.expose().starts_with('é'));
    }
}
