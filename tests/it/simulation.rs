//! The whole product on a virtual clock, seed by seed: fleets that fail, instances whose clocks are wrong, messages that
//! repeat, come days late and out of order, reads that mix past and present, faults, deaths, and people at any moment.
//!
//! A seed decides everything. `RETRIER_SEED=n cargo nextest run --no-default-features --run-ignored all
//! simulation::replay --no-capture` prints what happens under it, line by line.

mod acts;
mod campaign;
mod late;
mod play;
mod setting;
mod trace;

use std::process::Command;

use play::{Played, Way, play, play_until};

use super::figure;

/// Seeds that the ordinary suite plays.
const SLICE: u64 = 200;

#[test]
fn a_slice_of_the_seeds_keeps_every_promise() {
    let totals = campaign::run(Way::Usual, 0..SLICE);
    println!("{totals}");
    assert!(totals.is_rich(), "too tame: {totals}");
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn every_seed_keeps_every_promise() {
    let seeds = figure::number("RETRIER_SIMULATION_SEEDS", 100_000);
    let totals = campaign::run_all(seeds);
    assert!(totals.is_rich(), "too tame: {totals}");
    figure::record("simulation", &totals.to_string(), true);
}

/// Plays one seed and prints its trace. After `RETRIER_EVENTS` events nothing more is done to it; with `RETRIER_LATE=1` every
/// event is late.
#[test]
#[ignore = "a full run: make scoreboard"]
fn replay() {
    let seed = figure::number("RETRIER_SEED", 0);
    let most = figure::number("RETRIER_EVENTS", u64::MAX);
    let way = if figure::number("RETRIER_LATE", 0) == 0 { Way::Usual } else { Way::Late };
    let Played { trace, findings, .. } = play_until(way, seed, most, true);
    print!("{trace}");
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn the_same_seed_leaves_the_same_trace() {
    for seed in 0..20 {
        let (one, other) = (play(Way::Usual, seed, true).trace, play(Way::Usual, seed, true).trace);
        assert!(one == other, "seed {seed} leaves two traces");
        assert!(one.lines().count() > 200, "seed {seed}: {} lines", one.lines().count());
    }
    assert_ne!(play(Way::Usual, 1, true).trace, play(Way::Usual, 2, true).trace);
}

/// No address, no order of a hash map, nothing of the process is in a trace.
#[test]
fn another_process_leaves_the_same_trace() {
    let seed = 7;
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "simulation::replay", "--ignored", "--nocapture"])
        .env("RETRIER_SEED", seed.to_string())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let trace = play(Way::Usual, seed, true).trace;
    assert!(!trace.is_empty() && printed.contains(&trace), "{printed}");
}
