//! The explorations: a slice for every day, and everything.

use std::collections::BTreeSet;

use crate::figure;

use super::Machine;
use super::configuration::Configuration;
use super::configurations::{ALL, ROLLBACK_SLICE, SLICE};
use super::exploration::{Explored, exhaust, shortest};
use super::mutants::Mutant;
use super::world::{Broken, Sight};

/// Explores a configuration to its end, and prints what that was.
fn explore(configuration: &Configuration) -> Explored {
    let explored = exhaust(Machine::new(configuration.clone(), None));
    let Explored { states, depth, took, broken, .. } = &explored;
    println!("{}: {states} states, depth {depth}, {took:.0?}", configuration.name);
    if let Some((broken, steps)) = broken {
        println!("  broken: {}, by {steps:?}", broken.as_str());
    }
    explored
}

#[test]
fn a_small_world_is_exhausted() {
    let explored = explore(&SLICE);
    assert!(explored.broken.is_none());
    let wanted = BTreeSet::from([
        Sight::Accepted,
        Sight::Recovered,
        Sight::TakenOver,
        Sight::TakeOverAccepted,
        Sight::ConfirmedAsOurs,
        Sight::PersonWinsAtFence,
        Sight::OvertakenByPerson,
        Sight::Refunded,
    ]);
    assert_eq!(wanted.difference(&explored.seen).collect::<Vec<_>>(), Vec::<&Sight>::new());
}

#[test]
fn a_small_world_with_rollbacks_is_exhausted() {
    let explored = explore(&ROLLBACK_SLICE);
    assert!(explored.broken.is_none());
    let wanted = BTreeSet::from([
        Sight::RolledBack,
        Sight::RollbackRefused,
        Sight::RollbackStopped,
        Sight::RollbackUnknown,
        Sight::PauseStopsClaim,
    ]);
    assert_eq!(wanted.difference(&explored.seen).collect::<Vec<_>>(), Vec::<&Sight>::new());
}

/// What the properties of rollbacks are worth: without the last look they break.
#[test]
fn a_rollback_without_a_last_look_is_caught() {
    let machine = Machine::new(ROLLBACK_SLICE, Some(Mutant::NoFence));
    assert!(shortest(&machine, Broken::RolledBackAfterPerson).is_some());
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn every_configuration_is_exhausted() {
    const LEAST: usize = 10_000_000;
    let mut states = 0;
    let mut seconds = 0.0;
    let mut seen = BTreeSet::new();
    let mut violations = 0;
    for configuration in ALL {
        let explored = explore(configuration);
        states += explored.states;
        seconds += explored.took.as_secs_f64();
        seen.extend(explored.seen);
        violations += usize::from(explored.broken.is_some());
    }
    for sight in Sight::ALL.iter().filter(|sight| !seen.contains(sight)) {
        println!("never seen: {}", sight.as_str());
    }
    let measured = format!(
        "{}.{} M unique states in {} configurations, {violations} violations, {} of {} `sometimes` reached, \
         {seconds:.0} s",
        states / 1_000_000,
        states % 1_000_000 / 100_000,
        ALL.len(),
        seen.len(),
        Sight::ALL.len()
    );
    let holds = violations == 0 && seen.len() == Sight::ALL.len() && states >= LEAST;
    figure::record("model", &measured, holds);
    assert!(holds);
}

/// Whether the mutant breaks what it must; prints the shortest way to that.
fn is_caught(mutant: Mutant) -> bool {
    let machine = Machine::new(mutant.where_it_shows(), Some(mutant));
    let Some(steps) = shortest(&machine, mutant.breaks()) else {
        println!("{}: not caught", mutant.as_str());
        return false;
    };
    println!("{}: {} steps to {}", mutant.as_str(), steps.len(), mutant.breaks().as_str());
    println!("  {steps:?}");
    true
}

#[test]
fn the_quickest_mutants_are_caught() {
    let quick = [Mutant::EarlyReconcile, Mutant::RefundOnUnknown, Mutant::NoPauseCheck, Mutant::NoSweep];
    assert!(quick.into_iter().all(is_caught));
}

/// What catches a mutant must be the mutant's doing: where it shows, the protocol as it is breaks nothing. Only for a lost
/// event there must be a sweep.
#[test]
#[ignore = "a full run: make scoreboard"]
fn every_mutant_is_caught() {
    let caught = Mutant::ALL.into_iter().filter(|mutant| is_caught(*mutant)).count();
    let is_sound = |mutant: &Mutant| {
        let configuration = Configuration { sweep: true, ..mutant.where_it_shows() };
        explore(&configuration).broken.is_none()
    };
    let sound = Mutant::ALL.iter().filter(|mutant| is_sound(mutant)).count();
    let all = Mutant::ALL.len();
    let measured = format!("{caught}/{all} caught; {sound}/{all} pass without the mutant");
    let holds = caught == all && sound == all;
    figure::record("protocol-mutants", &measured, holds);
    assert!(holds);
}
