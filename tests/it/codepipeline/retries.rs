//! `RetryStageExecution`: one request, whatever comes of it, and what is made of what comes.

use std::net::TcpListener;

use serde_json::{Value, json};

use codepipeline_retrier::domain::pipeline::{ExecutionMode, Refusal, RetryReply};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::ports::Pipelines;

use super::stub::{Reply, Request, Stub};
use super::{Rig, execution_id, stage_run};

fn accepted() -> Value {
    json!({"pipelineExecutionId": execution_id(1).as_str()})
}

fn retry(rig: &Rig) -> RetryReply {
    rig.run(rig.pipelines.retry_stage(&stage_run(), RetryMode::FailedActions))
}

/// What is made of the reply, after exactly one request.
fn made_of(reply: Reply) -> RetryReply {
    let stub = Stub::always(reply);
    let made = retry(&Rig::at(&stub.url));
    assert_eq!(stub.operations(), ["RetryStageExecution"]);
    made
}

#[test]
fn a_retry_names_stage_execution_and_mode() {
    let stub = Stub::always(Reply::ok(&accepted()));
    let rig = Rig::at(&stub.url);
    for (mode, name) in [(RetryMode::FailedActions, "FAILED_ACTIONS"), (RetryMode::AllActions, "ALL_ACTIONS")]
    {
        stub.forget();
        assert_eq!(rig.run(rig.pipelines.retry_stage(&stage_run(), mode)), RetryReply::Accepted);
        let bodies: Vec<_> = stub.requests().into_iter().map(|request| request.body).collect();
        let expected = json!({
            "pipelineName": "shop", "stageName": "Test", "pipelineExecutionId": execution_id(1).as_str(),
            "retryMode": name,
        });
        assert_eq!(bodies, [expected]);
    }
}

#[test]
fn every_exception_that_codepipeline_declares_has_its_value() {
    for refusal in [
        Refusal::NotRetryable,
        Refusal::NotLatestExecution,
        Refusal::PipelineNotFound,
        Refusal::StageNotFound,
        Refusal::Invalid,
        Refusal::AccessDenied,
        Refusal::Conflict,
        Refusal::Throttled,
        Refusal::ConcurrencyLimit,
    ] {
        let code = refusal.as_str();
        let named = |headers, body: Value| Reply::Answer { status: 400, headers, body: body.to_string() };
        for spelling in [
            named(vec![], json!({"__type": code, "message": "no"})),
            named(vec![], json!({"__type": format!("com.amazonaws.codepipeline#{code}"), "Message": "no"})),
            named(vec![], json!({"code": code})),
            named(vec![("x-amzn-ErrorType", code.to_owned())], json!({})),
            named(vec![("x-amzn-ErrorType", format!("{code}:http://internal.amazon.com/"))], json!({})),
        ] {
            assert_eq!(made_of(spelling.clone()), RetryReply::Refused(refusal), "{spelling:?}");
        }
    }
}

#[test]
fn every_spelling_of_throttling_is_one_and_is_not_tried_again() {
    for code in [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "SlowDown",
    ] {
        for status in [400, 429, 503] {
            let made = made_of(Reply::error(status, code));
            assert_eq!(made, RetryReply::Refused(Refusal::Throttled), "{status} {code}");
        }
    }
}

#[test]
fn who_may_not_is_told_from_who_is_not_known() {
    for code in ["AccessDenied", "AccessDeniedException", "NotAuthorized"] {
        assert_eq!(made_of(Reply::error(400, code)), RetryReply::Refused(Refusal::AccessDenied), "{code}");
    }
    for code in ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"] {
        assert_eq!(made_of(Reply::error(400, code)), RetryReply::NotSent, "{code}");
    }
}

#[test]
fn what_does_not_say_whether_it_happened_is_unknown_and_is_not_sent_again() {
    let answer = |status, body: &str| Reply::Answer { status, headers: Vec::new(), body: body.to_owned() };
    for reply in [
        Reply::error(500, "InternalFailure"),
        Reply::error(503, "ServiceUnavailable"),
        Reply::error(400, "SomethingNewException"),
        answer(502, "<html><body>Bad Gateway</body></html>"),
        answer(400, ""),
        answer(403, "not JSON"),
        answer(200, "not JSON"),
        answer(200, ""),
        answer(200, "{}"),
        answer(200, &json!({"pipelineExecutionId": execution_id(2).as_str()}).to_string()),
        Reply::Close,
        Reply::Bytes("no HTTP at all\r\n\r\n".to_owned()),
        Reply::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"pipelineExec".to_owned()),
    ] {
        assert_eq!(made_of(reply.clone()), RetryReply::Unknown, "{reply:?}");
    }
}

/// It takes the five seconds that a retry is waited for.
#[test]
fn an_answer_that_does_not_come_is_unknown_and_is_asked_for_once() {
    assert_eq!(made_of(Reply::Silence), RetryReply::Unknown);
}

/// The first request of this kind on each connection is answered; a later one is read, and then the connection closes.
fn closing_after(kept: &'static str) -> impl Fn(&Request) -> Reply {
    move |request| match request.operation.as_str() {
        operation if operation == kept => Reply::ok(&super::state(3)),
        _ => Reply::Close,
    }
}

#[test]
fn a_request_that_was_read_on_a_kept_connection_is_not_sent_again() {
    let stub = Stub::start(closing_after("GetPipelineState"));
    let rig = Rig::at(&stub.url);
    for _ in 0..20 {
        stub.forget();
        rig.run(rig.pipelines.observe_stage(&stage_run(), ExecutionMode::Superseded));
        assert_eq!(retry(&rig), RetryReply::Unknown);
        let requests = stub.requests();
        assert_eq!(stub.operations(), ["GetPipelineState", "RetryStageExecution"]);
        assert_eq!(
            requests[0].connection, requests[1].connection,
            "the retry went out on the kept connection"
        );
    }
}

/// The service closes a connection that has been kept, just when it is used again.
#[test]
fn a_kept_connection_that_has_been_closed_is_left_without_a_second_request() {
    let stub = Stub::start(|request| match request.operation.as_str() {
        "GetPipelineState" => {
            let body = super::state(3).to_string();
            let length = body.len();
            Reply::Bytes(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"))
        }
        _ => Reply::ok(&accepted()),
    });
    let rig = Rig::at(&stub.url);
    for _ in 0..50 {
        stub.forget();
        let made = rig.run(async {
            rig.pipelines.observe_stage(&stage_run(), ExecutionMode::Superseded).await;
            rig.pipelines.retry_stage(&stage_run(), RetryMode::FailedActions).await
        });
        let retries = stub.operations().iter().filter(|name| *name == "RetryStageExecution").count();
        match made {
            RetryReply::Accepted => assert_eq!(retries, 1),
            RetryReply::Unknown => assert!(retries <= 1),
            other => panic!("{other:?} after {retries} requests"),
        }
    }
}

#[test]
fn what_never_left_is_known_not_to_have_happened() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(retry(&Rig::at(&format!("http://{free}"))), RetryReply::NotSent, "nobody listens");
    assert_eq!(retry(&Rig::at("http://no-such-host.invalid")), RetryReply::NotSent, "no such name");
    let plain = Stub::always(Reply::ok(&accepted()));
    let encrypted = plain.url.replace("http://", "https://");
    assert_eq!(retry(&Rig::at(&encrypted)), RetryReply::NotSent, "no TLS is spoken there");
    assert!(plain.requests().is_empty());
}
