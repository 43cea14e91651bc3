//! A slice of a sweep at work: looks a pipeline through, and drives what it finds through the protocol.

use jiff::Timestamp;

use super::Engine;
use super::report::Report;
use crate::domain::decision::Ruling;
use crate::domain::facts::failures;
use crate::domain::ids::{PipelineArn, PipelineName, StageRunId};
use crate::domain::pipeline::Gap;
use crate::domain::protocol::{Conclusion, Outcome};
use crate::domain::screen::Environment;
use crate::domain::stage_run::{Owner, after};
use crate::domain::sweep::STALENESS;
use crate::domain::trigger::{Delivery, Finding, Trigger};
use crate::ports::{Calendars, Catalogue, EvidenceSource, ExecutionEntry, Ledger, Pipelines, Schedules};

/// How far a pipeline was looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// All of it.
    Through,
    /// Something could not be read or settled; what changed since then is to be looked at again.
    Behind(Timestamp),
    /// Until then; there was no time for the rest.
    OutOfTime(Timestamp),
}

/// How a finding was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Settled,
    NotSettled,
    OutOfTime,
}

/// A handling may first have to deal with something else about the stage run: a wait that is over, a claim of unknown end.
const MOST_HANDLINGS: u8 = 3;

/// A slice at work.
pub(super) struct Slice<'a, L, Q, S, E, K, C> {
    pub(super) environment: &'a Environment<'a>,
    pub(super) engine: Engine<&'a L, Q, &'a S, &'a E, &'a K>,
    pub(super) owner: &'a Owner,
    pub(super) clock: &'a C,
    /// When nothing more is begun.
    pub(super) stop: Timestamp,
    pub(super) handlings: u64,
    pub(super) report: Report,
}

impl<L, Q, S, E, K, C> Slice<'_, L, Q, S, E, K, C>
where
    L: Ledger,
    Q: Pipelines,
    S: Schedules,
    E: EvidenceSource,
    K: Calendars,
    C: Fn() -> Timestamp + Sync,
{
    /// Looks through what changed in a pipeline since then: the oldest change first, so that what there was no time for is
    /// what comes first the next time; then what is only under way, with which nobody gets to an end where it is too much,
    /// so that it begins somewhere else each time.
    pub(super) async fn look(
        &mut self,
        catalogue: &impl Catalogue,
        pipeline: &PipelineName,
        since: Timestamp,
    ) -> Looked {
        let changed = match self.changed(catalogue, pipeline, since).await {
            Ok(changed) => in_order(changed, since, (self.clock)()),
            Err(Some(Gap::PipelineNotFound)) => return Looked::Through,
            Err(Some(_)) => return Looked::Behind(since),
            Err(None) => return Looked::OutOfTime(since),
        };
        let (mut seen_to, mut behind) = (since, Timestamp::MAX);
        for ExecutionEntry { execution, last_change, .. } in changed {
            // A change of about the same time may not have shown yet. Where there are so many that no slice gets past them,
            // that is left to luck.
            let from = since.max(after(seen_to, -STALENESS));
            if (self.clock)() >= self.stop {
                return Looked::OutOfTime(behind.min(if from > since { from } else { seen_to }));
            }
            let runs = match catalogue.actions(pipeline, &execution).await {
                Ok(runs) => runs,
                Err(Gap::PipelineNotFound | Gap::ExecutionNotFound) => continue,
                Err(_) => {
                    behind = behind.min(from);
                    continue;
                }
            };
            for (stage, failure) in failures(&runs) {
                let run = StageRunId { pipeline: self.arn(pipeline), execution: execution.clone(), stage };
                match self.settle(Finding { run, failure: Some(failure) }).await {
                    Left::Settled => {}
                    Left::NotSettled => behind = behind.min(from),
                    Left::OutOfTime => return Looked::OutOfTime(behind.min(from)),
                }
            }
            seen_to = seen_to.max(last_change);
        }
        if behind < Timestamp::MAX { Looked::Behind(behind) } else { Looked::Through }
    }

    /// The executions that changed since then, and those under way, whose stages may have. The newest come first, so a whole
    /// page of older ones ends it.
    async fn changed(
        &self,
        catalogue: &impl Catalogue,
        pipeline: &PipelineName,
        since: Timestamp,
    ) -> Result<Vec<ExecutionEntry>, Option<Gap>> {
        let mut changed = Vec::new();
        let mut next = None;
        loop {
            let page = catalogue.executions(pipeline, next.as_ref()).await.map_err(Some)?;
            let before = changed.len();
            changed.extend(
                page.entries.into_iter().filter(|entry| entry.is_running || entry.last_change >= since),
            );
            next = page.next.filter(|_| changed.len() > before);
            if next.is_none() {
                return Ok(changed);
            }
            if (self.clock)() >= self.stop {
                return Err(None);
            }
        }
    }

    fn arn(&self, name: &PipelineName) -> PipelineArn {
        PipelineArn {
            partition: self.environment.partition.clone(),
            region: self.environment.region.clone(),
            account: self.environment.account.clone(),
            name: name.clone(),
        }
    }

    /// Drives a failure that was seen to a decision about it.
    async fn settle(&mut self, finding: Finding) -> Left {
        self.report.findings += 1;
        for _ in 0..MOST_HANDLINGS {
            let outcome = self.handle(finding.clone()).await;
            match outcome.conclusion {
                Conclusion::OutOfTime => return Left::OutOfTime,
                conclusion if !conclusion.is_acknowledged() => return Left::NotSettled,
                _ if concerns(&outcome, &finding) => return Left::Settled,
                _ => {}
            }
        }
        self.report.unhandled += 1;
        Left::NotSettled
    }

    /// Handles a finding once.
    pub(super) async fn handle(&mut self, finding: Finding) -> Outcome {
        self.handlings += 1;
        let owner = Owner(format!("{}/{}", self.owner, self.handlings));
        let failed_at = finding.failure.as_ref().map(|failure| failure.failed_at);
        let trigger = Trigger::Sweep(finding);
        let outcome = self.engine.handle(self.environment, trigger, Delivery::Again, owner, self.clock).await;
        self.report.note(&outcome, failed_at, (self.clock)());
        outcome
    }
}

/// What changed since then, the oldest change first; then what is only under way, from a place that time draws.
fn in_order(changed: Vec<ExecutionEntry>, since: Timestamp, now: Timestamp) -> Vec<ExecutionEntry> {
    let (mut news, mut rest): (Vec<_>, Vec<_>) =
        changed.into_iter().partition(|entry| entry.last_change >= since);
    news.sort_by_key(|entry| entry.last_change);
    let places = i64::try_from(rest.len()).unwrap_or(i64::MAX).max(1);
    let first = now.as_millisecond().rem_euclid(places);
    rest.rotate_left(usize::try_from(first).unwrap_or_default());
    news.extend(rest);
    news
}

/// Whether what came of it is about the failure that was seen, or says that no rule is about it.
fn concerns(outcome: &Outcome, finding: &Finding) -> bool {
    outcome.decision.as_ref().is_some_and(|decision| {
        let is_covered = !matches!(
            decision.ruling,
            Ruling::IgnoreNoRule
                | Ruling::IgnoreModeDisabled
                | Ruling::IgnoreForeignAccount
                | Ruling::IgnoreForeignRegion
        );
        let about = finding.failure.as_ref().is_none_or(|seen| seen.failed.is_subset(&decision.failed));
        about || !is_covered
    })
}
