//! Pairs of CloudFormation change-set actions.

use super::*;
use crate::domain::pipeline::ChangeSetPart;

fn change_set() -> String {
    "release".to_owned()
}

fn pair<const N: usize>(execute: [Outcome; N]) -> Bench {
    let make = action("Prepare", [succeeds(5)]);
    let execute = action("Execute", execute).in_order(2);
    Bench::new(pipeline([stage(
        "Prod",
        [
            make.with_change_set(ChangeSetPart::Makes(change_set())),
            execute.with_change_set(ChangeSetPart::Executes(change_set())),
        ],
    )]))
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
    let expected = [Some(ChangeSetPart::Makes(change_set())), Some(ChangeSetPart::Executes(change_set()))];
    assert_eq!(parts, expected);
}
