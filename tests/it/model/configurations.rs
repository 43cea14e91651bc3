//! The configurations that are exhausted, each about something else, and what each must show.

use super::configuration::{Act, Configuration};
use super::world::{Left, Sight};

const NOTHING: Left = Left { crashes: 0, losses: 0, duplicates: 0, faults: 0, stale: 0, acts: 0, sweeps: 0 };

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
    sights: &[Sight::Accepted, Sight::LastAccepted, Sight::Recovered, Sight::FailedAgain],
};

/// What fits into a few seconds of an unoptimised build.
pub fn slice() -> Configuration {
    Configuration {
        name: "a death and a person",
        acts: &[Act::Retry],
        left: Left { crashes: 1, acts: 1, ..NOTHING },
        sights: &[
            Sight::Accepted,
            Sight::Recovered,
            Sight::FailedAgain,
            Sight::TakenOver,
            Sight::TakeOverAccepted,
            Sight::ConfirmedAsOurs,
            Sight::StaleWakeUp,
            Sight::PersonWinsAtFence,
            Sight::OvertakenByPerson,
            Sight::Refunded,
        ],
        ..BASE
    }
}

/// What is exhausted in full.
pub fn all() -> Vec<Configuration> {
    vec![Configuration {
        name: "two deaths and a person",
        acts: &[Act::Retry],
        left: Left { crashes: 2, acts: 1, ..NOTHING },
        sights: &[
            Sight::Accepted,
            Sight::LastAccepted,
            Sight::Recovered,
            Sight::FailedAgain,
            Sight::TakenOver,
            Sight::TakeOverAccepted,
            Sight::ConfirmedAsOurs,
            Sight::Forgone,
            Sight::StaleWakeUp,
            Sight::BehindClaim,
            Sight::PersonWinsAtFence,
            Sight::OvertakenByPerson,
            Sight::Residual,
            Sight::Refunded,
        ],
        ..BASE
    }]
}
