//! Whether this failure is ours to decide: it is the stage's present failure, new, and since the rule is at work.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Checked, Decider, Question, refuse, wait};
use crate::domain::decision::{Ruling, StepName};
use crate::domain::facts::{StageFacts, Unfit, gather};
use crate::domain::ids::ActionExecutionId;
use crate::domain::pipeline::{ExecutionKind, ExecutionMode, ExecutionStatus, Gap};
use crate::domain::policy::ParallelRetries;
use crate::domain::screen::look_again;
use crate::domain::stage_run::after;

/// How much later than the last change of its actions a stage's event may be.
const EVENT_LAG: SignedDuration = SignedDuration::from_secs(5);

impl Decider<'_, '_> {
    pub(super) fn facts(&mut self) -> Checked<StageFacts> {
        let step = StepName::StageState;
        let facts = gather(&self.question.record.id, self.question.reading).or_else(|unfit| match unfit {
            Unfit::PipelineGone => {
                refuse(Ruling::IgnorePipelineGone, step, "the pipeline does not exist any more")
            }
            Unfit::StageGone => refuse(Ruling::IgnoreStageGone, step, "the stage does not exist any more"),
            Unfit::ExecutionGone => self.unless_unsettled(
                Ruling::IgnoreNotLatestExecution,
                "CodePipeline knows no such execution".into(),
            ),
            Unfit::Unsettled => wait(
                Ruling::WaitStateUnsettled,
                self.settled_soon(),
                step,
                "state and history of the stage contradict each other, so one of them is stale",
            ),
            Unfit::Unverified { operation, gap } => self.cannot_verify(operation, gap),
        })?;
        self.decision.failed = facts.failure();
        self.decision.failed_at = facts.failed_at();
        Ok(facts)
    }

    fn cannot_verify<T>(&self, operation: &str, gap: Gap) -> Checked<T> {
        wait(
            Ruling::WaitCannotVerify,
            look_again(
                self.question.hint.time,
                self.question.covered.rule.settings.give_up_after,
                self.question.now,
            ),
            StepName::StageState,
            format!("{operation} could not be read: {}", gap.as_str()),
        )
    }

    /// When to look again at answers that contradict each other: within the minute at first, since one is only late.
    fn settled_soon(&self) -> Timestamp {
        let lasted = self.question.now.duration_since(self.question.hint.time);
        let pause = (lasted / 4).clamp(SignedDuration::from_secs(30), SignedDuration::from_mins(5));
        after(self.question.now, pause)
    }

    /// Right after an event the state may still be an older one: what it seems to say is believed only later.
    fn unless_unsettled<T>(&self, ruling: Ruling, detail: String) -> Checked<T> {
        self.step_unless_unsettled(StepName::StageState, ruling, detail)
    }

    fn step_unless_unsettled<T>(&self, step: StepName, ruling: Ruling, detail: String) -> Checked<T> {
        if self.is_settled() { refuse(ruling, step, detail) } else { self.unsettled(step, &detail) }
    }

    fn is_settled(&self) -> bool {
        self.question.now >= self.settled_at()
    }

    pub(super) fn settled_at(&self) -> Timestamp {
        after(self.question.hint.time, self.question.timing.unsettled)
    }

    fn unsettled<T>(&self, step: StepName, detail: &str) -> Checked<T> {
        let detail = format!("{detail}, but the state may not have caught up with the event yet");
        wait(Ruling::WaitStateUnsettled, self.settled_at(), step, detail)
    }

    /// The stage is not failed. That is believed at once where the history shows that the event's failure was retried:
    /// events carry whole seconds, so a retry a second later is certainly after it.
    fn not_failed<T>(&self, facts: &StageFacts, detail: String) -> Checked<T> {
        let failed_before = after(self.question.hint.time, SignedDuration::from_secs(1));
        if facts.earlier.iter().any(|attempt| attempt.retried_at >= failed_before) {
            let detail = format!("{detail}: it has been retried since the event");
            return refuse(Ruling::IgnoreNotFailed, StepName::StageState, detail);
        }
        self.unless_unsettled(Ruling::IgnoreNotFailed, detail)
    }

    pub(super) fn duplicate(&mut self, facts: &StageFacts) -> Checked<()> {
        let Question { record, own_claim, covered, .. } = *self.question;
        let failure = facts.failure();
        let own = record.claim.as_ref().filter(|_| own_claim).map(|claim| &claim.failed);
        // What was done for real is done in shadow as well; the other way round it was only thought of.
        let tallies = [Some(&record.live), covered.shadow.then_some(&record.shadow)];
        for tally in tallies.into_iter().flatten() {
            let answers = |id: &ActionExecutionId| {
                tally.answered.contains(id) && !own.is_some_and(|own| own.contains(id))
            };
            if failure.iter().any(answers) {
                return self.step_unless_unsettled(
                    StepName::Duplicate,
                    Ruling::IgnoreAlreadyAnswered,
                    format!("retry {} already answers this failure", tally.used),
                );
            }
        }
        let is_within =
            |closed: &BTreeSet<ActionExecutionId>| !failure.is_empty() && failure.is_subset(closed);
        // Somebody may have retried it since, and the event tell of the failure after that.
        let detail = "this failure has had its final decision";
        if is_within(&record.tally(covered.shadow).closed) {
            let ruling = Ruling::IgnoreAlreadyAnswered;
            return self.step_unless_unsettled(StepName::Duplicate, ruling, detail.into());
        }
        if covered.shadow && is_within(&record.live.closed) && !self.is_settled() {
            return self.unsettled(StepName::Duplicate, detail);
        }
        self.pass(StepName::Duplicate, "not decided before");
        Ok(())
    }

