//! A report from the ledger of the emulated world, against what really happened there.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::document::document;
use codepipeline_retrier::domain::stage_run::{Progress, after};
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::report::{Assumed, ReportFigures, Sources, failures, report};
use codepipeline_retrier::replay::scenario::Scenario;

const ASSUMED: Assumed = Assumed { reaction_minutes: 30.0, hourly_rate: Some(60.0) };

fn played(text: &str) -> SharedWorld {
    let scenario = Scenario::read("scenario", text).unwrap();
    let mut player = Player::new(&scenario).unwrap();
    player.play(|_| {});
    player.world().clone()
}

fn sources(world: &SharedWorld) -> Sources {
    let world = world.lock();
    Sources {
        documents: world.ledger.decisions().iter().map(|decision| document(decision).to_string()).collect(),
        records: world.ledger.records().cloned().collect(),
    }
}

fn span(world: &SharedWorld) -> (Timestamp, Timestamp) {
    let now = world.now();
    (after(now, SignedDuration::from_hours(-30 * 24)), now)
}

fn reported(world: &SharedWorld) -> ReportFigures {
    let (since, until) = span(world);
    let (failures, unread) = failures(&sources(world), since, until);
    assert_eq!(unread, 0);
    report(&failures, None, ASSUMED, since, until)
}

fn shop(policy: &str, runs: &str, timeline: &str) -> String {
    format!(
        "
scenario: 1
about: one stage
{policy}
pipelines:
  - name: shop
    mode: QUEUED
    stages:
      - name: Test
        actions: [{{ name: Unit, category: Test, runs: [{runs}] }}]
timeline:
  - {{ at: 0s, start: shop }}
{timeline}
"
    )
}

const EXACT: &str = "policy: |
  version: 1
  rules:
    - name: everything
      match: { pipeline: '*' }
      backoff: { initial: 2m, factor: 2, max: 30m, jitter: none }
";
const THROTTLED: &str = "fail: { after: 60s, message: 'ThrottlingException: Rate exceeded' }";
const COMPILE: &str = "fail: { after: 60s, message: 'error[E0425]: cannot find value `x` in this scope' }";

#[test]
fn a_retry_that_recovers_is_counted_once_with_its_class_and_its_time() {
    let figures = reported(&played(&shop(EXACT, &format!("{{ {THROTTLED} }}, {{ succeed: 1m }}"), "")));
    assert_eq!((figures.failures, figures.outcomes.retries, figures.outcomes.recovered), (1, 1, 1));
    assert_eq!((figures.recovered.hits, figures.recovered.of), (1, 1));
    assert_eq!((figures.stage_runs.hits, figures.stage_runs.of), (1, 1));
    assert_eq!(figures.classes[0].class, "throttling");
    assert!((figures.time_to_retry.unwrap().p50 - 2.0).abs() < 0.1, "{:?}", figures.time_to_retry);
    // Somebody would have come after half an hour, at 60 dollars for an hour.
    assert!((figures.saved.minutes - 28.0).abs() < 0.1, "{:?}", figures.saved);
    assert!((figures.saved.dollars.unwrap() - 28.0).abs() < 0.1, "{:?}", figures.saved);
    assert_eq!(figures.decisions.get("retry/eligible"), Some(&1));
    assert!(!figures.is_rehearsal && figures.first_try.is_none());
}

#[test]
fn a_stage_run_that_recovers_at_the_second_retry_is_one_recovery_of_two_retries() {
    let runs = format!("{{ {THROTTLED} }}, {{ {THROTTLED} }}, {{ succeed: 1m }}");
    let figures = reported(&played(&shop(EXACT, &runs, "")));
    assert_eq!((figures.failures, figures.outcomes.retries), (2, 2));
    assert_eq!((figures.outcomes.recovered, figures.outcomes.failed_again), (1, 1));
    assert_eq!((figures.stage_runs.hits, figures.stage_runs.of), (1, 1));
}

#[test]
fn what_is_left_alone_is_told_with_its_reason() {
    let figures = reported(&played(&shop(EXACT, &format!("{{ {COMPILE} }}"), "")));
    assert_eq!((figures.failures, figures.outcomes.retries), (1, 0));
    assert_eq!(figures.decisions.get("give-up/not-retryable"), Some(&1));
    assert_eq!(figures.stages[0].left_alone, 1);
    assert!(figures.saved.minutes.abs() < f64::EPSILON);
}

#[test]
fn a_rehearsal_in_shadow_is_called_one() {
    let shadow = EXACT.replace("match:", "mode: shadow\n      match:");
    let figures = reported(&played(&shop(&shadow, &format!("{{ {THROTTLED} }}"), "")));
    assert_eq!((figures.outcomes.retries, figures.outcomes.rehearsed), (1, 1));
    assert!(figures.is_rehearsal);
    assert_eq!(figures.recovered.rate, None);
}

#[test]
fn retries_that_never_help_are_named() {
    let policy = EXACT.replace("match:", "max-retries: 4\n      match:");
    let starts = "  - { at: 3h, start: shop }\n  - { at: 6h, start: shop }";
    let world = played(&shop(&policy, &format!("{{ {THROTTLED} }}"), starts));
    let figures = reported(&world);
    let [futile] = figures.futile.as_slice() else { panic!("{:?}", figures.stages) };
    assert_eq!((futile.pipeline.as_str(), futile.stage.as_str()), ("shop", "Test"));
    assert_eq!(futile.recovered.hits, 0);
    assert!(futile.recovered.of >= 4, "{futile:?}");
}

#[test]
fn every_retry_of_every_scenario_is_in_the_report() {
    let mut compared = 0;
    for entry in std::fs::read_dir("examples/scenarios").unwrap() {
        let path = entry.unwrap().path();
        let world = played(&std::fs::read_to_string(&path).unwrap());
        let figures = reported(&world);
        let world = world.lock();
        let retries: Vec<Progress> =
            world.ledger.records().flat_map(|record| record.retries.iter().map(|of| of.progress)).collect();
        let count = |wanted| retries.iter().filter(|progress| **progress == wanted).count() as u64;
        assert_eq!(figures.outcomes.retries, retries.len() as u64, "{}", path.display());
        assert_eq!(figures.outcomes.recovered, count(Progress::Recovered), "{}", path.display());
        assert_eq!(figures.outcomes.failed_again, count(Progress::FailedAgain), "{}", path.display());
        let failed: BTreeSet<_> = world
            .ledger
            .decisions()
            .iter()
            .filter(|decision| !decision.failed.is_empty())
            .map(|decision| (decision.run.clone(), decision.failed.clone()))
            .collect();
        assert_eq!(figures.failures, failed.len() as u64, "{}", path.display());
        compared += retries.len();
    }
    assert!(compared > 3, "{compared}");
}

#[test]
fn documents_of_other_releases_are_read_as_far_as_they_go() {
    let world = played(&shop(EXACT, &format!("{{ {THROTTLED} }}, {{ succeed: 1m }}"), ""));
    let (since, until) = span(&world);
    let mut sources = sources(&world);
    for document in &mut sources.documents {
        *document = document.replacen('{', "{\"new-member\":{\"a\":1},", 1);
    }
    sources.documents.push("{\"schema\":9}".to_owned());
    sources.documents.push("not json".to_owned());
    let (failures, unread) = failures(&sources, since, until);
    assert_eq!((failures.len(), unread), (1, 2));
}
