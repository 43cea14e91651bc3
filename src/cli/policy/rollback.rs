//! `retrier policy rollback`: an earlier policy again.

use clap::Args;
use serde_json::json;

use super::ledger::{self, Wanted};
use super::{entry_document, in_force, name};
use crate::aws::ledger::PolicyEntry;
use crate::cli::account::block_on;
use crate::cli::columns::foreign;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::table::{Table, TableArguments};
use crate::cli::{clock, identity, pause, waking};
use crate::domain::controls::Controls;
use crate::domain::decision::Ruling;
use crate::policy_file::render;

/// Bring an earlier policy back
///
/// Without a number it is the one that was in force before the present one; `packaged` goes back to the policy that was
/// deployed. It gets a number of its own, so that nothing in the history changes.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier policy rollback --reason 'too eager'
  retrier policy rollback 3 --reason 'the last one that worked'
  retrier policy rollback packaged --reason 'the incident is over'

Exit codes:
  0  rolled back, or in force already
  1  that policy is not valid any more, or somebody else pushed at the same time; nothing was written
  2  there is no such policy, no such table, or no access to it
 70  the table has not answered; `retrier policy history` shows whether it was rolled back")]
pub(super) struct Rollback {
    /// The number of the policy, or `packaged`; the one before unless given
    #[arg(value_name = "NUMBER", value_parser = target)]
    to: Option<Target>,
    /// Why, for everybody who wonders: at most 256 characters
    #[arg(long, value_name = "TEXT", value_parser = pause::reason)]
    reason: String,
    /// Who it is, for the record; whom the credentials belong to unless given
    #[arg(long, value_name = "NAME", value_parser = name)]
    by: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

/// What to go back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Packaged,
    Number(u64),
}

fn target(text: &str) -> Result<Target, String> {
    match text.parse() {
        _ if text == "packaged" => Ok(Target::Packaged),
        Ok(number) if number > 0 => Ok(Target::Number(number)),
        _ => Err("neither the number of a policy nor `packaged`".to_owned()),
    }
}

/// How it ended.
enum Done {
    Back {
        entry: Box<PolicyEntry>,
        woken: Option<usize>,
    },
    InForce(Target),
    /// Its findings.
    Broken(String),
}

impl Rollback {
    pub fn run(self) -> Result<Exit, CliError> {
        let done = block_on(async {
            let table = self.table.open().await?;
            self.roll_back(&table).await
        })?;
        let text = match (done, self.format) {
            (Done::Broken(findings), _) => {
                output::findings(&format!("{findings}nothing was changed\n"));
                return Ok(Exit::Findings);
            }
            (Done::InForce(target), Format::Text) => format!("{} is in force already\n", words(target)),
            (Done::InForce(_), Format::Json) => format!("{}\n", json!({ "rolled-back": null })),
            (Done::Back { entry, woken }, Format::Text) => text(&entry) + &waking::line(woken),
            (Done::Back { entry, woken }, Format::Json) => {
                let back = entry_document(&entry, true);
                format!("{}\n", json!({ "rolled-back": back, "woken": woken }))
            }
        };
        output::data(&text)?;
        Ok(Exit::Fine)
    }

    async fn roll_back(&self, table: &Table) -> Result<Done, CliError> {
        let seen = ledger::on_record(table).await?;
        let target = match self.to {
            Some(Target::Number(number)) => original(table, number).await?,
            Some(Target::Packaged) => Target::Packaged,
            None => before(table, &seen.controls).await?,
        };
        let is_intact =
            target == Target::Packaged || ledger::policy_in_force(table, &seen.controls).await.is_some();
        if at_present(&seen.controls) == target && is_intact {
            return Ok(Done::InForce(target));
        }
        let policy = match target {
            Target::Packaged => None,
            Target::Number(number) => {
                let entry = ledger::entry(table, number).await?;
                let loaded = ledger::compiled(&entry);
                match loaded.map(|loaded| (loaded.policy, loaded.source, loaded.diagnostics)) {
                    Some((Some(policy), _, _)) => Some((number, policy.version, entry.text)),
                    Some((None, source, findings)) if !findings.is_empty() => {
                        return Ok(Done::Broken(render::text(&source, &findings)));
                    }
                    _ => {
                        let broken = format!("policy {number} is not what was pushed under that number\n");
                        return Ok(Done::Broken(broken));
                    }
                }
            }
        };
        let by = match &self.by {
            Some(by) => by.clone(),
            None => identity::caller(table.clients.shared()).await,
        };
        let (restores, version, text) = match policy {
            Some((number, version, text)) => (Some(number), Some(version), text),
            None => (None, None, None),
        };
        let wanted = Wanted { version, text, restores, by, reason: Some(self.reason.clone()) };
        let now = clock::now();
        let (entry, controls) = ledger::push(table, &seen, &wanted, now).await?;
        let woken = waking::wake(table, &controls, Ruling::WaitPolicyInvalid, now).await;
        Ok(Done::Back { entry: Box::new(entry), woken })
    }
}

/// What is in force: of what a rollback brought back, the number that it was first pushed under.
fn at_present(controls: &Controls) -> Target {
    let number = |live: &crate::domain::live::LivePolicy| live.policy.restores.unwrap_or(live.policy.number);
    in_force(controls).map_or(Target::Packaged, |live| Target::Number(number(live)))
}

/// The number under which it was first pushed; the packaged policy where it went back to that.
async fn original(table: &Table, number: u64) -> Result<Target, CliError> {
    let entry = ledger::entry(table, number).await?;
    Ok(match entry.version {
        Some(_) => Target::Number(entry.restores.unwrap_or(number)),
        None => Target::Packaged,
    })
}

/// What was in force before what is in force now was first pushed.
async fn before(table: &Table, controls: &Controls) -> Result<Target, CliError> {
    let Target::Number(number) = at_present(controls) else {
        return Err(CliError::usage("the packaged policy is in force; there is none to go back to")
            .with_hint("`retrier policy history` lists what was pushed; name a number to bring it back"));
    };
    match ledger::entry(table, number).await?.replaces {
        Some(replaced) => original(table, replaced).await,
        None => Ok(Target::Packaged),
    }
}

fn words(target: Target) -> String {
    match target {
        Target::Packaged => "the packaged policy".to_owned(),
        Target::Number(number) => format!("policy {number}"),
    }
}

fn text(entry: &PolicyEntry) -> String {
    let to = words(entry.restores.map_or(Target::Packaged, Target::Number));
    let version = entry.version.as_ref().map_or_else(String::new, |version| format!("version {version}, "));
    format!(
        "rolled back to {to}, as number {}: {version}by {}\nin force from the next message on\n",
        entry.number,
        foreign(&entry.by)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_number_or_the_package() {
        assert_eq!(target("3"), Ok(Target::Number(3)));
        assert_eq!(target("packaged"), Ok(Target::Packaged));
        for wrong in ["", "0", "-1", "latest", "3.0"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }
}
