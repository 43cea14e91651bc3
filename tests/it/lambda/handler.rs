//! What an invocation returns and logs, on the world in memory.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::function::NotHandled;
use codepipeline_retrier::lambda::{Failure, Handler};
use codepipeline_retrier::metrics::NAMESPACE;
use codepipeline_retrier::policy_file::load;
use codepipeline_retrier::replay::player::{deployed_function, run};
use codepipeline_retrier::telemetry::{Log, LogLevel};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::function::failed;

/// A log that can be read.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One invocation, with what it logged.
fn handle(
    world: &SharedWorld,
    level: LogLevel,
    payload: &Value,
    seconds_left: i64,
) -> (Result<Value, Failure>, Vec<Value>) {
    let written = Written::default();
    let handler = Handler {
        function: deployed_function(world),
        log: Arc::new(Log::new(level, written.clone())),
        clock: soon,
    };
    let mut context = Context::default();
    context.request_id = "request".into();
    context.deadline = u64::try_from(soon().as_millisecond() + seconds_left * 1_000).unwrap();
    let payload = RawValue::from_string(payload.to_string()).unwrap();
    let answer = run(handler.handle(LambdaEvent::new(payload, context)), world).unwrap();
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    (answer, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Some seconds after the failure of the fixture.
fn soon() -> Timestamp {
    failed().0.now()
}

#[test]
fn a_decision_is_returned_and_logged_as_the_same_document() {
    let (world, event) = failed();
    let (answer, log) = handle(&world, LogLevel::Info, &event, 30);
    let (metrics, lines): (Vec<Value>, Vec<Value>) =
        log.into_iter().partition(|line| line.get("_aws").is_some());
    let [line] = lines.as_slice() else { panic!("one line: {lines:?}") };
    assert_eq!(line["decision"], answer.unwrap());
    assert_eq!((&line["message"], &line["level"]), (&json!("decision"), &json!("INFO")));
    assert_eq!(line["requestId"], "request");
    assert!(metrics.iter().any(|metric| metric["Retries"] == 1), "{metrics:?}");
}

#[test]
fn what_is_not_handled_is_logged_and_is_an_error_of_a_fixed_type() {
    let (world, event) = failed();
    let records = json!({ "Records": [{ "messageId": "m", "eventSource": "aws:sqs", "body": "{" }] });
    let (answer, log) = handle(&world, LogLevel::Warn, &records, 30);
    assert_eq!(answer, Ok(json!({ "batchItemFailures": [] })));
    assert_eq!(log[0]["message"], "malformed");
    let (answer, log) = handle(&world, LogLevel::Warn, &event, 5);
    assert_eq!(answer, Err(Failure::NotHandled(NotHandled("out-of-time"))));
    assert_eq!((&log[0]["message"], &log[0]["reason"]), (&json!("not-handled"), &json!("out-of-time")));
}

/// By the metric somebody is called, whatever is logged.
#[test]
fn a_broken_policy_is_an_error_and_a_metric_and_none_of_its_text_is_told() {
    let (world, event) = failed();
    let text = "version: 1\nrules:\n  - { name: all, match: { pipeline: \"*\" }, retry-on: [hunter2] }\n";
    let version = PolicyVersion("1f3a".into());
    let push = Act::PushPolicy { version, text: text.into() };
    world.lock().act(&push).unwrap();
    let (answer, log) = handle(&world, LogLevel::Error, &event, 30);
    assert_eq!(answer.unwrap()["verdict"], "retry", "by the packaged policy");
    let [error, metrics @ ..] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!((&error["message"], &error["level"]), (&json!("policy-invalid"), &json!("ERROR")));
    assert_eq!((&error["number"], &error["policy-version"]), (&json!(1), &json!("1f3a")));
    assert_eq!(error["problem"], "the text does not compile");
    let [finding] = error["findings"].as_array().unwrap().as_slice() else { panic!("{error}") };
    assert_eq!((&finding["code"], &finding["line"]), (&json!("unknown-class"), &json!(3)));
    assert_eq!(error["instead"]["number"], Value::Null);
    let metric = metrics.iter().find(|metric| metric.get("PolicyInvalid").is_some()).unwrap();
    assert_eq!((&metric["PolicyInvalid"], &metric["level"]), (&json!(1), &Value::Null));
    let is_told = |directive: &&Value| directive["Metrics"].to_string().contains("PolicyInvalid");
    let directives = metric["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    let directive = directives.iter().find(is_told).unwrap();
    assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!(NAMESPACE), &json!([[]])));
    assert_eq!(metric["_aws"]["Timestamp"], soon().as_millisecond());
}

#[test]
fn a_process_says_by_which_policy_it_works_and_when_a_deployment_has_taken_over() {
    let (world, event) = failed();
    let text = "version: 1\nrules:\n  - { name: pushed, match: { pipeline: \"*\" } }\n";
    let policy = load("policy", text).policy.unwrap();
    let push = Act::PushPolicy { version: policy.version.clone(), text: text.into() };
    world.lock().act(&push).unwrap();
    let told = |log: &[Value]| {
        let line = &log[0];
        (
            line["message"].clone(),
            line["level"].clone(),
            line["number"].clone(),
            line["policy-version"].clone(),
        )
    };
    let (_, log) = handle(&world, LogLevel::Info, &event, 30);
    let version = json!(policy.version.0);
    assert_eq!(told(&log), (json!("policy-pushed"), json!("INFO"), json!(1), version));

    let other = load("policy", &text.replace("pushed", "deployed")).policy.unwrap();
    world.lock().act(&Act::Deploy { policy: Some(Box::new(other.clone())) }).unwrap();
    let (_, log) = handle(&world, LogLevel::Warn, &event, 30);
    let version = json!(other.version.0);
    assert_eq!(told(&log), (json!("policy-taken-over"), json!("WARN"), json!(1), version));
}

/// Some local runtimes tell a deadline that is long past.
#[test]
fn a_deadline_that_is_over_before_the_beginning_is_none() {
    let (world, event) = failed();
    let (answer, _) = handle(&world, LogLevel::Info, &event, -1_000_000);
    assert_eq!(answer.unwrap()["verdict"], "retry");
}

#[test]
fn errors_have_the_names_that_alarms_look_for() {
    for (failure, expected) in [
        (Failure::NotHandled(NotHandled("ledger-unavailable")), "LedgerUnavailable"),
        (Failure::NotHandled(NotHandled("out-of-time")), "OutOfTime"),
        (Failure::InvalidSettings("RETRIER_TABLE is not set".into()), "InvalidSettings"),
    ] {
        assert_eq!(Diagnostic::from(failure).error_type, expected);
    }
}

#[test]
fn a_level_hides_what_is_less_grave() {
    let (world, _) = failed();
    let other = json!({ "source": "aws.s3", "detail-type": "x", "detail": {} });
    for (level, lines) in [(LogLevel::Info, 0), (LogLevel::Debug, 2)] {
        let (_, log) = handle(&world, level, &other, 30);
        assert_eq!(log.len(), lines, "{log:?}");
    }
}

#[test]
fn how_a_retry_ended_is_logged() {
    let (world, event) = failed();
    let (answer, _) = handle(&world, LogLevel::Info, &event, 30);
    assert_eq!(answer.unwrap()["verdict"], "retry");
    world.lock().pass(SignedDuration::from_mins(5));
    let later = world.lock().service.drain_events();
    let ends: Vec<Value> = later
        .iter()
        .flat_map(|(_, event)| handle(&world, LogLevel::Info, event, 30).1)
        .filter(|line| line["message"] == "retry-ended")
        .collect();
    let [end] = ends.as_slice() else { panic!("{ends:?}") };
    assert_eq!((&end["retry"], &end["progress"]), (&json!(1), &json!("recovered")));
}
