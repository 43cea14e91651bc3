//! Cold starts and warm events: round by round, so that what the machine does meanwhile befalls all alike.

use serde_json::Value;

use crate::aws::Aws;
use crate::process::{Process, Program, Took};
use crate::scene::{message, world};
use crate::variants::{EMPTY, Variants};

/// One cold start of one function, and the events after it.
#[derive(Debug, Clone, Default)]
pub struct Life {
    pub start: Took,
    pub first: Took,
    pub warm: Vec<Took>,
    /// Bytes.
    pub memory: u64,
}

/// The lives of all functions, in the order of the variants, round by round; and the one long life of each.
#[derive(Debug, Default)]
pub struct Lives {
    pub rounds: Vec<[Life; 3]>,
    pub long: [Life; 3],
}

pub async fn measure(variants: &Variants, rounds: usize, events: usize, long: usize) -> Lives {
    let mut lives = Lives::default();
    for round in 0..rounds {
        eprintln!("bench: cold start {} of {rounds}", round + 1);
        lives.rounds.push(every(variants, events, round).await);
    }
    eprintln!("bench: {long} events each");
    lives.long = every(variants, long, 0).await;
    lives
}

/// One life of each. Who comes first changes from round to round.
async fn every(variants: &Variants, events: usize, round: usize) -> [Life; 3] {
    let mut lives = [Life::default(), Life::default(), Life::default()];
    for turn in 0..lives.len() {
        let variant = (turn + round) % lives.len();
        let world = world(&[("plain", events + 1)]);
        let failures = crate::scene::events(&world).0;
        let aws = Aws::start(world, &variants.identity).await;
        let program = &variants.all(&aws)[variant];
        lives[variant] = life(program, &failures).await;
        let retries = aws.counts().get("codepipeline:RetryStageExecution").map_or(0, |known| known.requests);
        let expected = if variant == EMPTY { 0 } else { failures.len() as u64 };
        assert_eq!(retries, expected, "{} retries each failure once", program.name);
    }
    lives
}

async fn life(program: &Program, failures: &[Value]) -> Life {
    let mut process = Process::start(program).await;
    let mut warm = Vec::new();
    let mut first = None;
    for failure in failures {
        let (took, _) = process.handle(message(failure).to_string()).await;
        if first.is_none() {
            first = Some(took);
        } else {
            warm.push(took);
        }
    }
    let life =
        Life { start: process.start, first: first.unwrap_or_default(), warm, memory: process.peak_memory() };
    process.end().await;
    life
}
