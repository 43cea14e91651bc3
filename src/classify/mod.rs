//! From what is known of a failed action to its class: signatures over texts and codes, a policy's own before the
//! built-in ones.
//!
//! Of the built-in signatures that match, the strongest decides: what names a cause beats what names a symptom, and that
//! beats what only tells that something failed. Of two that weigh the same, one of a failure that stays beats one of a
//! failure that passes, and then the one further up in the table does. A failure that passes and was survived, since
//! the same text goes on to tell of one that stays, does not count.

mod examine;
mod expressions;
mod line;
mod literals;
mod matcher;
mod own;
mod pattern;
mod redact;
mod search;
mod signature;
pub mod signatures;

pub use examine::examine;
pub use pattern::{PatternError, pattern};
pub use redact::redact;
pub use signature::{Signature, Strength, is_transient};

use crate::domain::class::Class;
use crate::domain::classifier::Classifier;
use crate::domain::evidence::{Classified, Evidence, Place, Text};
use crate::domain::facts::FailedAction;
use crate::domain::ids::StageRunId;
use crate::domain::pipeline::Category;

/// Name of the signature where nothing was recognised.
pub const NONE: &str = "none";

/// What is known of one failure.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The stage run it happened in, where there is one.
    pub run: Option<&'a StageRunId>,
    /// The action.
    pub action: Option<&'a str>,
    /// Who carries the action out; empty where that is not known.
    pub provider: &'a str,
    /// What the action is for.
    pub category: Option<Category>,
    /// The error code.
    pub code: Option<&'a str>,
    /// What was read, those texts first that say most directly what failed.
    pub texts: &'a [Text],
}

/// The class of one failure. Total: what nothing recognises is `unknown`.
pub fn classify(classifiers: &[Classifier], subject: &Subject<'_>) -> Classified {
    let built_in = approval(subject).or_else(|| search::best(subject));
    match built_in {
        // What a person ended stays so, whatever a policy says.
        Some(ended) if !ended.class.may_be_retried() => ended,
        built_in => own::first(classifiers, subject).or(built_in).unwrap_or_else(|| rest(subject)),
    }
}

/// The class of one failed run by these texts.
fn of_run(classifiers: &[Classifier], run: &StageRunId, action: &FailedAction, texts: &[Text]) -> Classified {
    classify(
        classifiers,
        &Subject {
            run: Some(run),
            action: Some(action.name.as_str()),
            provider: &action.provider,
            category: Some(action.category),
            code: action.error.code.as_deref(),
            texts,
        },
    )
}

/// What is known of a failed run: its own error first, then what was read beside.
fn texts_of(action: &FailedAction, evidence: &Evidence) -> Vec<Text> {
    let own = [(Place::ErrorMessage, &action.error.message), (Place::Summary, &action.error.summary)];
    own.into_iter()
        .filter(|(_, text)| !text.expose().is_empty())
        .map(|(place, text)| Text { place, code: None, text: text.clone() })
        .chain(evidence.texts.iter().cloned())
        .collect()
}

/// The line that decided, cut and without secrets; none where no line did.
pub fn excerpt(texts: &[Text], classified: &Classified) -> Option<String> {
    let found = classified.found?;
    let index = usize::try_from(found.line.checked_sub(1)?).ok()?;
    let line = texts.get(found.text)?.text.expose().split('\n').nth(index)?;
    Some(redact(line))
}

/// A person's no needs no words.
fn approval(subject: &Subject<'_>) -> Option<Classified> {
    (subject.category == Some(Category::Approval)).then(|| Classified {
        class: Class::ApprovalRejected,
        signature: "approval".to_owned(),
        reason: "a person said no, or nobody said yes in time".to_owned(),
        found: None,
    })
}

/// Where nothing was recognised.
fn rest(subject: &Subject<'_>) -> Classified {
    if subject.category == Some(Category::Test) {
        return Classified {
            class: Class::TestFailure,
            signature: "test-action-failed".to_owned(),
            reason: "an action that tests failed, and nothing says that it was anything but the tests"
                .to_owned(),
            found: None,
        };
    }
    Classified {
        class: Class::Unknown,
        signature: NONE.to_owned(),
        reason: "no signature recognises it".to_owned(),
        found: None,
    }
}
