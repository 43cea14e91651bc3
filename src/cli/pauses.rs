//! Pauses in the words of the command: how they are given, and how they are shown.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::columns::{foreign, moment};
use crate::domain::controls::{Controls, Pause};
use crate::domain::glob::Glob;

/// Longest pattern: the longest pipeline name, with room for stars.
const LONGEST_PATTERN: usize = 200;

/// The pipelines that a pause is for. A pattern that matches every name is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Option<Glob>);

impl Pattern {
    /// Reads what was given.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '@' | '-' | '_' | '*' | '?');
        if !(1..=LONGEST_PATTERN).contains(&text.len()) || !text.chars().all(legal) {
            return Err(
                "matches no pipeline: their names have A-Z a-z 0-9 . @ - _, and * and ? stand for some \
                        of these"
                    .to_owned(),
            );
        }
        let everything = text.chars().all(|c| c == '*');
        Ok(Self((!everything).then(|| Glob::new(text))))
    }

    /// As a pause has it.
    pub(super) fn glob(given: Option<&Self>) -> Option<Glob> {
        given.and_then(|pattern| pattern.0.clone())
    }
}

/// Whose pause it is.
pub(super) fn whose(pipeline: Option<&Glob>) -> String {
    pipeline
        .map_or_else(|| "every pipeline".to_owned(), |glob| format!("pipelines `{}`", foreign(glob.as_str())))
}

/// One pause on one line.
pub(super) fn line(pause: &Pause, now: Timestamp) -> String {
    format!("{}, until {}: {}", whose(pause.pipeline.as_ref()), end(pause, now), foreign(&pause.reason))
}

/// Until when a pause is.
pub(super) fn end(pause: &Pause, now: Timestamp) -> String {
    pause.until.map_or_else(|| "resumed".to_owned(), |until| moment(until, now))
}

/// One pause for programs.
pub(super) fn document(pause: &Pause) -> Value {
    json!({
        "pipeline": pause.pipeline.as_ref().map(Glob::as_str),
        "until": pause.until.map(|until| format!("{until:.0}")),
        "reason": pause.reason,
    })
}

/// The pauses that are not over.
pub(super) fn in_force(controls: &Controls, now: Timestamp) -> Vec<&Pause> {
    controls.pauses.iter().filter(|pause| pause.until.is_none_or(|until| until > now)).collect()
}
