//! Every scenario with a fault at every call that it makes, and with crashes at every pair of calls: whatever goes wrong,
//! it comes to the same end, with no retry made twice, no failure lost and no token gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::emulator::faults::Fault;
use codepipeline_retrier::replay::expectation::Expectation;
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::scenario::Scenario;

use super::rig::audit::Audit;
use super::rig::random::Random;

const CRASHES: [Fault; 2] = [Fault::CrashBefore, Fault::CrashAfter];
const FAULTS: [Fault; 5] =
    [Fault::CrashBefore, Fault::CrashAfter, Fault::NotDone, Fault::ReplyLost, Fault::LostUnsent];
/// Pairs of faults of any kind that are drawn for each scenario.
const MIXED_PAIRS: u32 = 400;
/// Happenings in one play; one that has more goes round in a circle.
const MOST_STEPS: u32 = 20_000;

/// Here a person's retry falls between a claim and its call. When the owner dies there too, nothing in the API tells that
/// retry from ours: it counts as ours, and what fails then may be retried.
const TOO_CLOSE: &str = "person_at_the_fence";

/// What goes wrong: the number of a call among all, and how.
type Plan<'a> = &'a [(u64, Fault)];

struct Played {
    calls: u64,
    found: Expectation,
    findings: Vec<String>,
}

fn play(scenario: &Scenario, plan: Plan<'_>) -> Played {
    let mut player = Player::new(scenario).unwrap();
    for (nth, fault) in plan {
        player.world().lock().faults.plan_call(*nth, *fault);
    }
    let mut audit = Audit::new(scenario);
    let mut found = Expectation::default();
    let mut steps = 0;
    let mut moments = Vec::new();
    while player.step(&mut |moment| moments.push(moment.clone())) {
        for moment in &moments {
            found.record(moment);
        }
        audit.look(&player.world().lock(), &moments, 0, 1);
        moments.clear();
        steps += 1;
        assert!(steps < MOST_STEPS, "{plan:?}: it never comes to an end");
    }
    let world = player.world().lock();
    found.conclude(&world);
    Played { calls: world.faults.calls(), found, findings: audit.conclude(&world) }
}

struct Matrix {
    scenario: Scenario,
    /// What came of it when nothing went wrong.
    usual: BTreeMap<String, u32>,
    /// Whether as many retries must be made whatever goes wrong.
    comparable: bool,
    runs: u32,
    findings: Vec<String>,
}

impl Matrix {
    /// One run; says how many calls it made.
    fn run(&mut self, plan: Plan<'_>) -> u64 {
        let Played { calls, found, mut findings } = play(&self.scenario, plan);
        let only_crashes = plan.iter().all(|(_, fault)| CRASHES.contains(fault));
        // Two crashes before the rules are first put to work put that off by more than an event may predate it.
        let too_early = found.decisions.values().flatten().any(|it| *it == Ruling::IgnoreBeforeActivation);
        let comparable = self.comparable && !too_early && (only_crashes || plan.len() == 1);
        if comparable && found.retries != self.usual {
            findings.push(format!("it made the retries {:?}, not {:?}", found.retries, self.usual));
        }
        self.runs += 1;
        self.findings.extend(findings.into_iter().map(|finding| format!("{plan:?}: {finding}")));
        calls
    }
}

fn matrix(name: &str) {
    let file = format!("{}.yaml", name.replace('_', "-"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash").join(&file);
    let scenario = Scenario::read(&file, &fs::read_to_string(path).unwrap()).unwrap();
    let Played { calls, found, findings } = play(&scenario, &[]);
    let differences = scenario.expectation.as_ref().unwrap().differences(&found);
    assert!(differences.is_empty() && findings.is_empty(), "{differences:#?}\n{findings:#?}");

    let mut matrix = Matrix {
        scenario,
        usual: found.retries,
        comparable: name != TOO_CLOSE,
        runs: 1,
        findings: Vec::new(),
    };
    for first in 1..=calls {
        for fault in FAULTS {
            let calls_then = matrix.run(&[(first, fault)]);
            if !CRASHES.contains(&fault) {
                continue;
            }
            for second in first + 1..=calls_then {
                for other in CRASHES {
                    matrix.run(&[(first, fault), (second, other)]);
                }
            }
        }
    }
    let mut random = Random::new(1);
    for _ in 0..MIXED_PAIRS {
        let first = 1 + random.below(calls);
        let second = first + 1 + random.below(calls);
        let (fault, other) = (*random.pick(&FAULTS), *random.pick(&FAULTS));
        matrix.run(&[(first, fault), (second, other)]);
    }
    let Matrix { runs, findings, .. } = matrix;
    let shown: Vec<_> = findings.iter().take(20).collect();
    assert!(findings.is_empty(), "{name}: {} findings in {runs} runs: {shown:#?}", findings.len());
    println!("{name}: {runs} runs, {calls} calls when nothing goes wrong");
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test] fn $name() { matrix(stringify!($name)); })*

        #[test]
        fn every_file_is_played() {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash");
            let mut files: Vec<String> = fs::read_dir(directory)
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().replace('-', "_"))
                .collect();
            files.sort();
            let mut names = vec![$(stringify!($name)),*];
            names.sort_unstable();
            assert_eq!(files, names);
        }
    };
}

scenarios! {
    plain_retry
    delayed_retry
    fails_again
    conflict
    reply_lost
    paused
    budget_wait
    native_retry
    person_at_the_fence
    give_up
    shadow
    shared_budget
    grows
    paused_for_long
    late_outcome
    stopped_while_waiting
}
