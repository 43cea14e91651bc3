//! Words and numbers in a chart and beside it.

/// Lines that a label has at most.
const LINES: usize = 3;

/// A label in lines of so many letters. What does not fit ends in dots; the table of numbers has it whole.
pub(super) fn lines(label: &str, letters: u32) -> Vec<String> {
    let letters = usize::try_from(letters).unwrap_or(usize::MAX).max(4);
    let mut lines: Vec<String> = Vec::new();
    for word in label.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let is_cut = lines.len() > LINES;
    lines.truncate(LINES);
    if let Some(last) = lines.last_mut().filter(|_| is_cut) {
        last.push_str(" …");
    }
    lines.iter().map(|line| shortened(line, letters)).collect()
}

fn shortened(line: &str, letters: usize) -> String {
    if line.chars().count() <= letters {
        return line.to_owned();
    }
    let kept: String = line.chars().take(letters - 1).collect();
    format!("{}…", kept.trim_end_matches([' ', '…']))
}

/// A number with commas, of at most one decimal: `1,234`, `2.5`.
pub(super) fn counted(value: f64) -> String {
    let is_whole = value.fract().abs() < f64::EPSILON;
    let text = if is_whole { format!("{value:.0}") } else { format!("{value:.1}") };
    let whole = text.find('.').unwrap_or(text.len());
    let mut grouped = String::new();
    for (place, letter) in text.char_indices() {
        if place > 0 && place < whole && (whole - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(letter);
    }
    grouped
}

/// A number beside an axis: `950`, `1.5k`, `20M`.
pub(super) fn short(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 1e9 => (value / 1e9, "G"),
        value if value >= 1e6 => (value / 1e6, "M"),
        value if value >= 1e3 => (value / 1e3, "k"),
        value => (value, ""),
    };
    format!("{}{unit}", counted((value * 10.0).round() / 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_broken_at_words_and_shortened() {
        let cases: &[(&str, u32, &[&str])] = &[
            ("", 10, &[]),
            ("Nov 16", 10, &["Nov 16"]),
            ("No retries", 8, &["No", "retries"]),
            ("CodePipeline's own retries", 14, &["CodePipeline's", "own retries"]),
            ("one two three four", 9, &["one two", "three", "four"]),
            ("one two three four five six", 8, &["one two", "three", "four …"]),
            ("abcdefghij", 8, &["abcdefg…"]),
            ("abcdefghij", 0, &["abc…"]),
        ];
        for (label, letters, expected) in cases {
            assert_eq!(&lines(label, *letters), expected, "{label} in {letters}");
        }
    }

    #[test]
    fn numbers_have_commas() {
        let cases = [
            (0.0, "0"),
            (999.0, "999"),
            (1000.0, "1,000"),
            (1_234_567.0, "1,234,567"),
            (98_765.44, "98,765.4"),
        ];
        for (value, expected) in cases {
            assert_eq!(counted(value), expected);
        }
    }

    #[test]
    fn numbers_beside_an_axis_are_short() {
        let cases = [
            (0.0, "0"),
            (950.0, "950"),
            (1500.0, "1.5k"),
            (20_000.0, "20k"),
            (1e6, "1M"),
            (4.5e15, "4,500,000G"),
        ];
        for (value, expected) in cases {
            assert_eq!(short(value), expected);
        }
    }
}
