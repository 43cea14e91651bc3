//! Fleets whose events get lost, and what became of their failures.

use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::ids::{ActionName, PipelineName, StageName, StageRunId};
use codepipeline_retrier::domain::pipeline::{ActionStatus, Category, ExecutionMode};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::stage_run::Progress;
use codepipeline_retrier::domain::sweep::Tick;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::{
    ActionDefinition, Outcome, PipelineDefinition, StageDefinition,
};
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::emulator::queue::Queue;
use codepipeline_retrier::emulator::world::World;
use codepipeline_retrier::engine::Report;
use codepipeline_retrier::event::tick_body;
use codepipeline_retrier::function::Handled;
use codepipeline_retrier::replay::moment::{Happening, Moment};
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::scenario::{Delivery, Scenario};

use crate::rig::audit::Audit;
use crate::rig::calls::accepted;
use crate::rig::crowd::{Chaos, Crowd};
use crate::rig::random::Random;

/// No copy of an event.
pub const LOST: Option<Delivery> =
    Some(Delivery { copies: 0, delay: SignedDuration::ZERO, spread: SignedDuration::ZERO });

/// The policy retries once after a minute. The first tick comes after a quarter of an hour and puts it to work.
const FRAME: &str = r#"
scenario: 1
about: failures that nobody tells of
sweep: 15m
lasting: 12h
policy: |
  version: 1
  defaults: { backoff: { initial: 1m, max: 1m, jitter: none }, budgets: wide, parallel: independent }
  budgets: { wide: { capacity: 1000, refill: 1000/h } }
  rules:
    - name: all
      match: { pipeline: "*" }
pipelines:
  - name: web
    stages:
      - name: Build
        actions: [{ name: Compile, category: Build }]
timeline: []
"#;

/// What a fleet is made of.
pub struct Fleet {
    pub pipelines: usize,
    /// How many of them are started.
    pub starting: usize,
    /// How often each is started.
    pub executions: usize,
    pub parallel: bool,
    pub script: Vec<Outcome>,
    pub sweep: bool,
    /// How every event travels, if not as usual.
    pub deliveries: Option<Delivery>,
}

impl Default for Fleet {
    fn default() -> Self {
        Self {
            pipelines: 1,
            starting: usize::MAX,
            executions: 1,
            parallel: false,
            script: vec![fails(), succeeds()],
            sweep: true,
            deliveries: None,
        }
    }
}

pub fn fails() -> Outcome {
    Outcome::fail(SignedDuration::from_secs(20), "Rate exceeded")
}

pub fn succeeds() -> Outcome {
    Outcome::Succeed { after: SignedDuration::from_secs(20) }
}

pub fn name(number: usize) -> PipelineName {
    PipelineName::parse(format!("web-{number:04}")).unwrap()
}

fn stage() -> StageName {
    StageName::parse("Build").unwrap()
}

pub fn retry(pipeline: &PipelineName) -> Act {
    Act::Retry { pipeline: pipeline.clone(), stage: stage(), mode: RetryMode::FailedActions }
}

/// A fleet whose pipelines start twenty minutes after the beginning, one after the other within seven minutes.
pub fn fleet(of: &Fleet) -> Scenario {
    let mut scenario = Scenario::read("fleet", FRAME).unwrap();
    let compile = || {
        ActionDefinition::new(ActionName::parse("Compile").unwrap(), Category::Build, "CodeBuild")
            .with_script(of.script.clone())
    };
    let mode = if of.parallel { ExecutionMode::Parallel } else { ExecutionMode::Superseded };
    let definition = |number| {
        let stages = vec![StageDefinition::new(stage(), vec![compile()])];
        PipelineDefinition::new(name(number), stages).in_mode(mode)
    };
    scenario.pipelines = (0..of.pipelines).map(definition).collect();
    // Spread over the alphabet.
    let every = of.pipelines.div_ceil(of.starting.min(of.pipelines));
    let starting: Vec<_> = (0..of.pipelines).step_by(every).collect();
    let pace = SignedDuration::from_mins(7) / i32::try_from(starting.len() * of.executions).unwrap();
    scenario.timeline = (0..of.executions)
        .flat_map(|_| starting.iter())
        .enumerate()
        .map(|(index, number)| {
            let at = SignedDuration::from_mins(20) + pace * i32::try_from(index).unwrap();
            (at, Act::Start { pipeline: name(*number) })
        })
        .collect();
    if let Some(delivery) = of.deliveries {
        scenario.deliveries = (1..=10_000).map(|event| (event, delivery)).collect();
    }
    if !of.sweep {
        scenario.sweep = None;
    }
    scenario
}

/// A stage run that failed first at that time, and when something was first decided about it.
pub struct Failure {
    pub failed_at: Timestamp,
    pub decided: Option<Timestamp>,
}

/// What came of a play.
pub struct Played {
    pub failures: Vec<Failure>,
    /// Every call of a port for CodePipeline.
    pub requests: Vec<(Timestamp, Operation)>,
    /// All calls of all ports.
    pub calls: u64,
    pub slices: usize,
    /// What each slice said that it did.
    pub reports: Vec<Report>,
    /// How often progress was written.
    pub saves: u64,
    pub accepted: usize,
    world: World,
    found: Vec<String>,
}

impl Played {
    /// What was wrong.
    pub fn findings(&self) -> Vec<String> {
        self.found.clone()
    }

    /// How each retry went, by pipeline.
    pub fn progress(&self) -> Vec<Progress> {
        self.world.ledger.records().flat_map(|of| &of.retries).map(|retry| retry.progress).collect()
    }

