//! The messengers' suite on SNS, EventBridge and SQS, as `MiniStack` has them, and what subscribers of every kind are shown
//! there. It sends no mail and calls no chat, so those renderings are taken from what a subscription of another kind is given;
//! it holds nobody to a size of events, nor a topic to its policy: what a service refuses is in `messenger.rs` beside
//! this folder.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::types::{Message as Received, QueueAttributeName};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use codepipeline_retrier::aws::clients::Clients;
use codepipeline_retrier::aws::messenger::{Addressees, DETAIL_TYPE, SOURCE, SdkMessenger};
use codepipeline_retrier::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageName, StageRunId};
use codepipeline_retrier::domain::notice::Occasion;
use codepipeline_retrier::domain::protocol::Fault;
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::ports::{Bulletin, EntryId, Messenger};

use super::messenger::{Heard, Outside, decision, gathered};
use super::outbox::notice;
use super::wake_ups::set;
use crate::arbitrary::{at, run as shop};
use crate::ministack::{MiniStack, REGION};

/// A server with a topic, a bus, and queues that hear them. The queues' clock is set, and is a little ahead of the real one by
/// which the topic and the bus go, so that whatever these deliver has come.
struct OnMiniStack {
    runtime: Runtime,
    messenger: SdkMessenger,
    clients: Arc<Clients>,
    topic_arn: String,
    teams: String,
    programs: String,
    own: String,
    now: Mutex<Timestamp>,
    clock: u16,
    _server: MiniStack,
}

const ACCOUNT: &str = "000000000000";

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

fn new() -> OnMiniStack {
    let clock = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let server = MiniStack::start(&["--clock-port", &clock.to_string()], &[]);
    let clients = server.clients();
    let now = soon();
    set(clock, now);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (topic_arn, [teams, programs, own]) = runtime.block_on(async {
        let topic = clients.sns().create_topic().name("retrier").send().await.unwrap().topic_arn.unwrap();
        clients.eventbridge().create_event_bus().name("decisions").send().await.unwrap();
        let pattern = json!({ "source": [SOURCE], "detail-type": [DETAIL_TYPE], "account": [ACCOUNT] });
        let rule = clients.eventbridge().put_rule().name("all").event_bus_name("decisions");
        rule.event_pattern(pattern.to_string()).send().await.unwrap();
        let target = aws_sdk_eventbridge::types::Target::builder().id("programs").arn(queue_arn("programs"));
        let targets = clients.eventbridge().put_targets().rule("all").event_bus_name("decisions");
        targets.targets(target.build().unwrap()).send().await.unwrap();
        let mut queues = Vec::new();
        for name in ["teams", "programs", "own"] {
            queues.push(queue(&clients, name).await);
        }
        (topic, <[String; 3]>::try_from(queues).unwrap())
    });
    let addressees = Addressees {
        topic_arn: Some(topic_arn.clone()),
        event_bus: Some("decisions".to_owned()),
        queue_url: own.clone(),
    };
    let messenger = SdkMessenger::new(Arc::clone(&clients), addressees);
    let now = Mutex::new(now);
    let port = OnMiniStack {
        runtime,
        messenger,
        clients,
        topic_arn,
        teams,
        programs,
        own,
        now,
        clock,
        _server: server,
    };
    port.runtime.block_on(port.subscribe("teams", &[("RawMessageDelivery", "true".to_owned())]));
    port
}

fn run(clause: impl Future<Output = ()>, port: &OnMiniStack) {
    port.runtime.block_on(clause);
}

#[expect(clippy::disallowed_methods, reason = "the server lives in real time")]
fn soon() -> Timestamp {
    after(Timestamp::now(), SignedDuration::from_hours(1))
}

/// A queue that the topic and the bus may write to.
async fn queue(clients: &Clients, name: &str) -> String {
    let services = json!({ "Service": ["sns.amazonaws.com", "events.amazonaws.com"] });
    let statement = json!({ "Effect": "Allow", "Principal": services, "Action": "sqs:SendMessage", "Resource": queue_arn(name) });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let create = clients.sqs().create_queue().queue_name(name).attributes(QueueAttributeName::Policy, policy);
    create.send().await.unwrap().queue_url.unwrap()
}

impl OnMiniStack {
    /// A queue hears the topic.
    async fn subscribe(&self, name: &str, attributes: &[(&str, String)]) {
        let subscribe = self.clients.sns().subscribe().topic_arn(&self.topic_arn);
        let subscribe = subscribe.protocol("sqs").endpoint(queue_arn(name));
        let subscribe = (attributes.iter())
            .fold(subscribe, |subscribe, (name, value)| subscribe.attributes(*name, value.as_str()));
        subscribe.send().await.unwrap();
    }

