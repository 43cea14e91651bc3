//! What a row is held against: a table, a queue and a pipeline of its own, once as the product reaches them, through the
//! fault, and once directly, to see what is true.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::region::Region;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::runtime::Runtime;

use codepipeline_retrier::aws::clients::{Clients, common};
use codepipeline_retrier::aws::ledger::DynamoLedger;
use codepipeline_retrier::aws::messenger::Addressees;
use codepipeline_retrier::aws::settings::{Endpoints, Trust};
use codepipeline_retrier::aws::wake_ups::Route;
use codepipeline_retrier::domain::ids::{
    AccountId, ExecutionId, Partition, PipelineArn, PipelineName, Region as RegionId, StageRunId,
};
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::codepipeline::{RetryCall, Switches};
use codepipeline_retrier::emulator::http::Server;
use codepipeline_retrier::emulator::world::{Place, SharedWorld, World};

use super::burst::Burst;
use super::catalogue::{Asked, Made, Row};
use super::gateway::{Gateway, Lane, free_address};
use crate::contract::pipelines::{FAILS_AT, fails, shop, stage_name, succeeds};
use crate::ministack::{MiniStack, REGION, unique};
use crate::tables::Table;

/// The servers that all rows share.
pub struct Bench {
    pub burst: Burst,
    pub gateway: Gateway,
    aws: Arc<MiniStack>,
    group: String,
}

impl Bench {
    pub fn new() -> Self {
        let gateway = Gateway::start();
        let burst = Burst::start(&gateway.address);
        let (aws, group) = (MiniStack::shared(), unique("faults"));
        runtime().block_on(async {
            aws.clients().scheduler().create_schedule_group().name(&group).send().await.unwrap();
        });
        Self { burst, gateway, aws, group }
    }
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

thread_local! {
    /// How far this thread's clock is ahead of the real one, in milliseconds.
    static AHEAD: RefCell<Arc<AtomicI64>> = RefCell::default();
}

#[expect(clippy::disallowed_methods, reason = "the servers live in real time")]
fn ahead_by(ahead: &AtomicI64) -> Timestamp {
    after(Timestamp::now(), SignedDuration::from_millis(ahead.load(Ordering::SeqCst)))
}

/// The present of the row that this thread is about.
pub fn now() -> Timestamp {
    AHEAD.with_borrow(|ahead| ahead_by(ahead))
}

/// Lets time pass for this row.
pub fn pass(duration: SignedDuration) {
    let milliseconds = i64::try_from(duration.as_millis()).unwrap();
    AHEAD.with_borrow(|ahead| ahead.fetch_add(milliseconds, Ordering::SeqCst));
}

/// One row's place. It is for the thread that made it.
pub struct Scene<'a> {
    pub bench: &'a Bench,
    pub row: &'a Row,
    pub key: String,
    pub runtime: Runtime,
    pub world: SharedWorld,
    /// Through the fault.
    pub clients: Arc<Clients>,
    /// Past it.
    pub direct: Table,
    pub route: Route,
    /// The topic and the bus, which nobody listens to: what they took is in the lane.
    pub addressees: Addressees,
    pub run: StageRunId,
    /// The event of the failure.
    pub event: Value,
    /// Where nobody listens until the fault is over.
    nowhere: String,
    _codepipeline: Server,
}

impl<'a> Scene<'a> {
    pub fn new(bench: &'a Bench, row: &'a Row) -> Self {
        let ahead = Arc::new(AtomicI64::new(0));
        AHEAD.replace(Arc::clone(&ahead));
        let place = Place {
            partition: Partition::parse("aws").unwrap(),
            account: AccountId::parse("111122223333").unwrap(),
            region: RegionId::parse(REGION).unwrap(),
        };
        let world = SharedWorld::new(World::new(place, Switches::default(), now()));
        let codepipeline = Server::start(world.clone(), move || ahead_by(&ahead)).unwrap();
        let key = unique("ROW").replace('-', "X").to_uppercase();
        let lane = Lane {
            codepipeline: host(&codepipeline.endpoint()),
            aws: host(bench.aws.url()),
            ..Lane::default()
        };
        bench.gateway.lanes().insert(key.clone(), lane);
        let runtime = runtime();
        let (direct, queue_url, topic_arn) = runtime.block_on(async {
            let direct = Table::on(&bench.aws, "faults").await;
            let queue =
                direct.clients.sqs().create_queue().queue_name(unique("faults")).send().await.unwrap();
            let topic = direct.clients.sns().create_topic().name(unique("faults")).send().await.unwrap();
            (direct, queue.queue_url.unwrap(), topic.topic_arn)
        });
        let (run, event) = failed(&world, &key, row.asked == Asked::Rollback);
        let event_bus = Some("default".to_owned());
        let addressees = Addressees { topic_arn, event_bus, queue_url: queue_url.clone() };
        let route = Route {
            queue_url,
            queue_arn: "arn:aws:sqs:eu-central-1:000000000000:retrier".to_owned(),
            dead_letter_queue_arn: None,
            schedule_group: bench.group.clone(),
            scheduler_role_arn: "arn:aws:iam::000000000000:role/scheduler".to_owned(),
        };
        let nowhere = free_address();
        let clients = clients(bench, row, &key, &nowhere);
        Self {
            bench,
            row,
            key,
            runtime,
            world,
            clients,
            direct,
            route,
            addressees,
            run,
            event,
            nowhere,
            _codepipeline: codepipeline,
        }
    }

