//! Every scenario with a fault at every call that it makes, and with faults at every pair of calls: whatever goes wrong,
//! it comes to the same end, with no retry made twice, no failure lost and no token gone, and within two redeliveries of
//! any message or a round of the sweep.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::emulator::faults::Fault;
use codepipeline_retrier::replay::expectation::Expectation;
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::scenario::Scenario;

use super::figure;
use super::rig::audit::Audit;
use super::rig::random::Random;

/// Death before and after the call; death by the time limit while the call is outstanding, made or not; a refusal; and an
/// answer lost, of a call that was made or not.
const FAULTS: [Fault; 7] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::HangBefore,
    Fault::HangAfter,
    Fault::NotDone,
    Fault::ReplyLost,
    Fault::LostUnsent,
];
/// Pairs of faults that the ordinary suite draws for each scenario.
const PAIRS: u32 = 150;
/// How often a message may come again after the last fault.
const MOST_REDELIVERIES: u32 = 2;
/// Happenings in one play; one that has more goes round in a circle.
const MOST_STEPS: u32 = 20_000;

/// Scenarios in which what goes wrong may rightly change how many retries are made. A person's retry between a claim and
/// its call counts as ours if the owner dies there too, since nothing in the API tells the two apart.
const NOT_COMPARABLE: [&str; 1] = ["person_at_the_fence"];

/// What goes wrong: the number of a call among all, and how.
type Plan<'a> = &'a [(u64, Fault)];

struct Played {
    calls: u64,
    found: Expectation,
    /// The most that one message came again after the last fault.
    redeliveries: u32,
    findings: Vec<String>,
}

