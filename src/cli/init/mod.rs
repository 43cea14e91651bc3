//! `retrier init`: a commented policy to start from, fitted to a history where there is one.

mod fitted;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::clock;
use super::error::CliError;
use super::exit::Exit;
use super::output;
use super::past::PastArguments;
use crate::policy_file;
use crate::replay::backtest::{Assumptions, figures, replay, suggestions};

/// Write a commented policy to start from, fitted to your history where there is one
///
/// Without more it writes the policy that ships, in shadow mode: everything is decided and recorded, and nothing is retried
/// until you delete one line. With `--history FILE` (read from the account unless the file has it) or `--live` it looks at
/// what really failed: which retries by hand helped, which never did, and how many retries a busy hour would see. What it
/// chooses, it says why in comments.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier init
  retrier init infra/policy.yaml --history history.jsonl --since 90d
  retrier init - --live --region eu-central-1 | less

`retrier backtest --policy FILE --history history.jsonl` then shows what the policy would have done.

Exit codes:
  0  written
  1  written, although some pipelines could not be read
  2  the file is there already, or the history cannot be read")]
pub(super) struct Init {
    /// The file to write, or `-` for standard output
    #[arg(default_value = super::validate::DEFAULT_FILE)]
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// Fit it to the account's history without keeping that in a file
    #[arg(long, conflicts_with = "history")]
    live: bool,
    #[command(flatten)]
    past: PastArguments,
}

/// The policy that ships, and that a fitted one begins with.
const SHIPPED: &str = include_str!("../../../infra/policy.yaml");

impl Init {
    pub fn run(self) -> Result<Exit, CliError> {
        let is_printed = self.file == Path::new("-");
        if !is_printed && !self.force && self.file.exists() {
            return Err(CliError::usage(format!("`{}` is there already", self.file.display()))
                .with_hint("name another file, or replace this one with `--force`"));
        }
        let (text, is_complete) =
            if self.live || self.past.names_a_file() { self.fit()? } else { (in_shadow(SHIPPED), true) };
        if is_printed {
            output::data(&text)?;
        } else {
            self.write(&text)?;
            output::written(&self.file);
            let name = self.file.display();
            output::hint(&format!(
                "`retrier validate {name}` checks it, `retrier backtest --policy {name}` shows what it would have done; it is in \
                 shadow mode until you delete the line that says so"
            ));
        }
        Ok(if is_complete { Exit::Fine } else { Exit::Findings })
    }

    fn fit(&self) -> Result<(String, bool), CliError> {
        let broken = || CliError::unexpected("the policy that ships does not compile");
        let shipped = policy_file::load("the policy that ships", SHIPPED).policy.ok_or_else(broken)?;
        let (history, is_complete) = self.past.read(&shipped, clock::now())?;
        let replayed = replay(&history, &shipped);
        let figures = figures(&history, &replayed, Assumptions::default());
        let advice = suggestions(&shipped, &replayed);
        let text = fitted::policy(&history, &replayed, &figures, &advice);
        Ok((text, is_complete))
    }

    fn write(&self, text: &str) -> Result<(), CliError> {
        let cannot =
            |error: io::Error| CliError::usage(format!("cannot write `{}`: {error}", self.file.display()));
        let mut options = OpenOptions::new();
        options.write(true);
        // Somebody may have made it meanwhile.
        if self.force {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let mut file = options.open(&self.file).map_err(cannot)?;
        file.write_all(text.as_bytes()).map_err(cannot)
    }
}

/// The defaults that every policy of `init` begins with.
const SHADOW: &str = "\
defaults:
  mode: shadow        # decides and records everything, and calls nothing; delete this line to go active

";

/// The same policy in shadow mode.
fn in_shadow(policy: &str) -> String {
    match policy.find("\nrules:\n") {
        Some(at) => {
            let (head, rules) = policy.split_at(at + 1);
            format!("{head}{SHADOW}{rules}")
        }
        None => policy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Mode;

    #[test]
    fn the_policy_to_start_from_compiles_and_retries_nothing() {
        let loaded = policy_file::load("policy.yaml", &in_shadow(SHIPPED));
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let policy = loaded.policy.unwrap();
        assert!(policy.rules.iter().all(|rule| rule.settings.mode == Mode::Shadow));
        let shipped = policy_file::load("policy.yaml", SHIPPED).policy.unwrap();
        assert_eq!(policy.rules.len(), shipped.rules.len());
    }
}
