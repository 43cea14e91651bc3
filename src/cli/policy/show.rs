//! `retrier policy show`: the text of a policy in the ledger.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use super::{entry_document, in_force, ledger};
use crate::aws::ledger::PolicyEntry;
use crate::cli::account::block_on;
use crate::cli::clock;
use crate::cli::columns::{foreign, moment};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::table::TableArguments;

/// Print a policy that was pushed
///
/// The text goes to standard output as it was pushed, and what is known about it to standard error.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier policy show
  retrier policy show 3 > policy.yaml
  diff <(retrier policy show 3) <(retrier policy show 4)

Exit codes:
  0  shown
  1  no policy that was pushed is in force
  2  there is no such policy, no such table, or no access to it
 70  the table has not answered, or holds something that cannot be read")]
pub(super) struct Show {
    /// The number of the policy; the one in force unless given
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    number: Option<u64>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

impl Show {
    pub fn run(self) -> Result<Exit, CliError> {
        let now = clock::now();
        let (entry, live) = block_on(async {
            let table = self.table.open().await?;
            let controls = table.ledger.controls().await.map_err(|trouble| table.failed(&trouble))?;
            let live = in_force(&controls).map(|live| live.policy.number);
            let Some(number) = self.number.or(live) else { return Ok((None, None)) };
            Ok((Some(ledger::entry(&table, number).await?), live))
        })?;
        let Some(entry) = entry else {
            output::findings("the packaged policy is in force; no pushed one is\n");
            output::hint(
                "it is in the package that was deployed; `retrier policy history` lists what was pushed",
            );
            return Ok(Exit::Findings);
        };
        let is_in_force = live == Some(entry.number);
        let loaded = ledger::compiled(&entry);
        let is_good = loaded.as_ref().is_none_or(|loaded| loaded.policy.is_some());
        match self.format {
            Format::Text => {
                output::findings(&header(&entry, is_in_force, is_good, now));
                output::data(entry.text.as_deref().unwrap_or_default())?;
            }
            Format::Json => {
                let mut document = entry_document(&entry, is_in_force);
                if let Value::Object(members) = &mut document {
                    members.insert("valid".into(), is_good.into());
                    members.insert("text".into(), entry.text.clone().into());
                }
                output::data(&format!("{document}\n"))?;
            }
        }
        Ok(Exit::Fine)
    }
}

fn header(entry: &PolicyEntry, is_in_force: bool, is_good: bool, now: Timestamp) -> String {
    let what = match (&entry.version, entry.restores) {
        (None, _) => "went back to the packaged policy".to_owned(),
        (Some(version), None) => format!("version {}", foreign(&version.0)),
        (Some(version), Some(of)) => format!("version {}, which brought {of} back", foreign(&version.0)),
    };
    let mut text = format!("policy {}: {what}\n", entry.number);
    let _ = writeln!(text, "since {}, by {}", moment(entry.at, now), foreign(&entry.by));
    if let Some(reason) = &entry.reason {
        let _ = writeln!(text, "reason: {}", foreign(reason));
    }
    text.push_str(if is_in_force { "in force\n" } else { "not in force\n" });
    if !is_good {
        text.push_str(
            "it is not what was pushed, or this release cannot read it: the last good one is used instead\n",
        );
    }
    text
}
