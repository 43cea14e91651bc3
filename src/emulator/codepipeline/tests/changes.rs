//! Pairs of CloudFormation change-set actions.

use super::*;
use crate::domain::pipeline::{ChangeSet, ChangeSetPart};

fn change_set(stack: &str) -> ChangeSet {
    ChangeSet { stack: stack.to_owned(), name: "release".to_owned() }
}

fn makes(name: &str, stack: &str) -> ActionDefinition {
    action(name, [succeeds(5)]).with_change_set(ChangeSetPart::Makes(change_set(stack)))
}

fn executes<const N: usize>(name: &str, stack: &str, script: [Outcome; N]) -> ActionDefinition {
    action(name, script).in_order(2).with_change_set(ChangeSetPart::Executes(change_set(stack)))
}

fn pair<const N: usize>(execute: [Outcome; N]) -> Bench {
    let actions = [makes("Prepare", "shop"), executes("Execute", "shop", execute)];
    Bench::new(pipeline([stage("Prod", actions)]))
}

#[test]
fn a_failed_change_set_is_gone_until_it_is_made_again() {
    let mut bench = pair([fails(5), succeeds(5)]);
    let id = bench.start_and_wait(10);
    bench.retry("Prod", &id);
    bench.wait(10);
    let run = bench.action("Prod", "Execute").unwrap();
    assert_eq!(run.status, ActionStatus::Failed);
    assert_eq!(run.error.message.expose(), "ChangeSet [release] does not exist");
    bench.try_retry("Prod", &id, RetryMode::AllActions).unwrap();
    bench.wait(10);
    assert_eq!(bench.status(&id), ExecutionStatus::Succeeded);
}

#[test]
fn the_next_execution_makes_its_own() {
    let mut bench = pair([fails(5), succeeds(5)]);
    bench.start_and_wait(10);
    let next = bench.start_and_wait(10);
    assert_eq!(bench.status(&next), ExecutionStatus::Succeeded);
}

#[test]
fn the_structure_names_the_parts_of_the_pair() {
    let bench = pair([succeeds(5)]);
    let structure = bench.service.pipeline_structure(&bench.name).unwrap();
    let parts: Vec<_> = structure.stages[0].actions.iter().map(|action| action.change_set.clone()).collect();
    let set = || change_set("shop");
    let expected = [Some(ChangeSetPart::Makes(set())), Some(ChangeSetPart::Executes(set()))];
    assert_eq!(parts, expected);
}

#[test]
fn a_change_set_of_the_same_name_for_another_stack_is_another_one() {
    let mut bench = Bench::new(pipeline([stage(
        "Prod",
        [
            makes("PrepareWeb", "web"),
            makes("PrepareData", "data"),
            executes("ExecuteWeb", "web", [fails(5), succeeds(5)]),
            executes("ExecuteData", "data", [fails(8), succeeds(5)]).in_order(3),
        ],
    )]));
    let id = bench.start_and_wait(10);
    // Making the one of another stack again would not help; the whole stage makes both.
    bench.try_retry("Prod", &id, RetryMode::AllActions).unwrap();
    bench.wait(18);
    assert_eq!(bench.action("Prod", "ExecuteWeb").unwrap().status, ActionStatus::Succeeded);
    assert_eq!(bench.action("Prod", "ExecuteData").unwrap().status, ActionStatus::Failed);
    bench.try_retry("Prod", &id, RetryMode::FailedActions).unwrap();
    bench.wait(5);
    let run = bench.action("Prod", "ExecuteData").unwrap();
    assert_eq!(run.error.message.expose(), "ChangeSet [release] does not exist");
    assert_eq!(bench.action("Prod", "ExecuteWeb").unwrap().status, ActionStatus::Succeeded);
}

#[test]
fn a_change_set_that_was_made_in_an_earlier_stage_is_not_made_again() {
    let mut bench = Bench::new(pipeline([
        stage("Prepare", [makes("Prepare", "shop")]),
        stage("Prod", [executes("Execute", "shop", [fails(5), succeeds(5)])]),
    ]));
    let id = bench.start_and_wait(10);
    for mode in [RetryMode::AllActions, RetryMode::FailedActions] {
        bench.try_retry("Prod", &id, mode).unwrap();
        bench.wait(10);
        assert_eq!(bench.status(&id), ExecutionStatus::Failed, "{mode:?}");
    }
    let next = bench.start_and_wait(10);
    assert_eq!(bench.status(&next), ExecutionStatus::Succeeded);
}

#[test]
fn an_executed_change_set_is_used_up_and_one_that_somebody_else_made_is_there() {
    let mut bench = Bench::new(pipeline([stage("Prod", [executes("Execute", "shop", [succeeds(5)])])]));
    for _ in 0..2 {
        let id = bench.start_and_wait(10);
        assert_eq!(bench.status(&id), ExecutionStatus::Succeeded, "nothing is known of it");
    }
    let mut bench = pair([succeeds(5)]);
    bench.start_and_wait(10);
    let states: Vec<_> = bench.service.change_sets().map(|(_, _, known)| known.state.clone()).collect();
    assert_eq!(states, [super::super::ChangeSetState::Gone]);
}
