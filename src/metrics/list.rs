//! The metrics as data: name, unit, dimensions with their values, and what each means.

use crate::domain::class::Class;
use crate::domain::decision::Ruling;
use crate::domain::pipeline::Gap;
use crate::domain::protocol::Conclusion;
use crate::domain::stage_run::Progress;
use crate::engine::Conflict;

/// Namespace of the product's metrics in CloudWatch.
pub const NAMESPACE: &str = "CodePipelineRetrier";

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// In what it is counted.
    pub unit: Unit,
    /// The sets of dimensions that it is published with; CloudWatch keeps a metric for each, and adds nothing up itself.
    pub sets: &'static [&'static [Dimension]],
    /// What one value is.
    pub meaning: &'static str,
}

/// In what a metric is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A duration.
    Seconds,
}

impl Unit {
    /// CloudWatch's name of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
        }
    }
}

/// What a metric is split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The verdict of a decision.
    Verdict,
    /// The reason code of a decision.
    Reason,
    /// The class of a failure.
    Class,
    /// How a retry ended.
    Outcome,
    /// What kept a retry from being made.
    Cause,
    /// The name of a budget.
    Budget,
    /// What others had changed.
    Conflict,
    /// Why something could not be read.
    Gap,
    /// Why a message has to come again.
    Conclusion,
    /// What became of something to be told.
    Fate,
    /// How an execution went.
    Course,
}

/// What a dimension may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// One of these.
    Known(Vec<&'static str>),
    /// A name that the policy in force gives: as many as it has budgets, ten for a rule at most.
    OfThePolicy,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 11] = [
        Self::Verdict,
        Self::Reason,
        Self::Class,
        Self::Outcome,
        Self::Cause,
        Self::Budget,
        Self::Conflict,
        Self::Gap,
        Self::Conclusion,
        Self::Fate,
        Self::Course,
    ];

    /// Its name in CloudWatch.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verdict => "Verdict",
            Self::Reason => "Reason",
            Self::Class => "Class",
            Self::Outcome => "Outcome",
            Self::Cause => "Cause",
            Self::Budget => "Budget",
            Self::Conflict => "Conflict",
            Self::Gap => "Gap",
            Self::Conclusion => "Conclusion",
            Self::Fate => "Fate",
            Self::Course => "Course",
        }
    }

    /// What it may be, each once, in the order of the documentation.
    pub fn values(self) -> Values {
        let mut values: Vec<&'static str> = match self {
            Self::Verdict => Ruling::ALL.iter().map(|ruling| ruling.verdict().as_str()).collect(),
            Self::Reason => Ruling::ALL.iter().map(|ruling| ruling.reason()).collect(),
            Self::Class => Class::ALL.into_iter().map(Class::as_str).collect(),
            Self::Outcome => {
                [Progress::Recovered, Progress::FailedAgain, Progress::Ended].map(Progress::as_str).to_vec()
            }
            Self::Cause => Cause::ALL.map(Cause::as_str).to_vec(),
            Self::Budget => return Values::OfThePolicy,
            Self::Conflict => Conflict::ALL.map(Conflict::as_str).to_vec(),
            Self::Gap => GAPS.map(gap_name).to_vec(),
            Self::Conclusion => RETURNED.map(Conclusion::as_str).to_vec(),
            Self::Fate => FATES.to_vec(),
            Self::Course => COURSES.to_vec(),
        };
        values.sort_unstable();
        values.dedup();
        Values::Known(values)
    }
}

/// What kept a retry from being made that was otherwise due, or would have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The rule or the deployment is in shadow mode.
    Shadow,
    /// A freeze.
    Freeze,
    /// An empty budget.
    Budget,
    /// A person's pause.
    Pause,
    /// A storm.
    Storm,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 5] = [Self::Shadow, Self::Freeze, Self::Budget, Self::Pause, Self::Storm];

    /// The name used in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Freeze => "freeze",
            Self::Budget => "budget",
            Self::Pause => "pause",
            Self::Storm => "storm",
        }
    }

    /// What a decision was held back by, if it was.
    pub const fn of(ruling: Ruling, shadow: bool) -> Option<Self> {
        match ruling {
            Ruling::RetryEligible if shadow => Some(Self::Shadow),
            Ruling::WaitFrozen | Ruling::GiveUpFrozenTooLong => Some(Self::Freeze),
            Ruling::WaitBudgetEmpty | Ruling::GiveUpBudgetEmpty => Some(Self::Budget),
            Ruling::WaitPaused => Some(Self::Pause),
            Ruling::WaitStorm => Some(Self::Storm),
            _ => None,
        }
    }
}

