//! One play of a fleet under one policy, with one seed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Contender;
use crate::domain::budget::Budget;
use crate::domain::decision::{Decision, Ruling};
use crate::domain::ids::{BudgetName, RuleName, StageRunId};
use crate::domain::policy::Policy;
use crate::domain::stage_run::after;
use crate::emulator::codepipeline::ServiceError;
use crate::emulator::queue::Message;
use crate::emulator::world::SharedWorld;
use crate::function::{Function, Handled};
use crate::replay::fleet::truth::Truth;
use crate::replay::fleet::{Fleet, Memory, Native, Play};
use crate::replay::player::{TIME_LIMIT, batch, deployed_function, is_acknowledged, run};
use crate::replay::script::matches_rule;

/// What a play came to.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// What really happened.
    pub(super) truth: Truth,
    /// What the function met with; nothing where there is none.
    pub(super) met: Met,
}

/// What the function met with.
#[derive(Debug, Clone, Default)]
pub(super) struct Met {
    /// How much of a budget was in use when a retry had been paid, from 0 to 1.
    pub(super) budgets: BTreeMap<BudgetName, Vec<(Timestamp, f64)>>,
    /// Stage runs that an empty budget let wait, or refused.
    pub(super) refused_by_budget: BTreeSet<StageRunId>,
    /// Stage runs that a storm held.
    pub(super) held_by_storm: BTreeSet<StageRunId>,
}

/// From CodePipeline through EventBridge to the queue.
const DELIVERY: SignedDuration = SignedDuration::from_secs(1);

impl Run {
    pub(super) fn of(fleet: &Fleet, contender: &Contender, seed: u64) -> Result<Self, ServiceError> {
        let native = match contender {
            Contender::None => Native::Nowhere,
            Contender::Native => Native::Everywhere,
            Contender::Policy { .. } => Native::AsDeclared,
        };
        let mut play = Play::new(fleet, seed, native, Memory::Open)?;
        let met = match contender {
            Contender::None | Contender::Native => {
                play.play_out();
                Met::default()
            }
            Contender::Policy { policy, .. } => with_function(&mut play, policy),
        };
        Ok(Self { truth: play.conclude().1, met })
    }
}

/// Plays to the end with the function running.
fn with_function(play: &mut Play, policy: &Policy) -> Met {
    let world = play.world().clone();
    world.lock().deployed.policy = Some(policy.clone());
    let function = deployed_function(&world);
    let mut met = Met::default();
    let budgets: BTreeMap<&RuleName, &[Budget]> =
        policy.rules.iter().map(|rule| (&rule.name, rule.settings.budgets.as_slice())).collect();
    let mut handlings = 0_u64;
    let mut hear = |at, event: &serde_json::Value| {
        if matches_rule(event) {
            world.lock().queue.send(event.to_string(), after(at, DELIVERY));
        }
    };
    loop {
        let message = world.lock().queue.next_due().filter(|at| *at <= play.end());
        let Some(next) = [message, play.next_due()].into_iter().flatten().min() else { return met };
        play.go_to(next, &mut hear);
        let received = {
            let mut world = world.lock();
            let now = world.now();
            world.queue.receive(now)
        };
        let Some(message) = received else { continue };
        handlings += 1;
        hand_out(&function, &world, &message, handlings, |decision| {
            let of_rule = decision.rule.as_ref().and_then(|rule| budgets.get(rule));
            met.note(decision, of_rule.copied().unwrap_or_default(), &world);
        });
        play.take_note(&mut hear);
    }
}

type Deployed = Function<SharedWorld, SharedWorld, SharedWorld, SharedWorld, SharedWorld, SharedWorld>;

fn hand_out(
    function: &Deployed,
    world: &SharedWorld,
    message: &Message,
    handlings: u64,
    mut decided: impl FnMut(&Decision),
) {
    let deadline = after(world.now(), TIME_LIMIT);
    let (batch, name) = (batch(message), format!("handling-{handlings}"));
    let clock = || world.now();
    let Some(response) = run(function.invoke(&batch, &name, deadline, &clock), world) else { return };
    if is_acknowledged(&response) {
        world.lock().queue.delete(message.id);
    }
    response.handled.iter().filter_map(Handled::decision).for_each(&mut decided);
    // Nobody asks for them again, and a month has many.
    world.lock().ledger.take_decisions();
}

impl Met {
    fn note(&mut self, decision: &Decision, budgets: &[Budget], world: &SharedWorld) {
        match decision.ruling {
            Ruling::RetryEligible => {
                let world = world.lock();
                for budget in budgets {
                    let bucket = world.ledger.bucket(&budget.key(&decision.run, false));
                    let left = f64::from(budget.balance(bucket, world.now()));
                    let used = 1.0 - left / f64::from(budget.capacity());
                    self.budgets.entry(budget.name.clone()).or_default().push((world.now(), used));
                }
            }
            Ruling::WaitBudgetEmpty | Ruling::GiveUpBudgetEmpty => {
                self.refused_by_budget.insert(decision.run.clone());
            }
            Ruling::WaitStorm => {
                self.held_by_storm.insert(decision.run.clone());
            }
            _ => {}
        }
    }
}
