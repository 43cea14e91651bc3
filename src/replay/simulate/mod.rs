//! Simulations: a fleet played under several policies and with several seeds, and what they come to side by side.
//!
//! Decisions, claims and retries are made by the function's own code. The same days meet every policy, so that what differs
//! is what the policies do: see [`super::fleet`].

pub mod comparison;
mod estimate;
pub mod measure;
mod run;
mod series;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::domain::policy::Policy;
use crate::emulator::codepipeline::ServiceError;
use crate::replay::fleet::Fleet;

use comparison::Comparison;
use run::Run;

/// What retries, or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contender {
    /// Nothing.
    None,
    /// CodePipeline itself, once and at once, in every stage.
    Native,
    /// The function.
    Policy {
        /// What the policy is called.
        name: String,
        /// The policy.
        policy: Box<Policy>,
    },
}

impl Contender {
    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Native => "native",
            Self::Policy { name, .. } => name,
        }
    }
}

/// A simulation to be run.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// The fleet.
    pub fleet: Fleet,
    /// The policies to compare with doing nothing and with CodePipeline's own retry, each with its name.
    pub policies: Vec<(String, Policy)>,
    /// What is drawn from: a play for each, under every policy.
    pub seeds: Vec<u64>,
}

impl Simulation {
    /// How many plays it takes.
    pub fn plays(&self) -> usize {
        self.seeds.len() * self.contenders().len()
    }

    fn contenders(&self) -> Vec<Contender> {
        let policies = self
            .policies
            .iter()
            .map(|(name, policy)| Contender::Policy { name: name.clone(), policy: Box::new(policy.clone()) });
        [Contender::None, Contender::Native].into_iter().chain(policies).collect()
    }

    /// Plays everything, so many plays at a time, and tells how many are done whenever one is.
    pub fn run(&self, at_once: usize, done: &(impl Fn(usize) + Sync)) -> Result<Comparison, ServiceError> {
        let contenders = self.contenders();
        let plays: Vec<(&Contender, u64)> = contenders
            .iter()
            .flat_map(|contender| self.seeds.iter().map(move |seed| (contender, *seed)))
            .collect();
        let results: Vec<Mutex<Option<Result<Run, ServiceError>>>> =
            plays.iter().map(|_| Mutex::new(None)).collect();
        let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..at_once.clamp(1, plays.len().max(1)) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some((play, result)) = plays.get(number).zip(results.get(number)) else { return };
                        let (contender, seed) = *play;
                        let run = Run::of(&self.fleet, contender, seed);
                        *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
                        done(finished.fetch_add(1, Ordering::Relaxed) + 1);
                    }
                });
            }
        });
        let runs =
            results.into_iter().filter_map(|run| run.into_inner().unwrap_or_else(PoisonError::into_inner));
        let runs = runs.collect::<Result<Vec<Run>, _>>()?;
        Ok(Comparison::of(self, &contenders, &runs))
    }
}
