//! Rollbacks, asked for and by themselves.

use super::*;
use crate::domain::pipeline::ExecutionKind;

fn roll_back(bench: &mut Bench, stage: &str, target: &ExecutionId) -> Result<ExecutionId, Exception> {
    bench
        .service
        .rollback_stage(bench.now, "person", &bench.name, &stage_name(stage), target)
        .map_err(|error| error.exception)
}

#[test]
fn a_rollback_is_a_new_execution_that_runs_the_one_stage() {
    let mut bench = Bench::new(three_stages([succeeds(10), fails(10), succeeds(10)]));
    let good = bench.start_and_wait(30);
    let bad = bench.start_and_wait(30);
    let id = roll_back(&mut bench, "Test", &good).unwrap();
    assert_eq!(bench.in_stage("Test"), Some(id.clone()));
    let latest = bench.stage("Test").latest.unwrap();
    assert_eq!(latest.kind, ExecutionKind::Rollback);
    let refused = bench.refused("Test", &bad);
    assert_eq!(refused, Exception::NotLatestPipelineExecution);
    bench.wait(30);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
    assert_eq!(bench.runs(&id, "Deploy"), [], "it does not run on");
    let listed = bench.service.list_executions(&bench.name).unwrap();
    assert_eq!(listed[0].rollback_target, Some(good));
    assert_eq!(listed[0].trigger.as_str(), "ManualRollback");
}

#[test]
fn a_failed_stage_goes_back_by_itself_where_it_is_configured_so() {
    let mut definition = three_stages([succeeds(10), fails(10), fails(10)]);
    definition.stages[1].on_failure_rollback = true;
    let mut bench = Bench::new(definition);
    let good = bench.start_and_wait(30);
    let bad = bench.start_and_wait(20);
    assert_eq!(bench.status(&bad), ExecutionStatus::Failed);
    let listed = bench.service.list_executions(&bench.name).unwrap();
    assert_eq!(listed[0].trigger.as_str(), "AutomatedRollback");
    assert_eq!(listed[0].rollback_target, Some(good));
    assert_eq!(bench.in_stage("Test"), Some(listed[0].id.clone()));
    bench.wait(60);
    let after = bench.service.list_executions(&bench.name).unwrap();
    assert_eq!(after.len(), 3, "a failed rollback is not rolled back");
    assert_eq!(after[0].status, ExecutionStatus::Failed);
}

#[test]
fn the_newest_success_is_brought_back() {
    let mut definition = three_stages([succeeds(10), succeeds(10), fails(10)]);
    definition.stages[1].on_failure_rollback = true;
    let mut bench = Bench::new(definition);
    bench.start_and_wait(30);
    let newest = bench.start_and_wait(30);
    bench.start_and_wait(20);
    let listed = bench.service.list_executions(&bench.name).unwrap();
    assert_eq!(listed[0].rollback_target, Some(newest));
}

#[test]
fn a_rollback_cannot_be_brought_back_itself() {
    let mut bench = Bench::new(three_stages([succeeds(10)]));
    let good = bench.start_and_wait(30);
    let rollback = roll_back(&mut bench, "Test", &good).unwrap();
    bench.wait(10);
    assert_eq!(bench.status(&rollback), ExecutionStatus::Succeeded);
    let again = roll_back(&mut bench, "Test", &rollback);
    assert_eq!(again, Err(Exception::UnableToRollbackStage));
    roll_back(&mut bench, "Test", &good).unwrap();
}

#[test]
fn parallel_executions_do_not_go_back_by_themselves() {
    let mut definition = three_stages([succeeds(10), fails(10)]);
    definition.stages[1].on_failure_rollback = true;
    let mut bench = Bench::new(definition.in_mode(ExecutionMode::Parallel));
    bench.start_and_wait(30);
    let bad = bench.start_and_wait(20);
    assert_eq!(bench.status(&bad), ExecutionStatus::Failed);
    assert_eq!(bench.service.list_executions(&bench.name).unwrap().len(), 2);
}

#[test]
fn nothing_goes_back_where_nothing_has_succeeded() {
    let mut definition = three_stages([fails(10)]);
    definition.stages[1].on_failure_rollback = true;
    let mut bench = Bench::new(definition);
    let id = bench.start_and_wait(60);
    assert_eq!(bench.status(&id), ExecutionStatus::Failed);
    assert_eq!(bench.service.list_executions(&bench.name).unwrap().len(), 1);
}

#[test]
fn rollbacks_that_cannot_be_are_refused() {
    let unable = Err(Exception::UnableToRollbackStage);
    let mut bench = Bench::new(three_stages([succeeds(10), fails(10), Outcome::Hang]));
    let good = bench.start_and_wait(30);
    let bad = bench.start_and_wait(30);
    assert_eq!(roll_back(&mut bench, "Source", &good), unable);
    assert_eq!(roll_back(&mut bench, "Test", &bad), unable);
    let nowhere = roll_back(&mut bench, "Nowhere", &good);
    assert_eq!(nowhere, Err(Exception::StageNotFound));
    let nobody = ExecutionId::parse("00000000-0000-4000-8000-00000000ffff").unwrap();
    let unknown = roll_back(&mut bench, "Test", &nobody);
    assert_eq!(unknown, Err(Exception::PipelineExecutionNotFound));
    bench.start_and_wait(10);
    assert_eq!(roll_back(&mut bench, "Test", &good), unable, "in progress");
    bench.wait(366 * 24 * 3600);
    let outdated = roll_back(&mut bench, "Test", &good);
    assert_eq!(outdated, Err(Exception::PipelineExecutionOutdated));
}

#[test]
fn an_edit_ends_what_could_be_brought_back() {
    let mut bench = Bench::new(three_stages([succeeds(10)]));
    let good = bench.start_and_wait(30);
    bench.service.update_pipeline(bench.now, three_stages([succeeds(20)])).unwrap();
    let refused = roll_back(&mut bench, "Test", &good);
    assert_eq!(refused, Err(Exception::UnableToRollbackStage));
}

#[test]
fn neither_v1_nor_parallel_pipelines_roll_back() {
    let mut v1 = three_stages([succeeds(10)]);
    v1.pipeline_type = super::super::PipelineType::V1;
    let parallel = three_stages([succeeds(10)]).in_mode(ExecutionMode::Parallel);
    for definition in [v1, parallel] {
        let mut bench = Bench::new(definition);
        let good = bench.start_and_wait(30);
        let refused = roll_back(&mut bench, "Test", &good);
        assert_eq!(refused, Err(Exception::UnableToRollbackStage));
    }
}
