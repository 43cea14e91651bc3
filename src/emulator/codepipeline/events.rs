//! The events, in the very shape in which EventBridge delivers CodePipeline's.
//!
//! Numbers are floats, the version of an action's type is a text, the ARN has no `pipeline` segment. Source: real
//! captures, and the User Guide's *Detect and react to changes in pipeline state*.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::domain::ids::{ActionExecutionId, ExecutionId};
use crate::domain::pipeline::{ActionStatus, ExecutionStatus};

use super::execution::{ActionRecord, Execution, StageKey};
use super::listening::Listening;
use super::scene::Scene;

/// A state as events spell it, which is not always as answers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Abandoned,
    Canceled,
    Failed,
    Resumed,
    Started,
    Stopped,
    Stopping,
    Succeeded,
    Superseded,
}

impl State {
    /// The state that says so; there is none for a skipped stage.
    pub(super) const fn of(status: ExecutionStatus) -> Option<Self> {
        Some(match status {
            ExecutionStatus::InProgress => Self::Started,
            ExecutionStatus::Succeeded => Self::Succeeded,
            ExecutionStatus::Failed => Self::Failed,
            ExecutionStatus::Stopping => Self::Stopping,
            ExecutionStatus::Stopped => Self::Stopped,
            ExecutionStatus::Cancelled => Self::Canceled,
            ExecutionStatus::Superseded => Self::Superseded,
            ExecutionStatus::Skipped => return None,
        })
    }

    pub(super) const fn of_action(status: ActionStatus) -> Self {
        match status {
            ActionStatus::InProgress => Self::Started,
            ActionStatus::Succeeded => Self::Succeeded,
            ActionStatus::Failed => Self::Failed,
            ActionStatus::Abandoned => Self::Abandoned,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Abandoned => "ABANDONED",
            Self::Canceled => "CANCELED",
            Self::Failed => "FAILED",
            Self::Resumed => "RESUMED",
            Self::Started => "STARTED",
            Self::Stopped => "STOPPED",
            Self::Stopping => "STOPPING",
            Self::Succeeded => "SUCCEEDED",
            Self::Superseded => "SUPERSEDED",
        }
    }
}

/// An instant with milliseconds, as in `start-time`.
fn in_milliseconds(instant: Timestamp) -> String {
    format!("{instant:.3}")
}

/// What every detail has.
fn common(execution: &Execution, state: State, attempt: u32) -> Map<String, Value> {
    let definition = &execution.structure.definition;
    let members = [
        ("pipeline", json!(definition.name.as_str())),
        ("execution-id", json!(execution.id.as_str())),
        ("state", json!(state.as_str())),
        ("version", json!(f64::from(execution.structure.version))),
        ("pipeline-execution-attempt", json!(f64::from(attempt))),
    ];
    members.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}

impl Scene<'_> {
    /// Emits a change of the execution.
    pub(super) fn tell_pipeline(&mut self, id: &ExecutionId, state: State) -> Option<()> {
        if self.shared.listening != Listening::Everything {
            return Some(());
        }
        let execution = self.pipeline.executions.get(id)?;
        let mut detail = common(execution, state, execution.attempt);
        if state != State::Resumed {
            detail.insert("start-time".into(), json!(in_milliseconds(execution.started)));
        }
        if state == State::Started {
            let trigger = json!({
                "trigger-type": execution.trigger.as_str(),
                "trigger-detail": self.trigger_detail(execution),
            });
            detail.insert("execution-trigger".into(), trigger);
        }
        let comments = execution.stop_reason.as_ref();
        if let Some(comments) = comments.filter(|_| state == State::Stopping) {
            detail.insert("stop-execution-comments".into(), json!(comments));
        }
        self.emit("Pipeline", &detail);
        Some(())
    }

    /// Emits a change of the stage.
    pub(super) fn tell_stage(&mut self, key: &StageKey, state: State) -> Option<()> {
        let execution = self.pipeline.executions.get(&key.execution)?;
        let run = execution.stages.get(&key.stage)?;
        if !self.shared.listening.hears_of_stage(state, run.last_retry.is_some()) {
            return Some(());
        }
        let is_first = execution.attempt == 1;
        let attempt =
            if is_first && self.shared.switches.first_attempt_is_zero { 0 } else { execution.attempt };
        let mut detail = common(execution, state, attempt);
        detail.insert("stage".into(), json!(key.stage.as_str()));
        if state != State::Resumed {
            detail.insert("start-time".into(), json!(in_milliseconds(run.started)));
        }
        if let Some(at) = run.last_retry {
            detail.insert("stage-last-retry-attempt-time".into(), json!(in_milliseconds(at)));
        }
        self.emit("Stage", &detail);
        Some(())
    }

    /// Emits a change of a run of an action.
    pub(super) fn tell_action(&mut self, id: &ActionExecutionId, state: State) -> Option<()> {
        if self.shared.listening != Listening::Everything {
            return Some(());
        }
        let record = self.pipeline.runs.get(id)?;
        let execution = self.pipeline.executions.get(&record.key.execution)?;
        let mut detail = common(execution, state, execution.attempt);
        let members = [
            ("start-time", json!(in_milliseconds(record.started))),
            ("stage", json!(record.key.stage.as_str())),
            ("action", json!(record.action.as_str())),
            ("action-execution-id", json!(record.id.as_str())),
            ("region", json!(record.region.as_str())),
            (
                "type",
                json!({
                    "owner": "AWS",
                    "category": record.category.as_str(),
                    "provider": record.provider,
                    "version": "1",
                }),
            ),
        ];
        detail.extend(members.map(|(key, value)| (key.to_owned(), value)));
        if matches!(state, State::Failed | State::Succeeded) {
            let result = execution_result(record);
            if !result.is_empty() {
                detail.insert("execution-result".into(), Value::Object(result));
            }
        }
        self.emit("Action", &detail);
        Some(())
    }

    /// Who or what started the execution.
    pub(super) fn trigger_detail(&self, execution: &Execution) -> String {
        match &execution.rollback_target {
            Some(target) => target.to_string(),
            None => format!("arn:{}:iam::{}:root", self.shared.partition, self.shared.account),
        }
    }

    fn emit(&mut self, subject: &str, detail: &Map<String, Value>) {
        let shared = &mut *self.shared;
        let (region, account) = (shared.region.as_str(), shared.account.as_str());
        let arn =
            format!("arn:{}:codepipeline:{region}:{account}:{}", shared.partition, self.pipeline.name());
        let event = json!({
            "version": "0",
            "id": shared.ids.next(),
            "detail-type": format!("CodePipeline {subject} Execution State Change"),
            "source": "aws.codepipeline",
            "account": account,
            "time": format!("{:.0}", self.now),
            "region": region,
            "resources": [arn],
            "detail": detail,
        });
        shared.events.push((self.now, event));
    }
}

/// The result as events show it: the error message is not in it, and any member may be missing.
fn execution_result(record: &ActionRecord) -> Map<String, Value> {
    let summary = record.error.summary.expose();
    let members = [
        ("external-execution-id", record.external_id.as_deref()),
        ("external-execution-summary", Some(summary).filter(|summary| !summary.is_empty())),
        ("error-code", record.error.code.as_deref()),
    ];
    members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))).collect()
}
