//! The deployed product as a company uses it: teams and programs are told, freezes hold, also those of later stages, a pause
//! stops everything, and a stage is rolled back once the deployment allows that.

use std::cell::RefCell;
use std::collections::BTreeSet;

use aws_sdk_codepipeline::types::PipelineExecutionStatus;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::process::Folder;
use super::product::Product;
use crate::lambda::now;
use crate::later::SharedClock;

/// How long the freeze still holds when the test begins: longer than a queue can delay a message.
const FROZEN: SignedDuration = SignedDuration::from_mins(20);

fn policy() -> String {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let clock = |at: Timestamp| at.to_zoned(berlin.clone()).strftime("%H:%M").to_string();
    let (from, to) = (clock(now() - SignedDuration::from_hours(1)), clock(now() + FROZEN));
    format!(
        "\
version: 1
freezes:
  release: {{ from: \"{from}\", to: \"{to}\", timezone: Europe/Berlin }}
defaults:
  backoff: {{ initial: 1s, max: 1s, jitter: none }}
rules:
  - name: production
    match: {{ stage: Production }}
    freezes: [release]
  - name: frozen
    match: {{ pipeline: frozen }}
    freezes: [release]
  - name: rolled-back
    match: {{ pipeline: rolls }}
    on-give-up: rollback
  - name: everything
    match: {{ pipeline: '*' }}
"
    )
}

/// Queues at which a team and a program listen.
struct Ears<'a> {
    product: &'a Product,
    team: String,
    program: String,
    /// What the team and the program have heard.
    heard: RefCell<(Vec<Value>, Vec<Value>)>,
}

impl<'a> Ears<'a> {
    fn open(product: &'a Product) -> Self {
        let aws = |call: &[&str]| product.deployment.aws(call);
        let queue = |name: &str| {
            let url =
                aws(&["sqs", "create-queue", "--queue-name", name])["QueueUrl"].as_str().unwrap().to_owned();
            let policy = json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn_of(name),
            }]});
            let attributes = json!({ "Policy": policy.to_string() }).to_string();
            aws(&["sqs", "set-queue-attributes", "--queue-url", &url, "--attributes", &attributes]);
            url
        };
        let (team, program) = (queue("team"), queue("program"));
        let (_, outputs) = product.deployment.stack();
        let topic = outputs["NotificationTopicArn"].as_str();
        aws(&[
            "sns",
            "subscribe",
            "--topic-arn",
            topic,
            "--protocol",
            "sqs",
            "--notification-endpoint",
            &arn_of("team"),
        ]);
        let pattern = json!({ "source": ["codepipeline-retrier"] }).to_string();
        aws(&["events", "put-rule", "--name", "decisions", "--event-pattern", &pattern]);
        let target = format!("Id=program,Arn={}", arn_of("program"));
        aws(&["events", "put-targets", "--rule", "decisions", "--targets", &target]);
        Self { product, team, program, heard: RefCell::default() }
    }

    fn listen(&self) {
        let mut heard = self.heard.borrow_mut();
        heard.0.extend(self.taken(&self.team).iter().map(|envelope| {
            let message = envelope["Message"].as_str().expect("SNS wraps what it sends to a queue");
            serde_json::from_str::<Value>(message).unwrap()
        }));
        let events = self.taken(&self.program);
        heard.1.extend(events);
    }

    /// Takes what lies in a queue.
    fn taken(&self, url: &str) -> Vec<Value> {
        let clients = self.product.deployment.clients();
        let sqs = clients.sqs();
        self.product.runtime.block_on(async {
            let answer =
                sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
            let mut bodies = Vec::new();
            for message in answer.messages() {
                bodies.push(serde_json::from_str(message.body().unwrap()).unwrap());
                let delete = sqs.delete_message().queue_url(url);
                delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
            }
            bodies
        })
    }

    /// What the team was told so far: each message's occasion and pipeline.
    fn told(&self) -> BTreeSet<(String, String)> {
        self.listen();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.heard.borrow().0.iter().map(|it| (text(&it["occasion"]), text(&it["pipeline"]))).collect()
    }

    /// The first message about a pipeline.
    fn told_of(&self, pipeline: &str) -> Value {
        let heard = self.heard.borrow();
        heard.0.iter().find(|message| message["pipeline"] == pipeline).cloned().unwrap_or_default()
    }

    /// Whether some message says this.
    fn has_been_told_of(&self, what: &str) -> bool {
        self.listen();
        self.heard.borrow().0.iter().any(|message| message.to_string().contains(what))
    }

    /// The names of the decisions that were announced.
    fn announced(&self) -> BTreeSet<String> {
        self.listen();
        let heard = self.heard.borrow();
        for event in &heard.1 {
            assert_eq!(event["detail-type"], "CodePipeline Retrier Decision");
        }
        heard.1.iter().map(|event| event["detail"]["decision-id"].as_str().unwrap().to_owned()).collect()
    }
}

