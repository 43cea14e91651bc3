//! One slice of a sweep: what is overdue in the ledger, then pipeline after pipeline, until the round is complete or the
//! invocation nears its end.
//!
//! It finds, and the protocol decides: every finding goes through [`Engine::handle`] as an event does. So nothing rests on
//! how far a sweep came, or on there being one at a time; the lease only saves doing the same work twice.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::paced::Paced;
use super::report::{Report, SliceEnd};
use super::{Engine, reading};
use crate::domain::ids::PipelineName;
use crate::domain::pipeline::Gap;
use crate::domain::scope::Scope;
use crate::domain::screen::Environment;
use crate::domain::stage_run::{Owner, after};
use crate::domain::sweep::{Sweep, Tick, Turn, concerns};
use crate::domain::trigger::Finding;
use crate::ports::{
    Calendars, Catalogue, EvidenceSource, Ledger, Pipelines, Rounds, Schedules, SweepReply, Ticks,
};
use reading::{Looked, Slice};

/// Longest slice, where nothing cuts an invocation off before.
const LONGEST: SignedDuration = SignedDuration::from_secs(30);
/// What is left of a slice when it begins nothing more: enough for what it has begun, and to write down how far it came.
const RESERVE: SignedDuration = SignedDuration::from_secs(12);
/// How much longer than its slice a lease lasts.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(30);
/// How long after a wait or lease is over it counts as overdue: its own wake-up comes within a minute.
const GRACE: SignedDuration = SignedDuration::from_mins(2);
/// How often progress is written down within a slice.
const SAVED_EVERY: SignedDuration = SignedDuration::from_secs(5);

/// Sweeps with an engine's ports.
#[derive(Debug, Clone, Copy)]
pub struct Sweeper<'a, L, P, S, E, K> {
    /// The ports.
    pub engine: &'a Engine<L, P, S, E, K>,
    /// Most requests to CodePipeline a second, on average.
    pub rate: u32,
}

