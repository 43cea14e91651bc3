//! Waits that begin before CodePipeline is asked anything, since there is a pause or a storm: how they begin, and when
//! they are given up.

use jiff::Timestamp;

use super::{Context, Job};
use crate::domain::decision::{Decision, Ruling, StepName, StepOutcome, Verdict};
use crate::domain::ids::StageRunId;
use crate::domain::screen::{
    Covered, Environment, give_up_after, look_again, pause_refusal, screened, storm_refusal,
};
use crate::domain::stage_run::{Hint, StageRun, after};
use crate::domain::storm::Note;
use crate::domain::tags::TagsReading;
use crate::domain::trigger::{StageEventState, Trigger};

/// What a pause makes of it, if there is one: that is known before CodePipeline is asked.
pub(super) fn pause_decision(
    covered: &Covered<'_>,
    context: &Context,
    run: &StageRunId,
    now: Timestamp,
) -> Option<Decision> {
    let (until, detail) = pause_refusal(&context.view.controls, run, now)?;
    let decision = Decision { until, ..screened(covered, Ruling::WaitPaused, run, now) };
    Some(decision.with_step(StepName::Pause, StepOutcome::Stop, detail))
}

/// When the failure happened that a message tells of: a wake-up is about one that was told of before.
fn told_of(trigger: &Trigger, now: Timestamp) -> Option<Timestamp> {
    match trigger {
        Trigger::StageEvent(event) if event.state == StageEventState::Failed => Some(event.time.min(now)),
        Trigger::Sweep(finding) => finding.failure.as_ref().map(|failure| failure.failed_at.min(now)),
        Trigger::StageEvent(_) | Trigger::WakeUp(_) => None,
    }
}

/// What is to be noted of this failure, so that others know whether there is a storm.
pub(super) fn note(covered: &Covered<'_>, job: &Job, context: &Context, now: Timestamp) -> Option<Note> {
    let failed_at = told_of(&job.trigger, now).filter(|_| !job.noted)?;
    let pipeline = &job.trigger.run().pipeline.name;
    covered.policy.storm.note(&context.view.windows, pipeline, failed_at, now)
}

/// What a storm makes of a failure that is heard of for the first time.
pub(super) fn storm_decision(
    covered: &Covered<'_>,
    job: &Job,
    context: &Context,
    record: &StageRun,
    hint: &Hint,
    now: Timestamp,
) -> Option<Decision> {
    let failed_at = told_of(&job.trigger, now)?;
    storm_refusal(covered, &context.view.windows, record, hint, failed_at, now)
}

/// A wait for a cause lasts no longer than the failure, which happened then, is worth waiting for. Tags that could not be
/// read are asked for again ever more rarely.
pub(super) fn within_give_up_after(
    environment: &Environment<'_>,
    mut decision: Decision,
    tags: &TagsReading,
    since: Timestamp,
    now: Timestamp,
) -> Decision {
    if decision.ruling.verdict() != Verdict::Wait {
        return decision;
    }
    let give_up_after = give_up_after(environment, &decision.run, tags);
    let deadline = after(since, give_up_after);
    if now >= deadline {
        let step = decision.explanation.last().map_or(StepName::Age, |step| step.name);
        let ruling = match decision.ruling {
            Ruling::WaitCannotVerify => Ruling::GiveUpCannotVerify,
            _ => Ruling::GiveUpTooOld,
        };
        return decision.overruled(ruling, None, step, "give-up-after is over");
    }
    if decision.ruling == Ruling::WaitCannotVerify && decision.until.is_none() {
        decision.until = Some(look_again(since, give_up_after, now));
    }
    decision.until = decision.until.map(|until| until.min(deadline));
    decision
}
