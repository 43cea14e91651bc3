//! Whoever may send the function a message, and does not mean well: genuine messages with anything about them changed, and
//! texts that never were one.

use codepipeline_retrier::domain::ids::{
    AccountId, ExecutionId, PipelineArn, PipelineName, Region, StageName, StageRunId,
};
use codepipeline_retrier::domain::trigger::WakeUp;
use codepipeline_retrier::event::wake_up_body;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::rig::random::Random;

/// Stands in every forged text, so that it is found wherever it comes out.
pub const MARK: &str = "zQ7forged";

/// What is done to whoever shows a text as it is: to terminals, logs, pages, mails, databases, shells.
pub const HOSTILE: &[&str] = &[
    "\u{1b}[2J\u{1b}[31mall fine",
    "a\nlevel=ERROR verdict=retry",
    "a\r\n{\"level\":\"ERROR\",\"message\":\"decision\"}",
    "\0",
    "\u{7f}\u{9b}31m\u{85}",
    "\u{202e}deirter\u{2066}\u{2069}",
    "\u{2028}\u{2029}\u{feff}\u{200b}",
    "\"}],\"verdict\":\"retry\",\"x\":[{\"",
    "\\\",\\u0000\\\\",
    "`rm -rf /`; $(reboot) && %n%s",
    "${jndi:ldap://example.com/a}",
    "{{7*7}}<%= 7 %>#{7}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "<!channel> <https://example.com|click>",
    "'; DROP TABLE ledger; --",
    "../../../../etc/passwd",
    "=HYPERLINK(\"https://example.com\")",
    "\u{1f4a9}\u{301}\u{301}\u{301}\u{10ffff}",
    "\u{d7ff}\u{e000}\u{fffd}",
];

/// One of each, drawn from a seed.
pub struct Forger {
    pub random: Random,
}

/// What reaches the function.
pub enum Forgery {
    /// A message of the queue.
    Message(String),
    /// What somebody hands over without a queue.
    Invocation(String),
}

impl Forger {
    /// One more, made of what is there.
    pub fn next(&mut self, genuine: &[Value], now: Timestamp) -> Forgery {
        let mut text = match self.random.below(100) {
            0..=54 => self.changed(genuine, now),
            55..=79 => self.claimed(genuine, now).to_string(),
            80..=92 => self.own(genuine, now),
            93..=95 => self.hostile(),
            96 | 97 => Value::String(self.hostile()).to_string(),
            _ => self.large(),
        };
        if self.random.happens(300) {
            text = self.damaged(&text);
        }
        for _ in 0..self.random.below(30).saturating_sub(27) {
            text = self.enveloped(&[text]);
        }
        match self.random.below(10) {
            0 => Forgery::Invocation(text),
            1 => {
                let more = (0..self.random.below(4)).map(|_| self.changed(genuine, now)).collect::<Vec<_>>();
                let all = [vec![text], more].concat();
                Forgery::Invocation(self.enveloped(&all))
            }
            _ => Forgery::Message(text),
        }
    }

    fn hostile(&mut self) -> String {
        let piece = *self.random.pick(HOSTILE);
        match self.random.below(8) {
            0 => format!("{MARK}{piece}").repeat(1 + self.random.index(200)),
            1 => format!("{piece}{MARK}"),
            _ => format!("{MARK}{piece}"),
        }
    }

    /// A genuine message, changed here and there.
    fn changed(&mut self, genuine: &[Value], now: Timestamp) -> String {
        let mut message = self.random.pick(genuine).clone();
        for _ in 0..=self.random.below(3) {
            self.change(&mut message, now);
        }
        let mut text = message.to_string();
        if self.random.happens(1_000) {
            text = self.doubled(&text);
        }
        text
    }

    fn change(&mut self, message: &mut Value, now: Timestamp) {
        let mut places = Vec::new();
        places_of(message, "", &mut places);
        if places.is_empty() {
            return;
        }
        let place = self.random.pick(&places).clone();
        let (above, name) = place.rsplit_once('/').unwrap();
        match self.random.below(6) {
            0 => {
                if let Some(Value::Object(members)) = message.pointer_mut(above) {
                    members.remove(name);
                }
            }
            1 => {
                if let Some(Value::Object(members)) = message.pointer_mut(above) {
                    let value = members.remove(name).unwrap_or_default();
                    let other = *self.random.pick(&[
                        "retrier",
                        "Records",
                        "sweep",
                        "detail",
                        "",
                        "STATE",
                        "__proto__",
                    ]);
                    members.insert(other.to_owned(), value);
                }
            }
            _ => {
                let value = self.value(now);
                *message.pointer_mut(&place).unwrap() = value;
            }
        }
    }

