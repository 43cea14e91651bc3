//! Lines of prose that fit a terminal. Styles are not known here.

/// Columns of a line, its indent among them. One longer word stays whole.
const WIDTH: usize = 100;

/// The text broken into lines, the first behind `lead` and the others indented as far.
pub(super) fn paragraph(lead: &str, text: &str) -> String {
    paragraph_within(lead, text, WIDTH)
}

/// The same in lines of so many columns.
pub(super) fn paragraph_within(lead: &str, text: &str, width: usize) -> String {
    let indent = lead.chars().count();
    let mut out = lead.to_owned();
    let mut column = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > indent {
            if column + 1 + length > width {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                column = indent;
            } else {
                out.push(' ');
                column += 1;
            }
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_one_line() {
        assert_eq!(paragraph("  - ", "a b"), "  - a b\n");
        assert_eq!(paragraph("  ", ""), "  \n");
    }

    #[test]
    fn a_long_text_is_broken_between_words_and_nothing_is_lost() {
        let text = "word ".repeat(60).trim_end().to_owned() + " " + &"x".repeat(150);
        let lines = paragraph("  - ", &text);
        let (first, rest) = lines.split_once('\n').unwrap();
        assert_eq!(first.chars().count(), 98);
        assert!(rest.lines().all(|line| line.starts_with("    ") && line.get(4..5) != Some(" ")));
        let joined: Vec<&str> = lines.split_whitespace().skip(1).collect();
        assert_eq!(joined.join(" "), text);
    }
}
