//! What a transaction means for the invariants.

use codepipeline_retrier::domain::decision::{Ruling, StepName, Verdict};
use codepipeline_retrier::domain::pipeline::ActionStatus;
use codepipeline_retrier::domain::protocol::Commit;
use codepipeline_retrier::domain::rollback::RollbackProgress;
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
            // Whoever claimed or began a rollback also writes down what came of it.
            let holds = before.claim.as_ref().is_some_and(|claim| claim.owner == worker.owner)
                || before.rollback.as_ref().is_some_and(|rollback| rollback.owner == worker.owner);
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
        let begins = before.rollback.is_none() && commit.record.rollback.is_some();
        if begins && !world.ledger.controls().pauses.is_empty() {
            world.breaks(Broken::AfterPause);
        }
        let has_stopped = |progress: &RollbackProgress| *progress == RollbackProgress::NotMade;
        if commit.record.rollback.as_ref().is_some_and(|it| has_stopped(&it.progress))
            && !world.stages[run].is_rolled_back
        {
            world.seen.add(Sight::RollbackStopped);
        }
        if commit.record.claim.is_none() {
            world.change_stage(run, |stage| stage.claimed = None);
        }
        self.tokens(world, run, &before, commit);
        see(world, worker, &before, commit);
        decided(world, worker, &before, commit);
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
}

/// Which failures have the decision that ends them: one that names them, or that is about their event.
fn decided(world: &mut World, worker: &Worker, before: &StageRun, commit: &Commit) {
    let Some(decision) = commit.decision.as_ref().filter(|decision| decision.is_final) else {
        return;
    };
    let run = worker.message.subject.run();
    let by_event = match worker.message.subject {
        Subject::Failed { attempt, .. } | Subject::Found { failure: Some((attempt, _)), .. } => Some(attempt),
        Subject::WakeUp { sequence, .. } => attempt_waited_for(before, |number| number == sequence),
        Subject::Found { failure: None, .. } => attempt_waited_for(before, |_| true),
        Subject::Ended { .. } => None,
    };
    let stage = &world.stages[run];
    let mut decided = stage.decided.clone();
    for (number, attempt) in stage.shown.attempts.iter().enumerate() {
        let is_meant = decision.failed.contains(&action_execution(number)) || by_event == Some(number);
        decided[number] |= is_meant && attempt.status == ActionStatus::Failed;
    }
    let was_lost = |number: usize| stage.lost[number] && decided[number] && !stage.decided[number];
    if worker.message.subject.is_found() && (0..decided.len()).any(was_lost) {
        world.seen.add(Sight::SweptLost);
    }
    world.change_stage(run, |stage| stage.decided = decided);
}

/// The attempt whose failure a wait or claim of such a number is about.
fn attempt_waited_for(record: &StageRun, expects: impl Fn(u64) -> bool) -> Option<usize> {
    let wait = record.wait.as_ref().filter(|wait| expects(wait.sequence)).map(|wait| &wait.hint);
    let claim = record.claim.as_ref().filter(|claim| expects(claim.sequence)).map(|claim| &claim.hint);
    let key = &wait.or(claim)?.key;
    if key.is_swept() {
        key.last_retry.strip_prefix("attempt-")?.parse().ok()
    } else {
        key.attempt.parse::<usize>().ok()?.checked_sub(1)
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
    if matches!(worker.message.subject, Subject::Found { failure: None, .. }) {
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
