//! The end of a claim at the hands of its owner: after the fence, or after the call.

use jiff::{SignedDuration, Timestamp};

use super::effects::{arm, commit, done, plain, wait_for};
use super::{Commit, Ending, Held, Next, Purpose, State};
use crate::domain::backoff::Jitter;
use crate::domain::decision::{Ruling, StepName, StepOutcome};
use crate::domain::pipeline::{Refusal, RetryReply};
use crate::domain::protocol::Effect;
use crate::domain::screen::Environment;
use crate::domain::stage_run::{Progress, after};
use crate::domain::trigger::WakeUp;

/// First delay after a refusal that passes; it doubles with each in a row.
const FIRST_REFUSAL_DELAY_MS: i64 = 30_000;
/// Longest delay after a refusal that passes, as a number of doublings.
const MOST_DOUBLINGS: u32 = 5;

/// What the answer to the call means for the claim.
pub(super) fn after_call(
    environment: &Environment<'_>,
    mut held: Held,
    reply: RetryReply,
    now: Timestamp,
) -> (State, Effect) {
    held.decision.decided_at = now;
    let taken_over = held.record.claim.as_ref().is_some_and(|claim| claim.taken_over);
    match reply {
        RetryReply::Accepted => {
            held.decision =
                held.decision.with_step(StepName::Call, StepOutcome::Pass, "CodePipeline accepted the retry");
            held.decision.is_final = true;
            close(environment, held, Ending::Issued, now)
        }
        RetryReply::Unknown => leave_open(
            environment,
            held,
            "the call's outcome is unknown; the pipeline will show whether it happened",
        ),
        // An earlier owner may have called too; what this refusal means only the pipeline can show.
        RetryReply::Refused(_) | RetryReply::NotSent if taken_over => {
            leave_open(environment, held, "CodePipeline refused, and an earlier call may have been made")
        }
        RetryReply::NotSent => refused_for_now(
            environment,
            held,
            Ruling::WaitThrottled,
            "CodePipeline could not be reached",
            now,
        ),
        RetryReply::Refused(refusal) => {
            let detail = format!("CodePipeline refused: {}", refusal.as_str());
            let ruling = match refusal {
                Refusal::Conflict => Ruling::WaitConflict,
                Refusal::Throttled => Ruling::WaitThrottled,
                Refusal::ConcurrencyLimit => Ruling::WaitConcurrencyLimit,
                Refusal::AccessDenied => Ruling::GiveUpAccessDenied,
                Refusal::NotRetryable
                | Refusal::NotLatestExecution
                | Refusal::PipelineNotFound
                | Refusal::StageNotFound
                | Refusal::Invalid => Ruling::GiveUpRefused,
            };
            if ruling.is_final() {
                held.decision = held.decision.overruled(ruling, None, StepName::Call, detail);
                close(environment, held, Ending::NotDone, now)
            } else {
                refused_for_now(environment, held, ruling, &detail, now)
            }
        }
    }
}

/// Gives the claim back for a while.
pub(super) fn refused_for_now(
    environment: &Environment<'_>,
    mut held: Held,
    ruling: Ruling,
    detail: &str,
    now: Timestamp,
) -> (State, Effect) {
    let jitter = held.context.reading.as_ref().map_or(Jitter(0), |(_, jitter)| *jitter);
    let whole = FIRST_REFUSAL_DELAY_MS << held.record.refusals.min(MOST_DOUBLINGS);
    let delay = SignedDuration::from_millis(whole / 2 + jitter.up_to(whole - whole / 2));
    held.decision = held.decision.overruled(ruling, Some(after(now, delay)), StepName::Call, detail);
    close(environment, held, Ending::RefusedForNow, now)
}

/// Nothing is written: the claim stays as it is until its lease and the settle window are over.
fn leave_open(environment: &Environment<'_>, mut held: Held, detail: &str) -> (State, Effect) {
    let Some(claim) = &held.record.claim else {
        return done(held.outcome());
    };
    let due = after(claim.lease_until, environment.timing.settle_window);
    let wake_up = WakeUp { run: held.record.id.clone(), sequence: claim.sequence };
    held.decision = held.decision.overruled(Ruling::WaitClaimOpen, Some(due), StepName::Call, detail);
    arm(wake_up, due, Box::new(held.outcome()))
}

/// Closes the claim in hand, with the next decision in the same transaction.
pub(super) fn close(
    environment: &Environment<'_>,
    held: Held,
    ending: Ending,
    now: Timestamp,
) -> (State, Effect) {
    let outcome = Box::new(held.outcome());
    let Held { job, context, mut record, decision, .. } = held;
    let Some(claim) = record.claim.clone() else {
        return done(*outcome);
    };
    // Another failure of this stage run that came meanwhile waits for this end.
    let waiting = record.wait.take().filter(|wait| wait.ruling == Ruling::WaitClaimOpen);
    let mut deposits = Vec::new();
    let mut wake_up = None;
    match ending {
        Ending::Issued => record.settle(Progress::Issued, now),
        Ending::NotDone | Ending::RefusedForNow => {
            deposits = record.give_back(now);
            if ending == Ending::RefusedForNow {
                record.refusals += 1;
            }
            if decision.is_final {
                record.close(&claim.failed, false, &claim.hint);
            } else {
                let hint = waiting.as_ref().map_or(&claim.hint, |wait| &wait.hint);
                wake_up = Some(wait_for(environment, &mut record, &decision, hint, now));
            }
        }
    }
    if let (None, Some(waiting)) = (&wake_up, waiting) {
        wake_up = Some((record.begin_wait(Ruling::WaitClaimOpen, Some(now), now, waiting.hint), now));
    }
    let next = match wake_up {
        Some((wake_up, at)) => Next::Arm { wake_up, at, outcome },
        None => Next::Finish(outcome),
    };
    let transaction = Commit { deposits, ..plain(record, Some(decision.clone())) };
    commit(environment, job, context, transaction, Purpose::Close(ending, Box::new(decision)), next, now)
}
