//! What is made of what SNS and EventBridge answer when something is told, how often they are asked, and how much at once.

use codepipeline_retrier::aws::messenger::{Addressees, SdkMessenger};
use codepipeline_retrier::domain::protocol::Fault;
use codepipeline_retrier::ports::{MOST_ANNOUNCED, Messenger};
use serde_json::{Value, json};

use crate::codepipeline::stub::{Reply, Request, Stub};
use crate::contract::messenger::{decision, gathered};
use crate::ministack::clients_at;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn messenger(url: &str) -> SdkMessenger {
    let addressees = Addressees {
        topic_arn: Some("arn:aws:sns:eu-central-1:111122223333:retrier".to_owned()),
        event_bus: Some("decisions".to_owned()),
        queue_url: format!("{url}/111122223333/retrier"),
    };
    SdkMessenger::new(clients_at(url), addressees)
}

fn publish(url: &str) -> Result<(), Fault> {
    runtime().block_on(messenger(url).publish(&gathered(1)))
}

fn announce(url: &str, documents: &[String]) -> Result<Vec<bool>, Fault> {
    let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
    runtime().block_on(messenger(url).announce(&documents))
}

fn entries(request: &Request) -> &Vec<Value> {
    request.body["Entries"].as_array().unwrap()
}

fn size(entry: &Value) -> usize {
    ["Source", "DetailType", "Detail"].iter().map(|name| entry[name].as_str().unwrap().len()).sum()
}

/// EventBridge as its limits are documented: 10 entries, and 256 KB of all of them.
fn event_bridge() -> Stub {
    Stub::start(|request| {
        let entries = entries(request);
        if entries.len() > 10 || entries.iter().map(size).sum::<usize>() > 256_000 {
            return Reply::error(400, "ValidationException");
        }
        let taken: Vec<Value> = entries.iter().map(|_| json!({ "EventId": "e" })).collect();
        Reply::ok(&json!({ "FailedEntryCount": 0, "Entries": taken }))
    })
}

fn answers(entries: &Value) -> Reply {
    Reply::ok(&json!({ "FailedEntryCount": 1, "Entries": entries }))
}

#[test]
fn no_more_is_announced_in_a_request_than_it_takes() {
    for (number, bytes, requests) in
        [(1, 10, 1), (10, 10, 1), (10, 25_000, 1), (10, 26_000, 2), (10, 120_000, 5)]
    {
        let stub = event_bridge();
        let documents: Vec<String> = (0..number).map(|number| decision(number, bytes)).collect();
        assert_eq!(announce(&stub.url, &documents), Ok(vec![true; number]), "{number} of {bytes}");
        let asked = stub.requests();
        assert_eq!(asked.len(), requests, "{number} of {bytes}");
        let sent = asked.iter().flat_map(entries).map(|entry| entry["Detail"].as_str().unwrap());
        assert_eq!(sent.collect::<Vec<_>>(), documents);
    }
    assert_eq!(MOST_ANNOUNCED, 10);
}

#[test]
fn more_than_a_request_takes_is_announced_in_several() {
    let stub = event_bridge();
    let documents: Vec<String> = (0..23).map(|number| decision(number, 10)).collect();
    assert_eq!(announce(&stub.url, &documents), Ok(vec![true; 23]));
    assert_eq!(stub.requests().iter().map(|request| entries(request).len()).collect::<Vec<_>>(), [10, 10, 3]);
}

/// It is given up in the end; until then it harms nobody.
#[test]
fn what_is_too_large_keeps_back_nothing_else() {
    let stub = event_bridge();
    let documents: Vec<String> =
        [10, 300_000, 10, 300_000].into_iter().enumerate().map(|(n, bytes)| decision(n, bytes)).collect();
    assert_eq!(announce(&stub.url, &documents), Ok(vec![true, false, true, false]));
    assert_eq!(announce(&stub.url, &documents[1..2]), Err(Fault::NotDone));
}

