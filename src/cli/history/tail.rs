//! What is new since the last look. Nothing is told twice, and nothing is left out that comes a little late.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::aws::ledger::{KeptDecision, Span};
use crate::domain::stage_run::after;

/// How far back each look goes: a decision is written some seconds after it was made, and clocks differ.
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);

/// What has been told.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// When the table last answered.
    looked_at: Option<Timestamp>,
    /// The oldest that was told at first, where there were more: what is before that is not news.
    floor: Option<Timestamp>,
    /// Decisions that a look may find again.
    told: BTreeSet<(Timestamp, String)>,
}

impl Tail {
    /// What to read, and at most how much of it: at first the newest since then, later everything.
    pub fn span(&self, since: Timestamp, limit: usize) -> (Span, usize) {
        let (since, most) = match self.looked_at {
            None => (since, limit),
            Some(at) => {
                (self.floor.map_or(after(at, -OVERLAP), |floor| floor.max(after(at, -OVERLAP))), usize::MAX)
            }
        };
        (Span { since, before: None }, most)
    }

    /// What is new of what such a span holds, oldest first.
    pub fn news(&mut self, found: Vec<KeptDecision>, most: usize, now: Timestamp) -> Vec<KeptDecision> {
        if self.looked_at.is_none() && found.len() >= most {
            self.floor = found.last().map(|kept| kept.decided_at);
        }
        let mut news: Vec<KeptDecision> =
            found.into_iter().filter(|kept| self.told.insert((kept.decided_at, kept.id.clone()))).collect();
        // A clock that is set back does not bring back what was told.
        let looked_at = self.looked_at.map_or(now, |before| before.max(now));
        self.looked_at = Some(looked_at);
        let again = after(looked_at, -OVERLAP);
        self.told.retain(|(at, _)| *at >= again);
        news.reverse();
        news
    }
}
