//! The ledger in one DynamoDB table: every write is conditional, and a commit is one transaction. What the answers mean
//! for a stage run is the protocol's business.
//!
//! # Layout
//!
//! Every item has `pk`, `sk` (text), `schema` (1, or 2 for what the first release could not say), and all but controls, sweep
//! and policies `expires` (seconds since 1970, the table's TTL attribute). An item of a newer `schema`, or one that cannot be
//! read, is a fault and never taken for an absent one. Members of records, controls and the sweep's progress that are not known are
//! kept as they are: a release that adds one which an older function must not pass over raises `schema`.
//!
//! | item | `pk` | `sk` | further attributes | kept |
//! |---|---|---|---|---|
//! | controls | `controls` | `controls` | `version`, `body` | for good |
//! | progress of the sweep | `sweep` | `sweep` | `version`, `body` | for good |
//! | record of a stage run | `run#ARN#EXECUTION#STAGE` | `record` | `revision`, `body`; `open-shard` and `open-until` with a wait or claim | 90 days from the last write |
//! | decision | `decisions#PIPELINE` | `INSTANT#ID` | `verdict`, `reason`, `stage`, `execution`, `shadow`, `decision-id`, `body`; to be announced `open-shard`, `open-until`, `told-at` afterwards | 90 days |
//! | bucket | `buckets` | `BUDGET#live#ACCOUNT#REGION`, then `#ARN`, then `#STAGE` where there is one for each; `shadow` for `live` in shadow mode | `full-at`, `next-slot`, `capacity`, `interval-ms` | 30 days from when it is full |
//! | message to a team | that of the record | `notice#OCCASION` | `body`; `open-shard`, `open-until` while it waits to be sent, `told-at` afterwards | 90 days |
//! | what was sent of late | `outlet` | `outlet` | `version`, `body` | for good |
//! | window of failures | `storm` | `INSTANT#WIDTH`, its beginning and its milliseconds | `pipeline:NAME` for each, `noted`, `failures` | a day after it is over |
//! | push or rollback of a policy | `policies` | its number, eight digits | `at`, `by`; `policy-version`, `text`, `reason`, `restores`, `replaces` where they are | for good |
//! | message not understood | `quarantine` | fingerprint | `length`, `problem`, `at` | 90 days |
//!
//! The index `open` (`open-shard`, `open-until`, keys only) lists stage runs with a wait, a claim or a running retry by when
//! somebody should look at them, and under shards of its own (`outbox-…`) what is to be told. It carries keys only, so that a change of a record costs it next to nothing; who finds a stage run
//! there reads the record, which an index is a moment behind of anyway.
//!
//! Bodies are JSON in one attribute: a record is always read and written whole and compared field by field, and so no
//! number or instant passes through a type that the table rounds. What a condition or a query looks at is an attribute
//! beside it.
//!
//! All buckets lie in one partition, so that one Query lists them. It takes 1,000 writes of a kilobyte a second (DynamoDB
//! developer guide, partition limits), or 500 claims a second of one budget. The bucket of a Region is one item anyway.
//!
//! # Expiry
//!
//! DynamoDB deletes within days of `expires`, not at it. Nothing is wrong if an item is still there or is gone already:
//! an expired record is believed as long as it is there, since it can only forbid; a bucket goes when it has long been
//! full; a note that is over makes room for a new one, and lists leave out what is over.
//!
//! # Writes whose answer is lost
//!
//! Writes go out with the SDK's retries off and are sent again here (`attempts`). A transaction that is sent again
//! while an earlier attempt may be under way carries the same token, so that DynamoDB does it once and says so. A
//! conditional write that was done is refused the second time, and the item that refuses it is the sender's own: the
//! protocol knows it by comparing. A write without its condition never goes out.

mod attempts;
mod bucket;
mod controls;
mod item;
mod keys;
mod layout;
mod listing;
mod notice;
mod outbox;
mod policies;
mod read;
mod record;
mod stored;
mod sweep;
mod transaction;
mod trouble;
mod whole;
#[cfg(feature = "aws")]
mod whole_table;
mod window;
mod write;

use std::sync::Arc;

use jiff::Timestamp;

