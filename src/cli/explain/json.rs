//! The explanation for programs: the decision document with what `retrier explain` knows beside it.

use serde::Serialize;
use serde_json::Value;

use super::{Report, meaning};
use crate::cli::CliError;
use crate::document::document;
use crate::domain::ahead::{Passage, entered};

/// The decision document and what is beside it. Consumers must tolerate fields that they do not know.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Explanation<'a> {
    #[serde(flatten)]
    decision: Value,
    meaning: &'a str,
    advice: &'a str,
    /// Decision documents of what would follow.
    then: Vec<Value>,
    /// Null where nothing tells of the stages.
    ahead: Option<Vec<Ahead<'a>>>,
    assumptions: Vec<Assumed<'a>>,
}

#[derive(Serialize)]
struct Ahead<'a> {
    stage: &'a str,
    passage: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<&'a str>,
    /// Whether a retry carries the change into it without anybody's doing.
    entered: bool,
    /// The freezes there that a retry waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    freezes: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Assumed<'a> {
    assumed: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_by: Option<&'a str>,
}

pub(super) fn render(report: &Report<'_>) -> Result<String, CliError> {
    let words = meaning::of(&report.course.decision, report.origin);
    let ahead = report.ahead.as_ref().map(|ahead| {
        let entered = entered(ahead).count();
        ahead
            .iter()
            .enumerate()
            .map(|(index, next)| Ahead {
                stage: next.stage.as_str(),
                passage: next.passage.as_str(),
                approval: match &next.passage {
                    Passage::StopsAt { approval, .. } => Some(approval.as_str()),
                    Passage::RunsOn | Passage::StopsBefore | Passage::Unknown => None,
                },
                entered: index < entered,
                freezes: (report.freezes_ahead.get(&next.stage).into_iter().flatten())
                    .map(|freeze| freeze.name.as_str())
                    .collect(),
            })
            .collect()
    });
    let explanation = Explanation {
        decision: document(&report.course.decision),
        meaning: words.means,
        advice: words.advice,
        then: report.course.then.iter().map(document).collect(),
        ahead,
        assumptions: report
            .assumptions
            .iter()
            .map(|assumption| Assumed { assumed: &assumption.text, settled_by: assumption.settled_by })
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&explanation)
        .map_err(|error| CliError::unexpected(format!("cannot write the explanation as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}
