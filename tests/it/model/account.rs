//! What a transaction means for the invariants.

use codepipeline_retrier::domain::decision::{Ruling, StepName, Verdict};
use codepipeline_retrier::domain::pipeline::ActionStatus;
use codepipeline_retrier::domain::protocol::Commit;
use codepipeline_retrier::domain::stage_run::{Claim, Progress, StageRun};

use super::Machine;
use super::mutants::Mutant;
use super::queue::Subject;
use super::stage::action_execution;
use super::time::{LINGERING, Second, second};
use super::world::{Broken, Held, Sight, Worker, World};

impl Machine {
    /// Books a transaction that was carried out.
    pub fn account(&self, world: &mut World, worker: &mut Worker, before: Option<StageRun>, commit: &Commit) {
        let run = worker.message.subject.run();
        let before = before.unwrap_or_else(|| StageRun::unwritten(&commit.record.id));
        if let Subject::WakeUp { sequence, .. } = worker.message.subject {
            let holds = before.claim.as_ref().is_some_and(|claim| claim.owner == worker.owner);
            if !before.expects(sequence) && !holds {
                world.breaks(Broken::StaleObeyed);
            }
        }
        let is_new = |claim: &&Claim| {
            claim.owner == worker.owner
                && before.claim.as_ref().is_none_or(|before| before.owner != claim.owner)
        };
        if let Some(claim) = commit.record.claim.as_ref().filter(is_new) {
            self.claimed(world, run, worker, claim);
        }
        if commit.record.claim.is_none() {
            world.change_stage(run, |stage| stage.claimed = None);
        }
        self.tokens(world, run, &before, commit);
        see(world, worker, &before, commit);
        self.decided(world, run, worker, commit);
    }

    fn claimed(&self, world: &mut World, run: usize, worker: &mut Worker, claim: &Claim) {
        if !world.ledger.controls().pauses.is_empty() {
            world.breaks(Broken::AfterPause);
        }
        let observed = worker.observed.as_ref().and_then(super::stage::Shown::present_failure);
        // One transaction may settle an older claim and make the next.
        let attempt = if claim.taken_over { world.stages[run].claimed } else { observed }.unwrap();
        if self.mutant != Some(Mutant::KeyByNumber) {
            assert!(claim.failed.iter().eq([&action_execution(attempt)]), "claimed: {claim:?}");
        }
        let began = second(claim.lease_until - self.installation.timing.lease);
        let taken_over = claim.taken_over;
        worker.claim = Some(Held { attempt, taken_over, lingers_until: began + LINGERING });
        // Somebody may have been quicker than the claim.
        let is_unclear = (world.stages[run].shown.attempts.get(attempt + 1))
            .is_some_and(|next| self.passes_for_ours(world, run, attempt, next.started));
        world.change_stage(run, |stage| {
            stage.claimed = Some(attempt);
            if is_unclear {
                stage.unclear[attempt + 1] = true;
            }
        });
        if taken_over {
            world.seen.add(Sight::TakenOver);
        }
    }

    fn tokens(&self, world: &mut World, run: usize, before: &StageRun, commit: &Commit) {
        for withdrawal in &commit.withdrawals {
            let at = jiff::Timestamp::from_millisecond(withdrawal.now_ms).unwrap();
            let token = (run, second(at));
            let place = world.tokens.partition_point(|(_, earlier)| *earlier <= token.1);
            world.tokens.insert(place, token);
            let waited = |ruling| before.wait.as_ref().is_some_and(|wait| wait.ruling == ruling);
            if waited(Ruling::WaitBudgetEmpty) {
                world.seen.add(Sight::PaidAfterWaiting);
            }
        }
        for _ in &commit.deposits {
            world.seen.add(Sight::Refunded);
            let taken_over = before.claim.as_ref().is_none_or(|claim| claim.taken_over);
            match world.tokens.iter().rposition(|(payer, _)| *payer == run) {
                Some(place) if !taken_over => {
                    world.tokens.remove(place);
                }
                _ => world.breaks(Broken::RefundedTwice),
            }
        }
        if self.is_overdrawn(world) {
            world.breaks(Broken::Overdrawn);
        }
        let paid = world.tokens.iter().filter(|(payer, _)| *payer == run).count();
        if paid < world.stages[run].accepted() {
            world.breaks(Broken::Unpaid);
        }
    }

    /// Whether more tokens are out in some window of time than capacity and refill give in it.
    fn is_overdrawn(&self, world: &World) -> bool {
        let within = |elapsed: Second| {
            usize::try_from(self.configuration.capacity + elapsed / self.configuration.refill).unwrap()
        };
        let times: Vec<Second> = world.tokens.iter().map(|(_, at)| *at).collect();
        (0..times.len()).any(|first| {
            (first..times.len()).any(|last| last - first + 1 > within(times[last] - times[first]))
        })
    }

