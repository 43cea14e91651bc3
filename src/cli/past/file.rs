//! The file that a history is kept in: pipelines are added as they are read, and a last line says that all are there.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use crate::cli::error::CliError;
use crate::replay::history::{History, InvalidHistory, read};

/// The line after which nothing is missing.
pub(super) const COMPLETE: &str = "{\"complete\":true}\n";

/// The history, if the file is there and complete. One that begins later than wanted is an error: what it lacks would look
/// like a time without failures.
pub(in crate::cli) fn complete(path: &Path, since: Timestamp) -> Result<Option<History>, CliError> {
    let Some(text) = text(path)? else { return Ok(None) };
    let Some(pipelines) = text.strip_suffix(COMPLETE) else { return Ok(None) };
    let history = read(pipelines).map_err(|invalid| refused(path, &invalid))?;
    let tolerance = jiff::SignedDuration::from_hours(24);
    if history.header.since.duration_since(since) > tolerance && history.header.until > since {
        let message = format!(
            "`{}` begins at {:.0}, and more is asked for: {since:.0}",
            path.display(),
            history.header.since
        );
        return Err(CliError::usage(message)
            .with_hint("`--refresh` reads the account again; `--since` asks for less"));
    }
    Ok(Some(history))
}

/// What is there of an incomplete one.
#[cfg(feature = "aws")]
pub(super) fn part(path: &Path) -> Result<Option<History>, CliError> {
    let Some(text) = text(path)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let text = text.strip_suffix(COMPLETE).unwrap_or(&text);
    read(text).map(Some).map_err(|invalid| refused(path, &invalid))
}

fn text(path: &Path) -> Result<Option<String>, CliError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::unreadable(path, &error)),
    }
}

fn refused(path: &Path, invalid: &InvalidHistory) -> CliError {
    CliError::usage(format!("cannot read the history `{}`: {invalid}", path.display()))
        .with_hint("`--refresh` reads the account again and replaces the file")
}
