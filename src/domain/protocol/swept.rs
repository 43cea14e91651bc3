//! What a sweep found: most of it is known, and needs nothing but a look at the record. The rest goes the way of an event.
//!
//! A decision about one failure never ends the wait for another: what is waited for and not overdue is left alone.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::answering::Answering;
use super::effects::{commit, done, finish, plain, wait_for};
use super::ended::nothing;
use super::proceed::Unread;
use super::{Conclusion, Effect, Next, Outcome, Purpose, State};
use crate::domain::decision::{Decision, Ruling, StepName, StepOutcome, Verdict};
use crate::domain::facts::{StageFacts, gather};
use crate::domain::ids::ActionExecutionId;
use crate::domain::screen::{Covered, Environment, screened_steps};
use crate::domain::stage_run::{Hint, Owner, Progress, Retry, StageRun, after};
use crate::domain::trigger::{EventKey, Finding, Trigger};

/// No stage runs for longer: of all actions an approval may take longest, 86,400 minutes (CodePipeline User Guide,
/// *Quotas*).
const LONGEST_RETRY: SignedDuration = SignedDuration::from_hours(75 * 24);

/// What a record makes of a finding.
pub(super) enum Sifted {
    /// It is answered, or somebody is at it.
    Nothing(Box<Decision>),
    /// Nothing is new, but how the running retry ended is not known.
    End,
    /// It is to be looked into.
    Work,
}

/// Looks a finding up in the record.
pub(super) fn sift(
    environment: &Environment<'_>,
    finding: &Finding,
    me: &Owner,
    record: &StageRun,
    now: Timestamp,
) -> Sifted {
    let known = |ruling: Ruling, until: Option<Timestamp>, detail: String| {
        let mut decision =
            Decision::bare(ruling, &record.id, now).with_step(StepName::Duplicate, StepOutcome::Stop, detail);
        decision.until = until;
        if let Some(failure) = &finding.failure {
            decision.failed.clone_from(&failure.failed);
        }
        Sifted::Nothing(Box::new(decision))
    };
    let is_news = !unknown(finding, record, now).is_empty();
    if let Some(wait) = record.wait.as_ref().filter(|wait| now < wait.wake_at) {
        return known(wait.ruling, wait.until, "this stage run waits, and is not overdue".into());
    }
    if let Some(claim) = &record.claim {
        let due = after(claim.lease_until, environment.timing.settle_window);
        // A failure that came while a retry is under way must be waited for, unless something is waited for already.
        if now < due && claim.owner != *me && (record.wait.is_some() || !is_news) {
            let detail = format!("retry {} of this stage run is under way", claim.retry);
            return known(Ruling::WaitClaimOpen, Some(due), detail);
        }
        return Sifted::Work;
    }
    if record.wait.is_some() || is_news {
        return Sifted::Work;
    }
    if record.running_retry().is_some() {
        return Sifted::End;
    }
    if finding.failure.is_none() {
        return Sifted::Nothing(Box::new(nothing(&record.id, "nothing of this stage run is open", now)));
    }
    known(Ruling::IgnoreAlreadyAnswered, None, "this failure has had its final decision".into())
}

/// What a sweep saw of a failure that the record does not know, as far as it has not been looked at in vain.
fn unknown(finding: &Finding, record: &StageRun, now: Timestamp) -> BTreeSet<ActionExecutionId> {
    match (&finding.failure, seen(finding, now)) {
        (Some(failure), Some(hint)) if !record.fruitless.contains(&hint) => {
            failure.failed.iter().filter(|id| !record.knows(id)).cloned().collect()
        }
        _ => BTreeSet::new(),
    }
}

/// What is worth remembering of a failure that was seen. None is from the future.
fn seen(finding: &Finding, now: Timestamp) -> Option<Hint> {
    let failure = finding.failure.as_ref()?;
    Some(Hint { key: EventKey::swept(&failure.failed), time: failure.failed_at.min(now) })
}

/// The hint behind a finding: that of what is overdue, unless it shows something newer.
pub(super) fn hint_of_finding(finding: &Finding, record: &StageRun, now: Timestamp) -> Hint {
    let open = (record.wait.as_ref().map(|wait| &wait.hint))
        .or(record.claim.as_ref().map(|claim| &claim.hint))
        .cloned();
    let news = seen(finding, now).filter(|_| !unknown(finding, record, now).is_empty());
    match (open, news) {
        (Some(open), Some(news)) if news.time <= open.time => open,
        (_, Some(news)) => news,
        (Some(open), None) => open,
        (None, None) => Hint { key: EventKey::swept(&BTreeSet::new()), time: now },
    }
}

/// Whether a hint is that of the failure which a sweep saw.
pub(super) fn is_of_the_finding(trigger: &Trigger, hint: &Hint) -> bool {
    matches!(trigger, Trigger::Sweep(Finding { failure: Some(failure), .. })
        if hint.key == EventKey::swept(&failure.failed))
}

/// A decision that was made without a look at the stage names the failure that a sweep saw.
pub(super) fn name_failure(trigger: &Trigger, decision: &mut Decision) {
    if let Trigger::Sweep(Finding { failure: Some(failure), .. }) = trigger
        && decision.failed.is_empty()
    {
        decision.failed.clone_from(&failure.failed);
        decision.failed_at = Some(failure.failed_at);
    }
}

