//! What was decided about a failure, why, and every step that led there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use super::class::Class;
use super::ids::{ActionExecutionId, ActionName, RuleName, StageRunId};
use super::policy::{PolicyVersion, RetryMode};
use super::rollback::Rollback;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Retry the stage now.
    Retry,
    /// Look again later.
    Wait,
    /// A rule covers the failure, and it is not going to be retried.
    GiveUp,
    /// The failure is nobody's business here, or somebody else's.
    Ignore,
}

impl Verdict {
    /// The name used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Wait => "wait",
            Self::GiveUp => "give-up",
            Self::Ignore => "ignore",
        }
    }
}

macro_rules! rulings {
    ($($(#[$doc:meta])* $name:ident = $verdict:ident $reason:literal $finality:ident,)*) => {
        /// A verdict with its reason code. Both are fixed names that people and programs build on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Ruling {
            $($(#[$doc])* $name,)*
        }

        impl Ruling {
            /// Every ruling.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What is to be done.
            pub const fn verdict(self) -> Verdict {
                match self { $(Self::$name => Verdict::$verdict,)* }
            }

            /// The reason code, unique together with the verdict.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// Whether the failure is closed by it, never to be looked at again.
            pub const fn is_final(self) -> bool {
                match self { $(Self::$name => rulings!(@$finality),)* }
            }
        }
    };
    (@closes) => { true };
    (@open) => { false };
}

rulings! {
    /// The event is not a stage failure.
    IgnoreNotAFailure = Ignore "not-a-failure" closes,
    /// The event is another account's.
    IgnoreForeignAccount = Ignore "foreign-account" closes,
    /// The event is another Region's.
    IgnoreForeignRegion = Ignore "foreign-region" closes,
    /// No rule of the policy matches.
    IgnoreNoRule = Ignore "no-rule" open,
    /// The rule, or the whole product, is disabled.
    IgnoreModeDisabled = Ignore "mode-disabled" open,
    /// A person has paused the product.
    WaitPaused = Wait "paused" open,
    /// There is no policy that compiles.
    WaitPolicyInvalid = Wait "policy-invalid" open,
    /// So many pipelines fail at the same time that each has to wait for its turn.
    WaitStorm = Wait "storm" open,
    /// This failure already has its decision.
    IgnoreAlreadyAnswered = Ignore "already-answered" closes,
    /// A retry of this stage run is under way.
    WaitClaimOpen = Wait "claim-open" open,
    /// The pipeline does not exist any more.
    IgnorePipelineGone = Ignore "pipeline-gone" closes,
    /// The stage does not exist any more.
    IgnoreStageGone = Ignore "stage-gone" closes,
    /// Another execution has entered the stage.
    IgnoreNotLatestExecution = Ignore "not-latest-execution" closes,
    /// The stage is not failed.
    IgnoreNotFailed = Ignore "not-failed" closes,
    /// The pipeline was edited since the execution started.
    IgnoreStructureChanged = Ignore "structure-changed" closes,
    /// The stage failed without a failed action, so there is nothing to retry.
    IgnoreNoFailedActions = Ignore "no-failed-actions" closes,
    /// A person stopped the execution, or an edit cancelled it.
    IgnoreStopped = Ignore "stopped" closes,
    /// The execution is itself a rollback.
    IgnoreRollbackExecution = Ignore "rollback-execution" closes,
    /// An approval was rejected, or not given in time.
    IgnoreApprovalRejected = Ignore "approval-rejected" closes,
    /// Other actions of the stage are still running.
    WaitActionsInProgress = Wait "actions-in-progress" open,
    /// The state does not show the failure yet.
    WaitStateUnsettled = Wait "state-unsettled" open,
    /// Something that safety depends on could not be read.
    WaitCannotVerify = Wait "cannot-verify" open,
    /// Something that safety depends on could not be read for as long as a retry would have been useful.
    GiveUpCannotVerify = GiveUp "cannot-verify" closes,
    /// It failed before the product was installed or its rule became active.
    IgnoreBeforeActivation = Ignore "before-activation" closes,
    /// It failed longer ago than `give-up-after`.
    GiveUpTooOld = GiveUp "too-old" closes,
    /// Somebody has retried this stage run.
    IgnoreRetriedBySomeoneElse = Ignore "retried-by-someone-else" closes,
    /// A person has closed the entry to the stage.
    IgnoreTransitionDisabled = Ignore "transition-disabled" closes,
    /// The stage's own automatic retry may be about to fire.
    WaitNativeRetryPending = Wait "native-retry-pending" open,
    /// A failed action is of a class that the rule does not retry.
    GiveUpNotRetryable = GiveUp "not-retryable" closes,
    /// The stage run has had all its automatic retries.
    GiveUpRetriesUsed = GiveUp "retries-used" closes,
    /// Nothing is retried at this time.
    WaitFrozen = Wait "frozen" open,
    /// Nothing is retried for longer than a retry would be useful.
    GiveUpFrozenTooLong = GiveUp "frozen-too-long" closes,
    /// The delay before the retry is not over.
    WaitBackoff = Wait "backoff" open,
    /// A budget is empty, and a token comes in time.
    WaitBudgetEmpty = Wait "budget-empty" open,
    /// A budget is empty, and the next token comes too late.
    GiveUpBudgetEmpty = GiveUp "budget-empty" closes,
    /// The failure may be retried now.
    RetryEligible = Retry "eligible" open,
    /// CodePipeline is busy with the pipeline.
    WaitConflict = Wait "conflict" open,
    /// CodePipeline asked to slow down, or could not be reached.
    WaitThrottled = Wait "throttled" open,
    /// Too many executions of the pipeline run at once.
    WaitConcurrencyLimit = Wait "concurrency-limit" open,
    /// CodePipeline refused for good.
    GiveUpRefused = GiveUp "refused" closes,
    /// The product may not retry this stage.
    GiveUpAccessDenied = GiveUp "access-denied" closes,
}

impl Ruling {
    /// The ruling of that verdict and reason, written as `verdict/reason`.
    pub fn parse(text: &str) -> Option<Self> {
        let (verdict, reason) = text.split_once('/')?;
        Self::ALL
            .iter()
            .copied()
            .find(|ruling| ruling.verdict().as_str() == verdict && ruling.reason() == reason)
    }

    /// Whether a rollback may follow: never upon age, upon what could not be verified, or upon CodePipeline's own refusal.
    pub const fn may_be_rolled_back(self) -> bool {
        matches!(self, Self::GiveUpNotRetryable | Self::GiveUpRetriesUsed | Self::GiveUpBudgetEmpty)
    }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.verdict().as_str(), self.reason()))
    }
}

