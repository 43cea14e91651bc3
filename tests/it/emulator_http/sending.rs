//! Events on their way out: to a file, a URL, and an EventBridge endpoint.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use codepipeline_retrier::emulator::http::{Destination, Server, Setup};
use codepipeline_retrier::emulator::world::SharedWorld;

use super::bench::{Bench, FAILS_ONCE, STARTS, shop};
use super::tools::{Emulator, wait_for};

/// A request as a receiver saw it.
struct Received {
    head: String,
    body: Value,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head)).split_once(':').unwrap().1.trim()
    }
}

/// A receiver that answers each request in turn with these, and goes on with the last one.
fn receiver(answers: Vec<(&'static str, &'static str)>) -> (String, Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        let mut answers = answers.into_iter().peekable();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).unwrap() == 0 {
                    break;
                }
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            stream.read_exact(&mut body).unwrap();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            if sender.send(Received { head, body }).is_err() {
                return;
            }
            let last = answers.peek().copied().unwrap();
            let (status, body) = if answers.len() > 1 { answers.next().unwrap() } else { last };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    });
    (address, received)
}

/// Sends what happens in a world until the server is dropped, and hears what is told.
fn sending(world: &SharedWorld, destination: &str) -> (Server, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let driven = world.clone();
    let setup = Setup {
        port: 0,
        driver: Box::new(move || {
            let mut world = driven.lock();
            let events = world.service.drain_events();
            (world.now(), events.into_iter().map(|(_, event)| event).collect())
        }),
        events: Some(destination.parse::<Destination>().unwrap()),
        tell: Arc::new(move |text: &str| telling.lock().unwrap().push(text.to_owned())),
    };
    (Server::start_with(world.clone(), setup).unwrap(), told)
}

fn next(received: &Receiver<Received>) -> Received {
    received.recv_timeout(Duration::from_mins(2)).unwrap()
}

/// A world in which `shop` has failed, and the events of it.
fn failed() -> (SharedWorld, Vec<Value>) {
    let world = Bench::new(&shop(FAILS_ONCE), "  []").world().clone();
    {
        let mut locked = world.lock();
        let now = locked.now();
        let name = codepipeline_retrier::domain::ids::PipelineName::parse("shop").unwrap();
        locked.service.start_pipeline_execution(now, &name).unwrap();
        locked.pass(jiff::SignedDuration::from_mins(1));
    }
    let events = world.lock().service.clone().drain_events();
    (world, events.into_iter().map(|(_, event)| event).collect())
}

