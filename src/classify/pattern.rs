//! The expressions of a policy: compiled within limits, and refused with the byte at which they go wrong.

use regex::bytes::RegexBuilder;
use thiserror::Error;

use crate::domain::classifier::Pattern;

/// Longest expression, in bytes.
pub const LONGEST: usize = 512;
/// Most that one compiled expression may take, in bytes. Repetitions such as `(a{1000}){1000}` would take more.
const COMPILED: usize = 1024 * 1024;
/// Most that the states found while searching may take, in bytes.
const STATES: usize = 8 * 1024 * 1024;
/// Deepest nesting of groups, repetitions and classes.
const NESTING: u32 = 50;

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct PatternError {
    /// What is wrong, in words.
    pub what: String,
    /// The byte of the expression at which it goes wrong, from 0.
    pub at: usize,
}

/// Compiles an expression of a policy. It sees bytes: `\d`, `\w`, `\s`, `\b` and `(?i)` mean ASCII, and `^` and `$` are
/// the ends of the whole text unless `(?m)` is given.
///
/// Searching takes time linear in the text, whatever the expression.
///
/// # Errors
/// When the expression is longer than 512 bytes, is none, is nested too deeply, or becomes too large.
pub fn pattern(source: &str) -> Result<Pattern, PatternError> {
    if source.len() > LONGEST {
        let what = format!("the expression has {} bytes, of which {LONGEST} are allowed", source.len());
        return Err(PatternError { what, at: LONGEST });
    }
    parse(source)?;
    let regex = RegexBuilder::new(source)
        .unicode(false)
        .size_limit(COMPILED)
        .dfa_size_limit(STATES)
        .nest_limit(NESTING)
        .build()
        .map_err(|error| PatternError {
            what: match error {
                regex::Error::CompiledTooBig(limit) => {
                    format!("the expression takes more than {limit} bytes when compiled: repeat less often")
                }
                _ => "the expression cannot be compiled".to_owned(),
            },
            at: 0,
        })?;
    let find = move |text: &str| regex.find(text.as_bytes()).map(|found| found.start());
    Ok(Pattern::new(source.to_owned(), find))
}

/// Parses as compiling will, only that the error has a place.
fn parse(source: &str) -> Result<(), PatternError> {
    let parsed = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(NESTING)
        .build()
        .parse(source);
    let (what, at) = match parsed {
        Ok(_) => return Ok(()),
        Err(regex_syntax::Error::Parse(error)) => (error.kind().to_string(), error.span().start.offset),
        Err(regex_syntax::Error::Translate(error)) => (words(error.kind()), error.span().start.offset),
        Err(_) => ("the expression is not understood".to_owned(), 0),
    };
    Err(PatternError { what, at })
}

/// What the parser says, where it can be said more plainly.
fn words(kind: &regex_syntax::hir::ErrorKind) -> String {
    use regex_syntax::hir::ErrorKind;
    match kind {
        ErrorKind::UnicodeNotAllowed
        | ErrorKind::UnicodePropertyNotFound
        | ErrorKind::UnicodePropertyValueNotFound
        | ErrorKind::UnicodePerlClassNotFound
        | ErrorKind::UnicodeCaseUnavailable => {
            "only ASCII is understood in classes: no `\\p`, no `(?u)`, and letters beyond ASCII outside brackets only"
                .to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(source: &str) -> PatternError {
        pattern(source).unwrap_err()
    }

    #[test]
    fn what_it_finds() {
        let grid = pattern("SessionNotCreated|no free slot").unwrap();
        assert_eq!(grid.find("the grid says: no free slot"), Some(15));
        assert_eq!(grid.find("all is well"), None);
        assert_eq!(grid.source(), "SessionNotCreated|no free slot");
        assert_eq!(pattern("(?i)straße \\d+").unwrap().find("Straße 12"), Some(0));
        assert_eq!(pattern("a.b").unwrap().find("aéb a-b"), Some(5));
    }

    #[test]
    fn what_is_wrong_and_where() {
        for (source, at, what) in [
            ("a(b", 1, "unclosed group"),
            ("ab)", 2, "unopened group"),
            ("*", 0, "repetition operator missing expression"),
            ("ab[z-a]", 3, "invalid character class range, the start must be <= the end"),
            (r"x(?=y)", 1, "look-around, including look-ahead and look-behind, is not supported"),
            (r"(a)\1", 3, "backreferences are not supported"),
            (r"a\q", 1, "unrecognized escape sequence"),
        ] {
            let error = refusal(source);
            assert_eq!((error.what.as_str(), error.at), (what, at), "{source}");
        }
        let error = refusal(r"ok \p{Greek}");
        assert!(error.what.starts_with("only ASCII"), "{error}");
        assert_eq!(error.at, 3);
        assert!(refusal("[é]").what.starts_with("only ASCII"));
    }

    #[test]
    fn limits() {
        assert!(pattern(&"a".repeat(LONGEST)).is_ok());
        let long = refusal(&"a".repeat(LONGEST + 1));
        assert_eq!(long.at, LONGEST);
        assert_eq!(long.to_string(), "the expression has 513 bytes, of which 512 are allowed");
        let large = refusal("(a{1000}){1000}");
        assert_eq!(
            large.what,
            "the expression takes more than 1048576 bytes when compiled: repeat less often"
        );
        let deep = refusal(&format!("{}a{}", "(".repeat(60), ")".repeat(60)));
        assert_eq!(
            (deep.what.as_str(), deep.at),
            ("exceed the maximum number of nested parentheses/brackets (50)", 50)
        );
    }

    proptest! {
        #[test]
        fn every_text_compiles_or_is_refused_within_itself(source in ".{0,60}") {
            match pattern(&source) {
                Ok(pattern) => { pattern.find(&source); }
                Err(error) => prop_assert!(error.at <= source.len() && !error.what.is_empty()),
            }
        }
    }
}