    fn value(&mut self, now: Timestamp) -> Value {
        match self.random.below(18) {
            0 => Value::Null,
            1 => json!(self.random.happens(5_000)),
            2 => json!(*self.random.pick(&[0.0, -0.0, -1.5, 1e308, 6.0, f64::MIN_POSITIVE])),
            3 => json!(*self.random.pick(&[0, 1, 2, u64::MAX, 1 << 53])),
            4 => json!([]),
            5 => json!({}),
            6 => json!([self.hostile(), 1, null]),
            7 => json!({ (self.hostile()): self.hostile() }),
            8 => json!(self.instant(now).to_string()),
            9 => json!(self.state()),
            10 => json!(self.random.pick(&["444455556666", "111122223333", "000000000000"])),
            11 => json!(self.random.pick(&["us-east-1", "cn-north-1", "eu-central-1", "eu-central-1-"])),
            12 => json!(format!("{MARK}-{}", self.random.below(50))),
            13 => json!("x".repeat(1 + self.random.index(3_000))),
            _ => Value::String(self.hostile()),
        }
    }

    fn state(&mut self) -> &'static str {
        let states: &[&'static str] =
            &["FAILED", "FAILED", "SUCCEEDED", "RESUMED", "STOPPED", "CANCELED", "STARTED", "Failed"];
        let state: &&'static str = self.random.pick(states);
        state
    }

    fn instant(&mut self, now: Timestamp) -> Timestamp {
        let seconds = *self.random.pick(&[0, 1, 30, 90, 600, 7_200, 1 << 20, 1 << 33]);
        let away = SignedDuration::from_secs(self.random.between(-seconds, seconds));
        now.saturating_add(away).unwrap()
    }

    /// A stage run that is there, or could be: of the known ones pipeline, execution and stage of one, or of any together.
    fn run(&mut self, known: &[Value]) -> StageRunId {
        let mut runs: Vec<StageRunId> = known.iter().filter_map(stage_run_of).collect();
        if runs.is_empty() {
            // No stage has begun yet.
            runs.push(StageRunId {
                pipeline: PipelineArn::parse("arn:aws:codepipeline:eu-central-1:111122223333:none").unwrap(),
                execution: ExecutionId::parse("none").unwrap(),
                stage: StageName::parse("Deploy").unwrap(),
            });
        }
        let mut run = self.random.pick(&runs).clone();
        if self.random.happens(6_000) {
            return run;
        }
        run.execution = self.random.pick(&runs).execution.clone();
        run.stage = self.random.pick(&runs).stage.clone();
        match self.random.below(12) {
            0 => run.pipeline.account = AccountId::parse("444455556666").unwrap(),
            1 => {
                let name = format!("{MARK}-{}", self.random.below(100));
                run.pipeline.name = PipelineName::parse(name).unwrap();
            }
            2 => {
                run.execution = ExecutionId::parse(format!("{MARK}-{}", self.random.below(100))).unwrap();
            }
            3 => run.pipeline.region = Region::parse("us-east-1").unwrap(),
            _ => {}
        }
        run
    }

    /// An event that is one in every respect, and says of a stage run what is not so.
    fn claimed(&mut self, genuine: &[Value], now: Timestamp) -> Value {
        let run = self.run(genuine);
        let mut detail = json!({
            "pipeline": run.pipeline.name.as_str(),
            "execution-id": run.execution.as_str(),
            "stage": run.stage.as_str(),
            "state": self.state(),
            "version": 1.0,
            "pipeline-execution-attempt": self.random.below(4),
        });
        if self.random.happens(5_000) {
            detail["stage-last-retry-attempt-time"] = json!(self.instant(now).to_string());
        }
        if self.random.happens(500) {
            detail["stage-last-retry-attempt-time"] = json!(self.hostile());
        }
        json!({
            "version": "0",
            "id": self.hostile(),
            "detail-type": "CodePipeline Stage Execution State Change",
            "source": "aws.codepipeline",
            "account": run.pipeline.account.as_str(),
            "time": self.instant(now).to_string(),
            "region": run.pipeline.region.as_str(),
            "resources": [run.pipeline.to_string()],
            "detail": detail,
        })
    }

