//! `retrier schema`: the JSON Schema of the policy file.

use clap::Args;

use super::error::CliError;
use super::exit::Exit;
use super::output;
use crate::policy_file;

/// Print the JSON Schema of the policy file
///
/// Editors complete and check policies with it. The schema knows the form of a policy; `retrier validate` also checks
/// that its parts fit together.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier schema > policy.schema.json

  With a YAML language server, begin the policy with
  # yaml-language-server: $schema=policy.schema.json")]
pub(super) struct Schema {}

pub(super) fn run() -> Result<Exit, CliError> {
    output::data(policy_file::schema())?;
    Ok(Exit::Fine)
}
