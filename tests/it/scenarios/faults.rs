//! One more call goes wrong, each in turn and in each way: what must hold in every world holds there too.

use codepipeline_retrier::domain::stage_run::Progress;
use codepipeline_retrier::emulator::faults::Fault;

use super::story::{Story, files, folder, name_of, read};
use super::truth::{accepted_for, violations};

#[test]
fn a_plain_retry_survives_the_death_of_the_function_at_every_point() {
    let scenario = read(&folder().join("rulings/retry/eligible.yaml")).unwrap();
    let undisturbed = Story::of(&scenario);
    let calls = undisturbed.world.faults.calls();
    assert!(calls >= 11, "{calls}");
    for nth in 1..=calls {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let story = Story::with_fault(&scenario, Some((nth, fault)));
            let place = format!("{} call {nth}", fault.as_str());
            assert_eq!(violations(&story), Vec::<String>::new(), "{place}");
            assert_eq!(story.found.retries, undisturbed.found.retries, "{place}");
            assert_eq!(story.found.executions, undisturbed.found.executions, "{place}");
            assert_eq!(story.found.outcomes, undisturbed.found.outcomes, "{place}");
        }
    }
}

/// Calls that go wrong in turn: those of a retry from its event to its end, and some more.
const MOST_CALLS: u64 = 18;

/// Plays every scenario with one more fault at each of its calls. Near misses are plain retries most of the time, and
/// the crashes are a plain retry each.
fn sweep(fault: Fault) {
    let mut failures = Vec::new();
    let files = files().into_iter().map(|path| (name_of(&path), path));
    for (name, path) in files.filter(|(name, _)| !name.starts_with("crashes/") && !name.ends_with("-not")) {
        let scenario = read(&path).unwrap();
        let calls = Story::of(&scenario).world.faults.calls().min(MOST_CALLS);
        for nth in 1..=calls {
            let story = Story::with_fault(&scenario, Some((nth, fault)));
            if !took_a_foreign_retry_for_its_own(&story) {
                let lines = violations(&story).into_iter();
                failures.extend(lines.map(|line| format!("{name}, call {nth}: {line}")));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn no_scenario_oversteps_when_one_more_call_is_refused() {
    sweep(Fault::NotDone);
}

#[test]
fn no_scenario_oversteps_when_one_more_call_is_denied() {
    sweep(Fault::Denied);
}

#[test]
fn no_scenario_oversteps_when_one_more_answer_is_lost() {
    sweep(Fault::ReplyLost);
}

#[test]
fn no_scenario_oversteps_when_one_more_call_is_lost() {
    sweep(Fault::LostUnsent);
}

#[test]
fn no_scenario_oversteps_when_the_function_dies_before_one_more_call() {
    sweep(Fault::CrashBefore);
}

#[test]
fn no_scenario_oversteps_when_the_function_dies_after_one_more_call() {
    sweep(Fault::CrashAfter);
}

/// The one thing that no client of CodePipeline can exclude: while the outcome of a call of ours is unknown, somebody
/// else retries within the minute, and the pipeline shows just what the call would have led to.
fn took_a_foreign_retry_for_its_own(story: &Story) -> bool {
    let mut stages = story.scenario.pipelines.iter().flat_map(|pipeline| &pipeline.stages);
    let by_itself = stages.any(|stage| stage.native_retry.is_some());
    let by_people = story.world.service.retry_calls().iter().any(|call| call.caller == "person");
    (by_itself || by_people)
        && story.world.ledger.records().any(|record| {
            let seen = record.retries.iter().filter(|retry| retry.progress != Progress::Ended).count();
            seen > accepted_for(story, record)
        })
}
