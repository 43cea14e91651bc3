//! A place for real processes of the function: CodePipeline over HTTP, a real DynamoDB API, and a clock that a test can
//! put ahead.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use codepipeline_retrier::aws::ledger::{DynamoLedger, KeptDecision};
use codepipeline_retrier::domain::ids::{
    AccountId, ExecutionId, Partition, PipelineArn, PipelineName, Region, StageRunId,
};
use codepipeline_retrier::domain::stage_run::{StageRun, after};
use codepipeline_retrier::emulator::codepipeline::{PipelineDefinition, Switches};
use codepipeline_retrier::emulator::faults::Operation;
use codepipeline_retrier::emulator::http::Server;
use codepipeline_retrier::emulator::world::{Place, SharedWorld, World};
use codepipeline_retrier::ports::Ledger;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::process::{ACCOUNT, FunctionProcess, REGION, now, settings};
use crate::contract::pipelines::{FAILS_AT, stage_name};
use crate::later::library;
use crate::ministack::{MiniStack, unique};
use crate::tables::Table;

/// A policy under which what can be retried is retried at once, and no budget is ever empty.
pub const RETRIES_AT_ONCE: &str = "\
version: 1
defaults:
  backoff: { initial: 0s, max: 0s, jitter: none }
  give-up-after: 7d
  max-retries: 5
  budgets: [all]
budgets:
  all: { capacity: 100000, refill: 1/d }
rules:
  - name: all
    match: { pipeline: '*' }
";

/// What a process needs, and what it leaves.
pub struct Scene {
    pub world: SharedWorld,
    pub ledger: DynamoLedger,
    settings: Vec<(String, String)>,
    ahead: Arc<AtomicI64>,
    later: PathBuf,
    runtime: tokio::runtime::Runtime,
    _codepipeline: Server,
    table: Table,
}

/// How far the clock of the pipelines is ahead of the real one, in seconds.
fn shifted(ahead: &AtomicI64) -> Timestamp {
    after(now(), SignedDuration::from_secs(ahead.load(Ordering::SeqCst)))
}

impl Scene {
    /// A scene of its own for a test, with this policy.
    pub fn new(test: &str, policy: &str) -> Self {
        let place = Place {
            partition: Partition::parse("aws").unwrap(),
            account: AccountId::parse(ACCOUNT).unwrap(),
            region: Region::parse(REGION).unwrap(),
        };
        let world = SharedWorld::new(World::new(place, Switches::default(), now()));
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&ahead);
        let codepipeline = Server::start(world.clone(), move || shifted(&clock)).unwrap();
        let file = folder(test).join("policy.yaml");
        fs::write(&file, policy).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = MiniStack::shared();
        let (table, queue_url) = runtime.block_on(async {
            let table = Table::create(test).await;
            let queue = table.clients.sqs().create_queue().queue_name(unique(test)).send().await.unwrap();
            (table, queue.queue_url.unwrap())
        });
        let settings = settings(&file, &table.name, &queue_url, server.url(), &codepipeline.endpoint());
        let ledger = table.ledger(now);
        Self {
            world,
            ledger,
            settings,
            ahead,
            later: library(&folder(test)),
            runtime,
            _codepipeline: codepipeline,
            table,
        }
    }

    /// Runs a pipeline of this name until its stage `Test` has failed once; what is retried succeeds. The clock is ahead
    /// by that much more then.
    pub fn failed(&self, name: &PipelineName, script: PipelineDefinition) -> (StageRunId, Value) {
        let execution = {
            let mut world = self.world.lock();
            let start = shifted(&self.ahead);
            world.advance(start);
            world.service.create_pipeline(start, script).unwrap();
            world.service.start_pipeline_execution(start, name).unwrap()
        };
        self.pass(FAILS_AT + SignedDuration::from_secs(5));
        let run = self.run_of(name, execution);
        let mut world = self.world.lock();
        world.advance(shifted(&self.ahead));
        let events = world.service.drain_events();
        let (_, event) = events
            .into_iter()
            .find(|(_, event)| {
                event["detail-type"] == "CodePipeline Stage Execution State Change"
                    && event["detail"]["state"] == "FAILED"
                    && event["detail"]["execution-id"] == run.execution.as_str()
            })
            .expect("the stage's failure has an event");
        drop(world);
        (run, event)
    }

    fn run_of(&self, name: &PipelineName, execution: ExecutionId) -> StageRunId {
        let Place { partition, account, region } = self.world.lock().place.clone();
        let pipeline = PipelineArn { partition, region, account, name: name.clone() };
        StageRunId { pipeline, execution, stage: stage_name() }
    }

    /// Lets time pass for pipelines and for functions that are started from then on.
    pub fn pass(&self, duration: SignedDuration) {
        self.ahead.fetch_add(duration.as_secs(), Ordering::SeqCst);
    }

    /// A new process of the function.
    pub fn function(&self) -> FunctionProcess {
        let ahead = self.ahead.load(Ordering::SeqCst);
        FunctionProcess::start_ahead(&self.environment(), ahead)
    }

    /// The environment of a function that is started now.
    pub fn environment(&self) -> Vec<(String, String)> {
        let ahead = self.ahead.load(Ordering::SeqCst).to_string();
        let later = [("LD_PRELOAD", self.later.to_str().unwrap()), ("LATER_SECONDS", &ahead)];
        let later = later.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.settings.iter().cloned().chain(later).collect()
    }

    /// How often CodePipeline has been read.
    pub fn reads(&self) -> u64 {
        self.world.lock().faults.count(Operation::Observe)
    }

    /// What is on record of a stage run.
    pub fn record(&self, run: &StageRunId) -> Option<StageRun> {
        self.runtime.block_on(self.ledger.read(run, &[], &[])).expect("the ledger answers").record
    }

    /// Everything in the table, item by item, as it is kept.
    pub fn items(&self) -> Vec<String> {
        let scan = self.table.clients.dynamodb().scan().table_name(&self.table.name).into_paginator().items();
        let items = self.runtime.block_on(scan.send().collect::<Result<Vec<_>, _>>()).unwrap();
        items.into_iter().map(|item| format!("{item:?}")).collect()
    }

    /// Decisions on record about a pipeline, newest first.
    pub fn decisions(&self, name: &PipelineName) -> Vec<KeptDecision> {
        self.runtime.block_on(self.ledger.decisions(name, Timestamp::UNIX_EPOCH, 1_000)).unwrap()
    }
}

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scene").join(test);
    fs::create_dir_all(&folder).unwrap();
    folder
}
