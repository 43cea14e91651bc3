//! Many pipelines of one stage under one policy, each failing as one likes, and what there is to measure.

use std::collections::BTreeMap;

use codepipeline_retrier::domain::ids::{PipelineName, StageRunId};
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::PipelineDefinition;
use codepipeline_retrier::emulator::world::World;
use codepipeline_retrier::replay::moment::Moment;
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::scenario::Scenario;
use jiff::{SignedDuration, Timestamp};

use super::audit::Audit;
use super::calls::accepted;

/// The runs of a pipeline's one action, as a scenario file has them, and when executions start, in milliseconds.
pub type Member = (&'static str, Vec<i64>);

/// A scenario of these pipelines. `settings` are lines of the policy beside its one rule.
pub fn scenario(settings: &str, members: impl IntoIterator<Item = Member>) -> Scenario {
    let read = |runs: &str| {
        let text = format!(
            "scenario: 1\nabout: many pipelines at once\npolicy: |\n  version: 1\n{}  rules:\n    - name: all\n      \
             match: {{ pipeline: \"*\" }}\npipelines:\n  - name: web\n    stages:\n      - name: Deploy\n        \
             actions: [{{ name: Stack, category: Deploy, runs: [{runs}] }}]\ntimeline: []\n",
            settings.lines().flat_map(|line| ["  ", line, "\n"]).collect::<String>(),
        );
        Scenario::read("storm", &text).unwrap()
    };
    let mut scenario = read("succeed: 1s");
    scenario.pipelines.clear();
    let mut templates: BTreeMap<&str, PipelineDefinition> = BTreeMap::new();
    for (number, (runs, starts)) in members.into_iter().enumerate() {
        let template = templates.entry(runs).or_insert_with(|| read(runs).pipelines.remove(0));
        let name = PipelineName::parse(format!("web-{number:04}")).unwrap();
        scenario.pipelines.push(PipelineDefinition { name: name.clone(), ..template.clone() });
        scenario.timeline.extend(
            starts
                .into_iter()
                .map(|at| (SignedDuration::from_millis(at), Act::Start { pipeline: name.clone() })),
        );
    }
    scenario.timeline.sort_by_key(|(at, _)| *at);
    scenario
}

/// Plays it to its end, CodePipeline taking so many calls a second, and holds every promise against what was seen.
pub fn play(
    scenario: &Scenario,
    limit: Option<u32>,
    watch: &mut dyn FnMut(&Moment),
) -> (Player, Vec<String>) {
    let mut player = Player::new(scenario).unwrap();
    player.world().lock().rate.limit = limit;
    let mut audit = Audit::new(scenario);
    let mut moments = Vec::new();
    let mut handlings = 0;
    while player.step(&mut |moment| moments.push(moment.clone())) {
        handlings += 1;
        moments.iter().for_each(&mut *watch);
        audit.look(&player.world().lock(), &moments, handlings, handlings);
        moments.clear();
    }
    let findings = audit.conclude(&player.world().lock());
    (player, findings)
}

/// When CodePipeline took a retry of the function's, in order.
pub fn retries(world: &World) -> Vec<Timestamp> {
    accepted(world).map(|(_, call)| call.at).collect()
}

/// The most that happened within any window of that length, both ends included.
pub fn most_within(instants: &[Timestamp], length: SignedDuration) -> usize {
    let within = |first: &Timestamp| instants.partition_point(|at| *at <= after(*first, length));
    (instants.iter().enumerate()).map(|(number, first)| within(first) - number).max().unwrap_or_default()
}

/// How much more than `capacity + length / interval` happened within any window of any length; at most 0 where a budget
/// holds.
pub fn excess(instants: &[Timestamp], capacity: i64, interval: SignedDuration) -> i64 {
    let of = |(first, from): (usize, &Timestamp)| {
        (instants.iter().skip(first).enumerate())
            .map(|(more, at)| {
                let length = i64::try_from(at.duration_since(*from).as_millis()).unwrap();
                let interval = i64::try_from(interval.as_millis()).unwrap();
                i64::try_from(more + 1).unwrap() - capacity - length / interval
            })
            .max()
    };
    instants.iter().enumerate().filter_map(of).max().unwrap_or(-capacity)
}

/// When each stage run first had a decision on record.
pub fn first_decisions(world: &World) -> BTreeMap<StageRunId, Timestamp> {
    let mut first = BTreeMap::new();
    for decision in world.ledger.decisions() {
        first.entry(decision.run.clone()).or_insert(decision.decided_at);
    }
    first
}
