//! Far beyond the usual: events that come days late, and records that are gone before their time. Neither brings a retry that
//! would not have been made otherwise, and none is made twice.

use std::collections::BTreeSet;

use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::decision::{Ruling, Verdict};
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::ledger::MemoryLedger;
use codepipeline_retrier::emulator::world::World;
use codepipeline_retrier::replay::moment::Happening;
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::scenario::{Delivery, Scenario};
use codepipeline_retrier::replay::script::matches_rule;
use jiff::SignedDuration;
use serde_json::Value;

use super::story::{Story, files, name_of, read};
use super::truth::violations;
use crate::rig::calls::accepted;

/// EventBridge tries for a day, its rule for another, Lambda for six hours: the oldest event that can come.
const LATEST: SignedDuration = SignedDuration::from_hours(54);

/// Events of a scenario that match the rule.
const MOST_EVENTS: u64 = 40;

/// Has the rules at work since before anything fails, as in a product that has been there for long.
fn put_to_work(scenario: &Scenario, world: &mut World) {
    let Some(policy) = &scenario.deployed.policy else { return };
    let mode = scenario.deployed.mode;
    let mut controls = Controls { version: 1, ..Controls::default() };
    controls.activated = Some((policy.version.clone(), mode));
    for rule in &policy.rules {
        let shadow = mode.max(rule.settings.mode) == Mode::Shadow;
        controls.active_since.insert((rule.name.clone(), shadow), scenario.start);
    }
    world.ledger.write_controls(&controls);
}

#[test]
fn failures_that_are_heard_of_days_late_are_decided_and_not_retried() {
    let mut problems = Vec::new();
    let mut too_old = 0;
    for path in files() {
        let name = name_of(&path);
        let late = Delivery { copies: 1, delay: LATEST, spread: SignedDuration::ZERO };
        let mut scenario = read(&path).unwrap();
        // A message that somebody sends by hand comes in time, and a sweep finds a failure in time.
        let is_sent = scenario.timeline.iter().any(|(_, act)| matches!(act, Act::Send { .. }));
        if is_sent || scenario.sweep.is_some() {
            continue;
        }
        scenario.lasting = None;
        for number in 1..=MOST_EVENTS {
            let delivery = scenario.deliveries.entry(number).or_default();
            if delivery.copies > 0 {
                *delivery = late;
            }
        }
        let player = Player::new(&scenario).unwrap();
        put_to_work(&scenario, &mut player.world().lock());
        let story = Story::told_by(player, &scenario);
        let rulings: Vec<Ruling> = story.found.decisions.values().flatten().copied().collect();
        too_old += rulings.iter().filter(|ruling| **ruling == Ruling::GiveUpTooOld).count();
        if accepted(&story.world).next().is_some() {
            problems.push(format!("{name}: retried two days later, {rulings:?}"));
        }
        problems.extend(violations(&story).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(too_old > 100, "{too_old}");
}

/// Plays a scenario to its end.
fn played(scenario: &Scenario) -> (Player, Vec<Value>) {
    let mut player = Player::new(scenario).unwrap();
    let mut events = Vec::new();
    player.play(|moment| {
        if let Happening::Event(event) = &moment.what
            && matches_rule(event)
        {
            events.push(event.clone());
        }
    });
    (player, events)
}

/// Takes every record and bucket away, as if their time had been over; only what operators have set is for good.
fn forget(world: &mut World) {
    let controls = Controls { version: 1, ..world.ledger.controls().clone() };
    world.ledger = MemoryLedger::default();
    world.ledger.write_controls(&controls);
}

#[test]
fn records_that_are_gone_too_early_bring_no_second_retry() {
    let mut problems = Vec::new();
    let mut looked_at = 0;
    for path in files() {
        let name = name_of(&path);
        let (mut player, events) = played(&read(&path).unwrap());
        let before = {
            let mut world = player.world().lock();
            forget(&mut world);
            let mut due = world.now();
            for event in &events {
                due += SignedDuration::from_secs(30);
                world.queue.send(event.to_string(), due);
            }
            accepted(&world).count()
        };
        player.play(|moment| {
            let Happening::Handled(handled) = &moment.what else { return };
            let verdict = handled.decision().map(|decision| decision.ruling.verdict());
            looked_at += u32::from(verdict == Some(Verdict::Ignore) || verdict == Some(Verdict::GiveUp));
        });
        let world = player.world().lock();
        let mut answered = BTreeSet::new();
        for (number, (_, call)) in accepted(&world).enumerate() {
            for id in &call.answered {
                if !answered.insert(id) && number >= before {
                    problems.push(format!("{name}: {id} was answered again after its record was gone"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(looked_at > 300, "{looked_at}");
}
