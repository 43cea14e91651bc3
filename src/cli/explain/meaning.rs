//! What each ruling means in plain words, and what a reader can do about it. The rulings themselves are the domain's.

use super::Origin;
use crate::domain::class::Class;
use crate::domain::decision::{Decision, Ruling};

/// A ruling in plain words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    /// What it means: one sentence.
    pub means: &'static str,
    /// What to do, or that there is nothing to do: one sentence.
    pub advice: &'static str,
}

const fn meaning(means: &'static str, advice: &'static str) -> Meaning {
    Meaning { means, advice }
}

/// What a decision means: its ruling, in the light of mode, classes and where the facts come from.
pub(super) fn of(decision: &Decision, origin: Origin) -> Meaning {
    match decision.ruling {
        Ruling::WaitCannotVerify if !origin.is_files() => CANNOT_READ,
        Ruling::IgnoreNotFailed if !origin.is_told() => NOT_FAILED,
        Ruling::RetryEligible if decision.shadow => RETRY_IN_SHADOW,
        Ruling::GiveUpNotRetryable if decision.classes.values().any(|class| *class == Class::Unknown) => {
            UNKNOWN_NOT_RETRIED
        }
        ruling => of_ruling(ruling),
    }
}

const RETRY_IN_SHADOW: Meaning = meaning(
    "Nothing speaks against a retry: outside shadow mode the stage would be retried now.",
    "Deploy mode `active`, in the rule and the stack, when such failures should be retried.",
);

const CANNOT_READ: Meaning = meaning(
    "Something that a safe decision rests on could not be read from the account, so nothing is decided.",
    "Look at the rights of these credentials, and in production at the function's.",
);

const NOT_FAILED: Meaning = meaning(
    "The stage is not failed, so there is nothing to decide.",
    "Nothing to do: it is still running, or has ended in another way.",
);

const UNKNOWN_NOT_RETRIED: Meaning = meaning(
    "A failed action has a kind of failure that the rule does not retry.",
    "Look at the log: CodePipeline does not say what failed, and `retry-on: [unknown]` would retry compile errors too.",
);