#[test]
fn every_event_is_posted_to_a_url_in_order() {
    let (world, events) = failed();
    let (address, received) = receiver(vec![("200 OK", "")]);
    let (_server, told) = sending(&world, &format!("http://{address}/invoke?x=1"));
    for event in &events {
        let request = next(&received);
        assert_eq!(request.body, *event);
        assert!(request.head.starts_with("POST /invoke?x=1 HTTP/1.1\r\n"), "{}", request.head);
        assert_eq!(request.header("content-type"), "application/json");
    }
    let kinds: std::collections::BTreeSet<_> =
        events.iter().map(|event| event["detail-type"].to_string()).collect();
    assert_eq!(kinds.len(), 3, "pipeline, stage and action");
    assert_eq!(*told.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn an_event_is_sent_again_until_it_is_taken() {
    let (world, events) = failed();
    let (address, received) =
        receiver(vec![("503 Busy", ""), ("429 Slow", ""), ("500 No", ""), ("200 OK", "")]);
    let (_server, told) = sending(&world, &format!("http://{address}"));
    for _ in 0..4 {
        assert_eq!(next(&received).body, events[0]);
    }
    assert_eq!(next(&received).body, events[1]);
    assert_eq!(*told.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn an_event_that_nobody_takes_is_told_and_the_next_one_follows() {
    let (world, events) = failed();
    let (address, received) = receiver(vec![("404 No", ""), ("200 OK", "")]);
    let destination = format!("http://{address}/");
    let (_server, told) = sending(&world, &destination);
    assert_eq!(next(&received).body, events[0]);
    assert_eq!(next(&received).body, events[1]);
    let expected = format!(
        "`CodePipeline Pipeline Execution State Change` could not be sent to `{destination}`: the answer is 404 Not Found"
    );
    wait_for("the failure to be told", || (*told.lock().unwrap() == [expected.as_str()]).then_some(()));
}

#[test]
fn an_event_is_put_to_eventbridge() {
    let (world, events) = failed();
    let (address, received) =
        receiver(vec![("200 OK", r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#)]);
    let (_server, _) = sending(&world, &format!("eventbridge:http://{address}"));
    let request = next(&received);
    assert_eq!(request.header("x-amz-target"), "AWSEvents.PutEvents");
    assert_eq!(request.header("content-type"), "application/x-amz-json-1.1");
    let day = &events[0]["time"].as_str().unwrap()[..10].replace('-', "");
    let scope = format!("AWS4-HMAC-SHA256 Credential=111122223333/{day}/eu-central-1/events/aws4_request, ");
    assert!(request.header("authorization").starts_with(&scope));
    let entry = &request.body["Entries"][0];
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail, events[0]["detail"]);
    let time: jiff::Timestamp = events[0]["time"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        *entry,
        json!({
            "Source": "aws.codepipeline",
            "DetailType": "CodePipeline Pipeline Execution State Change",
            "Detail": entry["Detail"],
            "Resources": ["arn:aws:codepipeline:eu-central-1:111122223333:shop"],
            "Time": time.as_second(),
        })
    );
}

#[test]
fn an_entry_that_eventbridge_refuses_is_told() {
    let (world, _) = failed();
    let refusal = r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"NotAuthorizedForSourceException","ErrorMessage":"no"}]}"#;
    let (address, received) = receiver(vec![("200 OK", refusal)]);
    let (_server, told) = sending(&world, &format!("eventbridge:http://{address}"));
    next(&received);
    let said = wait_for("the refusal to be told", || told.lock().unwrap().first().cloned());
    assert!(said.ends_with("refused with NotAuthorizedForSourceException: no"), "{said}");
}

#[test]
fn events_that_are_still_unsent_at_the_end_are_told_of() {
    let (world, _) = failed();
    // It takes connections and never answers.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let (server, told) = sending(&world, &format!("http://{}", deaf.local_addr().unwrap()));
    drop(server);
    assert_eq!(*told.lock().unwrap(), ["stopped before all events were sent"]);
}

#[test]
fn what_is_on_its_way_when_the_server_stops_still_arrives() {
    let (world, events) = failed();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("events-at-the-end.jsonl");
    let _ = fs::remove_file(&file);
    let (server, _) = sending(&world, &format!("file:{}", file.display()));
    drop(server);
    assert_eq!(lines(&file), events);
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_command_writes_every_event_as_a_line() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("events-of-the-command.jsonl");
    let _ = fs::remove_file(&file);
    let _emulator = Emulator::start(&["--events-to", &format!("file:{}", file.display())]);
    let is_failure = |event: &Value| {
        event["detail-type"] == "CodePipeline Stage Execution State Change"
            && event["detail"]["pipeline"] == "MyFirstPipeline"
            && event["detail"]["state"] == "FAILED"
    };
    wait_for("the failure of the first pipeline", || lines(&file).iter().any(is_failure).then_some(()));
}

#[test]
fn a_destination_is_checked_before_anything_is_served() {
    let mut said = String::new();
    for bad in [
        "https://example.com/events",
        "eventbridge:https://events.eu-central-1.amazonaws.com",
        "eventbridge:127.0.0.1:4566",
        "events.jsonl",
        "file:",
        "http://",
        "ftp://example.com",
        "file:no/such/folder/events.jsonl",
    ] {
        let output =
            crate::command::retrier(&["emulator", "--port", "0", "--events-to", bad]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{bad}");
        assert!(output.stdout.is_empty());
        said += &String::from_utf8(output.stderr).unwrap();
    }
    insta::assert_snapshot!(said);
}

/// The scenario's plan for the delivery of events holds for those that are sent, too.
#[test]
fn planned_deliveries_are_kept() {
    let text = format!(
        "scenario: 1\nabout: a lost event\npolicy: |\n  version: 1\n  rules: [{{ name: all, match: {{ pipeline: '*' }} }}]\n\
         pipelines:\n{}\ntimeline:\n{STARTS}\ndeliveries: [{{ event: 1, copies: 0 }}]\n",
        shop("[{ fail: { after: 0s } }]").replace("10s", "0s")
    );
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (scenario, file) = (folder.join("lost-event.yaml"), folder.join("lost-event.jsonl"));
    let _ = fs::remove_file(&file);
    fs::write(&scenario, text).unwrap();
    let to = format!("file:{}", file.display());
    let _emulator = Emulator::start(&["--scenario", scenario.to_str().unwrap(), "--events-to", &to]);
    let failed = |kind: &str| {
        let kind = format!("CodePipeline {kind} Execution State Change");
        lines(&file)
            .iter()
            .any(|event| event["detail-type"] == kind.as_str() && event["detail"]["state"] == "FAILED")
    };
    wait_for("the pipeline's failure", || failed("Pipeline").then_some(()));
    assert!(!failed("Stage"), "the first event that the rule matches is lost");
}
