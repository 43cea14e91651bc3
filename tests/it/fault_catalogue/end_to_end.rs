//! A row end to end: the function handles a failure while the fault lasts, is handed what it did not acknowledge again, and
//! is woken as it asked to be. In the end nothing was done twice, nothing is lost, and the tokens are right.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use codepipeline_retrier::aws::calendars::SdkCalendars;
use codepipeline_retrier::aws::evidence::SdkEvidence;
use codepipeline_retrier::aws::ledger::{DynamoLedger, KeptDecision};
use codepipeline_retrier::aws::messenger::SdkMessenger;
use codepipeline_retrier::aws::pipelines::SdkPipelines;
use codepipeline_retrier::aws::wake_ups::SdkSchedules;
use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::rollback::RollbackProgress;
use codepipeline_retrier::domain::scope::{Scope, Scopes};
use codepipeline_retrier::domain::screen::Telling;
use codepipeline_retrier::domain::stage_run::{StageRun, Timing, after};
use codepipeline_retrier::engine::Engine;
use codepipeline_retrier::event::reminder_body;
use codepipeline_retrier::function::{Function, Policies};
use codepipeline_retrier::lambda::Handler;
use codepipeline_retrier::policy_file;
use codepipeline_retrier::ports::Ledger;
use codepipeline_retrier::telemetry::{Log, LogLevel};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::catalogue::{Asked, Row, SECRET};
use super::lane::{Bench, Scene, now, pass};
use crate::contract::outbox::pending;
use codepipeline_retrier::emulator::queue::MOST_RECEIVES;

/// How long the fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// One request.
    Once,
    /// Every request of the first two handlings, and of those after them until it has befallen one.
    TwoHandlings,
}

/// How long a message that was not acknowledged stays hidden.
const HIDDEN: SignedDuration = SignedDuration::from_secs(180);
/// Tokens in the budget, one of which comes back in a day.
const TOKENS: u32 = 10;
/// Handlings of one failure; one that has more goes round in a circle.
const MOST_HANDLINGS: u32 = 40;

struct Message {
    body: String,
    receives: u32,
    visible_at: Timestamp,
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the deployed rule lets through.
pub fn concerns_us(event: &Value) -> bool {
    let detail = &event["detail"];
    let is_of_a_stage = event["detail-type"] == "CodePipeline Stage Execution State Change";
    let is_an_outcome = detail.get("stage-last-retry-attempt-time").is_some()
        && ["SUCCEEDED", "RESUMED", "STOPPED", "CANCELED"].iter().any(|state| detail["state"] == *state);
    is_of_a_stage && (detail["state"] == "FAILED" || is_an_outcome)
}

/// What is wrong with the row, if anything.
pub fn hold(bench: &Bench, row: &Row, lasting: Lasting) -> Vec<String> {
    let mut play = Play::new(bench, row);
    play.run(lasting);
    play.findings()
}

/// The function as it is on AWS.
type Deployed = Handler<
    DynamoLedger,
    SdkPipelines,
    SdkSchedules<fn() -> Timestamp>,
    SdkEvidence,
    SdkCalendars,
    SdkMessenger,
>;

struct Play<'a> {
    scene: Scene<'a>,
    handler: Deployed,
    log: Written,
    queue: Vec<Message>,
    /// What SNS and `EventBridge` have really taken.
    told: Vec<(String, Value)>,
    dead: usize,
    handlings: u32,
    /// Whether the fault is over.
    is_over: bool,
}

impl<'a> Play<'a> {
    fn new(bench: &'a Bench, row: &'a Row) -> Self {
        let scene = Scene::new(bench, row);
        let delay = match row.asked {
            Asked::Send => "5m",
            Asked::Schedule => "30m",
            _ => "0s",
        };
        let retries = if row.asked == Asked::Rollback { 0 } else { 2 };
        let policy = format!(
            "version: 1\ndefaults:\n  backoff: {{ initial: {delay}, max: 30m, jitter: none }}\n  give-up-after: 7d\n  \
             max-retries: {retries}\n  on-give-up: rollback\n  \
             notify: [retry, wait, give-up, recovered, failed-again]\n  budgets: [all]\nbudgets:\n  all: {{ capacity: {TOKENS}, refill: 1/d }}\n\
             rules:\n  - name: all\n    match: {{ pipeline: '*' }}\n"
        );
        let log = Written::default();
        let lines = Arc::new(Log::new(LogLevel::Debug, log.clone()));
        let told = Arc::clone(&lines);
        let ledger = scene.ledger(&scene.clients).reporting(move |trouble| {
            told.line(LogLevel::Warn, "ledger-trouble", now(), json!({ "problem": trouble.to_string() }));
        });
        let place = scene.run.pipeline.clone();
        let function = Function {
            engine: Engine {
                ledger,
                pipelines: SdkPipelines::new(scene.clients.clone()),
                schedules: SdkSchedules::new(
                    scene.clients.clone(),
                    scene.route.clone(),
                    now as fn() -> Timestamp,
                ),
                evidence: SdkEvidence::new(scene.clients.clone()),
                calendars: SdkCalendars::new(scene.clients.clone()),
            },
            messenger: SdkMessenger::new(scene.clients.clone(), scene.addressees.clone()),
            telling: Telling { notices: row.asked.is_telling(), decisions: row.asked.is_telling() },
            may_roll_back: row.asked == Asked::Rollback,
            policies: Policies::new(policy_file::load("policy", &policy).policy),
            sweep_rate: 2,
            mode: Mode::Active,
            scopes: Scopes::alone(Scope::of(&place)),
            evidence: Depth::State,
            timing: Timing::default(),
        };
        let first = Message { body: scene.event.to_string(), receives: 0, visible_at: now() };
        Self {
            handler: Handler { function, log: lines, clock: now },
            scene,
            log,
            queue: vec![first],
            told: Vec::new(),
            dead: 0,
            handlings: 0,
            is_over: false,
        }
    }

