//! The storm: a thousand pipelines that fail within a minute while CodePipeline takes five calls a second; a pipeline that
//! always fails; a fleet in good health. The production function on virtual time.

use std::collections::BTreeMap;

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::replay::moment::Happening;
use jiff::{SignedDuration, Timestamp};

use super::figure;
use super::rig::calls::run_of_event;
use super::rig::random::Random;
use super::rig::storms::{excess, first_decisions, most_within, play, retries, scenario};

const FAILS_ONCE: &str = "{ fail: { after: 30s, message: \"Rate exceeded\" } }, { succeed: 40s }";
const FAILS_ALWAYS: &str = "{ fail: { after: 30s, message: \"Rate exceeded\" } }";
const SUCCEEDS: &str = "{ succeed: 40s }";

const DAY_MS: i64 = 86_400_000;

/// What CodePipeline takes in a second.
const LIMIT: u32 = 5;

/// So many pipelines fail within a minute; what was measured, in words.
fn storm(pipelines: u64) -> String {
    let pipelines = i64::try_from(pipelines).unwrap();
    let starts = (0..pipelines).map(|number| (FAILS_ONCE, vec![number * 60_000 / pipelines]));
    let mut failed: BTreeMap<StageRunId, Timestamp> = BTreeMap::new();
    let (player, findings) = play(&scenario("", starts), Some(LIMIT), &mut |moment| {
        if let Happening::Event(event) = &moment.what
            && event["detail"]["state"] == "FAILED"
            && event["detail-type"] == "CodePipeline Stage Execution State Change"
        {
            failed.entry(run_of_event(event)).or_insert(moment.at);
        }
    });
    assert_eq!(findings, Vec::<String>::new());
    let world = player.world().lock();
    assert_eq!(failed.len(), usize::try_from(pipelines).unwrap());

    let first = first_decisions(&world);
    let slowest = failed.iter().map(|(run, at)| first[run].duration_since(*at)).max().unwrap();
    assert!(slowest <= SignedDuration::from_mins(10), "a first decision took {slowest:?}");
    let is_final = |run: &StageRunId| world.ledger.decisions().iter().any(|of| of.run == *run && of.is_final);
    assert_eq!(failed.keys().filter(|run| !is_final(run)).count(), 0, "failures without a final decision");

    let held = world.ledger.decisions().iter().filter(|of| of.ruling == Ruling::WaitStorm).count();
    assert_eq!(held, failed.len() - 19, "the first nineteen are no storm");
    let retries = retries(&world);
    let minute = SignedDuration::from_mins(1);
    assert!(excess(&retries, 20, minute) <= 0, "more than the budget allows");
    format!(
        "{pipelines} pipelines: {} of them with a first decision, the slowest after {slowest:#}, {held} held, {} retries \
         (at most {} in any hour), {} calls, {} of them throttled, at most {} in a second",
        first.len(),
        retries.len(),
        most_within(&retries, SignedDuration::from_hours(1)),
        world.rate.calls(),
        world.rate.throttled(),
        world.rate.peak(),
    )
}

/// A pipeline that always fails, a hundred times a day for so many days: the most retries in any 24 hours.
fn futile(days: u64) -> usize {
    let starts = (0..i64::try_from(days).unwrap() * 100).map(|number| number * DAY_MS / 100).collect();
    let (player, findings) = play(&scenario("", [(FAILS_ALWAYS, starts)]), None, &mut |_| {});
    assert_eq!(findings, Vec::<String>::new());
    let world = player.world().lock();
    let retries = retries(&world);
    let most = most_within(&retries, SignedDuration::from_hours(24));
    assert!(excess(&retries, 4, SignedDuration::from_hours(4)) <= 0, "more than the budget allows");
    assert!(most <= 10, "{most} retries within 24 hours");
    assert!(retries.len() >= usize::try_from(days).unwrap() * 6, "it is retried as far as it may be");
    most
}

/// A fleet in which three runs in a hundred fail, and recover when they are run again: stage runs and retries.
fn healthy(pipelines: u64) -> (usize, usize) {
    let mut random = Random::new(7);
    let members: Vec<_> = (0..pipelines)
        .map(|_| {
            let fails = random.happens(300);
            let start = random.between(0, DAY_MS);
            (if fails { FAILS_ONCE } else { SUCCEEDS }, vec![start])
        })
        .collect();
    let stage_runs = members.len();
    let (player, findings) = play(&scenario("", members), None, &mut |_| {});
    assert_eq!(findings, Vec::<String>::new());
    let retries = retries(&player.world().lock()).len();
    assert!(retries * 10 <= stage_runs, "{retries} retries of {stage_runs} stage runs");
    assert!(retries > 0, "too healthy");
    (stage_runs, retries)
}

#[test]
fn a_storm_is_spread_and_nothing_is_lost() {
    println!("{}", storm(100));
}

#[test]
fn a_pipeline_that_always_fails_is_retried_ten_times_a_day_at_most() {
    println!("{} retries at most within 24 hours", futile(2));
}

#[test]
fn a_healthy_fleet_costs_few_retries() {
    println!("{:?}", healthy(200));
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn a_thousand_pipelines_fail_within_a_minute() {
    let measured = storm(figure::number("RETRIER_STORM_PIPELINES", 1_000));
    figure::record("storm", &measured, true);
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn a_futile_loop_for_weeks_and_a_healthy_fleet() {
    let days = figure::number("RETRIER_FUTILE_DAYS", 6);
    let most = futile(days);
    let (stage_runs, retries) = healthy(figure::number("RETRIER_HEALTHY_PIPELINES", 2_000));
    let measured = format!(
        "at most {most} retries in any 24 hours of {days} days, 100 failing executions a day; in a healthy fleet \
         {retries} retries of {stage_runs} stage runs"
    );
    figure::record("futile-loop", &measured, true);
}
