//! Scenarios with the deployed function's handler at work in them, and what it wrote to its log.
//!
//! It does what SQS and Lambda do, as [`codepipeline_retrier::replay::player`] does; every message meets a process of its own.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::faults::Fault;
use codepipeline_retrier::emulator::queue::Message;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::lambda::Handler;
use codepipeline_retrier::replay::player::{TIME_LIMIT, deployed_function, run};
use codepipeline_retrier::replay::scenario::Scenario;
use codepipeline_retrier::replay::script::Script;
use codepipeline_retrier::telemetry::{Log, LogLevel};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What a scenario left behind.
pub struct Told {
    /// The log, line by line.
    pub lines: Vec<String>,
    /// When the function was invoked, and whether it died.
    pub invocations: Vec<(Timestamp, bool)>,
    /// When it began and ended.
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Told {
    /// The log as JSON.
    pub fn log(&self) -> Vec<Value> {
        self.lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
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

thread_local! {
    /// The world whose clock a handler reads: it takes a plain function.
    static WORLD: RefCell<Option<SharedWorld>> = const { RefCell::new(None) };
}

fn present() -> Timestamp {
    WORLD.with(|world| world.borrow().as_ref().expect("a handler works in a world").now())
}

/// Plays a scenario, logging at this level.
pub fn play(scenario: &Scenario, level: LogLevel) -> Told {
    let mut script = Script::new(scenario).unwrap();
    let end = after(scenario.start, scenario.lasting.unwrap_or(SignedDuration::from_hours(7 * 24)));
    let written = Written::default();
    let mut invocations = Vec::new();
    while let Some(next) = script.next_due().filter(|next| *next <= end) {
        script.go_to(next, &mut |_| {});
        let message = {
            let mut world = script.world().lock();
            let now = world.now();
            world.queue.receive(now)
        };
        if let Some(message) = message {
            let world = script.world().for_handling(invocations.len() as u64 + 1);
            let began = world.now();
            let survived = hand_out(&world, &message, level, &written);
            if world.killed_by().is_some_and(Fault::hangs) {
                script.world().lock().advance(after(began, TIME_LIMIT));
            }
            if survived {
                script.world().lock().queue.delete(message.id);
            }
            invocations.push((began, world.is_killed()));
            script.deliver(&mut |_| {});
        }
    }
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(str::to_owned).collect();
    Told { lines, invocations, from: scenario.start, to: end.min(script.world().now()) }
}

/// Lambda: the function gets a batch of one. Whether the message may be deleted.
fn hand_out(world: &SharedWorld, message: &Message, level: LogLevel, written: &Written) -> bool {
    WORLD.with(|present| *present.borrow_mut() = Some(world.clone()));
    let handler = Handler {
        function: deployed_function(world),
        log: Arc::new(Log::new(level, written.clone())),
        clock: present,
    };
    let batch = json!({ "Records": [{
        "messageId": message.id.to_string(),
        "body": message.body,
        "attributes": { "ApproximateReceiveCount": message.receives.to_string() },
        "eventSource": "aws:sqs",
    }]});
    let mut context = Context::default();
    context.request_id = format!("request-{}", world.handling());
    context.deadline = u64::try_from(after(world.now(), TIME_LIMIT).as_millisecond()).unwrap();
    let payload = RawValue::from_string(batch.to_string()).unwrap();
    let answer = run(handler.handle(LambdaEvent::new(payload, context)), world);
    answer.is_some_and(|answer| {
        answer.is_ok_and(|body| body["batchItemFailures"].as_array().is_some_and(Vec::is_empty))
    })
}

/// What comes of an action's runs, one after the other; the last repeats.
pub enum Run {
    /// It succeeds.
    Fine,
    /// It fails with this message.
    Fails(&'static str),
}

/// A fleet as a scenario has it: each pipeline has one stage with one action.
pub struct Fleet {
    pub policy: &'static str,
    /// Keys of the scenario itself, such as `sweep: 15m`.
    pub keys: &'static str,
    pub pipelines: Vec<(String, Vec<Run>)>,
    /// What happens, each with its minute.
    pub timeline: Vec<(i64, String)>,
}

impl Fleet {
    /// The scenario.
    pub fn scenario(mut self) -> Scenario {
        use std::fmt::Write as _;
        let mut text = format!("scenario: 1\nabout: a fleet\n{}\npolicy: |\n", self.keys);
        for line in self.policy.lines() {
            let _ = writeln!(text, "  {line}");
        }
        text.push_str("pipelines:\n");
        for (name, runs) in &self.pipelines {
            let _ = write!(
                text,
                "  - name: {name}\n    stages:\n      - name: Deploy\n        actions:\n          - name: Stack\n            \
                 category: Deploy\n            runs:\n"
            );
            for run in runs {
                let _ = match run {
                    Run::Fine => writeln!(text, "              - succeed: 40s"),
                    Run::Fails(message) => {
                        writeln!(text, "              - fail: {{ after: 30s, message: {message:?} }}")
                    }
                };
            }
        }
        text.push_str("timeline:\n");
        self.timeline.sort_by_key(|(minute, _)| *minute);
        for (minute, act) in &self.timeline {
            let _ = writeln!(text, "  - {{ at: {minute}m, {act} }}");
        }
        Scenario::read("fleet", &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// Every pipeline starts at these minutes.
    pub fn starting(mut self, minutes: impl Iterator<Item = i64>) -> Self {
        for minute in minutes {
            self.timeline.extend(self.pipelines.iter().map(|(name, _)| (minute, format!("start: {name}"))));
        }
        self
    }
}
