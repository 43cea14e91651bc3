//! The record of a stage run as JSON and back, exactly: whoever lost the answer to a write knows its own record by
//! comparing it.
//!
//! A member that the first release wrote and that is missing is an error. What came later may be missing, and is left out
//! where it says nothing, so that an older function reads the record as well. Members that this release does not know stay
//! as they are ([`whole`]); within a member, nothing unknown is accepted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys;
use super::layout::{LAYOUT, LEDGER_SCHEMA};
use super::whole::{self, Known};
use crate::domain::basis::Basis;
use crate::domain::budget::Deposit;
use crate::domain::class::Class;
use crate::domain::decision::Ruling;
use crate::domain::ids::{
    ActionExecutionId, ActionName, ExecutionId, PipelineArn, RuleName, StageName, StageRunId,
};
use crate::domain::notice::Occasion;
use crate::domain::policy::RetryMode;
use crate::domain::rollback::{Rollback, RollbackProgress};
use crate::domain::stage_run::{Claim, Hint, Owner, Progress, Retry, StageRun, Tally, Wait};
use crate::domain::trigger::EventKey;
use crate::domain::unread::Unread;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RecordDocument {
    pipeline: String,
    execution: String,
    stage: String,
    revision: u64,
    sequence: u64,
    #[serde(deserialize_with = "Option::deserialize")]
    wait: Option<WaitDocument>,
    #[serde(deserialize_with = "Option::deserialize")]
    claim: Option<ClaimDocument>,
    live: TallyDocument,
    shadow: TallyDocument,
    finals: Vec<KeyDocument>,
    fruitless: Vec<HintDocument>,
    refusals: u32,
    retries: Vec<RetryDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    look_at: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    told: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rollback: Option<RollbackDocument>,
}

