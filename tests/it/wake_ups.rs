//! What is made of what SQS and EventBridge Scheduler answer when a wake-up is armed, and how often they are asked.

use std::net::TcpListener;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use codepipeline_retrier::aws::wake_ups::{Route, SdkSchedules};
use codepipeline_retrier::domain::protocol::Fault;
use codepipeline_retrier::domain::trigger::WakeUp;
use codepipeline_retrier::event::wake_up_body;
use codepipeline_retrier::ports::Schedules;

use crate::arbitrary::at;
use crate::codepipeline::stub::{Reply, Stub};
use crate::ministack::clients_at;

const SOON: i64 = 15 * 60;
const LATER: i64 = SOON + 1;

fn wake_up() -> WakeUp {
    WakeUp { run: crate::arbitrary::run(), sequence: 3 }
}

fn arm(url: &str, after: SignedDuration) -> Result<(), Fault> {
    let route = Route {
        queue_url: format!("{url}/111122223333/retrier"),
        queue_arn: "arn:aws:sqs:eu-central-1:111122223333:retrier".to_owned(),
        dead_letter_queue_arn: None,
        schedule_group: "retrier".to_owned(),
        scheduler_role_arn: "arn:aws:iam::111122223333:role/scheduler".to_owned(),
    };
    let clock: fn() -> Timestamp = || at(0);
    let schedules = SdkSchedules::new(Arc::clone(&clients_at(url)), route, clock);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(schedules.arm(&wake_up(), at(0) + after))
}

/// What is made of a reply, and the number of requests that it took.
fn made_of(reply: Reply, seconds: i64) -> (Result<(), Fault>, usize) {
    let stub = Stub::always(reply);
    let made = arm(&stub.url, SignedDuration::from_secs(seconds));
    (made, stub.requests().len())
}

#[test]
fn what_is_due_within_a_quarter_of_an_hour_is_a_message_and_the_rest_a_schedule() {
    for (milliseconds, delay) in [
        (-5_000, Some(0)),
        (0, Some(0)),
        (1, Some(1)),
        (899_500, Some(900)),
        (900_000, Some(900)),
        (900_001, None),
    ] {
        let md5 = "00000000000000000000000000000000";
        let stub =
            Stub::always(Reply::ok(&json!({"MessageId": "m", "MD5OfMessageBody": md5, "ScheduleArn": "s"})));
        let _ = arm(&stub.url, SignedDuration::from_millis(milliseconds));
        let request = stub.requests().remove(0);
        if let Some(delay) = delay {
            assert_eq!(request.operation, "SendMessage");
            assert_eq!(request.body["DelaySeconds"].as_i64().unwrap_or_default(), delay);
            let due = at(0) + SignedDuration::from_millis(milliseconds.max(0));
            assert_eq!(request.body["MessageBody"], wake_up_body(&wake_up(), due));
            assert_eq!(request.body["QueueUrl"], format!("{}/111122223333/retrier", stub.url));
        } else {
            assert_eq!(request.body["ScheduleExpression"], "at(2026-11-18T11:21:41)");
            assert_eq!(request.body["Target"]["Input"], wake_up_body(&wake_up(), at(LATER)));
            assert!(request.body["Target"].get("DeadLetterConfig").is_none());
        }
    }
}

#[test]
fn a_schedule_that_is_there_already_is_armed() {
    assert_eq!(made_of(Reply::error(409, "ConflictException"), LATER), (Ok(()), 1));
    assert_eq!(
        made_of(Reply::error(409, "ConflictException"), SOON).0,
        Err(Fault::NotDone),
        "no such answer of a queue"
    );
}

#[test]
fn an_answer_that_may_have_come_too_late_is_tried_again_and_then_unknown() {
    for seconds in [SOON, LATER] {
        for reply in [Reply::error(500, "InternalServerException"), Reply::Close] {
            assert_eq!(made_of(reply.clone(), seconds), (Err(Fault::Unknown), 3), "{reply:?}");
        }
    }
}

#[test]
fn a_refusal_means_that_it_is_not_armed() {
    for seconds in [SOON, LATER] {
        for (reply, requests) in [
            (Reply::error(429, "ThrottlingException"), 3),
            (Reply::error(403, "AccessDeniedException"), 1),
            (Reply::error(400, "ValidationException"), 1),
            (Reply::error(404, "ResourceNotFoundException"), 1),
        ] {
            assert_eq!(made_of(reply.clone(), seconds), (Err(Fault::NotDone), requests), "{reply:?}");
        }
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let made = arm(&format!("http://{nobody}"), SignedDuration::from_secs(seconds));
        assert_eq!(made, Err(Fault::NotDone));
    }
}
