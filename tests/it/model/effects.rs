//! The other side of the ports: effects are carried out, well or badly, and answered.

use codepipeline_retrier::domain::backoff::Jitter;
use codepipeline_retrier::domain::pipeline::{Refusal, RetryReply, StageReading};
use codepipeline_retrier::domain::protocol::{Answer, Commit, CommitReply, Effect, Fault};
use codepipeline_retrier::domain::rollback::{RollbackProgress, RollbackReply};

use super::Machine;
use super::actions::Manner;
use super::moves::acknowledge;
use super::mutants::Mutant;
use super::queue::{Message, Subject};
use super::shared::Shared;
use super::stage::{self, Cause, Shown, Stage, action_execution};
use super::time::second;
use super::world::{Broken, Held, Request, Sight, Worker, World};

impl Machine {
    /// Carries out what the worker asks for. None where that manner makes no difference to another one.
    pub fn carry_out(&self, world: &mut World, mut worker: Worker, manner: Manner) -> Option<()> {
        match manner {
            Manner::Well => {}
            Manner::Stale | Manner::StaleState | Manner::StaleHistory => world.left.stale -= 1,
            _ => world.left.faults -= 1,
        }
        let run = worker.message.subject.run();
        let answer = match worker.effect.clone() {
            Effect::ReadLedger { run, buckets, windows } => {
                let mut view = self.view(world.ledger.read(&run, &buckets, &[]));
                view.windows = self.installation.noted(&windows);
                Answer::Ledger(Ok(Box::new(view)))
            }
            Effect::ReadTags { pipeline } => panic!("no rule asks for the tags of {pipeline}"),
            Effect::NoteFailure(note) => panic!("every pipeline is noted: {note:?}"),
            Effect::WriteControls(controls) => {
                let mut ledger = (*world.ledger).clone();
                let reply = ledger.write_controls(&controls);
                world.ledger = Shared::new(ledger);
                Answer::ControlsWritten(Ok(reply))
            }
            Effect::Observe { .. } => self.observe(world, &mut worker, manner),
            Effect::Examine { .. } => panic!("answered at once"),
            Effect::ReadCalendars { calendars } => panic!("no rule has a freeze: {calendars:?}"),
            Effect::FindTarget { .. } => Answer::Target(Ok(Some(stage::earlier_execution()))),
            Effect::RollBack { .. } => Answer::RolledBack(self.roll_back(world, &worker, manner)),
            Effect::Commit(commit) => Answer::Committed(self.commit(world, &mut worker, *commit, manner)?),
            Effect::Arm { wake_up, at } => {
                let subject = Subject::WakeUp { run, sequence: wake_up.sequence };
                let is_pending =
                    world.queue.iter().any(|message| message.subject == subject && !message.again);
                if !is_pending {
                    let due = second(at).max(world.now);
                    world.send(Message { subject, due, again: false });
                }
                Answer::Armed(Ok(()))
            }
            Effect::Fence { .. } => self.fence(world, &mut worker, manner),
            Effect::Call { .. } => Answer::Called(self.call(world, &mut worker, manner)?),
            Effect::Finish(outcome) => {
                acknowledge(world, worker.message, &outcome);
                return Some(());
            }
        };
        if worker.is_resending {
            world.hire(worker);
        } else {
            self.go_on(world, worker, answer);
        }
        Some(())
    }

    fn observe(&self, world: &World, worker: &mut Worker, manner: Manner) -> Answer {
        let run = worker.message.subject.run();
        let stage = &world.stages[run];
        let before = || stage.before.as_ref().map_or(&stage.shown, |(before, _)| &**before);
        let (by_state, by_history) = match manner {
            Manner::Stale => (before(), before()),
            Manner::StaleState => (before(), &stage.shown),
            Manner::StaleHistory => (&stage.shown, before()),
            _ => (&stage.shown, &stage.shown),
        };
        worker.observed = Some(by_history.clone());
        let id = &self.installation.runs[run];
        let reading = self.identify(stage::reading(id, by_state, by_history));
        Answer::Observed { reading: Box::new(reading), jitter: Jitter(0) }
    }

