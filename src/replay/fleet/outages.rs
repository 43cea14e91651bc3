//! When outages are, and whom they hit.

use jiff::{SignedDuration, Timestamp};

use super::lot::Lot;
use super::{Fleet, Outage};
use crate::domain::class::Class;
use crate::domain::ids::{PipelineName, StageName};
use crate::domain::stage_run::after;

/// Failures go on for so long after the last change at most.
pub(super) const AFTERMATH: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The outages of one play.
#[derive(Debug)]
pub(super) struct Outages(Vec<Kind>);

/// One kind of outage.
#[derive(Debug)]
struct Kind {
    outage: Outage,
    lot: Lot,
    /// From when until when, in order and apart.
    times: Vec<(Timestamp, Timestamp)>,
}

impl Outages {
    pub(super) fn of(fleet: &Fleet, lot: Lot) -> Self {
        let end = after(after(fleet.start, fleet.lasting), AFTERMATH);
        let kinds = fleet.outages.iter().zip(0_u64..).map(|(outage, number)| {
            let lot = lot.name("outage").number(number);
            let mut draws = lot.draws();
            let mut times = Vec::new();
            let mut from = after(fleet.start, draws.until_next(outage.every));
            while from < end {
                let until = after(from, draws.until_next(outage.lasts));
                times.push((from, until));
                from = after(until, draws.until_next(outage.every));
            }
            Kind { outage: outage.clone(), lot, times }
        });
        Self(kinds.collect())
    }

    /// What a run fails with that starts there and then.
    pub(super) fn hits(&self, pipeline: &PipelineName, stage: &StageName, at: Timestamp) -> Option<Class> {
        self.0.iter().find(|kind| kind.hits(pipeline, stage, at)).map(|kind| kind.outage.class)
    }

    /// How many there are from the beginning to the end.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|kind| kind.times.len()).sum()
    }
}

impl Kind {
    fn hits(&self, pipeline: &PipelineName, stage: &StageName, at: Timestamp) -> bool {
        let begun = self.times.partition_point(|(from, _)| *from <= at);
        let is_on = begun.checked_sub(1).and_then(|last| self.times.get(last));
        is_on.is_some_and(|(from, until)| {
            at < *until
                && self.outage.stages.iter().any(|glob| glob.matches(stage.as_str()))
                && self.lot.instant(*from).name(pipeline.as_str()).drawn() < self.outage.pipelines
        })
    }
}
