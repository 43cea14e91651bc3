//! What happens when it happens.

use codepipeline_retrier::classify::examine;
use codepipeline_retrier::domain::controls::Pause;
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::pipeline::{ActionStatus, Refusal};
use codepipeline_retrier::domain::protocol::{Answer, Conclusion, Effect, Input, Outcome, State, step};
use codepipeline_retrier::domain::stage_run::Owner;
use codepipeline_retrier::domain::trigger::{Delivery, Trigger, WakeUp};

use super::Machine;
use super::actions::Action;
use super::configuration::Act;
use super::mutants::Mutant;
use super::queue::{Message, Subject};
use super::shared::Shared;
use super::stage::{Cause, action_execution};
use super::time::{HORIZON, SETTLED, Second, instant, second};
use super::world::{Broken, Seen, Sight, Worker, World};

/// How often the sweep handles a finding, since something else of the stage run may have to be dealt with first.
const SWEEPS_AT_REST: u8 = 3;

impl Machine {
    pub fn follow(&self, world: &World, action: Action) -> Option<World> {
        let mut world = world.clone();
        world.seen = Seen::default();
        match action {
            Action::Deliver(place) => self.deliver(&mut world, place),
            Action::CarryOut(place, manner) => {
                let worker = (*world.workers.remove(place)).clone();
                self.carry_out(&mut world, worker, manner)?;
            }
            Action::Die(place) => {
                world.left.crashes -= 1;
                world.swept = 0;
                let worker = world.workers.remove(place);
                give_back(&mut world, worker.message);
            }
            Action::Land(place) => {
                let request = world.requests.remove(place);
                world.swept = 0;
                if self.land(&mut world, request.run, request.attempt, request.taken_over).is_ok() {
                    world.seen.add(Sight::LateRequest);
                }
            }
            Action::Vanish(place) => {
                world.requests.remove(place);
            }
            Action::End(run, status) => end(&mut world, run, status),
            Action::Act(run, act) => self.act(&mut world, run, act),
            Action::Duplicate(place) => {
                world.left.duplicates -= 1;
                let copy = world.queue[place];
                world.queue.insert(place, copy);
            }
            Action::Lose(place) => {
                world.left.losses -= 1;
                world.swept = 0;
                let lost = world.queue.remove(place);
                let is_the_last = !world.queue.iter().any(|other| other.subject == lost.subject);
                if let (Subject::Failed { run, attempt, .. }, true) = (lost.subject, is_the_last) {
                    world.change_stage(run, |stage| stage.lost[attempt] = true);
                }
            }
            Action::Wait => {
                world.now = world.next_instant()?;
                if world.now > HORIZON {
                    world.breaks(Broken::Endless);
                }
            }
            Action::Sweep => self.sweep(&mut world),
        }
        let is_forgotten = if self.configuration.sweep {
            world.swept >= SWEEPS_AT_REST && self.is_anything_unknown(&world)
        } else {
            self.is_anything_open(&world)
        };
        if is_forgotten && world.is_at_rest() {
            world.breaks(Broken::Forgotten);
        }
        Some(world)
    }

    fn deliver(&self, world: &mut World, place: usize) {
        let message = world.queue.remove(place);
        let handling = count_handling(world, message.subject);
        let owner = Owner(format!("{:?}-{handling}", message.subject));
        let delivery = if message.again { Delivery::Again } else { Delivery::First };
        let mut trigger = message.subject.trigger(&self.installation.runs);
        if let (Some(Mutant::StaleWakeUpObeyed), Trigger::WakeUp(WakeUp { run, sequence })) =
            (self.mutant, &mut trigger)
        {
            *sequence = world.ledger.record(run).map_or(*sequence, |record| record.sequence);
        }
        let worker = Worker {
            message,
            owner: owner.clone(),
            began: world.now,
            state: State::Idle,
            effect: Effect::ReadLedger {
                run: trigger.run().clone(),
                buckets: Vec::new(),
                windows: Vec::new(),
            },
            observed: None,
            claim: None,
            fenced: None,
            is_resending: false,
        };
        self.go_on(world, worker, Answer::Begin { trigger, delivery, owner });
    }