    pub(super) fn stage_state(&mut self, facts: &StageFacts) -> Checked<()> {
        let step = StepName::StageState;
        if facts.kind == ExecutionKind::Rollback {
            return refuse(Ruling::IgnoreRollbackExecution, step, "the execution is a rollback");
        }
        self.latest(facts)?;
        for status in [facts.status, facts.execution_status] {
            if matches!(
                status,
                ExecutionStatus::Stopping | ExecutionStatus::Stopped | ExecutionStatus::Cancelled
            ) {
                let detail = format!("the execution is {}", status.as_str().to_lowercase());
                return refuse(Ruling::IgnoreStopped, step, detail);
            }
        }
        if facts.version != facts.current_version {
            let detail = format!(
                "the pipeline was edited: version {} is in force, the execution has {}",
                facts.current_version, facts.version
            );
            return refuse(Ruling::IgnoreStructureChanged, step, detail);
        }
        if let Some(approval) = &facts.rejected {
            let detail = format!("approval `{approval}` was rejected or not given in time");
            return refuse(Ruling::IgnoreApprovalRejected, step, detail);
        }
        if facts.failed.is_empty() && facts.status == ExecutionStatus::Failed && facts.in_progress.is_empty()
        {
            return self.unless_unsettled(
                Ruling::IgnoreNoFailedActions,
                "the stage failed without a failed action, by a condition".into(),
            );
        }
        if facts.failed.is_empty() || facts.status == ExecutionStatus::Succeeded {
            let detail = format!("the stage is {}", facts.status);
            return self.not_failed(facts, detail);
        }
        if let Some(running) = facts.in_progress.first() {
            let since = facts.failed_at().unwrap_or(self.question.now);
            let until = self.look_again(since, SignedDuration::from_mins(5));
            let detail = format!("action `{running}` of the stage is still running");
            return wait(Ruling::WaitActionsInProgress, until, step, detail);
        }
        if facts.status != ExecutionStatus::Failed {
            let detail = format!("the stage is {}", facts.status);
            return self.not_failed(facts, detail);
        }
        self.is_of_the_event(facts)?;
        let names: Vec<String> = facts.failed.iter().map(|action| format!("`{}`", action.name)).collect();
        self.pass(step, format!("failed: {}; nothing of the stage is running", names.join(", ")));
        Ok(())
    }

    /// What failed before the event may be an earlier failure of the stage than the one that the event tells of: somebody
    /// has retried it since, and it shows no more than that the state is an older one.
    fn is_of_the_event(&self, facts: &StageFacts) -> Checked<()> {
        let hint = self.question.hint;
        let is_older = facts.last_change.is_some_and(|last| after(last, EVENT_LAG) < hint.time);
        // A sweep has seen the failure itself.
        if is_older && !hint.key.is_swept() && !self.is_settled() {
            return self.unsettled(StepName::StageState, "what has failed failed before the event");
        }
        Ok(())
    }

    fn latest(&self, facts: &StageFacts) -> Checked<()> {
        let independent = facts.mode == ExecutionMode::Parallel
            && self.question.covered.rule.settings.parallel == ParallelRetries::Independent;
        if facts.execution_status == ExecutionStatus::Superseded {
            return self
                .unless_unsettled(Ruling::IgnoreNotLatestExecution, "the execution was superseded".into());
        }
        match &facts.replaced_by {
            Some(other) if !independent => self.unless_unsettled(
                Ruling::IgnoreNotLatestExecution,
                format!("execution {other} has entered the stage"),
            ),
            _ => Ok(()),
        }
    }

    /// The stage's own failure counts here, not that of its action: the rule is put to work by the stage's event, which
    /// comes only after the last action has ended.
    pub(super) fn activation(&mut self, stage_failed_at: Timestamp) -> Checked<()> {
        let Question { record, covered, controls, .. } = *self.question;
        let decided_in_shadow = !covered.shadow
            && (self.decision.failed.iter())
                .any(|id| record.shadow.answered.contains(id) || record.shadow.closed.contains(id));
        if decided_in_shadow {
            return self.step_unless_unsettled(
                StepName::Activation,
                Ruling::IgnoreBeforeActivation,
                "it was decided while the rule was in mode `shadow`".into(),
            );
        }
        let rule = &covered.rule.name;
        let detail = match controls.active_since.get(&(rule.clone(), covered.shadow)) {
            Some(since) if stage_failed_at < *since => {
                let detail = format!("it failed before rule `{rule}` became active at {since:.0}");
                return refuse(Ruling::IgnoreBeforeActivation, StepName::Activation, detail);
            }
            Some(since) => format!("rule `{rule}` has been at work since {since:.0}"),
            None => format!("rule `{rule}` is at work"),
        };
        self.pass(StepName::Activation, detail);
        Ok(())
    }
}
