//! A fleet that one release leaves to another: its pipelines, the table, and the messages that are under way.

use std::fs;
use std::path::{Path, PathBuf};

use codepipeline_retrier::aws::ledger::{DynamoLedger, PolicyEntry, PushReply};
use codepipeline_retrier::domain::controls::{Controls, Pause};
use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::ids::{PipelineName, StageName};
use codepipeline_retrier::domain::live::{LivePolicy, Pushed};
use codepipeline_retrier::domain::policy::{PolicyVersion, RetryMode};
use codepipeline_retrier::domain::protocol::ControlsReply;
use codepipeline_retrier::domain::scope::{Scope, Scopes};
use codepipeline_retrier::domain::screen::Telling;
use codepipeline_retrier::domain::stage_run::{Timing, after};
use codepipeline_retrier::domain::sweep::Tick;
use codepipeline_retrier::emulator::codepipeline::RetryCall;
use codepipeline_retrier::emulator::queue::Queue;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::engine::Engine;
use codepipeline_retrier::event::tick_body;
use codepipeline_retrier::function::{Function, Policies, Response};
use codepipeline_retrier::ports::Ledger;
use codepipeline_retrier::replay::scenario::Scenario;
use codepipeline_retrier::replay::script::Script;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::items;
use crate::tables::Table;

/// How long it is until a release goes and another one comes.
const HANDED_OVER: SignedDuration = SignedDuration::from_mins(5);
/// When a sweep is made, and when one is begun that has no time to get far.
const SWEPT: SignedDuration = SignedDuration::from_secs(150);
const BEGUN: SignedDuration = SignedDuration::from_secs(298);
/// How often sweeps are made.
const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// What is left of an invocation in which a sweep does not get far.
const SHORT: SignedDuration = SignedDuration::from_secs(14);

/// What is under way when a release goes, for the one that comes.
pub struct Legacy {
    /// When that is.
    pub at: Timestamp,
    /// The table.
    pub items: Vec<items::Attributes>,
    /// The queue: when each message comes, and what it says.
    pub messages: Vec<(Timestamp, String)>,
    /// The retries that CodePipeline accepted.
    pub calls: Vec<(Timestamp, String)>,
}

impl Legacy {
    /// What that file of `tests/releases` says.
    pub fn read(file: &str) -> Self {
        Self::read_from(&releases().join(file))
    }

    /// What that file says.
    pub fn read_from(file: &Path) -> Self {
        let document: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let pairs = |name: &str| {
            let list = document[name].as_array().unwrap().iter();
            list.map(|pair| {
                (pair[0].as_str().unwrap().parse().unwrap(), pair[1].as_str().unwrap().to_owned())
            })
            .collect()
        };
        Self {
            at: document["at"].as_str().unwrap().parse().unwrap(),
            items: document["items"].as_array().unwrap().iter().map(items::read).collect(),
            messages: pairs("messages"),
            calls: pairs("calls"),
        }
    }

    /// As a file of `tests/releases` says it, one thing on a line.
    pub fn written(&self) -> String {
        let lines = |lines: Vec<String>| lines.join(",\n    ");
        let pairs = |pairs: &[(Timestamp, String)]| {
            lines(pairs.iter().map(|(at, text)| json!([at.to_string(), text]).to_string()).collect())
        };
        let items = lines(self.items.iter().map(|item| items::written(item).to_string()).collect());
        format!(
            "{{\n  \"at\": \"{}\",\n  \"calls\": [\n    {}\n  ],\n  \"messages\": [\n    {}\n  ],\n  \"items\": [\n    {items}\n  ]\n}}\n",
            self.at,
            pairs(&self.calls),
            pairs(&self.messages),
        )
    }
}

fn releases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/releases")
}

/// The function over a table, in an emulated account.
pub struct Scene {
    pub runtime: Runtime,
    pub table: Table,
    pub script: Script,
    scenario: Scenario,
    invocations: u32,
    /// What every invocation came to.
    pub responses: Vec<Response>,
}

