//! What became of a failure that was retried, by us or by somebody.

use std::collections::BTreeSet;

use super::StageFacts;
use crate::domain::ids::{ActionExecutionId, StageRunId};
use crate::domain::pipeline::{ExecutionStatus, Reading, StageReading};
use crate::domain::stage_run::Progress;

/// How a retry of this failure went, once that shows; none while it does not.
pub fn outcome_of(retried: &BTreeSet<ActionExecutionId>, facts: &StageFacts) -> Option<Progress> {
    if facts.failed.iter().any(|action| retried.contains(&action.id)) {
        return None;
    }
    let retried_at = facts.earlier.iter().find(|attempt| !attempt.failed.is_disjoint(retried))?.retried_at;
    let failed_again = facts.failed.iter().any(|action| action.started >= retried_at)
        || facts.earlier.iter().any(|attempt| attempt.retried_at > retried_at);
    if failed_again {
        return Some(Progress::FailedAgain);
    }
    match (facts.status, facts.execution_status) {
        (ExecutionStatus::Succeeded, _) if facts.in_progress.is_empty() => Some(Progress::Recovered),
        // Its actions are well, and the stage failed all the same: by a condition, or since the pipeline was edited.
        (ExecutionStatus::Failed, _) if facts.in_progress.is_empty() && facts.failed.is_empty() => {
            Some(Progress::FailedAgain)
        }
        (ExecutionStatus::Stopped | ExecutionStatus::Cancelled | ExecutionStatus::Superseded, _)
        | (_, ExecutionStatus::Stopped | ExecutionStatus::Cancelled | ExecutionStatus::Superseded) => {
            Some(Progress::Ended)
        }
        _ => None,
    }
}

