//! Text that came from a build or a service and may hold secrets.

use std::fmt;

/// Evidence as it was read. It can be searched, and it is never shown: neither `Debug` nor anything else prints it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EvidenceText(String);

impl EvidenceText {
    /// Longest text that is kept, in bytes; what is beyond is cut off at the end.
    pub const LONGEST: usize = 16 * 1024;

    /// Longest end of a text that is kept, in bytes.
    pub const LONGEST_TAIL: usize = 64 * 1024;

    /// Takes the text in, cut to [`Self::LONGEST`].
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > Self::LONGEST {
            let end = (0..=Self::LONGEST).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            text.truncate(end);
        }
        Self(text)
    }

    /// Takes the end of the text in, at most [`Self::LONGEST_TAIL`], from the beginning of a line on where there is one.
    pub fn tail(text: impl Into<String>) -> Self {
        let mut text = text.into();
        let Some(beyond) = text.len().checked_sub(Self::LONGEST_TAIL).filter(|beyond| *beyond > 0) else {
            return Self(text);
        };
        let start = (beyond..text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
        let kept = text.split_off(start);
        if text.ends_with('\n') {
            return Self(kept);
        }
        match kept.split_once('\n') {
            Some((_, lines)) if !lines.is_empty() => Self(lines.to_owned()),
            _ => Self(kept),
        }
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
    }
    #[test]
    fn of_a_tail_the_last_whole_lines_are_kept() {
        let tail = |text: &str| EvidenceText::tail(text).expose().to_owned();
        assert_eq!(tail("all\nof it\n"), "all\nof it\n");
        let full = "x".repeat(EvidenceText::LONGEST_TAIL - 1) + "\n";
        assert_eq!(tail(&full), full);
        assert_eq!(tail(&format!("before\n{full}")), full, "a line that just fits");
        let lines = (0..10_000).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat();
        let kept = tail(&lines);
        assert!(kept.len() <= EvidenceText::LONGEST_TAIL && lines.ends_with(&kept));
        assert!(kept.starts_with("line ") && kept.len() > EvidenceText::LONGEST_TAIL - 20);
        for ending in ["", "\n"] {
            let kept = tail(&("é".repeat(EvidenceText::LONGEST_TAIL) + "x" + ending));
            assert!(kept.len() > EvidenceText::LONGEST_TAIL - 3, "a single line is cut between characters");
            assert!(kept.len() <= EvidenceText::LONGEST_TAIL && kept.starts_with('é'));
        }
    }
}
