//! The ledger's table that a command works on: which one it is, and what is said when it does not answer.

use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use super::account::{Account, AccountArguments};
use super::clock;
use super::error::CliError;
use crate::aws::clients::Clients;
use crate::aws::ledger::{DynamoLedger, Trouble};
use crate::aws::settings::variable;
use crate::domain::budget::BucketKey;
use crate::domain::controls::Controls;
use crate::domain::ids::{Region, StageRunId};
use crate::domain::protocol::{ControlsReply, Fault, View};
use crate::domain::storm::WindowKey;
use crate::ports::Ledger;

/// The name of the stack unless another is given.
const STACK: &str = "codepipeline-retrier";

/// The table of the ledger.
#[derive(Debug, Clone, Args)]
pub(super) struct TableArguments {
    /// The stack that the product was deployed as; `codepipeline-retrier` unless given
    #[arg(long, value_name = "NAME", help_heading = "AWS account", value_parser = name)]
    stack_name: Option<String>,
    /// The ledger's table itself, in place of the stack's. `RETRIER_TABLE` says the same
    #[arg(long, value_name = "NAME", help_heading = "AWS account", value_parser = name, conflicts_with = "stack_name")]
    table: Option<String>,
    #[command(flatten)]
    account: AccountArguments,
}

/// A table within reach.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) region: Region,
    pub(super) ledger: DynamoLedger,
    pub(super) clients: Arc<Clients>,
    /// Why the last write had no answer.
    trouble: Arc<Mutex<Option<Trouble>>>,
}

/// The names of stacks and tables (CloudFormation and DynamoDB API: letters, digits, `-`, and for tables `_` and `.`).
fn name(text: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=255).contains(&text.len()) && text.chars().all(legal) {
        Ok(text.to_owned())
    } else {
        Err("not 1 to 255 of A-Z a-z 0-9 - _ .".to_owned())
    }
}

impl TableArguments {
    /// The account that it is in.
    pub(super) const fn account(&self) -> &AccountArguments {
        &self.account
    }

    /// Whether the command line names a table.
    pub(super) const fn is_given(&self) -> bool {
        self.stack_name.is_some() || self.table.is_some()
    }

    /// Finds account and table. Nothing is asked of the table yet.
    pub(super) async fn open(&self) -> Result<Table, CliError> {
        Ok(self.at(self.account.reach().await?))
    }

    /// The table where something names one, in an account that was found before.
    pub(super) fn open_if_named(&self, account: Account) -> Option<Table> {
        let is_named = self.is_given() || variable("RETRIER_TABLE").is_some();
        is_named.then(|| self.at(account))
    }

    fn at(&self, account: Account) -> Table {
        let name = self.name(variable("RETRIER_TABLE"));
        let trouble = Arc::new(Mutex::new(None));
        let told = Arc::clone(&trouble);
        let ledger = DynamoLedger::new(Arc::clone(&account.clients), &name, clock::now).reporting(
            move |trouble: &Trouble| {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble.clone());
            },
        );
        Table { name, region: account.region, ledger, clients: account.clients, trouble }
    }

    /// What is said on the command line comes before the environment.
    fn name(&self, from_environment: Option<String>) -> String {
        let of_stack = |stack: &str| format!("{stack}-ledger");
        (self.table.clone())
            .or_else(|| self.stack_name.as_deref().map(of_stack))
            .or(from_environment)
            .unwrap_or_else(|| of_stack(STACK))
    }
}

/// Most attempts to change the controls while others change them too.
const MOST_ROUNDS: usize = 20;

impl Table {
    /// The queue that belongs to it: `RETRIER_QUEUE_URL`, or the one that the same stack names after itself.
    pub(super) async fn queue_url(&self) -> Option<String> {
        if let Some(url) = variable("RETRIER_QUEUE_URL") {
            return Some(url);
        }
        let stack = self.name.strip_suffix("-ledger")?;
        let request = self.clients.sqs().get_queue_url().queue_name(format!("{stack}-queue"));
        request.send().await.ok()?.queue_url
    }

