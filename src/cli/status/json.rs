//! The status for programs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::headline::Headline;
use super::open::{age, claims, waits};
use super::{Shown, freezes, text};
use crate::aws::ledger::KeptBucket;
use crate::cli::pauses;
use crate::cli::policy::source_document;
use crate::domain::glob::Glob;
use crate::domain::ids::{AccountId, PipelineName, Region, StageName, StageRunId};
use crate::domain::stage_run::{Claim, StageRun, Wait};
use crate::domain::sweep::Sweep;
use crate::ports::Quarantined;

fn instant(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// One document.
pub(super) fn document(shown: &Shown) -> Value {
    let Shown { table, region, now, controls, weather, buckets, only, open, sweep, quarantine, .. } = shown;
    let pauses = pauses::in_force(controls, *now).into_iter().map(pauses::document);
    let policy = controls.activated.as_ref().map(|(version, mode)| {
        let rules = controls.active_since.iter().map(|((rule, shadow), since)| {
            json!({ "rule": rule.as_str(), "shadow": shadow, "since": instant(*since) })
        });
        json!({ "version": version.0, "mode": mode.as_str(), "rules": rules.collect::<Vec<_>>() })
    });
    json!({
        "table": table,
        "region": region,
        "now": instant(*now),
        "headline": Headline::of(shown).document(),
        "pauses": pauses.collect::<Vec<_>>(),
        "storm": weather.is_some_and(|weather| weather.is_storm),
        "policy": policy,
        "policy-source": source_document(controls),
        "freezes": freezes::document(&shown.freezes),
        "budgets": buckets.iter().map(|bucket| budget(bucket, *now)).collect::<Vec<_>>(),
        "only-pipelines": only.as_ref().map(Glob::as_str),
        "waits": waits(open).into_iter().map(|it| wait(it, *now)).collect::<Vec<_>>(),
        "claims": claims(open).into_iter().map(|it| claim(it, *now)).collect::<Vec<_>>(),
        "of-newer-release": shown.newer.iter().map(unread).collect::<Vec<_>>(),
        "sweep": progress(sweep, *now),
        "quarantine": {
            "total": quarantine.total,
            "newest": quarantine.newest.iter().map(note).collect::<Vec<_>>(),
        },
    })
}

/// A stage run whose record a newer release wrote.
fn unread(run: &StageRunId) -> Value {
    let StageRunId { pipeline, execution, stage } = run;
    json!({ "pipeline": pipeline.name.as_str(), "execution-id": execution.as_str(), "stage": stage.as_str() })
}

fn budget(kept: &KeptBucket, now: Timestamp) -> Value {
    let key = &kept.key;
    json!({
        "budget": key.budget.as_str(),
        "account": key.account.as_ref().map(AccountId::as_str),
        "region": key.region.as_ref().map(Region::as_str),
        "pipeline": key.pipeline.as_ref().map(|pipeline| pipeline.name.as_str()),
        "stage": key.stage.as_ref().map(StageName::as_str),
        "shadow": key.shadow,
        "capacity": kept.capacity,
        "tokens": kept.balance(now),
        "interval-ms": kept.interval_ms,
        "next-token-at": kept.next_token(now).map(instant),
        "full-at": kept.full_at(now).map(instant),
    })
}

fn wait((record, wait): (&StageRun, &Wait), now: Timestamp) -> Value {
    json!({
        "pipeline": record.id.pipeline.name.as_str(),
        "stage": record.id.stage.as_str(),
        "execution-id": record.id.execution.as_str(),
        "reason": wait.ruling.reason(),
        "until": wait.until.map(instant),
        "looks-again-at": instant(wait.wake_at),
        "since": instant(wait.hint.time),
        "age-seconds": age(wait.hint.time, now).as_secs(),
    })
}

fn claim((record, claim): (&StageRun, &Claim), now: Timestamp) -> Value {
    json!({
        "pipeline": record.id.pipeline.name.as_str(),
        "stage": record.id.stage.as_str(),
        "execution-id": record.id.execution.as_str(),
        "retry": claim.retry,
        "retry-mode": claim.mode.as_str(),
        "lease-until": instant(claim.lease_until),
        "taken-over": claim.taken_over,
        "since": instant(claim.hint.time),
        "age-seconds": age(claim.hint.time, now).as_secs(),
    })
}

fn progress(sweep: &Sweep, now: Timestamp) -> Value {
    json!({
        "round": sweep.round,
        "watermark": sweep.watermark.map(instant),
        "lag-seconds": text::lag(sweep, now).map(|lag| lag.as_secs()),
        "completed-at": sweep.completed.map(|completed| instant(completed.ended)),
        "under-way": sweep.under_way.as_ref().map(|round| json!({
            "began-at": instant(round.began),
            "as-far-as": round.cursor.as_ref().map(PipelineName::as_str),
        })),
        "lagging": sweep.lagging.keys().map(ToString::to_string).collect::<Vec<_>>(),
        "every-seconds": sweep.every.as_secs(),
        "overdue": sweep.is_overdue(now),
    })
}

fn note(note: &Quarantined) -> Value {
    json!({
        "at": instant(note.at),
        "fingerprint": note.fingerprint,
        "length": note.length,
        "problem": note.problem,
    })
}
