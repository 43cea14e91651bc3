//! What a scenario file expects: names checked, repeated decisions written out.

use std::collections::BTreeMap;

use super::build::{Built, named};
use super::document::ExpectDocument;
use crate::domain::decision::Ruling;
use crate::domain::pipeline::ExecutionStatus;
use crate::domain::policy::RetryMode;
use crate::replay::expectation::Expectation;

pub(super) fn expectation(document: ExpectDocument) -> Built<Expectation> {
    let mut decisions = BTreeMap::new();
    for (subject, rulings) in document.decisions {
        let rulings: Vec<Vec<Ruling>> = rulings.iter().map(|text| repeated(text)).collect::<Built<_>>()?;
        decisions.insert(subject, rulings.concat());
    }
    let mut executions = BTreeMap::new();
    for (pipeline, statuses) in document.executions {
        let statuses = (statuses.iter())
            .map(|status| named(status, "execution status", ExecutionStatus::parse))
            .collect::<Built<_>>()?;
        executions.insert(pipeline, statuses);
    }
    let mut modes = BTreeMap::new();
    for (subject, names) in document.modes {
        let names =
            names.iter().map(|mode| named(mode, "retry mode", RetryMode::parse)).collect::<Built<_>>()?;
        modes.insert(subject, names);
    }
    Ok(Expectation {
        decisions,
        retries: document.retries,
        modes,
        outcomes: document.outcomes,
        executions,
        malformed: document.malformed,
        ignored: document.ignored,
    })
}

/// Most decisions that one entry stands for.
const MOST_REPEATED: usize = 10_000;

/// A decision, or `50 x wait/backoff` for so many in a row.
fn repeated(text: &str) -> Built<Vec<Ruling>> {
    let (count, name) = match text.split_once(" x ") {
        Some((count, name)) => {
            let count = count.parse().ok().filter(|count| (1..=MOST_REPEATED).contains(count));
            (
                count
                    .ok_or_else(|| format!("`{text}` does not begin with a number up to {MOST_REPEATED}"))?,
                name,
            )
        }
        None => (1, text),
    };
    Ok(vec![named(name, "decision", Ruling::parse)?; count])
}