    /// What is said when the table does not answer.
    pub(super) fn failed(&self, trouble: &Trouble) -> CliError {
        let Self { name, region, .. } = self;
        match trouble {
            Trouble::NoTable => CliError::usage(format!("there is no table `{name}` in {region}")).with_hint(
                "`--stack-name` names the stack, `--table` the table itself, `--region` where it is",
            ),
            Trouble::NotSent => CliError::usage(format!("DynamoDB in {region} cannot be reached"))
                .with_hint("`--region` and `--endpoint-url` say where it is"),
            Trouble::AccessDenied(operation) => CliError::usage(format!(
                "these credentials do not allow `dynamodb:{operation}` on table `{name}` in {region}"
            ))
            .with_hint("`--profile` chooses others; docs/permissions.md lists what each command needs"),
            Trouble::Credentials => {
                CliError::usage(format!("DynamoDB in {region} does not accept these credentials"))
                    .with_hint("they may have expired; `--profile` chooses others")
            }
            Trouble::Damaged(damaged) if damaged.is_newer => CliError::unexpected(format!(
                "{trouble}; it is table `{name}` in {region}"
            ))
            .with_hint(
                "take the `retrier` of the release that is deployed: output `Release` of the stack names it",
            ),
            _ => CliError::unexpected(format!("{trouble}; it is table `{name}` in {region}")),
        }
    }

    /// Changes the controls, over and over while others do so at the same time. `next` makes the next version, or nothing
    /// where there is nothing to change. Returns the controls before and after, or only those that are to stay.
    pub(super) async fn change(
        &self,
        next: impl Fn(&Controls) -> Option<Controls>,
    ) -> Result<Changed, CliError> {
        let mut current = self.ledger.controls().await.map_err(|trouble| self.failed(&trouble))?;
        let mut is_doubtful = false;
        for _ in 0..MOST_ROUNDS {
            let Some(wanted) = next(&current) else { return Ok(Changed::Nothing(current)) };
            match self.ledger.write_controls(&wanted).await {
                Ok(ControlsReply::Done) => return Ok(Changed::Done { before: current, after: wanted }),
                // The first of two attempts was done, although its answer was lost.
                Ok(ControlsReply::Conflict(now)) if now == wanted => {
                    return Ok(Changed::Done { before: current, after: wanted });
                }
                Ok(ControlsReply::Conflict(now)) => current = now,
                Err(Fault::Unknown) if !is_doubtful => is_doubtful = true,
                Err(_) => {
                    let error = self.last_trouble();
                    return Err(if is_doubtful {
                        error.with_hint("it may have been done all the same: `retrier status` shows it")
                    } else {
                        error
                    });
                }
            }
        }
        Err(CliError::unexpected("others kept changing the controls; try again"))
    }
}

impl Table {
    /// What is on record of a stage run, with these buckets and windows.
    pub(super) async fn view(
        &self,
        run: &StageRunId,
        buckets: &[BucketKey],
        windows: &[WindowKey],
    ) -> Result<View, CliError> {
        self.ledger.read(run, buckets, windows).await.map_err(|_| self.last_trouble())
    }

    /// What is said about an answer that was a fault.
    pub(super) fn last_trouble(&self) -> CliError {
        let last = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.failed(&last.unwrap_or(Trouble::OutOfTime))
    }
}

/// How a change of the controls ended.
pub(super) enum Changed {
    /// They were changed.
    Done { before: Controls, after: Controls },
    /// There was nothing to change.
    Nothing(Controls),
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        table: TableArguments,
    }

    fn table(arguments: &[&str], environment: Option<&str>) -> String {
        let command = Command::try_parse_from(["command"].iter().chain(arguments)).unwrap();
        command.table.name(environment.map(str::to_owned))
    }

    #[test]
    fn the_command_line_comes_before_the_environment() {
        assert_eq!(table(&[], None), "codepipeline-retrier-ledger");
        assert_eq!(table(&[], Some("mine")), "mine");
        assert_eq!(table(&["--stack-name", "other"], Some("mine")), "other-ledger");
        assert_eq!(table(&["--table", "another"], Some("mine")), "another");
        for wrong in [["--table", "a b"], ["--table", ""], ["--stack-name", "a/b"]] {
            assert!(Command::try_parse_from(["command"].iter().chain(&wrong)).is_err(), "{wrong:?}");
        }
        assert!(Command::try_parse_from(["command", "--table", "a", "--stack-name", "b"]).is_err());
    }
}
