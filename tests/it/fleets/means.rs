//! Plays whose figures are known beforehand.

use codepipeline_retrier::domain::class::Class;
use codepipeline_retrier::replay::fleet::truth::{By, RetryEnd, Truth};
use codepipeline_retrier::replay::fleet::{Memory, Native, Play};
use jiff::SignedDuration;

use super::{fleet, is_binomial, played};

/// Executions in PARALLEL mode do not get into each other's way.
const INDEPENDENT: &str = "
fleet: 1
lasting: 60d
pipelines:
  - name: web
    count: 40
    mode: PARALLEL
    runs: 6/d
    stages:
      - { name: Source, takes: 10s, fails: {} }
      - { name: Build, takes: 5m, fails: { network: 10%, test-failure: 5% } }
classes:
  network: { clears: 60% }
  test-failure: { clears: 0% }
people: { retry: 0% }
";

fn of(truth: &Truth, class: Class) -> usize {
    truth.failed_runs.iter().filter(|run| run.failures[0].class == class).count()
}

fn recovered(truth: &Truth, by: By) -> usize {
    truth.failed_runs.iter().filter(|run| run.recovered_by() == Some(by)).count()
}

#[test]
fn changes_and_failures_come_as_often_as_the_file_says() {
    let truth = played(&fleet(INDEPENDENT), 1, Native::Nowhere);
    let executions = truth.executions;
    let expected = 40.0 * 6.0 * 60.0_f64;
    let started = f64::from(u32::try_from(executions.started).unwrap());
    assert!((started - expected).abs() <= 4.0 * expected.sqrt(), "{started}");
    let started = usize::try_from(executions.started).unwrap();
    assert!(is_binomial(of(&truth, Class::Network), started, 0.10), "{executions:?}");
    assert!(is_binomial(of(&truth, Class::TestFailure), started, 0.05), "{executions:?}");
    assert_eq!(truth.retries().count(), 0);
    assert_eq!(executions.left_failed, u64::try_from(truth.failed_runs.len()).unwrap());
    assert_eq!(executions.green_at_first_try + executions.left_failed, executions.started);
    assert_eq!((executions.superseded, executions.others, truth.refused_starts), (0, 0, 0));
}

#[test]
fn the_automatic_retry_of_codepipeline_helps_once_as_often_as_failures_clear() {
    let truth = played(&fleet(INDEPENDENT), 2, Native::Everywhere);
    let network = of(&truth, Class::Network);
    assert!(is_binomial(recovered(&truth, By::Native), network, 0.6), "{:?}", truth.executions);
    assert!(truth.failed_runs.iter().all(|run| run.retries.len() == 1));
    let futile = truth.retries().filter(|retry| matches!(retry.end, Some(RetryEnd::FailedAgain(_))));
    assert_eq!(futile.count(), truth.failed_runs.len() - recovered(&truth, By::Native));
}

#[test]
fn people_retry_as_often_as_they_care_and_until_they_give_up() {
    let text = INDEPENDENT.replace(
        "people: { retry: 0% }",
        "people: { retry: 50%, after: 30m, gives-up-after: 3, classes: { test-failure: 0% } }",
    );
    let truth = played(&fleet(&text), 3, Native::Nowhere);
    let network = of(&truth, Class::Network);
    let cleared = 1.0 - 0.4_f64.powi(3);
    assert!(is_binomial(recovered(&truth, By::Person), network, 0.5 * cleared), "{:?}", truth.executions);
    assert!(truth.failed_runs.iter().all(|run| run.retries.len() <= 3));
    assert!(truth.retries().all(|retry| retry.by == By::Person));
    // Who looks after half an hour on average, without memory, has looked within it in 1 - 1/e of all cases.
    let soon =
        truth.retries().filter(|retry| retry.at.duration_since(retry.of.at) <= SignedDuration::from_mins(30));
    assert!(is_binomial(soon.count(), truth.retries().count(), 1.0 - (-1.0_f64).exp()));
    assert_eq!(truth.executions.recovered_by_people, u64::try_from(recovered(&truth, By::Person)).unwrap());
}

