//! What is measured in a play, as a list.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::Contender;
use super::run::Run;
use crate::replay::fleet::truth::{By, Retry, RetryEnd};

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Executions that started.
    Executions,
    /// Failures of stages, those of retries too.
    Failures,
    /// Executions that succeeded without a failure.
    GreenAtFirstTry,
    /// Executions that succeeded after a failure, without a person.
    RecoveredByRetry,
    /// Executions that succeeded since a person retried.
    RecoveredByPeople,
    /// Executions that stayed failed.
    LeftFailed,
    /// Executions that a newer one replaced.
    Superseded,
    /// Retries by the function or by CodePipeline itself.
    AutomaticRetries,
    /// Automatic retries that ended in the same kind of failure.
    FutileRetries,
    /// Minutes that actions ran for futile retries.
    WastedMinutes,
    /// Retries by people.
    RetriesByHand,
    /// Minutes that changes waited after a failure: until their stage succeeded or the next change came.
    WaitedMinutes,
    /// Minutes of waiting less than without retries, in the same play.
    SavedMinutes,
    /// The longest time from a failure to its automatic retry.
    LongestWaitMinutes,
    /// Automatic retries in the busiest minute.
    PeakRetriesPerMinute,
    /// The most of a budget that was in use, of all budgets, in percent.
    BudgetPeakPercent,
    /// Stage runs that an empty budget let wait, or refused.
    RefusedByBudget,
    /// Stage runs that a storm held.
    HeldByStorm,
}

impl Measure {
    /// Every measure, in the order in which they are shown.
    pub const ALL: [Self; 18] = [
        Self::Executions,
        Self::Failures,
        Self::GreenAtFirstTry,
        Self::RecoveredByRetry,
        Self::RecoveredByPeople,
        Self::LeftFailed,
        Self::Superseded,
        Self::AutomaticRetries,
        Self::FutileRetries,
        Self::WastedMinutes,
        Self::RetriesByHand,
        Self::WaitedMinutes,
        Self::SavedMinutes,
        Self::LongestWaitMinutes,
        Self::PeakRetriesPerMinute,
        Self::BudgetPeakPercent,
        Self::RefusedByBudget,
        Self::HeldByStorm,
    ];

    /// The name used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Executions => "executions",
            Self::Failures => "failures",
            Self::GreenAtFirstTry => "green-at-first-try",
            Self::RecoveredByRetry => "recovered-by-retry",
            Self::RecoveredByPeople => "recovered-by-people",
            Self::LeftFailed => "left-failed",
            Self::Superseded => "superseded",
            Self::AutomaticRetries => "automatic-retries",
            Self::FutileRetries => "futile-retries",
            Self::WastedMinutes => "wasted-minutes",
            Self::RetriesByHand => "retries-by-hand",
            Self::WaitedMinutes => "waited-minutes",
            Self::SavedMinutes => "saved-minutes",
            Self::LongestWaitMinutes => "longest-wait-minutes",
            Self::PeakRetriesPerMinute => "peak-retries-per-minute",
            Self::BudgetPeakPercent => "budget-peak-percent",
            Self::RefusedByBudget => "refused-by-budget",
            Self::HeldByStorm => "held-by-storm",
        }
    }

    /// What it is, in words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Executions => "executions",
            Self::Failures => "failures of stages",
            Self::GreenAtFirstTry => "green at first try",
            Self::RecoveredByRetry => "recovered by a retry",
            Self::RecoveredByPeople => "recovered by people",
            Self::LeftFailed => "left failed",
            Self::Superseded => "superseded",
            Self::AutomaticRetries => "automatic retries",
            Self::FutileRetries => "  of these futile",
            Self::WastedMinutes => "  action minutes wasted",
            Self::RetriesByHand => "retries by hand",
            Self::WaitedMinutes => "minutes waited",
            Self::SavedMinutes => "  saved against none",
            Self::LongestWaitMinutes => "longest wait, minutes",
            Self::PeakRetriesPerMinute => "peak retries a minute",
            Self::BudgetPeakPercent => "budget use at its peak, %",
            Self::RefusedByBudget => "stages a budget refused",
            Self::HeldByStorm => "stages a storm held",
        }
    }

    /// Whether it says something about this contender.
    pub const fn concerns(self, contender: &Contender) -> bool {
        match self {
            Self::BudgetPeakPercent | Self::RefusedByBudget | Self::HeldByStorm => {
                matches!(contender, Contender::Policy { .. })
            }
            Self::AutomaticRetries
            | Self::FutileRetries
            | Self::WastedMinutes
            | Self::SavedMinutes
            | Self::LongestWaitMinutes
            | Self::PeakRetriesPerMinute => !matches!(contender, Contender::None),
            _ => true,
        }
    }

    /// What it came to in a play, beside the same play without retries.
    pub(super) fn of(self, run: &Run, without: &Run) -> f64 {
        let executions = &run.truth.executions;
        match self {
            Self::Executions => number(executions.started),
            Self::Failures => size(run.truth.failures()),
            Self::GreenAtFirstTry => number(executions.green_at_first_try),
            Self::RecoveredByRetry => number(executions.recovered_by_retry),
            Self::RecoveredByPeople => number(executions.recovered_by_people),
            Self::LeftFailed => number(executions.left_failed),
            Self::Superseded => number(executions.superseded),
            Self::AutomaticRetries => size(automatic(run)),
            Self::FutileRetries => size(automatic(run).filter(|retry| is_futile(retry))),
            Self::WastedMinutes => automatic(run).map(wasted).sum(),
            Self::RetriesByHand => size(run.truth.retries().filter(|retry| retry.by == By::Person)),
            Self::WaitedMinutes => minutes(run.truth.waited()),
            Self::SavedMinutes => minutes(without.truth.waited()) - minutes(run.truth.waited()),
            Self::LongestWaitMinutes => {
                automatic(run).map(|retry| minutes(retry.at.duration_since(retry.of.at))).fold(0.0, f64::max)
            }
            Self::PeakRetriesPerMinute => {
                let mut by_minute: BTreeMap<i64, u64> = BTreeMap::new();
                for retry in automatic(run) {
                    *by_minute.entry(retry.at.as_second().div_euclid(60)).or_default() += 1;
                }
                number(by_minute.into_values().max().unwrap_or_default())
            }
            Self::BudgetPeakPercent => {
                let used = run.met.budgets.values().flatten().map(|(_, used)| used * 100.0);
                used.fold(0.0, f64::max)
            }
            Self::RefusedByBudget => size(&run.met.refused_by_budget),
            Self::HeldByStorm => size(&run.met.held_by_storm),
        }
    }
}

fn automatic(run: &Run) -> impl Iterator<Item = &Retry> {
    run.truth.retries().filter(|retry| retry.by != By::Person)
}

fn is_futile(retry: &Retry) -> bool {
    matches!(retry.end, Some(RetryEnd::FailedAgain(failure)) if failure.class == retry.of.class)
}

/// Minutes for which the action ran once more, and in vain.
fn wasted(retry: &Retry) -> f64 {
    match retry.end {
        Some(RetryEnd::FailedAgain(failure)) if is_futile(retry) => {
            minutes(failure.at.duration_since(retry.at))
        }
        _ => 0.0,
    }
}

fn minutes(duration: SignedDuration) -> f64 {
    duration.as_secs_f64() / 60.0
}

/// Counts of plays stay far below what a float holds exactly.
fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

fn size<T>(of: impl IntoIterator<Item = T>) -> f64 {
    number(u64::try_from(of.into_iter().count()).unwrap_or(u64::MAX))
}
