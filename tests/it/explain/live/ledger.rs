//! What the ledger adds to an explanation, where it is named.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use codepipeline_retrier::aws::calendars::SdkCalendars;
use codepipeline_retrier::aws::evidence::SdkEvidence;
use codepipeline_retrier::aws::pipelines::SdkPipelines;
use codepipeline_retrier::domain::controls::Pause;
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::ids::{ExecutionId, PipelineArn, StageName, StageRunId};
use codepipeline_retrier::domain::live::Standing;
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::protocol::ControlsReply;
use codepipeline_retrier::domain::scope::{Scope, Scopes};
use codepipeline_retrier::domain::screen::{Environment, Telling};
use codepipeline_retrier::domain::stage_run::{Owner, Timing};
use codepipeline_retrier::domain::trigger::{Delivery, EventKey, StageEvent, StageEventState, Trigger};
use codepipeline_retrier::emulator::codepipeline::Switches;
use codepipeline_retrier::emulator::world::{Place, SharedWorld, World};
use codepipeline_retrier::engine::Engine;
use codepipeline_retrier::policy_file::load;
use codepipeline_retrier::ports::Ledger;

use super::super::scene::refused;
use super::{Account, POLICY, command, document, scene};
use crate::ministack::{MiniStack, clients_at};
use crate::tables::Table;

/// What the product itself has decided and set, through its own adapters and engine, is what is explained.
#[test]
fn the_ledger_is_read_where_it_is_named() {
    let (account, scene) = (Account::start(), scene("ledger"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = MiniStack::shared();
    let table = runtime.block_on(Table::on(&server, "explain"));
    let explain = |more: &[&str]| {
        let stage = ["--pipeline-name", "always-red", "--stage", "Build", "--format", "json"];
        let mut command = command(&scene, &[&stage[..], more].concat());
        command
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ENDPOINT_URL_CODEPIPELINE", &account.endpoint)
            .env("AWS_ENDPOINT_URL_DYNAMODB", server.url());
        command
    };
    let named = || document(&explain(&["--table", &table.name]).output().unwrap());

    let nothing_yet = named();
    assert_eq!(nothing_yet["reason"], "not-retryable");
    let assumed = nothing_yet["assumptions"].as_array().unwrap();
    assert_eq!(assumed.len(), 1, "the ledger is not assumed: {assumed:?}");

    let run = red_build(&account);
    let decided = runtime.block_on(decide(&run, Mode::Active, &account.endpoint, &table));
    assert_eq!(decided.ruling, Ruling::GiveUpNotRetryable);
    assert_eq!(named()["reason"], "already-answered");
    let by_environment = explain(&[]).env("RETRIER_TABLE", &table.name).output().unwrap();
    assert_eq!(document(&by_environment)["reason"], "already-answered");
    let unread = document(&explain(&[]).output().unwrap());
    assert_eq!(unread["reason"], "not-retryable");
    assert_eq!(unread["assumptions"][0]["settled-by"], "--stack-name");

    let controls = runtime.block_on(table.ledger(present).controls()).unwrap();
    let paused = controls.pause(Pause { pipeline: None, until: None, reason: "release".to_owned() });
    assert_eq!(runtime.block_on(table.ledger(present).write_controls(&paused)), Ok(ControlsReply::Done));
    assert_eq!(named()["reason"], "paused");

    let missing = refused(&explain(&["--table", "nothing"]).output().unwrap());
    assert!(missing.contains("there is no table `nothing` in eu-central-1"), "{missing}");
}

/// Whoever runs the product in shadow mode is told what it does there, not what it would do in another mode.
#[test]
fn mode_and_policy_are_those_on_record() {
    let account = Account::start();
    let scene = scene("mode").write("another.yaml", &POLICY.replace("all", "every"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = MiniStack::shared();
    let table = runtime.block_on(Table::on(&server, "explain-mode"));
    let explained = |policy| {
        let stage = ["--pipeline-name", "always-red", "--stage", "Build", "--format", "json"];
        let by = ["--table", &table.name, "--policy", policy];
        let mut command = command(&scene, &[&stage[..], &by].concat());
        command
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ENDPOINT_URL_CODEPIPELINE", &account.endpoint)
            .env("AWS_ENDPOINT_URL_DYNAMODB", server.url());
        document(&command.output().unwrap())
    };

    let decided = runtime.block_on(decide(&red_build(&account), Mode::Shadow, &account.endpoint, &table));
    assert!(decided.shadow);
    let same = explained("policy.yaml");
    assert_eq!((&same["reason"], &same["shadow"]), (&json!("already-answered"), &json!(true)));
    assert_eq!(same["assumptions"], json!([]));
    let another = explained("another.yaml");
    let assumed = another["assumptions"][0]["assumed"].as_str().unwrap();
    assert!(assumed.contains("the last one at work was"), "{assumed}");
}

/// The failed stage of a pipeline that no retry helps.
fn red_build(account: &Account) -> StageRunId {
    StageRunId {
        pipeline: PipelineArn::parse("arn:aws:codepipeline:eu-central-1:111122223333:always-red").unwrap(),
        execution: ExecutionId::parse(account.last_execution("always-red")).unwrap(),
        stage: StageName::parse("Build").unwrap(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command reads the real clock, and so does what it is held against"
)]
fn present() -> Timestamp {
    Timestamp::now()
}

/// Has the product decide about a failed stage.
async fn decide(run: &StageRunId, mode: Mode, codepipeline: &str, table: &Table) -> Decision {
    let PipelineArn { account, region, partition, .. } = run.pipeline.clone();
    let place = Place { partition, account, region };
    let engine = Engine {
        ledger: table.ledger(present),
        pipelines: SdkPipelines::new(clients_at(codepipeline)),
        // Nothing is armed for a decision that is final.
        schedules: SharedWorld::new(World::new(place, Switches::default(), present())),
        evidence: SdkEvidence::new(clients_at(codepipeline)),
        calendars: SdkCalendars::new(clients_at(codepipeline)),
    };
    let policy = load("policy.yaml", POLICY).policy.unwrap();
    let scopes = Scopes::alone(Scope::of(&run.pipeline));
    let timing = Timing::default();
    let environment = Environment {
        policy: Some(&policy),
        standing: Standing::packaged(Some(&policy.version)),
        mode,
        scopes: &scopes,
        evidence: Depth::Logs,
        timing,
        telling: Telling::default(),
        may_roll_back: false,
        deadline: Timestamp::MAX,
    };
    let event = StageEvent {
        run: run.clone(),
        state: StageEventState::Failed,
        // The emulated stage failed ten minutes ago, and what came before a rule is none of its business.
        time: present() - SignedDuration::from_secs(570),
        key: EventKey::default(),
    };
    let owner = Owner("explain".to_owned());
    let trigger = Trigger::StageEvent(event);
    let handled = engine.handle(&environment, trigger, Delivery::First, owner, &present);
    Box::pin(handled).await.decision.unwrap()
}