    /// Who claimed each retry, in order.
    pub fn owners(&self) -> Vec<String> {
        let claims = self.world.ledger.commits().iter().filter_map(|commit| commit.record.claim.as_ref());
        claims.map(|claim| claim.owner.0.clone()).collect()
    }

    /// Every decision on record, by pipeline and in order.
    pub fn rulings(&self) -> Vec<Ruling> {
        let mut decisions: Vec<_> = self.world.ledger.decisions().iter().collect();
        decisions.sort_by(|a, b| (&a.run, a.decided_at).cmp(&(&b.run, b.decided_at)));
        decisions.into_iter().map(|decision| decision.ruling).collect()
    }

    fn of(world: World, reports: Vec<Report>, audit: Audit) -> Self {
        let found = audit.conclude(&world);
        Self {
            failures: failures(&world),
            requests: world.requests().to_vec(),
            calls: world.faults.calls(),
            accepted: accepted(&world).count(),
            slices: reports.len(),
            reports,
            saves: world.faults.count(Operation::SweepWrite),
            found,
            world,
        }
    }
}

fn failures(world: &World) -> Vec<Failure> {
    let mut failures = Vec::new();
    for pipeline in world.service.list_pipelines() {
        for execution in world.service.list_executions(&pipeline).unwrap() {
            let runs = world.service.action_executions(&pipeline, &execution.id).unwrap();
            let failed = runs.iter().filter(|run| run.status == ActionStatus::Failed);
            let Some(failed_at) = failed.map(|run| run.last_change).min() else { continue };
            let is_its = |run: &StageRunId| run.execution == execution.id && run.pipeline.name == pipeline;
            let decisions = world.ledger.decisions().iter().filter(|decision| is_its(&decision.run));
            failures.push(Failure { failed_at, decided: decisions.map(|of| of.decided_at).min() });
        }
    }
    failures
}

/// Plays to the end, and prepares or spoils the world at each moment.
fn play_with(
    scenario: &Scenario,
    prepare: impl FnOnce(&mut World),
    mut spoil: impl FnMut(&mut World, &Moment),
) -> Played {
    let mut player = Player::new(scenario).unwrap();
    prepare(&mut player.world().lock());
    let mut audit = Audit::new(scenario);
    let mut reports = Vec::new();
    let mut moments: Vec<Moment> = Vec::new();
    while player.step(&mut |moment| moments.push(moment.clone())) {
        let mut world = player.world().lock();
        audit.look(&world, &moments, 0, 0);
        for moment in moments.drain(..) {
            if let Happening::Handled(handled) = &moment.what
                && let Handled::Swept(report) = handled.as_ref()
            {
                reports.push(report.as_ref().clone());
            }
            spoil(&mut world, &moment);
        }
    }
    let world = player.world().lock().clone();
    Played::of(world, reports, audit)
}

pub fn play(scenario: &Scenario) -> Played {
    play_with(scenario, |_| {}, |_, _| {})
}

/// Whoever dies takes the whole queue along.
pub fn play_forgetting(scenario: &Scenario) -> Played {
    let forget = |world: &mut World, moment: &Moment| {
        if matches!(moment.what, Happening::Died) {
            world.queue = Queue::default();
        }
    };
    play_with(scenario, |_| {}, forget)
}

/// The `nth` call of all goes wrong.
pub fn play_with_fault(scenario: &Scenario, nth: u64, fault: Fault) -> Played {
    play_with(scenario, |world| world.faults.plan_call(nth, fault), |_, _| {})
}

/// The `nth` call of an operation goes wrong.
pub fn play_with_nth(scenario: &Scenario, operation: Operation, nth: u64, fault: Fault) -> Played {
    play_with(scenario, |world| world.faults.plan(operation, nth, fault), |_, _| {})
}

/// Several workers at once, every message twice now and then, and three ticks for each of the schedule's.
pub fn crowded(scenario: &Scenario, seed: u64) -> Played {
    let chaos = Chaos { in_flight: 6, twins: 5_000, deaths: 20, ticks: 100 };
    let crowd = Crowd::new(scenario, chaos, seed);
    for minutes in (15..180).step_by(15) {
        let at = scenario.start + SignedDuration::from_mins(minutes);
        let body = tick_body(Tick::Scheduled { every: SignedDuration::from_mins(15) });
        crowd.world().lock().queue.send(body.clone(), at);
        crowd.world().lock().queue.send(body, at);
    }
    play_in(crowd, scenario)
}

fn play_in(mut crowd: Crowd, scenario: &Scenario) -> Played {
    let mut audit = Audit::new(scenario);
    let mut moments: Vec<Moment> = Vec::new();
    while crowd.step(&mut |moment| moments.push(moment.clone())) {
        audit.look(&crowd.world().lock(), &moments, crowd.handlings(), crowd.at_work());
        moments.clear();
    }
    let world = crowd.world().lock().clone();
    Played::of(world, Vec::new(), audit)
}

/// A random fleet with people and faults, of whose events every third is lost.
pub fn random(seed: u64) -> Played {
    let mut scenario = crate::rig::fleet::scenario(seed);
    scenario.sweep = Some(SignedDuration::from_mins(15));
    // Nobody can find what failed in a pipeline that is gone.
    scenario.timeline.retain(|(_, act)| !matches!(act, Act::Delete { .. }));
    let mut random = Random::new(seed ^ 0x5EE9);
    for event in 1..=200 {
        if random.happens(3_333) {
            scenario.deliveries.extend(LOST.map(|lost| (event, lost)));
        }
    }
    let chaos = Chaos { in_flight: 4, twins: 200, deaths: 10, ticks: 50 };
    let crowd = Crowd::new(&scenario, chaos, seed);
    play_in(crowd, &scenario)
}
