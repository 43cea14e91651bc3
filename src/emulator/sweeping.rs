//! The world behind the ports of a sweep: lists in pages, how far it has come, and the queue to go on through.

use jiff::{SignedDuration, Timestamp};

use super::codepipeline::ExecutionSummary;
use super::faults::Operation;
use super::ports::{gap, gap_of, give_way, port_fault};
use super::world::{Place, SharedWorld};
use crate::domain::controls::Controls;
use crate::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageRunId};
use crate::domain::pipeline::{ActionExecution, ExecutionStatus, Gap};
use crate::domain::protocol::Fault as PortFault;
use crate::domain::scope::Scope;
use crate::domain::sweep::{Sweep, Tick};
use crate::event::tick_body;
use crate::ports::{Catalogue, ExecutionEntry, Page, PageToken, Rounds, SweepReply, Ticks};

/// Pipelines on a page (`ListPipelines`, `maxResults`).
const PIPELINES: usize = 1_000;
/// Executions on a page (`ListPipelineExecutions`, `maxResults`).
const EXECUTIONS: usize = 100;
/// Overdue stage runs on a page.
const OVERDUE: usize = 100;

/// The page that begins there, of a list that is read anew for each.
pub(super) fn page<T>(all: Vec<T>, length: usize, token: Option<&PageToken>) -> Page<T> {
    let from = token.and_then(|token| token.0.parse::<usize>().ok()).unwrap_or_default();
    let more = all.len() > from.saturating_add(length);
    Page {
        entries: all.into_iter().skip(from).take(length).collect(),
        next: more.then(|| PageToken((from + length).to_string())),
    }
}

impl Catalogue for SharedWorld {
    async fn pipelines(&self, scope: &Scope, token: Option<&PageToken>) -> Result<Page<PipelineName>, Gap> {
        self.call(
            Operation::Catalogue,
            |world| {
                let Place { partition, account, region } = &world.place;
                let here = (&scope.partition, &scope.account, &scope.region) == (partition, account, region);
                let names = || page(world.shown(5).list_pipelines(), PIPELINES, token);
                here.then(names).ok_or(Gap::Denied)
            },
            |fault| Err(gap_of(fault)),
        )
        .await
    }

    async fn executions(
        &self,
        pipeline: &PipelineArn,
        token: Option<&PageToken>,
    ) -> Result<Page<ExecutionEntry>, Gap> {
        self.call(
            Operation::Catalogue,
            |world| {
                let executions =
                    world.shown(6).list_executions(&pipeline.name).map_err(|error| gap(&error))?;
                let entry = |summary: ExecutionSummary| ExecutionEntry {
                    execution: summary.id,
                    last_change: summary.last_change,
                    is_running: matches!(
                        summary.status,
                        ExecutionStatus::InProgress | ExecutionStatus::Stopping
                    ),
                    has_succeeded: summary.status == ExecutionStatus::Succeeded,
                };
                Ok(page(executions.into_iter().map(entry).collect(), EXECUTIONS, token))
            },
            |fault| Err(gap_of(fault)),
        )
        .await
    }

    async fn actions(
        &self,
        pipeline: &PipelineArn,
        execution: &ExecutionId,
    ) -> Result<Vec<ActionExecution>, Gap> {
        self.call(
            Operation::Catalogue,
            |world| world.shown(3).action_executions(&pipeline.name, execution).map_err(|error| gap(&error)),
            |fault| Err(gap_of(fault)),
        )
        .await
    }
}

impl Rounds for SharedWorld {
    async fn controls(&self) -> Result<Controls, PortFault> {
        self.call(
            Operation::SweepRead,
            |world| Ok(world.ledger.controls().clone()),
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn sweep(&self) -> Result<Sweep, PortFault> {
        self.call(
            Operation::SweepRead,
            |world| Ok(world.ledger.sweep().clone()),
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn write_sweep(&self, sweep: &Sweep) -> Result<SweepReply, PortFault> {
        self.call(
            Operation::SweepWrite,
            |world| Ok(world.ledger.write_sweep(sweep)),
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn overdue(&self, by: Timestamp, token: Option<&PageToken>) -> Result<Page<StageRunId>, PortFault> {
        self.call(
            Operation::Overdue,
            |world| Ok(page(world.ledger.overdue(by), OVERDUE, token)),
            |fault| Err(port_fault(fault)),
        )
        .await
    }
}

impl Ticks for SharedWorld {
    async fn tick(&self, tick: Tick) -> Result<(), PortFault> {
        self.call(
            Operation::Tick,
            |world| {
                let now = world.now();
                world.queue.send(tick_body(tick), now);
                Ok(())
            },
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    /// Nobody else moves the clock while a handling waits: it passes.
    async fn pause(&self, duration: SignedDuration) {
        self.lock().pass(duration);
        give_way().await;
    }
}
