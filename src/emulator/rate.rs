//! How many calls of its API CodePipeline takes in a second. Where a limit is set, what is beyond it is throttled, and
//! every call is counted.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The limit, and the calls so far in each second.
#[derive(Debug, Clone, Default)]
pub struct CallRate {
    /// Most calls in a second; without a limit nothing is counted.
    pub limit: Option<u32>,
    asked: BTreeMap<i64, u32>,
    throttled: u64,
}

impl CallRate {
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
