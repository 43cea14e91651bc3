//! What happens inside a stage while nothing goes wrong: actions start by run order, end, and the stage goes on.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::domain::ids::{ActionExecutionId, ActionName, Region};
use crate::domain::pipeline::{ActionStatus, Category, ChangeSetPart, ErrorDetails, ExecutionStatus};
use crate::domain::text::EvidenceText;

use super::agenda::Happening;
use super::approval::APPROVAL_TIMEOUT;
use super::cause::Cause;
use super::definition::{OnSuccess, Outcome};
use super::events::State;
use super::execution::{ActionRecord, StageKey};
use super::provider::Named;
use super::scene::Scene;

/// Time in which CloudFormation says that a change set is not there.
const LOOK_UP: SignedDuration = SignedDuration::from_secs(1);

impl Scene<'_> {
    /// Starts the actions of the next run order; without one, the stage has succeeded.
    pub(super) fn start_next_order(&mut self, key: &StageKey) -> Option<()> {
        let structure = Arc::clone(&self.pipeline.executions.get(&key.execution)?.structure);
        let stage = structure.definition.stage(&key.stage)?;
        let run = self.pipeline.stage_run_mut(key)?;
        let Some(order) = stage.order_after(run.order) else {
            return self.succeed(key, stage.on_success);
        };
        run.order = order;
        for action in stage.actions.iter().filter(|action| action.run_order == order) {
            self.start_action(key, &action.name);
        }
        Some(())
    }

    /// Starts one run of one action.
    pub(super) fn start_action(&mut self, key: &StageKey, name: &ActionName) -> Option<()> {
        let execution = self.pipeline.executions.get(&key.execution)?;
        let is_parallel = execution.is_parallel();
        let structure = Arc::clone(&execution.structure);
        let action = structure.definition.stage(&key.stage)?.action(name)?;
        let plan = self.drawn(key, name);
        let counted = (key.stage.clone(), name.clone());
        let count = self.pipeline.run_counts.entry(counted).or_default();
        let plan = plan.unwrap_or_else(|| action.outcome(*count));
        *count += 1;
        let region = action.region.as_ref().unwrap_or(&self.shared.region).clone();
        let plan = self.without_change_set(&region, action.change_set.as_ref()).unwrap_or(plan);

        let id = self.shared.ids.action_execution();
        let pipeline = self.pipeline.name().clone();
        let stack = action.stack_name(&pipeline);
        let (external_id, token, due) = if action.category == Category::Approval {
            let due = self.plan(APPROVAL_TIMEOUT, Happening::ApprovalExpires(id.clone()));
            (None, Some(self.shared.ids.next()), Some(due))
        } else {
            let due = match plan {
                Outcome::Succeed { after } | Outcome::Fail { after, .. } => {
                    Some(self.plan(after, Happening::ActionEnds(id.clone())))
                }
                Outcome::Hang => None,
            };
            let uuid = self.shared.ids.next();
            let named = Named {
                pipeline: &pipeline,
                action: name,
                id: &id,
                provider: &action.provider,
                region: &region,
                stack,
                makes: match &action.change_set {
                    Some(ChangeSetPart::Makes(set)) => Some(&set.name),
                    _ => None,
                },
                uuid,
            };
            (Some(self.shared.external_id(named)), None, due)
        };
        let record = ActionRecord {
            id: id.clone(),
            number: self.pipeline.next_run(),
            key: key.clone(),
            action: name.clone(),
            category: action.category,
            provider: action.provider.clone(),
            region,
            stack: stack.to_owned(),
            change_set: action.change_set.clone(),
            plan,
            status: ActionStatus::InProgress,
            started: self.now,
            changed: self.now,
            error: ErrorDetails::default(),
            external_id,
            token,
            due,
        };
        let run = self.pipeline.stage_run_mut(key)?;
        run.count(name, &id);
        if !is_parallel {
            let row = self.pipeline.row(&key.stage);
            row.actions.insert(name.clone(), id.clone());
        }
        self.pipeline.runs.insert(id.clone(), record);
        self.tell_action(&id, State::Started)
    }

    /// A run ends as its script said when it started.
    pub(super) fn end_as_planned(&mut self, id: &ActionExecutionId) -> Option<()> {
        match self.pipeline.runs.get(id)?.plan.clone() {
            Outcome::Succeed { .. } => self.end_action(id, ActionStatus::Succeeded, ErrorDetails::default()),
            Outcome::Fail { code, message, summary, .. } => self.end_action(
                id,
                ActionStatus::Failed,
                ErrorDetails {
                    code: Some(code),
                    message: EvidenceText::new(message),
                    summary: EvidenceText::new(summary),
                },
            ),
            Outcome::Hang => None,
        }
    }

    /// A run ends, and its stage takes notice.
    pub(super) fn end_action(
        &mut self,
        id: &ActionExecutionId,
        status: ActionStatus,
        error: ErrorDetails,
    ) -> Option<()> {
        let key = self.close_run(id, status, error)?;
        self.take_notice(&key)
    }

    /// A run ends.
    pub(super) fn close_run(
        &mut self,
        id: &ActionExecutionId,
        status: ActionStatus,
        error: ErrorDetails,
    ) -> Option<StageKey> {
        let record = self.pipeline.runs.get_mut(id)?;
        record.status = status;
        record.changed = self.now;
        record.error = error;
        if let Some(slot) = record.due.take() {
            self.shared.agenda.strike(slot);
        }
        let key = record.key.clone();
        if let Some(part) = &record.change_set {
            let reason = match record.cause() {
                Some(Cause::ChangeSet(reason)) => Some(reason.as_str()),
                _ => None,
            };
            let (region, arn) = (&record.region, record.external_id.as_ref());
            self.shared.change_sets.note_end(region, part, status, arn, reason);
        }
        self.tell_action(id, State::of_action(status))?;
        Some(key)
    }

    /// What the ends of actions so far mean for their stage.
    fn take_notice(&mut self, key: &StageKey) -> Option<()> {
        let edited = self.pipeline.executions.get(&key.execution)?.edited;
        let status = self.pipeline.stage_run(key)?.status;
        let still_runs = self.pipeline.has_current(key, ActionStatus::InProgress);
        if status == ExecutionStatus::Stopping {
            return if still_runs { Some(()) } else { self.conclude_stop(key) };
        }
        if edited {
            return if still_runs { Some(()) } else { self.conclude_edit(key) };
        }
        if self.pipeline.has_current(key, ActionStatus::Failed) {
            return self.notice_failure(key, still_runs);
        }
        if still_runs {
            return Some(());
        }
        self.start_next_order(key)
    }

    /// Every action of the stage succeeded.
    fn succeed(&mut self, key: &StageKey, condition: OnSuccess) -> Option<()> {
        match condition {
            OnSuccess::Fail => self.fail_by_condition(key),
            OnSuccess::Pass => {
                self.pipeline.stage_run_mut(key)?.status = ExecutionStatus::Succeeded;
                self.tell_stage(key, State::Succeeded);
                self.move_on(key)
            }
        }
    }

    /// What CloudFormation answers when the change set to execute is no longer there: only making it again helps.
    fn without_change_set(&self, region: &Region, part: Option<&ChangeSetPart>) -> Option<Outcome> {
        match part {
            Some(ChangeSetPart::Executes(set)) if self.shared.change_sets.is_gone(region, set) => {
                Some(Outcome::fail(LOOK_UP, format!("ChangeSet [{}] does not exist", set.name)))
            }
            _ => None,
        }
    }
}
