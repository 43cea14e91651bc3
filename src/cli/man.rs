//! `retrier man`: the manual page.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::error::CliError;
use super::exit::Exit;
use super::{Cli, output};

/// Print the manual page, or write those of all commands
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier man | man -l -
  retrier man --to ~/.local/share/man/man1    # then `man retrier` and `man retrier-explain`")]
pub(super) struct Manual {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

impl Manual {
    pub fn run(self) -> Result<Exit, CliError> {
        let Some(folder) = self.to else {
            let mut page = Vec::new();
            Man::new(Cli::command())
                .render(&mut page)
                .map_err(|error| CliError::unexpected(error.to_string()))?;
            output::data(&String::from_utf8_lossy(&page))?;
            return Ok(Exit::Fine);
        };
        let cannot = |error| CliError::usage(format!("cannot write to `{}`: {error}", folder.display()));
        fs::create_dir_all(&folder).map_err(cannot)?;
        clap_mangen::generate_to(Cli::command(), &folder).map_err(cannot)?;
        output::written(&folder);
        Ok(Exit::Fine)
    }
}
