//! What is told outside: everything that happened, once, and not as a flood. The production function on virtual time.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use codepipeline_retrier::domain::notice::Occasion;
use codepipeline_retrier::domain::screen::Telling;
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::emulator::world::World;
use codepipeline_retrier::ports::{Bulletin, EntryId};
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::scenario::Scenario;
use jiff::SignedDuration;

use super::rig::storms::{play, scenario};

const FAILS_FOR_GOOD: &str = "{ fail: { after: 30s, message: \"error[E0308]: mismatched types\" } }";
const FAILS_ONCE: &str = "{ fail: { after: 30s, message: \"Rate exceeded\" } }, { succeed: 40s }";

/// How often each message left, in whatever company, and whether its last copy said that it is one.
fn sent(world: &World) -> BTreeMap<EntryId, (u32, bool)> {
    let mut sent: BTreeMap<EntryId, (u32, bool)> = BTreeMap::new();
    for (_, bulletin) in &world.outside.bulletins {
        match bulletin {
            Bulletin::Single { id, repeated, .. } => {
                let of = sent.entry(id.clone()).or_default();
                *of = (of.0 + 1, *repeated);
            }
            Bulletin::Digest { notices } => {
                for (id, _) in notices {
                    sent.entry(id.clone()).or_default().0 += 1;
                }
            }
        }
    }
    sent
}

/// So many pipelines fail within a minute; how many messages that makes.
fn flood(pipelines: i64, runs: &'static str) -> usize {
    let starts = (0..pipelines).map(|number| (runs, vec![number * 60_000 / pipelines]));
    let mut scenario = scenario("", starts);
    scenario.deployed.telling = Telling { notices: true, decisions: false };
    scenario.sweep = Some(SignedDuration::from_mins(15));
    scenario.lasting = Some(SignedDuration::from_hours(12));
    let (player, findings) = play(&scenario, None, &mut |_| {});
    assert_eq!(findings, Vec::<String>::new());
    let world = player.world().lock();
    let sent = sent(&world);
    assert_eq!(i64::try_from(sent.len()).unwrap(), pipelines, "one thing to tell of each");
    assert!(sent.values().all(|(times, _)| *times == 1), "nothing is told twice");
    assert_eq!(world.ledger.outbox.waiting().count(), 0, "nothing is left");
    world.outside.bulletins.len()
}

#[test]
fn a_thousand_failures_are_a_handful_of_messages() {
    let messages = flood(1_000, FAILS_FOR_GOOD);
    assert!((3..=5).contains(&messages), "{messages} messages");
}

#[test]
fn a_hundred_recoveries_are_a_handful_of_messages() {
    let messages = flood(100, FAILS_ONCE);
    assert!((3..=6).contains(&messages), "{messages} messages");
}

#[test]
fn every_decision_is_announced_as_it_is_on_record() {
    let mut scenario = scenario("", [(FAILS_ONCE, vec![0]), (FAILS_FOR_GOOD, vec![1_000])]);
    scenario.deployed.telling = Telling { notices: false, decisions: true };
    let (player, findings) = play(&scenario, None, &mut |_| {});
    assert_eq!(findings, Vec::<String>::new());
    let world = player.world().lock();
    let announced: Vec<&str> = world.outside.announced.iter().map(|(_, document)| document.as_str()).collect();
    let decided: Vec<String> = (world.ledger.decisions().iter())
        .map(|decision| codepipeline_retrier::document::document(decision).to_string())
        .collect();
    assert_eq!(announced, decided);
    assert!(decided.len() >= 3, "{decided:?}");
    assert_eq!(world.outside.bulletins, [], "and nobody else is told");
}

/// Plays a scenario with one fault; the world at its end.
fn play_with(scenario: &Scenario, fault: Option<(u64, Fault)>) -> (Player, Option<Operation>) {
    let mut player = Player::new(scenario).unwrap();
    if let Some((nth, fault)) = fault {
        player.world().lock().faults.plan_call(nth, fault);
    }
    let mut hit = None;
    while player.step(&mut |_| {}) {
        let last = player.world().lock().faults.last();
        hit = hit.or(last.filter(|(_, fault)| fault.is_some()).map(|(operation, _)| operation));
    }
    (player, hit)
}

/// The scenarios about telling in which the sweep is on, so that nothing may be lost.
fn scenarios() -> Vec<(String, Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/notices");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut scenario = Scenario::read("notices", &fs::read_to_string(&path).unwrap()).unwrap();
        scenario.hooks.clear();
        scenario.timeline.retain(|(_, act)| matches!(act, codepipeline_retrier::emulator::acts::Act::Start { .. }));
        scenario.sweep = Some(SignedDuration::from_mins(15));
        scenario.lasting = Some(SignedDuration::from_hours(4));
        found.push((path.file_name().unwrap().to_string_lossy().into_owned(), scenario));
    }
    assert!(found.len() >= 6);
    found
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_and_what_is_told_twice_says_so() {
    for (name, scenario) in scenarios() {
        let (fine, _) = play_with(&scenario, None);
        let (calls, expected) = {
            let world = fine.world().lock();
            (world.faults.calls(), sent(&world))
        };
        for nth in 1..=calls {
            for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::Denied) {
                let (player, hit) = play_with(&scenario, Some((nth, fault)));
                let world = player.world().lock();
                let (got, case) = (sent(&world), format!("{name}, call {nth}, {fault:?} at {hit:?}"));
                assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{case}");
                assert_eq!(world.ledger.outbox.waiting().count(), 0, "{case}");
                for (id, (times, says_so)) in &got {
                    // A death after it was sent, or a note that it was which did not get through.
                    let may_be_twice = matches!(hit, Some(Operation::Publish | Operation::OutboxWrite));
                    assert!(*times == 1 || (*times == 2 && may_be_twice && *says_so), "{case}: {id:?} {times} times");
                }
            }
        }
    }
}

#[test]
fn a_message_says_what_a_team_needs_to_know() {
    let (_, scenario) = scenarios().into_iter().find(|(name, _)| name == "everything-once.yaml").unwrap();
    let (player, _) = play_with(&scenario, None);
    let world = player.world().lock();
    let notices: Vec<_> = (world.outside.bulletins.iter())
        .filter_map(|(_, bulletin)| match bulletin {
            Bulletin::Single { notice, .. } => Some(notice),
            Bulletin::Digest { .. } => None,
        })
        .collect();
    let recovered = notices.iter().find(|notice| notice.occasion == Occasion::Recovered).unwrap();
    assert_eq!((recovered.retries, recovered.max_retries), (3, 3));
    assert_eq!(recovered.rule.as_ref().unwrap().as_str(), "all");
    assert_eq!(recovered.classes.values().map(|class| class.as_str()).collect::<Vec<_>>(), ["throttling"]);
    assert!(recovered.failed_at.is_some());
    let left: Vec<_> = recovered.budgets.iter().map(|(name, left, of)| (name.as_str(), *left, *of)).collect();
    assert_eq!(left, [("region", 17, 20), ("pipeline", 1, 4)]);
}
