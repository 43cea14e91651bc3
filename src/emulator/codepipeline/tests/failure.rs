//! How a stage fails.

use super::*;

fn with_a_slow_sibling(fails_early: bool) -> (Bench, ExecutionId) {
    let switches = Switches { fail_with_siblings_running: fails_early, ..Switches::default() };
    let quick = action("Quick", [fails(5), succeeds(5)]);
    let slow = action("Slow", [succeeds(30)]);
    let mut bench = Bench::with(switches, pipeline([stage("Test", [quick, slow])]));
    let id = bench.start_and_wait(10);
    (bench, id)
}

#[test]
fn a_stage_fails_while_siblings_run_and_keeps_its_lock_until_they_end() {
    let (mut bench, id) = with_a_slow_sibling(true);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Failed));
    let slow = bench.action("Test", "Slow").unwrap();
    assert_eq!(slow.status, ActionStatus::InProgress);
    assert_eq!(bench.status(&id), ExecutionStatus::InProgress);
    let next = bench.start();
    assert_eq!(bench.in_stage("Test"), Some(id.clone()));
    bench.wait(20);
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
    assert_eq!(bench.in_stage("Test"), Some(next));
    let events = bench.events();
    let failures = events.iter().filter(|event| *event == "Stage Test FAILED");
    assert_eq!(failures.count(), 1, "the stage fails once");
}

#[test]
fn a_stage_fails_only_after_its_siblings_have_ended() {
    let (mut bench, id) = with_a_slow_sibling(false);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::InProgress));
    assert_eq!(bench.refused("Test", &id), Exception::StageNotRetryable);
    bench.wait(20);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Failed));
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
}

#[test]
fn the_failed_set_can_grow_before_the_stage_fails() {
    let mut bench =
        Bench::new(pipeline([stage("Test", [action("Quick", [fails(5)]), action("Slow", [fails(30)])])]));
    let id = bench.start_and_wait(30);
    bench.retry("Test", &id);
    let calls = bench.service.retry_calls();
    assert_eq!(calls[0].answered.len(), 2);
}

#[test]
fn an_earlier_now_counts_as_the_latest_one_seen() {
    let mut bench = Bench::new(three_stages([fails(10)]));
    let id = bench.start_and_wait(20);
    let latest = bench.now;
    bench.now -= SignedDuration::from_secs(15);
    bench.retry("Test", &id);
    assert_eq!(bench.service.retry_calls()[0].at, latest);
    assert_eq!(bench.runs(&id, "Browser")[1].started, latest);
}

#[test]
fn a_hanging_action_keeps_the_stage_in_progress_for_ever() {
    let mut bench = Bench::new(three_stages([Outcome::Hang]));
    let id = bench.start_and_wait(30 * 24 * 3600);
    assert_eq!(bench.status(&id), ExecutionStatus::InProgress);
    assert_eq!(bench.service.next_due(), None);
}

#[test]
fn an_empty_script_succeeds_and_the_last_outcome_repeats() {
    let mut bench = Bench::new(pipeline([stage(
        "Test",
        [action("Empty", []), action("Repeats", [succeeds(1), fails(1)])],
    )]));
    let first = bench.start_and_wait(60);
    assert_eq!(bench.status(&first), ExecutionStatus::Succeeded);
    for _ in 0..2 {
        let id = bench.start_and_wait(60);
        assert_eq!(bench.run_statuses(&id, "Repeats"), [ActionStatus::Failed]);
        assert_eq!(bench.run_statuses(&id, "Empty"), [ActionStatus::Succeeded]);
    }
}
