//! How many calls of its API CodePipeline takes in a second. Where a limit is set, what is beyond it is throttled, and
//! every call is counted.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::stage_run::after;

/// How long a call takes where calls are limited.
const CALL: SignedDuration = SignedDuration::from_millis(100);
/// Most attempts of a read that is throttled, and the pause between two, about as the SDK has it.
const ATTEMPTS: u32 = 3;
const PAUSE: SignedDuration = SignedDuration::from_millis(500);

/// The limit, and the calls so far in each second.
#[derive(Debug, Clone, Default)]
pub struct CallRate {
    /// Most calls in a second; without a limit nothing is counted.
    pub limit: Option<u32>,
    asked: BTreeMap<i64, u32>,
    throttled: u64,
}

impl CallRate {
    /// A read: whether CodePipeline takes it in one of a few attempts, and when that is known.
    pub(super) fn admits_read(&mut self, now: Timestamp) -> (bool, Timestamp) {
        if self.limit.is_none() {
            return (true, now);
        }
        let mut at = now;
        for attempt in 1..=ATTEMPTS {
            if self.admits(at) {
                return (true, after(at, CALL));
            }
            at = after(at, if attempt < ATTEMPTS { PAUSE } else { CALL });
        }
        (false, at)
    }

    /// Counts a call; whether CodePipeline takes it.
    pub(super) fn admits(&mut self, now: Timestamp) -> bool {
        let Some(limit) = self.limit else { return true };
        let asked = self.asked.entry(now.as_second()).or_default();
        *asked += 1;
        let is_taken = *asked <= limit;
        self.throttled += u64::from(!is_taken);
        is_taken
    }

    /// Calls of the busiest second, throttled ones too.
    pub fn peak(&self) -> u32 {
        self.asked.values().copied().max().unwrap_or_default()
    }

    /// Calls of all time, throttled ones too.
    pub fn calls(&self) -> u64 {
        self.asked.values().copied().map(u64::from).sum()
    }

    /// Calls that were throttled.
    pub fn throttled(&self) -> u64 {
        self.throttled
    }
}