impl Scene {
    fn new() -> Self {
        let text = fs::read_to_string(releases().join("scenario.yaml")).unwrap();
        let scenario = Scenario::read("scenario.yaml", &text).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self {
            table: runtime.block_on(Table::create("upgrade")),
            runtime,
            script: Script::new(&scenario).unwrap(),
            scenario,
            invocations: 0,
            responses: Vec::new(),
        }
    }

    /// The fleet as this release leaves it.
    pub fn played() -> Self {
        let mut scene = Self::new();
        let start = scene.scenario.start;
        scene.set_up();
        let tick = tick_body(Tick::Scheduled { every: EVERY });
        scene.world().lock().queue.send(tick.clone(), after(start, SWEPT));
        scene.world().lock().queue.send("nonsense".to_owned(), after(start, SWEPT));
        scene.go_on_until(after(start, BEGUN));
        scene.script.go_to(after(start, BEGUN), &mut |_| {});
        scene.invoke(&tick, SHORT);
        scene.go_on_until(after(start, HANDED_OVER));
        scene
    }

    /// The fleet as an earlier release has left it.
    pub fn inherited(legacy: &Legacy) -> Self {
        let mut scene = Self::new();
        for (at, pipeline) in &legacy.calls {
            scene.pass_until(*at);
            let world = scene.world();
            let mut world = world.lock();
            let pipeline = PipelineName::parse(pipeline.clone()).unwrap();
            let stage = StageName::parse("Test").unwrap();
            let execution = world.service.list_executions(&pipeline).unwrap()[0].id.clone();
            let mode = RetryMode::FailedActions;
            world.service.retry_stage_execution(*at, "retrier", &pipeline, &stage, &execution, mode).unwrap();
        }
        scene.pass_until(legacy.at);
        {
            let world = scene.world();
            let mut world = world.lock();
            world.faults.forget_plans();
            world.queue = Queue::default();
            for (at, body) in &legacy.messages {
                world.queue.send(body.clone(), *at);
            }
        }
        for item in &legacy.items {
            let put = scene.table.clients.dynamodb().put_item().table_name(&scene.table.name);
            let put = put.set_item(Some(item.clone().into_iter().collect()));
            scene.runtime.block_on(put.send()).unwrap();
        }
        scene
    }

    pub fn world(&self) -> SharedWorld {
        self.script.world().clone()
    }

    /// A ledger in the table, by the world's clock.
    pub fn ledger(&self) -> DynamoLedger {
        let world = self.world();
        self.table.ledger(move || world.now()).reporting(|trouble| eprintln!("{trouble}"))
    }

    /// What there is for the next release.
    pub fn legacy(&self) -> Legacy {
        let scan = self.table.clients.dynamodb().scan().table_name(&self.table.name);
        let scan = self.runtime.block_on(scan.send()).unwrap();
        let mut items: Vec<items::Attributes> = scan.items().iter().map(items::of).collect();
        items.sort_by_key(|item| items::written(item).to_string());
        let world = self.world();
        let world = world.lock();
        let mut queue = world.queue.clone();
        let mut messages = Vec::new();
        while let Some(due) = queue.next_due() {
            let message = queue.receive(due).unwrap();
            queue.delete(message.id);
            messages.push((due, message.body));
        }
        // Somebody moves back what was given up.
        let at = world.now();
        messages.extend(world.queue.dead_letters().iter().map(|body| (at, body.clone())));
        let accepted = world.service.retry_calls().iter().filter(|call| call.outcome.is_ok());
        Legacy {
            at,
            items,
            messages,
            calls: accepted.map(|call| (call.at, call.pipeline.to_string())).collect(),
        }
    }

    /// The retries that CodePipeline accepted, of that pipeline.
    pub fn accepted(&self, pipeline: &str) -> Vec<RetryCall> {
        let world = self.world();
        let world = world.lock();
        let calls = world.service.retry_calls().iter();
        calls.filter(|call| call.outcome.is_ok() && call.pipeline.as_str() == pipeline).cloned().collect()
    }

