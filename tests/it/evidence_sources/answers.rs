//! Answers as AWS's own service models have them: a member that a model does not know, or of another type, cannot be
//! answered here, so that a test is not about a service that does not exist.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::codepipeline::stub::Reply;
use crate::ministack::tool;

/// The service of an operation, as the AWS CLI names it.
fn service_of(operation: &str) -> &'static str {
    match operation {
        "BatchGetBuilds" => "codebuild",
        "GetLogEvents" => "logs",
        "GetDeployment" | "ListDeploymentTargets" | "BatchGetDeploymentTargets" => "codedeploy",
        "DescribeStackEvents" | "DescribeChangeSet" => "cloudformation",
        other => panic!("`{other}` is asked for"),
    }
}

/// The models that the AWS CLI ships.
fn models() -> &'static BTreeMap<String, Value> {
    static MODELS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    MODELS.get_or_init(|| {
        let program = "import sys, json, botocore.session\n\
                       loader = botocore.session.get_session().get_component('data_loader')\n\
                       names = ['codebuild', 'logs', 'codedeploy', 'cloudformation']\n\
                       json.dump({n: loader.load_service_model(n, 'service-2') for n in names}, sys.stdout)";
        let output = Command::new(tool("aws/bin/python")).args(["-c", program]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

/// The answer to an operation.
pub fn answer(operation: &str, output: &Value) -> Reply {
    let model = &models()[service_of(operation)];
    let shape = &model["operations"][operation]["output"];
    hold(model, &model["shapes"][shape["shape"].as_str().unwrap()], output, operation);
    match model["metadata"]["protocol"].as_str().unwrap() {
        "json" => Reply::ok(output),
        "query" => {
            let wrapper = shape["resultWrapper"].as_str().unwrap();
            let name_space = model["metadata"]["xmlNamespace"].as_str().unwrap();
            let mut body = format!("<{operation}Response xmlns=\"{name_space}\"><{wrapper}>");
            element(&mut body, output);
            write!(body, "</{wrapper}><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>")
                .unwrap();
            write!(body, "</{operation}Response>").unwrap();
            Reply::Answer { status: 200, headers: Vec::new(), body }
        }
        other => panic!("protocol `{other}`"),
    }
}

/// A refusal of an operation, in its service's protocol; what it says is in nothing that is made of it.
pub fn refusal(operation: &str, status: u16, code: &str) -> Reply {
    if service_of(operation) != "cloudformation" {
        return Reply::error(status, code);
    }
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>\
         <RequestId>1</RequestId></ErrorResponse>"
    );
    Reply::Answer { status, headers: Vec::new(), body }
}

fn hold(model: &Value, shape: &Value, value: &Value, path: &str) {
    let of = |reference: &Value| &model["shapes"][reference["shape"].as_str().unwrap()];
    if value.is_null() {
        return;
    }
    match (shape["type"].as_str().unwrap(), value) {
        ("structure", Value::Object(members)) => {
            for (name, value) in members {
                let member = &shape["members"][name];
                assert!(!member.is_null(), "{path}: the model has no `{name}`");
                hold(model, of(member), value, &format!("{path}.{name}"));
            }
        }
        ("list", Value::Array(items)) => {
            for item in items {
                hold(model, of(&shape["member"]), item, path);
            }
        }
        ("string", Value::String(_))
        | ("boolean", Value::Bool(_))
        | ("integer" | "long" | "timestamp", Value::Number(_)) => {}
        (kind, value) => panic!("{path}: {value} is no {kind}"),
    }
}

/// The members of a value as elements; moments in ISO 8601.
fn element(xml: &mut String, value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                write!(xml, "<{name}>").unwrap();
                match value {
                    Value::Number(seconds) => {
                        let at = jiff::Timestamp::from_second(seconds.as_i64().unwrap()).unwrap();
                        write!(xml, "{at}").unwrap();
                    }
                    value => element(xml, value),
                }
                write!(xml, "</{name}>").unwrap();
            }
        }
        Value::Array(items) => {
            for item in items {
                xml.push_str("<member>");
                element(xml, item);
                xml.push_str("</member>");
            }
        }
        Value::String(text) => {
            xml.push_str(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        }
        other => write!(xml, "{other}").unwrap(),
    }
}

/// A build with its log in `eu-central-1`.
pub fn build(id: &str, status: &str, phases: &[Value]) -> Value {
    let (group, stream) = id.split_once(':').unwrap();
    json!({
        "id": id, "buildStatus": status, "phases": phases,
        "logs": {"groupName": format!("/aws/codebuild/{group}"), "streamName": stream},
    })
}

/// A phase of a build, with what it says: code and message.
pub fn phase(kind: &str, status: &str, contexts: &[(&str, &str)]) -> Value {
    let contexts: Vec<Value> =
        contexts.iter().map(|(code, message)| json!({"statusCode": code, "message": message})).collect();
    json!({"phaseType": kind, "phaseStatus": status, "contexts": contexts})
}

/// A page of a log.
pub fn log(messages: &[&str]) -> Value {
    let events: Vec<Value> = messages.iter().map(|message| json!({"message": message})).collect();
    json!({"events": events, "nextBackwardToken": "b/1", "nextForwardToken": "f/1"})
}

/// An event of a stack about a resource; of the stack itself, if that is the resource's id.
pub fn event(stack: &str, at: i64, status: &str, resource: (&str, &str), reason: Option<&str>) -> Value {
    json!({
        "StackId": stack, "EventId": format!("{at}-{status}"), "StackName": "web-shop", "Timestamp": at,
        "LogicalResourceId": "Thing", "ResourceType": resource.0, "PhysicalResourceId": resource.1,
        "ResourceStatus": status, "ResourceStatusReason": reason,
    })
}
