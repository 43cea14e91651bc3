//! What plays of whole fleets ask of the service: outcomes that are drawn, few events, and executions that are forgotten.

use std::sync::{Arc, Mutex};

use super::*;
use crate::emulator::codepipeline::{Fate, Listening};

#[test]
fn fate_says_what_comes_of_a_run_and_the_script_where_it_is_silent() {
    let mut bench = Bench::new(three_stages([succeeds(10)]));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    bench.service.leave_to(Fate::new(move |of| {
        let since = |at: Timestamp| of.started.duration_since(at).as_secs();
        let run = (of.attempt, since(of.execution_started), since(of.first_started));
        let is_test = of.stage.as_str() == "Test";
        noted.lock().unwrap().extend(is_test.then_some(run));
        (is_test && of.attempt < 2).then(|| fails(5))
    }));
    let id = bench.start_and_wait(20);
    assert_eq!(bench.stage_status("Test"), Some(ExecutionStatus::Failed));
    bench.retry("Test", &id);
    bench.wait(20);
    bench.retry("Test", &id);
    bench.wait(20);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
    assert_eq!(*seen.lock().unwrap(), [(0, 10, 0), (1, 20, 10), (2, 40, 30)]);
}

#[test]
fn the_circumstances_of_a_run_can_be_asked_for_afterwards() {
    let mut bench = Bench::new(three_stages([fails(5), fails(5), succeeds(1)]));
    let begin = bench.now;
    let id = bench.start_and_wait(20);
    bench.retry("Test", &id);
    bench.wait(20);
    let failed = bench.service.failed_run(&bench.name, &id, &stage_name("Test")).unwrap();
    let circumstances = bench.service.circumstances(&bench.name, &failed).unwrap();
    assert_eq!((circumstances.attempt, circumstances.execution_started), (1, begin));
    let first = bench.runs(&id, "Browser")[0].id.clone();
    assert_eq!(bench.service.circumstances(&bench.name, &first).unwrap().attempt, 0);
    bench.retry("Test", &id);
    bench.wait(20);
    assert_eq!(bench.service.failed_run(&bench.name, &id, &stage_name("Test")), None);
}

#[test]
fn only_events_that_are_listened_to_are_made() {
    let told = |listening| {
        let mut bench = Bench::new(three_stages([fails(5), succeeds(5)]));
        bench.service.listen_to(listening);
        let id = bench.start_and_wait(20);
        bench.retry("Test", &id);
        bench.wait(30);
        assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
        bench.events()
    };
    let failures = ["Stage Test FAILED", "Stage Test RESUMED", "Stage Test SUCCEEDED"];
    assert_eq!(told(Listening::Failures), failures);
    assert_eq!(told(Listening::Nothing), Vec::<String>::new());
    let everything = told(Listening::Everything);
    assert!(everything.len() > 15 && failures.iter().all(|event| everything.contains(&(*event).to_owned())));
}

#[test]
fn what_is_over_and_no_longer_shown_is_forgotten() {
    let mut bench = Bench::new(three_stages([succeeds(10), fails(10), succeeds(10)]));
    let [done, failed, last] = [(); 3].map(|()| bench.start_and_wait(60));
    bench.wait(60);
    let an_hour_ago = bench.now - SignedDuration::from_hours(1);
    let none = bench.service.forget_before(an_hour_ago, an_hour_ago);
    assert_eq!(none, []);
    let gone = bench.service.forget_before(bench.now, Timestamp::MIN);
    assert!(gone.iter().map(|of| &of.id).eq([&done]), "{gone:?}");
    assert!(bench.service.pipeline_execution(&bench.name, &done).is_err());
    assert_eq!(
        (bench.status(&failed), bench.status(&last)),
        (ExecutionStatus::Failed, ExecutionStatus::Succeeded)
    );
    assert_eq!(bench.service.action_runs(&bench.name, None).unwrap().len(), 5);
    // Runs keep their order, though fewer are there than there were.
    let next = bench.start_and_wait(60);
    let newest = bench.service.action_runs(&bench.name, None).unwrap().swap_remove(0).detail();
    assert_eq!(newest.run.execution, next);
}

#[test]
fn parallel_executions_are_forgotten_at_a_time_of_their_own() {
    let mut bench = Bench::new(three_stages([succeeds(10)]).in_mode(ExecutionMode::Parallel));
    bench.start_and_wait(60);
    assert_eq!(bench.service.forget_before(bench.now, Timestamp::MIN), []);
    assert_eq!(bench.service.forget_before(Timestamp::MIN, bench.now).len(), 1);
}