impl Answering<'_> {
    /// Decides about what a sweep found, now that the stage has been read.
    pub(super) fn answer_finding(
        mut self,
        finding: &Finding,
        covered: Option<Covered<'_>>,
        held_back: Option<Decision>,
    ) -> (State, Effect) {
        self.conclude_running_retry();
        let unknown = unknown(finding, &self.record, self.now);
        let facts = gather(&self.record.id, &self.reading).ok();
        let earlier = facts.iter().flat_map(|facts| &facts.earlier).flat_map(|attempt| &attempt.failed);
        let retried: BTreeSet<ActionExecutionId> =
            earlier.filter(|id| unknown.contains(*id)).cloned().collect();
        if let (Some(facts), false) = (&facts, retried.is_empty()) {
            return self.close_retried(covered, facts, retried);
        }
        let is_news = !unknown.is_empty()
            || facts.as_ref().is_some_and(|facts| facts.failure().iter().any(|id| !self.record.knows(id)));
        if self.record.wait.is_none() && !is_news {
            return self.end_of_retry(facts.is_some());
        }
        match (covered, held_back) {
            (Some(covered), None) => self.answer(&covered),
            (_, Some(decision))
                if decision.ruling.verdict() == Verdict::Ignore
                    && !decision.is_final
                    && self.record.wait.is_none() =>
            {
                self.end_of_retry(true)
            }
            (_, Some(decision)) => self.answer_held_back(decision),
            (None, None) => finish(Conclusion::OutOfOrder),
        }
    }

    /// What holds the failure back needed no reading, and the reading told no more than how the running retry ended.
    pub(super) fn answer_held_back(self, decision: Decision) -> (State, Effect) {
        let Answering { environment, job, context, record, hint, ended, now, .. } = self;
        Unread { job, context, record, hint, ended }.answer(environment, decision, now)
    }

    /// A failure that was retried before anybody decided about it gets its decision. Whatever else is open stays as it is.
    fn close_retried(
        mut self,
        covered: Option<Covered<'_>>,
        facts: &StageFacts,
        retried: BTreeSet<ActionExecutionId>,
    ) -> (State, Effect) {
        let mut decision = Decision::bare(Ruling::IgnoreNotFailed, &self.record.id, self.now);
        if let Some(covered) = &covered {
            decision.rule = Some(covered.rule.name.clone());
            decision.policy_version = Some(covered.policy.version.clone());
            decision.max_retries = Some(covered.rule.settings.max_retries);
            decision.shadow = covered.shadow;
            decision.explanation = screened_steps(covered, &self.record.id);
        }
        decision.failed_at = (facts.earlier.iter())
            .filter(|attempt| !attempt.failed.is_disjoint(&retried))
            .map(|attempt| attempt.failed_at)
            .max();
        self.record.close_retried(&retried, decision.shadow);
        decision.failed = retried;
        let detail = "nothing had been decided about it when it was retried";
        let decision = decision.with_step(StepName::StageState, StepOutcome::Stop, detail);
        let outcome = Outcome { ended: self.ended, ..Outcome::handled(decision.clone()) };
        let next = Next::Finish(Box::new(outcome));
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

    /// Nothing is new but, perhaps, how the running retry ended. What cannot be read is looked at again soon.
    fn end_of_retry(mut self, is_readable: bool) -> (State, Effect) {
        let run = self.record.id.clone();
        let is_forgotten = |retry: &&Retry| after(retry.settled_at, LONGEST_RETRY) < self.now;
        if self.record.running_retry().as_ref().is_some_and(is_forgotten) {
            self.ended = self.record.conclude(Progress::Ended);
        }
        if let Some(retry) = self.ended.take() {
            let detail = format!("retry {} is over: {}", retry.number, retry.progress.as_str());
            let mut decision = nothing(&run, &detail, self.now);
            name_failure(&self.job.trigger, &mut decision);
            let outcome = Outcome { ended: Some(retry), ..Outcome::handled(decision) };
            let next = Next::Finish(Box::new(outcome));
            return commit(
                self.environment,
                self.job,
                self.context,
                plain(self.record, None),
                Purpose::Answer,
                next,
                self.now,
            );
        }
        let mut decision = nothing(&run, "the retry's end does not show yet", self.now);
        name_failure(&self.job.trigger, &mut decision);
        if is_readable && self.record.look_at.is_some_and(|at| at <= self.now) {
            self.record.look_later(self.now);
            let next = Next::Finish(Box::new(Outcome::handled(decision)));
            return commit(
                self.environment,
                self.job,
                self.context,
                plain(self.record, None),
                Purpose::Answer,
                next,
                self.now,
            );
        }
        if is_readable {
            return done(Outcome::handled(decision));
        }
        decision.ruling = Ruling::WaitStateUnsettled;
        decision.is_final = false;
        decision.until = Some(after(self.now, SignedDuration::from_secs(30)));
        let (wake_up, at) = wait_for(self.environment, &mut self.record, &decision, &self.hint, self.now);
        let next = Next::Arm { wake_up, at, outcome: Box::new(Outcome::handled(decision)) };
        commit(
            self.environment,
            self.job,
            self.context,
            plain(self.record, None),
            Purpose::Answer,
            next,
            self.now,
        )
    }
}