fn arn_of(queue: &str) -> String {
    format!("arn:aws:sqs:eu-central-1:000000000000:{queue}")
}

/// The last decision about a pipeline, with its steps.
fn last_decision(product: &Product, pipeline: &str) -> Value {
    product
        .decisions(pipeline)
        .last()
        .map_or(Value::Null, |kept| serde_json::from_str(&kept.document).unwrap())
}

fn step(decision: &Value, name: &str) -> String {
    let steps = decision["explanation"].as_array().into_iter().flatten();
    let found = steps.rev().find(|step| step["step"] == name);
    found.map_or_else(String::new, |step| step["detail"].as_str().unwrap().to_owned())
}

#[test]
fn teams_are_told_freezes_hold_a_pause_stops_all_and_a_stage_is_rolled_back() {
    let folder = Folder::new("company-day");
    let clock = SharedClock::new(folder.path());
    let product = Product::deployed(&policy(), &clock.environment());
    let ears = Ears::open(&product);
    let succeeded = |pipeline: &str| product.status(pipeline) == PipelineExecutionStatus::Succeeded;
    let has = |pipeline: &str, ruling: &str| product.rulings(pipeline).iter().any(|it| it == ruling);

    // One recovers, one is given up, and one is retried and still runs: of that one nobody hears.
    for pipeline in ["flaky", "compile", "slow", "rolls", "frozen", "ahead"] {
        product.start(pipeline);
    }
    product.wait_for("a flaky stage is retried", "flaky", || succeeded("flaky"));
    product.wait_for("a broken one is given up", "compile", || has("compile", "give-up/not-retryable"));
    product.wait_for("a slow one runs again", "slow", || product.runs("slow", "Stack") == 2);
    let expected =
        [("give-up", "compile"), ("recovered", "flaky")].map(|(it, of)| (it.to_owned(), of.to_owned()));
    product.wait_for("the team is told", "flaky", || ears.told().len() >= 2);
    assert_eq!(ears.told(), expected.into());
    let build = ears.told_of("compile")["build-urls"]["Compile"].as_str().unwrap_or_default().to_owned();
    assert!(build.contains("/codesuite/codebuild/000000000000/projects/"), "{build}");
    let of_flaky: BTreeSet<String> = product.decisions("flaky").into_iter().map(|kept| kept.id).collect();
    product.wait_for("programs are told", "flaky", || of_flaky.is_subset(&ears.announced()));

    // What is frozen waits for the end, and so does what would run on into a frozen stage.
    for pipeline in ["frozen", "ahead"] {
        product.wait_for("it waits for the end of the freeze", pipeline, || has(pipeline, "wait/frozen"));
    }
    let ahead = step(&last_decision(&product, "ahead"), "freeze");
    assert!(ahead.contains("`Production`"), "{ahead}");
    assert_eq!((product.runs("frozen", "Stack"), product.runs("ahead", "Unit")), (1, 1));

    // A pause stops all at once, also what was to come by itself.
    product.operator(&["pause", "--reason", "incident"]);
    clock.put_ahead((FROZEN + SignedDuration::from_mins(3)).as_secs());
    for pipeline in ["frozen", "ahead"] {
        product.wait_for("it is stopped by the pause", pipeline, || has(pipeline, "wait/paused"));
    }
    assert_eq!((product.runs("frozen", "Stack"), product.runs("ahead", "Unit")), (1, 1));
    assert!(product.operator(&["status"]).starts_with("paused"), "{}", product.operator(&["status"]));
    product.operator(&["resume"]);
    for pipeline in ["frozen", "ahead"] {
        product.wait_for("it is retried after freeze and pause", pipeline, || succeeded(pipeline));
    }

    // A rule may ask for a rollback in vain.
    assert!(succeeded("rolls"), "there is something to go back to");
    product.start("rolls");
    product.wait_for("it is given up", "rolls", || has("rolls", "give-up/not-retryable"));
    let refused = last_decision(&product, "rolls");
    assert!(step(&refused, "rollback").contains("does not allow"), "{refused}");
    assert_eq!((&refused["rollback"], product.executions("rolls")), (&Value::Null, 2));
    product.deployment.deploy(&[("AllowRollback", "true")]);
    product.start("rolls");
    product.wait_for("it is rolled back", "rolls", || product.executions("rolls") == 4 && succeeded("rolls"));
    let done = last_decision(&product, "rolls");
    assert_eq!((&done["reason"], &done["rollback"]["state"]), (&json!("not-retryable"), &json!("started")));

    // More than two messages in ten minutes are gathered, and come.
    clock.put_ahead((FROZEN + SignedDuration::from_mins(60)).as_secs());
    product.wait_for("the rest is told together", "rolls", || ears.has_been_told_of("rolls"));
    assert!(!ears.has_been_told_of("\"slow\""), "a retry that is under way is nobody's business");
    let explained = product.operator(&["history", "ahead", "--explain"]);
    assert!(explained.contains("wait/frozen") && explained.contains("Production"), "{explained}");
}
