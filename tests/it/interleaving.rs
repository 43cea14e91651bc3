//! Ten thousand deliveries with many handlings in flight, interleaved at random: one failure gets one retry and one token,
//! whatever the order, and however many of them die on the way.

use codepipeline_retrier::domain::ids::PipelineName;
use codepipeline_retrier::domain::stage_run::Progress;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::faults::Operation;
use codepipeline_retrier::emulator::world::World;
use codepipeline_retrier::replay::scenario::Delivery;
use codepipeline_retrier::replay::scenario::Scenario;
use jiff::SignedDuration;

use super::rig::audit::Audit;
use super::rig::calls::accepted;
use super::rig::crowd::{Chaos, Crowd};

const IN_FLIGHT: usize = 32;
const DELIVERIES: u32 = 10_000;

const CALM: Chaos = Chaos { in_flight: IN_FLIGHT, twins: 0, deaths: 0, ticks: 1 };
const WILD: Chaos = Chaos { in_flight: IN_FLIGHT, twins: 1_000, deaths: 20, ticks: 5 };

fn scenario(backoff: &str) -> Scenario {
    let text = format!(
        r#"
scenario: 1
about: a throttled deployment
policy: |
  version: 1
  defaults:
    backoff: {backoff}
    budgets: [region, stage]
  budgets:
    region: {{ capacity: 1000, refill: 1/d }}
    stage: {{ capacity: 2, refill: 1/d, per: stage }}
  rules:
    - name: all
      match: {{ pipeline: "*" }}
pipelines:
  - name: web
    stages:
      - name: Deploy
        actions:
          - name: Stack
            category: Deploy
            runs: [{{ fail: {{ after: 30s, message: Rate exceeded }} }}, {{ succeed: 40s }}]
timeline:
  - {{ at: 0s, start: web }}
"#
    );
    Scenario::read("interleaving", &text).unwrap()
}

/// The same with so many pipelines, each of which fails once.
fn fleet(pipelines: usize, copies: u32) -> Scenario {
    let mut scenario = scenario("{ initial: 30s, max: 30s, jitter: full }");
    let template = scenario.pipelines.pop().unwrap();
    scenario.timeline.clear();
    for number in 0..pipelines {
        let mut pipeline = template.clone();
        pipeline.name = PipelineName::parse(format!("web-{number}")).unwrap();
        scenario.timeline.push((SignedDuration::ZERO, Act::Start { pipeline: pipeline.name.clone() }));
        scenario.pipelines.push(pipeline);
        let delivery =
            Delivery { copies, delay: SignedDuration::from_secs(1), spread: SignedDuration::from_secs(1) };
        scenario.deliveries.insert(u64::try_from(number + 1).unwrap(), delivery);
    }
    scenario
}

fn deliver_often(scenario: &mut Scenario, spread: SignedDuration) {
    let delivery = Delivery { copies: DELIVERIES, delay: SignedDuration::from_secs(1), spread };
    scenario.deliveries.insert(1, delivery);
}

/// Plays to the end, and holds the invariants.
fn play(scenario: &Scenario, chaos: Chaos, seed: u64) -> Crowd {
    play_on(Crowd::new(scenario, chaos, seed), scenario, seed)
}

fn play_on(mut crowd: Crowd, scenario: &Scenario, seed: u64) -> Crowd {
    let mut audit = Audit::new(scenario);
    let mut moments = Vec::new();
    let written = |world: &World| (world.ledger.decisions().len(), world.service.retry_calls().len());
    let mut looked_at = (0, 0);
    let mut goes_on = true;
    while goes_on {
        goes_on = crowd.step(&mut |moment| moments.push(moment.clone()));
        let world = crowd.world().lock();
        if written(&world) != looked_at || !goes_on {
            audit.look(&world, &moments, crowd.handlings(), crowd.at_work());
            moments.clear();
            looked_at = written(&world);
        }
    }
    let findings = audit.conclude(&crowd.world().lock());
    assert!(findings.is_empty(), "seed {seed}: {findings:#?}");
    crowd
}

/// Tokens gone from each bucket; so little comes back while a test plays that it does not count.
fn tokens_gone(world: &World, scenario: &Scenario) -> Vec<i64> {
    let rule = &scenario.deployed.policy.as_ref().unwrap().rules[0];
    let gone = world.ledger.buckets().map(|(key, bucket)| {
        let budget = rule.settings.budgets.iter().find(|budget| budget.name == key.budget).unwrap();
        (bucket.full_at.unwrap() - scenario.start.as_millisecond()) / budget.interval_ms()
    });
    gone.collect()
}

