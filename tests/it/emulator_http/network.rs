//! The face on the wire: headers, connections, and clients that behave badly.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::emulator::http::Server;
use codepipeline_retrier::emulator::world::SharedWorld;

use super::bench::{Bench, FAILS_ONCE, shop};

/// Longest time that a test waits for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

fn served() -> (Server, SharedWorld) {
    let world = Bench::new(&shop(FAILS_ONCE), "  []").world().clone();
    let clock = world.clone();
    (Server::start(world.clone(), move || clock.now()).unwrap(), world)
}

fn connect(server: &Server) -> TcpStream {
    let endpoint = server.endpoint();
    let stream = TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn request(operation: &str, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Target: CodePipeline_20150709.{operation}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    fn document(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// One answer; none where the connection ends instead.
fn answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let mut answer = Answer { head: String::from_utf8(head).unwrap(), body: Vec::new() };
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    answer.body = vec![0; length];
    stream.read_exact(&mut answer.body).unwrap();
    Some(answer)
}

fn exchange(stream: &mut TcpStream, text: &str) -> Option<Answer> {
    stream.write_all(text.as_bytes()).unwrap();
    answer(stream)
}

#[test]
fn answers_have_the_headers_that_clients_read() {
    let (server, _) = served();
    let mut stream = connect(&server);
    let good = exchange(&mut stream, &request("GetPipelineState", r#"{"name":"shop"}"#)).unwrap();
    assert_eq!(good.status(), "200");
    assert_eq!(good.header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(good.header("x-amzn-errortype"), None);
    assert_eq!(good.header("x-amzn-requestid").unwrap().len(), 36);
    assert_eq!(good.document()["pipelineName"], "shop");

    let bad = exchange(&mut stream, &request("GetPipelineState", r#"{"name":"none"}"#)).unwrap();
    assert_eq!(bad.status(), "400");
    assert_eq!(bad.header("x-amzn-errortype"), Some("PipelineNotFoundException"));
    assert_ne!(bad.header("x-amzn-requestid"), good.header("x-amzn-requestid"));
    let expected =
        json!({ "__type": "PipelineNotFoundException", "message": "Pipeline 'none' does not exist" });
    assert_eq!(bad.document(), expected);
}

#[test]
fn a_target_of_another_service_is_no_operation() {
    let (server, _) = served();
    let text = request("GetPipelineState", "{}").replace("CodePipeline_20150709", "AmazonSQS");
    let answer = exchange(&mut connect(&server), &text).unwrap();
    assert_eq!(answer.document()["__type"], "UnknownOperationException");
}

#[test]
fn who_looks_by_hand_is_greeted() {
    let (server, _) = served();
    let answer = exchange(&mut connect(&server), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(answer.status(), "200");
    assert!(String::from_utf8(answer.body).unwrap().contains("an emulated CodePipeline with 1 pipelines"));
}

#[test]
fn a_body_is_at_most_a_mebibyte() {
    let (server, _) = served();
    let padded = |size: usize| {
        let body = r#"{"name":"shop"}"#;
        format!("{}{body}", " ".repeat(size - body.len()))
    };
    let fits = request("GetPipelineState", &padded(1024 * 1024));
    assert_eq!(exchange(&mut connect(&server), &fits).unwrap().status(), "200");
    let mut stream = connect(&server);
    let large = request("GetPipelineState", &padded(1024 * 1024 + 1));
    // The answer may come before all of the body is sent.
    let _ = stream.write_all(large.as_bytes());
    assert_eq!(answer(&mut stream).unwrap().status(), "413");
}

#[test]
fn a_lost_reply_closes_the_connection_after_the_effect() {
    let (server, world) = served();
    world.lock().faults.plan(Operation::Observe, 1, Fault::ReplyLost);
    let state = request("GetPipelineState", r#"{"name":"shop"}"#);
    assert!(exchange(&mut connect(&server), &state).is_none());
    assert_eq!(exchange(&mut connect(&server), &state).unwrap().status(), "200");
}

#[test]
fn a_slow_client_keeps_nobody_waiting() {
    let (server, _) = served();
    let state = request("GetPipelineState", r#"{"name":"shop"}"#);
    let mut slow: Vec<TcpStream> = (0..20).map(|_| connect(&server)).collect();
    for (index, stream) in slow.iter_mut().enumerate() {
        stream.write_all(&state.as_bytes()[..index * 8]).unwrap();
    }
    assert_eq!(exchange(&mut connect(&server), &state).unwrap().status(), "200");
    for (index, stream) in slow.iter_mut().enumerate() {
        stream.write_all(&state.as_bytes()[index * 8..]).unwrap();
        assert_eq!(answer(stream).unwrap().status(), "200");
    }
}

#[test]
fn many_clients_at_once_are_all_answered() {
    let (server, _) = served();
    let start = request("StartPipelineExecution", r#"{"name":"shop"}"#);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut stream = connect(&server);
                for _ in 0..10 {
                    assert_eq!(exchange(&mut stream, &start).unwrap().status(), "200");
                }
            });
        }
    });
    let listed = request("ListPipelineExecutions", r#"{"pipelineName":"shop","maxResults":100}"#);
    let page = exchange(&mut connect(&server), &listed).unwrap().document();
    assert_eq!(page["pipelineExecutionSummaries"].as_array().unwrap().len(), 100);
    assert!(page["nextToken"].is_string());
}

#[test]
fn a_server_that_is_dropped_is_gone() {
    let (server, _) = served();
    let mut open = connect(&server);
    let endpoint = server.endpoint();
    drop(server);
    assert!(TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).is_err());
    let _ = open.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer(&mut open).is_none());
}

#[test]
fn nonsense_is_answered_or_ended_and_never_harms() {
    let (server, _) = served();
    for nonsense in
        ["\r\n\r\n", "HELO\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "\u{0}\u{1}\u{2}"]
    {
        let mut stream = connect(&server);
        let _ = stream.write_all(nonsense.as_bytes());
    }
    let state = request("GetPipelineState", r#"{"name":"shop"}"#);
    assert_eq!(exchange(&mut connect(&server), &state).unwrap().status(), "200");
}