/// Why something could not be read.
const GAPS: [Gap; 6] = [
    Gap::PipelineNotFound,
    Gap::ExecutionNotFound,
    Gap::Denied,
    Gap::Throttled,
    Gap::Unavailable,
    Gap::NotRead,
];

/// The name that a gap has in metrics.
pub const fn gap_name(gap: Gap) -> &'static str {
    match gap {
        Gap::PipelineNotFound => "pipeline-not-found",
        Gap::ExecutionNotFound => "not-found",
        Gap::Denied => "denied",
        Gap::Throttled => "throttled",
        Gap::Unavailable => "unavailable",
        Gap::NotRead => "not-read",
    }
}

/// How the handling of a message ends that has to come again.
const RETURNED: [Conclusion; 7] = [
    Conclusion::LedgerUnavailable,
    Conclusion::SchedulesUnavailable,
    Conclusion::Contended,
    Conclusion::LeaseLost,
    Conclusion::OutOfTime,
    Conclusion::PolicyMoved,
    Conclusion::OutOfOrder,
];

/// What becomes of something to be told: sent by itself, sent with others, put by to be sent with others, announced as an
/// event, left to the next sweep, given up.
pub(super) const FATES: [&str; 6] = ["sent", "digest", "gathered", "announced", "left", "dropped"];

/// How an execution goes: it succeeds without a failure, fails for the first time, succeeds after a failure.
pub(super) const COURSES: [&str; 3] = ["first-try", "failed", "recovered"];

const fn metric(
    name: &'static str,
    unit: Unit,
    sets: &'static [&'static [Dimension]],
    meaning: &'static str,
) -> Metric {
    Metric { name, unit, sets, meaning }
}

/// Without dimensions.
const PLAIN: &[&[Dimension]] = &[&[]];

pub(super) const DECISIONS: Metric = metric(
    "Decisions",
    Unit::Count,
    &[&[Dimension::Verdict], &[Dimension::Verdict, Dimension::Reason]],
    "decisions, as many as there are `decision` lines in the log; looking again at what is waited for counts each time",
);
pub(super) const RETRIES: Metric = metric(
    "Retries",
    Unit::Count,
    &[&[], &[Dimension::Class]],
    "retries that CodePipeline accepted; one with failures of two classes counts once in each",
);
pub(super) const RETRIES_ENDED: Metric = metric(
    "RetriesEnded",
    Unit::Count,
    &[&[Dimension::Outcome]],
    "retries whose end became known; `ended` is one that was stopped, replaced, or never seen to happen",
);
pub(super) const FAILED_AGAIN: Metric = metric(
    "FailedAgain",
    Unit::Count,
    PLAIN,
    "1 for a retry that failed again, 0 for one that recovered: the average is the share of retries that did not help",
);
pub(super) const EXECUTIONS: Metric = metric(
    "Executions",
    Unit::Count,
    &[&[Dimension::Course]],
    "executions that sweeps saw succeed without a failure (`first-try`), fail for the first time (`failed`), or succeed after \
     a failure, whoever retried it (`recovered`); each counts once in each",
);
pub(super) const RECOVERY_SECONDS: Metric = metric(
    "RecoverySeconds",
    Unit::Seconds,
    PLAIN,
    "from the failure to the end of the retry that recovered it",
);
pub(super) const RETRIES_HELD_BACK: Metric = metric(
    "RetriesHeldBack",
    Unit::Count,
    &[&[Dimension::Cause]],
    "decisions that kept a retry from being made, or put it off: shadow mode, a freeze, an empty budget, a pause, a storm; \
     once for each failure and cause",
);
pub(super) const BUDGET_BALANCE: Metric = metric(
    "BudgetBalance",
    Unit::Count,
    &[&[Dimension::Budget]],
    "tokens that were found in a budget, in shadow mode in its shadow; of several buckets the emptiest, so the minimum is \
     what to look at",
);
pub(super) const CONFLICTS: Metric = metric(
    "Conflicts",
    Unit::Count,
    &[&[Dimension::Conflict]],
    "writes to the ledger that others were quicker with; they are thought over and written again",
);
pub(super) const MESSAGES_RETURNED: Metric = metric(
    "MessagesReturned",
    Unit::Count,
    &[&[Dimension::Conclusion]],
    "messages that could not be handled and come again",
);
pub(super) const MESSAGES_MALFORMED: Metric = metric(
    "MessagesMalformed",
    Unit::Count,
    PLAIN,
    "messages that could not be understood, and were noted and dropped",
);
pub(super) const EVIDENCE_GAPS: Metric = metric(
    "EvidenceGaps",
    Unit::Count,
    &[&[Dimension::Gap]],
    "what could not be read of why an action failed",
);
pub(super) const WAIT_SECONDS: Metric = metric(
    "WaitSeconds",
    Unit::Seconds,
    PLAIN,
    "age of a failure each time that it is told to wait: the maximum is the oldest wait",
);
pub(super) const NOTICES: Metric = metric(
    "Notices",
    Unit::Count,
    &[&[Dimension::Fate]],
    "what there was to tell, and what became of it: `sent` and `digest` are messages, `gathered` is put by for a digest, \
     `announced` is an event; `left` comes again with the next sweep, `dropped` is too old",
);
pub(super) const POLICY_INVALID: Metric = metric(
    "PolicyInvalid",
    Unit::Count,
    PLAIN,
    "policies that were found to be broken, each counted once by each process that finds it",
);
pub(super) const SWEEP_SLICES: Metric = metric(
    "SweepSlices",
    Unit::Count,
    PLAIN,
    "invocations in which a sweep got on: a round came to its end or goes on",
);
pub(super) const SWEEP_ROUND_SECONDS: Metric =
    metric("SweepRoundSeconds", Unit::Seconds, PLAIN, "how long a round took, told when it is complete");
