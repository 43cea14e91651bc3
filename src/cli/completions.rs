//! `retrier completions`: what a shell needs to complete the command's arguments.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::error::CliError;
use super::exit::Exit;
use super::{Cli, output};

/// Print the completions for a shell
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  mkdir -p ~/.local/share/bash-completion/completions
  retrier completions bash > ~/.local/share/bash-completion/completions/retrier

  mkdir -p ~/.zfunc    # and `fpath+=~/.zfunc` before `compinit` in ~/.zshrc
  retrier completions zsh > ~/.zfunc/_retrier

  mkdir -p ~/.config/fish/completions
  retrier completions fish > ~/.config/fish/completions/retrier.fish")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<Exit, CliError> {
        // Not straight to standard output: the generator panics when a write fails.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "retrier", &mut script);
        output::data(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Fine)
    }
}
