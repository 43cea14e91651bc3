//! `retrier validate`: everything that is wrong with a policy file, at once.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use crate::domain::policy::Policy;
use crate::policy_file::{self, Loaded, limits, render};

/// Check a policy file and report every finding at once
///
/// Each finding has a stable code, the exact place, and a hint where there is one. Errors make the policy invalid;
/// warnings point at rules and budgets that have no effect.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier validate infra/policy.yaml
  retrier validate --format json | jq -r '.[].code'
  git show main:infra/policy.yaml | retrier validate -

Exit codes:
  0  valid, perhaps with warnings
  1  invalid
  2  the file cannot be read")]
pub(super) struct Validate {
    /// The policy file, or `-` for standard input
    #[arg(default_value = DEFAULT_FILE)]
    file: PathBuf,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Where a policy is looked for unless it is named.
pub(super) const DEFAULT_FILE: &str = "policy.yaml";

impl Validate {
    pub fn run(self) -> Result<Exit, CliError> {
        let hint = "name a policy file, or `-` for standard input: `retrier validate FILE`";
        let loaded = load(&self.file, hint)?;
        output::data(&match self.format {
            Format::Text => text(&loaded),
            Format::Json => render::json(&loaded.source, &loaded.diagnostics)
                .map_err(|error| CliError::unexpected(error.to_string()))?,
        })?;
        Ok(match loaded.policy {
            Some(_) => Exit::Fine,
            None => Exit::Findings,
        })
    }
}

/// Reads a policy; the hint says what to do when there is no such file.
pub(super) fn load(file: &Path, hint: &str) -> Result<Loaded, CliError> {
    if file == Path::new("-") {
        let bytes = read(io::stdin().lock())
            .map_err(|error| CliError::usage(format!("cannot read standard input: {error}")))?;
        return Ok(policy_file::load_bytes("<stdin>", &bytes));
    }
    let bytes = File::open(file).and_then(read).map_err(|error| {
        let unreadable = CliError::unreadable(file, &error);
        if error.kind() == io::ErrorKind::NotFound { unreadable.with_hint(hint) } else { unreadable }
    })?;
    Ok(policy_file::load_bytes(&file.display().to_string(), &bytes))
}

/// All of it, or enough to see that it is too large.
fn read(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let enough = u64::try_from(limits::FILE_BYTES).unwrap_or(u64::MAX);
    input.take(enough.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(loaded: &Loaded) -> String {
    let findings = render::text(&loaded.source, &loaded.diagnostics);
    match &loaded.policy {
        Some(policy) => findings + &confirmation(loaded.source.name(), policy),
        None => findings,
    }
}

fn confirmation(name: &str, policy: &Policy) -> String {
    let rules = match policy.rules.len() {
        1 => "1 rule".to_owned(),
        count => format!("{count} rules"),
    };
    format!("{name}: valid, {rules}, policy version {}\n", policy.version)
}
