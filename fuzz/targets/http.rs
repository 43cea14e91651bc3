//! Whatever is sent to the emulated CodePipeline, every request has its reply, and the world goes on.
//!
//! An input is a few requests to one world, a line each: an operation, a space, and the body. In a body, `@0` to `@9` stand
//! for the identifiers that the world has given: of executions, and of what waits for an approval.
#![no_main]

mod slowest;

use std::sync::LazyLock;

use codepipeline_retrier::emulator::http::{Call, Reply, Service};
use codepipeline_retrier::emulator::world::{SharedWorld, World};
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::scenario::Scenario;
use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Most requests of one input.
const REQUESTS: usize = 12;

/// A world with pipelines of several kinds, in which something runs and something has failed.
static FLEET: LazyLock<World> = LazyLock::new(|| {
    let scenario = Scenario::read("fleet", include_str!("../fleet.yaml")).unwrap();
    let mut player = Player::new(&scenario).unwrap();
    player.play(|_| {});
    player.world().lock().clone()
});

/// Every identifier that the fleet's own answers hold.
static GIVEN: LazyLock<Vec<String>> = LazyLock::new(|| {
    let service = Service::new(SharedWorld::new(FLEET.clone()));
    let mut given = Vec::new();
    for pipeline in ["web", "shop", "docs"] {
        for (operation, member) in [("ListPipelineExecutions", "pipelineName"), ("GetPipelineState", "name")]
        {
            let body = format!("{{\"{member}\":\"{pipeline}\"}}");
            let call = Call {
                operation,
                body: body.as_bytes(),
                caller: "fuzz",
                region: None,
                now: Timestamp::UNIX_EPOCH,
            };
            let Reply::Document(document) = service.call(call) else { panic!("{operation} is not answered") };
            collect(&document, &mut given);
        }
    }
    assert!(given.len() >= 5, "{given:?}");
    given
});

fn collect(value: &Value, given: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, given)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(id) if name == "pipelineExecutionId" || name == "token" => {
                        if !given.contains(id) {
                            given.push(id.clone());
                        }
                    }
                    _ => collect(value, given),
                }
            }
        }
        _ => {}
    }
}

/// The body with the world's identifiers in it.
fn filled_in(body: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(body.len());
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        let number = bytes.as_slice().first().filter(|_| *byte == b'@').map(|digit| digit.wrapping_sub(b'0'));
        match number.and_then(|number| GIVEN.get(usize::from(number))) {
            Some(id) => {
                filled.extend(id.bytes());
                bytes.next();
            }
            None => filled.push(*byte),
        }
    }
    filled
}

fuzz_target!(|bytes: &[u8]| {
    slowest::timed(bytes.len(), || {
        let world = SharedWorld::new(FLEET.clone());
        let service = Service::new(world.clone());
        for line in bytes.split(|byte| *byte == b'\n').take(REQUESTS) {
            let (operation, body) = match line.iter().position(|byte| *byte == b' ') {
                Some(at) => (&line[..at], &line[at + 1..]),
                None => (line, &b""[..]),
            };
            let operation = String::from_utf8_lossy(operation);
            let now = world.now() + SignedDuration::from_secs(20);
            match service.call(Call {
                operation: &operation,
                body: &filled_in(body),
                caller: "fuzz",
                region: None,
                now,
            }) {
                Reply::Document(document) => assert!(document.is_object()),
                Reply::Refused(error) => assert!((400..600).contains(&error.status)),
                Reply::Lost => panic!("nothing is planned to get lost"),
            }
        }
    });
});
