//! Pipelines that have failed, and the events that say so.

use codepipeline_retrier::domain::ids::{AccountId, ActionName, Partition, PipelineName, Region, StageName};
use codepipeline_retrier::domain::pipeline::Category;
use codepipeline_retrier::emulator::codepipeline::{
    ActionDefinition, BuildCause, BuildPhase, BuildStatus, Cause, Outcome, PipelineDefinition,
    StageDefinition, Switches,
};
use codepipeline_retrier::emulator::world::{Place, SharedWorld, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::aws::now;

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-central-1";

/// What the functions decide by: each kind of pipeline has its rule, but for one.
pub const POLICY: &str = "\
version: 1
defaults:
  backoff: { initial: 0s, max: 0s, jitter: none }
  give-up-after: 7d
  max-retries: 5
  budgets: [all]
budgets:
  all: { capacity: 100000, refill: 1/d }
storm: { failures: 100 }
rules:
  - { name: at-once, match: { pipeline: 'plain-*' } }
  - { name: builds, match: { pipeline: 'build-*' } }
  - { name: soon, match: { pipeline: 'soon-*' }, backoff: { initial: 5m, max: 5m, jitter: none } }
  - { name: later, match: { pipeline: 'later-*' }, backoff: { initial: 1h, max: 1h, jitter: none } }
  - { name: left-alone, match: { pipeline: 'left-*' }, retry-on: [network] }
  - { name: rehearsed, match: { pipeline: 'shadow-*' }, mode: shadow }
  - { name: disabled, match: { pipeline: 'off-*' }, mode: disabled }
";

/// How long ago the last pipeline was started.
const AGE: SignedDuration = SignedDuration::from_secs(30);
/// The time over which those have failed that are retried at once: too many of them in a few minutes would be a storm, and
/// what failed more than an hour before the rules came into force is looked at by nobody.
const SPREAD: SignedDuration = SignedDuration::from_mins(50);

const LOG: &str = "\
[Container] 2026/11/22 10:12:38 Entering phase BUILD
[Container] 2026/11/22 10:12:40 Running command make image
Step 1/9 : FROM public.example/base:3
toomanyrequests: You have reached your pull rate limit
make: *** [Makefile:4: image] Error 1
[Container] 2026/11/22 10:12:41 Command did not exit successfully make image exit status 2";

/// A world in which so many pipelines of each kind have failed once; those that are retried at once come first.
pub fn world(kinds: &[(&str, usize)]) -> SharedWorld {
    let place = Place {
        partition: Partition::parse("aws").expect("a partition"),
        account: AccountId::parse(ACCOUNT).expect("an account"),
        region: Region::parse(REGION).expect("a Region"),
    };
    let recent = now() - AGE;
    let most = kinds.iter().map(|(_, count)| *count).max().unwrap_or_default();
    let apart = SPREAD / i32::try_from(most.max(10)).expect("thousands at most");
    let mut world = World::new(place, Switches::default(), recent - SPREAD);
    for (kind, count) in kinds {
        for number in 0..*count {
            // So many at once would be a storm. What is to wait has failed of late.
            if *kind == "plain" {
                world.pass(apart);
            } else {
                world.advance(recent);
            }
            let (name, at) = (PipelineName::parse(format!("{kind}-{number}")).expect("a name"), world.now());
            world.service.create_pipeline(at, pipeline(kind, name.clone())).expect("a pipeline");
            world.service.start_pipeline_execution(at, &name).expect("an execution");
        }
    }
    world.advance(now());
    SharedWorld::new(world)
}

/// A source, a stage whose second action fails once, and what comes after it.
fn pipeline(kind: &str, name: PipelineName) -> PipelineDefinition {
    let short = SignedDuration::from_secs(1);
    let succeeds = Outcome::Succeed { after: short };
    let fails = match kind {
        "build" => {
            Outcome::fail(short, "Build terminated with state: FAILED").because(Cause::Build(BuildCause {
                status: BuildStatus::Failed,
                phase: BuildPhase::Build,
                code: Some("COMMAND_EXECUTION_ERROR".into()),
                message: "Error while executing command: make image. Reason: exit status 2".into(),
                log: LOG.repeat(30),
            }))
        }
        _ => Outcome::fail(short, "Rate exceeded"),
    };
    let provider = if kind == "build" { (Category::Build, "CodeBuild") } else { (Category::Deploy, "S3") };
    let action = |name: &str, script: Vec<Outcome>| {
        ActionDefinition::new(ActionName::parse(name).expect("a name"), provider.0, provider.1)
            .with_script(script)
    };
    let stage = |name: &str, actions| StageDefinition::new(StageName::parse(name).expect("a name"), actions);
    PipelineDefinition::new(
        name,
        vec![
            stage("Source", vec![action("Fetch", vec![succeeds.clone()])]),
            stage(
                "Work",
                vec![
                    action("First", vec![succeeds.clone()]),
                    action("Second", vec![fails, succeeds.clone()]),
                ],
            ),
            stage("After", vec![action("Last", vec![succeeds])]),
        ],
    )
}

/// The events of all failed stages, by pipeline, and those of the stages that succeeded before them.
pub fn events(world: &SharedWorld) -> (Vec<Value>, Vec<Value>) {
    let events = world.lock().service.drain_events();
    let of_stages = events.into_iter().map(|(_, event)| event);
    let of_stages =
        of_stages.filter(|event| event["detail-type"] == "CodePipeline Stage Execution State Change");
    let (failed, rest): (Vec<_>, Vec<_>) = of_stages.partition(|event| event["detail"]["state"] == "FAILED");
    (failed, rest.into_iter().filter(|event| event["detail"]["state"] == "SUCCEEDED").collect())
}

/// The event as the queue brings it.
pub fn message(event: &Value) -> Value {
    json!({ "Records": [{
        "messageId": event["id"],
        "body": event.to_string(),
        "attributes": { "ApproximateReceiveCount": "1" },
        "eventSource": "aws:sqs",
    }]})
}

/// Milliseconds since the epoch.
pub fn epoch_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