    /// Wake-ups, ticks and reminders that nobody armed.
    fn own(&mut self, genuine: &[Value], now: Timestamp) -> String {
        match self.random.below(10) {
            0 => {
                let every = *self.random.pick(&[0, 1, 15, 10_080, 10_081, u64::from(u32::MAX), u64::MAX]);
                json!({ "retrier": 1, "sweep": { "every-minutes": every } }).to_string()
            }
            1 => {
                let round = *self.random.pick(&[0, 1, 2, 3, u64::MAX]);
                json!({ "retrier": 1, "sweep": { "round": round } }).to_string()
            }
            2 => json!({ "retrier": 1, "outbox": {} }).to_string(),
            3 => {
                let version = self.value(now);
                json!({ "retrier": version, "outbox": {}, "sweep": {}, "wake-up": {} }).to_string()
            }
            _ => {
                let sequence = match self.random.below(10) {
                    0 => u64::MAX,
                    1 => 0,
                    _ => self.random.below(9),
                };
                let due = self.instant(now);
                wake_up_body(&WakeUp { run: self.run(genuine), sequence }, due)
            }
        }
    }

    /// As Lambda hands records over from SQS, with anything about them changed.
    fn enveloped(&mut self, bodies: &[String]) -> String {
        let mut records = Vec::new();
        for body in bodies {
            let id = if self.random.happens(2_000) { self.hostile() } else { self.random.next().to_string() };
            let receives = if self.random.happens(2_000) { self.hostile() } else { "1".to_owned() };
            records.push(json!({
                "messageId": id,
                "body": body,
                "attributes": { "ApproximateReceiveCount": receives, "SentTimestamp": self.random.next().to_string() },
                "eventSource": "aws:sqs",
            }));
        }
        let mut batch = json!({ "Records": records });
        if self.random.happens(1_000) {
            self.change(&mut batch, Timestamp::UNIX_EPOCH);
        }
        batch.to_string()
    }

    /// The same text with a member twice.
    fn doubled(&mut self, text: &str) -> String {
        let member =
            *self.random.pick(&["\"state\":", "\"account\":", "\"stage\":", "\"detail\":", "\"source\":"]);
        let value = Value::String(self.hostile());
        let other = *self.random.pick(&["\"FAILED\"", "\"aws.codepipeline\"", "null", "{}"]);
        let value = if self.random.happens(5_000) { other.to_owned() } else { value.to_string() };
        text.replacen(member, &format!("{member}{value},{member}"), 1)
    }

    fn damaged(&mut self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..self.random.below(4) {
            let at = self.random.index(bytes.len().max(1));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << self.random.below(7);
            }
        }
        if self.random.happens(5_000) {
            bytes.truncate(self.random.index(bytes.len() + 1));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Much of anything.
    fn large(&mut self) -> String {
        let many = 1 + self.random.index(5_000);
        match self.random.below(6) {
            0 => "[".repeat(many),
            1 => format!("{}1{}", "{\"a\":".repeat(many), "}".repeat(many)),
            2 => format!("[{}1]", "1,".repeat(many)),
            3 => format!("{{\"detail\":{{{}\"a\":1}}}}", "\"a\":1e400,".repeat(many)),
            4 => json!({ "retrier": 1, "wake-up": { "sequence": "9".repeat(many) } }).to_string(),
            _ => {
                json!({ "source": "aws.codepipeline", "detail-type": self.hostile().repeat(20) }).to_string()
            }
        }
    }
}

fn places_of(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut inside = |name: String, child: &Value| {
        let place = format!("{at}/{name}");
        places_of(child, &place, found);
        found.push(place);
    };
    match value {
        Value::Object(members) => {
            let members: &Map<String, Value> = members;
            for (name, child) in members.iter().filter(|(name, _)| !name.contains(['/', '~'])) {
                inside(name.clone(), child);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, child)| inside(index.to_string(), child));
        }
        _ => {}
    }
}

/// Whose event that is, if it is one of a stage; messages that were forged before name what no parser takes.
fn stage_run_of(event: &Value) -> Option<StageRunId> {
    let text = |pointer: &str| event.pointer(pointer)?.as_str();
    Some(StageRunId {
        pipeline: PipelineArn::parse(text("/resources/0")?).ok()?,
        execution: ExecutionId::parse(text("/detail/execution-id")?).ok()?,
        stage: StageName::parse(text("/detail/stage")?).ok()?,
    })
}
