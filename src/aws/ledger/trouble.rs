//! Why the table gave no answer, in words that may be shown: codes and names, never what a message says.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::item::Damaged;
use crate::aws::certainty::{Cause, cause};

/// Why the table gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such table.
    NoTable,
    /// The table could not be reached, or the request not be built.
    NotSent,
    /// The operation is not allowed.
    AccessDenied(&'static str),
    /// Credentials are missing, expired or not known.
    Credentials,
    /// The table is too busy for the operation.
    Throttled(&'static str),
    /// Others write the same items all the time.
    Contended,
    /// The operation was refused with this code.
    Refused(&'static str, String),
    /// What became of the operation is not known.
    Unheard(&'static str),
    /// It took too long.
    OutOfTime,
    /// An item cannot be read.
    Damaged(Damaged),
}

impl Trouble {
    /// What an error of the SDK means.
    pub(super) fn of<E: ProvideErrorMetadata>(
        operation: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        match cause(error) {
            Cause::NotSent => Self::NotSent,
            Cause::Throttled => Self::Throttled(operation),
            Cause::AccessDenied => Self::AccessDenied(operation),
            Cause::Credentials => Self::Credentials,
            Cause::Refused("ResourceNotFoundException") => Self::NoTable,
            Cause::Refused(code) => Self::Refused(operation, code.to_owned()),
            Cause::Unknown => Self::Unheard(operation),
        }
    }
}

impl From<Damaged> for Trouble {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTable => f.write_str("the table does not exist in this account and Region"),
            Self::NotSent => f.write_str("the table cannot be reached"),
            Self::AccessDenied(operation) => write!(f, "`dynamodb:{operation}` is not allowed on the table"),
            Self::Credentials => f.write_str("the credentials are missing, expired or not known"),
            Self::Throttled(operation) => write!(f, "the table is too busy for `{operation}`"),
            Self::Contended => f.write_str("others kept writing the same items of the table"),
            Self::Refused(operation, code) => write!(f, "the table refused `{operation}` with `{code}`"),
            Self::Unheard(operation) => write!(f, "`{operation}` has had no certain answer from the table"),
            Self::OutOfTime => f.write_str("the table took too long to answer"),
            Self::Damaged(damaged) => damaged.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {}
