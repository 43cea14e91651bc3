//! Items of the table from what the domain has, and back: record, controls, decision, note of a message.

use jiff::{SignedDuration, Timestamp};

use super::controls::{self, ControlsDocument};
use super::item::{BODY, Damaged, EXPIRES, Item};
use super::keys;
use super::layout::LEDGER_SCHEMA;
use super::record::{self, RecordDocument, instant};
use crate::document::document;
use crate::domain::controls::Controls;
use crate::domain::decision::Decision;
use crate::domain::ids::StageRunId;
use crate::domain::scope::Scope;
use crate::domain::stage_run::{StageRun, after};
use crate::names::decision_id;
use crate::ports::Quarantined;

/// Counts the writes of a record.
pub(super) const REVISION: &str = "revision";
/// Counts the writes of the controls.
pub(super) const VERSION: &str = "version";
/// Partition key of the index of open stage runs; only they have it.
pub(super) const OPEN_SHARD: &str = "open-shard";
/// Sort key of that index: when somebody should look at it.
pub(super) const OPEN_UNTIL: &str = "open-until";

const DECISION_ID: &str = "decision-id";
const VERDICT: &str = "verdict";
const REASON: &str = "reason";
const EXECUTION: &str = "execution";
const STAGE: &str = "stage";
const SHADOW: &str = "shadow";
const LENGTH: &str = "length";
const PROBLEM: &str = "problem";
const AT: &str = "at";

/// How long records, decisions and notes are kept after they were last written.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A decision as it is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptDecision {
    /// When it was made.
    pub decided_at: Timestamp,
    /// Its name.
    pub id: String,
    /// What is done.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// The pipeline's execution.
    pub execution: String,
    /// The stage.
    pub stage: String,
    /// Whether it is recorded only.
    pub shadow: bool,
    /// The decision document: one line of JSON.
    pub document: String,
}

fn expires(now: Timestamp) -> i64 {
    after(now, KEPT).as_second()
}

pub(super) fn record_item(record: &StageRun, now: Timestamp) -> Item {
    let item = Item::new(&keys::record(&record.id))
        .of_layout(record::layout(record))
        .number(REVISION, record.revision)
        .text(BODY, record::body(record))
        .number(EXPIRES, expires(now));
    match record.open_until() {
        Some(until) => {
            item.text(OPEN_SHARD, keys::open_shard(&record.id)).text(OPEN_UNTIL, keys::instant(until))
        }
        None => item,
    }
}

/// The record of that stage run.
pub(super) fn record(item: &Item, run: &StageRunId) -> Result<StageRun, Damaged> {
    item.check_layout_up_to(LEDGER_SCHEMA)?;
    let revision = count(item, REVISION)?;
    let (document, unread) = item.whole_document::<RecordDocument>()?;
    let record =
        (document.record(unread)).ok_or_else(|| item.damaged("holds a value that no release wrote"))?;
    if record.id != *run {
        return Err(item.damaged("holds the record of another stage run"));
    }
    if record.revision != revision {
        return Err(item.damaged(format!("says `{REVISION}` {revision}, and another one within")));
    }
    Ok(record)
}

pub(super) fn controls_item(controls: &Controls) -> Item {
    Item::new(&keys::controls()).number(VERSION, controls.version).text(BODY, controls::body(controls))
}

pub(super) fn controls(item: &Item) -> Result<Controls, Damaged> {
    item.check_layout()?;
    let version = count(item, VERSION)?;
    let (document, unread) = item.whole_document::<ControlsDocument>()?;
    let controls =
        (document.controls(unread)).ok_or_else(|| item.damaged("holds a value that no release wrote"))?;
    if controls.version != version {
        return Err(item.damaged(format!("says `{VERSION}` {version}, and another one within")));
    }
    Ok(controls)
}

/// The item with the time at which it may be deleted.
pub(super) fn expiring(item: Item, now: Timestamp) -> Item {
    item.number(EXPIRES, expires(now))
}

/// `home` is where the table is, if the ledger is also of other accounts and Regions.
pub(super) fn decision_item(decision: &Decision, home: Option<&Scope>, now: Timestamp) -> Item {
    Item::new(&keys::decision(decision, home))
        .text(DECISION_ID, decision_id(decision))
        .text(VERDICT, decision.ruling.verdict().as_str())
        .text(REASON, decision.ruling.reason())
        .text(EXECUTION, decision.run.execution.as_str())
        .text(STAGE, decision.run.stage.as_str())
        .flag(SHADOW, decision.shadow)
        .text(BODY, document(decision).to_string())
        .number(EXPIRES, expires(now))
}

pub(super) fn decision(item: &Item) -> Result<KeptDecision, Damaged> {
    item.check_layout()?;
    let sort = item.key().sort;
    let decided_at = (sort.split_once('#').and_then(|(at, _)| instant(at)))
        .ok_or_else(|| item.damaged("has a sort key that begins with no instant"))?;
    let text = |name| item.string(name).map(str::to_owned);
    Ok(KeptDecision {
        decided_at,
        id: text(DECISION_ID)?,
        verdict: text(VERDICT)?,
        reason: text(REASON)?,
        execution: text(EXECUTION)?,
        stage: text(STAGE)?,
        shadow: item.boolean(SHADOW)?,
        document: text(BODY)?,
    })
}

pub(super) fn note_item(message: &Quarantined, now: Timestamp) -> Item {
    Item::new(&keys::quarantined(&message.fingerprint))
        .number(LENGTH, message.length)
        .text(PROBLEM, &message.problem)
        .text(AT, message.at.to_string())
        .number(EXPIRES, expires(now))
}

pub(super) fn note(item: &Item) -> Result<Quarantined, Damaged> {
    item.check_layout()?;
    Ok(Quarantined {
        fingerprint: item.key().sort,
        length: usize::try_from(count(item, LENGTH)?)
            .map_err(|_| item.damaged(format!("has a number that is out of range in `{LENGTH}`")))?,
        problem: item.string(PROBLEM)?.to_owned(),
        at: instant(item.string(AT)?).ok_or_else(|| item.damaged(format!("has no instant in `{AT}`")))?,
    })
}

fn count(item: &Item, name: &str) -> Result<u64, Damaged> {
    (item.integer(name)?.and_then(|number| u64::try_from(number).ok()))
        .ok_or_else(|| item.damaged(format!("has no count in `{name}`")))
}