    /// The ledger, through the fault or past it.
    pub fn ledger(&self, clients: &Arc<Clients>) -> DynamoLedger {
        DynamoLedger::new(Arc::clone(clients), &self.direct.name, now)
    }

    /// The fault begins. It befalls the next requests, so many of them or all; where nobody listens, all.
    pub fn begin(&self, times: Option<usize>) {
        let (service, operation) = self.row.asked.names();
        match &self.row.made {
            Made::Burst(faults) => {
                for fault in faults {
                    let mut fault = fault.clone();
                    if let Some(times) = times {
                        fault["times"] = times.into();
                    }
                    self.bench.burst.begin(&self.key, service, operation, &fault);
                }
            }
            Made::Own(own) => {
                self.lane(|lane| lane.fault = Some((operation, times.unwrap_or(usize::MAX), own.clone())));
            }
            Made::Nobody => {}
        }
    }

    /// Whether it has befallen anybody. Where nobody listens, nobody can know.
    pub fn befell(&self) -> bool {
        match &self.row.made {
            Made::Burst(_) => self.bench.burst.befell(&self.key) > 0,
            Made::Own(_) => self.lane(|lane| lane.befell > 0),
            Made::Nobody => true,
        }
    }

    /// It is over.
    pub fn end(&self) {
        match &self.row.made {
            Made::Burst(_) => self.bench.burst.end(&self.key),
            Made::Own(_) => self.lane(|lane| lane.fault = None),
            Made::Nobody => self.bench.gateway.listen(&self.nowhere),
        }
    }

    pub fn lane<T>(&self, look: impl FnOnce(&mut Lane) -> T) -> T {
        look(self.bench.gateway.lanes().get_mut(&self.key).unwrap())
    }

    /// What the failed execution would be rolled back to.
    pub fn last_success(&self) -> Option<ExecutionId> {
        let StageRunId { pipeline, stage, .. } = &self.run;
        self.world.lock().service.last_success(&pipeline.name, stage).unwrap()
    }

    /// The rollbacks that CodePipeline has run.
    pub fn rollbacks(&self) -> usize {
        let executions = self.world.lock().service.list_executions(&self.run.pipeline.name).unwrap();
        executions.iter().filter(|execution| execution.rollback_target.is_some()).count()
    }

    /// The retries that CodePipeline has accepted.
    pub fn accepted(&self) -> Vec<RetryCall> {
        let world = self.world.lock();
        world.service.retry_calls().iter().filter(|call| call.outcome.is_ok()).cloned().collect()
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        self.bench.gateway.lanes().remove(&self.key);
        let table = self.direct.clients.dynamodb().delete_table().table_name(&self.direct.name);
        let _ = self.runtime.block_on(table.send());
    }
}

fn host(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// A pipeline whose stage `Test` has failed once and then succeeds; before that it may have succeeded in another execution.
fn failed(world: &SharedWorld, key: &str, after_a_success: bool) -> (StageRunId, Value) {
    let name = PipelineName::parse(format!("shop-{key}")).unwrap();
    let before = after_a_success.then(succeeds);
    let mut definition = shop(before.into_iter().chain([fails(), succeeds()]));
    definition.name = name.clone();
    let mut world = world.lock();
    let start = now();
    world.advance(start);
    world.service.create_pipeline(start, definition).unwrap();
    if after_a_success {
        world.service.start_pipeline_execution(start, &name).unwrap();
        pass(FAILS_AT + SignedDuration::from_secs(5));
        world.advance(now());
    }
    let execution = world.service.start_pipeline_execution(now(), &name).unwrap();
    pass(FAILS_AT + SignedDuration::from_secs(5));
    world.advance(now());
    let Place { partition, account, region } = world.place.clone();
    let pipeline = PipelineArn { partition, region, account, name };
    let run = StageRunId { pipeline, execution, stage: stage_name() };
    let events = world.service.drain_events().into_iter().map(|(_, event)| event);
    (run, events.into_iter().find(super::end_to_end::concerns_us).expect("the failure has an event"))
}

fn clients(bench: &Bench, row: &Row, key: &str, nowhere: &str) -> Arc<Clients> {
    let faulty = match row.made {
        Made::Burst(_) => &*bench.burst.address,
        Made::Own(_) => &bench.gateway.address,
        Made::Nobody => nowhere,
    };
    let at = |service: &str| {
        let is_faulty = row.asked.names().0 == service;
        Some(format!("http://{}", if is_faulty { faulty } else { &bench.gateway.address }))
    };
    let endpoints = Endpoints {
        codepipeline: at("codepipeline"),
        dynamodb: at("dynamodb"),
        eventbridge: at("events"),
        scheduler: at("scheduler"),
        sns: at("sns"),
        sqs: at("sqs"),
        ..Endpoints::default()
    };
    let credentials = Credentials::new(key, "test", None, None, "tests");
    let config = common(&Trust::Amazon)
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Arc::new(Clients::new(config, endpoints))
}
