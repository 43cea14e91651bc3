//! From what has been read to the next write: everything between a message and its decision.

use jiff::{SignedDuration, Timestamp};

use super::close::wait_for;
use super::hold::{pause_decision, within_give_up_after};
use super::repeated::{already_answered, already_waiting, behind_claim, finish_again, stale_wake_up};
use super::step::{commit, done};
use super::{Commit, Context, Effect, Job, Next, Outcome, Purpose, State};
use crate::domain::backoff::Jitter;
use crate::domain::decide::{Decided, Question, decide};
use crate::domain::decision::{Decision, Ruling, StepName, StepOutcome, Verdict};
use crate::domain::facts::{Unfit, gather, outcome_of};
use crate::domain::pipeline::Reading;
use crate::domain::screen::{Covered, Environment, screen};
use crate::domain::stage_run::{Hint, Progress, StageRun, after};
use crate::domain::trigger::{StageEvent, StageEventState, Trigger, WakeUp};

/// Goes as far as it can with what is known.
pub(super) fn proceed(
    environment: &Environment<'_>,
    job: Job,
    context: Context,
    now: Timestamp,
) -> (State, Effect) {
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
        if record.finals.contains(&event.key) {
            return already_answered(environment, &job, event, &record, now);
        }
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
    if let (Trigger::StageEvent(event), Some(wait), false) = (&job.trigger, &record.wait, claim_is_due)
        && wait.hint.key == event.key
        && wait.hint.time >= hint.time
        && now < wait.wake_at
    {
        return already_waiting(environment, &job, &record, wait, now);
    }

    let covered = screen(environment, run, now);
    if let Ok(covered) = &covered
        && !context.view.controls.knows(covered.policy, environment.mode)
    {
        let is_first = context.view.controls.activated.is_none();
        let event = match &job.trigger {
            Trigger::StageEvent(event) => Some(event.time),
            // A wake-up tells nothing new, but for a policy that was broken from the first day.
            Trigger::WakeUp(_) => is_first.then_some(hint.time),
        };
        let controls = context.view.controls.activate(covered.policy, environment.mode, event, now);
        let state = State::Activating(job, Box::new(context.view), controls.clone());
        return (state, Effect::WriteControls(controls));
    }
    let held_back = match &covered {
        Ok(covered) => pause_decision(covered, &context, run, now),
        Err(decision) => Some((**decision).clone()),
    };
    if let (Some(decision), false) = (&held_back, claim_is_due) {
        return answer_without_reading(environment, job, context, record, decision.clone(), &hint, now);
    }

    let Some((reading, jitter)) = context.reading.clone() else {
        let effect = Effect::Observe { run: run.clone() };
        return (State::Observing(job, Box::new(context.view)), effect);
    };
    let mut answering =
        Answering { environment, job, context, record, hint, reading: *reading, jitter, now, progress: None };
    if claim_is_due {
        return answering.reconcile(covered.ok(), held_back);
    }
    match covered {
        Ok(covered) => {
            answering.conclude_running_retry();
            answering.answer(&covered)
        }
        Err(decision) => done(Outcome::handled(*decision)),
    }
}

/// The hint behind a message, or the number of a wake-up that nothing waits for any more.
fn hint_of(trigger: &Trigger, record: &StageRun, now: Timestamp) -> Result<Hint, u64> {
    match trigger {
        Trigger::StageEvent(event) => Ok(Hint { key: event.key.clone(), time: event.time.min(now) }),
        Trigger::WakeUp(WakeUp { sequence, .. }) => {
            let wait = record.wait.as_ref().filter(|wait| wait.sequence == *sequence).map(|wait| &wait.hint);
            let claim =
                record.claim.as_ref().filter(|claim| claim.sequence == *sequence).map(|claim| &claim.hint);
            wait.or(claim).cloned().ok_or(*sequence)
        }
    }
}