/// Whether the stage, read again, shows that a failed action has been run again since.
pub fn moved_on(
    run: &StageRunId,
    earlier: &Reading,
    failed: &BTreeSet<ActionExecutionId>,
    stage: &StageReading,
) -> bool {
    let known = earlier.actions.as_deref().unwrap_or_default();
    known.iter().filter(|action| failed.contains(&action.id)).any(|failed| match stage {
        StageReading::State(Ok(state)) => state
            .stages
            .iter()
            .filter(|stage| stage.name == run.stage)
            .filter(|stage| stage.latest.as_ref().is_some_and(|latest| latest.execution == run.execution))
            .flat_map(|stage| &stage.actions)
            .filter(|action| action.name == failed.action)
            .filter_map(|action| action.latest.as_ref())
            .any(|shown| shown.id != failed.id && shown.last_change >= failed.last_change),
        StageReading::Parallel { actions: Ok(actions), .. } => actions.iter().any(|shown| {
            shown.execution == run.execution
                && shown.stage == run.stage
                && shown.action == failed.action
                && shown.started >= failed.last_change
                && shown.id != failed.id
        }),
        StageReading::State(Err(_)) | StageReading::Parallel { .. } => false,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::facts::{EarlierFailure, FailedAction};
    use crate::domain::ids::{
        AccountId, ActionName, ExecutionId, Partition, PipelineArn, PipelineName, Region, StageName,
    };
    use crate::domain::pipeline::{
        ActionExecution, ActionStatus, Category, ErrorDetails, ExecutionKind, ExecutionMode, Gap, Transition,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ids(ids: &[&str]) -> BTreeSet<ActionExecutionId> {
        ids.iter().map(|id| ActionExecutionId::parse(*id).unwrap()).collect()
    }

    fn name() -> ActionName {
        ActionName::parse("Unit").unwrap()
    }

    /// A failure of second 10 that was retried at second 20, and what else there is.
    fn facts(status: ExecutionStatus, running: bool, failed: &[(&str, i64)]) -> StageFacts {
        let failed_action = |(id, started): &(&str, i64)| FailedAction {
            name: name(),
            id: ActionExecutionId::parse(*id).unwrap(),
            category: Category::Build,
            provider: String::new(),
            region: None,
            external_id: None,
            started: at(*started),
            failed_at: at(*started),
            error: ErrorDetails::default(),
        };
        StageFacts {
            mode: ExecutionMode::Superseded,
            status,
            execution_status: ExecutionStatus::InProgress,
            kind: ExecutionKind::Standard,
            replaced_by: None,
            version: 1,
            current_version: 1,
            failed: failed.iter().map(failed_action).collect(),
            last_change: None,
            rejected: None,
            in_progress: Vec::from_iter(running.then(name)),
            transition: Transition::Enabled,
            native_retry: false,
            native_retry_fired: None,
            earlier: vec![EarlierFailure { failed: ids(&["first"]), failed_at: at(10), retried_at: at(20) }],
            needs_all_actions: false,
        }
    }

    #[test]
    fn a_retry_has_ended_when_the_stage_has() {
        use ExecutionStatus::{Failed, InProgress, Stopped, Succeeded};
        let again = Some(Progress::FailedAgain);
        for (status, running, failed, expected) in [
            (Succeeded, false, &[][..], Some(Progress::Recovered)),
            (Succeeded, true, &[], None),
            (InProgress, false, &[], None),
            (Stopped, true, &[], Some(Progress::Ended)),
            // Without a failed action: by a condition.
            (Failed, false, &[], again),
            (Failed, true, &[], None),
            // What failed beside it was not run again.
            (Failed, false, &[("beside", 19)], None),
            (Failed, true, &[("beside", 19)], None),
            (Failed, false, &[("second", 20)], again),
            (InProgress, true, &[("second", 21)], again),
            // It still shows as failed.
            (Failed, false, &[("first", 10)], None),
        ] {
            let facts = facts(status, running, failed);
            assert_eq!(outcome_of(&ids(&["first"]), &facts), expected, "{status} {running} {failed:?}");
        }
    }

    #[test]
    fn a_retry_that_was_followed_by_another_has_failed_again() {
        let mut facts = facts(ExecutionStatus::Succeeded, false, &[]);
        let later = EarlierFailure { failed: ids(&["second"]), failed_at: at(30), retried_at: at(40) };
        facts.earlier.push(later);
        assert_eq!(outcome_of(&ids(&["first"]), &facts), Some(Progress::FailedAgain));
        assert_eq!(outcome_of(&ids(&["second"]), &facts), Some(Progress::Recovered));
        assert_eq!(outcome_of(&ids(&["unknown"]), &facts), None);
    }

    fn run() -> StageRunId {
        StageRunId {
            pipeline: PipelineArn {
                partition: Partition::parse("aws").unwrap(),
                region: Region::parse("eu-central-1").unwrap(),
                account: AccountId::parse("111122223333").unwrap(),
                name: PipelineName::parse("shop").unwrap(),
            },
            execution: ExecutionId::parse("e-1").unwrap(),
            stage: StageName::parse("Test").unwrap(),
        }
    }

    /// A run of the action, from second `started` to the next.
    fn action_run(id: &str, started: i64) -> ActionExecution {
        ActionExecution {
            execution: run().execution,
            stage: run().stage,
            action: name(),
            id: ActionExecutionId::parse(id).unwrap(),
            status: ActionStatus::Failed,
            category: Category::Build,
            provider: String::new(),
            region: None,
            external_id: None,
            started: at(started),
            last_change: at(started + 1),
            error: ErrorDetails::default(),
        }
    }

    #[test]
    fn without_a_state_only_a_later_run_of_the_failed_action_is_a_move() {
        let earlier = Reading {
            state: Err(Gap::NotRead),
            execution: Err(Gap::Unavailable),
            structure: Err(Gap::Unavailable),
            actions: Ok(vec![action_run("first", 10)]),
            entries: Err(Gap::NotRead),
        };
        let has_moved = |change: &dyn Fn(&mut ActionExecution)| {
            let mut shown = action_run("second", 11);
            change(&mut shown);
            let stage = StageReading::Parallel {
                execution: Err(Gap::Unavailable),
                actions: Ok(vec![action_run("first", 10), shown]),
                entries: Err(Gap::Unavailable),
            };
            moved_on(&run(), &earlier, &ids(&["first"]), &stage)
        };
        assert!(has_moved(&|_| ()));
        assert!(!has_moved(&|shown| shown.execution = ExecutionId::parse("e-2").unwrap()));
        assert!(!has_moved(&|shown| shown.stage = StageName::parse("Prod").unwrap()));
        assert!(!has_moved(&|shown| shown.action = ActionName::parse("Lint").unwrap()));
        assert!(!has_moved(&|shown| shown.started = at(10)));
        assert!(!has_moved(&|shown| shown.id = ActionExecutionId::parse("first").unwrap()));
    }
}
