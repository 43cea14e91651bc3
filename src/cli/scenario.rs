//! Reads the scenario that a command is to play.

use std::io;
use std::path::Path;

use super::error::CliError;
use crate::replay::scenario::Scenario;

/// Reads the file, or standard input for `-`; without a path it is the built-in fleet.
pub(super) fn read(path: Option<&Path>, built_in: &str) -> Result<Scenario, CliError> {
    let (name, text) = match path {
        None => ("the built-in fleet".to_owned(), Ok(built_in.to_owned())),
        Some(path) if path == Path::new("-") => {
            ("standard input".to_owned(), io::read_to_string(io::stdin().lock()))
        }
        Some(path) => (path.display().to_string(), std::fs::read_to_string(path)),
    };
    let text = text.map_err(|error| CliError::unreadable(path.unwrap_or(Path::new("-")), &error))?;
    Scenario::read(&name, &text).map_err(|error| CliError::usage(error.to_string()))
}
