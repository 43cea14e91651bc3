//! The suite of the ledger on a DynamoDB table, a new one for each clause: on `MiniStack`, or on whatever answers at
//! `RETRIER_TEST_DYNAMODB`.

use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use codepipeline_retrier::aws::ledger::{DynamoLedger, PolicyEntry, PushReply};
use codepipeline_retrier::domain::budget::BucketKey;
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::live::{LivePolicy, Pushed};
use codepipeline_retrier::domain::outbox::Tidings;
use codepipeline_retrier::domain::outlet::Outlet;
use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, Fault, View};
use codepipeline_retrier::domain::storm::{Note, Window, WindowKey};
use codepipeline_retrier::domain::sweep::Sweep;
use codepipeline_retrier::ports::{
    Entry, KeptPolicy, Ledger, Outbox, Page, PageToken, Pending, Quarantined, Rounds, SweepReply,
};

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
    async fn read(
        &self,
        run: &StageRunId,
        buckets: &[BucketKey],
        windows: &[WindowKey],
    ) -> Result<View, Fault> {
        self.ledger.read(run, buckets, windows).await
    }

    async fn note_failure(&self, note: &Note) -> Result<Window, Fault> {
        self.ledger.note_failure(note).await
    }

    async fn commit(&self, commit: &Commit) -> Result<CommitReply, Fault> {
        self.ledger.commit(commit).await
    }

    async fn write_controls(&self, controls: &Controls) -> Result<ControlsReply, Fault> {
        self.ledger.write_controls(controls).await
    }

    async fn policy(&self, number: u64) -> Result<KeptPolicy, Fault> {
        self.ledger.policy(number).await
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

impl Outbox for OnTable {
    fn entry(&self, tidings: &Tidings) -> Entry {
        self.ledger.entry(tidings)
    }

    async fn pending(&self, by: Timestamp, page: Option<&PageToken>) -> Result<Page<Pending>, Fault> {
        self.ledger.pending(by, page).await
    }

    async fn take(&self, pending: &Pending, until: Timestamp) -> Result<bool, Fault> {
        self.ledger.take(pending, until).await
    }

    async fn told(&self, entries: &[Entry], now: Timestamp) -> Result<(), Fault> {
        self.ledger.told(entries, now).await
    }

    async fn outlet(&self) -> Result<Outlet, Fault> {
        self.ledger.outlet().await
    }

    async fn write_outlet(&self, outlet: &Outlet) -> Result<bool, Fault> {
        self.ledger.write_outlet(outlet).await
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

    async fn push_policy(&self, text: &str) -> u64 {
        let controls = self.ledger.controls().await.unwrap();
        let newest =
            self.ledger.policy_entries(1).await.unwrap().pop().map_or(0, |entry| entry.unwrap().number);
        let version = PolicyVersion(format!("version of {} bytes", text.len()));
        let entry = PolicyEntry {
            number: newest + 1,
            at: at(0),
            by: "jane".to_owned(),
            reason: None,
            version: Some(version.clone()),
            restores: None,
            replaces: controls.live.as_ref().map(|live| live.policy.number),
            text: Some(text.to_owned()),
        };
        let policy = Pushed { number: entry.number, version, restores: None };
        let live = LivePolicy { policy, since: at(0), by: "jane".to_owned(), beside: None, taken_over: None };
        let pushed = self.ledger.push_policy(&entry, &controls.point(Some(live))).await;
        assert_eq!(pushed, Ok(PushReply::Done));
        entry.number
    }

    async fn quarantined(&self) -> Vec<Quarantined> {
        self.ledger.quarantined(usize::MAX).await.unwrap().newest
    }
}

mod ledger {
    crate::contract::ledger::suite!(super::run, super::new);
}

mod outbox {
    crate::contract::outbox::suite!(super::run, super::new);
}