fn one_retry_and_one_token(crowd: &Crowd, scenario: &Scenario, seed: u64) {
    let world = crowd.world().lock();
    assert_eq!(accepted(&world).count(), 1, "seed {seed}");
    assert_eq!(tokens_gone(&world, scenario), [1, 1], "seed {seed}");
    let record = world.ledger.records().next().unwrap();
    assert_eq!(record.live.used, 1, "seed {seed}");
    assert_eq!(record.retries.len(), 1, "seed {seed}");
    assert_eq!(record.retries[0].progress, Progress::Recovered, "seed {seed}");
}

/// Reads of CodePipeline that ten thousand deliveries of one failure may cost. Whoever has read the ledger before the wait
/// was written reads CodePipeline, and so does whoever has read it after the wait is due and before the claim: at most
/// all in flight, both times. Everybody else finds the wait, the claim or the answer in the ledger. Three more are the
/// wake-up and the two events of the retry itself.
const MOST_READS: u64 = 2 * IN_FLIGHT as u64 + 3;

#[test]
fn ten_thousand_deliveries_of_one_failure_give_one_retry_and_one_token() {
    for (seed, spread) in [(1, 0), (2, 5), (3, 9), (4, 30)] {
        let mut scenario = scenario("{ initial: 30s, max: 30s, jitter: none }");
        deliver_often(&mut scenario, SignedDuration::from_millis(spread));
        let crowd = play(&scenario, CALM, seed);
        one_retry_and_one_token(&crowd, &scenario, seed);
        assert_eq!(crowd.died, 0, "seed {seed}");
        let reads = crowd.world().lock().faults.count(Operation::Observe);
        assert!(reads <= MOST_READS, "seed {seed}: {reads} reads of CodePipeline");
        println!("seed {seed}: {} messages handed out, {reads} reads of CodePipeline", crowd.handed_out);
    }
}

#[test]
fn a_retry_that_may_come_at_once_comes_once() {
    for seed in 1..=3 {
        let mut scenario = scenario("{ initial: 0s, max: 0s, jitter: none }");
        deliver_often(&mut scenario, SignedDuration::ZERO);
        let crowd = play(&scenario, CALM, seed);
        one_retry_and_one_token(&crowd, &scenario, seed);
        let reads = crowd.world().lock().faults.count(Operation::Observe);
        assert!(reads <= IN_FLIGHT as u64 + 2, "seed {seed}: {reads} reads of CodePipeline");
    }
}

#[test]
fn deaths_and_twins_change_nothing() {
    let (mut died, mut handed_out) = (0, 0);
    for (seed, spread) in [(1, 0), (2, 3), (3, 12)] {
        let mut scenario = scenario("{ initial: 30s, max: 30s, jitter: none }");
        deliver_often(&mut scenario, SignedDuration::from_millis(spread));
        let crowd = play(&scenario, WILD, seed);
        one_retry_and_one_token(&crowd, &scenario, seed);
        died += crowd.died;
        handed_out += crowd.handed_out;
    }
    assert!(died > 100, "only {died} handlings died");
    assert!(handed_out > 3 * u64::from(DELIVERIES), "only {handed_out} messages were handed out");
    println!("{handed_out} messages handed out, {died} handlings died");
}

#[test]
fn ten_thousand_deliveries_of_two_hundred_failures_give_each_its_retry() {
    for (seed, chaos) in [(1, CALM), (2, WILD)] {
        let scenario = fleet(200, 50);
        let crowd = play(&scenario, chaos, seed);
        let world = crowd.world().lock();
        assert_eq!(accepted(&world).count(), 200, "seed {seed}");
        let mut gone = tokens_gone(&world, &scenario);
        gone.sort_unstable();
        assert_eq!(gone.pop(), Some(200), "seed {seed}");
        assert_eq!(gone, [1; 200], "seed {seed}");
        assert!(world.ledger.records().all(|record| record.live.used == 1), "seed {seed}");
        println!("seed {seed}: {} messages handed out, {} handlings died", crowd.handed_out, crowd.died);
    }
}

/// Every wake-up comes many times, all at once: those of the wait, and those of a claim that nobody settled.
#[test]
fn wake_ups_that_come_many_times_at_once_wake_once() {
    for seed in 1..=20 {
        let scenario = fleet(5, 1);
        let chaos = Chaos { twins: 9_000, deaths: 300, ..WILD };
        let mut crowd = Crowd::new(&scenario, chaos, seed);
        crowd.copy_wake_ups(20);
        let crowd = play_on(crowd, &scenario, seed);
        let world = crowd.world().lock();
        assert_eq!(accepted(&world).count(), 5, "seed {seed}");
    }
}
