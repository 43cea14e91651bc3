//! Everything is read: what is left is to decide about the present failure, and to write it down.

use jiff::Timestamp;

use super::effects::{commit, finish, news, plain, wait_for};
use super::{Commit, Conclusion, Context, Effect, Job, Next, Outcome, Purpose, State, TO_CLAIM, TO_EXAMINE};
use crate::domain::backoff::Jitter;
use crate::domain::decide::{Decided, Missing, Question, decide};
use crate::domain::decision::{Decision, Verdict};
use crate::domain::facts::{Unfit, gather, outcome_of};
use crate::domain::pipeline::Reading;
use crate::domain::policy::RetryMode;
use crate::domain::screen::{Covered, Environment};
use crate::domain::stage_run::{Hint, Progress, Retry, StageRun, after};

/// A message with all that is known.
pub(super) struct Answering<'a> {
    pub(super) environment: &'a Environment<'a>,
    pub(super) job: Job,
    pub(super) context: Context,
    pub(super) record: StageRun,
    pub(super) hint: Hint,
    pub(super) reading: Reading,
    pub(super) jitter: Jitter,
    pub(super) now: Timestamp,
    pub(super) ended: Option<Retry>,
}

impl Answering<'_> {
    /// Notes how the running retry ended, if the pipeline shows it.
    pub(super) fn conclude_running_retry(&mut self) {
        let progress = match (self.record.running_retry(), gather(&self.record.id, &self.reading)) {
            (Some(retry), Ok(facts)) => outcome_of(&retry.failed, &facts),
            (Some(_), Err(Unfit::PipelineGone | Unfit::StageGone)) => Some(Progress::Ended),
            _ => None,
        };
        if let Some(progress) = progress {
            self.ended = self.record.conclude(progress);
        }
    }

    /// The decision on what is known.
    pub(super) fn decide(&self, covered: &Covered<'_>, own_claim: bool) -> Result<Decided, Missing> {
        decide(&self.question(covered, own_claim))
    }

    /// What is asked of a decision.
    pub(super) fn question<'q>(&'q self, covered: &Covered<'q>, own_claim: bool) -> Question<'q> {
        Question {
            covered: *covered,
            record: &self.record,
            reading: &self.reading,
            examination: &self.context.examination,
            calendars: &self.context.calendars,
            buckets: &self.context.view.buckets,
            windows: &self.context.view.windows,
            controls: &self.context.view.controls,
            hint: &self.hint,
            own_claim,
            now: self.now,
            jitter: self.jitter,
            timing: self.environment.timing,
        }
    }

    /// Asks for what a decision takes; then all begins anew with what is known, which comes to the same point.
    pub(super) fn ask(self, covered: &Covered<'_>, missing: Missing) -> (State, Effect) {
        let was_asked = match &missing {
            Missing::Examination(_) => !self.context.examination.is_empty(),
            Missing::Calendars(_) => !self.context.calendars.is_empty(),
        };
        if was_asked {
            // What was asked for did not come.
            return finish(Conclusion::OutOfOrder);
        }
        if !self.environment.has_time(self.now, TO_EXAMINE) {
            return finish(Conclusion::OutOfTime);
        }
        let failed = match missing {
            Missing::Examination(failed) => failed,
            Missing::Calendars(calendars) => {
                let effect = Effect::ReadCalendars { calendars };
                return (State::Consulting(self.job, Box::new(self.context)), effect);
            }
        };
        let run = self.record.id.clone();
        let depth = covered.rule.settings.evidence.min(self.environment.evidence);
        let excerpts = covered.rule.settings.excerpts;
        let effect = Effect::Examine { run, failed, depth, excerpts };
        (State::Examining(self.job, Box::new(self.context)), effect)
    }

    /// Decides about the present failure and writes it down.
    pub(super) fn answer(mut self, covered: &Covered<'_>) -> (State, Effect) {
        let Decided { mut decision, withdrawals, slot } = match self.decide(covered, false) {
            Ok(decided) => decided,
            Err(missing) => return self.ask(covered, missing),
        };
        let outcome =
            |decision: &Decision| Outcome { ended: self.ended.clone(), ..Outcome::handled(decision.clone()) };
        match decision.ruling.verdict() {
            Verdict::Retry if covered.shadow => {
                decision.is_final = true;
                self.record.claim_in_shadow(&decision.failed, &self.hint);
                let next = Next::Finish(Box::new(outcome(&decision)));
                let transaction = Commit { withdrawals, ..plain(self.record, Some(decision)) };
                commit(self.environment, self.job, self.context, transaction, Purpose::Answer, next, self.now)
            }
            Verdict::Retry if !self.environment.has_time(self.now, TO_CLAIM) => finish(Conclusion::OutOfTime),
            Verdict::Retry => {
                let mode = decision.retry_mode.unwrap_or(RetryMode::FailedActions);
                let lease_until = after(self.now, self.environment.timing.lease);
                let owner = &self.job.owner;
                self.record.claim(&decision.failed, mode, &withdrawals, owner, lease_until, &self.hint);
                self.record.base_claim_on(&decision);
                let transaction = Commit {
                    withdrawals,
                    controls: Some(self.context.view.controls.version),
                    ..plain(self.record, Some(decision.clone()))
                };
                commit(
                    self.environment,
                    self.job,
                    self.context,
                    transaction,
                    Purpose::Answer,
                    Next::Fence(Box::new(decision), self.ended),
                    self.now,
                )
            }
            Verdict::Wait => {
                let news = news(&self.record, &decision, &self.hint);
                let (wake_up, at) =
                    wait_for(self.environment, &mut self.record, &decision, &self.hint, self.now);
                let next = Next::Arm { wake_up, at, outcome: Box::new(outcome(&decision)) };
                let transaction = Commit { slot, ..plain(self.record, news) };
                commit(self.environment, self.job, self.context, transaction, Purpose::Answer, next, self.now)
            }
            Verdict::GiveUp => self.give_up(covered, decision),
            Verdict::Ignore => {
                let next = Next::Finish(Box::new(outcome(&decision)));
                self.record.close(&decision.failed, covered.shadow, &self.hint);
                commit(
                    self.environment,
                    self.job,
                    self.context,
                    plain(self.record, Some(decision)),
                    Purpose::Answer,
                    next,
                    self.now,
                )
            }
        }
    }
}
