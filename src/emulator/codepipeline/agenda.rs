//! What will happen by itself, by time. It knows neither pipelines nor effects.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{ActionExecutionId, PipelineName};

use super::execution::StageKey;

/// Where an entry stands: its instant, and its number among all ever made.
pub(super) type Slot = (Timestamp, u64);

/// Something that is due.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) pipeline: PipelineName,
    pub(super) what: Happening,
}

/// What happens by itself.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// A run of an action ends as its script says.
    ActionEnds(ActionExecutionId),
    /// Nobody answered an approval in time.
    ApprovalExpires(ActionExecutionId),
    /// A stage's own retry begins.
    NativeRetry(StageKey),
}

/// The entries in order of time, then of their making.
#[derive(Debug, Clone, Default)]
pub(super) struct Agenda {
    entries: BTreeMap<Slot, Due>,
    made: u64,
}

impl Agenda {
    /// Enters something `after` from `now`; a negative delay is none, one beyond the end of time is the end of time.
    pub(super) fn enter(&mut self, now: Timestamp, after: SignedDuration, due: Due) -> Slot {
        let after = after.max(SignedDuration::ZERO);
        let at = now.checked_add(after).unwrap_or(Timestamp::MAX);
        self.made += 1;
        let slot = (at, self.made);
        self.entries.insert(slot, due);
        slot
    }

    /// Strikes an entry; one that has happened is no longer there.
    pub(super) fn strike(&mut self, slot: Slot) {
        self.entries.remove(&slot);
    }

    /// Strikes every entry of a pipeline.
    pub(super) fn strike_pipeline(&mut self, name: &PipelineName) {
        self.entries.retain(|_, due| due.pipeline != *name);
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the first entry if it is due.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
        let first = self.entries.first_entry()?;
        let at = first.key().0;
        (at <= now).then(|| (at, first.remove()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(run: &str) -> Due {
        Due {
            pipeline: PipelineName::parse("shop").unwrap(),
            what: Happening::ActionEnds(ActionExecutionId::parse(run).unwrap()),
        }
    }

    fn taken(agenda: &mut Agenda, now: Timestamp) -> Vec<String> {
        let entries = std::iter::from_fn(|| agenda.take_due(now));
        let run = |(_, due): (Timestamp, Due)| match due.what {
            Happening::ActionEnds(run) => run.to_string(),
            other => panic!("nobody entered {other:?}"),
        };
        entries.map(run).collect()
    }

    #[test]
    fn entries_come_in_order_of_time_and_then_of_their_making_and_only_when_due() {
        let start = Timestamp::UNIX_EPOCH;
        let mut agenda = Agenda::default();
        for (run, seconds) in [("late", 9), ("b", 5), ("a", 5), ("past", -7)] {
            agenda.enter(start, SignedDuration::from_secs(seconds), due(run));
        }
        let gone = agenda.enter(start, SignedDuration::ZERO, due("gone"));
        agenda.strike(gone);
        assert_eq!(agenda.next_due(), Some(start));
        let soon = start + SignedDuration::from_secs(5);
        assert_eq!(taken(&mut agenda, soon), ["past", "b", "a"]);
        assert_eq!(taken(&mut agenda, Timestamp::MAX), ["late"]);
    }

    #[test]
    fn a_delay_beyond_the_end_of_time_ends_there() {
        let mut agenda = Agenda::default();
        agenda.enter(Timestamp::MAX, SignedDuration::MAX, due("never"));
        assert_eq!(agenda.next_due(), Some(Timestamp::MAX));
    }
}
