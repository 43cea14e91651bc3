//! What can happen next.

use codepipeline_retrier::domain::pipeline::ActionStatus;
use codepipeline_retrier::domain::protocol::Effect;

use super::Machine;
use super::configuration::Act;
use super::stage::Stage;
use super::time::{LIFE, Second};
use super::world::{Worker, World};

/// One step of the model. Numbers are places in the lists of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A worker begins with a message.
    Deliver(usize),
    /// What a worker asked for is carried out, and it goes on to ask for the next.
    CarryOut(usize, Manner),
    /// A worker dies before what it asks for is carried out.
    Die(usize),
    /// A request of a worker that is gone takes effect.
    Land(usize),
    /// A request vanishes.
    Vanish(usize),
    /// A stage's running attempt ends.
    End(usize, ActionStatus),
    /// A person acts.
    Act(usize, Act),
    /// A message is doubled.
    Duplicate(usize),
    /// A message that nobody has had is lost.
    Lose(usize),
    /// Time passes until the next message is due.
    Wait,
    /// The sweep looks.
    Sweep,
}

/// How an effect is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manner {
    Well,
    /// It is done, and its answer is lost.
    ReplyLost,
    /// It is not done, and nobody can tell.
    NotDone,
    /// It is not sent.
    NotSent,
    /// It is refused for the moment.
    Throttled,
    /// It takes effect later, if at all; nobody waits for it.
    Late,
    /// State and history are older than the last change.
    Stale,
    /// The state is older than the last change.
    StaleState,
    /// The history is older than the last change.
    StaleHistory,
}

/// How long after a change answers may still show what was before.
const STALENESS: Second = 60;

impl Machine {
    pub fn possible(&self, world: &World, actions: &mut Vec<Action>) {
        if world.broken.is_some() {
            return;
        }
        self.deliveries(world, actions);
        for (place, worker) in world.workers.iter().enumerate() {
            of_worker(world, place, worker, actions);
        }
        for place in 0..world.requests.len() {
            actions.extend([Action::Land(place), Action::Vanish(place)]);
        }
        for (run, stage) in world.stages.iter().enumerate() {
            self.of_stage(world, run, stage, actions);
        }
        if world.next_instant().is_some() {
            actions.push(Action::Wait);
        }
        let is_needed = world.is_at_rest() && self.is_anything_unknown(world);
        if self.configuration.sweep && (is_needed || world.left.sweeps > 0) {
            actions.push(Action::Sweep);
        }
    }

    fn deliveries(&self, world: &World, actions: &mut Vec<Action>) {
        for (place, message) in world.queue.iter().enumerate() {
            if place > 0 && world.queue[place - 1] == *message {
                continue;
            }
            if message.due <= world.now && world.workers.len() < self.configuration.workers {
                actions.push(Action::Deliver(place));
            }
            if world.left.duplicates > 0 && !message.again && !message.subject.is_found() {
                actions.push(Action::Duplicate(place));
            }
            if world.left.losses > 0 && !message.again && !message.subject.is_found() {
                actions.push(Action::Lose(place));
            }
        }
    }

    fn of_stage(&self, world: &World, run: usize, stage: &Stage, actions: &mut Vec<Action>) {
        let shown = &stage.shown;
        if shown.is_running() {
            if shown.attempts.len() < self.configuration.failures {
                actions.push(Action::End(run, ActionStatus::Failed));
            }
            actions.push(Action::End(run, ActionStatus::Succeeded));
        }
        if world.left.acts == 0 {
            return;
        }
        let is_failed = shown.present_failure().is_some() && !shown.replaced;
        let is_paused = !world.ledger.controls().pauses.is_empty();
        for act in self.configuration.acts {
            let can_be_done = match act {
                Act::Retry => is_failed && shown.attempts.len() <= self.configuration.failures,
                Act::Disable => !shown.disabled,
                Act::Stop => shown.is_running(),
                Act::NewExecution => !shown.is_running() && !shown.replaced,
                Act::Pause => run == 0 && !is_paused,
                Act::Resume => run == 0 && is_paused,
            };
            if can_be_done {
                actions.push(Action::Act(run, *act));
            }
        }
    }
}

impl World {
    /// The next instant that something waits for, if nobody who could not be alive then is, and nothing is on its way
    /// that could not be then.
    pub fn next_instant(&self) -> Option<Second> {
        let next = self.queue.iter().map(|message| message.due).filter(|due| *due > self.now).min()?;
        let is_outlived = self.workers.iter().any(|worker| next > worker.began + LIFE)
            || self.requests.iter().any(|request| next > request.until);
        (!is_outlived).then_some(next)
    }
}

fn of_worker(world: &World, place: usize, worker: &Worker, actions: &mut Vec<Action>) {
    let mut carry_out = |manner| actions.push(Action::CarryOut(place, manner));
    carry_out(Manner::Well);
    let stage = &world.stages[worker.message.subject.run()];
    let stale = world.left.stale > 0
        && stage.before.as_ref().is_some_and(|(_, changed)| world.now <= changed + STALENESS);
    match &worker.effect {
        Effect::Commit(_) if world.left.faults > 0 => {
            carry_out(Manner::ReplyLost);
            carry_out(Manner::NotDone);
        }
        Effect::Call { .. } if world.left.faults > 0 => {
            for manner in [Manner::ReplyLost, Manner::Late, Manner::NotSent, Manner::Throttled] {
                carry_out(manner);
            }
        }
        Effect::RollBack { .. } if world.left.faults > 0 => {
            carry_out(Manner::ReplyLost);
            carry_out(Manner::NotSent);
        }
        Effect::Observe { .. } if stale => {
            for manner in [Manner::Stale, Manner::StaleState, Manner::StaleHistory] {
                carry_out(manner);
            }
        }
        Effect::Fence { .. } if stale => carry_out(Manner::Stale),
        _ => {}
    }
    if world.left.crashes > 0 {
        actions.push(Action::Die(place));
    }
}
