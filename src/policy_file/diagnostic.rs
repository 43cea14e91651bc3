//! What can be said about a policy file: findings and their stable codes. How they look is not decided here.

use super::source::Span;
use crate::domain::text::is_steering;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The policy cannot be used.
    Error,
    /// The policy can be used, and probably does not say what was meant.
    Warning,
}

impl Severity {
    /// The name used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $description:literal])+ $name:ident = $text:literal, $severity:ident;)+) => {
        /// The kind of a finding. Its name is stable: other programs and people refer to it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $description])+ $name,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What it means, in one sentence.
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($description),+).trim_ascii_start(),)+ }
            }

            /// Whether a policy with such a finding can be used.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    /// The file is not one YAML 1.2 document in UTF-8.
    Syntax = "syntax", Error;
    /// The file, one of its patterns, or the number of its rules or patterns is beyond a limit.
    TooLarge = "too-large", Error;
    /// The file is of a version that this program does not read.
    UnsupportedVersion = "unsupported-version", Error;
    /// The key means nothing at this place.
    UnknownKey = "unknown-key", Error;
    /// The same key is given twice in one map.
    DuplicateKey = "duplicate-key", Error;
    /// A key that must be there is not.
    MissingKey = "missing-key", Error;
    /// The value is of another kind than the key takes.
    WrongType = "wrong-type", Error;
    /// A list has no entries.
    EmptyList = "empty-list", Error;
    /// A list has the same entry twice.
    DuplicateValue = "duplicate-value", Error;
    /// The text is not a duration such as `30s`.
    BadDuration = "bad-duration", Error;
    /// The text is not a rate such as `6/h`.
    BadRate = "bad-rate", Error;
    /// The text is not a time of the day such as `06:00`.
    BadTime = "bad-time", Error;
    /// There is no time zone of that name.
    BadTimeZone = "bad-time-zone", Error;
    /// The text is not the ARN of a change calendar of AWS Systems Manager.
    BadCalendar = "bad-calendar", Error;
    /// The text is not a regular expression, or one that takes too much.
    BadRegex = "bad-regex", Error;
    /// The name of a rule, budget, freeze or classifier has characters that names cannot have, or is too long.
    BadName = "bad-name", Error;
    /// There is no failure class or group of that name.
    UnknownClass = "unknown-class", Error;
    /// The class can never be retried, whatever a policy says.
    NeverRetryableClass = "never-retryable-class", Error;
    /// No classifier can say that class: only CodePipeline knows what a person rejected or stopped.
    ReservedClass = "reserved-class", Error;
    /// There is no budget of that name.
    UnknownBudget = "unknown-budget", Error;
    /// There is no freeze of that name.
    UnknownFreeze = "unknown-freeze", Error;
    /// The value is none of those that the key takes.
    UnknownValue = "unknown-value", Error;
    /// The number, duration, rate or text is beyond what the key takes.
    OutOfRange = "out-of-range", Error;
    /// The longest delay of a backoff is below its first.
    MaxBelowInitial = "max-below-initial", Error;
    /// Two rules have the same name.
    DuplicateRuleName = "duplicate-rule-name", Error;
    /// Two classifiers have the same name.
    DuplicateClassifierName = "duplicate-classifier-name", Error;
    /// A rule above matches everything that this rule matches.
    UnreachableRule = "unreachable-rule", Warning;
    /// A rule with `mode: disabled` has no effect on what a wider rule above it matches.
    ShadowedExclusion = "shadowed-exclusion", Warning;
    /// No rule takes from this budget.
    UnusedBudget = "unused-budget", Warning;
    /// No rule names this freeze.
    UnusedFreeze = "unused-freeze", Warning;
    /// A classifier above matches everything that this classifier matches.
    UnreachableClassifier = "unreachable-classifier", Warning;
    /// No rule at work is about the pipelines and stages that this classifier looks at.
    UnusedClassifier = "unused-classifier", Warning;
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// What is wrong: lower case, one line, what the user wrote in back-ticks.
    pub message: String,
    /// The exact place.
    pub span: Span,
    /// What to do about it.
    pub hint: Option<String>,
    /// Another place that it has to do with, and how.
    pub related: Option<Related>,
}

/// A second place that a finding points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The place.
    pub span: Span,
    /// What it has to do with the finding.
    pub message: String,
}

impl Diagnostic {
    /// A finding without a hint.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span, hint: None, related: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related = Some(Related { span, message: message.into() });
        self
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// Longest piece of the user's text that a message repeats, in characters.
const LONGEST_QUOTE: usize = 60;

/// The user's own text in back-ticks, shortened and without control characters.
pub(super) fn quote(text: &str) -> String {
    let mut shown: String =
        text.chars().take(LONGEST_QUOTE).map(|c| if is_steering(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LONGEST_QUOTE).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for name in names {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
        }
    }

    #[test]
    fn descriptions_are_sentences() {
        for code in Code::ALL {
            let description = code.description();
            assert!(description.starts_with(char::is_uppercase), "{description}");
            assert!(description.ends_with('.'), "{description}");
        }
    }

    #[test]
    fn quotes_are_short_and_harmless() {
        assert_eq!(quote("a\u{1b}[31mb"), "`a\u{fffd}[31mb`");
        assert_eq!(quote(&"x".repeat(61)), format!("`{}…`", "x".repeat(60)));
    }
}