    /// Which failures have the decision that ends them. One that has been retried by somebody in the meantime may share the
    /// decision about a later one.
    fn decided(&self, world: &mut World, run: usize, worker: &Worker, commit: &Commit) {
        let Some(decision) = commit.decision.as_ref().filter(|decision| decision.is_final) else {
            return;
        };
        let present = world.stages[run].shown.present_failure();
        let mut decided = world.stages[run].decided.clone();
        for (number, attempt) in world.stages[run].shown.attempts.iter().enumerate() {
            let is_meant = decision.failed.contains(&action_execution(number));
            if attempt.status == ActionStatus::Failed && (is_meant || Some(number) != present) {
                decided[number] = true;
            }
        }
        let newly = decided.iter().zip(&world.stages[run].decided).zip(&world.stages[run].lost);
        if worker.message.swept && newly.into_iter().any(|((now, before), lost)| *now && !before && *lost) {
            world.seen.add(Sight::SweptLost);
        }
        world.change_stage(run, |stage| stage.decided = decided);
    }

    /// Whether the sweep would find something.
    pub fn forgotten(&self, world: &World) -> bool {
        (0..world.stages.len()).any(|run| self.finding(world, run).is_some())
    }

    /// Everything is at rest, and an invariant about that does not hold.
    pub fn is_lost(&self, world: &World) -> bool {
        if self.forgotten(world) {
            return world.is_swept || !self.configuration.sweep;
        }
        world.stages.iter().any(|stage| {
            stage.shown.attempts.iter().enumerate().any(|(number, attempt)| {
                let is_present = Some(number) == stage.shown.present_failure();
                attempt.status == ActionStatus::Failed
                    && !stage.decided[number]
                    && (is_present || !stage.lost[number])
            })
        })
    }

    /// What the sweep finds of a stage run: what is waited for and overdue, or a failure without a decision.
    pub fn finding(&self, world: &World, run: usize) -> Option<(Subject, Second)> {
        let stage = &world.stages[run];
        let record = world.ledger.record(&self.installation.runs[run]);
        if let Some(wait) = record.and_then(|record| record.wait.as_ref()) {
            let subject = Subject::WakeUp { run, sequence: wait.sequence };
            return Some((subject, second(wait.wake_at)));
        }
        if let Some(claim) = record.and_then(|record| record.claim.as_ref()) {
            let subject = Subject::WakeUp { run, sequence: claim.sequence };
            return Some((subject, self.due_of_claim(claim.lease_until)));
        }
        let present = stage.shown.present_failure()?;
        let id = action_execution(present);
        let is_decided = record
            .is_some_and(|record| record.live.answered.contains(&id) || record.live.closed.contains(&id));
        let attempt = stage.shown.attempts[present];
        let (at, retried) = (attempt.changed, attempt.started);
        (!is_decided).then_some((Subject::Failed { run, attempt: present, at, retried }, world.now))
    }

    /// The sweep: beside live workers it takes what is due, after everything else whatever there is.
    pub fn sweep(&self, world: &mut World) -> Option<()> {
        let is_last = world.is_at_rest() && self.forgotten(world) && !world.is_swept;
        if is_last {
            world.is_swept = true;
        } else {
            world.left.sweeps = world.left.sweeps.checked_sub(1)?;
        }
        let found: Vec<_> = (0..world.stages.len()).filter_map(|run| self.finding(world, run)).collect();
        for (subject, due) in found {
            if is_last || due <= world.now {
                let due = due.max(world.now);
                world.send(super::queue::Message { subject, due, again: true, swept: true });
            }
        }
        Some(())
    }
}

fn see(world: &mut World, worker: &Worker, before: &StageRun, commit: &Commit) {
    let after = &commit.record;
    let others_claim = before.claim.as_ref().filter(|claim| claim.owner != worker.owner);
    if others_claim.is_some() && after.claim.is_none() {
        let ended = after.retries.last().map(|retry| retry.progress);
        let is_ours = ended.is_some_and(|progress| progress != Progress::Ended);
        world.seen.add(if is_ours { Sight::ConfirmedAsOurs } else { Sight::Forgone });
    }
    let has_ended = |progress| {
        let count =
            |record: &StageRun| record.retries.iter().filter(|retry| retry.progress == progress).count();
        count(after) > count(before)
    };
    if has_ended(Progress::Recovered) {
        world.seen.add(Sight::Recovered);
    }
    if has_ended(Progress::FailedAgain) {
        world.seen.add(Sight::FailedAgain);
    }
    if worker.message.swept && matches!(worker.message.subject, Subject::WakeUp { .. }) {
        world.seen.add(Sight::SweptWaiting);
    }
    let Some(decision) = &commit.decision else { return };
    let at_fence = decision.explanation.last().is_some_and(|step| step.name == StepName::Fence);
    match decision.ruling {
        Ruling::IgnoreRetriedBySomeoneElse if at_fence => world.seen.add(Sight::PersonWinsAtFence),
        ruling if at_fence && ruling.verdict() == Verdict::Ignore => world.seen.add(Sight::ActSeenAtFence),
        ruling if ruling.verdict() == Verdict::GiveUp => world.seen.add(Sight::Closed),
        Ruling::WaitBudgetEmpty => world.seen.add(Sight::BudgetEmpty),
        Ruling::WaitPaused => world.seen.add(Sight::PauseWaits),
        Ruling::WaitStateUnsettled => world.seen.add(Sight::Unsettled),
        Ruling::WaitThrottled if !commit.deposits.is_empty() => world.seen.add(Sight::Throttled),
        _ => {}
    }
}
