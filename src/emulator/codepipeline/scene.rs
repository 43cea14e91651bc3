//! One operation at work on one pipeline: what every part of the machine changes, and nothing decided.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::domain::ids::{AccountId, Partition, Region};

use super::agenda::{Agenda, Due, Happening, Slot};
use super::change_sets::ChangeSets;
use super::fate::Fate;
use super::identity::Ids;
use super::listening::Listening;
use super::pipeline::Pipeline;
use super::switches::Switches;

/// What all pipelines of the service share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) partition: Partition,
    pub(super) account: AccountId,
    pub(super) region: Region,
    pub(super) switches: Switches,
    pub(super) agenda: Agenda,
    pub(super) ids: Ids,
    pub(super) change_sets: ChangeSets,
    pub(super) events: Vec<(Timestamp, Value)>,
    pub(super) listening: Listening,
    /// What comes of runs; their scripts alone say so when absent.
    pub(super) fate: Option<Fate>,
    reached: Timestamp,
}

impl Shared {
    pub(super) fn new(partition: Partition, account: AccountId, region: Region, switches: Switches) -> Self {
        Self {
            partition,
            account,
            region,
            switches,
            agenda: Agenda::default(),
            ids: Ids::new(0),
            change_sets: ChangeSets::default(),
            events: Vec::new(),
            listening: Listening::default(),
            fate: None,
            reached: Timestamp::MIN,
        }
    }

    /// Time has come this far.
    pub(super) fn reach(&mut self, now: Timestamp) {
        self.reached = self.reached.max(now);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.reached
    }
}

/// A pipeline while something happens to it.
///
/// Steps that look up what must be there return `Option<()>`; `None` means that it was not, and nothing happened.
pub(super) struct Scene<'a> {
    pub(super) pipeline: &'a mut Pipeline,
    pub(super) shared: &'a mut Shared,
    pub(super) now: Timestamp,
}

impl<'a> Scene<'a> {
    pub(super) fn new(pipeline: &'a mut Pipeline, shared: &'a mut Shared) -> Self {
        let now = shared.now();
        Self { pipeline, shared, now }
    }

    /// Something that was due.
    pub(super) fn happen(&mut self, what: Happening) {
        match what {
            Happening::ActionEnds(run) => self.end_as_planned(&run),
            Happening::ApprovalExpires(run) => self.expire_approval(&run),
            Happening::NativeRetry(key) => self.retry_natively(&key),
        };
    }

    pub(super) fn plan(&mut self, after: SignedDuration, what: Happening) -> Slot {
        let due = Due { pipeline: self.pipeline.name().clone(), what };
        self.shared.agenda.enter(self.now, after, due)
    }
}
