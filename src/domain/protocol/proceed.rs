//! From what has been read to the next write: everything between a message and its decision.

use jiff::{SignedDuration, Timestamp};

use super::close::wait_for;
use super::repeated::{already_answered, already_waiting, behind_claim, finish_again, stale_wake_up};
use super::step::{commit, done};
use super::{Commit, Conclusion, Context, Effect, Job, Next, Outcome, Purpose, State};
use crate::domain::backoff::Jitter;
use crate::domain::decide::{Decided, Question, decide, is_same_failure};
use crate::domain::decision::{Decision, Ruling, StepName, StepOutcome, Verdict};
use crate::domain::facts::{StageFacts, Unfit, gather, outcome_of};
use crate::domain::pipeline::Reading;
use crate::domain::screen::{Covered, Environment, give_up_after, paused, rule_step, screen};
use crate::domain::stage_run::{Claim, Hint, Progress, StageRun, after};
use crate::domain::trigger::{StageEvent, StageEventState, Trigger, WakeUp};

/// Goes as far as it can with what is known.
pub(super) fn proceed(
    environment: &Environment<'_>,
    job: Job,
    context: Context,
    now: Timestamp,
) -> (State, Effect) {
    let run = job.trigger.run();
    let record = context.view.record.clone().unwrap_or_else(|| StageRun::unwritten(run, now));
    let hint = match hint_of(&job.trigger, &record) {
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
        && now < wait.wake_at
    {
        return already_waiting(environment, &job, &record, wait, now);
    }

    let covered = screen(environment, run, now);
    if let Ok(covered) = &covered
        && !context.view.controls.knows(covered.policy, environment.mode)
    {
        let event = match &job.trigger {
            Trigger::StageEvent(event) => Some(event.time),
            Trigger::WakeUp(_) => None,
        };
        let controls = context.view.controls.activate(covered.policy, environment.mode, event, now);
        let state = State::Activating(job, Box::new(context.view), controls.clone());
        return (state, Effect::WriteControls(controls));
    }
    let held_back = match &covered {
        Ok(covered) => pause_decision(covered, &context, &record, now),
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
fn hint_of(trigger: &Trigger, record: &StageRun) -> Result<Hint, u64> {
    match trigger {
        Trigger::StageEvent(event) => Ok(Hint { key: event.key.clone(), time: event.time }),
        Trigger::WakeUp(WakeUp { sequence, .. }) => {
            let wait = record.wait.as_ref().filter(|wait| wait.sequence == *sequence).map(|wait| &wait.hint);
            let claim =
                record.claim.as_ref().filter(|claim| claim.sequence == *sequence).map(|claim| &claim.hint);
            wait.or(claim).cloned().ok_or(*sequence)
        }
    }
}

/// What a pause makes of it, if there is one.
fn pause_decision(
    covered: &Covered<'_>,
    context: &Context,
    record: &StageRun,
    now: Timestamp,
) -> Option<Decision> {
    let run = &record.id;
    let pause = paused(&context.view.controls, run, now)?;
    let mut decision = Decision::bare(Ruling::WaitPaused, run, now);
    decision.explanation.push(rule_step(covered.rule, run));
    decision.rule = Some(covered.rule.name.clone());
    decision.policy_version = Some(covered.policy.version.clone());
    decision.shadow = covered.shadow;
    decision.until = pause.until;
    let detail = match pause.until {
        Some(until) => format!("paused until {until:.0}: {}", pause.reason),
        None => format!("paused until somebody resumes it: {}", pause.reason),
    };
    Some(decision.with_step(StepName::Pause, StepOutcome::Stop, detail))
}

/// What is held back does not wait for longer than the failure is worth it.
fn unless_too_old(
    environment: &Environment<'_>,
    mut decision: Decision,
    since: Timestamp,
    now: Timestamp,
) -> Decision {
    if decision.ruling.verdict() != Verdict::Wait {
        return decision;
    }
    let deadline = after(since, give_up_after(environment, &decision.run));
    if now >= deadline {
        let step = if decision.ruling == Ruling::WaitPaused { StepName::Pause } else { StepName::Policy };
        return decision.overruled(Ruling::GiveUpTooOld, None, step, "give-up-after is over");
    }
    decision.until = decision.until.map(|until| until.min(deadline));
    decision
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
    let decision = unless_too_old(environment, decision, hint.since(&record, now), now);
    // Looking again and again at the same pause is not a decision each time.
    let is_news = record.wait.as_ref().is_none_or(|wait| wait.ruling != decision.ruling);
    let outcome = Box::new(Outcome::handled(decision.clone()));
    let kept = is_news.then(|| decision.clone());
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
    let hint = Hint { key: event.key.clone(), time: event.time };
    let settled_at = after(event.time.min(now), environment.timing.unsettled);
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
struct Answering<'a> {
    environment: &'a Environment<'a>,
    job: Job,
    context: Context,
    record: StageRun,
    hint: Hint,
    reading: Reading,
    jitter: Jitter,
    now: Timestamp,
    progress: Option<(u32, Progress)>,
}

impl Answering<'_> {
    fn conclude_running_retry(&mut self) {
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

    fn decide(&self, covered: &Covered<'_>, own_claim: bool) -> Decided {
        let key = (covered.rule.name.clone(), covered.shadow);
        decide(&Question {
            covered: *covered,
            record: &self.record,
            reading: &self.reading,
            buckets: &self.context.view.buckets,
            active_since: self.context.view.controls.active_since.get(&key).copied(),
            hint: &self.hint,
            own_claim,
            now: self.now,
            jitter: self.jitter,
            timing: self.environment.timing,
        })
    }

    /// A claim whose owner cannot be alive: the pipeline shows whether its retry happened.
    fn reconcile(mut self, covered: Option<Covered<'_>>, held_back: Option<Decision>) -> (State, Effect) {
        let Some(claim) = self.record.claim.clone() else {
            return done(Outcome::without_decision(Conclusion::OutOfOrder));
        };
        let facts = gather(&self.record.id, &self.reading);
        match &facts {
            Ok(facts) if !claim.failed.is_subset(&facts.failure()) => {
                return self.confirm(covered, held_back, facts, &claim);
            }
            Err(Unfit::PipelineGone | Unfit::StageGone | Unfit::ExecutionGone) => {
                self.record.settle(Progress::Ended, self.now);
            }
            Ok(_) | Err(_) => {}
        }
        if let Some(decision) = held_back {
            let since = self.hint.since(&self.record, self.now);
            let decision = unless_too_old(self.environment, decision, since, self.now);
            return self.stay(decision);
        }
        let Some(covered) = covered else {
            return done(Outcome::without_decision(Conclusion::OutOfOrder));
        };
        let Decided { decision, .. } = self.decide(&covered, true);
        match decision.ruling.verdict() {
            Verdict::Retry if is_same_failure(&claim.failed, &decision) => {
                let lease_until = after(self.now, self.environment.timing.lease);
                self.record.take_over(&self.job.owner, lease_until);
                let decision = decision.with_step(
                    StepName::Reconcile,
                    StepOutcome::Pass,
                    "the earlier claim left no trace in the pipeline, and is taken over",
                );
                let mut transaction = plain(self.record, Some(decision.clone()));
                transaction.controls = Some(self.context.view.controls.version);
                let next = Next::Fence(Box::new(decision));
                commit(self.job, self.context, transaction, Purpose::Answer, next)
            }
            Verdict::Retry => {
                // More has failed since the claim was made: that is another failure, to be decided afresh.
                self.record.take_over(&self.job.owner, self.now);
                self.record.give_back();
                let until = after(self.now, SignedDuration::from_secs(30));
                let detail = "more has failed since the earlier claim was made";
                let decision =
                    decision.overruled(Ruling::WaitStateUnsettled, Some(until), StepName::Reconcile, detail);
                self.stay(decision)
            }
            Verdict::Wait => self.stay(decision),
            Verdict::GiveUp | Verdict::Ignore => {
                self.record.settle(Progress::Ended, self.now);
                self.record.wait = None;
                let outcome = Box::new(Outcome::handled(decision.clone()));
                let transaction = plain(self.record, Some(decision));
                commit(self.job, self.context, transaction, Purpose::Answer, Next::Finish(outcome))
            }
        }
    }

    /// The claimed failure is not the stage's failure any more: the retry happened, ours or somebody's.
    fn confirm(
        mut self,
        covered: Option<Covered<'_>>,
        held_back: Option<Decision>,
        facts: &StageFacts,
        claim: &Claim,
    ) -> (State, Effect) {
        self.record.settle(Progress::Issued, self.now);
        self.conclude_running_retry();
        let failed_anew = !facts.failed.is_empty();
        match (covered, held_back) {
            (_, Some(decision)) if failed_anew => {
                let since = facts.failed_at().unwrap_or(self.now);
                let decision = unless_too_old(self.environment, decision, since, self.now);
                self.stay(decision)
            }
            (Some(covered), None) if failed_anew => self.answer(&covered),
            _ => {
                self.record.wait = None;
                let mut decision = Decision::bare(Ruling::RetryEligible, &self.record.id, self.now)
                    .with_step(
                        StepName::Reconcile,
                        StepOutcome::Pass,
                        "the pipeline shows that the claimed retry was made",
                    );
                decision.is_final = true;
                decision.retry = Some(claim.retry);
                decision.retry_mode = Some(claim.mode);
                decision.failed.clone_from(&claim.failed);
                let outcome = Outcome { progress: self.progress, ..Outcome::handled(decision.clone()) };
                let transaction = plain(self.record, Some(decision));
                commit(self.job, self.context, transaction, Purpose::Answer, Next::Finish(Box::new(outcome)))
            }
        }
    }

    /// Waits, whatever else is open.
    fn stay(mut self, decision: Decision) -> (State, Effect) {
        if decision.ruling.verdict() != Verdict::Wait {
            let outcome = Box::new(Outcome::handled(decision.clone()));
            if self.record.claim.is_some() {
                self.record.settle(Progress::Ended, self.now);
            }
            self.record.wait = None;
            return commit(
                self.job,
                self.context,
                plain(self.record, Some(decision)),
                Purpose::Answer,
                Next::Finish(outcome),
            );
        }
        let (wake_up, at) = wait_for(self.environment, &mut self.record, &decision, &self.hint, self.now);
        let outcome = Outcome { progress: self.progress, ..Outcome::handled(decision.clone()) };
        let next = Next::Arm { wake_up, at, outcome: Box::new(outcome) };
        commit(self.job, self.context, plain(self.record, Some(decision)), Purpose::Answer, next)
    }

    /// Decides about the present failure and writes it down.
    fn answer(mut self, covered: &Covered<'_>) -> (State, Effect) {
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
                let (wake_up, at) =
                    wait_for(self.environment, &mut self.record, &decision, &self.hint, self.now);
                let next = Next::Arm { wake_up, at, outcome: Box::new(outcome(&decision)) };
                let transaction = Commit { slot, ..plain(self.record, Some(decision)) };
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

/// A transaction on the record alone.
pub(super) fn plain(record: StageRun, decision: Option<Decision>) -> Commit {
    Commit { record, withdrawals: Vec::new(), deposits: Vec::new(), slot: None, controls: None, decision }
}
