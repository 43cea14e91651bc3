//! What comes of the runs of a fleet's actions, from nothing but the seed and the circumstances of each.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::lot::{Lot, scaled};
use super::outages::Outages;
use super::{Behaviour, Fleet, FleetStage, texts};
use crate::domain::class::Class;
use crate::domain::ids::PipelineName;
use crate::domain::stage_run::after;
use crate::emulator::codepipeline::{Circumstances, Outcome};

/// The fates of one play.
#[derive(Debug)]
pub(super) struct Fates {
    lot: Lot,
    pipelines: BTreeMap<PipelineName, Vec<FleetStage>>,
    classes: BTreeMap<Class, Behaviour>,
    outages: Outages,
}

/// What comes of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fated {
    /// As what it fails; it succeeds without one.
    pub(super) class: Option<Class>,
    /// How long it takes.
    pub(super) takes: SignedDuration,
}

impl Fates {
    pub(super) fn of(fleet: &Fleet, seed: u64) -> Self {
        let lot = Lot::new(seed);
        let stages =
            |pipeline: &super::FleetPipeline| (pipeline.definition.name.clone(), pipeline.stages.clone());
        Self {
            lot,
            pipelines: fleet.pipelines.iter().map(stages).collect(),
            classes: fleet.classes.clone(),
            outages: Outages::of(fleet, lot),
        }
    }

    /// What is drawn for a stage run is drawn from this.
    pub(super) fn stage_run(&self, of: &Circumstances<'_>) -> Lot {
        self.lot.name(of.pipeline.as_str()).instant(of.execution_started).name(of.stage.as_str())
    }

    /// What comes of a run; nothing where the fleet does not have its stage.
    pub(super) fn fated(&self, of: &Circumstances<'_>) -> Option<Fated> {
        let stage = self.stage(of)?;
        let run = self.stage_run(of);
        let class = self.class(of, stage, run);
        // A run that fails does so somewhere on its way.
        let takes = match class {
            None => Self::takes(stage, run, of.attempt),
            Some(_) => Self::takes_until_failed(stage, run, of.attempt),
        };
        Some(Fated { class, takes })
    }

    /// The same as CodePipeline is told it.
    pub(super) fn outcome(&self, of: &Circumstances<'_>) -> Option<Outcome> {
        let fated = self.fated(of)?;
        Some(match fated.class {
            None => Outcome::Succeed { after: fated.takes },
            Some(class) => texts::failure(class, &self.stage(of)?.provider, fated.takes),
        })
    }

    /// When an execution is through that starts then and waits for nobody; nothing where a run of it fails.
    pub(super) fn green_until(
        &self,
        pipeline: &PipelineName,
        execution_started: Timestamp,
    ) -> Option<Timestamp> {
        let mut now = execution_started;
        for stage in self.pipelines.get(pipeline)? {
            let of = Circumstances {
                pipeline,
                execution_started,
                stage: &stage.name,
                action: &stage.action,
                attempt: 0,
                first_started: now,
                started: now,
            };
            let run = self.stage_run(&of);
            if self.class(&of, stage, run).is_some() {
                return None;
            }
            now = after(now, Self::takes(stage, run, 0));
        }
        Some(now)
    }

    pub(super) fn outages(&self) -> usize {
        self.outages.count()
    }

    fn stage(&self, of: &Circumstances<'_>) -> Option<&FleetStage> {
        self.pipelines.get(of.pipeline)?.iter().find(|stage| stage.name == *of.stage)
    }

    fn takes(stage: &FleetStage, run: Lot, attempt: usize) -> SignedDuration {
        run.name("takes").number(as_number(attempt)).draws().around(stage.takes)
    }

    fn takes_until_failed(stage: &FleetStage, run: Lot, attempt: usize) -> SignedDuration {
        scaled(Self::takes(stage, run, attempt), run.name("fails at").number(as_number(attempt)).drawn())
    }

    fn class(&self, of: &Circumstances<'_>, stage: &FleetStage, run: Lot) -> Option<Class> {
        if let Some(class) = self.outages.hits(of.pipeline, of.stage, of.started) {
            return Some(class);
        }
        let mut left = run.name("fails").drawn();
        let (class, _) = stage.fails.iter().find(|(_, share)| {
            left -= share;
            left < 0.0
        })?;
        if of.attempt == 0 {
            return Some(*class);
        }
        let Behaviour { lasts, clears } = self.classes.get(class).copied()?;
        let failed = after(of.first_started, Self::takes_until_failed(stage, run, 0));
        let over = after(failed, run.name("lasts").draws().until_next(lasts));
        let is_over = lasts.is_zero() || of.started >= over;
        let is_cleared = is_over && run.name("clears").number(as_number(of.attempt)).drawn() < clears;
        (!is_cleared).then_some(*class)
    }
}

fn as_number(attempt: usize) -> u64 {
    u64::try_from(attempt).unwrap_or(u64::MAX)
}
