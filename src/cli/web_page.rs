//! Writes a page to a file.

use std::fs;
use std::path::Path;

use super::error::CliError;
use crate::page::{Page, html};

/// Writes it whole or not at all: a reader never finds half a page.
pub(super) fn write(path: &Path, page: &Page) -> Result<(), CliError> {
    let part = path.with_extension("part");
    fs::write(&part, html(page)).and_then(|()| fs::rename(&part, path)).map_err(|error| {
        let _ = fs::remove_file(&part);
        CliError::usage(format!("cannot write the page `{}`: {error}", path.display()))
            .with_hint("`--html` names the file that the page is written to")
    })
}
