//! How what came of a case differs from what is expected.

use std::fmt;

use jiff::Timestamp;

use super::{Expected, Wanted};
use crate::domain::decision::{Ruling, Verdict};
use crate::domain::duration::in_words;
use crate::replay::course::Course;

/// One thing that is not as it is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What: `decision`, `rule`, `class`, …
    pub what: &'static str,
    /// What is expected.
    pub expected: String,
    /// What came.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.what == "decision" { String::new() } else { format!("{} ", self.what) };
        write!(f, "expected {what}{}, got {}", self.expected, self.got)
    }
}

impl Wanted {
    /// Reads `retry`, or `retry/eligible`.
    pub fn parse(text: &str) -> Option<Self> {
        let verdicts = [Verdict::Retry, Verdict::Wait, Verdict::GiveUp, Verdict::Ignore];
        let verdict = verdicts.into_iter().find(|verdict| verdict.as_str() == text);
        verdict.map(Self::Verdict).or_else(|| Ruling::parse(text).map(Self::Ruling))
    }

    fn is(self, ruling: Ruling) -> bool {
        match self {
            Self::Verdict(verdict) => ruling.verdict() == verdict,
            Self::Ruling(wanted) => ruling == wanted,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(verdict) => f.pad(verdict.as_str()),
            Self::Ruling(ruling) => ruling.fmt(f),
        }
    }
}

impl Expected {
    /// All that differs.
    pub(super) fn differences(
        &self,
        course: &Course,
        classes: &[(String, String, String)],
        failed_at: Timestamp,
    ) -> Vec<Difference> {
        let end = course.end();
        let mut found = Vec::new();
        let mut hold = |what, is_so: bool, expected: String, got: String| {
            if !is_so {
                found.push(Difference { what, expected, got });
            }
        };
        hold("decision", self.decision.is(end.ruling), self.decision.to_string(), end.ruling.to_string());
        if let Some(first) = self.first {
            let ruling = course.decision.ruling;
            hold("first", first.is(ruling), first.to_string(), ruling.to_string());
        }
        if let Some(rule) = &self.rule {
            let got = end.rule.as_ref().map_or_else(|| "no rule".to_owned(), ToString::to_string);
            hold("rule", got == *rule, rule.clone(), got);
        }
        let told = |of: fn(&(String, String, String)) -> &String| {
            let all: Vec<&str> = classes.iter().map(|class| of(class).as_str()).collect();
            if all.is_empty() { "none".to_owned() } else { all.join(", ") }
        };
        if let Some(class) = &self.class {
            hold(
                "class",
                classes.iter().any(|(_, of, _)| of == class),
                class.clone(),
                told(|(_, class, _)| class),
            );
        }
        if let Some(signature) = &self.signature {
            let is_so = classes.iter().any(|(_, _, of)| of == signature);
            hold("signature", is_so, signature.clone(), told(|(_, _, signature)| signature));
        }
        if let Some((least, most)) = self.after {
            let after = end.decided_at.duration_since(failed_at);
            let expected = format!("{}..{}", in_words(least), in_words(most));
            hold("after", (least..=most).contains(&after), expected, in_words(after));
        }
        let number =
            |number: Option<u32>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
        if self.retry.is_some() {
            hold("retry", end.retry == self.retry, number(self.retry), number(end.retry));
        }
        if let Some(mode) = self.retry_mode {
            let got = end.retry_mode.map_or_else(|| "none".to_owned(), |mode| mode.to_string());
            hold("retry-mode", end.retry_mode == Some(mode), mode.to_string(), got);
        }
        if let Some(shadow) = self.shadow {
            hold("shadow", end.shadow == shadow, shadow.to_string(), end.shadow.to_string());
        }
        if let Some(rollback) = self.rollback {
            let got = course.asks_for_rollback;
            hold("rollback", got == rollback, rollback.to_string(), got.to_string());
        }
        found
    }
}
