//! Stops of both kinds.

use super::*;

fn stop(bench: &mut Bench, id: &ExecutionId, abandon: bool) -> Result<(), Exception> {
    bench
        .service
        .stop_pipeline_execution(bench.now, &bench.name, id, abandon, Some("enough"))
        .map(|_| ())
        .map_err(|error| error.exception)
}

#[test]
fn a_stop_waits_for_the_running_actions() {
    let mut bench = Bench::new(three_stages([succeeds(10)]));
    let id = bench.start_and_wait(15);
    stop(&mut bench, &id, false).unwrap();
    assert_eq!(bench.status(&id), ExecutionStatus::Stopping);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Stopping));
    bench.wait(5);
    assert_eq!(bench.status(&id), ExecutionStatus::Stopped);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Stopped));
    assert_eq!(bench.run_statuses(&id, "Browser"), [ActionStatus::Succeeded]);
    assert_eq!(bench.stage_status("Prod"), None);
}

#[test]
fn an_abandoned_action_is_let_go_at_once() {
    let mut bench = Bench::new(three_stages([Outcome::Hang]));
    let id = bench.start_and_wait(15);
    stop(&mut bench, &id, true).unwrap();
    assert_eq!(bench.status(&id), ExecutionStatus::Stopped);
    assert_eq!(bench.run_statuses(&id, "Browser"), [ActionStatus::Abandoned]);
    let events = bench.events();
    let at_the_end = [
        "Pipeline STOPPING",
        "Stage Test STOPPING",
        "Action Browser ABANDONED",
        "Stage Test STOPPED",
        "Pipeline STOPPED",
    ];
    assert_eq!(events[events.len() - 5..], at_the_end);
}

#[test]
fn a_waiting_stop_may_become_an_abandoning_one_but_not_be_repeated() {
    let mut bench = Bench::new(three_stages([Outcome::Hang]));
    let id = bench.start_and_wait(15);
    stop(&mut bench, &id, false).unwrap();
    let again = stop(&mut bench, &id, false);
    assert_eq!(again, Err(Exception::DuplicatedStopRequest));
    stop(&mut bench, &id, true).unwrap();
    let ended = stop(&mut bench, &id, true);
    assert_eq!(ended, Err(Exception::PipelineExecutionNotStoppable));
}

#[test]
fn a_stop_opens_the_stage_for_the_next() {
    let mut bench = Bench::new(three_stages([Outcome::Hang, succeeds(10)]));
    let first = bench.start_and_wait(15);
    let second = bench.start_and_wait(15);
    stop(&mut bench, &first, true).unwrap();
    assert_eq!(bench.in_stage("Test"), Some(second));
}

#[test]
fn an_execution_that_waits_before_a_stage_stops_at_once() {
    let mut bench = Bench::new(three_stages([Outcome::Hang]));
    let first = bench.start_and_wait(15);
    let second = bench.start_and_wait(15);
    stop(&mut bench, &second, false).unwrap();
    assert_eq!(bench.status(&second), ExecutionStatus::Stopped);
    stop(&mut bench, &first, true).unwrap();
    assert_eq!(bench.in_stage("Test"), Some(first));
}

#[test]
fn an_action_that_fails_during_a_stop_leaves_the_stage_stopped() {
    let mut bench = Bench::new(three_stages([fails(10)]));
    let id = bench.start_and_wait(15);
    stop(&mut bench, &id, false).unwrap();
    bench.wait(5);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Stopped));
    assert_eq!(bench.run_statuses(&id, "Browser"), [ActionStatus::Failed]);
}

#[test]
fn an_unknown_execution_cannot_be_stopped() {
    let mut bench = Bench::new(three_stages([succeeds(10)]));
    let nobody = ExecutionId::parse("00000000-0000-4000-8000-00000000ffff").unwrap();
    assert_eq!(stop(&mut bench, &nobody, false), Err(Exception::Validation));
}
