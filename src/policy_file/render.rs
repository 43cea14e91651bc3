//! Findings for people and for programs. Styles are in the text; whoever prints it strips them where they do not belong.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::diagnostic::{Diagnostic, Severity};
use super::source::{Place, Source, Span};
use crate::domain::text::is_steering;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const FRAME: Style = AnsiColor::Blue.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const BOLD: Style = Style::new().bold();

/// Characters of a source line that are shown at most.
const LONGEST_LINE: usize = 120;
/// Characters shown before the place when a line has to be cut.
const LEAD: usize = 40;

/// Every finding with its place in the source, and a line that counts them. Empty when there are none.
pub fn text(source: &Source, findings: &[Diagnostic]) -> String {
    let mut out = String::new();
    for finding in findings {
        let style = style_of(finding.severity());
        let _ = writeln!(
            out,
            "{style}{}[{}]{style:#}{BOLD}: {}{BOLD:#}",
            finding.severity().as_str(),
            finding.code.as_str(),
            finding.message
        );
        snippet(&mut out, source, finding.span, '^', style);
        if let Some(related) = &finding.related {
            let _ = writeln!(out, "{FRAME}note{FRAME:#}: {}", related.message);
            snippet(&mut out, source, related.span, '-', FRAME);
        }
        if let Some(hint) = &finding.hint {
            let _ = writeln!(out, "{HINT}hint{HINT:#}: {hint}");
        }
        out.push('\n');
    }
    if !findings.is_empty() {
        let _ = writeln!(out, "{}", summary(findings));
    }
    out
}

/// How many findings there are of each severity: `2 errors, 1 warning`.
fn summary(findings: &[Diagnostic]) -> String {
    let parts: Vec<String> = [Severity::Error, Severity::Warning]
        .into_iter()
        .filter_map(|severity| {
            let same = findings.iter().filter(|finding| finding.severity() == severity);
            match same.count() {
                0 => None,
                1 => Some(format!("1 {}", severity.as_str())),
                count => Some(format!("{count} {}s", severity.as_str())),
            }
        })
        .collect();
    parts.join(", ")
}

fn style_of(severity: Severity) -> Style {
    match severity {
        Severity::Error => ERROR,
        Severity::Warning => WARNING,
    }
}

/// The place, its line, and marks under the exact characters.
fn snippet(out: &mut String, source: &Source, span: Span, mark: char, style: Style) {
    let Place { line, column } = source.place(span);
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let shown = Excerpt::new(source.line(span), column - 1, source.width(span));
    let marks = mark.to_string().repeat(shown.marked);
    let indent = " ".repeat(shown.indent);
    let name = source.name();
    let _ = write!(
        out,
        "{gutter}{FRAME}-->{FRAME:#} {name}:{line}:{column}\n\
         {gutter} {FRAME}|{FRAME:#}\n\
         {FRAME}{number} |{FRAME:#} {}\n\
         {gutter} {FRAME}|{FRAME:#} {indent}{style}{marks}{style:#}\n",
        shown.text
    );
}

/// The part of a line that is shown.
struct Excerpt {
    text: String,
    indent: usize,
    marked: usize,
}

impl Excerpt {
    /// `before` characters come before the place, which is `width` characters wide.
    fn new(line: &str, before: usize, width: usize) -> Self {
        let count = line.chars().count();
        let skipped = if count > LONGEST_LINE { before.saturating_sub(LEAD) } else { 0 };
        let mut text = String::new();
        if skipped > 0 {
            text.push('…');
        }
        let lead = text.chars().count();
        text.extend(line.chars().skip(skipped).take(LONGEST_LINE).map(printable));
        if count > skipped + LONGEST_LINE {
            text.push('…');
        }
        let indent = lead + before - skipped;
        let room = text.chars().count().saturating_sub(indent);
        Self { text: text.trim_end().to_owned(), indent, marked: width.min(room).max(1) }
    }
}

/// One column for every character, and nothing that a terminal would act on.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if is_steering(c) => '\u{fffd}',
        c => c,
    }
}

#[derive(Serialize)]
struct Record<'a> {
    severity: &'static str,
    code: &'static str,
    message: &'a str,
    file: &'a str,
    line: usize,
    column: usize,
    hint: Option<&'a str>,
}

/// The findings as a JSON list, one object each, on several lines.
pub fn json(source: &Source, findings: &[Diagnostic]) -> Result<String, serde_json::Error> {
    let records: Vec<Record<'_>> = findings
        .iter()
        .map(|finding| {
            let Place { line, column } = source.place(finding.span);
            Record {
                severity: finding.severity().as_str(),
                code: finding.code.as_str(),
                message: &finding.message,
                file: source.name(),
                line,
                column,
                hint: finding.hint.as_deref(),
            }
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&records)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = "x".repeat(1_000);
        let shown = Excerpt::new(&line, 500, 3);
        assert_eq!(shown.text.chars().count(), LONGEST_LINE + 2);
        assert_eq!((shown.indent, shown.marked), (LEAD + 1, 3));
    }

    #[test]
    fn a_place_at_the_end_of_a_line_is_marked() {
        let shown = Excerpt::new("abc", 3, 0);
        assert_eq!((shown.indent, shown.marked), (3, 1));
    }

    #[test]
    fn control_characters_are_not_printed() {
        assert_eq!(Excerpt::new("a\t\u{1b}[31m", 0, 1).text, "a \u{fffd}[31m");
    }
}
