//! The outside of a world: the teams and programs that are told of decisions, and everything they were told.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::faults::Operation;
use super::ports::port_fault;
use super::sweeping::page;
use super::world::SharedWorld;
use crate::document::document;
use crate::domain::outbox::{OWN_TURN, Tidings};
use crate::domain::outlet::Outlet;
use crate::domain::protocol::{Commit, Fault as PortFault};
use crate::domain::stage_run::after;
use crate::event::reminder_body;
use crate::names::{decision_id, notice_id};
use crate::ports::{Bulletin, Content, Entry, EntryId, Messenger, Outbox, Page, PageToken, Pending};

/// Entries on a page.
const ENTRIES: usize = 100;

/// What was told, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Outside {
    /// Messages to teams.
    pub bulletins: Vec<(Timestamp, Bulletin)>,
    /// Documents of decisions.
    pub announced: Vec<(Timestamp, String)>,
}

/// What the ledger keeps of what is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct MemoryOutbox {
    waiting: BTreeMap<EntryId, (Timestamp, Entry)>,
    told: BTreeMap<EntryId, Timestamp>,
    outlet: Outlet,
}

impl MemoryOutbox {
    /// What a transaction leaves to be told.
    pub fn commit(&mut self, commit: &Commit) {
        for tidings in commit.tidings() {
            let entry = entry(&tidings);
            self.waiting.insert(entry.id.clone(), (after(entry.at, OWN_TURN), entry));
        }
    }

    /// What has not been told.
    pub fn waiting(&self) -> impl Iterator<Item = &EntryId> {
        self.waiting.keys()
    }

    /// What has been told, and when.
    pub fn told(&self) -> &BTreeMap<EntryId, Timestamp> {
        &self.told
    }

    fn pending(&self, by: Timestamp) -> Vec<Pending> {
        let due = self.waiting.values().filter(|(due, _)| *due <= by);
        let mut pending: Vec<Pending> =
            due.map(|(due, entry)| Pending { entry: entry.clone(), due: *due }).collect();
        pending.sort_by(|one, other| (one.due, &one.entry.id).cmp(&(other.due, &other.entry.id)));
        pending
    }
}

fn entry(tidings: &Tidings) -> Entry {
    match tidings {
        Tidings::Notice(notice) => Entry {
            id: EntryId(notice_id(&notice.run, notice.occasion)),
            at: notice.at,
            content: Content::Notice(notice.clone()),
        },
        Tidings::Decision(decision) => Entry {
            id: EntryId(decision_id(decision)),
            at: decision.decided_at,
            content: Content::Decision(document(decision).to_string()),
        },
    }
}

impl Outbox for SharedWorld {
    fn entry(&self, tidings: &Tidings) -> Entry {
        entry(tidings)
    }

    async fn pending(&self, by: Timestamp, token: Option<&PageToken>) -> Result<Page<Pending>, PortFault> {
        self.call(
            Operation::OutboxRead,
            |world| Ok(page(world.ledger.outbox.pending(by), ENTRIES, token)),
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn take(&self, pending: &Pending, until: Timestamp) -> Result<bool, PortFault> {
        self.call(
            Operation::OutboxWrite,
            |world| {
                let kept = world.ledger.outbox.waiting.get_mut(&pending.entry.id);
                let kept = kept.filter(|(due, _)| *due == pending.due);
                Ok(kept.map(|kept| kept.0 = until).is_some())
            },
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn told(&self, entries: &[Entry], now: Timestamp) -> Result<(), PortFault> {
        self.call(
            Operation::OutboxWrite,
            |world| {
                let outbox = &mut world.ledger.outbox;
                for entry in entries {
                    if outbox.waiting.remove(&entry.id).is_some() {
                        outbox.told.insert(entry.id.clone(), now);
                    }
                }
                Ok(())
            },
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn outlet(&self) -> Result<Outlet, PortFault> {
        self.call(
            Operation::OutboxRead,
            |world| Ok(world.ledger.outbox.outlet.clone()),
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn write_outlet(&self, outlet: &Outlet) -> Result<bool, PortFault> {
        self.call(
            Operation::OutboxWrite,
            |world| {
                let kept = &mut world.ledger.outbox.outlet;
                let is_next = kept.version + 1 == outlet.version;
                if is_next {
                    kept.clone_from(outlet);
                }
                Ok(is_next || *kept == *outlet)
            },
            |fault| Err(port_fault(fault)),
        )
        .await
    }
}

impl Messenger for SharedWorld {
    async fn publish(&self, bulletin: &Bulletin) -> Result<(), PortFault> {
        self.call(
            Operation::Publish,
            |world| {
                let now = world.now();
                world.outside.bulletins.push((now, bulletin.clone()));
                Ok(())
            },
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn announce(&self, documents: &[&str]) -> Result<Vec<bool>, PortFault> {
        self.call(
            Operation::Announce,
            |world| {
                let now = world.now();
                let all = documents.iter().map(|document| (now, (*document).to_owned()));
                world.outside.announced.extend(all);
                Ok(vec![true; documents.len()])
            },
            |fault| Err(port_fault(fault)),
        )
        .await
    }

    async fn remind(&self, delay: SignedDuration) -> Result<(), PortFault> {
        self.call(
            Operation::Remind,
            |world| {
                let due = after(world.now(), delay);
                world.queue.send(reminder_body(), due);
                Ok(())
            },
            |fault| Err(port_fault(fault)),
        )
        .await
    }
}