pub(super) const SWEEP_FINDINGS: Metric = metric(
    "SweepFindings",
    Unit::Count,
    PLAIN,
    "what a sweep found that no event had told: failures, ends of retries, waits and claims that were over",
);
pub(super) const SWEEP_FINDING_SECONDS: Metric =
    metric("SweepFindingSeconds", Unit::Seconds, PLAIN, "age of the oldest failure among them");
pub(super) const SWEEP_OVERDUE: Metric =
    metric("SweepOverdue", Unit::Count, PLAIN, "waits and claims that were over and had not ended");
pub(super) const SWEEP_UNHANDLED: Metric = metric(
    "SweepUnhandled",
    Unit::Count,
    PLAIN,
    "findings that could not be brought to an end; the next round has them again",
);
pub(super) const SWEEP_LAGGING: Metric = metric(
    "SweepLagging",
    Unit::Count,
    PLAIN,
    "pipelines that could not be read through, and are looked at again from further back",
);

/// Every metric, in the order of the documentation.
pub const METRICS: [Metric; 22] = [
    DECISIONS,
    RETRIES,
    RETRIES_ENDED,
    FAILED_AGAIN,
    EXECUTIONS,
    RECOVERY_SECONDS,
    RETRIES_HELD_BACK,
    BUDGET_BALANCE,
    WAIT_SECONDS,
    CONFLICTS,
    MESSAGES_RETURNED,
    MESSAGES_MALFORMED,
    EVIDENCE_GAPS,
    NOTICES,
    POLICY_INVALID,
    SWEEP_SLICES,
    SWEEP_ROUND_SECONDS,
    SWEEP_FINDINGS,
    SWEEP_FINDING_SECONDS,
    SWEEP_OVERDUE,
    SWEEP_UNHANDLED,
    SWEEP_LAGGING,
];

impl Metric {
    /// The combinations of values that a set of its dimensions may have. Verdict and reason come in pairs.
    pub fn most(set: &[Dimension], budgets: usize) -> usize {
        if set == [Dimension::Verdict, Dimension::Reason] {
            return Ruling::ALL.len();
        }
        let values = set.iter().map(|dimension| match dimension.values() {
            Values::Known(values) => values.len(),
            Values::OfThePolicy => budgets,
        });
        values.product()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_no_dimension_has_the_name_of_a_metric() {
        let mut names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for dimension in Dimension::ALL {
            assert!(names.insert(dimension.name()), "{}", dimension.name());
        }
    }

    /// CloudWatch takes money for each combination.
    #[test]
    fn there_are_few_enough_combinations() {
        let of = |metric: &Metric| metric.sets.iter().map(|set| Metric::most(set, 2)).sum::<usize>();
        let all: usize = METRICS.iter().map(of).sum();
        assert!(all <= 130, "{all}");
        assert_eq!(of(&DECISIONS), 4 + Ruling::ALL.len());
    }

    #[test]
    fn every_gap_and_every_unacknowledged_conclusion_has_a_value() {
        for conclusion in RETURNED {
            assert!(!conclusion.is_acknowledged(), "{}", conclusion.as_str());
        }
        let Values::Known(gaps) = Dimension::Gap.values() else { panic!("they are known") };
        assert_eq!(gaps.len(), GAPS.len(), "two gaps have one name");
    }
}
