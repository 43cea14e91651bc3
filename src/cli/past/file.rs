//! The file that a history is kept in: pipelines are added as they are read, and a last line says that all are there.

use std::fs;
use std::io;
use std::path::Path;

use jiff::SignedDuration;

use crate::cli::error::CliError;
use crate::domain::duration::in_words;
use crate::replay::history::{History, InvalidHistory, read};

/// The line after which nothing is missing.
pub(super) const COMPLETE: &str = "{\"complete\":true}\n";

/// The history, if the file is there and complete. One that reaches less far back than wanted is an error: what it lacks
/// would look like a time without failures.
pub(in crate::cli) fn complete(path: &Path, length: SignedDuration) -> Result<Option<History>, CliError> {
    let Some(text) = text(path)? else { return Ok(None) };
    let Some(pipelines) = text.strip_suffix(COMPLETE) else { return Ok(None) };
    let history = read(pipelines).map_err(|invalid| refused(path, &invalid))?;
    let kept = history.header.until.duration_since(history.header.since);
    if kept < length {
        let message = format!(
            "`{}` reaches {} back, and {} is asked for",
            path.display(),
            in_words(kept),
            in_words(length)
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
