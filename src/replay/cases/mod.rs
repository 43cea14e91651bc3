//! A team's own cases: a failure in few words, and what the policy is expected to make of it. Decided by the function's own
//! code, kept beside the policy, and run before a change of it.

mod build;
mod document;
mod expectation;
mod subject;

use jiff::SignedDuration;

use super::course::{Course, course};
use super::unreadable::unreadable;
use crate::domain::decision::{Decision, Ruling, Verdict};
use crate::domain::policy::{Policy, RetryMode};
use document::FileDocument;
use subject::Subject;

pub use expectation::Difference;

/// A file of cases, ready to be run.
#[derive(Debug)]
pub struct Cases {
    /// The policy that it names, as a path from the file's folder.
    pub policy: Option<String>,
    /// The cases, in the order of the file.
    pub cases: Vec<Case>,
}

/// One failure and what is expected of it.
#[derive(Debug)]
pub struct Case {
    /// What it is called.
    pub name: String,
    subject: Subject,
    expected: Expected,
}

/// What is expected of a failure; what is not said may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// What it comes to.
    pub decision: Wanted,
    /// What is decided first.
    pub first: Option<Wanted>,
    /// The rule.
    pub rule: Option<String>,
    /// The class of the failed actions: of one of them, where they differ.
    pub class: Option<String>,
    /// The signature that says so.
    pub signature: Option<String>,
    /// How long after the failure the decision comes, at least and at most.
    pub after: Option<(SignedDuration, SignedDuration)>,
    /// The number of the retry.
    pub retry: Option<u32>,
    /// What it runs again.
    pub retry_mode: Option<RetryMode>,
    /// Whether it is only rehearsed.
    pub shadow: Option<bool>,
    /// Whether a rollback follows, where the deployment allows it.
    pub rollback: Option<bool>,
}

/// A verdict, or a verdict with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Whatever the reason.
    Verdict(Verdict),
    /// This one.
    Ruling(Ruling),
}

/// What came of a case.
#[derive(Debug)]
pub struct Outcome {
    /// The decisions about the failure.
    pub course: Course,
    /// The classes of its failed actions with the signatures that said so.
    pub classes: Vec<(String, String, String)>,
    /// What is not as it is expected; nothing where the case passes.
    pub differences: Vec<Difference>,
}

/// Why a text is no file of cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CasesError {
    /// What is wrong, and where.
    pub message: String,
}

impl Cases {
    /// Largest file of cases, in bytes.
    pub const LARGEST: usize = 1024 * 1024;

    /// Reads a file of cases. `name` is what messages call it.
    pub fn read(name: &str, text: &str) -> Result<Self, CasesError> {
        let refuse = |message| Err(CasesError { message });
        if text.len() > Self::LARGEST {
            return refuse(format!("`{name}` is larger than {} bytes", Self::LARGEST));
        }
        let document: FileDocument = match serde_saphyr::from_str(text) {
            Ok(document) => document,
            Err(error) => return refuse(unreadable(name, "a file of cases", &error.to_string())),
        };
        build::cases(document).map_err(|problem| CasesError { message: format!("`{name}`: {problem}") })
    }
}

impl Case {
    /// Lets the policy decide. An error says what the case asks of the policy that it does not have.
    pub fn run(&self, policy: &Policy) -> Result<Outcome, String> {
        let subject = &self.subject;
        let ledger = subject.ledger(policy)?;
        let calendars = subject.calendars(policy)?;
        let course = course(policy, &subject.event, subject.known(&ledger, &calendars), subject.now);
        let course = if subject.is_at_one_moment { Course { then: Vec::new(), ..course } } else { course };
        let classes = subject.classes(policy);
        let differences = self.expected.differences(&course, &classes, subject.failed_at);
        Ok(Outcome { course, classes, differences })
    }
}

impl Outcome {
    /// What it comes to.
    pub fn end(&self) -> &Decision {
        self.course.end()
    }
}
