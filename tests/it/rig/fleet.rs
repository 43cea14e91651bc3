//! Random scenarios: pipelines that fail in many ways, a policy, people, faults and a queue that repeats and delays. No
//! event is lost for good, since only the sweep could find that out.

use std::collections::BTreeMap;

use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::ids::{ActionName, PipelineName, StageName};
use codepipeline_retrier::domain::pipeline::{Category, ExecutionMode};
use codepipeline_retrier::domain::policy::{Mode, Policy, RetryMode};
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::{
    ActionDefinition, ApprovalVerdict, Exception, Outcome, PipelineDefinition, ServiceError, StageDefinition,
    Switches,
};
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::policy_file;
use codepipeline_retrier::replay::scenario::Delivery;
use codepipeline_retrier::replay::scenario::Scenario;
use jiff::SignedDuration;

use super::random::Random;

/// Within which acts happen, in seconds.
const HOURS: i64 = 3 * 3_600;
/// The stages of every pipeline.
pub const STAGES: [&str; 2] = ["Build", "Deploy"];

/// The scenario of a seed.
pub fn scenario(seed: u64) -> Scenario {
    let mut random = Random::new(seed);
    let mut scenario = Scenario::read("fleet", FRAME).unwrap();
    scenario.deployed.policy = policy_file::load("policy", &policy(&mut random)).policy;
    scenario.deployed.mode = *random.pick(&[Mode::Active, Mode::Active, Mode::Active, Mode::Shadow]);
    scenario.switches = switches(&mut random);
    scenario.pipelines = (0..=random.below(3)).map(|number| pipeline(&mut random, number, 6)).collect();
    scenario.timeline = timeline(&mut random, &scenario.pipelines, scenario.deployed.policy.as_ref());
    scenario.deliveries = deliveries(&mut random);
    scenario
}

/// What AWS leaves undocumented, either way.
pub fn switches(random: &mut Random) -> Switches {
    Switches {
        fail_with_siblings_running: random.happens(5_000),
        native_fires: random.happens(7_000),
        native_emits_failed_first: random.happens(7_000),
        native_sets_last_retry_time: random.happens(5_000),
        pipeline_resumed_first: random.happens(5_000),
        first_attempt_is_zero: random.happens(5_000),
        ..Switches::default()
    }
}

/// A scenario to begin with.
pub const FRAME: &str = r#"
scenario: 1
about: a random fleet
policy: |
  version: 1
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

