//! Edits, and definitions that are refused.

use super::super::{BeforeEntry, OnSuccess, PipelineType};
use super::*;

#[test]
fn an_edit_lets_running_actions_end_and_then_fails_or_cancels() {
    for fails_running in [true, false] {
        let switches = Switches { edit_fails_running: fails_running, ..Switches::default() };
        let mut bench = Bench::with(switches, three_stages([succeeds(100)]));
        let inside = bench.start_and_wait(15);
        let waiting = bench.start_and_wait(15);
        bench.events();
        bench.service.update_pipeline(bench.now, three_stages([succeeds(10)])).unwrap();
        let (status, state) = if fails_running {
            (ExecutionStatus::Failed, "FAILED")
        } else {
            (ExecutionStatus::Cancelled, "CANCELED")
        };
        assert_eq!(bench.status(&waiting), status);
        assert_eq!(bench.status(&inside), ExecutionStatus::InProgress);
        bench.wait(100);
        assert_eq!(bench.status(&inside), status);
        assert_eq!(bench.stage_status("Test"), Some(status));
        assert_eq!(
            bench.events(),
            [
                format!("Pipeline {state}"),
                "Action Browser SUCCEEDED".to_owned(),
                format!("Stage Test {state}"),
                format!("Pipeline {state}"),
            ]
        );
    }
}

#[test]
fn a_stage_that_failed_before_the_edit_does_not_fail_again() {
    let switches = Switches { fail_with_siblings_running: true, ..Switches::default() };
    let definition = || {
        let quick = action("Quick", [fails(5)]);
        pipeline([stage("Test", [quick, action("Slow", [succeeds(60)])])])
    };
    let mut bench = Bench::with(switches, definition());
    let id = bench.start_and_wait(10);
    bench.service.update_pipeline(bench.now, definition()).unwrap();
    bench.wait(60);
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
    let events = bench.events();
    let failures = events.iter().filter(|event| *event == "Stage Test FAILED");
    assert_eq!(failures.count(), 1);
}

#[test]
fn an_execution_started_after_an_edit_waits_for_what_still_runs() {
    let mut bench = Bench::new(three_stages([succeeds(100), succeeds(10)]));
    let old = bench.start_and_wait(15);
    bench.service.update_pipeline(bench.now, three_stages([succeeds(10)])).unwrap();
    let new = bench.start_and_wait(15);
    assert_eq!(bench.in_stage("Test"), Some(old));
    bench.wait(80);
    assert_eq!(bench.in_stage("Test"), Some(new.clone()));
    let execution = bench.service.pipeline_execution(&bench.name, &new);
    assert_eq!(execution.unwrap().version, 2);
}

#[test]
fn parallel_executions_go_on_with_the_structure_they_started_with() {
    let parallel = |script| three_stages([script]).in_mode(ExecutionMode::Parallel);
    let mut bench = Bench::new(parallel(succeeds(100)));
    let id = bench.start_and_wait(15);
    bench.service.update_pipeline(bench.now, pipeline([stage("Other", [action("New", [])])])).unwrap();
    bench.wait(200);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
    assert_eq!(bench.run_statuses(&id, "Deploy"), [ActionStatus::Succeeded]);
}

#[test]
fn every_version_stays_readable() {
    let mut bench = Bench::new(three_stages([succeeds(1)]));
    bench.service.update_pipeline(bench.now, three_stages([succeeds(2)])).unwrap();
    let read = |version| bench.service.definition(&bench.name, version);
    assert_eq!(read(Some(1)).unwrap().1, &three_stages([succeeds(1)]));
    assert_eq!(read(None).unwrap(), (2, &three_stages([succeeds(2)])));
    let unknown = read(Some(3)).unwrap_err().exception;
    assert_eq!(unknown, Exception::PipelineVersionNotFound);
}

#[test]
fn a_deleted_pipeline_is_gone_with_all_that_was_due() {
    let mut bench = Bench::new(three_stages([succeeds(1)]));
    bench.start();
    bench.service.delete_pipeline(bench.now, &bench.name);
    assert_eq!(bench.service.list_pipelines(), []);
    assert_eq!(bench.service.next_due(), None);
    let state = bench.service.pipeline_state(&bench.name);
    assert_eq!(state.unwrap_err().exception, Exception::PipelineNotFound);
    bench.service.delete_pipeline(bench.now, &bench.name);
}

#[test]
fn a_name_can_be_used_once() {
    let mut bench = Bench::new(three_stages([succeeds(1)]));
    let again = bench.service.create_pipeline(bench.now, three_stages([succeeds(1)]));
    assert_eq!(again.unwrap_err().exception, Exception::PipelineNameInUse);
}

fn refused(change: impl Fn(&mut PipelineDefinition)) -> Exception {
    let mut bench = Bench::new(three_stages([succeeds(1)]));
    let mut definition = three_stages([succeeds(1)]);
    definition.name = pipeline_name("other");
    change(&mut definition);
    let answer = bench.service.create_pipeline(bench.now, definition);
    answer.unwrap_err().exception
}

#[test]
fn impossible_structures_are_refused() {
    let structure = Exception::InvalidStructure;
    let stage = Exception::InvalidStageDeclaration;
    let action = Exception::InvalidActionDeclaration;
    assert_eq!(refused(|it| it.stages.clear()), structure);
    assert_eq!(refused(|it| it.stages.push(it.stages[0].clone())), structure);
    assert_eq!(refused(|it| it.stages[0].actions.clear()), stage);
    assert_eq!(refused(|it| it.stages[0].actions[0].run_order = 0), action);
    let twice = refused(|it| {
        let actions = &mut it.stages[0].actions;
        actions.push(actions[0].clone());
    });
    assert_eq!(twice, action);
    let two_results = refused(|it| {
        it.stages[1].native_retry = Some(RetryMode::AllActions);
        it.stages[1].on_failure_rollback = true;
    });
    assert_eq!(two_results, stage);
}

#[test]
fn what_needs_v2_is_refused_for_v1() {
    let changes: [fn(&mut PipelineDefinition); 6] = [
        |it| it.mode = ExecutionMode::Queued,
        |it| it.mode = ExecutionMode::Parallel,
        |it| it.stages[1].native_retry = Some(RetryMode::FailedActions),
        |it| it.stages[1].on_failure_rollback = true,
        |it| it.stages[1].before_entry = BeforeEntry::Skip,
        |it| it.stages[1].on_success = OnSuccess::Fail,
    ];
    for change in changes {
        let refused = refused(|it| {
            it.pipeline_type = PipelineType::V1;
            change(it);
        });
        assert_eq!(refused, Exception::InvalidStructure);
    }
}
