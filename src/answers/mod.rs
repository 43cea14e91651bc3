//! CodePipeline's answers in JSON, as the AWS CLI prints them, to the domain's types. It does not call CodePipeline and
//! does not judge what it read.
//!
//! Members that CodePipeline may leave out may be absent, as long as their absence cannot hide something that a decision
//! rests on; members that are not known are passed over. A name that is not known (a status, a category) is an error,
//! since what it means for a retry is not known either.

mod actions;
mod execution;
mod state;
mod structure;

pub use actions::action_executions;
pub use execution::pipeline_execution;
pub use state::pipeline_state;
pub use structure::pipeline_structure;

use crate::domain::pipeline::{ErrorDetails, ExecutionKind, ExecutionMode};
use crate::domain::text::EvidenceText;
use crate::json::{self, Fault, Node, Object};

/// An answer that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("answer of `{what}`: {}", self.place())]
pub struct AnswerError {
    /// The command of the AWS CLI that prints such answers: `get-pipeline-state`.
    pub what: &'static str,
    /// The place, such as `stageStates[2].actionStates[0].latestExecution.status`; empty for the whole document.
    pub path: String,
    /// What is wrong there, to follow the name of the place. It repeats names that are not known, and no other content.
    pub problem: String,
}

impl AnswerError {
    fn place(&self) -> Fault {
        Fault { path: self.path.clone(), problem: self.problem.clone() }
    }
}

/// Reads one document, whose value is an object.
fn read<T>(
    what: &'static str,
    text: &str,
    understand: impl FnOnce(&Object<'_>) -> Result<T, Fault>,
) -> Result<T, AnswerError> {
    json::parse(text)
        .and_then(|document| understand(&Node::root(&document).object()?))
        .map_err(|Fault { path, problem }| AnswerError { what, path, problem })
}

/// Reads every element of a list.
fn each<T>(list: &Node<'_>, understand: impl Fn(&Object<'_>) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    list.items()?.iter().map(|item| understand(&item.object()?)).collect()
}

/// `executionMode`; absent in answers that are older than the modes, when there was but one.
fn execution_mode(owner: &Object<'_>) -> Result<ExecutionMode, Fault> {
    match owner.member("executionMode").optional() {
        Some(mode) => mode.one_of("execution mode", |name| {
            [ExecutionMode::Superseded, ExecutionMode::Queued, ExecutionMode::Parallel]
                .into_iter()
                .find(|mode| mode.as_str() == name)
        }),
        None => Ok(ExecutionMode::Superseded),
    }
}

/// `executionType` or `type`; absent in answers that are older than rollback.
fn execution_kind(kind: Node<'_>) -> Result<ExecutionKind, Fault> {
    match kind.optional() {
        Some(kind) => kind.one_of("execution type", |name| match name {
            "STANDARD" => Some(ExecutionKind::Standard),
            "ROLLBACK" => Some(ExecutionKind::Rollback),
            _ => None,
        }),
        None => Ok(ExecutionKind::Standard),
    }
}

/// `errorDetails` of the owner, and the summary under the given name.
fn error_details(owner: &Object<'_>, summary: &str) -> Result<ErrorDetails, Fault> {
    let (code, message) = match owner.member("errorDetails").optional() {
        Some(details) => {
            let details = details.object()?;
            (optional_text(details.member("code"))?, optional_text(details.member("message"))?)
        }
        None => (None, None),
    };
    Ok(ErrorDetails {
        code: code.map(str::to_owned),
        message: EvidenceText::new(message.unwrap_or_default()),
        summary: EvidenceText::new(optional_text(owner.member(summary))?.unwrap_or_default()),
    })
}

fn optional_text(node: Node<'_>) -> Result<Option<&str>, Fault> {
    node.optional().map(|node| node.text()).transpose()
}
