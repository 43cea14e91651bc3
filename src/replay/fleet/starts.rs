//! When changes come: a Poisson process for each pipeline, which nothing that happens meanwhile disturbs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::{SignedDuration, Timestamp};

use super::Fleet;
use super::lot::{Draws, Lot};
use crate::domain::stage_run::after;

/// The changes that are still to come.
#[derive(Debug, Clone)]
pub(super) struct Starts {
    next: BinaryHeap<Reverse<(Timestamp, usize)>>,
    pipelines: Vec<Pipeline>,
    end: Timestamp,
}

/// A pipeline and its next change.
#[derive(Debug, Clone)]
struct Pipeline {
    between: SignedDuration,
    draws: Draws,
    next: Option<Timestamp>,
}

impl Starts {
    pub(super) fn of(fleet: &Fleet, seed: u64) -> Self {
        let lot = Lot::new(seed).name("starts");
        let draws = |pipeline: &super::FleetPipeline| Pipeline {
            between: pipeline.between_runs,
            draws: lot.name(pipeline.definition.name.as_str()).draws(),
            next: None,
        };
        let mut starts = Self {
            next: BinaryHeap::new(),
            pipelines: fleet.pipelines.iter().map(draws).collect(),
            end: after(fleet.start, fleet.lasting),
        };
        for pipeline in 0..starts.pipelines.len() {
            starts.plan(pipeline, fleet.start);
        }
        starts
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.next.peek().map(|Reverse((at, _))| *at)
    }

    /// The next change that is due, by the number of its pipeline in the fleet.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<usize> {
        self.next_due().filter(|at| *at <= now)?;
        let Reverse((at, pipeline)) = self.next.pop()?;
        self.plan(pipeline, at);
        Some(pipeline)
    }

    /// When the next change of a pipeline comes.
    pub(super) fn next_of(&self, pipeline: usize) -> Option<Timestamp> {
        self.pipelines.get(pipeline)?.next
    }

    fn plan(&mut self, pipeline: usize, last: Timestamp) {
        let Some(known) = self.pipelines.get_mut(pipeline) else { return };
        let at = after(last, known.draws.until_next(known.between));
        known.next = (at < self.end).then_some(at);
        self.next.extend(known.next.map(|at| Reverse((at, pipeline))));
    }
}