    /// The production protocol's next step.
    pub fn go_on(&self, world: &mut World, mut worker: Worker, answer: Answer) {
        let environment = self.installation.environment(worker.began);
        let input = Input { now: instant(world.now), answer };
        (worker.state, worker.effect) = step(&environment, worker.state, input);
        // Examining changes nothing: to die of it is to die of the reading before it.
        while let Effect::Examine { run, failed, .. } = &worker.effect {
            let answer = Answer::Examined(examine(&[], run, failed, &[], false));
            let input = Input { now: instant(world.now), answer };
            (worker.state, worker.effect) = step(&environment, worker.state, input);
        }
        // Between the last effect and the acknowledgement there is one more place to die at.
        match &worker.effect {
            Effect::Finish(outcome) if world.left.crashes == 0 => {
                acknowledge(world, worker.message, outcome);
            }
            _ => world.hire(worker),
        }
    }

    fn act(&self, world: &mut World, run: usize, act: Act) {
        world.left.acts -= 1;
        world.swept = 0;
        let now = world.now;
        match act {
            Act::Retry => {
                let last = world.stages[run].shown.last();
                let is_unclear = self.passes_for_ours(world, run, last, now);
                let _ = world.change_stage(run, |stage| {
                    stage.retry(Cause::Person, now)?;
                    stage.unclear[last + 1] = is_unclear;
                    Ok::<_, Refusal>(())
                });
            }
            Act::Disable => world.change_stage(run, |stage| stage.shown.disabled = true),
            Act::NewExecution => world.change_stage(run, |stage| stage.shown.replaced = true),
            Act::Stop => end(world, run, ActionStatus::Abandoned),
            Act::Pause => {
                let pause = Pause { pipeline: None, until: None, reason: String::new() };
                let mut ledger = (*world.ledger).clone();
                ledger.write_controls(&ledger.controls().pause(pause));
                world.ledger = Shared::new(ledger);
            }
            Act::Resume => {
                let mut ledger = (*world.ledger).clone();
                ledger.write_controls(&ledger.controls().resume(None));
                world.ledger = Shared::new(ledger);
            }
        }
    }

    /// Whether a retry of this failure that somebody made then may pass for the call of the open claim: a residual which
    /// ARCHITECTURE names, since the API has no token by which to tell.
    pub fn passes_for_ours(&self, world: &World, run: usize, attempt: usize, retried: Second) -> bool {
        let record = world.ledger.record(&self.installation.runs[run]);
        record.and_then(|record| record.claim.as_ref()).is_some_and(|claim| {
            let claimed = second(claim.lease_until - self.installation.timing.lease);
            claim.failed.contains(&action_execution(attempt))
                && (claimed..=claimed + SETTLED).contains(&retried)
        })
    }
}

fn count_handling(world: &mut World, subject: Subject) -> u8 {
    match world.handlings.binary_search_by_key(&subject, |(subject, _)| *subject) {
        Ok(place) => {
            world.handlings[place].1 += 1;
            world.handlings[place].1
        }
        Err(place) => {
            world.handlings.insert(place, (subject, 1));
            1
        }
    }
}

fn end(world: &mut World, run: usize, status: ActionStatus) {
    world.now += 1;
    world.swept = 0;
    let now = world.now;
    world.change_stage(run, |stage| stage.end(status, now));
    let shown = &world.stages[run].shown;
    let (attempt, retried) = (shown.last(), shown.attempts[shown.last()].started);
    let subject = if status == ActionStatus::Failed {
        Subject::Failed { run, attempt, at: now, retried }
    } else {
        let is_stopped = status == ActionStatus::Abandoned;
        Subject::Ended { run, attempt, at: now, retried, is_stopped }
    };
    world.send(Message { subject, due: now, again: false });
}

fn give_back(world: &mut World, message: Message) {
    if message.subject.is_found() {
        world.swept = 0;
        return;
    }
    world.send(Message { again: true, due: world.now.min(message.due), ..message });
}

pub fn acknowledge(world: &mut World, message: Message, outcome: &Outcome) {
    if outcome.conclusion == Conclusion::StaleWakeUp {
        world.seen.add(Sight::StaleWakeUp);
    }
    if outcome.decision.as_ref().is_some_and(|decision| decision.ruling == Ruling::WaitClaimOpen) {
        world.seen.add(Sight::BehindClaim);
    }
    if !outcome.conclusion.is_acknowledged() {
        give_back(world, message);
    }
}
