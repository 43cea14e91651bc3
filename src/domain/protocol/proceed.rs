//! From what has been read to the next write: everything between a message and its decision.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::answering::Answering;
use super::effects::{commit, done, news, plain, wait_for};
use super::ended::outcome_event;
use super::hold::{note, pause_decision, storm_decision, within_give_up_after};
use super::repeated::{already_answered, already_waiting, behind_claim, stale_wake_up};
use super::swept::{Sifted, hint_of_finding, is_of_the_finding, name_failure, sift};
use super::{Conclusion, Context, Effect, Job, Next, Outcome, Purpose, State};
use crate::domain::decision::{Decision, Ruling, StepName, Verdict};
use crate::domain::facts::{Unfit, gather};
use crate::domain::pipeline::{Gap, Reading};
use crate::domain::screen::{Environment, screen};
use crate::domain::stage_run::{Hint, Retry, StageRun, after};
use crate::domain::tags::TagsReading;
use crate::domain::trigger::{StageEvent, StageEventState, Trigger, WakeUp};

/// Goes as far as it can with what is known.
pub(super) fn proceed(
    environment: &Environment<'_>,
    job: Job,
    context: Context,
    now: Timestamp,
) -> (State, Effect) {
    // Asked before anything is decided, and again whenever newer controls were read.
    if let Some(source) = environment.standing.moved(&context.view.controls, now) {
        let moved = Outcome::without_decision(Conclusion::PolicyMoved);
        return done(Outcome { source: Some(source), ..moved });
    }
    let run = job.trigger.run();
    let record = context.view.record.clone().unwrap_or_else(|| StageRun::unwritten(run));
    let hint = match hint_of(&job.trigger, &record, now) {
        Ok(hint) => hint,
        Err(stale) => return stale_wake_up(environment, &job, &record, stale),
    };
    if let Trigger::StageEvent(event) = &job.trigger {
        if event.state != StageEventState::Failed {
            return outcome_event(environment, job.clone(), event, context, record, now);
        }
        if record.is_final(&heard(event, now)) {
            return already_answered(environment, &job, event, &record, now);
        }
    }
    let sifted = match &job.trigger {
        Trigger::Sweep(finding) => sift(environment, finding, &job.owner, &record, now),
        Trigger::StageEvent(_) | Trigger::WakeUp(_) => Sifted::Work,
    };
    if let Sifted::Nothing(decision) = sifted {
        return done(Outcome::handled(*decision));
    }
    let claim_is_due = match &record.claim {
        Some(claim) => {
            let due = after(claim.lease_until, environment.timing.settle_window);
            if now < due {
                return behind_claim(environment, job, context, record, &hint, due, now);
            }
            true
        }
        None => false,
    };
    // An event that is no newer than what is waited for brings nothing new. To decide anew would give up the wait's turn.
    if let (Trigger::StageEvent(_), Some(wait), false) = (&job.trigger, &record.wait, claim_is_due)
        && wait.hint == hint
        && now < wait.wake_at
    {
        return already_waiting(environment, &job, &record, wait, now);
    }

    let tags = job.tags.clone();
    let covered = screen(environment, run, &tags, now);
    let is_first = context.view.controls.activated.is_none();
    let event = match &job.trigger {
        Trigger::StageEvent(event) => Some(event.time),
        // A wake-up tells nothing new, but for a policy that was broken from the first day.
        Trigger::WakeUp(_) => is_first.then_some(hint.time),
        // Nor does a sweep, which may find failures of any age.
        Trigger::Sweep(_) => record.wait.as_ref().filter(|_| is_first).map(|wait| wait.hint.time),
    };
    let policy = match &covered {
        Ok(covered) => Some(covered.policy),
        // One of its rules is about the stage run, whichever it is.
        Err(decision) => environment.policy.filter(|_| decision.ruling == Ruling::WaitCannotVerify),
    };
    if let Some(controls) = environment.news(policy, &context.view.controls, event, now) {
        let state = State::Activating(job, Box::new(context.view), controls.clone());
        return (state, Effect::WriteControls(controls));
    }
    let held_back = match &covered {
        Ok(covered) => pause_decision(covered, &context, run, now),
        Err(decision) => Some((**decision).clone()),
    };
    // Whoever is told that there is no such pipeline asks once more before it is believed.
    let must_be_read = claim_is_due
        || matches!(sifted, Sifted::End)
        || tags == Err(Gap::PipelineNotFound)
        || held_back
            .as_ref()
            .is_some_and(|decision| ends_unseen(environment, &record, decision, &tags, &hint, now));
    if let (Some(decision), false) = (&held_back, must_be_read) {
        let decision = decision.clone();
        return Unread { job, context, record, hint, ended: None }.answer(environment, decision, now);
    }

    if let (Ok(covered), None, false) = (&covered, &context.reading, must_be_read) {
        if let Some(note) = note(covered, &job, &context, now) {
            return (State::Noting(job, Box::new(context.view), note.key), Effect::NoteFailure(note));
        }
        if let Some(decision) = storm_decision(covered, &job, &context, &record, &hint, now) {
            return Unread { job, context, record, hint, ended: None }.answer(environment, decision, now);
        }
    }

    let Some((reading, jitter)) = context.reading.clone() else {
        let effect = Effect::Observe { run: run.clone() };
        return (State::Observing(job, Box::new(context.view)), effect);
    };
    let held_back = held_back.map(|decision| gone_with_its_tags(decision, &tags, &reading));
    let mut answering =
        Answering { environment, job, context, record, hint, reading: *reading, jitter, now, ended: None };
    if claim_is_due {
        return answering.reconcile(covered.ok(), held_back);
    }
    if let Trigger::Sweep(finding) = answering.job.trigger.clone() {
        return answering.answer_finding(&finding, covered.ok(), held_back);
    }
    answering.conclude_running_retry();
    match (covered, held_back) {
        (Ok(covered), None) => answering.answer(&covered),
        (_, Some(decision)) => answering.answer_held_back(decision),
        (Err(decision), None) => answering.answer_held_back(*decision),
    }
}

