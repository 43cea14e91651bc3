//! Conditions at the entry to a stage and at its success.

use super::super::{BeforeEntry, OnSuccess};
use super::*;

#[test]
fn a_condition_before_entry_fails_the_stage_without_a_run() {
    let mut definition = three_stages([succeeds(10)]);
    definition.stages[1].before_entry = BeforeEntry::Fail;
    definition.stages[1].native_retry = Some(RetryMode::FailedActions);
    let mut bench = Bench::new(definition);
    let id = bench.start_and_wait(60);
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Failed));
    assert_eq!(bench.runs(&id, "Browser"), []);
    assert_eq!(bench.refused("Test", &id), Exception::StageNotRetryable);
}

#[test]
fn a_skipped_stage_says_nothing_and_the_next_one_runs() {
    let mut definition = three_stages([succeeds(10)]);
    definition.stages[1].before_entry = BeforeEntry::Skip;
    let mut bench = Bench::new(definition);
    let id = bench.start_and_wait(20);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Skipped));
    assert_eq!(bench.refused("Test", &id), Exception::StageNotRetryable);
    let events = bench.events();
    assert!(!events.iter().any(|event| event.starts_with("Stage Test")));
}

#[test]
fn a_condition_on_success_fails_a_stage_whose_actions_all_succeeded() {
    let mut definition = three_stages([succeeds(10)]);
    definition.stages[1].on_success = OnSuccess::Fail;
    let mut bench = Bench::new(definition);
    let id = bench.start_and_wait(60);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Failed));
    assert_eq!(bench.run_statuses(&id, "Browser"), [ActionStatus::Succeeded]);
    assert_eq!(bench.refused("Test", &id), Exception::StageNotRetryable);
}