use super::clients::Clients;
use crate::domain::budget::BucketKey;
use crate::domain::controls::Controls;
use crate::domain::ids::StageRunId;
use crate::domain::protocol::{Commit, CommitReply, ControlsReply, Fault, View};
use crate::domain::scope::Scope;
use crate::domain::storm::{Note, Window, WindowKey};
use crate::domain::sweep::Sweep;
use crate::ports::{KeptPolicy, Ledger, Page, PageToken, Quarantined, Rounds, SweepReply};

pub use bucket::KeptBucket;
pub use item::Damaged;
pub use layout::LEDGER_SCHEMA;
pub use listing::{OPEN_INDEX, OpenRuns, Quarantine, Span};
pub use policies::{PolicyEntry, PushReply};
pub use stored::KeptDecision;
pub use trouble::Trouble;
#[cfg(feature = "aws")]
pub use whole_table::Kept;
pub use window::KeptWindow;

/// The ledger in a table.
pub struct DynamoLedger {
    clients: Arc<Clients>,
    table: String,
    home: Option<Scope>,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    report: Box<dyn Fn(&Trouble) + Send + Sync>,
}

impl DynamoLedger {
    /// The ledger in this table. The clock says when things expire, nothing else.
    pub fn new(
        clients: Arc<Clients>,
        table: impl Into<String>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let (clock, report) = (Box::new(clock), Box::new(|_: &Trouble| {}));
        Self { clients, table: table.into(), home: None, clock, report }
    }

    /// The same for pipelines of other accounts and Regions too: it tells them from those of this one.
    #[must_use]
    pub fn at_home_in(self, home: Scope) -> Self {
        Self { home: Some(home), ..self }
    }

    /// The same, which tells why, whenever it answers with a [`Fault`].
    #[must_use]
    pub fn reporting(self, report: impl Fn(&Trouble) + Send + Sync + 'static) -> Self {
        Self { report: Box::new(report), ..self }
    }

    fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.clients.dynamodb()
    }

    fn heard<T>(&self, end: Result<T, (Fault, Trouble)>) -> Result<T, Fault> {
        end.map_err(|(fault, trouble)| {
            (self.report)(&trouble);
            fault
        })
    }
}

impl Ledger for DynamoLedger {
    async fn read(
        &self,
        run: &StageRunId,
        buckets: &[BucketKey],
        windows: &[WindowKey],
    ) -> Result<View, Fault> {
        // Reading does nothing, whatever became of it.
        self.heard(self.view(run, buckets, windows).await.map_err(|trouble| (Fault::NotDone, trouble)))
    }

    async fn commit(&self, commit: &Commit) -> Result<CommitReply, Fault> {
        self.heard(self.write_commit(commit).await)
    }

    async fn note_failure(&self, note: &Note) -> Result<Window, Fault> {
        self.heard(self.add_failure(note).await)
    }

    async fn write_controls(&self, controls: &Controls) -> Result<ControlsReply, Fault> {
        self.heard(self.replace_controls(controls).await)
    }

    async fn policy(&self, number: u64) -> Result<KeptPolicy, Fault> {
        self.heard(self.kept_policy(number).await.map_err(|trouble| (Fault::NotDone, trouble)))
    }

    async fn quarantine(&self, message: &Quarantined) -> Result<(), Fault> {
        self.heard(self.note(message).await)
    }
}

impl Rounds for DynamoLedger {
    async fn controls(&self) -> Result<Controls, Fault> {
        self.heard(Self::controls(self).await.map_err(|trouble| (Fault::NotDone, trouble)))
    }

    async fn sweep(&self) -> Result<Sweep, Fault> {
        self.heard(self.progress().await.map_err(|trouble| (Fault::NotDone, trouble)))
    }

    async fn write_sweep(&self, sweep: &Sweep) -> Result<SweepReply, Fault> {
        self.heard(self.replace_sweep(sweep).await)
    }

    async fn overdue(&self, by: Timestamp, page: Option<&PageToken>) -> Result<Page<StageRunId>, Fault> {
        self.heard(self.overdue_in(by, page).await.map_err(|trouble| (Fault::NotDone, trouble)))
    }
}
