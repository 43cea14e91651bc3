//! The template gives the function the variables that its settings read, those of every partition and Region.

use std::cell::RefCell;
use std::collections::BTreeSet;

use codepipeline_retrier::aws::settings::Settings;
use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::policy::Mode;
use serde_json::{Map, Value};

use super::template::{HOME, Place, resources, translated};

/// The policy lies beside the binary, where the function looks when nothing else is said.
const NOT_SET: [&str; 1] = ["RETRIER_POLICY"];

/// The function's own variables.
fn variables(template: &Value, place: Place<'_>, parameters: &[(&str, &str)]) -> Map<String, Value> {
    let function = resources(template, place, parameters).remove("RetrierFunction").unwrap();
    function["Properties"]["Environment"]["Variables"].as_object().unwrap().clone()
}

/// What Lambda sets by itself, as far as it matters here.
fn of_lambda(name: &str, place: Place<'_>) -> Option<String> {
    match name {
        "AWS_REGION" => Some(place.region.to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN" => Some("temporary".to_owned()),
        "LAMBDA_TASK_ROOT" => Some("/var/task".to_owned()),
        _ => None,
    }
}

/// The settings of a deployment, and the product's variables that they asked for.
fn settings(given: &Map<String, Value>, place: Place<'_>) -> (Settings, BTreeSet<String>) {
    let asked = RefCell::new(BTreeSet::new());
    let variable = |name: &str| {
        if name.starts_with("RETRIER_") {
            asked.borrow_mut().insert(name.to_owned());
        }
        let own = given.get(name).map(|value| value.as_str().unwrap().to_owned());
        own.or_else(|| of_lambda(name, place))
    };
    let settings = Settings::read(&variable).unwrap();
    (settings, asked.into_inner())
}

#[test]
fn each_variable_is_set_that_is_read_and_no_other() {
    let given = variables(&translated(), HOME, &[]);
    let (_, asked) = settings(&given, HOME);
    let set: BTreeSet<String> = given.keys().cloned().chain(NOT_SET.map(str::to_owned)).collect();
    assert_eq!(set, asked);
}

#[test]
fn the_settings_are_those_of_the_stack() {
    let place = Place { partition: "aws-cn", account: "444455556666", region: "cn-northwest-1" };
    let template = translated();
    let (settings, _) = settings(&variables(&template, place, &[("Mode", "disabled")]), place);
    assert_eq!(settings.mode, Mode::Disabled);
    assert_eq!(settings.scopes.own().account.as_str(), place.account);
    assert_eq!(settings.scopes.own().partition.as_str(), place.partition);
    assert_eq!(settings.queue_arn, "arn:aws-cn:sqs:cn-northwest-1:444455556666:Queue");
    let dead_letters = settings.dead_letter_queue_arn.unwrap();
    assert_eq!(dead_letters, "arn:aws-cn:sqs:cn-northwest-1:444455556666:DeadLetterQueue");
    assert_eq!(settings.policy.to_str(), Some("/var/task/policy.yaml"));
}

#[test]
fn a_new_deployment_retries_nothing_yet() {
    let (settings, _) = settings(&variables(&translated(), HOME, &[]), HOME);
    assert_eq!((settings.mode, settings.evidence), (Mode::Shadow, Depth::Logs));
}

#[test]
fn every_choice_of_a_parameter_is_one_that_the_settings_know() {
    let template = translated();
    for (parameter, name) in
        [("Mode", "RETRIER_MODE"), ("Evidence", "RETRIER_EVIDENCE"), ("LogLevel", "RETRIER_LOG")]
    {
        let choices = template["Parameters"][parameter]["AllowedValues"].as_array().unwrap();
        for choice in choices {
            let given = variables(&template, HOME, &[(parameter, choice.as_str().unwrap())]);
            assert_eq!(&given[name], choice);
            settings(&given, HOME);
        }
    }
}