    fn run(&mut self, lasting: Lasting) {
        self.scene.begin((lasting == Lasting::Once).then_some(1));
        let mut is_quiet = false;
        while self.handlings < MOST_HANDLINGS {
            if !self.is_over && self.handlings >= 2 && self.scene.befell() {
                self.scene.end();
                self.is_over = true;
            }
            self.collect();
            self.queue.sort_by_key(|message| message.visible_at);
            if self.queue.is_empty() {
                // What was retried runs to its end.
                if !is_quiet {
                    is_quiet = true;
                    pass(SignedDuration::from_mins(2));
                    continue;
                }
                let is_to_look =
                    self.scene.row.asked == Asked::Pending && !self.is_over && !self.scene.befell();
                if self.untold() == 0 && !is_to_look {
                    break;
                }
                // Whoever sweeps looks for what was left untold.
                pass(SignedDuration::from_mins(15));
                let body = reminder_body();
                self.queue.push(Message { body, receives: 0, visible_at: now() });
            }
            is_quiet = false;
            let message = self.queue.remove(0);
            pass(message.visible_at.duration_since(now()).max(SignedDuration::ZERO));
            self.hand_out(message);
        }
    }

    /// How much waits to be told.
    fn untold(&self) -> usize {
        let ledger = self.scene.ledger(&self.scene.direct.clients);
        self.scene.runtime.block_on(pending(&ledger)).len()
    }

    /// What `EventBridge`, SQS and Scheduler put into the queue: only what the servers have really taken.
    fn collect(&mut self) {
        let events = {
            let mut world = self.scene.world.lock();
            world.advance(now());
            world.service.drain_events()
        };
        let mut arrive =
            |body: String, visible_at| self.queue.push(Message { body, receives: 0, visible_at });
        for (_, event) in events {
            if concerns_us(&event) {
                arrive(event.to_string(), now());
            }
        }
        let done = self.scene.lane(|lane| std::mem::take(&mut lane.done));
        for (operation, input) in done {
            match operation.as_str() {
                "SendMessage" => {
                    let delay = SignedDuration::from_secs(input["DelaySeconds"].as_i64().unwrap_or(0));
                    arrive(input["MessageBody"].as_str().unwrap().to_owned(), after(now(), delay));
                }
                "CreateSchedule" => {
                    let at = input["ScheduleExpression"].as_str().unwrap();
                    let at = at.trim_start_matches("at(").trim_end_matches(')');
                    arrive(
                        input["Target"]["Input"].as_str().unwrap().to_owned(),
                        format!("{at}Z").parse().unwrap(),
                    );
                }
                "Publish" | "PutEvents" => self.told.push((operation, input)),
                _ => {}
            }
        }
    }

    fn hand_out(&mut self, message: Message) {
        self.handlings += 1;
        let receives = message.receives + 1;
        let records = json!({ "Records": [{
            "messageId": "message",
            "body": message.body,
            "attributes": { "ApproximateReceiveCount": receives.to_string() },
            "eventSource": "aws:sqs",
        }]});
        let mut context = Context::default();
        context.request_id = format!("request-{}", self.handlings);
        context.deadline = u64::try_from(now().as_millisecond() + 30_000).unwrap();
        let payload = RawValue::from_string(records.to_string()).unwrap();
        let answer = self.scene.runtime.block_on(self.handler.handle(LambdaEvent::new(payload, context)));
        if answer == Ok(json!({ "batchItemFailures": [] })) {
            return;
        }
        if receives >= MOST_RECEIVES {
            self.dead += 1;
            return;
        }
        self.queue.push(Message { receives, visible_at: after(now(), HIDDEN), ..message });
    }

    fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        let mut find = |is_wrong: bool, what: String| findings.extend(is_wrong.then_some(what));
        find(!self.is_over && !self.scene.befell(), "the fault befell nobody".into());
        find(self.dead > 0, format!("lost: {} messages were given up", self.dead));
        find(self.handlings >= MOST_HANDLINGS, "it never comes to an end".into());
        let log = String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap();
        find(log.contains(SECRET), "an error's message is in the log".into());

        let Scene { run, direct, .. } = &self.scene;
        let rule = &self.handler.function.policies.packaged().unwrap().rules[0];
        let budget = &rule.settings.budgets[0];
        let key = budget.key(run, false);
        let ledger = self.scene.ledger(&direct.clients);
        let (view, decisions) = self.scene.runtime.block_on(async {
            let view = ledger.read(run, std::slice::from_ref(&key), &[]).await.unwrap();
            let decisions = ledger.decisions(&run.pipeline.name, Timestamp::UNIX_EPOCH, 1_000).await.unwrap();
            (view, decisions)
        });
        let Some(record) = view.record else {
            find(true, "lost: nothing is on record".into());
            return findings;
        };
        find(record.wait.is_some() || record.claim.is_some(), format!("lost: it is still open: {record:?}"));
        find(format!("{decisions:?}").contains(SECRET), "an error's message is on record".into());
        let accepted = self.scene.accepted();
        let answered: Vec<_> = accepted.iter().flat_map(|call| &call.answered).collect();
        let once: BTreeSet<_> = answered.iter().collect();
        find(once.len() != answered.len() || accepted.len() > 1, format!("double: {accepted:?}"));
        let given_up = decisions.iter().any(|decision| decision.verdict == "give-up");
        let rollbacks = self.scene.rollbacks();
        find(rollbacks > 1, format!("double: {rollbacks} rollbacks"));
        let rollback = record.rollback.as_ref().map(|rollback| &rollback.progress);
        let is_true = match rollback {
            Some(RollbackProgress::Started(_)) => rollbacks == 1,
            Some(RollbackProgress::Unknown) => true,
            Some(RollbackProgress::NotMade) | None => rollbacks == 0,
            Some(RollbackProgress::Begun) => false,
        };
        find(!is_true, format!("{rollbacks} rollbacks, on record is {rollback:?}"));
        find(self.scene.row.asked == Asked::Rollback && rollback.is_none(), "lost: no rollback".into());
        if self.scene.row.asked.is_telling() {
            findings.extend(self.untrue_telling(&record, &decisions));
        }
        let mut find = |is_wrong: bool, what: String| findings.extend(is_wrong.then_some(what));
        find(accepted.is_empty() && !given_up, format!("lost: neither retried nor given up: {decisions:?}"));
        let used = record.live.used;
        find(
            usize::try_from(used).unwrap() != accepted.len(),
            format!("{used} retries on record, {accepted:?}"),
        );
        let balance = budget.balance(view.buckets.get(&key).copied().unwrap_or_default(), now());
        find(balance != TOKENS - used, format!("{balance} tokens are left of {TOKENS}, {used} were used"));
        findings
    }
    /// Everything that is on record was told, and a copy says that it is one.
    fn untrue_telling(&self, record: &StageRun, decisions: &[KeptDecision]) -> Vec<String> {
        let mut findings = Vec::new();
        let mut find = |is_wrong: bool, what: String| findings.extend(is_wrong.then_some(what));
        find(self.untold() > 0, "lost: something waits to be told".into());
        let inputs = |operation: &'static str| {
            self.told.iter().filter(move |(done, _)| done == operation).map(|(_, input)| input)
        };
        let events: Vec<&str> = inputs("PutEvents")
            .flat_map(|input| input["Entries"].as_array().unwrap())
            .map(|entry| entry["Detail"].as_str().unwrap())
            .collect();
        for decision in decisions {
            find(
                !events.contains(&decision.document.as_str()),
                format!("lost: {decision:?} was not announced"),
            );
        }
        find(record.told.is_empty(), "nothing was to be told".into());
        for occasion in &record.told {
            let named = format!("\\\"occasion\\\":\\\"{}\\\"", occasion.as_str());
            let of_it = inputs("Publish").filter(|input| input["Message"].as_str().unwrap().contains(&named));
            let copies: Vec<bool> = of_it.map(says_that_it_may_be_a_copy).collect();
            find(copies.is_empty(), format!("lost: nobody was told of {occasion:?}"));
            find(
                copies.iter().skip(1).any(|says_so| !says_so),
                format!("double: {occasion:?} was told of more than once, and no word of it: {copies:?}"),
            );
        }
        findings
    }
}

/// By its attribute, or since it is one of several that were gathered.
fn says_that_it_may_be_a_copy(publish: &Value) -> bool {
    let values = publish.as_object().unwrap().iter().filter(|(name, _)| name.ends_with(".Name"));
    publish["Message"].as_str().unwrap().contains("\\\"occasion\\\":\\\"digest\\\"")
        || values.into_iter().any(|(_, name)| name == "repeated")
}
