//! A thousand secrets, in every text that says why an action failed: nothing that the product returns, logs or keeps has a
//! piece of one.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use codepipeline_retrier::document::document;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::replay::moment::Happening;
use codepipeline_retrier::replay::player::Player;
use codepipeline_retrier::replay::scenario::Scenario;
use serde_json::{Value, json};

use crate::classify::secrets::{Spilled, a_thousand};

/// Who carries an action out, and its failure with a line in one of its texts.
type Field = (&'static str, fn(&str) -> Value);

/// The texts that an action's failure has, each with who carries the action out.
const FIELDS: [Field; 8] = [
    ("CodeBuild", |line| json!({ "message": line })),
    ("CodeBuild", |line| json!({ "message": "failed", "summary": line })),
    ("CodeBuild", |line| json!({ "build": { "phase": "BUILD", "code": "CLIENT_ERROR", "message": line } })),
    ("CodeBuild", |line| json!({ "build": { "log": format!("begin\n{line}\nERROR: exit status 1") } })),
    ("CodeDeploy", |line| json!({ "deployment": { "code": "HEALTH_CONSTRAINTS", "message": line } })),
    ("CodeDeploy", |line| {
        json!({ "deployment": { "code": "HEALTH_CONSTRAINTS", "message": "failed", "event": {
            "name": "AfterInstall", "code": "ScriptFailed", "message": line, "log": line,
        } } })
    }),
    (
        "CloudFormation",
        |line| json!({ "resources": [{ "name": "Queue", "type": "AWS::SQS::Queue", "reason": line }] }),
    ),
    ("CloudFormation", |line| json!({ "change-set": line })),
];

/// One pipeline for each secret of a group, each secret in another text.
fn fleet(group: &[Spilled]) -> Scenario {
    let pipeline = |(number, spilled): (usize, &Spilled)| {
        let (provider, failure) = FIELDS[number % FIELDS.len()];
        let mut failure = failure(&spilled.line);
        failure["after"] = json!("10s");
        let category = if provider == "CodeBuild" { "Build" } else { "Deploy" };
        let mut action = json!({
            "name": "Step", "category": category, "provider": provider, "runs": [{ "fail": failure }],
        });
        if number % FIELDS.len() == 7 {
            action["makes-change-set"] = json!("release");
        }
        json!({ "name": format!("p-{number}"), "stages": [{ "name": "Only", "actions": [action] }] })
    };
    let pipelines: Vec<Value> = group.iter().enumerate().map(pipeline).collect();
    let starts: Vec<Value> =
        (0..group.len()).map(|number| json!({ "at": "0s", "start": format!("p-{number}") })).collect();
    let policy = "version: 1\nrules:\n  - name: all\n    match: { pipeline: '*' }\n    retry-on: any\n    \
                  max-retries: 1\n    excerpts: redacted\n    backoff: { initial: 1s, max: 1s, jitter: none }\n    budgets: [many]\n\
                  budgets:\n  many: { capacity: 1000, refill: 60/h }\n\
                  storm: { failures: 200, within: 5m, spread: 20m }\n";
    let scenario = json!({
        "scenario": 1, "about": "secrets", "policy": policy, "pipelines": pipelines, "timeline": starts,
    });
    Scenario::read("secrets", &scenario.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

/// All that is left of a play, by pipeline: what was returned, and what is on record.
fn left(scenario: &Scenario) -> BTreeMap<String, String> {
    let mut left: BTreeMap<String, String> = BTreeMap::new();
    let mut keep = |run: &StageRunId, text: &dyn Display| {
        let _ = writeln!(left.entry(run.pipeline.name.to_string()).or_default(), "{text}");
    };
    let mut player = Player::new(scenario).unwrap();
    player.play(|moment| {
        if let Happening::Handled(handled) = &moment.what
            && let Some(decision) = handled.decision()
        {
            keep(&decision.run, &document(decision));
            keep(&decision.run, &format!("{handled:?}"));
        }
    });
    let world = player.world().lock();
    for decision in world.ledger.decisions() {
        keep(&decision.run, &document(decision));
    }
    for record in world.ledger.records() {
        keep(&record.id, &format!("{record:?}"));
    }
    left
}

#[test]
fn a_thousand_secrets_in_every_text_leave_no_trace() {
    let mut leaked = Vec::new();
    let mut cited = 0;
    for group in a_thousand().chunks(100) {
        let left = left(&fleet(group));
        for (number, spilled) in group.iter().enumerate() {
            let of_pipeline = &left[&format!("p-{number}")];
            cited += usize::from(of_pipeline.contains('\u{201c}'));
            if spilled.is_in(of_pipeline) {
                leaked.push(format!("{} in text {}", spilled.format, number % FIELDS.len()));
            }
        }
    }
    assert!(leaked.is_empty(), "{} leaked: {leaked:?}", leaked.len());
    assert!(cited >= 100, "only {cited} lines were cited, and might have shown something");
}
