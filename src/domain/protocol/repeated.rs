//! Messages that bring nothing new: wake-ups of what is over, events that are waited upon, answered, or behind a claim.
//!
//! Such a message may be all that is left of a handling that died between writing a wait and arming its wake-up, so one
//! that was handed out before arms again whatever the record waits for.

use jiff::Timestamp;

use super::effects::{arm, commit, done, plain, wait_for};
use super::swept::name_failure;
use super::{Conclusion, Context, Effect, Job, Next, Outcome, Purpose, State};
use crate::domain::decision::{Decision, Ruling, StepName, StepOutcome};
use crate::domain::screen::Environment;
use crate::domain::stage_run::{Hint, StageRun, Wait, after};
use crate::domain::trigger::{Delivery, StageEvent, Trigger, WakeUp};

/// Finishes; before that, whatever the record waits for is armed again if the message was handed out before.
pub(super) fn finish_again(
    environment: &Environment<'_>,
    job: &Job,
    record: &StageRun,
    outcome: Outcome,
) -> (State, Effect) {
    match job.delivery {
        Delivery::Again => rearm(environment, record, outcome),
        Delivery::First => done(outcome),
    }
}

/// Arms whatever the record waits for, then finishes.
pub(super) fn rearm(environment: &Environment<'_>, record: &StageRun, outcome: Outcome) -> (State, Effect) {
    let run = record.id.clone();
    if let Some(wait) = &record.wait {
        return arm(WakeUp { run, sequence: wait.sequence }, wait.wake_at, Box::new(outcome));
    }
    if let Some(claim) = &record.claim {
        let due = after(claim.lease_until, environment.timing.settle_window);
        return arm(WakeUp { run, sequence: claim.sequence }, due, Box::new(outcome));
    }
    done(outcome)
}

/// A wake-up of something that is over does nothing.
pub(super) fn stale_wake_up(
    environment: &Environment<'_>,
    job: &Job,
    record: &StageRun,
    sequence: u64,
) -> (State, Effect) {
    let outcome = Outcome::without_decision(Conclusion::StaleWakeUp);
    if sequence < record.sequence { finish_again(environment, job, record, outcome) } else { done(outcome) }
}

/// The same event as the one behind the present wait.
pub(super) fn already_waiting(
    environment: &Environment<'_>,
    job: &Job,
    record: &StageRun,
    wait: &Wait,
    now: Timestamp,
) -> (State, Effect) {
    let mut decision = Decision::bare(wait.ruling, &record.id, now).with_step(
        StepName::Duplicate,
        StepOutcome::Stop,
        "this event is being waited upon already",
    );
    decision.until = wait.until;
    finish_again(environment, job, record, Outcome::handled(decision))
}

/// An event whose failure has had its final decision. What is waited for since then is another failure's.
pub(super) fn already_answered(
    environment: &Environment<'_>,
    job: &Job,
    event: &StageEvent,
    record: &StageRun,
    now: Timestamp,
) -> (State, Effect) {
    let decision = Decision::bare(Ruling::IgnoreAlreadyAnswered, &event.run, now).with_step(
        StepName::Duplicate,
        StepOutcome::Stop,
        "this event's failure has had its final decision",
    );
    finish_again(environment, job, record, Outcome::handled(decision))
}

/// A retry is under way, or its end is not known: nothing is decided until that is over.
pub(super) fn behind_claim(
    environment: &Environment<'_>,
    job: Job,
    context: Context,
    mut record: StageRun,
    hint: &Hint,
    due: Timestamp,
    now: Timestamp,
) -> (State, Effect) {
    let Some(claim) = record.claim.clone() else {
        return done(Outcome::without_decision(Conclusion::OutOfOrder));
    };
    if claim.owner == job.owner {
        // Our own claim, found after others wrote: delivered again, the message finds it as anybody's.
        return done(Outcome::without_decision(Conclusion::Contended));
    }
    let mut decision = Decision::bare(Ruling::WaitClaimOpen, &record.id, now).with_step(
        StepName::Duplicate,
        StepOutcome::Stop,
        format!("retry {} of this stage run is under way", claim.retry),
    );
    decision.until = Some(due);
    name_failure(&job.trigger, &mut decision);
    let run = record.id.clone();
    let waiting = record.wait.as_ref().filter(|wait| wait.hint.key == hint.key).map(|wait| wait.sequence);
    match (&job.trigger, waiting) {
        (Trigger::StageEvent(_), sequence) if sequence.is_some() || claim.hint.key == hint.key => {
            let outcome = Outcome::handled(decision);
            if job.delivery == Delivery::First {
                return done(outcome);
            }
            let sequence = sequence.unwrap_or(claim.sequence);
            arm(WakeUp { run, sequence }, due, Box::new(outcome))
        }
        _ => {
            // Another failure than the one being answered must not be forgotten when the claim is settled, and neither
            // must a wake-up that came too early. A wake-up that has fired is not armed again under its name.
            let (wake_up, at) = wait_for(environment, &mut record, &decision, hint, now);
            let outcome = Box::new(Outcome::handled(decision.clone()));
            let transaction = plain(record, Some(decision));
            commit(
                environment,
                job,
                context,
                transaction,
                Purpose::Answer,
                Next::Arm { wake_up, at, outcome },
                now,
            )
        }
    }
}
