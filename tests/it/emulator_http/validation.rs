//! Inputs, member by member: what the service model allows is taken, and each of its limits is held.

use serde_json::{Value, json};

use codepipeline_retrier::emulator::http::{Reply, operation_names, provider_targets};

use super::bench::{Bench, FAILS_ONCE, shop};
use super::model::{Shape, operation};

fn bench() -> Bench {
    Bench::new(&shop(FAILS_ONCE), "  []")
}

#[test]
fn what_the_model_allows_is_taken() {
    for name in operation_names().chain(provider_targets()) {
        let bench = bench();
        let (input, _) = operation(name);
        let error = bench.call(name, &input.sample()).err().map(|error| error.name);
        let refused = matches!(error, Some("ValidationException" | "SerializationException"));
        // To CloudFormation a stack that is not there is a matter of validation.
        let is_unknown =
            bench.call(name, &input.sample()).is_err_and(|error| error.message.contains("does not exist"));
        assert!(!refused || is_unknown, "{name}: {:?}", bench.call(name, &input.sample()));
    }
}

/// A value spoilt in one place, and what must be said of it.
struct Spoilt {
    value: Value,
    said: String,
}

/// Every way to break one limit of the shape, each somewhere in an otherwise good value.
fn spoilt(shape: Shape, path: &str) -> Vec<Spoilt> {
    let mut all = Vec::new();
    let mut add = |value: Value, said: String| all.push(Spoilt { value, said });
    let limit = |which| shape.limit(which).map(|limit| (limit, usize::try_from(limit).unwrap()));
    match shape.kind() {
        "structure" => {
            add(json!("x"), "STRING_VALUE can not be converted to Structure".to_owned());
            for (name, of) in shape.members() {
                let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                let with = |value: Value| {
                    let mut sample = shape.sample();
                    sample[name] = value;
                    sample
                };
                if shape.requires(name) {
                    let said = format!("at '{path}' failed to satisfy constraint: Member must not be null");
                    add(with(Value::Null), said);
                }
                for Spoilt { value, said } in spoilt(of, &path) {
                    add(with(value), said);
                }
            }
        }
        "list" => {
            add(json!({}), format!("STRUCTURE_VALUE can not be converted to List at '{path}'"));
            if let Some((most, count)) = limit("max") {
                let values = vec![shape.item().sample(); count + 1];
                add(json!(values), format!("at '{path}' {}", at_most("length", most)));
            }
            if let Some((least, 1..)) = limit("min") {
                add(json!([]), format!("at '{path}' {}", at_least("length", least)));
            }
            for Spoilt { value, said } in spoilt(shape.item(), &format!("{path}.1.member")) {
                add(json!([value]), said);
            }
        }
        "map" => {
            add(json!([]), format!("LIST_VALUE can not be converted to Map at '{path}'"));
            let (key, value) = shape.key_and_value();
            let key = key.sample().as_str().unwrap().to_owned();
            for Spoilt { value, said } in spoilt(value, &format!("{path}.{key}.member")) {
                add(json!({ &key: value }), said);
            }
        }
        "integer" | "long" => {
            add(json!("1"), format!("STRING_VALUE can not be converted to Integer at '{path}'"));
            add(json!(1.5), format!("NUMBER_VALUE can not be converted to Integer at '{path}'"));
            if let Some(most) = shape.limit("max") {
                add(json!(most + 1), format!("at '{path}' {}", at_most("value", most)));
            }
            if let Some(least) = shape.limit("min") {
                add(json!(least - 1), format!("at '{path}' {}", at_least("value", least)));
            }
        }
        "boolean" => add(json!("true"), format!("STRING_VALUE can not be converted to Boolean at '{path}'")),
        "string" => {
            add(json!(1), format!("NUMBER_VALUE can not be converted to String at '{path}'"));
            if let Some((most, count)) = limit("max") {
                add(json!("a".repeat(count + 1)), format!("at '{path}' {}", at_most("length", most)));
            }
            if let Some((least, 1..)) = limit("min") {
                add(json!(""), format!("at '{path}' {}", at_least("length", least)));
            }
            if let Some(pattern) = shape.pattern() {
                let constraint = format!("Member must satisfy regular expression pattern: {pattern}");
                add(json!("\n:"), format!("at '{path}' failed to satisfy constraint: {constraint}"));
            }
            if let Some(choices) = shape.choices() {
                let constraint = format!("Member must satisfy enum value set: [{}]", choices.join(", "));
                add(json!("x"), format!("at '{path}' failed to satisfy constraint: {constraint}"));
            }
        }
        kind => panic!("no input has a {kind}"),
    }
    all
}

fn at_most(what: &str, limit: i64) -> String {
    format!("failed to satisfy constraint: Member must have {what} less than or equal to {limit}")
}

fn at_least(what: &str, limit: i64) -> String {
    format!("failed to satisfy constraint: Member must have {what} greater than or equal to {limit}")
}

#[test]
fn what_the_model_forbids_is_refused() {
    let bench = bench();
    let mut tried = 0;
    for name in operation_names().chain(provider_targets()) {
        let (input, _) = operation(name);
        for Spoilt { value, said } in spoilt(input, "") {
            // In a form a flag is a text anyway.
            if said.starts_with("STRING_VALUE can not be converted to Boolean")
                && name.starts_with("CloudFormation")
            {
                continue;
            }
            let error = bench.call(name, &value).expect_err(&format!("{name} took {value}"));
            assert!(error.message.contains(&said), "{name} {value}:\n  {said}\n  {}", error.message);
            let is_unreadable = said.contains("can not be converted");
            let expected = match name {
                _ if is_unreadable => "SerializationException",
                "CodeBuild_20161006.BatchGetBuilds" => "InvalidInputException",
                "Logs_20140328.GetLogEvents" => "InvalidParameterException",
                _ => "ValidationException",
            };
            assert_eq!((error.name, error.status), (expected, 400));
            tried += 1;
        }
    }
    assert!(tried > 400, "only {tried} were tried");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let error = bench()
        .call("RetryStageExecution", &json!({ "pipelineName": "a b", "stageName": "", "retryMode": "ALL" }))
        .unwrap_err();
    assert_eq!(error.name, "ValidationException");
    insta::assert_snapshot!(error.message);
}

#[test]
fn an_unknown_member_is_let_pass() {
    bench().ok("GetPipelineState", &json!({ "name": "shop", "colour": "green" }));
}

#[test]
fn a_body_that_is_no_structure_is_refused() {
    let bench = bench();
    for body in ["", "{", "[]", "7", "null", "\"x\"", "{\"name\":\"shop\"", &"[".repeat(100_000), "\u{0}"] {
        let Reply::Refused(error) = bench.reply("GetPipelineState", body.as_bytes()) else {
            panic!("{body:.20}");
        };
        // No body is an empty one, in which the name is missing.
        let expected = if body.is_empty() { "ValidationException" } else { "SerializationException" };
        assert_eq!(error.name, expected, "{body:.20}");
    }
    let bytes = bench.reply("GetPipelineState", b"{\"name\":\"\xff\"}");
    assert!(matches!(bytes, Reply::Refused(_)));
}

#[test]
fn an_unknown_operation_is_refused() {
    for name in ["", "GetPipelines", "getPipeline", "PollForJobs"] {
        assert_eq!(bench().refused(name, &json!({})), "UnknownOperationException");
    }
}
