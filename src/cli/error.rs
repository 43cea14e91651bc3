//! Why a command could not do its work. What it found while doing it is not an error.

use std::io;
use std::path::Path;

use super::exit::Exit;

/// A failure to be shown to the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    message: String,
    hint: Option<String>,
    exit: Exit,
}

impl CliError {
    /// The user asked for something that cannot be done.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, exit: Exit::Usage }
    }

    /// Somebody else was quicker, and nothing was done.
    #[cfg(feature = "aws")]
    pub fn overtaken(message: impl Into<String>) -> Self {
        Self { exit: Exit::Findings, ..Self::usage(message) }
    }

    /// Something failed that should not.
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self { exit: Exit::Unexpected, ..Self::usage(message) }
    }

    /// An input file could not be read.
    pub fn unreadable(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self::usage(match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file `{path}`"),
            io::ErrorKind::PermissionDenied => format!("no permission to read `{path}`"),
            io::ErrorKind::IsADirectory => format!("`{path}` is a directory"),
            _ => format!("cannot read `{path}`: {error}"),
        })
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// How the process ends.
    pub const fn exit(&self) -> Exit {
        self.exit
    }
}
