//! Who has entered a stage of a PARALLEL pipeline. Execution 1 is the one in question: it started at 100 and entered at
//! 200.

use std::thread::sleep;
use std::time::Duration;

use codepipeline_retrier::domain::facts::gather;
use codepipeline_retrier::domain::pipeline::{ExecutionMode, Gap, StageEntry, StageReading};
use codepipeline_retrier::ports::Pipelines;
use serde_json::Value;

use super::readings::well;
use super::stub::{Reply, Request, Stub};
use super::{Rig, action, actions, execution, execution_id, executions, stage_run};

/// A PARALLEL pipeline with these executions and these runs, newest first, so many to a page.
fn pipeline(started: &[(u32, i64)], runs: &[Value], page: usize) -> Stub {
    let (started, runs) = (started.to_vec(), runs.to_vec());
    Stub::start(move |request| answer(request, &started, &runs, page))
}

fn answer(request: &Request, started: &[(u32, i64)], runs: &[Value], page: usize) -> Reply {
    let from: usize = request.body["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
    let next = |all: usize| (from + page < all).then(|| (from + page).to_string());
    Reply::ok(&match request.operation.as_str() {
        "GetPipelineExecution" => execution("PARALLEL"),
        "ListPipelineExecutions" => {
            let entries: Vec<_> = started.iter().skip(from).take(page).copied().collect();
            executions(&entries, next(started.len()).as_deref())
        }
        "ListActionExecutions" => {
            let of = request.body["filter"]["pipelineExecutionId"].as_str();
            let runs: Vec<_> = runs
                .iter()
                .filter(|run| of.is_none_or(|of| run["pipelineExecutionId"] == of))
                .cloned()
                .collect();
            let entries: Vec<_> = runs.iter().skip(from).take(page).cloned().collect();
            actions(&entries, next(runs.len()).as_deref())
        }
        _ => return well(request),
    })
}

/// The executions that are newer than the one in question, with the requests that it took to know.
fn entries(stub: &Stub) -> (Result<Vec<StageEntry>, Gap>, usize) {
    let rig = Rig::at(&stub.url);
    let read = rig.run(rig.pipelines.observe_stage(&stage_run(), ExecutionMode::Parallel));
    let StageReading::Parallel { entries, .. } = read else { panic!("not read as PARALLEL: {read:?}") };
    let lists = stub.operations().iter().filter(|name| name.starts_with("List")).count();
    // The history of this very execution is one of them.
    (entries, lists - 1)
}

fn replaced_by(stub: &Stub) -> Option<u32> {
    let rig = Rig::at(&stub.url);
    let reading = rig.run(rig.pipelines.observe(&stage_run()));
    let newer = gather(&stage_run(), &reading).unwrap_or_else(|unfit| panic!("{unfit:?}")).replaced_by;
    newer.map(|newer| (1..100).find(|number| execution_id(*number) == newer).unwrap())
}

fn own() -> [Value; 2] {
    [action(1, "Test", 11, 200, 210), action(1, "Source", 10, 100, 110)]
}

#[test]
fn alone_it_is_not_replaced() {
    let stub = pipeline(&[(1, 100)], &own(), 100);
    let (entries, lists) = entries(&stub);
    assert_eq!(entries.unwrap().len(), 1);
    assert_eq!(lists, 2);
    assert_eq!(replaced_by(&stub), None);
}

#[test]
fn one_that_started_later_is_newer_whenever_it_entered() {
    for entered in [150, 250] {
        let mut runs = vec![action(2, "Test", 21, entered, entered + 5)];
        runs.extend(own());
        runs.sort_by_key(|run| -run["startTime"].as_i64().unwrap());
        assert_eq!(replaced_by(&pipeline(&[(2, 120), (1, 100)], &runs, 100)), Some(2), "{entered}");
    }
    let elsewhere = [action(2, "Source", 20, 220, 225), own()[0].clone(), own()[1].clone()];
    assert_eq!(replaced_by(&pipeline(&[(2, 220), (1, 100)], &elsewhere, 100)), None, "it is not there yet");
}

#[test]
fn one_that_started_earlier_is_newer_when_it_entered_later() {
    let [test, source] = own();
    let late = [action(2, "Test", 21, 300, 310), test, source, action(2, "Source", 20, 50, 60)];
    assert_eq!(replaced_by(&pipeline(&[(1, 100), (2, 50)], &late, 100)), Some(2));
    let [test, source] = own();
    let early = [test, action(2, "Test", 21, 150, 160), source, action(2, "Source", 20, 50, 60)];
    assert_eq!(replaced_by(&pipeline(&[(1, 100), (2, 50)], &early, 100)), None);
}

/// A retry of an older execution is no entry: it entered long ago, on a page that is not read.
#[test]
fn an_older_one_that_is_retried_stays_older() {
    for page in [3, 100] {
        let [test, source] = own();
        let runs = [
            action(2, "Test", 22, 300, 310),
            test,
            source,
            action(2, "Test", 21, 60, 70),
            action(2, "Source", 20, 50, 60),
        ];
        assert_eq!(replaced_by(&pipeline(&[(1, 100), (2, 50)], &runs, page)), None, "{page}");
    }
}

#[test]
fn lists_are_read_as_far_back_as_matters() {
    let [test, source] = own();
    let mut runs = vec![test, source];
    runs.extend((0_u32..500).map(|number| {
        let at = 90 - i64::from(number) / 10;
        action(3, "Test", 1_000 + number, at, at)
    }));
    let started: Vec<_> = [(1, 100)].into_iter().chain((0..500).map(|number| (3 + number, 90))).collect();
    let (entries, lists) = entries(&pipeline(&started, &runs, 100));
    assert_eq!(entries.unwrap().len(), 1);
    assert_eq!(lists, 2, "one page of each");
}

#[test]
fn lists_in_another_order_are_read_to_the_end() {
    let [test, source] = own();
    let runs = [source, test, action(2, "Source", 20, 120, 130), action(2, "Test", 21, 250, 260)];
    let stub = pipeline(&[(1, 100), (2, 120)], &runs, 1);
    assert_eq!(replaced_by(&stub), Some(2));
}

#[test]
fn while_the_lists_do_not_show_it_nothing_is_concluded() {
    for (started, runs) in [(vec![(2, 90)], own().to_vec()), (vec![(1, 100)], vec![])] {
        let stub = pipeline(&started, &runs, 100);
        let rig = Rig::at(&stub.url);
        let StageReading::Parallel { entries, .. } =
            rig.run(rig.pipelines.observe_stage(&stage_run(), ExecutionMode::Parallel))
        else {
            panic!("not read as PARALLEL");
        };
        assert_eq!(entries, Ok(Vec::new()));
    }
}

#[test]
fn too_many_older_ones_are_a_gap() {
    let mut runs: Vec<_> = (2..=12).map(|number| action(number, "Test", number, 300, 310)).collect();
    runs.extend(own());
    let started: Vec<_> = (1..=12).map(|number| (number, 100 - i64::from(number))).collect();
    let (entries, _) = entries(&pipeline(&started, &runs, 100));
    assert_eq!(entries, Err(Gap::Unavailable));
}

/// An invocation that is cut off in the middle decides nothing, however often it is tried.
#[test]
fn what_takes_longer_than_an_invocation_can_wait_is_a_gap() {
    let [test, source] = own();
    let runs = [action(2, "Test", 21, 300, 310), action(3, "Test", 31, 300, 310), test, source];
    let started = [(1, 100), (2, 50), (3, 50)];
    let stub = Stub::start(move |request| {
        // Each of the four in a row takes less than a request may, and together they take more than all of them may.
        if request.operation.starts_with("List") {
            sleep(Duration::from_millis(2_500));
        }
        answer(request, &started, &runs, 100)
    });
    let (entries, _) = entries(&stub);
    assert_eq!(entries, Err(Gap::Unavailable));
}