fn play(scenario: &Scenario, plan: Plan<'_>) -> Played {
    let mut player = Player::new(scenario).unwrap();
    for (nth, fault) in plan {
        player.world().lock().faults.plan_call(*nth, *fault);
    }
    let last_fault = plan.iter().map(|(nth, _)| *nth).max().unwrap_or_default();
    let mut audit = Audit::new(scenario);
    let mut found = Expectation::default();
    let mut redelivered: BTreeMap<u64, u32> = BTreeMap::new();
    let mut steps = 0;
    let mut moments = Vec::new();
    loop {
        let is_over = player.world().lock().faults.calls() >= last_fault;
        if !player.step(&mut |moment| moments.push(moment.clone())) {
            break;
        }
        if let Some(message) = player.handed_out().filter(|message| is_over && message.receives > 1) {
            *redelivered.entry(message.id).or_default() += 1;
        }
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
    let redeliveries = redelivered.into_values().max().unwrap_or_default();
    Played { calls: world.faults.calls(), found, redeliveries, findings: audit.conclude(&world) }
}

struct Matrix {
    name: String,
    scenario: Scenario,
    /// Calls when nothing goes wrong.
    calls: u64,
    /// What came of it when nothing went wrong.
    usual: BTreeMap<String, u32>,
    runs: u64,
    redeliveries: u32,
    findings: Vec<String>,
}

impl Matrix {
    fn of(name: &str) -> Self {
        let file = format!("{}.yaml", name.replace('_', "-"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash").join(&file);
        let scenario = Scenario::read(&file, &fs::read_to_string(path).unwrap()).unwrap();
        let Played { calls, found, findings, .. } = play(&scenario, &[]);
        let differences = scenario.expectation.as_ref().unwrap().differences(&found);
        assert!(differences.is_empty() && findings.is_empty(), "{name}: {differences:#?}\n{findings:#?}");
        Self {
            name: name.to_owned(),
            scenario,
            calls,
            usual: found.retries,
            runs: 1,
            redeliveries: 0,
            findings: Vec::new(),
        }
    }

    /// One run; says how many calls it made.
    fn run(&mut self, plan: Plan<'_>) -> u64 {
        let Played { calls, found, redeliveries, mut findings } = play(&self.scenario, plan);
        // Two deaths before the rules are first put to work put that off by more than an event may predate it.
        let too_early = found.decisions.values().flatten().any(|it| *it == Ruling::IgnoreBeforeActivation);
        let only_deaths = plan.iter().all(|(_, fault)| fault.kills());
        let comparable = !NOT_COMPARABLE.contains(&self.name.as_str()) && !too_early;
        if comparable && (only_deaths || plan.len() == 1) && found.retries != self.usual {
            findings.push(format!("it made the retries {:?}, not {:?}", found.retries, self.usual));
        }
        if redeliveries > MOST_REDELIVERIES {
            findings.push(format!("a message came again {redeliveries} times after the last fault"));
        }
        self.redeliveries = self.redeliveries.max(redeliveries);
        self.runs += 1;
        self.findings.extend(findings.into_iter().map(|finding| format!("{plan:?}: {finding}")));
        calls
    }

    /// A fault of every kind at every call.
    fn singles(&mut self) {
        for nth in 1..=self.calls {
            for fault in FAULTS {
                self.run(&[(nth, fault)]);
            }
        }
    }

    /// Some pairs of faults.
    fn some_pairs(&mut self, pairs: u32) {
        let mut random = Random::new(1);
        for _ in 0..pairs {
            let first = 1 + random.below(self.calls);
            let second = first + 1 + random.below(self.calls);
            let (fault, other) = (*random.pick(&FAULTS), *random.pick(&FAULTS));
            self.run(&[(first, fault), (second, other)]);
        }
    }

    /// A fault of every kind at every call, and a second one at every call that is made then.
    fn all_pairs(&mut self) {
        for first in 1..=self.calls {
            for fault in FAULTS {
                let calls_then = self.run(&[(first, fault)]);
                for second in first + 1..=calls_then {
                    for other in FAULTS {
                        self.run(&[(first, fault), (second, other)]);
                    }
                }
            }
        }
    }

    fn conclude(&self) {
        let Self { name, runs, calls, redeliveries, findings, .. } = self;
        let shown: Vec<_> = findings.iter().take(20).collect();
        assert!(findings.is_empty(), "{name}: {} findings in {runs} runs: {shown:#?}", findings.len());
        println!("{name}: {runs} runs, {calls} calls when nothing goes wrong, {redeliveries} redeliveries");
    }
}

fn slice(name: &str) {
    let mut matrix = Matrix::of(name);
    matrix.singles();
    matrix.some_pairs(PAIRS);
    matrix.conclude();
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(#[test] fn $name() { slice(stringify!($name)); })*
    };
}

scenarios! {
    plain_retry
    delayed_retry
    fails_again
    conflict
    reply_lost
    taken_over
    paused
    paused_for_long
    budget_wait
    shared_budget
    native_retry
    parallel
    person_at_the_fence
    policy_change
    give_up
    shadow
    grows
    late_outcome
    stopped_while_waiting
    swept
    swept_beside_a_wait
    tagged
}

#[test]
fn every_file_is_played() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash");
    let mut files: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().replace('-', "_"))
        .collect();
    files.sort();
    let mut names = NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(files, names);
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn every_single_fault_and_every_pair_of_faults() {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(|| {
                while let Some(name) = NAMES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut matrix = Matrix::of(name);
                    matrix.all_pairs();
                    all.lock().unwrap().push(matrix);
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    all.iter().for_each(Matrix::conclude);
    let runs: u64 = all.iter().map(|matrix| matrix.runs).sum();
    let redeliveries = all.iter().map(|matrix| matrix.redeliveries).max().unwrap_or_default();
    let measured = format!(
        "{runs} runs over {} scenarios, every single fault and every pair of {} kinds: 0 double retries, 0 lost failures, \
         0 token drift; at most {redeliveries} redeliveries of a message after the last fault",
        all.len(),
        FAULTS.len(),
    );
    figure::record("crash-matrix", &measured, runs >= 5_000 && redeliveries <= MOST_REDELIVERIES);
    assert!(runs >= 5_000, "{runs} runs");
}
