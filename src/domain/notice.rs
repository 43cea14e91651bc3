//! What a team is told of a stage run, and how often: each thing at most once, since nobody wants a message for every retry.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::class::Class;
use super::decision::{Decision, Ruling, Verdict};
use super::ids::{ActionName, BudgetName, Region, RuleName, StageRunId};
use super::policy::PolicyVersion;
use super::stage_run::Progress;

/// Something that a rule may want to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occasion {
    /// A stage is retried.
    Retry,
    /// A failure waits for something.
    Wait,
    /// A failure is not going to be retried although a rule covers it.
    GiveUp,
    /// A stage succeeded after a retry.
    Recovered,
    /// A stage failed again after a retry.
    FailedAgain,
}

impl Occasion {
    /// Every occasion.
    pub const ALL: [Self; 5] = [Self::Retry, Self::Wait, Self::GiveUp, Self::Recovered, Self::FailedAgain];

    /// The name used in policies and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Wait => "wait",
            Self::GiveUp => "give-up",
            Self::Recovered => "recovered",
            Self::FailedAgain => "failed-again",
        }
    }

    /// The occasion of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|occasion| occasion.as_str() == name)
    }

    /// What is told of unless a rule says otherwise: nobody is called for a failure that mends itself.
    pub fn usual() -> BTreeSet<Self> {
        [Self::GiveUp, Self::Recovered].into()
    }

    /// The occasion that a decision is. What is nobody's business is none, and neither is what is only recorded.
    pub const fn of_decision(decision: &Decision) -> Option<Self> {
        if decision.shadow {
            return None;
        }
        match decision.ruling.verdict() {
            Verdict::Retry if decision.is_final => Some(Self::Retry),
            Verdict::Wait => Some(Self::Wait),
            Verdict::GiveUp => Some(Self::GiveUp),
            Verdict::Retry | Verdict::Ignore => None,
        }
    }

    /// The occasion that the end of a retry is.
    pub const fn of_progress(progress: Progress) -> Option<Self> {
        match progress {
            Progress::Recovered => Some(Self::Recovered),
            Progress::FailedAgain => Some(Self::FailedAgain),
            Progress::Issued | Progress::Ended => None,
        }
    }
}

/// A build of CodeBuild, of the pipeline's account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Build {
    /// Where it ran.
    pub region: Region,
    /// Its project.
    pub project: String,
    /// Its number within the project: a UUID.
    pub number: String,
}

impl Build {
    /// The build of an id `PROJECT:UUID` (API reference of CodeBuild, `Build`). Anything else is none: it goes into links.
    pub fn parse(region: Region, id: &str) -> Option<Self> {
        let (project, number) = id.split_once(':')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_sound = !project.is_empty()
            && project.chars().all(is_name)
            && !number.is_empty()
            && number.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        is_sound.then(|| Self { region, project: project.to_owned(), number: number.to_owned() })
    }
}

/// A message to be sent about a stage run. It holds no evidence but what its rule has decisions cite, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notice {
    /// What is told.
    pub occasion: Occasion,
    /// When it happened.
    pub at: Timestamp,
    /// The stage run.
    pub run: StageRunId,
    /// When the failure in question happened, where it is known.
    pub failed_at: Option<Timestamp>,
    /// The decision behind it; none where a retry's end is told.
    pub ruling: Option<Ruling>,
    /// When it is looked at again, for a wait.
    pub until: Option<Timestamp>,
    /// The rule.
    pub rule: Option<RuleName>,
    /// The policy.
    pub policy_version: Option<PolicyVersion>,
    /// Class of each failed action.
    pub classes: BTreeMap<ActionName, Class>,
    /// The builds of failed actions that CodeBuild carried out.
    pub builds: BTreeMap<ActionName, Build>,
    /// Why, in the words of the step that decided.
    pub detail: String,
    /// Retries made so far.
    pub retries: u32,
    /// How many the rule allows.
    pub max_retries: u32,
    /// What is left in each budget of the rule, and its capacity.
    pub budgets: Vec<(BudgetName, u32, u32)>,
}
