//! The configurations that are exhausted, each about something else.

use super::configuration::{Act, Configuration};
use super::world::Left;

/// Nothing goes wrong, and nobody acts.
pub const NOTHING: Left =
    Left { crashes: 0, losses: 0, duplicates: 0, faults: 0, stale: 0, acts: 0, sweeps: 0 };

/// One stage run, two workers, and nothing that goes wrong.
pub const BASE: Configuration = Configuration {
    name: "a quiet day",
    runs: 1,
    workers: 2,
    failures: 3,
    max_retries: 2,
    capacity: 2,
    refill: 1_200,
    backoff: 0,
    give_up_after: 1_800,
    acts: &[],
    left: NOTHING,
    sweep: true,
    rollback: false,
};

const ANY_ACT: &[Act] = &[Act::Retry, Act::Disable, Act::Stop, Act::NewExecution, Act::Pause, Act::Resume];

/// What fits into a few seconds of an unoptimised build.
pub const SLICE: Configuration = Configuration {
    name: "a death, a person's retry",
    failures: 2,
    acts: &[Act::Retry],
    left: Left { crashes: 1, acts: 1, ..NOTHING },
    ..BASE
};

/// The same about rollbacks.
pub const ROLLBACK_SLICE: Configuration = Configuration {
    name: "a rollback at once, a death, an act of a person",
    failures: 2,
    max_retries: 0,
    acts: &[Act::Retry, Act::Pause],
    left: Left { crashes: 1, faults: 1, acts: 1, ..NOTHING },
    rollback: true,
    ..BASE
};

/// What is exhausted in full.
pub const ALL: &[Configuration] = &[
    Configuration {
        name: "two deaths, a person's retry",
        acts: &[Act::Retry],
        left: Left { crashes: 2, acts: 1, ..NOTHING },
        ..BASE
    },
    Configuration {
        name: "two stage runs and one token, a death, a person's retry",
        runs: 2,
        failures: 2,
        capacity: 1,
        acts: &[Act::Retry],
        left: Left { crashes: 1, acts: 1, ..NOTHING },
        ..BASE
    },
    Configuration {
        name: "three workers, a death, a doubled message, a person's retry",
        workers: 3,
        failures: 2,
        acts: &[Act::Retry],
        left: Left { crashes: 1, duplicates: 1, acts: 1, ..NOTHING },
        ..BASE
    },
    Configuration {
        name: "a death, a lost message, a doubled one",
        left: Left { crashes: 1, losses: 1, duplicates: 1, ..NOTHING },
        ..BASE
    },
    Configuration {
        name: "a sweep beside live workers, a death, a lost message",
        failures: 2,
        left: Left { crashes: 1, losses: 1, sweeps: 1, ..NOTHING },
        ..BASE
    },
    Configuration {
        name: "any two acts of people, a death, a lost message",
        failures: 2,
        acts: ANY_ACT,
        left: Left { crashes: 1, losses: 1, acts: 2, ..NOTHING },
        ..BASE
    },
    Configuration {
        name: "waits before every retry, a pause and its end, a death, a lost message",
        failures: 2,
        backoff: 60,
        acts: &[Act::Pause, Act::Resume],
        left: Left { crashes: 1, losses: 1, acts: 2, ..NOTHING },
        ..BASE
    },
    Configuration {
        name: "a rollback after one retry, a lost answer, a death, two acts of people",
        failures: 3,
        max_retries: 1,
        acts: ANY_ACT,
        left: Left { crashes: 1, faults: 1, acts: 2, ..NOTHING },
        rollback: true,
        ..BASE
    },
    Configuration {
        name: "a rollback at once, two deaths, a doubled message, a stale answer",
        failures: 2,
        max_retries: 0,
        acts: ANY_ACT,
        left: Left { crashes: 2, duplicates: 1, stale: 1, acts: 1, ..NOTHING },
        rollback: true,
        ..BASE
    },
    Configuration {
        name: "a lost or late answer, a stale one, a death",
        failures: 2,
        left: Left { crashes: 1, faults: 1, stale: 1, ..NOTHING },
        ..BASE
    },
    Configuration {
        name: "two lost or late answers, a stale one, a person's retry",
        acts: &[Act::Retry],
        left: Left { faults: 2, stale: 1, acts: 1, ..NOTHING },
        ..BASE
    },
];
