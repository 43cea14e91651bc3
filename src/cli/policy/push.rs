//! `retrier policy push`: another policy from the next message on.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::difference::Difference;
use super::ledger::{self, OnRecord, Wanted};
use super::{entry_document, in_force, name, source};
use crate::aws::ledger::PolicyEntry;
use crate::cli::account::block_on;
use crate::cli::columns::foreign;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::table::TableArguments;
use crate::cli::{clock, identity, pause, validate, waking};
use crate::domain::decision::Ruling;
use crate::domain::policy::Policy;
use crate::policy_file::render;

/// Put a policy into the ledger, and in force
///
/// It is checked first, as `retrier validate` does; a policy with an error is not pushed. The function works by it from its
/// next message on. Rules that were at work before go on as they were; new ones begin with the next failure. It stays in
/// force until the next push, a rollback, or a deployment that brings a changed packaged policy.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier policy push infra/policy.yaml --reason 'registry limits pulls'
  git show main:infra/policy.yaml | retrier policy push -

Exit codes:
  0  pushed, or in force already
  1  the policy is invalid, or somebody else pushed at the same time; nothing was written
  2  the file cannot be read, or there is no such table or no access to it
 70  the table has not answered; `retrier policy history` shows whether it was pushed")]
pub(super) struct Push {
    /// The policy file, or `-` for standard input
    file: PathBuf,
    /// Why, for everybody who wonders: at most 256 characters
    #[arg(long, value_name = "TEXT", value_parser = pause::reason)]
    reason: Option<String>,
    /// Who it is, for the record; whom the credentials belong to unless given
    #[arg(long, value_name = "NAME", value_parser = name)]
    by: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

/// How it ended.
enum Done {
    Pushed { entry: Box<PolicyEntry>, woken: Option<usize> },
    InForce(u64),
}

impl Push {
    pub fn run(self) -> Result<Exit, CliError> {
        let hint = "name a policy file, or `-` for standard input: `retrier policy push FILE`";
        let loaded = validate::load(&self.file, hint)?;
        output::findings(&render::text(&loaded.source, &loaded.diagnostics));
        let Some(policy) = loaded.policy else {
            output::findings("nothing was pushed\n");
            return Ok(Exit::Findings);
        };
        let now = clock::now();
        let (seen, before, done) = block_on(async {
            let table = self.table.open().await?;
            let seen = ledger::on_record(&table).await?;
            let before = ledger::policy_in_force(&table, &seen.controls).await;
            let live = in_force(&seen.controls).filter(|_| before.as_ref() == Some(&policy));
            if let Some(number) = live.map(|live| live.policy.number) {
                return Ok((seen, before, Done::InForce(number)));
            }
            let by = match &self.by {
                Some(by) => by.clone(),
                None => identity::caller(table.clients.shared()).await,
            };
            let wanted = Wanted {
                version: Some(policy.version.clone()),
                text: Some(loaded.source.text().to_owned()),
                restores: None,
                by,
                reason: self.reason.clone(),
            };
            let (entry, controls) = ledger::push(&table, &seen, &wanted, now).await?;
            let woken = waking::wake(&table, &controls, Ruling::WaitPolicyInvalid, now).await;
            Ok((seen, before, Done::Pushed { entry: Box::new(entry), woken }))
        })?;
        let difference = before.as_ref().map(|before| Difference::between(before, &policy));
        output::data(&match (self.format, done) {
            (Format::Text, Done::InForce(number)) => {
                format!("policy {number} is this one, and in force already; nothing was pushed\n")
            }
            (Format::Json, Done::InForce(number)) => {
                format!("{}\n", json!({ "pushed": null, "in-force": number }))
            }
            (Format::Text, Done::Pushed { entry, woken }) => {
                text(&entry, &policy, &seen, difference.as_ref(), now) + &waking::line(woken)
            }
            (Format::Json, Done::Pushed { entry, woken }) => {
                let rules = difference.as_ref().map(Difference::document);
                let pushed = entry_document(&entry, true);
                format!("{}\n", json!({ "pushed": pushed, "rules": rules, "woken": woken }))
            }
        })?;
        Ok(Exit::Fine)
    }
}

fn text(
    entry: &PolicyEntry,
    policy: &Policy,
    seen: &OnRecord,
    difference: Option<&Difference>,
    now: Timestamp,
) -> String {
    let rules = match policy.rules.len() {
        1 => "1 rule".to_owned(),
        count => format!("{count} rules"),
    };
    let (number, version, by) = (entry.number, &policy.version, foreign(&entry.by));
    let before = source(&seen.controls, now);
    let difference =
        difference.map_or_else(String::new, |difference| format!("rules:\n{}", difference.text()));
    format!(
        "pushed policy {number}: version {version}, {rules}, by {by}\nin place of: {before}\n{difference}in force from the \
         next message on; `retrier policy rollback` takes it back\n"
    )
}
