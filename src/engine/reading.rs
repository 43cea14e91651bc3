//! A slice of a sweep at work: looks a pipeline through, and drives what it finds through the protocol.

use std::ops::Range;

use jiff::Timestamp;

use super::Engine;
use super::report::Report;
use crate::domain::decision::Ruling;
use crate::domain::facts::failures;
use crate::domain::ids::{PipelineArn, StageRunId};
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
    /// so that it begins somewhere else each time. What happened in the window is this round's to count.
    pub(super) async fn look(
        &mut self,
        catalogue: &impl Catalogue,
        pipeline: &PipelineArn,
        since: Timestamp,
        window: &Range<Timestamp>,
    ) -> Looked {
        let changed = match self.changed(catalogue, pipeline, since).await {
            Ok(changed) => in_order(changed, since, (self.clock)()),
            Err(Some(Gap::PipelineNotFound)) => return Looked::Through,
            Err(Some(_)) => return Looked::Behind(since),
            Err(None) => return Looked::OutOfTime(since),
        };
        let (mut seen_to, mut behind) = (since, Timestamp::MAX);
        for ExecutionEntry { execution, last_change, has_succeeded, .. } in changed {
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
            let failures = failures(&runs);
            let first_failure = failures.iter().map(|(_, failure)| failure.failed_at).min();
            self.report.courses.note(first_failure, has_succeeded.then_some(last_change), window);
            for (stage, failure) in failures {
                let run = StageRunId { pipeline: pipeline.clone(), execution: execution.clone(), stage };
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
        pipeline: &PipelineArn,
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
        let Self { environment, engine, clock, report, .. } = self;
        let noticed = &mut report.noticed;
        let written = noticed.written.len();
        let outcome =
            engine.handle_noticing(environment, trigger, Delivery::Again, owner, *clock, noticed).await;
        let is_written = noticed.written.len() > written;
        self.report.note(&outcome, is_written, failed_at, (self.clock)());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::Decision;
    use crate::domain::ids::{ActionExecutionId, ExecutionId, StageName};
    use crate::domain::trigger::SeenFailure;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).unwrap()
    }

    fn entry(id: &str, seconds: i64) -> ExecutionEntry {
        ExecutionEntry {
            execution: ExecutionId::parse(id).unwrap(),
            last_change: at(seconds),
            is_running: true,
            has_succeeded: false,
        }
    }

    fn order(changed: &[(&str, i64)], now_ms: i64) -> Vec<String> {
        let entries = changed.iter().map(|(id, seconds)| entry(id, *seconds)).collect();
        let now = Timestamp::from_millisecond(now_ms).unwrap();
        in_order(entries, at(0), now).into_iter().map(|entry| entry.execution.to_string()).collect()
    }

    #[test]
    fn the_oldest_change_comes_first_and_what_only_runs_last() {
        let all = [("new", 9), ("edge", 0), ("old-1", -1), ("old-2", -2), ("old-3", -3)];
        assert_eq!(order(&all, 0), ["edge", "new", "old-1", "old-2", "old-3"]);
        // Where the rest begins, time draws.
        assert_eq!(order(&all, 1), ["edge", "new", "old-2", "old-3", "old-1"]);
        assert_eq!(order(&all, 5), ["edge", "new", "old-3", "old-1", "old-2"]);
        assert_eq!(order(&[], 5), Vec::<String>::new());
    }

    #[test]
    fn an_outcome_concerns_what_was_seen_or_says_that_no_rule_does() {
        let run = StageRunId {
            pipeline: PipelineArn::parse("arn:aws:codepipeline:eu-central-1:111122223333:shop").unwrap(),
            execution: ExecutionId::parse("e-1").unwrap(),
            stage: StageName::parse("Test").unwrap(),
        };
        let ids = |ids: &[&str]| ids.iter().map(|id| ActionExecutionId::parse(*id).unwrap()).collect();
        let failure = |seen: &[&str]| Some(SeenFailure { failed: ids(seen), failed_at: at(0) });
        let decided = |ruling, failed: &[&str]| {
            let decision = Decision { failed: ids(failed), ..Decision::bare(ruling, &run, at(1)) };
            Outcome { decision: Some(decision), ..Outcome::without_decision(Conclusion::Handled) }
        };
        let seen = Finding { run: run.clone(), failure: failure(&["unit-1"]) };
        for (outcome, expected) in [
            (decided(Ruling::WaitBackoff, &["unit-1"]), true),
            (decided(Ruling::WaitBackoff, &["unit-1", "lint-1"]), true),
            (decided(Ruling::WaitBackoff, &["unit-2"]), false),
            (decided(Ruling::IgnoreNoRule, &[]), true),
            (decided(Ruling::IgnoreModeDisabled, &[]), true),
            (Outcome::without_decision(Conclusion::Handled), false),
        ] {
            assert_eq!(concerns(&outcome, &seen), expected, "{outcome:?}");
        }
        let overdue = Finding { run: run.clone(), failure: None };
        assert!(concerns(&decided(Ruling::WaitBackoff, &[]), &overdue));
    }
}
