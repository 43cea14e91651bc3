//! When a retry is refused, and with what.

use super::*;
use crate::domain::pipeline::Refusal;

fn failed() -> (Bench, ExecutionId) {
    let mut bench = Bench::new(three_stages([fails(10), succeeds(10)]));
    let id = bench.start_and_wait(20);
    (bench, id)
}

#[test]
fn unknown_pipelines_and_stages_have_their_own_exceptions() {
    let (mut bench, id) = failed();
    assert_eq!(bench.refused("Nowhere", &id), Exception::StageNotFound);
    bench.name = pipeline_name("gone");
    assert_eq!(bench.refused("Test", &id), Exception::PipelineNotFound);
}

#[test]
fn ids_that_are_malformed_or_of_nobody_are_invalid() {
    let (mut bench, _) = failed();
    for bad in ["nobody", "00000000-0000-4000-8000-00000000ffff"] {
        let bad = ExecutionId::parse(bad).unwrap();
        assert_eq!(bench.refused("Test", &bad), Exception::Validation);
    }
}

#[test]
fn a_stage_that_runs_succeeded_or_was_not_reached_is_not_retryable() {
    let (mut bench, id) = failed();
    for stage in ["Source", "Prod"] {
        assert_eq!(bench.refused(stage, &id), Exception::StageNotRetryable);
    }
    bench.retry("Test", &id);
    assert_eq!(bench.refused("Test", &id), Exception::StageNotRetryable);
}

#[test]
fn an_execution_is_out_of_date_once_another_one_has_entered_the_stage() {
    let (mut bench, id) = failed();
    bench.start_and_wait(9);
    bench.retry("Test", &id);
    let (mut bench, id) = failed();
    bench.start_and_wait(10);
    let refused = bench.refused("Test", &id);
    assert_eq!(refused, Exception::NotLatestPipelineExecution);
}

#[test]
fn a_failure_gives_the_stage_to_whoever_waits_and_so_cannot_be_retried() {
    let mut bench = Bench::new(three_stages([fails(30), succeeds(10)]));
    let first = bench.start_and_wait(10);
    let second = bench.start_and_wait(30);
    assert_eq!(bench.status(&first), ExecutionStatus::Failed);
    assert_eq!(bench.in_stage("Test"), Some(second));
    let refused = bench.refused("Test", &first);
    assert_eq!(refused, Exception::NotLatestPipelineExecution);
}

#[test]
fn a_stage_is_not_retryable_once_the_structure_has_changed() {
    let (mut bench, id) = failed();
    let version = bench.service.update_pipeline(bench.now, three_stages([succeeds(1)])).unwrap();
    assert_eq!(version, 2);
    assert_eq!(bench.refused("Test", &id), Exception::StageNotRetryable);
}

#[test]
fn all_actions_cannot_start_over_while_one_runs_but_failed_ones_can() {
    let switches = Switches { fail_with_siblings_running: true, ..Switches::default() };
    let quick = action("Quick", [fails(5), succeeds(5)]);
    let slow = action("Slow", [succeeds(60)]);
    let mut bench = Bench::with(switches, pipeline([stage("Test", [quick, slow])]));
    let id = bench.start_and_wait(10);
    let answer = bench.try_retry("Test", &id, RetryMode::AllActions);
    assert_eq!(answer.unwrap_err().exception, Exception::StageNotRetryable);
    bench.retry("Test", &id);
    assert_eq!(bench.run_statuses(&id, "Slow"), [ActionStatus::InProgress]);
    bench.wait(50);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
}

#[test]
fn a_stopped_execution_is_not_retryable() {
    let mut bench = Bench::new(three_stages([fails(10)]));
    let id = bench.start_and_wait(15);
    bench.service.stop_pipeline_execution(bench.now, &bench.name, &id, false, None).unwrap();
    assert_eq!(bench.refused("Test", &id), Exception::StageNotRetryable);
    bench.wait(10);
    assert_eq!(bench.status(&id), ExecutionStatus::Stopped);
    assert_eq!(bench.refused("Test", &id), Exception::StageNotRetryable);
}

#[test]
fn a_planned_refusal_comes_once_and_changes_nothing() {
    let (mut bench, id) = failed();
    bench.events();
    let busy = ServiceError::new(Exception::Conflict, "busy");
    bench.service.refuse_next_retry(busy);
    assert_eq!(bench.refused("Test", &id), Exception::Conflict);
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
    assert_eq!(bench.events(), Vec::<String>::new());
    bench.retry("Test", &id);
}

#[test]
fn a_retry_counts_against_the_limit_of_concurrent_executions() {
    for mode in [ExecutionMode::Queued, ExecutionMode::Parallel] {
        let switches = Switches { concurrency_limit: 1, ..Switches::default() };
        let definition = three_stages([fails(10), succeeds(10)]).in_mode(mode);
        let mut bench = Bench::with(switches, definition);
        let first = bench.start_and_wait(20);
        bench.start();
        let limit = Exception::ConcurrentPipelineExecutionsLimitExceeded;
        assert_eq!(bench.refused("Test", &first), limit);
        let answer = bench.service.start_pipeline_execution(bench.now, &bench.name);
        assert_eq!(answer.unwrap_err().exception, limit);
    }
}

#[test]
fn an_execution_in_progress_is_within_the_limit_already() {
    let switches = Switches { concurrency_limit: 1, fail_with_siblings_running: true, ..Switches::default() };
    let quick = action("Quick", [fails(5), succeeds(5)]);
    let slow = action("Slow", [succeeds(60)]);
    let definition = pipeline([stage("Test", [quick, slow])]).in_mode(ExecutionMode::Queued);
    let mut bench = Bench::with(switches, definition);
    let id = bench.start_and_wait(10);
    bench.retry("Test", &id);
}

#[test]
fn every_refusal_of_a_retry_has_a_word_in_the_domain() {
    let (mut bench, id) = failed();
    bench.start_and_wait(10);
    let refused = bench.refused("Test", &id);
    assert_eq!(refused.refusal().map(Refusal::as_str), Some(refused.as_str()));
    assert_eq!(Exception::InvalidStructure.refusal(), None);
}