/// The steps of a decision, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names of the design's table, which documents them")]
pub enum StepName {
    Trigger,
    Rule,
    Mode,
    Policy,
    Pause,
    Storm,
    Duplicate,
    StageState,
    Activation,
    Age,
    People,
    Class,
    Retries,
    Freeze,
    Backoff,
    Budget,
    Fence,
    Call,
    Reconcile,
    Rollback,
}

impl StepName {
    /// The name used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Mode => "mode",
            Self::Policy => "policy",
            Self::Pause => "pause",
            Self::Storm => "storm",
            Self::Duplicate => "duplicate",
            Self::StageState => "stage-state",
            Self::Activation => "activation",
            Self::Age => "age",
            Self::People => "people",
            Self::Class => "class",
            Self::Retries => "retries",
            Self::Freeze => "freeze",
            Self::Backoff => "backoff",
            Self::Budget => "budget",
            Self::Fence => "fence",
            Self::Call => "call",
            Self::Reconcile => "reconcile",
            Self::Rollback => "rollback",
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepOutcome {
    /// The next step was taken.
    Pass,
    /// The decision was made here.
    Stop,
}

impl StepOutcome {
    /// The name used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Stop => "stop",
        }
    }
}

/// One step with what it saw.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Which step.
    pub name: StepName,
    /// How it ended.
    pub outcome: StepOutcome,
    /// What it saw, in words. Never holds evidence text.
    pub detail: String,
}

/// A decision as it is returned, logged and stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decision {
    /// Verdict and reason.
    pub ruling: Ruling,
    /// Whether the failure is closed.
    pub is_final: bool,
    /// Whether it is recorded without being acted upon.
    pub shadow: bool,
    /// When to look again, for a wait that has an instant.
    pub until: Option<Timestamp>,
    /// When the decision was made.
    pub decided_at: Timestamp,
    /// When the failure happened, where it is known.
    pub failed_at: Option<Timestamp>,
    /// The stage run.
    pub run: StageRunId,
    /// The failed actions' execution ids: the identity of the failure. Empty while it is not known.
    pub failed: BTreeSet<ActionExecutionId>,
    /// Number of the retry in question, from 1.
    pub retry: Option<u32>,
    /// The rule's maximum.
    pub max_retries: Option<u32>,
    /// What a retry runs again.
    pub retry_mode: Option<RetryMode>,
    /// The rule that it falls under.
    pub rule: Option<RuleName>,
    /// The policy that it was decided by.
    pub policy_version: Option<PolicyVersion>,
    /// Class of each failed action.
    pub classes: BTreeMap<ActionName, Class>,
    /// The rollback that followed.
    pub rollback: Option<Rollback>,
    /// Every step that was taken.
    pub explanation: Vec<Step>,
}

impl Decision {
    /// A decision without anything known but its subject.
    pub fn bare(ruling: Ruling, run: &StageRunId, now: Timestamp) -> Self {
        Self {
            ruling,
            is_final: ruling.is_final(),
            shadow: false,
            until: None,
            decided_at: now,
            failed_at: None,
            run: run.clone(),
            failed: BTreeSet::new(),
            retry: None,
            max_retries: None,
            retry_mode: None,
            rule: None,
            policy_version: None,
            classes: BTreeMap::new(),
            rollback: None,
            explanation: Vec::new(),
        }
    }

    /// The same with one more step.
    #[must_use]
    pub fn with_step(mut self, name: StepName, outcome: StepOutcome, detail: impl Into<String>) -> Self {
        self.explanation.push(Step { name, outcome, detail: detail.into() });
        self
    }

    /// The same, become another ruling by what happened after it was made.
    #[must_use]
    pub fn overruled(
        mut self,
        ruling: Ruling,
        until: Option<Timestamp>,
        step: StepName,
        detail: impl Into<String>,
    ) -> Self {
        self.ruling = ruling;
        self.is_final = ruling.is_final();
        self.until = until;
        self.with_step(step, StepOutcome::Stop, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ruling_reads_back_and_is_unique() {
        let mut names = BTreeSet::new();
        for ruling in Ruling::ALL {
            assert_eq!(Ruling::parse(&ruling.to_string()), Some(*ruling));
            assert!(names.insert(ruling.to_string()), "{ruling} twice");
        }
        assert_eq!(Ruling::parse("retry/because"), None);
        assert_eq!(Ruling::parse("eligible"), None);
    }

    #[test]
    fn finality_is_as_the_contract_says() {
        for ruling in Ruling::ALL {
            let open = ruling.verdict() == Verdict::Wait
                || ruling.verdict() == Verdict::Retry
                || matches!(ruling, Ruling::IgnoreNoRule | Ruling::IgnoreModeDisabled);
            assert_eq!(ruling.is_final(), !open, "{ruling}");
        }
    }
}
