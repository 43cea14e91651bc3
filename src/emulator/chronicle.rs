//! The world's memory behind the port of a backtest.

use super::codepipeline::ExecutionSummary;
use super::faults::Operation;
use super::ports::{gap, gap_of};
use super::sweeping::page;
use super::world::{SharedWorld, World};
use crate::domain::ids::PipelineArn;
use crate::domain::pipeline::{ActionExecution, Gap, PipelineStructure};
use crate::ports::{Chronicle, Page, PageToken, PastExecution};

/// Entries on a page (`ListPipelineExecutions` and `ListActionExecutions`, `maxResults`).
const MOST: usize = 100;

impl SharedWorld {
    async fn remembered<T: Send>(
        &self,
        read: impl FnOnce(&World) -> Result<T, super::codepipeline::ServiceError> + Send,
    ) -> Result<T, Gap> {
        self.call(
            Operation::Catalogue,
            |world| read(world).map_err(|error| gap(&error)),
            |fault| Err(gap_of(fault)),
        )
        .await
    }
}

impl Chronicle for SharedWorld {
    async fn structure(&self, pipeline: &PipelineArn) -> Result<PipelineStructure, Gap> {
        self.remembered(|world| world.shown(2).pipeline_structure(&pipeline.name)).await
    }

    async fn past_executions(
        &self,
        pipeline: &PipelineArn,
        token: Option<&PageToken>,
    ) -> Result<Page<PastExecution>, Gap> {
        let entry = |summary: ExecutionSummary| PastExecution {
            id: summary.id,
            status: summary.status,
            kind: summary.kind,
            started: summary.started,
            last_change: summary.last_change,
        };
        self.remembered(|world| {
            let all = world.shown(6).list_executions(&pipeline.name)?;
            Ok(page(all.into_iter().map(entry).collect(), MOST, token))
        })
        .await
    }

    async fn past_runs(
        &self,
        pipeline: &PipelineArn,
        token: Option<&PageToken>,
    ) -> Result<Page<ActionExecution>, Gap> {
        self.remembered(|world| {
            let all = world.shown(3).action_runs(&pipeline.name, None)?;
            let Page { entries, next } = page(all, MOST, token);
            Ok(Page { entries: entries.into_iter().map(|run| run.detail().run).collect(), next })
        })
        .await
    }
}
