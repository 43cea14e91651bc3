//! What a retry by hand does.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_failed_action_is_run_again_and_the_pipeline_goes_on_with_both_runs_in_its_history() {
    let mut bench = Bench::new(three_stages([fails(10), succeeds(10)]));
    let id = bench.start_and_wait(20);
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Failed));
    let failed = bench.action("Test", "Browser").unwrap();
    assert_eq!(failed.error.code.as_deref(), Some("JobFailed"));
    assert_eq!(failed.error.message.expose(), "connection reset");
    assert_eq!(failed.last_change, bench.now);

    bench.retry("Test", &id);
    assert_eq!(bench.status(&id), ExecutionStatus::InProgress);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::InProgress));
    let again = bench.action("Test", "Browser").unwrap();
    assert_eq!(again.status, ActionStatus::InProgress);
    assert_ne!(again.id, failed.id, "a retry gives the run a new id");

    bench.wait(20);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
    assert_eq!(bench.in_stage("Prod"), Some(id.clone()));
    let ids: Vec<_> = bench.runs(&id, "Browser").into_iter().map(|run| run.id).collect();
    assert_eq!(ids, [failed.id, again.id]);
    assert_eq!(bench.run_statuses(&id, "Browser"), [ActionStatus::Failed, ActionStatus::Succeeded]);
}

#[test]
fn failed_actions_are_run_again_and_succeeded_ones_keep_their_runs() {
    let mut bench = Bench::new(pipeline([stage(
        "Test",
        [
            action("Flaky", [fails(5), succeeds(5)]),
            action("Steady", [succeeds(5)]),
            action("Later", [succeeds(5)]).in_order(2),
        ],
    )]));
    let id = bench.start_and_wait(5);
    assert_eq!(bench.runs(&id, "Later"), [], "a later run order does not start");
    let steady = bench.action("Test", "Steady");
    bench.retry("Test", &id);
    assert_eq!(bench.action("Test", "Steady"), steady);
    bench.wait(10);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
    assert_eq!(bench.run_statuses(&id, "Flaky").len(), 2);
    assert_eq!(bench.run_statuses(&id, "Steady").len(), 1);
    assert_eq!(bench.run_statuses(&id, "Later"), [ActionStatus::Succeeded]);
}

#[test]
fn all_actions_start_over_from_the_first_run_order() {
    let mut bench = Bench::new(pipeline([stage(
        "Test",
        [action("First", [succeeds(5)]), action("Second", [fails(5), succeeds(5)]).in_order(2)],
    )]));
    let id = bench.start_and_wait(10);
    bench.try_retry("Test", &id, RetryMode::AllActions).unwrap();
    assert_eq!(bench.run_statuses(&id, "First").len(), 2);
    assert_eq!(bench.run_statuses(&id, "Second"), [ActionStatus::Failed]);
    bench.wait(10);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
    assert_eq!(bench.run_statuses(&id, "Second").len(), 2);
}

#[test]
fn retries_are_counted_as_manual_ones() {
    let mut bench = Bench::new(three_stages([fails(10)]));
    let id = bench.start_and_wait(20);
    assert_eq!(bench.stage("Test").retries, None);
    for retry in 1..=3 {
        bench.retry("Test", &id);
        bench.wait(10);
        let retries = bench.stage("Test").retries.unwrap();
        assert_eq!((retries.automatic, retries.manual), (0, retry));
    }
}

#[test]
fn a_new_execution_starts_from_no_retry_metadata_or_goes_on_counting() {
    for resets in [true, false] {
        let switches = Switches { metadata_resets: resets, ..Switches::default() };
        let mut bench = Bench::with(switches, three_stages([fails(10)]));
        let first = bench.start_and_wait(20);
        bench.retry("Test", &first);
        bench.wait(10);
        bench.start_and_wait(20);
        let manual = bench.stage("Test").retries.map(|retries| retries.manual);
        assert_eq!(manual, if resets { None } else { Some(1) });
    }
}

#[test]
fn a_v1_pipeline_shows_retry_metadata_or_none() {
    for shows in [true, false] {
        let switches = Switches { metadata_on_v1: shows, ..Switches::default() };
        let mut definition = three_stages([fails(10)]);
        definition.pipeline_type = super::super::PipelineType::V1;
        let mut bench = Bench::with(switches, definition);
        let id = bench.start_and_wait(20);
        bench.retry("Test", &id);
        assert_eq!(bench.stage("Test").retries.is_some(), shows);
    }
}

#[test]
fn every_call_is_on_record_with_what_it_answered() {
    let mut bench = Bench::new(three_stages([fails(10)]));
    let id = bench.start_and_wait(20);
    let failed = bench.action("Test", "Browser").unwrap().id;
    bench.retry("Test", &id);
    bench.refused("Test", &id);
    let calls = bench.service.retry_calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].at, bench.now);
    assert_eq!(calls[0].caller, "person");
    assert_eq!(calls[0].outcome, Ok(()));
    assert_eq!(calls[0].answered, BTreeSet::from([failed]));
    let refused = calls[1].outcome.as_ref().unwrap_err();
    assert_eq!(refused.exception, Exception::StageNotRetryable);
    assert_eq!(calls[1].answered, BTreeSet::new());
}

#[test]
fn a_retry_takes_the_stage_back_so_that_others_wait() {
    let mut bench = Bench::new(three_stages([fails(10), succeeds(100), succeeds(10)]));
    let first = bench.start_and_wait(20);
    bench.retry("Test", &first);
    let second = bench.start_and_wait(30);
    assert_eq!(bench.in_stage("Test"), Some(first.clone()));
    let inbound = bench.service.inbound_executions(&bench.name, &stage_name("Test"));
    assert_eq!(inbound.unwrap(), std::slice::from_ref(&second));
    bench.wait(70);
    assert_eq!(bench.in_stage("Test"), Some(second));
    assert_eq!(bench.in_stage("Prod"), Some(first));
}

#[test]
fn a_stage_can_be_retried_while_entry_to_it_is_closed() {
    let mut bench = Bench::new(three_stages([fails(10), succeeds(10)]));
    let id = bench.start_and_wait(20);
    let (now, name) = (bench.now, bench.name.clone());
    bench.service.disable_stage_transition(now, &name, &stage_name("Test"), "wait").unwrap();
    bench.retry("Test", &id);
    bench.wait(20);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
}
