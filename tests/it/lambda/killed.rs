//! SIGKILL at random moments, a hundred times between claim and settlement: every failure ends decided, and is retried at
//! most once.

use std::thread::sleep;
use std::time::{Duration, Instant};

use codepipeline_retrier::domain::ids::{PipelineName, StageRunId};
use codepipeline_retrier::domain::stage_run::Progress;
use codepipeline_retrier::domain::trigger::WakeUp;
use codepipeline_retrier::event::wake_up_body;
use jiff::SignedDuration;
use serde_json::Value;

use super::process::batch_of_one;
use super::runtime_api::End;
use super::scene::{RETRIES_AT_ONCE, Scene};
use crate::contract::pipelines::{fails, shop, succeeds};
use crate::figure;
use crate::rig::random::Random;

/// Deaths between claim and settlement that the test waits for.
const DEATHS: usize = 100;
/// Deaths in all, at any moment, after which it gives up waiting.
const MOST_DEATHS: usize = 1_000;

struct Failure {
    name: PipelineName,
    run: StageRunId,
    event: Value,
}

fn failure(scene: &Scene, number: usize) -> Failure {
    let name = PipelineName::parse(format!("shop-{number}")).unwrap();
    let mut definition = shop([fails(), succeeds()]);
    definition.name = name.clone();
    let (run, event) = scene.failed(&name, definition);
    Failure { name, run, event }
}

/// Handles failures in a process that has handled one before, and tells how long the quickest took.
fn handled(scene: &Scene) -> Duration {
    let function = scene.function();
    let one = |number| {
        let failure = failure(scene, number);
        let began = instant();
        let end = function.invoke(&batch_of_one("whole", &failure.event, 1));
        assert!(matches!(end, End::Response(_)), "{end:?}");
        began.elapsed()
    };
    one(0);
    (1..4).map(one).min().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "real processes live in real time")]
fn instant() -> Instant {
    Instant::now()
}

#[test]
fn killed_at_random_it_retries_at_most_once_and_decides_every_failure() {
    let scene = Scene::new("killed", RETRIES_AT_ONCE);
    let mut random = Random::new(1);
    let whole = handled(&scene);
    let mut failures = Vec::new();
    let mut between = 0;
    while between < DEATHS {
        assert!(failures.len() < MOST_DEATHS, "only {between} deaths fell between claim and settlement");
        let failure = failure(&scene, 1_000 + failures.len());
        let before = scene.reads();
        let function = scene.function();
        let end = function.begin(&batch_of_one("first", &failure.event, 1));
        // Four reads before the claim, one after it; then somewhere in between. However busy the machine is.
        let reads = if random.happens(7_500) { 5 } else { 3 + random.below(2) };
        for _ in 0..10_000 {
            if scene.reads() >= before + reads {
                break;
            }
            sleep(Duration::from_micros(200));
        }
        sleep(Duration::from_micros(random.below(u64::try_from(whole.as_micros()).unwrap() / 4)));
        function.kill();
        drop(end);
        let open = scene.record(&failure.run).is_some_and(|record| record.claim.is_some());
        between += usize::from(open);
        failures.push(failure);
    }
    println!("{} deaths, {between} of them between claim and settlement", failures.len());

    // What the queue would do: the message comes again, and so does every wake-up that is due.
    scene.pass(SignedDuration::from_mins(3));
    let function = scene.function();
    for failure in &failures {
        let end = function.invoke(&batch_of_one("again", &failure.event, 2));
        assert!(matches!(end, End::Response(_)), "{end:?}");
    }
    drop(function);
    for _ in 0..5 {
        scene.pass(SignedDuration::from_mins(12));
        let function = scene.function();
        for failure in &failures {
            let Some(record) = scene.record(&failure.run) else { continue };
            let wait = record.wait.as_ref().map(|wait| (wait.sequence, wait.wake_at));
            let claim = record.claim.as_ref().map(|claim| (claim.sequence, claim.lease_until));
            let Some((sequence, due)) = wait.or(claim) else { continue };
            let body = wake_up_body(&WakeUp { run: failure.run.clone(), sequence }, due);
            let body = serde_json::from_str(&body).unwrap();
            function.invoke(&batch_of_one("wake-up", &body, 1));
        }
    }
    let calls = |failure: &Failure| {
        let world = scene.world.lock();
        let calls = world.service.retry_calls().iter();
        calls.filter(|call| call.execution == failure.run.execution && call.outcome.is_ok()).count()
    };
    for failure in &failures {
        let record = scene.record(&failure.run).expect("every failure is on record");
        assert_eq!((record.claim, record.wait), (None, None), "{}", failure.run);
        assert_eq!(calls(failure), 1, "{}: {:#?}", failure.run, scene.decisions(&failure.name));
        assert_eq!((record.live.used, record.retries.len()), (1, 1), "{}", failure.run);
        assert!(
            record
                .retries
                .iter()
                .all(|retry| matches!(retry.progress, Progress::Issued | Progress::Recovered))
        );
        assert!(
            scene.decisions(&failure.name).iter().any(|decision| decision.verdict == "retry"),
            "{}",
            failure.run
        );
    }
    let measured = format!(
        "{} deaths of the real binary, {between} of them between claim and settlement: each failure retried once and decided",
        failures.len()
    );
    figure::record("killed", &measured, true);
}
