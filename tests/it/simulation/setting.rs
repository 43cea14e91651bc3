//! What a seed is played in: pipelines, policies, clocks, and how much goes wrong.

use std::sync::OnceLock;

use codepipeline_retrier::domain::policy::{Mode, Policy};
use codepipeline_retrier::domain::screen::Telling;
use codepipeline_retrier::policy_file;
use codepipeline_retrier::replay::scenario::{Delivery, Scenario};
use jiff::SignedDuration;

use crate::rig::fleet;
use crate::rig::random::Random;

/// How wrong a clock may be.
pub const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How late an event may come: EventBridge tries for a day, its rule's target for another, Lambda for six hours.
pub const LATEST: i64 = 54 * 3_600;
/// Policies that are drawn from.
const POLICIES: u64 = 128;

/// How much goes wrong, in ten-thousandths of steps.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// Acts of people.
    pub people: u64,
    /// Calls that go wrong.
    pub faults: u64,
    /// Times in which reads mix past and present.
    pub stale: u64,
    /// Deployments of other policies and modes.
    pub changes: u64,
    /// Wake-ups that are lost.
    pub losses: u64,
}

/// What a seed decides before anything happens.
pub struct Setting {
    pub scenario: Scenario,
    pub weather: Weather,
    /// How far the clock of each instance of the function is ahead.
    pub clocks: Vec<SignedDuration>,
    /// So many things happen before it calms down.
    pub events: u64,
}

impl Setting {
    /// Lets every event come an hour, a day or 54 hours late, so that none comes in its turn; none is lost.
    pub fn make_late(&mut self, random: &mut Random) {
        for event in 1..=300 {
            let delay = *random.pick(&[3_600, 24 * 3_600, LATEST]) - random.between(0, 600);
            let delivery = Delivery {
                copies: 1 + u32::try_from(random.below(2)).unwrap(),
                delay: SignedDuration::from_secs(delay),
                spread: SignedDuration::from_secs(7_200),
            };
            self.scenario.deliveries.insert(event, delivery);
        }
        self.weather.losses = 0;
    }
}

/// The setting of a seed.
pub fn of(random: &mut Random) -> Setting {
    let mut scenario = frame().clone();
    scenario.deployed.policy = Some(policy(random).clone());
    scenario.deployed.mode =
        *random.pick(&[Mode::Active, Mode::Active, Mode::Active, Mode::Active, Mode::Shadow]);
    scenario.switches = fleet::switches(random);
    scenario.pipelines = (0..=random.below(3)).map(|number| fleet::pipeline(random, number, 30)).collect();
    // What is lost for good only a sweep finds.
    scenario.sweep = match random.below(5) {
        0 => None,
        _ => Some(SignedDuration::from_mins(*random.pick(&[15, 15, 60, 240]))),
    };
    let losses = if scenario.sweep.is_some() { *random.pick(&[0, 500, 2_000]) } else { 0 };
    let lateness = random.below(4);
    for event in 1..=300 {
        if let Some(delivery) = delivery(random, lateness, losses) {
            scenario.deliveries.insert(event, delivery);
        }
    }
    let weather = Weather {
        people: *random.pick(&[20, 100, 400]),
        faults: *random.pick(&[0, 100, 500]),
        stale: *random.pick(&[0, 50, 300]),
        changes: *random.pick(&[0, 10, 60]),
        losses: losses / 50,
    };
    let clocks = clocks(random);
    scenario.deployed.may_roll_back = random.happens(7_500);
    if random.happens(3_000) {
        scenario.pipelines = scenario.pipelines.into_iter().map(fleet::proven).collect();
    }
    scenario.deployed.telling = Telling { notices: random.happens(5_000), decisions: random.happens(2_000) };
    Setting { scenario, weather, clocks, events: 220 + random.below(130) }
}

fn frame() -> &'static Scenario {
    static FRAME: OnceLock<Scenario> = OnceLock::new();
    FRAME.get_or_init(|| Scenario::read("simulation", fleet::FRAME).unwrap())
}

/// One of the policies.
pub fn policy(random: &mut Random) -> &'static Policy {
    static ALL: OnceLock<Vec<Policy>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let mut random = Random::new(0x0090_11C1);
        let compiled = |text: String| policy_file::load("policy", &text).policy.unwrap();
        (0..POLICIES).map(|_| compiled(text_of(&mut random))).collect()
    });
    random.pick(all)
}

fn text_of(random: &mut Random) -> String {
    let backoff = random.pick(&[
        "{ initial: 0s, max: 0s, jitter: none }",
        "{ initial: 1m, max: 15m }",
        "{ initial: 10s, factor: 3, max: 20m, jitter: full }",
        "{ initial: 20m, factor: 2, max: 2h }",
    ]);
    let exception = random.pick(&[
        "",
        "  - { name: none, match: { pipeline: web-1 }, mode: disabled }\n",
        "  - { name: watched, match: { pipeline: web-1 }, mode: shadow, budgets: [own, few] }\n",
    ]);
    format!(
        r#"
version: 1
defaults:
  backoff: {backoff}
  max-retries: {}
  give-up-after: {}
  parallel: {}
  retry-on: {}
  retry-mode: {}
  on-give-up: {}
  budgets: [region, own]
budgets:
  region: {{ capacity: {}, refill: {} }}
  own: {{ capacity: {}, refill: 6/h, per: {} }}
  few: {{ capacity: {}, refill: {}, per: stage }}
rules:
{exception}  - {{ name: deployments, match: {{ stage: Deploy }}, max-retries: {}, budgets: [region, few] }}
  - {{ name: all, match: {{ pipeline: "*" }} }}
"#,
        random.between(0, 4),
        random.pick(&["20m", "1h", "2h", "6h", "3d"]),
        random.pick(&["latest", "independent"]),
        random.pick(&["[transient]", "[transient, tests]", "any"]),
        random.pick(&["auto", "FAILED_ACTIONS", "ALL_ACTIONS"]),
        random.pick(&["none", "rollback"]),
        random.between(1, 6),
        random.pick(&["2/h", "12/h", "60/h"]),
        random.between(1, 4),
        random.pick(&["pipeline", "stage"]),
        random.between(1, 2),
        random.pick(&["1/h", "10/h", "4/d"]),
        random.between(1, 3),
    )
}

/// Most events come once and at once.
fn delivery(random: &mut Random, lateness: u64, losses: u64) -> Option<Delivery> {
    if random.happens(losses) {
        return Some(Delivery { copies: 0, delay: SignedDuration::ZERO, spread: SignedDuration::ZERO });
    }
    if !random.happens(3_000) {
        return None;
    }
    let any = random.between(0, LATEST);
    let delay = match lateness {
        0 => *random.pick(&[0, 1, 20]),
        1 => *random.pick(&[0, 1, 20, 240, 600]),
        2 => *random.pick(&[0, 20, 240, 3_600]),
        _ => *random.pick(&[0, 240, 3_600, 24 * 3_600, LATEST, any]),
    };
    Some(Delivery {
        copies: 1 + u32::try_from(random.below(4)).unwrap(),
        delay: SignedDuration::from_secs(delay),
        spread: SignedDuration::from_secs(*random.pick(&[0, 1, 60, 600, 7_200])),
    })
}

fn clocks(random: &mut Random) -> Vec<SignedDuration> {
    let most = *random.pick(&[0, 0, 30, SKEW.as_secs(), SKEW.as_secs()]);
    (0..=random.below(6)).map(|_| SignedDuration::from_secs(random.between(-most, most))).collect()
}
