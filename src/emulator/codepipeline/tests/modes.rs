//! How executions share the stages, by mode.

use super::*;
use crate::domain::pipeline::ExecutionStatus::{InProgress, Superseded};

/// Source takes no time, Test takes a minute.
fn slow_test() -> PipelineDefinition {
    pipeline([
        stage("Source", [action("Fetch", [succeeds(0)])]),
        stage("Test", [action("Browser", [succeeds(60)])]),
    ])
}

fn started(bench: &mut Bench, count: usize) -> Vec<ExecutionId> {
    (0..count).map(|_| bench.start_and_wait(1)).collect()
}

#[test]
fn a_newer_execution_that_waits_supersedes_the_older() {
    let mut bench = Bench::new(slow_test());
    let ids = started(&mut bench, 4);
    let statuses: Vec<_> = ids.iter().map(|id| bench.status(id)).collect();
    assert_eq!(statuses, [InProgress, Superseded, Superseded, InProgress]);
    assert!(bench.events().contains(&"Pipeline SUPERSEDED".to_owned()));
    bench.wait(60);
    assert_eq!(bench.in_stage("Test"), Some(ids[3].clone()));
}

#[test]
fn queued_executions_enter_in_the_order_of_their_arrival() {
    let mut bench = Bench::new(slow_test().in_mode(ExecutionMode::Queued));
    let ids = started(&mut bench, 3);
    for id in &ids {
        assert_eq!(bench.in_stage("Test"), Some(id.clone()));
        bench.wait(60);
        assert_eq!(bench.status(id), ExecutionStatus::Succeeded);
    }
}

#[test]
fn a_queued_execution_can_be_retried_while_others_wait_in_earlier_stages() {
    let definition = three_stages([fails(10), succeeds(10)]).in_mode(ExecutionMode::Queued);
    let mut bench = Bench::new(definition);
    let first = bench.start_and_wait(15);
    bench.start_and_wait(5);
    assert_eq!(bench.status(&first), ExecutionStatus::Failed);
    bench.retry("Test", &first);
}

#[test]
fn parallel_executions_run_side_by_side_and_leave_no_state() {
    let mut bench = Bench::new(slow_test().in_mode(ExecutionMode::Parallel));
    let ids = started(&mut bench, 3);
    for id in &ids {
        assert_eq!(bench.run_statuses(id, "Browser"), [ActionStatus::InProgress]);
    }
    assert_eq!(bench.stage_status("Test"), None);
    assert_eq!(bench.action("Test", "Browser"), None);
    let entries = bench.service.stage_entries(&bench.name, &stage_name("Test"));
    let entries = entries.unwrap();
    let entered: Vec<_> = entries.iter().map(|entry| &entry.execution).collect();
    assert_eq!(entered, ids.iter().collect::<Vec<_>>());
    assert!(entries.is_sorted_by_key(|entry| entry.entered));
}

#[test]
fn parallel_executions_can_be_retried_each() {
    let definition = three_stages([fails(10), fails(10), succeeds(10)]);
    let mut bench = Bench::new(definition.in_mode(ExecutionMode::Parallel));
    let first = bench.start();
    let second = bench.start_and_wait(20);
    for id in [&first, &second] {
        assert_eq!(bench.status(id), ExecutionStatus::Failed);
        bench.retry("Test", id);
    }
    bench.wait(20);
    for id in [&first, &second] {
        assert_eq!(bench.status(id), ExecutionStatus::Succeeded);
        assert_eq!(bench.run_statuses(id, "Browser"), [ActionStatus::Failed, ActionStatus::Succeeded]);
    }
}

#[test]
fn after_a_change_to_parallel_the_state_is_the_last_one_of_the_old_mode() {
    let mut bench = Bench::new(slow_test());
    let old = bench.start_and_wait(60);
    let parallel = slow_test().in_mode(ExecutionMode::Parallel);
    bench.service.update_pipeline(bench.now, parallel).unwrap();
    let new = bench.start_and_wait(60);
    assert_eq!(bench.status(&new), ExecutionStatus::Succeeded);
    assert_eq!(bench.in_stage("Test"), Some(old.clone()));
    assert_eq!(bench.action("Test", "Browser").unwrap().id, bench.runs(&old, "Browser")[0].id);
}

#[test]
fn an_action_shows_its_last_run_whichever_execution_that_was_for() {
    let mut bench = Bench::new(pipeline([stage(
        "Test",
        [action("First", [succeeds(1), fails(1)]), action("Second", [succeeds(1)]).in_order(2)],
    )]));
    let first = bench.start_and_wait(5);
    let second = bench.start_and_wait(5);
    assert_eq!(bench.in_stage("Test"), Some(second.clone()));
    assert_eq!(bench.action("Test", "First").unwrap().id, bench.runs(&second, "First")[0].id);
    assert_eq!(bench.action("Test", "Second").unwrap().id, bench.runs(&first, "Second")[0].id);
}

#[test]
fn executions_are_listed_newest_first() {
    let mut bench = Bench::new(slow_test());
    let mut ids = started(&mut bench, 3);
    ids.reverse();
    let listed = bench.service.list_executions(&bench.name).unwrap();
    let listed: Vec<_> = listed.into_iter().map(|summary| summary.id).collect();
    assert_eq!(listed, ids);
}
