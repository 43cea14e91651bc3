//! Plays scenarios with a tape running, and takes every handling of a message down.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::policy_file;
use codepipeline_retrier::replay::player::run;
use codepipeline_retrier::replay::scenario::Scenario;
use codepipeline_retrier::replay::script::Script;
use serde_json::Value;

use super::case::{Case, Setting};
use super::tape::Tape;

/// Every text that stands under a key `policy`, by the version of the policy that it is.
fn policies(value: &Value, found: &mut BTreeMap<PolicyVersion, String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| policies(value, found)),
        Value::Object(members) => {
            for (name, value) in members {
                if let (true, Value::String(text)) = (name == "policy", value)
                    && let Some(policy) = policy_file::load("policy", text).policy
                {
                    found.insert(policy.version, text.clone());
                }
                policies(value, found);
            }
        }
        _ => {}
    }
}

/// Every handling of a scenario that came to an end.
pub fn record(name: &str, path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut texts = BTreeMap::new();
    policies(&serde_saphyr::from_str(&text).unwrap(), &mut texts);
    let scenario = Scenario::read(name, &text).unwrap();
    let mut script = Script::new(&scenario).unwrap();
    let end = scenario.lasting.map(|lasting| scenario.start + lasting);
    let mut cases = Vec::new();
    let mut handlings = 0;
    while let Some(next) = script.next_due().filter(|next| end.is_none_or(|end| *next <= end)) {
        script.go_to(next, &mut |_| {});
        let (message, deployed, place) = {
            let mut world = script.world().lock();
            let now = world.now();
            (world.queue.receive(now), world.deployed.clone(), world.place.clone())
        };
        let Some(message) = message else { continue };
        if message.body.contains("\"sweep\"") {
            // What a sweep finds goes the same way as an event; its own course is held by its own tests.
            script.world().lock().queue.delete(message.id);
            continue;
        }
        handlings += 1;
        let world = script.world().for_handling(handlings);
        let setting = Setting {
            place,
            mode: deployed.mode,
            policy: deployed.policy.map(|policy| texts[&policy.version].clone()),
            invocation: format!("handling-{handlings}"),
            message: message.body.clone(),
            receives: u64::from(message.receives),
        };
        let tape = Tape::recording(world.clone());
        let readings = Mutex::new(Vec::new());
        let clock = || {
            let now = world.now();
            readings.lock().unwrap().push(now);
            now
        };
        let end = run(setting.handle(&tape, clock), &world);
        script.deliver(&mut |_| {});
        let Some(end) = end else { continue };
        if !comes_again(&end) {
            script.world().lock().queue.delete(message.id);
        }
        let name = format!("{name}#{handlings}");
        let clock = readings.into_inner().unwrap();
        cases.push(Case { name, setting, clock, exchanges: tape.heard(), end });
    }
    cases
}

fn comes_again(end: &Value) -> bool {
    let conclusion = end["conclusion"].as_str().unwrap();
    !["handled", "stale-wake-up", "ignored", "malformed"].contains(&conclusion)
}