fn policy(random: &mut Random) -> String {
    let backoff = random.pick(&[
        "{ initial: 0s, max: 0s, jitter: none }",
        "{ initial: 1m, max: 15m }",
        "{ initial: 10s, factor: 3, max: 20m, jitter: full }",
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
  budgets: [region, own]
budgets:
  region: {{ capacity: {}, refill: {} }}
  own: {{ capacity: {}, refill: 6/h, per: {} }}
rules:
  - name: all
    match: {{ pipeline: "*" }}
"#,
        random.between(0, 4),
        random.pick(&["20m", "1h", "2h", "6h"]),
        random.pick(&["latest", "independent"]),
        random.pick(&["[transient]", "[transient, tests]", "any"]),
        random.pick(&["auto", "FAILED_ACTIONS", "ALL_ACTIONS"]),
        random.between(1, 6),
        random.pick(&["2/h", "12/h", "60/h"]),
        random.between(1, 4),
        random.pick(&["pipeline", "stage"]),
    )
}

/// A pipeline in which each action has so many outcomes at most; the last one stays.
pub fn pipeline(random: &mut Random, number: u64, outcomes: u64) -> PipelineDefinition {
    let name = PipelineName::parse(format!("web-{number}")).unwrap();
    let stages = STAGES.iter().map(|stage| stage_of(random, stage, outcomes)).collect();
    let mut definition = PipelineDefinition::new(name, stages);
    definition.mode = *random.pick(&[
        ExecutionMode::Superseded,
        ExecutionMode::Superseded,
        ExecutionMode::Queued,
        ExecutionMode::Parallel,
    ]);
    definition
}

/// One whose first stage never fails, and whose last one has succeeded once: there is something to roll back to.
pub fn proven(mut definition: PipelineDefinition) -> PipelineDefinition {
    let succeeds = || Outcome::Succeed { after: SignedDuration::from_secs(10) };
    let (last, first) = definition.stages.split_last_mut().unwrap();
    first.iter_mut().flat_map(|stage| &mut stage.actions).for_each(|action| action.script = vec![succeeds()]);
    last.actions.iter_mut().for_each(|action| action.script.insert(0, succeeds()));
    definition
}

fn stage_of(random: &mut Random, name: &str, outcomes: u64) -> StageDefinition {
    let mut actions: Vec<ActionDefinition> = (0..=random.below(2))
        .map(|number| {
            let category = *random.pick(&[Category::Build, Category::Test, Category::Deploy]);
            let script: Vec<Outcome> = (0..=random.below(outcomes)).map(|_| outcome(random)).collect();
            let order = u32::try_from(random.between(1, 2)).unwrap();
            ActionDefinition::new(action(&format!("Action{number}")), category, "CodeBuild")
                .in_order(order)
                .with_script(script)
        })
        .collect();
    if random.happens(1_000) {
        actions.push(ActionDefinition::new(action("Approve"), Category::Approval, "Manual"));
    }
    let mut stage = StageDefinition::new(StageName::parse(name).unwrap(), actions);
    if random.happens(2_000) {
        stage.native_retry = Some(RetryMode::FailedActions);
    }
    stage
}

fn action(name: &str) -> ActionName {
    ActionName::parse(name).unwrap()
}

fn outcome(random: &mut Random) -> Outcome {
    let after = SignedDuration::from_secs(*random.pick(&[1, 10, 45, 300, 2_000]));
    if random.happens(4_000) {
        return Outcome::Succeed { after };
    }
    let message = *random.pick(&[
        "Rate exceeded",
        "Rate exceeded",
        "connection reset",
        "something else",
        "access denied",
    ]);
    Outcome::fail(after, message)
}

fn timeline(
    random: &mut Random,
    pipelines: &[PipelineDefinition],
    policy: Option<&Policy>,
) -> Vec<(SignedDuration, Act)> {
    let mut timeline = Vec::new();
    for definition in pipelines {
        for _ in 0..=random.below(4) {
            timeline.push((at(random), Act::Start { pipeline: definition.name.clone() }));
        }
    }
    for _ in 0..random.below(4) {
        let definition = random.pick(pipelines);
        let begin = at(random);
        let later = begin + SignedDuration::from_secs(random.between(60, 5_400));
        people(random, definition, begin, later, &mut timeline);
    }
    for _ in 0..random.below(4) {
        timeline.push((at(random), circumstance(random)));
    }
    if random.happens(1_000) {
        let begin = at(random);
        let later = begin + SignedDuration::from_secs(random.between(60, 5_400));
        timeline.push((begin, Act::Deploy { policy: None }));
        timeline.push((later, Act::Deploy { policy: policy.cloned().map(Box::new) }));
    }
    if random.happens(1_000) {
        timeline.push((at(random), Act::SetMode(Mode::Shadow)));
        timeline.push((at(random), Act::SetMode(Mode::Active)));
    }
    if random.happens(2_000) {
        let lasting = SignedDuration::from_secs(random.between(10, 300));
        let operation = *random.pick(&Operation::ALL);
        timeline.push((at(random), Act::Outage { operation, fault: Fault::NotDone, lasting }));
    }
    timeline.sort_by_key(|(offset, _)| *offset);
    timeline
}

fn at(random: &mut Random) -> SignedDuration {
    SignedDuration::from_secs(random.between(0, HOURS))
}

/// What a person does, and takes back later where that is possible.
fn people(
    random: &mut Random,
    definition: &PipelineDefinition,
    begin: SignedDuration,
    later: SignedDuration,
    timeline: &mut Vec<(SignedDuration, Act)>,
) {
    let stage = StageName::parse(*random.pick(&STAGES)).unwrap();
    let pipeline = definition.name.clone();
    match random.below(8) {
        // A PARALLEL pipeline has no state that would show whether the entry to a stage is open.
        4 if definition.mode == ExecutionMode::Parallel => {}
        0 => timeline.push((begin, Act::Retry { pipeline, stage, mode: RetryMode::FailedActions })),
        1 => timeline.push((begin, Act::Stop { pipeline, abandon: random.happens(5_000) })),
        2 => timeline.push((begin, Act::Rollback { pipeline, stage })),
        3 => timeline.push((begin, Act::Edit { pipeline, definition: None })),
        4 => {
            timeline.push((
                begin,
                Act::Transition { pipeline: pipeline.clone(), stage: stage.clone(), enabled: false },
            ));
            timeline.push((later, Act::Transition { pipeline, stage, enabled: true }));
        }
        5 => {
            let verdict = *random.pick(&[ApprovalVerdict::Approved, ApprovalVerdict::Rejected]);
            timeline.push((begin, Act::Approve { pipeline, stage, action: action("Approve"), verdict }));
        }
        6 => timeline.push((begin, Act::Delete { pipeline })),
        _ => {
            let pipeline = random.happens(5_000).then(|| Glob::new(pipeline.as_str()));
            let lasting = random.happens(3_000).then_some(later - begin);
            timeline
                .push((begin, Act::Pause { pipeline: pipeline.clone(), lasting, reason: "a look".into() }));
            timeline.push((later, Act::Resume { pipeline }));
        }
    }
}

fn circumstance(random: &mut Random) -> Act {
    const REFUSALS: [Exception; 4] = [
        Exception::Conflict,
        Exception::Throttling,
        Exception::ConcurrentPipelineExecutionsLimitExceeded,
        Exception::StageNotRetryable,
    ];
    const FAULTS: [Fault; 5] =
        [Fault::CrashBefore, Fault::CrashAfter, Fault::NotDone, Fault::ReplyLost, Fault::LostUnsent];
    if random.happens(3_000) {
        return Act::RefuseRetry(ServiceError::new(*random.pick(&REFUSALS), "as planned"));
    }
    let operation = *random.pick(&[
        Operation::LedgerRead,
        Operation::LedgerCommit,
        Operation::LedgerCommit,
        Operation::Observe,
        Operation::Fence,
        Operation::Retry,
        Operation::Retry,
        Operation::Arm,
    ]);
    Act::Break { operation, nth: 1 + random.below(3), fault: *random.pick(&FAULTS) }
}

fn deliveries(random: &mut Random) -> BTreeMap<u64, Delivery> {
    let mut deliveries = BTreeMap::new();
    for event in 1..=30 {
        if random.happens(3_000) {
            let delivery = Delivery {
                copies: 1 + u32::try_from(random.below(4)).unwrap(),
                delay: SignedDuration::from_secs(*random.pick(&[0, 1, 20, 240])),
                spread: SignedDuration::from_secs(*random.pick(&[0, 1, 60, 600])),
            };
            deliveries.insert(event, delivery);
        }
    }
    deliveries
}
