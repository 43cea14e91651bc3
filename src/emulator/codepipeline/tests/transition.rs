//! Closed entries.

use super::super::TransitionState;
use super::*;
use crate::domain::pipeline::Transition;

fn close(bench: &mut Bench) {
    bench
        .service
        .disable_stage_transition(bench.now, &bench.name, &stage_name("Test"), "release freeze")
        .unwrap();
}

fn open(bench: &mut Bench) {
    bench.service.enable_stage_transition(bench.now, &bench.name, &stage_name("Test")).unwrap();
}

#[test]
fn executions_wait_before_a_closed_entry_and_go_in_when_it_opens() {
    let mut bench = Bench::new(three_stages([succeeds(10)]));
    close(&mut bench);
    let id = bench.start_and_wait(60);
    assert_eq!(bench.stage("Test").transition, Transition::Disabled);
    assert_eq!(bench.stage_status("Test"), None);
    let state = bench.service.transition_state(&bench.name, &stage_name("Test"));
    let TransitionState::Disabled { reason, .. } = state.unwrap() else {
        panic!("the entry is closed");
    };
    assert_eq!(reason, "release freeze");
    open(&mut bench);
    assert_eq!(bench.stage("Test").transition, Transition::Enabled);
    assert_eq!(bench.in_stage("Test"), Some(id));
}

#[test]
fn a_closed_entry_does_not_hold_an_execution_inside() {
    let mut bench = Bench::new(three_stages([succeeds(10)]));
    let id = bench.start_and_wait(15);
    close(&mut bench);
    bench.wait(15);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
}

#[test]
fn a_failed_execution_stays_retryable_while_a_closed_entry_holds_the_next() {
    let mut bench = Bench::new(three_stages([fails(10), succeeds(10)]));
    let first = bench.start_and_wait(15);
    close(&mut bench);
    let second = bench.start_and_wait(60);
    assert_eq!(bench.in_stage("Test"), Some(first.clone()));
    bench.retry("Test", &first);
    bench.wait(20);
    assert_eq!(bench.status(&first), ExecutionStatus::Succeeded);
    open(&mut bench);
    assert_eq!(bench.in_stage("Test"), Some(second));
}

#[test]
fn parallel_executions_wait_too_and_all_go_in() {
    let mut bench = Bench::new(three_stages([succeeds(10)]).in_mode(ExecutionMode::Parallel));
    close(&mut bench);
    let ids = [bench.start(), bench.start_and_wait(60)];
    assert!(ids.iter().all(|id| bench.runs(id, "Browser").is_empty()));
    open(&mut bench);
    assert!(ids.iter().all(|id| bench.runs(id, "Browser").len() == 1));
}
