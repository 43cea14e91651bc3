//! The function as it is invoked: what it returns, and what it keeps of messages that it cannot understand.

use codepipeline_retrier::domain::ids::PipelineName;
use codepipeline_retrier::domain::trigger::{Delivery, WakeUp};
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::event::{Invocation, Message, read, wake_up_body};
use codepipeline_retrier::function::{Handled, NotHandled, Response};
use codepipeline_retrier::replay::player::{deployed_function, run};
use codepipeline_retrier::replay::scenario::Scenario;
use codepipeline_retrier::replay::script::Script;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A world whose pipeline `web` has just failed, with the event of that.
pub fn failed() -> (SharedWorld, Value) {
    let scenario = Scenario::read("failed", include_str!("../crash/plain-retry.yaml")).unwrap();
    let mut script = Script::new(&scenario).unwrap();
    loop {
        let next = script.next_due().unwrap();
        script.go_to(next, &mut |_| {});
        let mut world = script.world().lock();
        let later = next.saturating_add(SignedDuration::from_secs(5)).unwrap();
        if let Some(message) = world.queue.receive(later) {
            let event = serde_json::from_str(&message.body).unwrap();
            drop(world);
            return (script.world().clone(), event);
        }
    }
}

fn invoke(world: &SharedWorld, text: &str) -> Response {
    let function = deployed_function(world);
    let clock = || world.now();
    run(function.invoke(text, "invocation", Timestamp::MAX, &clock), world).unwrap()
}

#[test]
fn an_event_handed_over_directly_is_answered_with_its_decision() {
    let (world, event) = failed();
    let document = invoke(&world, &event.to_string()).body.unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["pipeline"], event["detail"]["pipeline"]);
    assert_eq!((&document["verdict"], &document["final"]), (&json!("retry"), &json!(true)));
    assert_eq!(world.lock().service.retry_calls().len(), 1);
}

#[test]
fn what_could_not_be_done_is_an_error_to_whoever_handed_it_over() {
    let (world, event) = failed();
    let lasting = SignedDuration::from_mins(1);
    let outage = Act::Outage { operation: Operation::LedgerRead, fault: Fault::NotDone, lasting };
    world.lock().act(&outage).unwrap();
    assert_eq!(invoke(&world, &event.to_string()).body, Err(NotHandled("ledger-unavailable")));
}