impl<L, P, S, E, K> Sweeper<'_, L, P, S, E, K>
where
    L: Ledger + Rounds,
    P: Pipelines + Catalogue,
    S: Schedules + Ticks,
    E: EvidenceSource,
    K: Calendars,
{
    /// Works on the sweep until the round is complete or the invocation nears its end. `owner` must never have been used
    /// before.
    pub async fn slice(
        &self,
        environment: &Environment<'_>,
        tick: Tick,
        owner: &Owner,
        clock: &(impl Fn() -> Timestamp + Sync),
    ) -> Report {
        let began = clock();
        let end = environment.deadline.min(after(began, LONGEST));
        let stop = after(end, -RESERVE).max(began);
        let Engine { ledger, pipelines, schedules, evidence, calendars } = self.engine;
        let paced = Paced::new(pipelines, schedules, clock, self.rate);
        let engine = Engine { ledger, pipelines: &paced, schedules, evidence, calendars };
        let mut slice =
            Slice { environment, engine, owner, clock, stop, handlings: 0, report: Report::new(began) };

        let Ok(controls) = ledger.controls().await else {
            return slice.report.ending(SliceEnd::LedgerUnavailable, &Sweep::default());
        };
        // A round by a policy that is not in force would leave out the pipelines of the other one.
        if let Some(source) = environment.standing.moved(&controls, began) {
            slice.report.source = Some(source);
            return slice.report.ending(SliceEnd::PolicyMoved, &Sweep::default());
        }
        let mut sweep = match ledger.sweep().await {
            Ok(sweep) => match sweep.turn(tick, owner, began, after(end, LEASE_MARGIN)) {
                Turn::Work(sweep) => *sweep,
                Turn::Busy(until) => return slice.report.ending(SliceEnd::Busy { until }, &sweep),
                Turn::Nothing => return slice.report.ending(SliceEnd::NothingToDo, &sweep),
            },
            Err(_) => return slice.report.ending(SliceEnd::LedgerUnavailable, &Sweep::default()),
        };
        match ledger.write_sweep(&sweep).await {
            Ok(SweepReply::Done) => {}
            Ok(SweepReply::Conflict) => return slice.report.ending(SliceEnd::Overtaken, &sweep),
            Err(_) => return slice.report.ending(SliceEnd::LedgerUnavailable, &sweep),
        }

        // Rules that are not at work yet are from now on: what fails later is theirs, even if no message tells of it. Who
        // was quicker has put the same rules to work.
        if let Some(controls) = environment.news(environment.policy, &controls, None, clock())
            && ledger.write_controls(&controls).await.is_err()
        {
            return slice.report.ending(SliceEnd::LedgerUnavailable, &sweep);
        }
        let half = after(began, stop.duration_since(began) / 2);
        self.overdue(&mut slice, half).await;
        let how = self.round(&mut slice, &paced, &mut sweep).await;
        if let SliceEnd::Continued | SliceEnd::Complete | SliceEnd::Unreadable { .. } | SliceEnd::NoPolicy =
            how
        {
            paced.settle().await;
            if how == SliceEnd::Complete {
                sweep.complete(clock());
            }
            sweep.lease = None;
            if let Err(end) = self.save(&mut sweep).await {
                return slice.report.ending(end, &sweep);
            }
        }
        if how == SliceEnd::Continued {
            // One that is lost is made up for by the schedule's next tick.
            slice.report.continuation_lost =
                schedules.tick(Tick::Continue { round: sweep.round }).await.is_err();
        }
        slice.report.took(clock());
        slice.report.ending(how, &sweep)
    }

    async fn save(&self, sweep: &mut Sweep) -> Result<(), SliceEnd> {
        sweep.version += 1;
        match self.engine.ledger.write_sweep(sweep).await {
            Ok(SweepReply::Done) => Ok(()),
            Ok(SweepReply::Conflict) => Err(SliceEnd::Overtaken),
            Err(_) => Err(SliceEnd::LedgerUnavailable),
        }
    }

    /// Waits and claims that are over and have not ended, those first that have been over for longest.
    async fn overdue<C, Q>(&self, slice: &mut Slice<'_, L, Q, S, E, K, C>, stop: Timestamp)
    where
        C: Fn() -> Timestamp + Sync,
        Q: Pipelines,
    {
        let by = after((slice.clock)(), -GRACE);
        let mut next = None;
        loop {
            let Ok(page) = self.engine.ledger.overdue(by, next.as_ref()).await else {
                slice.report.unhandled += 1;
                return;
            };
            for run in page.entries {
                if (slice.clock)() >= stop {
                    return;
                }
                slice.report.overdue += 1;
                slice.handle(Finding { run, failure: None }).await;
            }
            next = page.next;
            if next.is_none() {
                return;
            }
        }
    }

    /// The pipelines that are still to be read in this round.
    async fn round<C, Q>(
        &self,
        slice: &mut Slice<'_, L, Q, S, E, K, C>,
        catalogue: &impl Catalogue,
        sweep: &mut Sweep,
    ) -> SliceEnd
    where
        C: Fn() -> Timestamp + Sync,
        Q: Pipelines,
    {
        // What failed meanwhile is not to be forgotten: the round stays where it is.
        let Some(policy) = slice.environment.policy else { return SliceEnd::NoPolicy };
        let (scopes, mode) = (slice.environment.scopes, slice.environment.mode);
        sweep.keep_scopes(scopes);
        let mut saved_at = (slice.clock)();
        for (index, scope) in sweep.scopes_ahead(scopes).into_iter().enumerate() {
            let spoke = scopes.spoke(scope);
            sweep.enter(spoke);
            if index > 0 && (slice.clock)() >= slice.stop {
                return SliceEnd::Continued;
            }
            let all = match (names(catalogue, scope).await, spoke) {
                (Ok(all), _) => all,
                (Err(gap), None) => return SliceEnd::Unreadable { gap },
                // The others are not to wait for a spoke that cannot be reached.
                (Err(gap), Some(spoke)) => {
                    sweep.leave_out(spoke, (slice.clock)());
                    slice.report.unlisted.insert(spoke.clone(), gap);
                    continue;
                }
            };
            let is_concerned = |name: &PipelineName| concerns(policy, mode, &scope.pipeline(name));
            let concerned: BTreeSet<PipelineName> = all.into_iter().filter(is_concerned).collect();
            sweep.keep_lagging(spoke, &concerned);
            let ahead: Vec<PipelineName> = sweep.ahead(&concerned).cloned().collect();
            for name in &ahead {
                let now = (slice.clock)();
                if now >= slice.stop {
                    return SliceEnd::Continued;
                }
                if now >= after(saved_at, SAVED_EVERY) {
                    if let Err(end) = self.save(sweep).await {
                        return end;
                    }
                    saved_at = now;
                }
                let pipeline = scope.pipeline(name);
                let label = scopes.label(&pipeline);
                match slice.look(catalogue, &pipeline, sweep.since(&label, now), &sweep.window(now)).await {
                    Looked::Through => sweep.done(&label, None),
                    Looked::Behind(since) => sweep.done(&label, Some(since)),
                    // One that is too much for a whole slice is gone through over several rounds.
                    Looked::OutOfTime(since) if slice.report.pipelines == 0 => {
                        sweep.done(&label, Some(since));
                    }
                    Looked::OutOfTime(_) => return SliceEnd::Continued,
                }
                slice.report.pipelines += 1;
            }
            if let Some(spoke) = spoke {
                sweep.through(spoke);
            }
        }
        SliceEnd::Complete
    }
}

async fn names(catalogue: &impl Catalogue, scope: &Scope) -> Result<Vec<PipelineName>, Gap> {
    let mut names = Vec::new();
    let mut next = None;
    loop {
        let page = catalogue.pipelines(scope, next.as_ref()).await?;
        names.extend(page.entries);
        next = page.next;
        if next.is_none() {
            return Ok(names);
        }
    }
}
