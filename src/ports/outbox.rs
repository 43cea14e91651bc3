//! How what was decided is told outside: what waits in the ledger to be told, and those who carry it there.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use super::{Page, PageToken};
use crate::domain::notice::Notice;
use crate::domain::outbox::Tidings;
use crate::domain::outlet::Outlet;
use crate::domain::protocol::Fault;

/// Name of something to be told; it means something to the ledger that gave it. Whoever is told sees it, so that a copy is
/// known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub String);

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its name.
    pub id: EntryId,
    /// When that happened which it tells of.
    pub at: Timestamp,
    /// What it says.
    pub content: Content,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    /// A message to a team.
    Notice(Box<Notice>),
    /// A decision's document, one line of JSON.
    Decision(String),
}

/// An entry that nobody has said to be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pending {
    /// The entry.
    pub entry: Entry,
    /// Until when it is left to whoever has it in hand.
    pub due: Timestamp,
}

/// The part of the durable record that holds what is to be told. A commit writes its entries there.
pub trait Outbox: Send + Sync {
    /// The entry that a commit wrote for this.
    fn entry(&self, tidings: &Tidings) -> Entry;

    /// What has not been told, those of a page first that are due for longest, as far as it is due by then. It may be a
    /// moment behind. What cannot be read is passed over, so that it keeps back nothing else.
    fn pending(
        &self,
        by: Timestamp,
        page: Option<&PageToken>,
    ) -> impl Future<Output = Result<Page<Pending>, Fault>> + Send;

    /// Takes an entry in hand until then, if nobody else has done so since it was read. Whether it did.
    fn take(&self, pending: &Pending, until: Timestamp) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Notes that these have been told. The same twice is once.
    fn told(&self, entries: &[Entry], now: Timestamp) -> impl Future<Output = Result<(), Fault>> + Send;

    /// What was sent of late, strongly consistent.
    fn outlet(&self) -> impl Future<Output = Result<Outlet, Fault>> + Send;

    /// Writes that, if the stored version is the one before. Whether it did; the same written twice is written once.
    fn write_outlet(&self, outlet: &Outlet) -> impl Future<Output = Result<bool, Fault>> + Send;
}

/// A message as it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bulletin {
    /// About one stage run.
    Single {
        /// Its name.
        id: EntryId,
        /// What it says.
        notice: Box<Notice>,
        /// Whether it may have been sent before.
        repeated: bool,
    },
    /// About several.
    Digest {
        /// Each with its name, the oldest first; never empty.
        notices: Vec<(EntryId, Notice)>,
    },
}

/// Those who carry it outside.
pub trait Messenger: Send + Sync {
    /// Sends a message to the teams, once or, where an answer is lost, more often.
    fn publish(&self, bulletin: &Bulletin) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Announces decisions to other programs, at most [`MOST_ANNOUNCED`] at once. Which of them were taken, in their order;
    /// a fault where it is so of all of them.
    fn announce(&self, documents: &[&str]) -> impl Future<Output = Result<Vec<bool>, Fault>> + Send;

    /// Sees to it that the outbox is looked at after so long, at most 15 minutes. One that is lost is made up for by the next
    /// sweep.
    fn remind(&self, delay: SignedDuration) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Most decisions that are announced at once (EventBridge API reference, `PutEvents`: 10 entries).
pub const MOST_ANNOUNCED: usize = 10;
