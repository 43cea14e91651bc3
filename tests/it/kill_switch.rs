//! The kill switch: once a pause is in the ledger, no claim is committed any more and no claim is taken over, wherever the
//! function stood at that moment. What is left is the call of a claim that was committed before.

use std::collections::{BTreeMap, BTreeSet};

use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::stage_run::Owner;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::world::World;
use codepipeline_retrier::replay::scenario::Scenario;
use jiff::Timestamp;

use super::figure;
use super::rig::calls::run_of;
use super::rig::crowd::{Chaos, Crowd};
use super::rig::random::Random;

/// One handling after the other, nothing by chance.
const ALONE: Chaos = Chaos { in_flight: 1, twins: 0, deaths: 0, ticks: 0 };
/// Many at once, some of which die.
const CROWDED: Chaos = Chaos { in_flight: 6, twins: 3_000, deaths: 100, ticks: 500 };

/// What the claim is before a call: a failure that is retried at once, after a wait, or by whoever takes it over.
const SITUATIONS: [(&str, &str, &str); 6] = [
    ("a fresh failure", "{ initial: 0s, max: 0s, jitter: none }", ""),
    ("a wake-up", "{ initial: 30s, max: 30s, jitter: none }", ""),
    (
        "a take-over after a call that was never sent",
        "{ initial: 0s, max: 0s, jitter: none }",
        "  - { at: 1s, break: { operation: retry, nth: 1, fault: lost-unsent } }",
    ),
    (
        "a take-over after a death at the fence",
        "{ initial: 30s, max: 30s, jitter: none }",
        "  - { at: 1s, break: { operation: fence, nth: 1, fault: crash-before } }",
    ),
    (
        "a take-over after a claim whose answer was lost with its owner",
        "{ initial: 0s, max: 0s, jitter: none }",
        "  - { at: 1s, break: { operation: ledger-commit, nth: 1, fault: crash-after } }",
    ),
    (
        "a call whose answer was lost",
        "{ initial: 0s, max: 0s, jitter: none }",
        "  - { at: 1s, break: { operation: retry, nth: 1, fault: reply-lost } }",
    ),
];

fn scenario(backoff: &str, breaks: &str) -> Scenario {
    let text = format!(
        r#"
scenario: 1
about: a throttled deployment in two pipelines
policy: |
  version: 1
  defaults:
    backoff: {backoff}
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
            runs: [{{ fail: {{ after: 30s, message: Rate exceeded }} }}, {{ fail: {{ after: 30s, message: Rate exceeded }} }}, {{ succeed: 40s }}]
  - name: api
    stages:
      - name: Deploy
        actions:
          - name: Stack
            category: Deploy
            runs: [{{ fail: {{ after: 31s, message: Rate exceeded }} }}, {{ succeed: 40s }}]
timeline:
  - {{ at: 0s, start: web }}
  - {{ at: 0s, start: api }}
{breaks}
"#
    );
    Scenario::read("kill-switch", &text).unwrap()
}

/// Who has claimed what: a claim that is taken over is another one.
fn claims(world: &World) -> BTreeSet<(StageRunId, Owner, Timestamp)> {
    let claims = world.ledger.records().filter_map(|record| {
        let claim = record.claim.as_ref()?;
        Some((record.id.clone(), claim.owner.clone(), claim.lease_until))
    });
    claims.collect()
}

/// The calls that were sent, by stage run, whatever CodePipeline said to them.
fn calls(world: &World) -> BTreeMap<StageRunId, usize> {
    let mut calls = BTreeMap::new();
    for call in world.service.retry_calls().iter().filter(|call| call.caller == "retrier") {
        *calls.entry(run_of(&world.place, call)).or_default() += 1;
    }
    calls
}

#[derive(Debug, Default)]
struct Seen {
    plays: u32,
    /// Claims and take-overs that were committed although it was paused.
    claimed: usize,
    /// Calls that were sent although it was paused, without a claim from before.
    unclaimed_calls: usize,
    /// Calls of claims that were committed before.
    calls_under_way: usize,
    /// Claims and take-overs that were committed before the pause, which would be none if it never came late.
    claimed_before: usize,
}

impl Seen {
    /// Plays, and lets an operator pause everything after so many steps. Says whether it came to that.
    fn play(&mut self, scenario: &Scenario, chaos: Chaos, seed: u64, pause_after: u64) -> bool {
        let mut crowd = Crowd::new(scenario, chaos, seed);
        let mut known = BTreeSet::new();
        for _ in 0..pause_after {
            if !crowd.step(&mut |_| {}) {
                return false;
            }
            let now = claims(&crowd.world().lock());
            self.claimed_before += now.difference(&known).count();
            known = now;
        }
        let (before, called) = {
            let mut world = crowd.world().lock();
            let pause = Act::Pause { pipeline: None, lasting: None, reason: "stop".to_owned() };
            world.act(&pause).unwrap();
            (claims(&world), calls(&world))
        };
        while crowd.step(&mut |_| {}) {
            let now = claims(&crowd.world().lock());
            self.claimed += now.difference(&before).count();
        }
        for (run, sent) in calls(&crowd.world().lock()) {
            let sent = sent - called.get(&run).copied().unwrap_or_default();
            let may_be_under_way = before.iter().filter(|(claimed, ..)| *claimed == run).count();
            self.calls_under_way += sent.min(may_be_under_way);
            self.unclaimed_calls += sent.saturating_sub(may_be_under_way);
        }
        self.plays += 1;
        true
    }
}

#[test]
fn after_a_pause_nothing_is_claimed_and_nothing_taken_over() {
    let mut all = Seen::default();
    for (name, backoff, breaks) in SITUATIONS {
        let scenario = scenario(backoff, breaks);
        let mut seen = Seen::default();
        let mut step = 0;
        while seen.play(&scenario, ALONE, 1, step) {
            assert_eq!((seen.claimed, seen.unclaimed_calls), (0, 0), "{name}: paused after step {step}");
            step += 1;
        }
        assert!(seen.claimed_before > 0 && seen.plays > 50, "{name}: {seen:?}");
        add(&mut all, &seen);
    }
    let mut random = Random::new(7);
    for seed in 0..figure::number("RETRIER_PAUSES", 100) {
        let (name, backoff, breaks) = SITUATIONS[random.index(SITUATIONS.len())];
        let scenario = scenario(backoff, breaks);
        let step = random.below(220);
        let mut seen = Seen::default();
        seen.play(&scenario, CROWDED, seed, step);
        assert_eq!(
            (seen.claimed, seen.unclaimed_calls),
            (0, 0),
            "{name}: seed {seed}, paused after step {step}"
        );
        add(&mut all, &seen);
    }
    let Seen { plays, claimed, unclaimed_calls, calls_under_way, .. } = all;
    let measured = format!(
        "{plays} pauses, one at every step of {} situations and at random among concurrent handlings: {claimed} claims or \
         take-overs committed after it, {unclaimed_calls} calls without a claim from before it ({calls_under_way} calls of \
         claims that were committed before)",
        SITUATIONS.len()
    );
    assert!(calls_under_way > 0, "it was never paused between a claim and its call");
    figure::record("kill-switch", &measured, claimed == 0 && unclaimed_calls == 0);
}

fn add(all: &mut Seen, seen: &Seen) {
    all.plays += seen.plays;
    all.claimed += seen.claimed;
    all.unclaimed_calls += seen.unclaimed_calls;
    all.calls_under_way += seen.calls_under_way;
    all.claimed_before += seen.claimed_before;
}
