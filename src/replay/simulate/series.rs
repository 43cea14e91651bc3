//! How a play went, hour by hour.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::run::Run;
use crate::replay::fleet::truth::By;

/// Figures of a play for each hour since its start. What nothing happened in any more is left out at the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Series {
    /// Failures of stages.
    pub failures: Vec<u32>,
    /// Retries by the function or by CodePipeline itself.
    pub automatic_retries: Vec<u32>,
    /// Retries by people.
    pub retries_by_hand: Vec<u32>,
    /// The most of a budget that was in use when a retry had been paid from it, from 0 to 1, by budget; of all of its buckets.
    pub budgets: BTreeMap<String, Vec<f64>>,
}

impl Series {
    pub(super) fn of(run: &Run, start: Timestamp) -> Self {
        let hour = |at: Timestamp| usize::try_from(at.duration_since(start).as_hours()).unwrap_or_default();
        let counted = |instants: &mut dyn Iterator<Item = Timestamp>| {
            let mut hours: Vec<u32> = Vec::new();
            for at in instants {
                *entry(&mut hours, hour(at)) += 1;
            }
            hours
        };
        let retries = |is_wanted: fn(By) -> bool| {
            counted(&mut run.truth.retries().filter(|retry| is_wanted(retry.by)).map(|retry| retry.at))
        };
        let budgets = run.met.budgets.iter().map(|(name, levels)| {
            let mut hours: Vec<f64> = Vec::new();
            for (at, used) in levels {
                let level = entry(&mut hours, hour(*at));
                *level = level.max(*used);
            }
            (name.to_string(), hours)
        });
        Self {
            failures: counted(&mut run.truth.failures().map(|failure| failure.at)),
            automatic_retries: retries(|by| by != By::Person),
            retries_by_hand: retries(|by| by == By::Person),
            budgets: budgets.collect(),
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "the line before makes room for it")]
fn entry<T: Default + Clone>(hours: &mut Vec<T>, hour: usize) -> &mut T {
    hours.resize(hours.len().max(hour + 1), T::default());
    &mut hours[hour]
}