/// Decisions that need nothing of CodePipeline: a pause, a broken policy, a rule that is gone.
fn answer_without_reading(
    environment: &Environment<'_>,
    job: Job,
    context: Context,
    mut record: StageRun,
    decision: Decision,
    hint: &Hint,
    now: Timestamp,
) -> (State, Effect) {
    let decision = within_give_up_after(environment, decision, hint.time, now);
    if decision.ruling.verdict() == Verdict::Ignore && record.wait.is_none() {
        // Nothing is on record of a stage run that no rule covers.
        return done(Outcome::handled(decision));
    }
    let outcome = Box::new(Outcome::handled(decision.clone()));
    let kept = news(&record, &decision, hint);
    if decision.ruling.verdict() == Verdict::Wait {
        let (wake_up, at) = wait_for(environment, &mut record, &decision, hint, now);
        let next = Next::Arm { wake_up, at, outcome };
        return commit(job, context, plain(record, kept), Purpose::Answer, next);
    }
    record.wait = None;
    commit(job, context, plain(record, kept), Purpose::Answer, Next::Finish(outcome))
}

/// A stage ended, or runs again: if a retry of ours was running there, that may tell how it went.
fn outcome_event(
    environment: &Environment<'_>,
    job: Job,
    event: &StageEvent,
    context: Context,
    record: StageRun,
    now: Timestamp,
) -> (State, Effect) {
    let run = record.id.clone();
    let nothing = |detail: &str| {
        Decision::bare(Ruling::IgnoreNotAFailure, &run, now).with_step(
            StepName::Trigger,
            StepOutcome::Stop,
            detail,
        )
    };
    if record.running_retry().is_none() {
        return done(Outcome::handled(nothing("no retry of this stage run is waiting for its end")));
    }
    let Some((reading, jitter)) = context.reading.clone() else {
        return (State::Observing(job, Box::new(context.view)), Effect::Observe { run });
    };
    let hint = Hint { key: event.key.clone(), time: event.time.min(now) };
    let settled_at = after(hint.time, environment.timing.unsettled);
    let ends = event.state != StageEventState::Resumed;
    let is_readable = gather(&run, &reading).is_ok();
    let mut answering =
        Answering { environment, job, context, record, hint, reading: *reading, jitter, now, progress: None };
    answering.conclude_running_retry();
    let Answering { job, context, mut record, hint, progress, .. } = answering;
    if let Some((number, progress)) = progress {
        // A wait for this very end is over with it.
        record.wait.take_if(|wait| wait.hint.key == hint.key);
        let decision = nothing(&format!("retry {number} is over: {}", progress.as_str()));
        let outcome = Outcome { progress: Some((number, progress)), ..Outcome::handled(decision) };
        return commit(job, context, plain(record, None), Purpose::Answer, Next::Finish(Box::new(outcome)));
    }
    if ends && record.wait.is_none() && (now < settled_at || !is_readable) {
        let mut decision = nothing("the state does not show the end yet");
        decision.ruling = Ruling::WaitStateUnsettled;
        decision.is_final = false;
        decision.until = Some(settled_at.max(after(now, SignedDuration::from_secs(30))));
        let (wake_up, at) = wait_for(environment, &mut record, &decision, &hint, now);
        let next = Next::Arm { wake_up, at, outcome: Box::new(Outcome::handled(decision)) };
        return commit(job, context, plain(record, None), Purpose::Answer, next);
    }
    finish_again(environment, &job, &record, Outcome::handled(nothing("the retry's end does not show yet")))
}

/// Everything is read: what is left is to decide and to write.
pub(super) struct Answering<'a> {
    pub(super) environment: &'a Environment<'a>,
    pub(super) job: Job,
    pub(super) context: Context,
    pub(super) record: StageRun,
    pub(super) hint: Hint,
    pub(super) reading: Reading,
    pub(super) jitter: Jitter,
    pub(super) now: Timestamp,
    pub(super) progress: Option<(u32, Progress)>,
}

