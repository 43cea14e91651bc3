//! The stage's own single retry.

use super::*;

fn with_native_retry<const N: usize>(script: [Outcome; N]) -> PipelineDefinition {
    let mut definition = three_stages(script);
    definition.stages[1].native_retry = Some(RetryMode::FailedActions);
    definition
}

#[test]
fn a_stage_retries_itself_once_and_no_more() {
    let mut bench = Bench::new(with_native_retry([fails(10)]));
    let id = bench.start_and_wait(20);
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
    bench.wait(1);
    assert_eq!(bench.status(&id), ExecutionStatus::InProgress);
    let retries = bench.stage("Test").retries.unwrap();
    assert_eq!((retries.automatic, retries.manual), (1, 0));
    bench.wait(60);
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
    assert_eq!(bench.run_statuses(&id, "Browser").len(), 2);
    bench.retry("Test", &id);
    bench.wait(60);
    assert_eq!(bench.run_statuses(&id, "Browser").len(), 3);
    let retries = bench.stage("Test").retries.unwrap();
    assert_eq!((retries.automatic, retries.manual), (1, 1));
}

#[test]
fn a_configured_retry_may_not_happen() {
    let switches = Switches { native_fires: false, ..Switches::default() };
    let mut bench = Bench::with(switches, with_native_retry([fails(10), succeeds(10)]));
    let id = bench.start_and_wait(600);
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
    assert_eq!(bench.run_statuses(&id, "Browser").len(), 1);
    bench.retry("Test", &id);
}

#[test]
fn the_failure_before_it_is_announced_or_passed_over() {
    for announced in [true, false] {
        let switches = Switches { native_emits_failed_first: announced, ..Switches::default() };
        let mut bench = Bench::with(switches, with_native_retry([fails(10), succeeds(10)]));
        let id = bench.start_and_wait(20);
        let expected = if announced { ExecutionStatus::Failed } else { ExecutionStatus::InProgress };
        assert_eq!(bench.status(&id), expected);
        assert_eq!(bench.stage_status("Test"), Some(expected));
        bench.wait(11);
        let events = bench.events();
        for event in ["Stage Test FAILED", "Pipeline FAILED", "Stage Test RESUMED", "Pipeline RESUMED"] {
            assert_eq!(events.contains(&event.to_owned()), announced, "{event}");
        }
        assert!(events.contains(&"Stage Test SUCCEEDED".to_owned()));
    }
}

#[test]
fn it_sets_the_time_of_the_last_retry_or_not() {
    for sets in [true, false] {
        let switches = Switches { native_sets_last_retry_time: sets, ..Switches::default() };
        let mut bench = Bench::with(switches, with_native_retry([fails(10)]));
        bench.start_and_wait(60);
        let event = bench.last_stage_event();
        assert_eq!(event["state"], "FAILED");
        let at = event.get("stage-last-retry-attempt-time");
        let expected = sets.then(|| serde_json::json!("2026-03-02T09:00:21.750Z"));
        assert_eq!(at, expected.as_ref());
    }
}

#[test]
fn it_comes_after_the_configured_delay_and_holds_the_stage_until_then() {
    let switches = Switches { native_retry_delay: SignedDuration::from_secs(30), ..Switches::default() };
    let mut bench = Bench::with(switches, with_native_retry([fails(10), succeeds(10)]));
    let first = bench.start_and_wait(15);
    bench.start_and_wait(34);
    assert_eq!(bench.in_stage("Test"), Some(first.clone()));
    assert_eq!(bench.run_statuses(&first, "Browser").len(), 1);
    assert_eq!(bench.refused("Test", &first), Exception::StageNotRetryable);
    bench.wait(1);
    assert_eq!(bench.run_statuses(&first, "Browser").len(), 2);
}

#[test]
fn it_is_awaited_even_while_siblings_of_the_failed_action_run() {
    let switches = Switches { fail_with_siblings_running: true, ..Switches::default() };
    let flaky = action("Flaky", [fails(5), succeeds(5)]);
    let slow = action("Slow", [succeeds(30)]);
    let mut definition = pipeline([stage("Test", [flaky, slow])]);
    definition.stages[0].native_retry = Some(RetryMode::FailedActions);
    let mut bench = Bench::with(switches, definition);
    let id = bench.start_and_wait(10);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Failed));
    assert_eq!(bench.refused("Test", &id), Exception::StageNotRetryable);
    bench.wait(26);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
    assert_eq!(bench.run_statuses(&id, "Slow").len(), 1);
}

#[test]
fn it_can_start_the_whole_stage_over() {
    let mut definition = pipeline([stage(
        "Test",
        [action("First", [succeeds(5)]), action("Second", [fails(5), succeeds(5)]).in_order(2)],
    )]);
    definition.stages[0].native_retry = Some(RetryMode::AllActions);
    let mut bench = Bench::new(definition);
    let id = bench.start_and_wait(60);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
    assert_eq!(bench.run_statuses(&id, "First").len(), 2);
    let trigger = bench.service.latest_retry_trigger(&bench.name, &stage_name("Test"));
    let trigger = trigger.unwrap().unwrap();
    assert_eq!(trigger.as_str(), "AutomatedStageRetry");
}

#[test]
fn an_edit_takes_it_back_and_opens_the_stage() {
    for announced in [true, false] {
        let switches = Switches { native_emits_failed_first: announced, ..Switches::default() };
        let mut bench = Bench::with(switches, with_native_retry([fails(10), succeeds(10)]));
        let id = bench.start_and_wait(20);
        let edited = with_native_retry([succeeds(10)]);
        bench.service.update_pipeline(bench.now, edited).unwrap();
        assert_eq!(bench.status(&id), ExecutionStatus::Failed);
        let next = bench.start_and_wait(60);
        assert_eq!(bench.run_statuses(&id, "Browser").len(), 1);
        assert_eq!(bench.status(&next), ExecutionStatus::Succeeded);
    }
}

#[test]
fn a_stop_takes_it_back() {
    let switches = Switches { native_emits_failed_first: false, ..Switches::default() };
    let mut bench = Bench::with(switches, with_native_retry([fails(10), succeeds(10)]));
    let id = bench.start_and_wait(20);
    bench.service.stop_pipeline_execution(bench.now, &bench.name, &id, false, None).unwrap();
    bench.wait(60);
    assert_eq!(bench.status(&id), ExecutionStatus::Stopped);
    assert_eq!(bench.run_statuses(&id, "Browser").len(), 1);
}
