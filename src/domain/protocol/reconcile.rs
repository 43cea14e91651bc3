//! What becomes of a claim whose owner cannot be alive any more: the pipeline shows whether its retry happened.

use jiff::SignedDuration;

use super::answering::Answering;
use super::effects::{commit, done, finish, news, plain, wait_for};
use super::hold::within_give_up_after;
use super::{Conclusion, Effect, Next, Outcome, Purpose, State, TO_CLAIM};
use crate::domain::decide::{Decided, is_same_failure};
use crate::domain::decision::{Decision, Ruling, StepName, StepOutcome, Verdict};
use crate::domain::facts::{StageFacts, Unfit, gather};
use crate::domain::screen::Covered;
use crate::domain::stage_run::{Claim, Progress, after};

impl Answering<'_> {
    /// A claim whose owner cannot be alive: the pipeline shows whether its retry happened.
    pub(super) fn reconcile(
        mut self,
        covered: Option<Covered<'_>>,
        held_back: Option<Decision>,
    ) -> (State, Effect) {
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
            return self.without_retry(decision);
        }
        let Some(covered) = covered else {
            return done(Outcome::without_decision(Conclusion::OutOfOrder));
        };
        if covered.shadow {
            // In shadow nothing is called, not even what was claimed before.
            self.record.forgo(self.now);
            return self.answer(&covered);
        }
        let decision = match self.decide(&covered, true) {
            Ok(Decided { decision, .. }) => decision,
            Err(missing) => return self.ask(&covered, missing),
        };
        match decision.ruling.verdict() {
            Verdict::Retry if !self.environment.has_time(self.now, TO_CLAIM) => finish(Conclusion::OutOfTime),
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
                let next = Next::Fence(Box::new(decision), self.ended);
                commit(self.environment, self.job, self.context, transaction, Purpose::Answer, next, self.now)
            }
            Verdict::Retry => {
                // More has failed since the claim was made: that is another failure, to be decided afresh.
                self.record.take_over(&self.job.owner, self.now);
                self.record.give_back(self.now);
                let until = after(self.now, SignedDuration::from_secs(30));
                let detail = "more has failed since the earlier claim was made";
                let decision =
                    decision.overruled(Ruling::WaitStateUnsettled, Some(until), StepName::Reconcile, detail);
                self.without_retry(decision)
            }
            Verdict::Wait | Verdict::GiveUp | Verdict::Ignore => self.without_retry(decision),
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
        let is_ours = !self.is_somebody_elses(facts, claim);
        let waiting = self.record.wait.clone();
        if is_ours {
            self.record.settle(Progress::Issued, self.now);
            self.conclude_running_retry();
        } else {
            // Kept as taken over: what became of our own call is not known, so nothing of it is paid back.
            self.record.take_over(&self.job.owner, self.now);
            self.record.give_back(self.now);
        }
        // Another failure that waits for this end is decided about, even if no read shows it yet.
        let another = waiting
            .filter(|wait| wait.ruling == Ruling::WaitClaimOpen && wait.hint.key != claim.hint.key)
            .map(|wait| wait.hint);
        let is_to_be_decided = another.is_some() || !facts.failed.is_empty();
        self.hint = another.unwrap_or(self.hint);
        match (covered, held_back) {
            (_, Some(decision)) if is_to_be_decided => self.without_retry(decision),
            (Some(covered), None) if is_to_be_decided => self.answer(&covered),
            _ => {
                self.record.wait = None;
                let (ruling, outcome, detail) = if is_ours {
                    let detail = "the pipeline shows that the claimed retry was made";
                    (Ruling::RetryEligible, StepOutcome::Pass, detail)
                } else {
                    let detail = "the pipeline shows a retry that was not made when the claimed one was";
                    (Ruling::IgnoreRetriedBySomeoneElse, StepOutcome::Stop, detail)
                };
                let mut decision = Decision::bare(ruling, &self.record.id, self.now).with_step(
                    StepName::Reconcile,
                    outcome,
                    detail,
                );
                decision.is_final = true;
                decision.retry = Some(claim.retry);
                decision.retry_mode = Some(claim.mode);
                decision.failed.clone_from(&claim.failed);
                decision.rule = claim.basis.as_ref().map(|basis| basis.rule.clone());
                let outcome = Outcome { ended: self.ended, ..Outcome::handled(decision.clone()) };
                let transaction = plain(self.record, Some(decision));
                commit(
                    self.environment,
                    self.job,
                    self.context,
                    transaction,
                    Purpose::Answer,
                    Next::Finish(Box::new(outcome)),
                    self.now,
                )
            }
        }
    }

    /// Writes down what is not a retry: a wait leaves the claim open, anything else gives it up.
    fn without_retry(mut self, decision: Decision) -> (State, Effect) {
        let failed_at = gather(&self.record.id, &self.reading).ok().and_then(|facts| facts.failed_at());
        let since = failed_at.unwrap_or(self.hint.time);
        let decision = within_give_up_after(self.environment, decision, &self.job.tags, since, self.now);
        if decision.ruling.verdict() != Verdict::Wait {
            let outcome = Box::new(Outcome { ended: self.ended, ..Outcome::handled(decision.clone()) });
            self.record.forgo(self.now);
            self.record.wait = None;
            let (environment, now) = (self.environment, self.now);
            let transaction = plain(self.record, Some(decision));
            let next = Next::Finish(outcome);
            return commit(environment, self.job, self.context, transaction, Purpose::Answer, next, now);
        }
        let news = news(&self.record, &decision, &self.hint);
        let (wake_up, at) = wait_for(self.environment, &mut self.record, &decision, &self.hint, self.now);
        let outcome = Outcome { ended: self.ended, ..Outcome::handled(decision) };
        let next = Next::Arm { wake_up, at, outcome: Box::new(outcome) };
        commit(
            self.environment,
            self.job,
            self.context,
            plain(self.record, news),
            Purpose::Answer,
            next,
            self.now,
        )
    }

    /// Whether the retry that the pipeline shows was made before the claim, or so long after it, that it cannot be the
    /// claim's. Its owner called within seconds; whoever presses Retry at another time is in charge from then on.
    fn is_somebody_elses(&self, facts: &StageFacts, claim: &Claim) -> bool {
        let timing = self.environment.timing;
        let claimed_at = after(claim.lease_until, -timing.lease);
        let called = claimed_at..=after(claimed_at, timing.settle_window);
        facts.earlier.iter().any(|attempt| {
            !attempt.failed.is_disjoint(&claim.failed) && !called.contains(&attempt.retried_at)
        })
    }
}