#[test]
fn what_was_not_taken_is_known_one_by_one() {
    let documents: Vec<String> = (0..3).map(|number| decision(number, 10)).collect();
    let failed = json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "no" });
    let taken = json!({ "EventId": "e" });
    for (answer, expected) in [
        (json!([taken, failed, taken]), [true, false, true]),
        (json!([failed, failed, taken]), [false, false, true]),
        (json!([failed, failed, failed]), [false; 3]),
        // Of what an answer does not speak, nothing is known.
        (json!([taken, taken]), [true, true, false]),
        (json!([taken, {}, taken]), [true, false, true]),
        (json!([]), [false; 3]),
        (json!([taken, taken, taken, taken]), [true; 3]),
    ] {
        let stub = Stub::always(answers(&answer));
        assert_eq!(announce(&stub.url, &documents), Ok(expected.to_vec()), "{answer}");
        assert_eq!(stub.requests().len(), 1, "what was taken must not be sent again: {answer}");
    }
}

#[test]
fn one_request_of_several_may_fail_alone() {
    let large: Vec<String> = (0..3).map(|number| decision(number, 200_000)).collect();
    let stub = Stub::start(|request| {
        let is_second = entries(request)[0]["Detail"].as_str().unwrap().contains("\"d-1\"");
        if is_second { Reply::Close } else { answers(&json!([{ "EventId": "e" }])) }
    });
    assert_eq!(announce(&stub.url, &large), Ok(vec![true, false, true]));
    assert_eq!(stub.requests().len(), 3, "one of unknown outcome is not repeated");
}

fn refusal(status: u16, code: &str) -> Reply {
    let body = format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    );
    Reply::Answer { status, headers: Vec::new(), body }
}

/// Neither service knows a request again, so one that may have been done is left to whoever says that it is a copy.
#[test]
fn what_may_have_been_done_is_not_done_again() {
    for (topics, buses, expected, requests) in [
        (refusal(500, "InternalError"), Reply::error(500, "InternalException"), Fault::Unknown, 1),
        (Reply::Close, Reply::Close, Fault::Unknown, 1),
        (refusal(400, "Throttling"), Reply::error(400, "ThrottlingException"), Fault::NotDone, 3),
        (refusal(403, "AuthorizationError"), Reply::error(400, "AccessDeniedException"), Fault::NotDone, 1),
        (refusal(404, "NotFound"), Reply::error(400, "ResourceNotFoundException"), Fault::NotDone, 1),
        (refusal(400, "InvalidParameter"), Reply::error(400, "ValidationException"), Fault::NotDone, 1),
    ] {
        let case = format!("{topics:?}");
        let stub = Stub::always(topics);
        assert_eq!((publish(&stub.url), stub.requests().len()), (Err(expected), requests), "{case}");
        let case = format!("{buses:?}");
        let stub = Stub::always(buses);
        let announced = announce(&stub.url, &[decision(1, 10)]);
        assert_eq!((announced, stub.requests().len()), (Err(expected), requests), "{case}");
    }
}

#[test]
fn a_message_has_a_rendering_for_each_kind_of_subscription() {
    let body = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>m</MessageId>\
                </PublishResult></PublishResponse>";
    let stub = Stub::always(Reply::Answer { status: 200, headers: Vec::new(), body: body.to_owned() });
    assert_eq!(publish(&stub.url), Ok(()));
    let request = stub.requests().remove(0);
    assert_eq!(request.operation, "Publish");
    assert_eq!(request.body["MessageStructure"], "json");
    assert_eq!(request.body["TopicArn"], "arn:aws:sns:eu-central-1:111122223333:retrier");
    let subject = request.body["Subject"].as_str().unwrap();
    assert!(!subject.is_empty() && subject.len() < 100 && subject.is_ascii(), "{subject}");
    let renderings: Value = serde_json::from_str(request.body["Message"].as_str().unwrap()).unwrap();
    let names: Vec<&String> = renderings.as_object().unwrap().keys().collect();
    assert_eq!(names, ["default", "email", "https"]);
    assert!(renderings["email"].as_str().unwrap().contains("given up"), "{renderings}");
    for name in ["default", "https"] {
        let rendering: Value = serde_json::from_str(renderings[name].as_str().unwrap()).unwrap();
        assert!(rendering.is_object(), "{name}");
    }
}
