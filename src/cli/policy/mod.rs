//! `retrier policy`: the policy in the ledger, which replaces the packaged one without building anything.

mod difference;
mod history;
mod ledger;
mod push;
mod rollback;
mod show;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::columns::{foreign, moment};
use super::error::CliError;
use super::exit::Exit;
use super::identity;
use super::output;
use super::table::Table;
use crate::aws::ledger::PolicyEntry;
use crate::domain::controls::Controls;
use crate::domain::live::LivePolicy;
use crate::domain::policy::Policy as InForce;

/// Change the policy without a deployment: push, show, history, rollback
///
/// The function works by the packaged policy, until one is pushed into the ledger: that one is in force from the next
/// message on. A deployment that brings a changed packaged policy takes over again. Nothing that was pushed is ever
/// overwritten.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Push(push::Push),
    Show(show::Show),
    History(history::History),
    Rollback(rollback::Rollback),
}

impl Policy {
    pub fn run(self) -> Result<Exit, CliError> {
        match self.command {
            Command::Push(command) => command.run(),
            Command::Show(command) => command.run(),
            Command::History(command) => command.run(),
            Command::Rollback(command) => command.run(),
        }
    }
}

/// The pointer, where the pushed policy is in force.
fn in_force(controls: &Controls) -> Option<&LivePolicy> {
    controls.live.as_deref().filter(|live| live.taken_over.is_none())
}

/// The pushed policy, where it is in force and as it was.
pub(super) async fn pushed_in_force(table: &Table, controls: &Controls) -> Option<InForce> {
    ledger::policy_in_force(table, controls).await
}

/// Which policy is in force, for people: `pushed, number 3 …` or `packaged …`.
pub(super) fn source(controls: &Controls, now: Timestamp) -> String {
    let Some(live) = &controls.live else { return "packaged".to_owned() };
    let number = live.policy.number;
    match &live.taken_over {
        None => {
            let restores =
                live.policy.restores.map_or_else(String::new, |of| format!(", which brought {of} back"));
            let (version, since) = (foreign(&live.policy.version.0), moment(live.since, now));
            format!(
                "pushed, number {number}{restores}: version {version}, since {since}, by {}",
                foreign(&live.by)
            )
        }
        Some((version, at)) => {
            let (version, at) = (foreign(&version.0), moment(*at, now));
            format!("packaged: version {version} took over from the pushed number {number} at {at}")
        }
    }
}

/// Which policy is in force, for programs.
pub(super) fn source_document(controls: &Controls) -> Value {
    let instant = |at: Timestamp| format!("{at:.0}");
    let Some(live) = &controls.live else { return json!({ "from": "packaged" }) };
    json!({
        "from": if live.taken_over.is_some() { "packaged" } else { "pushed" },
        "number": live.policy.number,
        "restores": live.policy.restores,
        "version": live.policy.version.0,
        "since": instant(live.since),
        "by": live.by,
        "taken-over": live.taken_over.as_ref().map(|(version, at)| json!({ "version": version.0, "at": instant(*at) })),
    })
}

/// A push or rollback for programs.
fn entry_document(entry: &PolicyEntry, is_in_force: bool) -> Value {
    json!({
        "number": entry.number,
        "version": entry.version.as_ref().map(|version| version.0.as_str()),
        "since": format!("{:.0}", entry.at),
        "by": entry.by,
        "reason": entry.reason,
        "restores": entry.restores,
        "replaces": entry.replaces,
        "in-force": is_in_force,
    })
}

/// A name for what stays on record.
fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > identity::LONGEST || text.chars().any(char::is_control) {
        return Err(format!("not a name of 1 to {} characters on one line", identity::LONGEST));
    }
    Ok(text.to_owned())
}