#[test]
fn what_lasts_fails_again_until_it_is_over() {
    // Four of five retries come while a cause lasts that is over after eight half-hours on average, if neither has memory:
    // a race between two exponential times, of means 30 and 120 minutes.
    let text = INDEPENDENT
        .replace("network: { clears: 60% }", "network: { lasts: 2h }")
        .replace("people: { retry: 0% }", "people: { retry: 100%, after: 30m, gives-up-after: 1 }");
    let truth = played(&fleet(&text), 4, Native::Nowhere);
    let network = of(&truth, Class::Network);
    assert!(is_binomial(recovered(&truth, By::Person), network, 0.2), "{:?}", truth.executions);
}

#[test]
fn outages_hit_their_share_of_pipelines_at_once() {
    let text = INDEPENDENT.replace("network: 10%, test-failure: 5%", "")
        + "outages: [{ class: service-fault, every: 1d, lasts: 2h, pipelines: 25%, stages: B* }]";
    let truth = played(&fleet(&text), 5, Native::Nowhere);
    // A share of 2 / (24 + 2) of the time, for a quarter of the pipelines. Outages are few and long, so that the bound is
    // that of their sum: some 55 outages of an exponential length.
    let expected = 40.0 * 6.0 * 60.0 * 0.25 * 2.0 / 26.0_f64;
    let failed = f64::from(u32::try_from(truth.failed_runs.len()).unwrap());
    assert!((failed - expected).abs() < expected * 4.0 * (2.0_f64 / 55.0).sqrt(), "{failed} of {expected}");
    assert!(truth.failed_runs.iter().all(|run| run.stage.as_str() == "Build"));
    assert_eq!(of(&truth, Class::ServiceFault), truth.failed_runs.len());
}

#[test]
fn the_same_seed_plays_the_same_and_another_one_something_else() {
    let fleet = fleet("fleet: 1\nlasting: 5d\npipelines: [{ name: web, count: 10 }]");
    let first = played(&fleet, 6, Native::Everywhere);
    assert_eq!(first, played(&fleet, 6, Native::Everywhere));
    assert_ne!(first, played(&fleet, 7, Native::Everywhere));
}

/// Busy pipelines in every mode, with outages, so that executions meet, wait for and replace each other.
const BUSY: &str = "
fleet: 1
lasting: 20d
pipelines:
  - { name: now, count: 10, runs: 30/d }
  - { name: queue, count: 10, runs: 20/d, mode: QUEUED }
  - { name: side, count: 10, runs: 30/d, mode: PARALLEL }
  - { name: calm, count: 30, runs: 3/d }
outages: [{ class: throttling, every: 3d, lasts: 1h }]
";

#[test]
fn what_is_forgotten_or_not_played_counts_like_what_is_kept() {
    let fleet = fleet(BUSY);
    for native in [Native::Nowhere, Native::Everywhere] {
        let mut play = Play::new(&fleet, 8, native, Memory::Everything).unwrap();
        play.play_out();
        let kept = play.conclude().1;
        let executions = kept.executions;
        assert!(executions.superseded > 0 && executions.recovered_by_people > 0, "{executions:?}");
        let without_ids = |truth: Truth| {
            let runs = truth.failed_runs.into_iter();
            let runs = runs.map(|run| (run.pipeline, run.stage, run.failures, run.retries, run.waited));
            (truth.executions, runs.collect::<Vec<_>>())
        };
        assert_eq!(without_ids(kept), without_ids(played(&fleet, 8, native)));
    }
}

#[test]
fn a_world_that_is_kept_has_every_execution() {
    let fleet = fleet("fleet: 1\nlasting: 10d\npipelines: [{ name: web, count: 10 }]");
    let mut play = Play::new(&fleet, 8, Native::AsDeclared, Memory::Everything).unwrap();
    play.play_out();
    let (world, kept) = play.conclude();
    let world = world.lock();
    let names = world.service.list_pipelines();
    let executions = names.iter().map(|name| world.service.list_executions(name).unwrap().len());
    assert_eq!(u64::try_from(executions.sum::<usize>()).unwrap(), kept.executions.started);
}

#[test]
fn the_same_failures_meet_everybody() {
    let fleet = fleet(INDEPENDENT);
    let firsts = |native| {
        let truth = played(&fleet, 9, native);
        truth.failed_runs.into_iter().map(|run| (run.pipeline, run.failures[0])).collect::<Vec<_>>()
    };
    let alone = firsts(Native::Nowhere);
    assert_eq!(alone, firsts(Native::Everywhere));
    assert!(alone.len() > 1_000);
}
