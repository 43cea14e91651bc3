//! An answer means the same whether the SDK reads it or a file of the AWS CLI's output is read: every sample, and every
//! sample with one member gone, empty or strange.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use codepipeline_retrier::answers::{
    AnswerError, action_executions, pipeline_execution, pipeline_state, pipeline_structure,
};
use codepipeline_retrier::domain::pipeline::{ExecutionMode, Gap, Reading, StageReading};
use codepipeline_retrier::ports::Pipelines;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::readings::well;
use super::stub::{Reply, Stub};
use super::{Rig, execution, stage_run};

/// Where the SDK takes what is not there for `false`: a transition that is closed.
const FILLED_IN: [&str; 2] = ["/enabled", "/inboundTransitionState"];

/// What the SDK insists on and no decision needs: CodePipeline declares it as always there, and as text.
const INSISTED_ON: [&str; 3] = ["/artifactStore/type", "/artifactStore/location", "/configuration/"];

fn is_one_of(place: &str, members: &[&str]) -> bool {
    members.iter().any(|member| place.contains(member))
}

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The answer as it goes over the wire: instants are seconds, and an action's type is whole.
fn on_the_wire(answer: &Value) -> Value {
    match answer {
        Value::Array(items) => items.iter().map(on_the_wire).collect(),
        Value::Object(members) => {
            let is_type = ["category", "provider"].iter().all(|name| members.contains_key(*name));
            let whole = json!({"owner": "AWS", "version": "1"});
            let added = whole
                .as_object()
                .unwrap()
                .iter()
                .filter(|(name, _)| is_type && members.get(*name).is_none_or(Value::is_null));
            members.iter().chain(added).map(|(name, value)| (name.clone(), on_the_wire(value))).collect()
        }
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(instant) => json!(instant.as_duration().as_secs_f64()),
            Err(_) => answer.clone(),
        },
        other => other.clone(),
    }
}

/// A pointer to every member and element.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut inner = |name: &str, value: &Value| {
        let place = format!("{at}/{name}");
        places(value, &place, found);
        found.push(place);
    };
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| inner(&at.to_string(), item)),
        Value::Object(members) => members.iter().for_each(|(name, value)| inner(name, value)),
        _ => {}
    }
}

/// The sample with the member gone, and with it empty; an element of a list is left alone.
fn without(sample: &Value, place: &str) -> Option<[Value; 2]> {
    let (owner, member) = place.rsplit_once('/').unwrap();
    let mut answer = sample.clone();
    answer.pointer_mut(owner).unwrap().as_object_mut()?.remove(member);
    Some([answer, with(sample, place, Value::Null)])
}

fn with(sample: &Value, place: &str, value: Value) -> Value {
    let mut answer = sample.clone();
    *answer.pointer_mut(place).unwrap() = value;
    answer
}

/// One pipeline whose answer to one operation is exchanged.
struct Exchange {
    rig: Rig,
    answer: Arc<Mutex<Value>>,
    _stub: Stub,
}

impl Exchange {
    fn of(operation: &'static str) -> Self {
        let answer = Arc::new(Mutex::new(Value::Null));
        let shown = Arc::clone(&answer);
        let stub = Stub::start(move |request| match request.operation.as_str() {
            name if name == operation => Reply::ok(&shown.lock().unwrap()),
            // Its structure is read as it is in force.
            "GetPipelineExecution" => Reply::ok(&execution("PARALLEL")),
            _ => well(request),
        });
        Self { rig: Rig::at(&stub.url), answer, _stub: stub }
    }

    fn state(&self) -> StageReading {
        self.rig.run(self.rig.pipelines.observe_stage(&stage_run(), ExecutionMode::Superseded))
    }

    fn observe(&self) -> Reading {
        self.rig.run(self.rig.pipelines.observe(&stage_run()))
    }
}

fn compare<T: Debug + PartialEq>(
    operation: &'static str,
    names: [&str; 2],
    by_file: fn(&str) -> Result<T, AnswerError>,
    by_sdk: impl Fn(&Exchange) -> Result<T, Gap>,
) {
    let exchange = Exchange::of(operation);
    let read = |answer: &Value| {
        *exchange.answer.lock().unwrap() = on_the_wire(answer);
        (by_file(&answer.to_string()), by_sdk(&exchange))
    };
    for name in names {
        let sample = sample(name);
        let (file, sdk) = read(&sample);
        assert_eq!(sdk.as_ref(), Ok(&file.unwrap()), "{name}");

        let mut all = Vec::new();
        places(&sample, "", &mut all);
        assert!(all.len() > 2, "{name}");
        for place in all {
            for answer in without(&sample, &place).into_iter().flatten() {
                match read(&answer) {
                    (Ok(_), Err(Gap::Unavailable)) if is_one_of(&place, &INSISTED_ON) => {}
                    (Ok(file), sdk) => assert_eq!(sdk, Ok(file), "{name} without {place}"),
                    (Err(_), Ok(_)) if is_one_of(&place, &FILLED_IN) => {}
                    (Err(_), sdk) => assert_eq!(sdk, Err(Gap::Unavailable), "{name} without {place}"),
                }
            }
            for strange in [json!("Strange"), json!(-1), json!({}), json!([])] {
                let answer = with(&sample, &place, strange);
                match read(&answer) {
                    // Of what the domain does not take the SDK still wants the right type.
                    (Ok(file), sdk) => assert!(sdk == Ok(file) || sdk == Err(Gap::Unavailable), "{answer}"),
                    (Err(_), Ok(_)) if is_one_of(&place, &FILLED_IN) => {}
                    (Err(_), sdk) => assert_eq!(sdk, Err(Gap::Unavailable), "{name}: {place} in {answer}"),
                }
            }
        }
    }
}

#[test]
fn a_state_means_the_same() {
    let names = ["get-pipeline-state.json", "get-pipeline-state-least.json"];
    compare("GetPipelineState", names, pipeline_state, |exchange| match exchange.state() {
        StageReading::State(state) => state,
        StageReading::Parallel { .. } => panic!("not asked for as PARALLEL"),
    });
}

#[test]
fn an_execution_means_the_same() {
    let names = ["get-pipeline-execution.json", "get-pipeline-execution-least.json"];
    compare("GetPipelineExecution", names, pipeline_execution, |exchange| exchange.observe().execution);
}

#[test]
fn a_history_means_the_same() {
    let names = ["list-action-executions.json", "list-action-executions-least.json"];
    compare("ListActionExecutions", names, action_executions, |exchange| exchange.observe().actions);
}

#[test]
fn a_structure_means_the_same() {
    let names = ["get-pipeline.json", "get-pipeline-least.json"];
    compare("GetPipeline", names, pipeline_structure, |exchange| exchange.observe().structure);
}
