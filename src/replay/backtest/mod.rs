//! A policy against what really happened: every failure of a history is decided about by the protocol of production, at
//! the time when it happened.
//!
//! A retry that the policy would have made is not made, so the history goes on as it did. Where somebody retried that
//! failure later, that retry stands for the one of the policy: it shows whether a retry would have helped, and its failure
//! counts as the policy's next. Where nobody did, nothing is known of how it would have gone, and that is said.

mod driver;
mod figures;
mod past;
mod suggestion;

use jiff::Timestamp;

use crate::domain::decision::{Ruling, Verdict};
use crate::domain::ids::RuleName;
use crate::domain::policy::{Mode, Policy};

pub use driver::replay;
pub use figures::{Assumptions, Figures, Group, Kind, Machine, Share, Week, figures};
pub use past::{Ended, PastFailure, Retrier, Sequel, past_failures};
pub use suggestion::{Advice, Suggestion, suggestions};

/// A failure of the history with what the policy would have made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// What happened.
    pub past: PastFailure,
    /// What the policy's last decision about it was.
    pub last: Option<LastDecision>,
    /// When the policy would have retried it.
    pub retry_at: Option<Timestamp>,
}

/// As much of a decision as figures are made of: a year has tens of thousands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastDecision {
    /// Verdict and reason.
    pub ruling: Ruling,
    /// The rule that the failure falls under.
    pub rule: Option<RuleName>,
}

/// What a policy would have done about a failure, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Treatment {
    /// It would have retried it.
    Retried,
    /// Somebody was quicker.
    Overtaken,
    /// It would have left it alone: no rule, another class, out of retries, too late.
    LeftAlone,
}

impl Treatment {
    /// The name used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retried => "retried",
            Self::Overtaken => "overtaken",
            Self::LeftAlone => "left-alone",
        }
    }
}

impl Replayed {
    /// What the policy would have done about it.
    pub fn treatment(&self) -> Treatment {
        let was_overtaken = |decision: &LastDecision| {
            matches!(
                decision.ruling,
                Ruling::IgnoreNotFailed
                    | Ruling::IgnoreRetriedBySomeoneElse
                    | Ruling::IgnoreNotLatestExecution
                    | Ruling::IgnoreAlreadyAnswered
            ) || decision.ruling.verdict() == Verdict::Wait
        };
        match &self.last {
            _ if self.retry_at.is_some() => Treatment::Retried,
            Some(decision) if was_overtaken(decision) => Treatment::Overtaken,
            _ => Treatment::LeftAlone,
        }
    }

    /// The last ruling about it.
    pub fn ruling(&self) -> Option<Ruling> {
        self.last.as_ref().map(|decision| decision.ruling)
    }
}

/// The policy as it would work were every rule active: rules in shadow mode are tried as they are meant to be.
#[must_use]
pub fn as_if_active(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    for rule in &mut policy.rules {
        if rule.settings.mode == Mode::Shadow {
            rule.settings.mode = Mode::Active;
        }
    }
    policy
}