    /// Everything that is in a queue.
    async fn received(&self, url: &str) -> Vec<Received> {
        let mut all = Vec::new();
        loop {
            let receive = self.clients.sqs().receive_message().queue_url(url).max_number_of_messages(10);
            let some = receive.message_attribute_names("All").send().await.unwrap().messages;
            let some = some.unwrap_or_default();
            if some.is_empty() {
                return all;
            }
            for message in &some {
                let delete = self.clients.sqs().delete_message().queue_url(url);
                delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
            }
            all.extend(some);
        }
    }

    async fn publish_one(&self, run: &StageRunId, occasion: Occasion, repeated: bool) {
        let notice = Box::new(notice(run, occasion, at(0)));
        let bulletin = Bulletin::Single { id: EntryId("n-1".to_owned()), notice, repeated };
        assert_eq!(self.messenger.publish(&bulletin).await, Ok(()));
    }
}

impl Messenger for OnMiniStack {
    async fn publish(&self, bulletin: &Bulletin) -> Result<(), Fault> {
        self.messenger.publish(bulletin).await
    }

    async fn announce(&self, documents: &[&str]) -> Result<Vec<bool>, Fault> {
        self.messenger.announce(documents).await
    }

    async fn remind(&self, delay: SignedDuration) -> Result<(), Fault> {
        self.messenger.remind(delay).await
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn named(notice: &Value) -> (StageRunId, Occasion) {
    let text = |name: &str| notice[name].as_str().unwrap().to_owned();
    let pipeline = PipelineArn { name: PipelineName::parse(text("pipeline")).unwrap(), ..shop().pipeline };
    assert_eq!(
        (text("account"), text("region")),
        (pipeline.account.to_string(), pipeline.region.to_string())
    );
    let run = StageRunId {
        pipeline,
        execution: ExecutionId::parse(text("execution-id")).unwrap(),
        stage: StageName::parse(text("stage")).unwrap(),
    };
    (run, Occasion::parse(&text("occasion")).unwrap())
}

/// A message as it is delivered raw.
fn heard(message: &Received) -> Heard {
    let body = parsed(message.body().unwrap());
    let named = match body["notices"].as_array() {
        Some(notices) => notices.iter().map(named).collect(),
        None => vec![named(&body)],
    };
    Heard {
        id: body["notice-id"].as_str().unwrap().to_owned(),
        repeated: attribute(message, "repeated").as_deref() == Some("true"),
        named,
        omitted: usize::try_from(body["omitted"].as_u64().unwrap_or_default()).unwrap(),
    }
}

fn attribute(message: &Received, name: &str) -> Option<String> {
    message.message_attributes()?.get(name)?.string_value().map(str::to_owned)
}

impl Outside for OnMiniStack {
    async fn teams(&self) -> Vec<Heard> {
        self.received(&self.teams).await.iter().map(heard).collect()
    }

    async fn programs(&self) -> Vec<String> {
        let received = self.received(&self.programs).await;
        let details = received.into_iter().map(|message| {
            let event = parsed(message.body().unwrap());
            assert_eq!(
                (event["source"].as_str(), event["detail-type"].as_str()),
                (Some(SOURCE), Some(DETAIL_TYPE))
            );
            event["detail"].to_string()
        });
        details.collect()
    }

    async fn own_queue(&self, duration: SignedDuration) -> Vec<String> {
        let now = {
            let mut now = self.now.lock().unwrap();
            *now = after(*now, duration);
            *now
        };
        set(self.clock, now);
        let received = self.received(&self.own).await;
        received.into_iter().map(|message| message.body.unwrap()).collect()
    }
}

mod messenger {
    crate::contract::messenger::suite!(super::run, super::new);
}

#[test]
fn every_kind_of_subscription_is_shown_its_own_rendering() {
    let port = new();
    port.runtime.block_on(async {
        let url = queue(&port.clients, "envelopes").await;
        port.subscribe("envelopes", &[]).await;
        port.publish_one(&shop(), Occasion::GiveUp, true).await;
        let received = port.received(&url).await;
        let [envelope] = received.as_slice() else { panic!("not one: {received:?}") };
        assert_eq!(envelope.message_attributes(), None, "they are within the envelope");
        let envelope = parsed(envelope.body().unwrap());
        assert_eq!(envelope["Type"], "Notification");
        assert_eq!(envelope["Subject"], "[given up] shop / Test");
        assert_eq!(envelope["MessageAttributes"]["pipeline"], json!({ "Type": "String", "Value": "shop" }));
        assert_eq!(envelope["MessageAttributes"]["repeated"], json!({ "Type": "String", "Value": "true" }));
        // What a program is shown is the same with and without the envelope.
        let inner = envelope["Message"].as_str().unwrap();
        let raw = port.received(&port.teams).await.remove(0);
        assert_eq!(raw.body(), Some(inner));
        assert_eq!(parsed(inner)["notice-id"], "n-1");
        assert_eq!(parsed(inner)["reason"], "not-retryable");
    });
}

#[test]
fn attributes_say_what_a_filter_may_ask() {
    let port = new();
    port.runtime.block_on(async {
        port.publish_one(&shop(), Occasion::GiveUp, false).await;
        let message = port.received(&port.teams).await.remove(0);
        for (name, value) in [
            ("occasion", Some("give-up")),
            ("account", Some("111122223333")),
            ("region", Some("eu-central-1")),
            ("pipeline", Some("shop")),
            ("stage", Some("Test")),
            ("rule", Some("all")),
            ("reason", Some("not-retryable")),
            ("repeated", None),
        ] {
            assert_eq!(attribute(&message, name).as_deref(), value, "{name}");
        }
        assert_eq!(port.messenger.publish(&gathered(2)).await, Ok(()));
        let digest = port.received(&port.teams).await.remove(0);
        assert_eq!(digest.message_attributes().unwrap().len(), 1);
        assert_eq!(attribute(&digest, "occasion").as_deref(), Some("digest"));
    });
}

#[test]
fn a_team_hears_of_its_own_pipelines_alone() {
    let port = new();
    port.runtime.block_on(async {
        let url = queue(&port.clients, "web").await;
        let policy = json!({ "pipeline": [{ "prefix": "web-" }], "occasion": ["give-up"] });
        port.subscribe("web", &[("FilterPolicy", policy.to_string())]).await;
        for (name, occasion) in
            [("web-shop", Occasion::GiveUp), ("web-shop", Occasion::Retry), ("shop", Occasion::GiveUp)]
        {
            let pipeline = PipelineArn { name: PipelineName::parse(name).unwrap(), ..shop().pipeline };
            port.publish_one(&StageRunId { pipeline, ..shop() }, occasion, false).await;
        }
        assert_eq!(port.messenger.publish(&gathered(2)).await, Ok(()));
        let received = port.received(&url).await;
        let [only] = received.as_slice() else { panic!("not one: {received:?}") };
        let message = parsed(parsed(only.body().unwrap())["Message"].as_str().unwrap());
        assert_eq!((&message["pipeline"], &message["occasion"]), (&json!("web-shop"), &json!("give-up")));
        assert_eq!(port.received(&port.teams).await.len(), 4, "who asks for nothing hears all");
    });
}

/// The largest that there can be: SNS takes it, with every explanation cut and as many named as there is room for.
#[test]
fn a_message_is_never_too_large() {
    use codepipeline_retrier::domain::class::Class;
    use codepipeline_retrier::domain::ids::ActionName;
    let port = new();
    let mut largest = notice(&shop(), Occasion::GiveUp, at(0));
    largest.run.stage = StageName::parse("s".repeat(100)).unwrap();
    largest.run.pipeline.name = PipelineName::parse("p".repeat(100)).unwrap();
    // Each of them is four bytes in a rendering, and six with its backslash in the body.
    largest.detail = "\u{1}\"\\\u{1f600}".repeat(20_000);
    let action = |number| ActionName::parse(format!("{number:a>100}")).unwrap();
    largest.classes = (0..100).map(|number| (action(number), Class::MissingResource)).collect();
    port.runtime.block_on(async {
        let id = EntryId("n".repeat(400));
        let single = Bulletin::Single { id: id.clone(), notice: Box::new(largest.clone()), repeated: true };
        assert_eq!(port.messenger.publish(&single).await, Ok(()));
        let body = parsed(port.received(&port.teams).await.remove(0).body().unwrap());
        assert!(body["detail"].as_str().unwrap().ends_with('\u{2026}'), "it says that there is more");
        assert_eq!(body["classes"].as_object().unwrap().len(), 100);
        let all = vec![(id, largest); 30];
        assert_eq!(port.messenger.publish(&Bulletin::Digest { notices: all }).await, Ok(()));
        let heard = heard(&port.received(&port.teams).await[0]);
        assert_eq!(heard.named.len() + heard.omitted, 30);
        assert!((1..20).contains(&heard.named.len()), "{} are named", heard.named.len());
    });
}

#[test]
fn what_is_not_there_is_told_of_nothing() {
    let port = new();
    port.runtime.block_on(async {
        let nowhere = Addressees {
            topic_arn: Some(format!("{}-gone", port.topic_arn)),
            event_bus: None,
            queue_url: format!("{}-gone", port.own),
        };
        let messenger = SdkMessenger::new(Arc::clone(&port.clients), nowhere);
        assert_eq!(messenger.publish(&gathered(1)).await, Err(Fault::NotDone));
        assert_eq!(messenger.announce(&[&decision(1, 1)]).await, Err(Fault::NotDone), "no bus is set");
        assert_eq!(messenger.remind(SignedDuration::ZERO).await, Err(Fault::NotDone));
        assert_eq!(port.teams().await, []);
        // A rule that asks for something else is not disturbed.
        let other = json!({ "source": ["somebody"] }).to_string();
        let rule = port.clients.eventbridge().put_rule().name("all").event_bus_name("decisions");
        rule.event_pattern(other).send().await.unwrap();
        assert_eq!(port.announce(&[&decision(1, 1)]).await, Ok(vec![true]));
        assert_eq!(port.programs().await, Vec::<String>::new());
    });
}
