//! What came of cases, for programs.

use serde_json::{Value, json};

use super::{Ran, Tested};
use crate::document::document;
use crate::replay::cases::Difference;

/// One document: every case with its decision.
pub(super) fn json(all: &[Ran], untried: &[(String, String)]) -> String {
    let cases: Vec<Value> =
        all.iter().flat_map(|ran| ran.results.iter().map(move |result| one(ran, result))).collect();
    let passed = all.iter().flat_map(|ran| &ran.results).filter(|result| result.passes()).count();
    let untried: Vec<Value> =
        untried.iter().map(|(policy, rule)| json!({ "policy": policy, "rule": rule })).collect();
    let document = json!({
        "schema": 1,
        "passed": passed,
        "failed": cases.len() - passed,
        "cases": cases,
        "rules-without-case": untried,
    });
    format!("{document:#}\n")
}

fn one(ran: &Ran, result: &Tested) -> Value {
    let difference = |difference: &Difference| json!({ "what": difference.what, "expected": difference.expected, "got": difference.got });
    let mut case = json!({
        "file": ran.file,
        "policy": ran.policy,
        "name": result.name,
        "outcome": if result.passes() { "ok" } else { "fail" },
    });
    let Some(members) = case.as_object_mut() else { return case };
    match &result.end {
        Err(problem) => {
            members.insert("problem".to_owned(), json!(problem));
        }
        Ok(outcome) => {
            let differences: Vec<Value> = outcome.differences.iter().map(difference).collect();
            members.insert("differences".to_owned(), json!(differences));
            members.insert("decision".to_owned(), document(outcome.end()));
        }
    }
    case
}
