//! Which files the cases are in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::error::CliError;

/// The files, each once; of a folder all that end in `.yaml` or `.yml` and are files of cases, in order.
pub(super) fn find(given: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for path in given {
        if path.is_dir() {
            let mut found = Vec::new();
            look_into(path, &mut found)?;
            if found.is_empty() {
                return Err(CliError::usage(format!("there is no file of cases in `{}`", path.display()))
                    .with_hint("a file of cases ends in `.yaml` or `.yml` and has `cases: 1` on a line"));
            }
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

fn look_into(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let unreadable = |error| CliError::unreadable(folder, &error);
    let mut entries =
        fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link may lead back to where it is.
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            look_into(&path, found)?;
        } else if path.extension().is_some_and(|of| of == "yaml" || of == "yml") && is_cases(&path)? {
            found.push(path);
        }
    }
    Ok(())
}

/// The policy lies beside its cases, and is none of them.
fn is_cases(path: &Path) -> Result<bool, CliError> {
    let text = fs::read_to_string(path).map_err(|error| CliError::unreadable(path, &error))?;
    Ok(text.lines().any(|line| line.starts_with("cases:")))
}