/// A pipeline that is gone has no tags, and nothing to verify by them.
fn gone_with_its_tags(decision: Decision, tags: &TagsReading, reading: &Reading) -> Decision {
    let is_gone = *tags == Err(Gap::PipelineNotFound)
        && decision.ruling == Ruling::WaitCannotVerify
        && matches!(gather(&decision.run, reading), Err(Unfit::PipelineGone));
    if !is_gone {
        return decision;
    }
    let detail = "the pipeline does not exist any more";
    decision.overruled(Ruling::IgnorePipelineGone, None, StepName::StageState, detail)
}

/// Whether a wait is over with that, while it is not known how the running retry ended: nobody would look again.
fn ends_unseen(
    environment: &Environment<'_>,
    record: &StageRun,
    decision: &Decision,
    tags: &TagsReading,
    hint: &Hint,
    now: Timestamp,
) -> bool {
    let is_wait = |decision: &Decision| decision.ruling.verdict() == Verdict::Wait;
    record.running_retry().is_some()
        && is_wait(decision)
        && !is_wait(&within_give_up_after(environment, decision.clone(), tags, hint.time, now))
}

/// How far behind the clock may be by which an event is handled.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What an event says that is worth remembering. No event is from the future, but for a clock that is behind.
pub(super) fn heard(event: &StageEvent, now: Timestamp) -> Hint {
    Hint { key: event.key.clone(), time: event.time.min(after(now, CLOCK_SKEW)) }
}

/// The hint behind a message, or the number of a wake-up that nothing waits for any more.
fn hint_of(trigger: &Trigger, record: &StageRun, now: Timestamp) -> Result<Hint, u64> {
    match trigger {
        // A late copy of an older event must not end the wait for a newer failure by its own, older clock.
        Trigger::StageEvent(event) => {
            let heard = heard(event, now);
            let is_newer =
                |hint: &&Hint| hint.time > heard.time || (hint.key.is_swept() && hint.time == heard.time);
            Ok(record.wait.as_ref().map(|wait| &wait.hint).filter(is_newer).cloned().unwrap_or(heard))
        }
        Trigger::WakeUp(WakeUp { sequence, .. }) => {
            let wait = record.wait.as_ref().filter(|wait| wait.sequence == *sequence).map(|wait| &wait.hint);
            let claim =
                record.claim.as_ref().filter(|claim| claim.sequence == *sequence).map(|claim| &claim.hint);
            wait.or(claim).cloned().ok_or(*sequence)
        }
        Trigger::Sweep(finding) => Ok(hint_of_finding(finding, record, now)),
    }
}

/// A message whose decision needs nothing of CodePipeline: a pause, a broken policy, a rule that is gone.
pub(super) struct Unread {
    pub(super) job: Job,
    pub(super) context: Context,
    pub(super) record: StageRun,
    pub(super) hint: Hint,
    pub(super) ended: Option<Retry>,
}

impl Unread {
    /// Writes the decision down.
    pub(super) fn answer(
        self,
        environment: &Environment<'_>,
        decision: Decision,
        now: Timestamp,
    ) -> (State, Effect) {
        let Self { job, context, mut record, hint, ended } = self;
        let mut decision = within_give_up_after(environment, decision, &job.tags, hint.time, now);
        // What is waited for may be another failure than the one that a sweep saw.
        if is_of_the_finding(&job.trigger, &hint) {
            name_failure(&job.trigger, &mut decision);
        }
        if decision.ruling.verdict() == Verdict::Ignore && !decision.is_final && record.wait.is_none() {
            // Nothing is on record of a stage run that no rule covers.
            return done(Outcome::handled(decision));
        }
        let outcome = Box::new(Outcome { ended, ..Outcome::handled(decision.clone()) });
        let kept = news(&record, &decision, &hint);
        if decision.ruling.verdict() == Verdict::Wait {
            let (wake_up, at) = wait_for(environment, &mut record, &decision, &hint, now);
            let next = Next::Arm { wake_up, at, outcome };
            return commit(environment, job, context, plain(record, kept), Purpose::Answer, next, now);
        }
        record.wait = None;
        let is_gone = decision.ruling == Ruling::IgnorePipelineGone;
        if decision.is_final && (is_gone || matches!(job.trigger, Trigger::Sweep(_))) {
            // The next sweep over the same history is not to find it again.
            record.close(&BTreeSet::new(), decision.shadow, &hint);
        }
        commit(environment, job, context, plain(record, kept), Purpose::Answer, Next::Finish(outcome), now)
    }
}
