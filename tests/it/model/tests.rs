//! The explorations: a slice for every day, and everything.

use crate::figure;

use super::Machine;
use super::configuration::Configuration;
use super::configurations;
use super::exploration::{Explored, exhaust};

/// Explores a configuration to its end, prints what that was, and says whether it was as it must be.
fn holds(configuration: &Configuration) -> (Explored, bool) {
    let explored = exhaust(Machine::new(configuration.clone(), None));
    let Explored { states, depth, took, broken, unseen } = &explored;
    println!("{}: {states} states, depth {depth}, {took:.0?}", configuration.name);
    if let Some((broken, steps)) = broken {
        println!("  broken: {}, by {steps:?}", broken.as_str());
    }
    for sight in unseen {
        println!("  never seen: {}", sight.as_str());
    }
    let holds = broken.is_none() && unseen.is_empty();
    (explored, holds)
}

#[test]
fn a_small_world_is_exhausted() {
    assert!(holds(&configurations::slice()).1);
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn every_configuration_is_exhausted() {
    let mut states = 0;
    let mut seconds = 0.0;
    let mut all_hold = true;
    for configuration in configurations::all() {
        let (explored, holds) = holds(&configuration);
        states += explored.states;
        seconds += explored.took.as_secs_f64();
        all_hold &= holds;
    }
    let millions = states / 100_000;
    let measured = format!("{}.{} M unique states, {seconds:.0} s", millions / 10, millions % 10);
    figure::record("model", &measured, all_hold);
    assert!(all_hold);
}
