//! Reading and writing pushes: the number that comes next, the pointer, and what is said when somebody else was quicker.

use jiff::Timestamp;

use super::in_force;
use crate::aws::ledger::{PolicyEntry, PushReply};
use crate::cli::error::CliError;
use crate::cli::table::Table;
use crate::domain::controls::Controls;
use crate::domain::live::{LivePolicy, Pushed};
use crate::domain::policy::{Policy, PolicyVersion};
use crate::domain::protocol::Fault;
use crate::policy_file::{self, Loaded};

/// What is to be put on record, before its number is known.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The policy; none to go back to the packaged one.
    pub version: Option<PolicyVersion>,
    pub text: Option<String>,
    pub restores: Option<u64>,
    pub by: String,
    pub reason: Option<String>,
}

/// Most attempts while others pause, resume or activate.
const MOST_ROUNDS: usize = 20;

/// What is on record of policies.
pub(super) struct OnRecord {
    pub controls: Controls,
    /// The newest number; 0 where there is none.
    pub newest: u64,
}

pub(super) async fn on_record(table: &Table) -> Result<OnRecord, CliError> {
    let failed = |trouble| table.failed(&trouble);
    let controls = table.ledger.controls().await.map_err(failed)?;
    let newest = table.ledger.policy_entries(1).await.map_err(failed)?.pop();
    let number = match newest {
        None => Some(0),
        Some(Ok(entry)) => Some(entry.number),
        Some(Err((number, _))) => number,
    };
    let newest = number.ok_or_else(|| {
        CliError::unexpected(format!("the newest policy of table `{}` has no number", table.name))
    })?;
    // Numbers of items that somebody deleted are not given again.
    let newest = controls.live.as_ref().map_or(newest, |live| newest.max(live.policy.number));
    Ok(OnRecord { controls, newest })
}

/// A push or rollback that has to be there.
pub(super) async fn entry(table: &Table, number: u64) -> Result<PolicyEntry, CliError> {
    let found = table.ledger.policy_entry(number).await.map_err(|trouble| table.failed(&trouble))?;
    found.ok_or_else(|| {
        CliError::usage(format!("there is no policy {number} in table `{}`", table.name))
            .with_hint("`retrier policy history` lists what there is")
    })
}

/// The policy of an entry, with its findings; the policy is none as well where the text is not the one that was pushed.
pub(super) fn compiled(entry: &PolicyEntry) -> Option<Loaded> {
    let text = entry.text.as_ref()?;
    let mut loaded = policy_file::load(&format!("policy {}", entry.number), text);
    loaded.policy = loaded.policy.filter(|policy| Some(&policy.version) == entry.version.as_ref());
    Some(loaded)
}

/// The policy in force, if it was pushed and is as it was.
pub(super) async fn policy_in_force(table: &Table, controls: &Controls) -> Option<Policy> {
    let live = in_force(controls)?;
    let entry = table.ledger.policy_entry(live.policy.number).await.ok()??;
    let policy = compiled(&entry)?.policy?;
    (policy.version == live.policy.version).then_some(policy)
}

/// Puts it on record and in force. It is refused where somebody else pushed since `seen` was read.
pub(super) async fn push(
    table: &Table,
    seen: &OnRecord,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<(PolicyEntry, Controls), CliError> {
    let mut controls = seen.controls.clone();
    let number = seen.newest + 1;
    let entry = PolicyEntry {
        number,
        at: now,
        by: wanted.by.clone(),
        reason: wanted.reason.clone(),
        version: wanted.version.clone(),
        restores: wanted.restores,
        replaces: in_force(&controls).map(|live| live.policy.number),
        text: wanted.text.clone(),
    };
    let live = wanted.version.clone().map(|version| LivePolicy {
        policy: Pushed { number, version, restores: wanted.restores },
        since: now,
        by: wanted.by.clone(),
        beside: None,
        taken_over: None,
    });
    for _ in 0..MOST_ROUNDS {
        let next = controls.point(live.clone());
        match table.ledger.push_policy(&entry, &next).await {
            Ok(PushReply::Done) => return Ok((entry, next)),
            Ok(PushReply::Conflict) => {}
            Err(fault) => {
                let error = table.last_trouble();
                return Err(if fault == Fault::Unknown {
                    error.with_hint("it may have been done all the same: `retrier policy history` shows it")
                } else {
                    error
                });
            }
        }
        let current = on_record(table).await?;
        if current.newest >= number {
            let there = table.ledger.policy_entry(number).await.map_err(|trouble| table.failed(&trouble))?;
            return match there {
                // The first of two attempts was done, although its answer was lost.
                Some(there) if there == entry => Ok((entry, current.controls)),
                _ => Err(quicker(current.newest)),
            };
        }
        if in_force(&current.controls) != in_force(&seen.controls)
            && !is_noted_only(&current.controls, &seen.controls)
        {
            return Err(quicker(current.newest));
        }
        controls = current.controls;
    }
    Err(CliError::unexpected("others kept changing the controls; try again"))
}

/// Whether the pointer is the same but for what the function has noted beside it.
fn is_noted_only(one: &Controls, other: &Controls) -> bool {
    let policy = |controls: &Controls| in_force(controls).map(|live| live.policy.clone());
    policy(one) == policy(other)
}

fn quicker(number: u64) -> CliError {
    CliError::overtaken(format!(
        "somebody else changed the policy meanwhile: number {number}; nothing was written"
    ))
    .with_hint(format!(
        "`retrier policy show {number}` shows it; run this again if it is still what you want"
    ))
}
