//! Fleets: pipelines with rates of runs and failures instead of scripts, drawn from a seed and played in virtual time.
//!
//! What is drawn depends on the seed and on what it is drawn for, never on what happened before: the same changes, failures
//! and people meet whatever retries them, so that policies are compared on the same days.

mod build;
mod document;
mod fates;
mod lot;
mod outages;
mod people;
mod play;
mod starts;
mod texts;
pub mod truth;
mod usual;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::class::Class;
use crate::domain::glob::Glob;
use crate::domain::ids::{ActionName, StageName};
use crate::emulator::codepipeline::PipelineDefinition;
use crate::replay::unreadable::unreadable;

pub use people::{People, WorkingHours};
pub use play::{Memory, Native, Play};

/// A fleet, ready to be played.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// One sentence on what it is.
    pub about: String,
    /// When it begins.
    pub start: Timestamp,
    /// How long changes come.
    pub lasting: SignedDuration,
    /// The file of the policy that it names.
    pub policy: Option<String>,
    /// The pipelines, in the order of the file.
    pub pipelines: Vec<FleetPipeline>,
    /// How failures of a class behave when they are run again.
    pub classes: BTreeMap<Class, Behaviour>,
    /// What hits many pipelines at once.
    pub outages: Vec<Outage>,
    /// What people do about failures.
    pub people: People,
}

/// A pipeline of a fleet.
#[derive(Debug, Clone)]
pub struct FleetPipeline {
    /// What CodePipeline knows of it.
    pub definition: PipelineDefinition,
    /// The mean time between two changes.
    pub between_runs: SignedDuration,
    /// Its stages, each with one action.
    pub stages: Vec<FleetStage>,
}

/// How a stage of a fleet's pipeline runs.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetStage {
    /// Name.
    pub name: StageName,
    /// Name of its action.
    pub action: ActionName,
    /// The mean time that its action takes.
    pub takes: SignedDuration,
    /// The provider of its action.
    pub provider: String,
    /// The share of its runs that fail, by class.
    pub fails: Vec<(Class, f64)>,
}

/// What becomes of a failure when it is run again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// The mean time for which its cause lasts: until then, every run fails again.
    pub lasts: SignedDuration,
    /// The share of runs that succeed once the cause is over.
    pub clears: f64,
}

/// Something that goes wrong for many pipelines at once, now and then.
#[derive(Debug, Clone, PartialEq)]
pub struct Outage {
    /// As what the failures show.
    pub class: Class,
    /// The mean time from the end of one to the next.
    pub every: SignedDuration,
    /// The mean time that it lasts.
    pub lasts: SignedDuration,
    /// The share of pipelines that it hits, drawn for each outage.
    pub pipelines: f64,
    /// The stages that it hits.
    pub stages: Vec<Glob>,
}

/// Why a text is no fleet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FleetError {
    /// What is wrong, and where.
    pub message: String,
}

impl Fleet {
    /// Largest fleet file, in bytes.
    pub const LARGEST: usize = 1024 * 1024;
    /// Most pipelines.
    pub const MOST_PIPELINES: usize = 100_000;

    /// Reads a fleet file. `name` is what messages call it.
    pub fn read(name: &str, text: &str) -> Result<Self, FleetError> {
        let refuse = |message| Err(FleetError { message });
        if text.len() > Self::LARGEST {
            return refuse(format!("`{name}` is larger than {} bytes", Self::LARGEST));
        }
        match serde_saphyr::from_str(text) {
            Err(error) => refuse(unreadable(name, "a fleet", &error.to_string())),
            Ok(document) => match build::fleet(document) {
                Err(problem) => refuse(format!("`{name}`: {problem}")),
                Ok(fleet) => Ok(fleet),
            },
        }
    }
}