    /// Pauses one pipeline, and pushes the policy that is packaged, under another version.
    fn set_up(&self) {
        let (start, ledger) = (self.scenario.start, self.ledger());
        let text = fs::read_to_string(releases().join("scenario.yaml")).unwrap();
        let text = text.split("policy: |\n").nth(1).unwrap().split("pipelines:").next().unwrap().to_owned();
        let text = format!("# Pushed.\n{}", text.replace("\n  ", "\n").trim_start());
        let version = codepipeline_retrier::policy_file::load("policy", &text).policy.unwrap().version;
        let pause =
            Pause { pipeline: Some(Glob::new("paused")), until: None, reason: "a rehearsal".to_owned() };
        let paused = Controls::default().pause(pause);
        let policy = Pushed { number: 1, version: version.clone(), restores: None };
        let live = LivePolicy { policy, since: start, by: "jane".to_owned(), beside: None, taken_over: None };
        let entry = PolicyEntry {
            number: 1,
            at: start,
            by: "jane".to_owned(),
            reason: Some("to see it".to_owned()),
            version: Some(PolicyVersion(version.0)),
            restores: None,
            replaces: None,
            text: Some(text),
        };
        self.runtime.block_on(async {
            assert_eq!(ledger.write_controls(&paused).await, Ok(ControlsReply::Done));
            assert_eq!(ledger.push_policy(&entry, &paused.point(Some(live))).await, Ok(PushReply::Done));
        });
    }

    /// Lets time pass, and nobody do anything.
    fn pass_until(&mut self, until: Timestamp) {
        loop {
            self.world().lock().queue = Queue::default();
            let next = self.script.next_due().filter(|next| *next < until);
            self.script.go_to(next.unwrap_or(until), &mut |_| {});
            if next.is_none() {
                break;
            }
        }
    }

    /// Lets time pass, and the function work.
    pub fn go_on_until(&mut self, until: Timestamp) {
        while let Some(next) = self.script.next_due().filter(|next| *next < until) {
            self.script.go_to(next, &mut |_| {});
            let now = self.world().now();
            loop {
                let Some(message) = self.world().lock().queue.receive(now) else { break };
                let acknowledged = self.invoke(&message.body, SignedDuration::from_secs(30));
                if acknowledged {
                    self.world().lock().queue.delete(message.id);
                }
                self.script.deliver(&mut |_| {});
            }
        }
        self.script.go_to(until, &mut |_| {});
    }

    /// Hands a message to the function, as the queue does; whether it is done with.
    pub fn invoke(&mut self, body: &str, left: SignedDuration) -> bool {
        self.invocations += 1;
        let world = self.world();
        let batch = json!({ "Records": [{
            "messageId": "m", "body": body, "eventSource": "aws:sqs",
            "attributes": { "ApproximateReceiveCount": "1" },
        }]});
        let function = self.function();
        let deadline = after(world.now(), left);
        let (clock, name) = (|| world.now(), format!("invocation-{}", self.invocations));
        let response = self.runtime.block_on(function.invoke(&batch.to_string(), &name, deadline, &clock));
        let is_done = response.body == Ok(json!({ "batchItemFailures": [] }));
        self.responses.push(response);
        is_done
    }

    fn function(
        &self,
    ) -> Function<DynamoLedger, SharedWorld, SharedWorld, SharedWorld, SharedWorld, SharedWorld> {
        let world = self.world();
        let place = self.scenario.place.clone();
        Function {
            engine: Engine {
                ledger: self.ledger(),
                pipelines: world.clone(),
                schedules: world.clone(),
                evidence: world.clone(),
                calendars: world.clone(),
            },
            messenger: world,
            telling: Telling { notices: true, decisions: false },
            may_roll_back: false,
            policies: Policies::new(self.scenario.deployed.policy.clone()),
            mode: self.scenario.deployed.mode,
            scopes: Scopes::alone(Scope {
                partition: place.partition,
                region: place.region,
                account: place.account,
            }),
            evidence: Depth::Logs,
            timing: Timing::default(),
            sweep_rate: 2,
        }
    }
}
