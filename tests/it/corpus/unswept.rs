//! What only a sweep asks for. No sweep is recorded: what it finds goes through the protocol as an event does, and its own
//! course has tests of its own.

use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageRunId};
use codepipeline_retrier::domain::pipeline::{ActionExecution, Gap};
use codepipeline_retrier::domain::protocol::Fault;
use codepipeline_retrier::domain::scope::Scope;
use codepipeline_retrier::domain::sweep::{Sweep, Tick};
use codepipeline_retrier::ports::{Catalogue, ExecutionEntry, Page, PageToken, Rounds, SweepReply, Ticks};
use jiff::{SignedDuration, Timestamp};

use super::tape::Tape;

const NO_SWEEP: &str = "no sweep is recorded";

impl Catalogue for Tape {
    async fn pipelines(&self, _: &Scope, _: Option<&PageToken>) -> Result<Page<PipelineName>, Gap> {
        panic!("{NO_SWEEP}")
    }

    async fn executions(&self, _: &PipelineArn, _: Option<&PageToken>) -> Result<Page<ExecutionEntry>, Gap> {
        panic!("{NO_SWEEP}")
    }

    async fn actions(&self, _: &PipelineArn, _: &ExecutionId) -> Result<Vec<ActionExecution>, Gap> {
        panic!("{NO_SWEEP}")
    }
}

impl Rounds for Tape {
    async fn controls(&self) -> Result<Controls, Fault> {
        panic!("{NO_SWEEP}")
    }

    async fn sweep(&self) -> Result<Sweep, Fault> {
        panic!("{NO_SWEEP}")
    }

    async fn write_sweep(&self, _: &Sweep) -> Result<SweepReply, Fault> {
        panic!("{NO_SWEEP}")
    }

    async fn overdue(&self, _: Timestamp, _: Option<&PageToken>) -> Result<Page<StageRunId>, Fault> {
        panic!("{NO_SWEEP}")
    }
}

impl Ticks for Tape {
    async fn tick(&self, _: Tick) -> Result<(), Fault> {
        panic!("{NO_SWEEP}")
    }

    async fn pause(&self, _: SignedDuration) {
        panic!("{NO_SWEEP}")
    }
}
