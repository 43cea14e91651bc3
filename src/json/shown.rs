//! Foreign text made fit to be shown in a message: short, on one line, unable to imitate anything else.

/// Most characters of foreign text that a message repeats.
pub const LONGEST: usize = 100;

/// The text with everything that does not print escaped, and cut to [`LONGEST`] characters (then ending in `…`).
pub fn shown(text: &str) -> String {
    let mut result = String::new();
    let mut length = 0;
    for character in text.chars() {
        let piece = escaped(character);
        length += piece.chars().count();
        // One character is kept free for the mark.
        if length >= LONGEST {
            result.push('…');
            break;
        }
        result.push_str(&piece);
    }
    result
}

fn escaped(character: char) -> String {
    match character {
        '"' | '\'' => character.to_string(),
        // Messages put foreign text in back-ticks; it must not end them.
        '`' => character.escape_unicode().to_string(),
        _ => character.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["", "aws.codepipeline", "CodePipeline \"Stage\"", "Zürich"] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn what_does_not_print_is_escaped() {
        for (text, expected) in [
            ("a\nb\u{1b}[31m", "a\\nb\\u{1b}[31m"),
            ("`rm`", "\\u{60}rm\\u{60}"),
            ("\u{202e}nimda", "\\u{202e}nimda"),
            ("a\u{2028}b", "a\\u{2028}b"),
            ("\\n", "\\\\n"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn long_text_is_cut_outside_an_escape() {
        for text in ["x".repeat(500), "\u{7}".repeat(500), "é".repeat(500)] {
            let cut = shown(&text);
            assert!(cut.chars().count() <= LONGEST, "{cut}");
            assert!(cut.ends_with('…'), "{cut}");
        }
        assert!(shown(&"\u{7}".repeat(500)).ends_with("\\u{7}…"));
        assert_eq!(shown(&"x".repeat(99)), "x".repeat(99));
    }
}