impl Known for RecordDocument {
    const MEMBERS: &'static [&'static str] = &[
        "pipeline",
        "execution",
        "stage",
        "revision",
        "sequence",
        "wait",
        "claim",
        "live",
        "shadow",
        "finals",
        "fruitless",
        "refusals",
        "retries",
        "look-at",
        "told",
        "rollback",
    ];
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RollbackDocument {
    target: String,
    owner: String,
    progress: String,
    #[serde(deserialize_with = "Option::deserialize")]
    execution: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WaitDocument {
    sequence: u64,
    ruling: String,
    #[serde(deserialize_with = "Option::deserialize")]
    until: Option<String>,
    wake_at: String,
    hint: HintDocument,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ClaimDocument {
    sequence: u64,
    retry: u32,
    failed: Vec<String>,
    mode: String,
    owner: String,
    lease_until: String,
    deposits: Vec<DepositDocument>,
    taken_over: bool,
    hint: HintDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<BasisDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct BasisDocument {
    failed_at: String,
    rule: String,
    max_retries: u32,
    classes: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct DepositDocument {
    bucket: String,
    amount_ms: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TallyDocument {
    used: u32,
    answered: Vec<String>,
    closed: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RetryDocument {
    number: u32,
    failed: Vec<String>,
    settled_at: String,
    progress: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<BasisDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct HintDocument {
    key: KeyDocument,
    time: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct KeyDocument {
    attempt: String,
    last_retry: String,
}

/// The record as JSON.
pub(super) fn body(record: &StageRun) -> String {
    whole::written(&RecordDocument::of(record), &record.unread)
}

/// The oldest layout that says all of it. What the first cannot say is what a retry was decided on, when to look for its end, what
/// was told, a rollback, a freeze, and a budget of all accounts. A function that reads the first one alone leaves such a record
/// as it is.
pub(super) fn layout(record: &StageRun) -> i64 {
    let StageRun { wait, claim, retries, look_at, told, rollback, unread, .. } = record;
    let is_frozen = wait.as_ref().is_some_and(|wait| wait.ruling == Ruling::WaitFrozen);
    let mut bases = claim.iter().map(|claim| &claim.basis).chain(retries.iter().map(|retry| &retry.basis));
    let mut deposits = claim.iter().flat_map(|claim| &claim.deposits);
    let is_newer = is_frozen
        || bases.any(Option::is_some)
        || deposits.any(|deposit| deposit.key.account.is_none())
        || look_at.is_some()
        || !told.is_empty()
        || rollback.is_some()
        || !unread.is_empty();
    if is_newer { LEDGER_SCHEMA } else { LAYOUT }
}

impl RecordDocument {
    fn of(record: &StageRun) -> Self {
        let StageRun {
            id,
            revision,
            sequence,
            wait,
            claim,
            live,
            shadow,
            finals,
            fruitless,
            refusals,
            retries,
            look_at,
            told,
            rollback,
            unread: _,
        } = record;
        Self {
            pipeline: id.pipeline.to_string(),
            execution: id.execution.to_string(),
            stage: id.stage.to_string(),
            revision: *revision,
            sequence: *sequence,
            wait: wait.as_ref().map(WaitDocument::of),
            claim: claim.as_ref().map(ClaimDocument::of),
            live: TallyDocument::of(live),
            shadow: TallyDocument::of(shadow),
            finals: finals.iter().map(KeyDocument::of).collect(),
            fruitless: fruitless.iter().map(HintDocument::of).collect(),
            refusals: *refusals,
            retries: retries.iter().map(RetryDocument::of).collect(),
            look_at: look_at.map(|at| at.to_string()),
            told: told.iter().map(|occasion| occasion.as_str().to_owned()).collect(),
            rollback: rollback.as_ref().map(RollbackDocument::of),
        }
    }

    /// The record, unless something in it is not what it should be.
    pub(super) fn record(self, unread: Unread) -> Option<StageRun> {
        Some(StageRun {
            id: StageRunId {
                pipeline: PipelineArn::parse(&self.pipeline).ok()?,
                execution: ExecutionId::parse(self.execution).ok()?,
                stage: StageName::parse(self.stage).ok()?,
            },
            revision: self.revision,
            sequence: self.sequence,
            wait: optional(self.wait, WaitDocument::wait)?,
            claim: optional(self.claim, ClaimDocument::claim)?,
            live: self.live.tally()?,
            shadow: self.shadow.tally()?,
            finals: self.finals.into_iter().map(KeyDocument::key).collect(),
            fruitless: self.fruitless.into_iter().map(HintDocument::hint).collect::<Option<_>>()?,
            refusals: self.refusals,
            retries: self.retries.into_iter().map(RetryDocument::retry).collect::<Option<_>>()?,
            look_at: optional(self.look_at, |text| instant(&text))?,
            told: self.told.iter().map(|name| Occasion::parse(name)).collect::<Option<_>>()?,
            rollback: optional(self.rollback, RollbackDocument::rollback)?,
            unread,
        })
    }
}

impl WaitDocument {
    fn of(wait: &Wait) -> Self {
        Self {
            sequence: wait.sequence,
            ruling: wait.ruling.to_string(),
            until: wait.until.map(|until| until.to_string()),
            wake_at: wait.wake_at.to_string(),
            hint: HintDocument::of(&wait.hint),
        }
    }

    fn wait(self) -> Option<Wait> {
        Some(Wait {
            sequence: self.sequence,
            ruling: Ruling::parse(&self.ruling)?,
            until: optional(self.until, |text| instant(&text))?,
            wake_at: instant(&self.wake_at)?,
            hint: self.hint.hint()?,
        })
    }
}

impl ClaimDocument {
    fn of(claim: &Claim) -> Self {
        Self {
            sequence: claim.sequence,
            retry: claim.retry,
            failed: texts(&claim.failed),
            mode: claim.mode.to_string(),
            owner: claim.owner.to_string(),
            lease_until: claim.lease_until.to_string(),
            deposits: claim.deposits.iter().map(DepositDocument::of).collect(),
            taken_over: claim.taken_over,
            hint: HintDocument::of(&claim.hint),
            basis: claim.basis.as_ref().map(BasisDocument::of),
        }
    }

    fn claim(self) -> Option<Claim> {
        Some(Claim {
            sequence: self.sequence,
            retry: self.retry,
            failed: ids(self.failed)?,
            mode: RetryMode::parse(&self.mode)?,
            owner: Owner(self.owner),
            lease_until: instant(&self.lease_until)?,
            deposits: self.deposits.into_iter().map(DepositDocument::deposit).collect::<Option<_>>()?,
            taken_over: self.taken_over,
            hint: self.hint.hint()?,
            basis: optional(self.basis, BasisDocument::basis)?,
        })
    }
}

impl RollbackDocument {
    fn of(rollback: &Rollback) -> Self {
        Self {
            target: rollback.target.to_string(),
            owner: rollback.owner.to_string(),
            progress: rollback.progress.as_str().to_owned(),
            execution: match &rollback.progress {
                RollbackProgress::Started(execution) => Some(execution.to_string()),
                _ => None,
            },
        }
    }

    fn rollback(self) -> Option<Rollback> {
        let started = optional(self.execution, |execution| ExecutionId::parse(execution).ok())?;
        let plain = [RollbackProgress::Begun, RollbackProgress::NotMade, RollbackProgress::Unknown];
        let progress = match started {
            Some(execution) => Some(RollbackProgress::Started(execution)),
            None => plain.into_iter().find(|progress| progress.as_str() == self.progress),
        };
        Some(Rollback {
            target: ExecutionId::parse(self.target).ok()?,
            owner: Owner(self.owner),
            progress: progress.filter(|progress| progress.as_str() == self.progress)?,
        })
    }
}

impl BasisDocument {
    fn of(basis: &Basis) -> Self {
        let classes = basis.classes.iter();
        Self {
            failed_at: basis.failed_at.to_string(),
            rule: basis.rule.to_string(),
            max_retries: basis.max_retries,
            classes: classes.map(|(action, class)| (action.to_string(), class.as_str().to_owned())).collect(),
        }
    }

    fn basis(self) -> Option<Basis> {
        let classes = self.classes.into_iter();
        Some(Basis {
            failed_at: instant(&self.failed_at)?,
            rule: RuleName::parse(self.rule).ok()?,
            max_retries: self.max_retries,
            classes: classes
                .map(|(action, class)| Some((ActionName::parse(action).ok()?, Class::parse(&class)?)))
                .collect::<Option<_>>()?,
        })
    }
}

impl DepositDocument {
    fn of(deposit: &Deposit) -> Self {
        Self { bucket: keys::bucket(&deposit.key).sort, amount_ms: deposit.amount_ms }
    }

    fn deposit(self) -> Option<Deposit> {
        Some(Deposit { key: keys::bucket_of(&self.bucket)?, amount_ms: self.amount_ms })
    }
}

impl TallyDocument {
    fn of(tally: &Tally) -> Self {
        Self { used: tally.used, answered: texts(&tally.answered), closed: texts(&tally.closed) }
    }

    fn tally(self) -> Option<Tally> {
        Some(Tally { used: self.used, answered: ids(self.answered)?, closed: ids(self.closed)? })
    }
}

impl RetryDocument {
    fn of(retry: &Retry) -> Self {
        Self {
            number: retry.number,
            failed: texts(&retry.failed),
            settled_at: retry.settled_at.to_string(),
            progress: retry.progress.as_str().to_owned(),
            basis: retry.basis.as_ref().map(BasisDocument::of),
        }
    }

    fn retry(self) -> Option<Retry> {
        let progress = [Progress::Issued, Progress::Recovered, Progress::FailedAgain, Progress::Ended];
        Some(Retry {
            number: self.number,
            failed: ids(self.failed)?,
            settled_at: instant(&self.settled_at)?,
            progress: progress.into_iter().find(|progress| progress.as_str() == self.progress)?,
            basis: optional(self.basis, BasisDocument::basis)?,
        })
    }
}

impl HintDocument {
    fn of(hint: &Hint) -> Self {
        Self { key: KeyDocument::of(&hint.key), time: hint.time.to_string() }
    }

    fn hint(self) -> Option<Hint> {
        Some(Hint { key: self.key.key(), time: instant(&self.time)? })
    }
}

impl KeyDocument {
    fn of(key: &EventKey) -> Self {
        Self { attempt: key.attempt.clone(), last_retry: key.last_retry.clone() }
    }

    fn key(self) -> EventKey {
        EventKey { attempt: self.attempt, last_retry: self.last_retry }
    }
}

/// Nothing stays nothing; what is there has to be readable.
#[expect(clippy::option_option, reason = "absent, and not readable, are two things")]
pub(super) fn optional<D, T>(document: Option<D>, read: impl FnOnce(D) -> Option<T>) -> Option<Option<T>> {
    match document {
        Some(document) => read(document).map(Some),
        None => Some(None),
    }
}

/// An instant to the nanosecond, as `Timestamp` writes it.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

fn texts(ids: &BTreeSet<ActionExecutionId>) -> Vec<String> {
    ids.iter().map(ActionExecutionId::to_string).collect()
}

fn ids(texts: Vec<String>) -> Option<BTreeSet<ActionExecutionId>> {
    texts.into_iter().map(|text| ActionExecutionId::parse(text).ok()).collect()
}