/// The meaning of a ruling.
#[expect(clippy::too_many_lines, reason = "a table")]
const fn of_ruling(ruling: Ruling) -> Meaning {
    match ruling {
        Ruling::IgnoreNotAFailure => meaning(
            "The event does not say that a stage failed.",
            "Nothing to do: a failed stage sends an event of its own.",
        ),
        Ruling::IgnoreForeignAccount => meaning(
            "The pipeline belongs to another account than the product works for.",
            "Deploy the product in that account too.",
        ),
        Ruling::IgnoreForeignRegion => meaning(
            "The pipeline is in another Region than the product works for.",
            "Deploy the product in that Region too.",
        ),
        Ruling::IgnoreNoRule => meaning(
            "No rule of the policy is about this stage, so it is left alone.",
            "Add a rule whose `match` covers it if it should be retried.",
        ),
        Ruling::IgnoreModeDisabled => meaning(
            "The rule, or the whole product, is switched off.",
            "Set `mode: active`, or `mode: shadow` to see its decisions first.",
        ),
        Ruling::IgnoreAlreadyAnswered => meaning(
            "This very failure has had its retry or its final decision.",
            "See `retrier history` for what it was; if a retry fails, that is a new failure.",
        ),
        Ruling::IgnorePipelineGone => {
            meaning("The pipeline does not exist any more.", "Nothing to do: there is nothing left to retry.")
        }
        Ruling::IgnoreStageGone => meaning(
            "The pipeline has no such stage any more.",
            "Start the pipeline again to run the change through its new stages.",
        ),
        Ruling::IgnoreNotLatestExecution => meaning(
            "A newer execution has taken the stage, and CodePipeline retries only the latest.",
            "Nothing to do: the newer execution carries the newer change.",
        ),
        Ruling::IgnoreNotFailed => meaning(
            "The stage is not failed now, whatever the event said.",
            "Nothing to do: somebody has retried it, or it has gone on by itself.",
        ),
        Ruling::IgnoreStructureChanged => meaning(
            "The pipeline was edited after the execution started, and CodePipeline refuses such retries.",
            "Start the pipeline again, so that the change runs through its new form.",
        ),
        Ruling::IgnoreNoFailedActions => meaning(
            "No action of the stage failed; a condition of the stage did.",
            "Look at the stage's conditions: a retry would have nothing to run again.",
        ),
        Ruling::IgnoreStopped => meaning(
            "Somebody stopped the execution, or an edit cancelled it.",
            "Nothing to do: what a person stops stays stopped.",
        ),
        Ruling::IgnoreRollbackExecution => meaning(
            "The execution is a rollback, and those are never retried by the product.",
            "Look at it by hand: it was to bring the stage back to an earlier change.",
        ),
        Ruling::IgnoreApprovalRejected => meaning(
            "A person said no, or nobody said yes in time.",
            "Nothing to do: a person's no is never overruled, whatever a policy says.",
        ),
        Ruling::IgnoreBeforeActivation => meaning(
            "It failed before the rule was at work, so the rule is not about it.",
            "Retry it by hand if it still matters.",
        ),
        Ruling::IgnoreRetriedBySomeoneElse => meaning(
            "The history shows a retry that is not the product's, so a person has taken over.",
            "Nothing to do: whoever pressed Retry decides how it goes on.",
        ),
        Ruling::IgnoreTransitionDisabled => meaning(
            "Somebody disabled the transition into the stage, which says that nothing should run there now.",
            "Enable the transition and retry by hand when the stage may run again.",
        ),
        Ruling::WaitPaused => meaning(
            "A person has paused the product.",
            "Nothing is lost: it decides when the pause is over, as long as the failure is not too old.",
        ),
        Ruling::WaitPolicyInvalid => meaning(
            "There is no policy that can be used, so nothing is retried.",
            "Check it with `retrier validate`, and deploy one without errors.",
        ),
        Ruling::WaitStorm => meaning(
            "Many pipelines fail at the same time, so what is wrong is probably in none of them.",
            "Nothing is lost: each failure has its turn within the time that `storm` of the policy sets.",
        ),
        Ruling::WaitClaimOpen => meaning(
            "A retry of this stage is under way, or its end is not known yet.",
            "Nothing to do: the pipeline itself will show whether it happened.",
        ),
        Ruling::WaitActionsInProgress => meaning(
            "Other actions of the stage are still running, and CodePipeline retries only a stage at rest.",
            "Nothing to do: it decides when they have ended.",
        ),
        Ruling::WaitStateUnsettled => meaning(
            "CodePipeline's answers do not show the failure yet, or contradict each other.",
            "Nothing to do right after a failure; with recorded files, record all of them at the same time.",
        ),
        Ruling::WaitCannotVerify => meaning(
            "Something that a safe decision rests on could not be read, so nothing is decided.",
            "Give the missing file here; in production, look at the function's rights to read pipelines.",
        ),
        Ruling::WaitNativeRetryPending => meaning(
            "CodePipeline's own automatic retry of the stage may be about to start, and goes first.",
            "Nothing to do; to leave all retries to the product, remove the stage's automatic retry.",
        ),
        Ruling::WaitFrozen => meaning(
            "A freeze of the policy holds for this stage, or for one that a retry would run on into.",
            "Nothing to do: it decides when the freeze is over, as long as the failure is not too old.",
        ),
        Ruling::GiveUpFrozenTooLong => meaning(
            "A freeze holds for longer than `give-up-after` lets the failure wait.",
            "Retry it by hand after the freeze, or make `give-up-after` in the rule longer.",
        ),
        Ruling::WaitBackoff => meaning(
            "The failure is worth a retry, and the delay before it is not over.",
            "Nothing to do; `backoff` in the rule sets the delay.",
        ),
        Ruling::WaitBudgetEmpty => meaning(
            "So many retries were made that a budget is empty; it waits for the next token.",
            "Look for what makes so much fail at once before making the budget larger.",
        ),
        Ruling::WaitConflict => meaning(
            "CodePipeline is busy with the pipeline and refused the retry for now.",
            "Nothing to do: it is tried again.",
        ),
        Ruling::WaitThrottled => meaning(
            "CodePipeline asked to slow down, or could not be reached.",
            "Nothing to do: it is tried again.",
        ),
        Ruling::WaitConcurrencyLimit => meaning(
            "Too many executions of the pipeline run at once for CodePipeline to start this one again.",
            "Nothing to do: it is tried again.",
        ),
        Ruling::RetryEligible => meaning(
            "Nothing speaks against a retry: the stage is retried now.",
            "Nothing to do; if it fails again, that failure is decided anew.",
        ),
        Ruling::GiveUpCannotVerify => meaning(
            "Something that a safe decision rests on could not be read for as long as a retry was useful.",
            "Look at the function's rights to read pipelines, and retry by hand.",
        ),
        Ruling::GiveUpTooOld => meaning(
            "The failure is older than `give-up-after`, and nobody expects a retry any more.",
            "Retry it by hand if it still matters, or make `give-up-after` in the rule longer.",
        ),
        Ruling::GiveUpNotRetryable => meaning(
            "A failed action has a kind of failure that the rule does not retry.",
            "Mend the cause; if such failures do pass by themselves, add the class to `retry-on`.",
        ),
        Ruling::GiveUpRetriesUsed => meaning(
            "The stage has had all the retries that the rule allows.",
            "Look at the failure: it does not pass by itself.",
        ),
        Ruling::GiveUpBudgetEmpty => meaning(
            "A budget is empty, and its next token comes after `give-up-after`.",
            "Retry it by hand, and look for what used the budget up.",
        ),
        Ruling::GiveUpRefused => meaning(
            "CodePipeline refused the retry for good.",
            "Look at the stage in the console: it has changed since it was read.",
        ),
        Ruling::GiveUpAccessDenied => meaning(
            "The function may not retry this stage.",
            "Add the stage to those that the deployment may retry.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn meanings_are_one_plain_sentence_each() {
        let all = Ruling::ALL.iter().map(|ruling| of_ruling(*ruling));
        for Meaning { means, advice } in
            all.chain([RETRY_IN_SHADOW, CANNOT_READ, NOT_FAILED, UNKNOWN_NOT_RETRIED])
        {
            for sentence in [means, advice] {
                assert!(sentence.starts_with(char::is_uppercase), "{sentence}");
                assert!(sentence.ends_with('.') && !sentence.contains(". "), "{sentence}");
                assert!(sentence.len() <= 115, "{sentence}");
            }
        }
    }

    #[test]
    fn the_page_for_operators_says_the_same() {
        let page = std::fs::read_to_string("docs/reasons.md").unwrap();
        for ruling in Ruling::ALL {
            let Meaning { means, advice } = of_ruling(*ruling);
            let row = format!("| `{ruling}` | {means} | {advice} |");
            assert!(page.lines().any(|line| line == row), "docs/reasons.md has no line\n{row}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, Ruling::ALL.len(), "docs/reasons.md has a reason that nothing gives");
    }

    #[test]
    fn no_two_rulings_mean_the_same() {
        let meanings: BTreeSet<_> = Ruling::ALL.iter().map(|ruling| of_ruling(*ruling).means).collect();
        assert_eq!(meanings.len(), Ruling::ALL.len());
    }
}
