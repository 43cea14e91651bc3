//! What a scenario file expects: names checked, repeated decisions written out.

use std::collections::BTreeMap;

use super::document::ExpectDocument;
use crate::domain::decision::Ruling;
use crate::domain::notice::Occasion;
use crate::domain::pipeline::ExecutionStatus;
use crate::domain::policy::RetryMode;
use crate::policy_file::near;
use crate::replay::expectation::Expectation;
use crate::replay::values::{Built, named, within};

pub(super) fn expectation(document: ExpectDocument) -> Built<Expectation> {
    let mut decisions = BTreeMap::new();
    for (subject, rulings) in document.decisions {
        let rulings: Vec<Vec<Ruling>> =
            rulings.iter().map(|text| within(&place(&subject), repeated(text))).collect::<Built<_>>()?;
        decisions.insert(subject, rulings.concat());
    }
    let mut executions = BTreeMap::new();
    for (pipeline, statuses) in document.executions {
        let statuses = (statuses.iter())
            .map(|status| {
                let known = named(status, "execution status", &STATUSES, ExecutionStatus::as_str);
                within(&place(&pipeline), known)
            })
            .collect::<Built<_>>()?;
        executions.insert(pipeline, statuses);
    }
    let mut modes = BTreeMap::new();
    for (subject, names) in document.modes {
        let names = names
            .iter()
            .map(|mode| {
                within(&place(&subject), named(mode, "retry mode", &RetryMode::ALL, RetryMode::as_str))
            })
            .collect::<Built<_>>()?;
        modes.insert(subject, names);
    }
    let mut notices = document.notices.as_ref().map(|_| BTreeMap::new());
    for (subject, names) in document.notices.into_iter().flatten() {
        let occasion = |name: &String| {
            within(&place(&subject), named(name, "occasion", &Occasion::ALL, Occasion::as_str))
        };
        let told = names.iter().map(occasion).collect::<Built<Vec<_>>>()?;
        notices.get_or_insert_default().insert(subject, told);
    }
    Ok(Expectation {
        decisions,
        notices,
        digests: document.digests,
        retries: document.retries,
        modes,
        outcomes: document.outcomes,
        executions,
        malformed: document.malformed,
        ignored: document.ignored,
    })
}

const STATUSES: [ExecutionStatus; 7] = [
    ExecutionStatus::InProgress,
    ExecutionStatus::Succeeded,
    ExecutionStatus::Failed,
    ExecutionStatus::Stopping,
    ExecutionStatus::Stopped,
    ExecutionStatus::Cancelled,
    ExecutionStatus::Superseded,
];

fn place(subject: &str) -> String {
    format!("`expect`, {subject}")
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
    let ruling = Ruling::parse(name).ok_or_else(|| {
        let known: Vec<String> = Ruling::ALL
            .iter()
            .map(|known| format!("{}/{}", known.verdict().as_str(), known.reason()))
            .collect();
        let hint = near::hint(name, known.iter().map(String::as_str)).map(|hint| format!("; {hint}"));
        format!("`{name}` is not a known decision{}", hint.unwrap_or_default())
    })?;
    Ok(vec![ruling; count])
}
