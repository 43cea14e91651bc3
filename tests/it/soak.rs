//! Random fleets under random policies, with people, faults, late and repeated events, played for hours of virtual time.
//!
//! `RETRIER_SEED=n` plays one seed and tells its story.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use codepipeline_retrier::emulator::world::World;
use codepipeline_retrier::replay::moment::{Happening, Moment};

use super::rig::audit::Audit;
use super::rig::calls::accepted;
use super::rig::crowd::{Chaos, Crowd};
use super::rig::fleet;
use super::rig::random::Random;

const SEEDS: u64 = 300;
/// Steps in one play; one that has more goes round in a circle.
const MOST_STEPS: u32 = 200_000;

#[derive(Debug, Default)]
struct Story {
    lines: Vec<String>,
    findings: Vec<String>,
    retries: usize,
    taken_over: usize,
    died: u64,
}

fn chaos(seed: u64) -> Chaos {
    let mut random = Random::new(seed ^ 0xC4A0_5000);
    Chaos {
        in_flight: 1 + random.index(8),
        twins: *random.pick(&[0, 200, 2_000]),
        deaths: *random.pick(&[0, 10, 100]),
        ticks: *random.pick(&[0, 50, 500]),
    }
}

fn play(seed: u64) -> Story {
    let scenario = fleet::scenario(seed);
    let mut crowd = Crowd::new(&scenario, chaos(seed), seed);
    let mut audit = Audit::new(&scenario);
    let mut story = Story::default();
    let mut moments = Vec::new();
    let mut steps = 0;
    while crowd.step(&mut |moment| moments.push(moment.clone())) {
        audit.look(&crowd.world().lock(), &moments, crowd.handlings(), crowd.at_work());
        story.lines.extend(moments.drain(..).map(|moment| line(&moment)));
        steps += 1;
        if steps == MOST_STEPS {
            story.findings.push("it never comes to an end".into());
            break;
        }
    }
    let world = crowd.world().lock();
    story.died = crowd.died;
    story.conclude(&world, audit);
    story
}

impl Story {
    fn conclude(&mut self, world: &World, audit: Audit) {
        let calls = world.service.retry_calls();
        self.lines.extend(calls.iter().map(|call| format!("{call:?}")));
        let decisions = world.ledger.decisions();
        self.lines.extend(decisions.iter().map(|decision| format!("{decision:?}")));
        self.lines.extend(world.ledger.records().map(|record| format!("{record:?}")));
        self.retries = accepted(world).count();
        self.taken_over = (decisions.iter())
            .filter(|decision| decision.explanation.iter().any(|step| step.detail.contains("is taken over")))
            .count();
        self.findings.extend(audit.conclude(world));
    }

    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.lines.hash(&mut hasher);
        hasher.finish()
    }
}

fn line(moment: &Moment) -> String {
    let what = match &moment.what {
        Happening::Event(event) => {
            let detail = &event["detail"];
            format!("{} {} {}", event["detail-type"], detail["pipeline"], detail["state"])
        }
        Happening::Handled(handled) => match handled.decision() {
            Some(decision) => {
                format!("{}/{}: {}", decision.run.pipeline.name, decision.run.stage, decision.ruling)
            }
            None => format!("{handled:?}"),
        },
        other => format!("{other:?}"),
    };
    format!("{} {what}", moment.at)
}

#[test]
fn random_fleets_keep_every_promise() {
    #[expect(clippy::disallowed_methods, reason = "a person chooses the seed to play again")]
    let chosen: Option<u64> = std::env::var("RETRIER_SEED").ok().map(|seed| seed.parse().unwrap());
    let seeds = chosen.map_or(0..SEEDS, |seed| seed..seed + 1);
    let mut report = String::new();
    let (mut retries, mut taken_over, mut died, mut failures) = (0, 0, 0, 0);
    for seed in seeds {
        let story = play(seed);
        if chosen.is_some() {
            println!("{}", story.lines.join("\n"));
        }
        if !story.findings.is_empty() && failures < 5 {
            failures += 1;
            writeln!(report, "RETRIER_SEED={seed}\n  {}", story.findings.join("\n  ")).unwrap();
        }
        retries += story.retries;
        taken_over += story.taken_over;
        died += story.died;
    }
    assert!(report.is_empty(), "\n{report}");
    println!("{retries} retries, {taken_over} claims taken over, {died} handlings died");
    let is_rich = retries > 300 && taken_over > 10 && died > 100;
    assert!(is_rich || chosen.is_some(), "{retries} retries, {taken_over} taken over, {died} died: too tame");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 0..20 {
        assert_eq!(play(seed).digest(), play(seed).digest(), "seed {seed}");
    }
    assert_ne!(play(1).digest(), play(2).digest());
}
