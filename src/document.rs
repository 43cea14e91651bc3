//! The decision document: what the function returns, logs and stores, and other programs read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::decision::Decision;
use crate::domain::policy::RetryMode;
use crate::domain::rollback::{Rollback, RollbackProgress};
use crate::names;

/// A decision as JSON, schema 1. Consumers must tolerate reasons and fields that they do not know.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Document<'a> {
    schema: u8,
    decision_id: String,
    /// Absent while nothing is known to have failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_id: Option<String>,
    decided_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<String>,
    verdict: &'a str,
    reason: &'a str,
    #[serde(rename = "final")]
    is_final: bool,
    shadow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    pipeline: &'a str,
    stage: &'a str,
    execution_id: &'a str,
    account: &'a str,
    region: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_version: Option<&'a str>,
    classes: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback: Option<RollbackDocument<'a>>,
    explanation: Vec<StepDocument<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct RollbackDocument<'a> {
    to_execution_id: &'a str,
    state: &'a str,
    /// The execution that CodePipeline runs it as.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_id: Option<&'a str>,
}

impl<'a> RollbackDocument<'a> {
    fn of(rollback: &'a Rollback) -> Self {
        Self {
            to_execution_id: rollback.target.as_str(),
            state: rollback.progress.as_str(),
            execution_id: match &rollback.progress {
                RollbackProgress::Started(execution) => Some(execution.as_str()),
                _ => None,
            },
        }
    }
}

#[derive(Debug, Serialize)]
struct StepDocument<'a> {
    step: &'a str,
    outcome: &'a str,
    detail: &'a str,
}

/// The document of a decision.
pub fn document(decision: &Decision) -> serde_json::Value {
    let run = &decision.run;
    let document = Document {
        schema: 1,
        decision_id: names::decision_id(decision),
        failure_id: names::failure_id(run, &decision.failed),
        decided_at: whole_seconds(decision.decided_at),
        failed_at: decision.failed_at.map(whole_seconds),
        verdict: decision.ruling.verdict().as_str(),
        reason: decision.ruling.reason(),
        is_final: decision.is_final,
        shadow: decision.shadow,
        until: decision.until.map(whole_seconds),
        pipeline: run.pipeline.name.as_str(),
        stage: run.stage.as_str(),
        execution_id: run.execution.as_str(),
        account: run.pipeline.account.as_str(),
        region: run.pipeline.region.as_str(),
        retry: decision.retry,
        max_retries: decision.max_retries,
        retry_mode: decision.retry_mode.map(RetryMode::as_str),
        rule: decision.rule.as_ref().map(super::domain::ids::RuleName::as_str),
        policy_version: decision.policy_version.as_ref().map(|version| version.0.as_str()),
        classes: decision.classes.iter().map(|(action, class)| (action.as_str(), class.as_str())).collect(),
        rollback: decision.rollback.as_ref().map(RollbackDocument::of),
        explanation: (decision.explanation.iter())
            .map(|step| StepDocument {
                step: step.name.as_str(),
                outcome: step.outcome.as_str(),
                detail: &step.detail,
            })
            .collect(),
    };
    // Strings, numbers and maps with string keys always become JSON.
    serde_json::to_value(document).unwrap_or(serde_json::Value::Null)
}

fn whole_seconds(at: Timestamp) -> String {
    format!("{at:.0}")
}