    fn fence(&self, world: &World, worker: &mut Worker, manner: Manner) -> Answer {
        let run = worker.message.subject.run();
        let stage = &world.stages[run];
        let shown = match (&stage.before, manner) {
            (Some((before, _)), Manner::Stale) => &**before,
            _ => &stage.shown,
        };
        worker.fenced = Some(shown.clone());
        let shown = match (self.mutant, &worker.observed) {
            (Some(Mutant::NoFence), Some(observed)) => observed,
            _ => shown,
        };
        let state = stage::state(&self.installation.runs[run], shown);
        Answer::Fenced(Box::new(StageReading::State(Ok(self.identify_state(state)))))
    }

    fn commit(
        &self,
        world: &mut World,
        worker: &mut Worker,
        mut commit: Commit,
        manner: Manner,
    ) -> Option<Result<CommitReply, Fault>> {
        if manner == Manner::NotDone {
            return Some(Err(Fault::Unknown));
        }
        if self.mutant == Some(Mutant::NoPauseCheck)
            && commit.record.claim.as_ref().is_some_and(|claim| claim.taken_over)
        {
            commit.controls = None;
        }
        let before = world.ledger.record(&commit.record.id).cloned();
        let mut ledger = (*world.ledger).clone();
        let reply = ledger.settle(&commit);
        world.ledger = Shared::new(ledger);
        if reply == CommitReply::Done {
            self.account(world, worker, before, &commit);
        }
        see_reply(world, &commit, &reply);
        match (manner, reply) {
            (Manner::ReplyLost, CommitReply::Done) => Some(Err(Fault::Unknown)),
            // That such an answer is lost as well comes to the same as an attempt that was not done.
            (Manner::ReplyLost, _) => None,
            (_, reply) => Some(Ok(reply)),
        }
    }

    fn call(&self, world: &mut World, worker: &mut Worker, manner: Manner) -> Option<RetryReply> {
        let run = worker.message.subject.run();
        let Held { attempt, taken_over, lingers_until } = worker.claim?;
        if world.requests.iter().any(|request| request.run == run && request.attempt == attempt) {
            world.breaks(Broken::RepeatedBlindly);
        }
        if worker.fenced.as_ref().is_some_and(|shown| self.shows_a_person(world, run, shown)) {
            world.breaks(Broken::AfterPerson);
        }
        let reply = match manner {
            Manner::NotSent => RetryReply::NotSent,
            Manner::Throttled => RetryReply::Refused(Refusal::Throttled),
            Manner::Late => {
                world.requests.push(Request { run, attempt, taken_over, until: lingers_until });
                world.requests.sort_unstable();
                RetryReply::Unknown
            }
            manner => {
                let landed = self.land(world, run, attempt, taken_over);
                match landed {
                    _ if manner == Manner::ReplyLost => RetryReply::Unknown,
                    Ok(()) => RetryReply::Accepted,
                    Err(refusal) => RetryReply::Refused(refusal),
                }
            }
        };
        worker.is_resending = self.mutant == Some(Mutant::AutomaticResend)
            && manner == Manner::ReplyLost
            && !worker.is_resending;
        match (self.mutant, reply) {
            (Some(Mutant::RefundOnUnknown), RetryReply::Unknown) => Some(RetryReply::NotSent),
            _ => Some(reply),
        }
    }

