//! Text that came from a build or a service and may hold secrets.

use std::fmt;

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
}
