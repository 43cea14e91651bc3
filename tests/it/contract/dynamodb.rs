//! The suite of the ledger on a DynamoDB table, a new one for each clause: on `MiniStack`, or on whatever answers at
//! `RETRIER_TEST_DYNAMODB`.

use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use codepipeline_retrier::aws::ledger::DynamoLedger;
use codepipeline_retrier::domain::budget::BucketKey;
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, Fault, View};
use codepipeline_retrier::domain::sweep::Sweep;
use codepipeline_retrier::ports::{Ledger, Page, PageToken, Quarantined, Rounds, SweepReply};

use super::ledger::Inspected;
use crate::arbitrary::at;
use crate::tables::Table;

/// A ledger in a table of its own, and what drives it.
struct OnTable {
    runtime: Runtime,
    ledger: DynamoLedger,
    _table: Arc<Table>,
}

fn new() -> OnTable {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let table = Arc::new(runtime.block_on(Table::create("contract")));
    OnTable { ledger: table.ledger(|| at(0)), runtime, _table: table }
}

fn run(clause: impl Future<Output = ()>, port: &OnTable) {
    port.runtime.block_on(clause);
}

impl Ledger for OnTable {
    async fn read(&self, run: &StageRunId, buckets: &[BucketKey]) -> Result<View, Fault> {
        self.ledger.read(run, buckets).await
    }

    async fn commit(&self, commit: &Commit) -> Result<CommitReply, Fault> {
        self.ledger.commit(commit).await
    }

    async fn write_controls(&self, controls: &Controls) -> Result<ControlsReply, Fault> {
        self.ledger.write_controls(controls).await
    }

    async fn quarantine(&self, message: &Quarantined) -> Result<(), Fault> {
        self.ledger.quarantine(message).await
    }
}

impl Rounds for OnTable {
    async fn controls(&self) -> Result<Controls, Fault> {
        Rounds::controls(&self.ledger).await
    }

    async fn sweep(&self) -> Result<Sweep, Fault> {
        self.ledger.sweep().await
    }

    async fn write_sweep(&self, sweep: &Sweep) -> Result<SweepReply, Fault> {
        self.ledger.write_sweep(sweep).await
    }

    async fn overdue(&self, by: Timestamp, page: Option<&PageToken>) -> Result<Page<StageRunId>, Fault> {
        self.ledger.overdue(by, page).await
    }
}

impl Inspected for OnTable {
    async fn decision_ids(&self, run: &StageRunId) -> Vec<String> {
        let decisions = self.ledger.decisions(&run.pipeline.name, Timestamp::UNIX_EPOCH, usize::MAX).await;
        let of_run = decisions.unwrap().into_iter().filter(|decision| {
            (decision.execution.as_str(), decision.stage.as_str())
                == (run.execution.as_str(), run.stage.as_str())
        });
        of_run.map(|decision| decision.id).collect()
    }

    async fn quarantined(&self) -> Vec<Quarantined> {
        self.ledger.quarantined(usize::MAX).await.unwrap().newest
    }
}

mod ledger {
    crate::contract::ledger::suite!(super::run, super::new);
}