    fn roll_back(&self, world: &mut World, worker: &Worker, manner: Manner) -> RollbackReply {
        let run = worker.message.subject.run();
        let record = world.ledger.record(&self.installation.runs[run]);
        let rollback = record.and_then(|record| record.rollback.as_ref());
        let is_on_record =
            rollback.is_some_and(|it| it.owner == worker.owner && it.progress == RollbackProgress::Begun);
        if !is_on_record {
            world.breaks(Broken::RolledBackUnrecorded);
        }
        if world.stages[run].is_rolled_back {
            world.breaks(Broken::RolledBackTwice);
        }
        if worker.fenced.as_ref().is_none_or(|shown| self.shows_a_person(world, run, shown)) {
            world.breaks(Broken::RolledBackAfterPerson);
        }
        if manner == Manner::NotSent {
            return RollbackReply::NotSent;
        }
        let is_taken = world.change_stage(run, Stage::roll_back);
        match (manner, is_taken) {
            (Manner::ReplyLost, _) => {
                world.seen.add(Sight::RollbackUnknown);
                RollbackReply::Unknown
            }
            (_, true) => {
                world.seen.add(Sight::RolledBack);
                RollbackReply::Started(stage::rollback_execution())
            }
            (_, false) => {
                world.seen.add(Sight::RollbackRefused);
                RollbackReply::Refused("UnableToRollbackStageException")
            }
        }
    }

    /// A request reaches CodePipeline.
    pub fn land(
        &self,
        world: &mut World,
        run: usize,
        attempt: usize,
        taken_over: bool,
    ) -> Result<(), Refusal> {
        let now = world.now;
        let landed = world.stages[run].shown.last();
        let retried_by_person = (world.stages[run].shown.attempts.get(attempt + 1))
            .is_some_and(|next| next.cause == Cause::Person);
        if let Err(refusal) = world.change_stage(run, |stage| stage.retry(Cause::Ours, now)) {
            if retried_by_person {
                world.seen.add(Sight::OvertakenByPerson);
            }
            return Err(refusal);
        }
        world.seen.add(if taken_over { Sight::TakeOverAccepted } else { Sight::Accepted });
        if landed != attempt {
            // The residual that no client can exclude: after the fence's answer was true, somebody retried the failure
            // and it failed again before our call came. The API has no token that would tell the two failures apart.
            if retried_by_person {
                world.seen.add(Sight::Residual);
            } else {
                world.breaks(Broken::WrongFailure);
            }
        }
        let accepted = world.stages[run].accepted();
        let most = usize::try_from(self.configuration.max_retries).unwrap();
        if accepted > most {
            world.breaks(Broken::TooManyRetries);
        } else if accepted == most {
            world.seen.add(Sight::LastAccepted);
        }
        if world.tokens.iter().filter(|(payer, _)| *payer == run).count() < accepted {
            world.breaks(Broken::Unpaid);
        }
        Ok(())
    }

    /// Whether an answer of CodePipeline shows that a person is in charge. A person's retry that passes for ours is a
    /// residual which ARCHITECTURE names, but only as long as the record does count it as ours.
    fn shows_a_person(&self, world: &World, run: usize, shown: &Shown) -> bool {
        let record = world.ledger.record(&self.installation.runs[run]);
        let passes_for_ours = |attempt: usize| {
            world.stages[run].unclear[attempt]
                && record.is_some_and(|record| record.live.answered.contains(&action_execution(attempt - 1)))
        };
        let by_person = shown
            .attempts
            .iter()
            .enumerate()
            .any(|(number, attempt)| attempt.cause == Cause::Person && !passes_for_ours(number));
        by_person || shown.disabled || shown.replaced
    }
}

fn see_reply(world: &mut World, commit: &Commit, reply: &CommitReply) {
    match reply {
        CommitReply::Done => {}
        CommitReply::Conflict(Some(current)) if **current == commit.record => world.seen.add(Sight::Resent),
        CommitReply::Conflict(_) => world.seen.add(Sight::Conflicted),
        CommitReply::BucketChanged(..) => world.seen.add(Sight::BucketLost),
        CommitReply::ControlsChanged => {
            let takes_over = commit.record.claim.as_ref().is_some_and(|claim| claim.taken_over);
            world.seen.add(if takes_over { Sight::PauseStopsTakeOver } else { Sight::PauseStopsClaim });
        }
    }
}
