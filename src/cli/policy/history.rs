//! `retrier policy history`: who changed the policy, when and why.

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::{entry_document, in_force, source, source_document};
use crate::aws::ledger::{Damaged, PolicyEntry};
use crate::cli::account::block_on;
use crate::cli::clock;
use crate::cli::columns::{foreign, moment, table};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::table::TableArguments;
use crate::domain::controls::Controls;

/// Show every push and rollback, the newest first
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier policy history
  retrier policy history --limit 5 --format json | jq '.policies[0].by'

Exit codes:
  0  shown
  2  there is no such table, or no access to it
 70  the table has not answered, or holds something that cannot be read")]
pub(super) struct History {
    /// Most lines to show
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

type Line = Result<PolicyEntry, (Option<u64>, Damaged)>;

impl History {
    pub fn run(self) -> Result<Exit, CliError> {
        let (controls, lines) = block_on(async {
            let table = self.table.open().await?;
            let failed = |trouble| table.failed(&trouble);
            let controls = table.ledger.controls().await.map_err(failed)?;
            let lines = table.ledger.policy_entries(usize::from(self.limit)).await.map_err(failed)?;
            Ok((controls, lines))
        })?;
        let live = in_force(&controls).map(|live| live.policy.number);
        output::data(&match self.format {
            Format::Text => text(&controls, &lines, live, clock::now()),
            Format::Json => {
                let policies = lines.iter().map(|line| match line {
                    Ok(entry) => entry_document(entry, live == Some(entry.number)),
                    Err((number, damaged)) => json!({ "number": number, "problem": damaged.to_string() }),
                });
                let policies: Vec<_> = policies.collect();
                format!("{}\n", json!({ "in-force": source_document(&controls), "policies": policies }))
            }
        })?;
        Ok(Exit::Fine)
    }
}

fn text(controls: &Controls, lines: &[Line], live: Option<u64>, now: Timestamp) -> String {
    let head = format!("in force: {}\n", source(controls, now));
    if lines.is_empty() {
        return format!("{head}nothing was ever pushed\n");
    }
    let row = |line: &Line| match line {
        Ok(entry) => {
            let what = match (&entry.version, entry.restores) {
                (None, _) => "packaged".to_owned(),
                (Some(version), None) => foreign(&version.0),
                (Some(version), Some(of)) => format!("{} (as {of})", foreign(&version.0)),
            };
            let is_live = live == Some(entry.number);
            vec![
                entry.number.to_string(),
                what,
                moment(entry.at, now),
                foreign(&entry.by),
                if is_live { "yes" } else { "" }.to_owned(),
                entry.reason.as_deref().map_or_else(|| "-".to_owned(), foreign),
            ]
        }
        Err((number, damaged)) => {
            let number = number.map_or_else(|| "?".to_owned(), |number| number.to_string());
            let is_live = live.is_some_and(|live| live.to_string() == number);
            let in_force = if is_live { "damaged" } else { "" };
            vec![
                number,
                "?".to_owned(),
                "-".to_owned(),
                "-".to_owned(),
                in_force.to_owned(),
                foreign(&damaged.to_string()),
            ]
        }
    };
    let rows: Vec<_> = lines.iter().map(row).collect();
    let headings = ["NUMBER", "VERSION", "SINCE", "BY", "IN FORCE", "REASON"];
    format!("{head}\n{}", table("", &headings, &rows))
}
