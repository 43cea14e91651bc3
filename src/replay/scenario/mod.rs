//! Scenario files: a fleet, a policy, what people do and what goes wrong, and what is expected of it all.

mod build;
mod cause;
mod document;
mod expect;
mod fleet;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::expectation::Expectation;
use super::unreadable::unreadable;
use crate::emulator::acts::Act;
use crate::emulator::codepipeline::{PipelineDefinition, Switches};
use crate::emulator::evidence::Source;
use crate::emulator::faults::Operation;
use crate::emulator::world::{Deployed, Place};

/// A scenario, ready to be played.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// One sentence on what it shows.
    pub about: String,
    /// Where it plays.
    pub place: Place,
    /// When it begins.
    pub start: Timestamp,
    /// How long it lasts; until nothing more happens when absent, at most seven days.
    pub lasting: Option<SignedDuration>,
    /// How often the function sweeps; never when absent.
    pub sweep: Option<SignedDuration>,
    /// What the function is deployed with.
    pub deployed: Deployed,
    /// How CodePipeline behaves where documents are silent.
    pub switches: Switches,
    /// The sources of evidence that the function has no right to.
    pub denied: BTreeSet<Source>,
    /// The fleet.
    pub pipelines: Vec<PipelineDefinition>,
    /// Acts at their time, in order.
    pub timeline: Vec<(SignedDuration, Act)>,
    /// Acts right before the nth call of an operation.
    pub hooks: Vec<(Operation, u64, Act)>,
    /// Events, counted from 1 among those that match the rule, that are delivered in another way than usual.
    pub deliveries: BTreeMap<u64, Delivery>,
    /// What must come of it.
    pub expectation: Option<Expectation>,
}

/// How an event gets from CodePipeline to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// How often it is delivered; 0 loses it.
    pub copies: u32,
    /// How long the first copy takes.
    pub delay: SignedDuration,
    /// How much longer each further copy takes.
    pub spread: SignedDuration,
}

impl Default for Delivery {
    /// Once, after a second.
    fn default() -> Self {
        Self { copies: 1, delay: SignedDuration::from_secs(1), spread: SignedDuration::ZERO }
    }
}

/// Why a text is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScenarioError {
    /// What is wrong, and where.
    pub message: String,
}

impl ScenarioError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl Scenario {
    /// Largest scenario file, in bytes.
    pub const LARGEST: usize = 1024 * 1024;

    /// Reads a scenario file. `name` is what messages call it.
    pub fn read(name: &str, text: &str) -> Result<Self, ScenarioError> {
        if text.len() > Self::LARGEST {
            return Err(ScenarioError::new(format!("`{name}` is larger than {} bytes", Self::LARGEST)));
        }
        let document = serde_saphyr::from_str(text).map_err(|error: serde_saphyr::Error| {
            ScenarioError::new(unreadable(name, "a scenario", &error.to_string()))
        })?;
        build::scenario(document).map_err(|problem| ScenarioError::new(format!("`{name}`: {problem}")))
    }
}