#[test]
fn a_batch_names_only_what_must_come_again() {
    let (world, event) = failed();
    let lasting = SignedDuration::from_mins(1);
    let outage = Act::Outage { operation: Operation::LedgerRead, fault: Fault::NotDone, lasting };
    world.lock().act(&outage).unwrap();
    let record = |id: &str, body: &str| json!({ "messageId": id, "body": body, "eventSource": "aws:sqs" });
    let batch = json!({ "Records": [
        record("malformed", "{"), record("event", &event.to_string()), record("foreign", r#"{"source":"aws.s3"}"#),
    ]});
    let response = invoke(&world, &batch.to_string());
    assert_eq!(response.body, Ok(json!({ "batchItemFailures": [{ "itemIdentifier": "event" }] })));
}

#[test]
fn a_malformed_message_is_noted_once_and_without_its_text() {
    let (world, _) = failed();
    for _ in 0..2 {
        let response = invoke(&world, r#"{"source":"aws.codepipeline","token":"hunter2""#);
        assert!(response.body.is_ok());
        assert!(matches!(response.handled.as_slice(), [Handled::Malformed(_)]));
    }
    let world = world.lock();
    let notes: Vec<_> = world.ledger.quarantined().collect();
    assert_eq!(notes.len(), 1);
    assert!(!format!("{notes:?}").contains("hunter2"));
}

#[test]
fn a_malformed_message_that_cannot_be_noted_comes_again() {
    let (world, _) = failed();
    world.lock().faults.plan(Operation::Quarantine, 1, Fault::NotDone);
    assert_eq!(invoke(&world, "nonsense").body, Err(NotHandled("ledger-unavailable")));
}

#[test]
fn a_message_that_was_sent_long_after_its_event_is_not_taken_for_the_first() {
    let (_, event) = failed();
    let happened = event["time"].as_str().unwrap().parse::<Timestamp>().unwrap();
    for (minutes, expected) in [(1, Delivery::First), (20, Delivery::Again)] {
        let sent = happened.saturating_add(SignedDuration::from_mins(minutes)).unwrap();
        let batch = json!({ "Records": [{
            "messageId": "m", "body": event.to_string(), "eventSource": "aws:sqs",
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": sent.as_millisecond().to_string() },
        }]});
        let Invocation::Batch(records) = read(&batch.to_string()) else { panic!("a batch") };
        assert_eq!(records[0].delivery, expected, "{minutes} minutes");
    }
}

#[test]
fn a_wake_up_that_was_sent_long_after_it_was_due_is_not_taken_for_the_first() {
    let (world, _) = failed();
    let due = world.now();
    let run = crate::arbitrary::run();
    let body = wake_up_body(&WakeUp { run, sequence: 1 }, due);
    let unknown = body.replace("due", "do");
    for (body, minutes, expected) in [
        // The queue delays what is sent before its time; a schedule sends it at its time.
        (&body, -15, Delivery::First),
        (&body, 1, Delivery::First),
        (&body, 20, Delivery::Again),
        (&unknown, 1, Delivery::Again),
    ] {
        let sent = due.saturating_add(SignedDuration::from_mins(minutes)).unwrap();
        let batch = json!({ "Records": [{
            "messageId": "m", "body": body, "eventSource": "aws:sqs",
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": sent.as_millisecond().to_string() },
        }]});
        let Invocation::Batch(records) = read(&batch.to_string()) else { panic!("a batch") };
        assert!(matches!(records[0].message, Message::Trigger(_)), "{body}");
        assert_eq!(records[0].delivery, expected, "{body}, {minutes} minutes");
    }
}

#[test]
fn copies_of_an_event_that_showed_no_failure_cost_nothing_more() {
    let (world, event) = failed();
    let pipeline = PipelineName::parse(event["detail"]["pipeline"].as_str().unwrap()).unwrap();
    world.lock().act(&Act::Delete { pipeline }).unwrap();
    for _ in 0..100 {
        invoke(&world, &event.to_string()).body.unwrap();
    }
    let world = world.lock();
    assert_eq!((world.faults.count(Operation::Observe), world.ledger.decisions().len()), (1, 1));
}

#[test]
fn malformed_messages_are_noted_while_there_is_time() {
    let (world, _) = failed();
    let records: Vec<Value> = (0..8)
        .map(|number| json!({ "messageId": number.to_string(), "body": format!("{{ {number}") }))
        .collect();
    let batch = json!({ "Records": records }).to_string();
    let function = deployed_function(&world);
    let later = |seconds| world.now().saturating_add(SignedDuration::from_secs(seconds)).unwrap();
    let noted = || world.lock().ledger.quarantined().count();
    // Each note takes a second.
    let clock = || {
        let seconds = noted();
        later(i64::try_from(seconds).unwrap())
    };
    let response = run(function.invoke(&batch, "invocation", later(9), &clock), &world).unwrap();
    let failed = response.body.unwrap()["batchItemFailures"].clone();
    assert_eq!(
        failed,
        json!([{ "itemIdentifier": "5" }, { "itemIdentifier": "6" }, { "itemIdentifier": "7" }])
    );
    assert_eq!(noted(), 5);
}

/// Handles the event with so many seconds left, the last look at the stage taking some of them.
fn invoke_with(world: &SharedWorld, event: &Value, seconds: i64, look: i64) -> Response {
    let function = deployed_function(world);
    let text = event.to_string();
    let later = |seconds| world.now().saturating_add(SignedDuration::from_secs(seconds)).unwrap();
    let clock = || later(if world.lock().faults.count(Operation::Fence) == 0 { 0 } else { look });
    run(function.invoke(&text, "invocation", later(seconds), &clock), world).unwrap()
}

#[test]
fn what_cannot_be_brought_to_its_end_is_not_begun() {
    for (seconds, reads, observations) in [(0, 0, 0), (9, 0, 0), (10, 1, 1), (14, 1, 1)] {
        let (world, event) = failed();
        let response = invoke_with(&world, &event, seconds, 0);
        assert_eq!(response.body, Err(NotHandled("out-of-time")), "{seconds}");
        let world = world.lock();
        let counts = [Operation::LedgerRead, Operation::Observe, Operation::LedgerCommit]
            .map(|operation| world.faults.count(operation));
        assert_eq!(counts, [reads, observations, 0], "{seconds}");
    }
}

#[test]
fn a_call_that_could_not_be_settled_is_not_made_and_the_claim_is_given_back() {
    for (look, reason) in [(12, "eligible"), (13, "throttled")] {
        let (world, event) = failed();
        let document = invoke_with(&world, &event, 20, look).body.unwrap();
        assert_eq!(document["reason"], reason, "{look}");
        let world = world.lock();
        let is_called = usize::from(reason == "eligible");
        assert_eq!(world.service.retry_calls().len(), is_called, "{look}");
        let tokens =
            world.ledger.buckets().filter(|(_, bucket)| bucket.full_at > Some(world.now().as_millisecond()));
        assert_eq!(tokens.count() > 0, reason == "eligible", "{look}");
    }
}

#[test]
fn a_claim_whose_call_could_not_be_made_any_more_is_not_taken_over() {
    for (seconds, is_taken_over) in [(14, false), (15, true)] {
        let (world, event) = failed();
        world.lock().faults.plan(Operation::Retry, 1, Fault::LostUnsent);
        assert_eq!(invoke(&world, &event.to_string()).body.unwrap()["reason"], "claim-open");
        // Lease and settle window are over.
        world.lock().pass(SignedDuration::from_mins(12));
        let commits = world.lock().faults.count(Operation::LedgerCommit);
        let body = invoke_with(&world, &event, seconds, 0).body;
        assert_eq!(body.is_ok(), is_taken_over, "{seconds}: {body:?}");
        let world = world.lock();
        assert_eq!(world.faults.count(Operation::LedgerCommit) > commits, is_taken_over, "{seconds}");
        assert_eq!(world.service.retry_calls().len(), usize::from(is_taken_over), "{seconds}");
    }
}