impl Answering<'_> {
    pub(super) fn conclude_running_retry(&mut self) {
        let ended = match (self.record.running_retry(), gather(&self.record.id, &self.reading)) {
            (Some(retry), Ok(facts)) => outcome_of(&retry.failed, &facts).map(|ended| (retry.number, ended)),
            (Some(retry), Err(Unfit::PipelineGone | Unfit::StageGone)) => {
                Some((retry.number, Progress::Ended))
            }
            _ => None,
        };
        if let Some((number, progress)) = ended {
            self.record.conclude(progress);
            self.progress = Some((number, progress));
        }
    }

    pub(super) fn decide(&self, covered: &Covered<'_>, own_claim: bool) -> Decided {
        decide(&Question {
            covered: *covered,
            record: &self.record,
            reading: &self.reading,
            buckets: &self.context.view.buckets,
            controls: &self.context.view.controls,
            hint: &self.hint,
            own_claim,
            now: self.now,
            jitter: self.jitter,
            timing: self.environment.timing,
        })
    }

    /// Decides about the present failure and writes it down.
    pub(super) fn answer(mut self, covered: &Covered<'_>) -> (State, Effect) {
        let Decided { mut decision, withdrawals, slot } = self.decide(covered, false);
        let outcome =
            |decision: &Decision| Outcome { progress: self.progress, ..Outcome::handled(decision.clone()) };
        match decision.ruling.verdict() {
            Verdict::Retry if covered.shadow => {
                decision.is_final = true;
                self.record.claim_in_shadow(&decision.failed, &self.hint);
                let next = Next::Finish(Box::new(outcome(&decision)));
                let transaction = Commit { withdrawals, ..plain(self.record, Some(decision)) };
                commit(self.job, self.context, transaction, Purpose::Answer, next)
            }
            Verdict::Retry => {
                let mode = decision.retry_mode.unwrap_or(crate::domain::policy::RetryMode::FailedActions);
                let lease_until = after(self.now, self.environment.timing.lease);
                let owner = &self.job.owner;
                self.record.claim(&decision.failed, mode, &withdrawals, owner, lease_until, &self.hint);
                let transaction = Commit {
                    withdrawals,
                    controls: Some(self.context.view.controls.version),
                    ..plain(self.record, Some(decision.clone()))
                };
                commit(self.job, self.context, transaction, Purpose::Answer, Next::Fence(Box::new(decision)))
            }
            Verdict::Wait => {
                let news = news(&self.record, &decision, &self.hint);
                let (wake_up, at) =
                    wait_for(self.environment, &mut self.record, &decision, &self.hint, self.now);
                let next = Next::Arm { wake_up, at, outcome: Box::new(outcome(&decision)) };
                let transaction = Commit { slot, ..plain(self.record, news) };
                commit(self.job, self.context, transaction, Purpose::Answer, next)
            }
            Verdict::GiveUp | Verdict::Ignore => {
                let next = Next::Finish(Box::new(outcome(&decision)));
                self.record.close(&decision.failed, covered.shadow, &self.hint);
                commit(self.job, self.context, plain(self.record, Some(decision)), Purpose::Answer, next)
            }
        }
    }
}

/// The decision as far as it is worth keeping: to look again at what is waited for already is not a decision each time.
pub(super) fn news(record: &StageRun, decision: &Decision, hint: &Hint) -> Option<Decision> {
    let is_known = (record.wait.as_ref())
        .is_some_and(|wait| wait.ruling == decision.ruling && wait.hint.key == hint.key);
    (!is_known).then(|| decision.clone())
}

/// A transaction on the record alone.
pub(super) fn plain(record: StageRun, decision: Option<Decision>) -> Commit {
    Commit { record, withdrawals: Vec::new(), deposits: Vec::new(), slot: None, controls: None, decision }
}
