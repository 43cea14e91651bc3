//! How a request is answered: with a document, with an error, or not at all.

use serde_json::{Value, json};

use super::model::Objection;
use crate::domain::ids::InvalidId;
use crate::emulator::codepipeline::ServiceError;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// It is answered with this document.
    Document(Value),
    /// It is answered with an error.
    Refused(ApiError),
    /// The connection is closed without an answer.
    Lost,
}

/// An error as the protocol knows it: a name that clients match on, and a message for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// `__type` and `x-amzn-ErrorType`.
    pub name: &'static str,
    /// `message`.
    pub message: String,
    /// HTTP status; 400 for everything that the caller can do something about.
    pub status: u16,
}

impl ApiError {
    /// An error that the caller can do something about.
    pub fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), status: 400 }
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    pub(super) fn unknown_operation(name: &str) -> Self {
        Self::new("UnknownOperationException", format!("There is no operation '{name}' here"))
    }

    /// The body that says so.
    pub fn document(&self) -> Value {
        json!({ "__type": self.name, "message": self.message })
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self::new(error.exception.as_str(), error.message)
    }
}

impl From<InvalidId> for ApiError {
    fn from(invalid: InvalidId) -> Self {
        Self::validation(invalid.to_string())
    }
}

impl From<Objection> for ApiError {
    fn from(objection: Objection) -> Self {
        match objection {
            Objection::Unreadable(problem) => Self::unreadable(problem),
            Objection::Breaks(constraints) => {
                let count = constraints.len();
                let errors = if count == 1 { "error" } else { "errors" };
                Self::validation(format!("{count} validation {errors} detected: {}", constraints.join("; ")))
            }
        }
    }
}
