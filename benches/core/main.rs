//! One step of the pure core, so many times: `core STEP TIMES`. How many instructions it takes is for callgrind to say.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;

use codepipeline_retrier::classify::{Subject, classify, examine};
use codepipeline_retrier::domain::backoff::Jitter;
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::decide::{Question, decide};
use codepipeline_retrier::domain::decision::Verdict;
use codepipeline_retrier::domain::evidence::{Depth, Place, Text};
use codepipeline_retrier::domain::facts::gather;
use codepipeline_retrier::domain::freeze::CalendarReadings;
use codepipeline_retrier::domain::ids::{
    AccountId, ActionName, ExecutionId, Partition, PipelineName, Region, StageName, StageRunId,
};
use codepipeline_retrier::domain::live::Standing;
use codepipeline_retrier::domain::pipeline::Category;
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::scope::{Scope, Scopes};
use codepipeline_retrier::domain::screen::{Environment, Telling, screen};
use codepipeline_retrier::domain::stage_run::{Hint, StageRun, Timing};
use codepipeline_retrier::domain::tags::{Tags, TagsReading};
use codepipeline_retrier::domain::text::EvidenceText;
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::emulator::codepipeline::{
    ActionDefinition, Outcome, PipelineDefinition, StageDefinition, Switches,
};
use codepipeline_retrier::emulator::world::{Place as Where, SharedWorld, World};
use codepipeline_retrier::event::{Invocation, read};
use codepipeline_retrier::policy_file::load;
use codepipeline_retrier::ports::Pipelines;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// A step by its name, carried out so many times.
type Step = (&'static str, fn(u32));

/// What can be asked for.
const STEPS: [Step; 5] = [
    ("event", event),
    ("policy", policy),
    ("decide", decision),
    ("message", message),
    ("classify", classification),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [step, times] = arguments.as_slice() else { return ExitCode::from(2) };
    let step = STEPS.iter().find(|(name, _)| name == step);
    let (Some((_, step)), Ok(times)) = (step, times.parse()) else { return ExitCode::from(2) };
    step(times);
    ExitCode::SUCCESS
}

/// A batch of the queue with the event of a failed stage.
fn event(times: u32) {
    let event = json!({
        "version": "0", "id": "01234567-0123-0123-0123-0123456789ab",
        "detail-type": "CodePipeline Stage Execution State Change", "source": "aws.codepipeline",
        "account": "111122223333", "time": "2026-11-22T10:15:03Z", "region": "eu-central-1",
        "resources": ["arn:aws:codepipeline:eu-central-1:111122223333:shop"],
        "detail": {
            "pipeline": "shop", "execution-id": "01234567-0123-0123-0123-0123456789ab", "start-time": "2026-11-22T10:12:30.123Z",
            "stage": "Test", "state": "FAILED", "version": 3.0, "pipeline-execution-attempt": 1.0
        }
    });
    let text = json!({ "Records": [{
        "messageId": "m-1", "body": event.to_string(), "eventSource": "aws:sqs",
        "attributes": { "ApproximateReceiveCount": "1" },
    }]})
    .to_string();
    assert!(matches!(read(&text), Invocation::Batch(_)), "a batch");
    for _ in 0..times {
        black_box(read(black_box(&text)));
    }
}

/// A policy with a hundred rules.
fn policy(times: u32) {
    let text = a_hundred_rules();
    let loaded = load("policy.yaml", &text);
    assert!(loaded.policy.is_some(), "{:?}", loaded.diagnostics);
    for _ in 0..times {
        black_box(load("policy.yaml", black_box(&text)));
    }
}

/// Which rule it is, and the decision: a retry, by the last of a hundred rules.
fn decision(times: u32) {
    let policy = load("policy.yaml", &a_hundred_rules()).policy.expect("a policy");
    let own = Scope {
        partition: Partition::parse("aws").expect("a partition"),
        region: Region::parse("eu-central-1").expect("a Region"),
        account: AccountId::parse("111122223333").expect("an account"),
    };
    let (world, run, now) = failed(&own);
    let reading = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(SharedWorld::new(world).observe(&run));
    let failed = gather(&run, &reading).expect("facts").failed;
    let examination = examine(&[], &run, &failed, &[], false);
    let environment = Environment {
        policy: Some(&policy),
        standing: Standing::packaged(Some(&policy.version)),
        mode: Mode::Active,
        scopes: &Scopes::alone(own),
        evidence: Depth::State,
        timing: Timing::default(),
        telling: Telling::default(),
        may_roll_back: false,
        deadline: Timestamp::MAX,
    };
    let tags = TagsReading::Ok(Tags::default());
    let failed_at = now - SignedDuration::from_secs(28);
    let hint = Hint { key: EventKey::default(), time: failed_at };
    let record = StageRun::unwritten(&run);
    let decided = || {
        let covered = screen(black_box(&environment), &run, &tags, now).expect("a rule");
        decide(&Question {
            covered,
            record: &record,
            reading: black_box(&reading),
            examination: &examination,
            calendars: &CalendarReadings::default(),
            buckets: &BTreeMap::new(),
            windows: &BTreeMap::new(),
            controls: &Controls::default(),
            hint: &hint,
            own_claim: false,
            now,
            jitter: Jitter(7),
            timing: Timing::default(),
        })
        .expect("nothing is missing")
    };
    let verdict = decided().decision.ruling.verdict();
    assert_eq!(verdict, Verdict::Retry, "{:#?}", decided().decision.explanation);
    for _ in 0..times {
        black_box(decided());
    }
}

/// What CodePipeline itself says of most failures.
fn message(times: u32) {
    classified(
        times,
        Place::ErrorMessage,
        "Rate exceeded (Service: AmazonCloudFormation; Status Code: 400; Error Code: Throttling)",
    );
}

/// Two hundred lines of a build's log, of which one tells.
fn classification(times: u32) {
    let line = "[INFO] Compiling module-a/src/main/java/org/example/Widget.java with 4 warnings (12 ms)\n";
    let log = line.repeat(150)
        + "npm ERR! network request to https://registry.example/left-pad failed, reason: connect ETIMEDOUT\n"
        + &line.repeat(49);
    classified(times, Place::BuildLog, &log);
}

fn classified(times: u32, place: Place, text: &str) {
    let texts = [Text { place, code: None, text: EvidenceText::tail(text) }];
    let subject = Subject {
        run: None,
        action: None,
        provider: "CodeBuild",
        category: None,
        code: Some("JobFailed"),
        texts: &texts,
    };
    for _ in 0..times {
        black_box(classify(&[], black_box(&subject)));
    }
    let class = classify(&[], &subject).class;
    assert!(class.may_be_retried(), "{class}");
}

fn a_hundred_rules() -> String {
    let rules = (0..99).map(|number| {
        format!("  - {{ name: team-{number}, match: {{ pipeline: 'team-{number}-*', stage: 'E2E*' }}, max-retries: 2 }}\n")
    });
    "version: 1\ndefaults: { backoff: { initial: 0s, max: 0s, jitter: none } }\nrules:\n".to_owned()
        + &rules.collect::<String>()
        + "  - { name: all, match: { pipeline: '*' } }\n"
}

/// A pipeline whose second stage has failed.
fn failed(own: &Scope) -> (World, StageRunId, Timestamp) {
    let Scope { partition, region, account } = own.clone();
    let start: Timestamp = "2026-11-22T10:00:00Z".parse().expect("an instant");
    let now = start + SignedDuration::from_secs(30);
    let name = PipelineName::parse("shop").expect("a name");
    let mut world = World::new(Where { partition, account, region }, Switches::default(), start);
    let short = SignedDuration::from_secs(1);
    let stage = |name: &str, outcome: Outcome| {
        let action = ActionDefinition::new(ActionName::parse("Act").expect("a name"), Category::Deploy, "S3");
        StageDefinition::new(StageName::parse(name).expect("a name"), vec![action.with_script([outcome])])
    };
    let stages = vec![
        stage("Source", Outcome::Succeed { after: short }),
        stage("Deploy", Outcome::fail(short, "Rate exceeded")),
    ];
    world.service.create_pipeline(start, PipelineDefinition::new(name.clone(), stages)).expect("a pipeline");
    let execution: ExecutionId = world.service.start_pipeline_execution(start, &name).expect("an execution");
    world.advance(now);
    let stage = StageName::parse("Deploy").expect("a name");
    (world, StageRunId { pipeline: own.pipeline(&name), execution, stage }, now)
}
