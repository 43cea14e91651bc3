//! The scenario file as it is written: a mirror for serde, without any meaning.

use std::collections::BTreeMap;

use crate::replay::quantity::Length;

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ScenarioDocument {
    pub(super) scenario: u32,
    pub(super) about: String,
    pub(super) start: Option<String>,
    pub(super) lasting: Option<Length>,
    pub(super) sweep: Option<Length>,
    pub(super) partition: Option<String>,
    pub(super) account: Option<String>,
    pub(super) region: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) policy: String,
    #[serde(default)]
    pub(super) switches: SwitchesDocument,
    pub(super) pipelines: Vec<PipelineDocument>,
    pub(super) timeline: Vec<EntryDocument>,
    #[serde(default)]
    pub(super) denied: Vec<String>,
    #[serde(default)]
    pub(super) telling: Vec<String>,
    #[serde(default)]
    pub(super) allow_rollback: bool,
    #[serde(default)]
    pub(super) deliveries: Vec<DeliveryDocument>,
    pub(super) expect: Option<ExpectDocument>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct SwitchesDocument {
    pub(super) fail_with_siblings_running: Option<bool>,
    pub(super) native_fires: Option<bool>,
    pub(super) native_retry_delay: Option<Length>,
    pub(super) native_emits_failed_first: Option<bool>,
    pub(super) native_sets_last_retry_time: Option<bool>,
    pub(super) edit_fails_running: Option<bool>,
    pub(super) pipeline_resumed_first: Option<bool>,
    pub(super) first_attempt_is_zero: Option<bool>,
    pub(super) metadata_resets: Option<bool>,
    pub(super) metadata_on_v1: Option<bool>,
    pub(super) concurrency_limit: Option<usize>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PipelineDocument {
    pub(super) name: String,
    pub(super) mode: Option<String>,
    #[serde(rename = "type")]
    pub(super) pipeline_type: Option<String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    pub(super) stages: Vec<StageDocument>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct StageDocument {
    pub(super) name: String,
    pub(super) native_retry: Option<String>,
    pub(super) before_entry: Option<String>,
    pub(super) on_success: Option<String>,
    #[serde(default)]
    pub(super) on_failure_rollback: bool,
    pub(super) actions: Vec<ActionDocument>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ActionDocument {
    pub(super) name: String,
    pub(super) category: String,
    pub(super) provider: Option<String>,
    pub(super) order: Option<u32>,
    pub(super) region: Option<String>,
    pub(super) stack: Option<String>,
    pub(super) makes_change_set: Option<String>,
    pub(super) executes_change_set: Option<String>,
    #[serde(default)]
    pub(super) runs: Vec<RunDocument>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum RunDocument {
    Succeed(Length),
    Fail(Box<FailDocument>),
    Hang,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FailDocument {
    pub(super) after: Length,
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) summary: String,
    pub(super) build: Option<BuildDocument>,
    pub(super) deployment: Option<DeploymentDocument>,
    pub(super) resources: Option<Vec<ResourceDocument>>,
    pub(super) change_set: Option<String>,
}

/// How a build ended.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct BuildDocument {
    pub(super) status: Option<String>,
    pub(super) phase: Option<String>,
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) log: String,
}

/// How a deployment failed.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DeploymentDocument {
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
    pub(super) event: Option<LifecycleDocument>,
}

/// How a lifecycle event of a deployment failed.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct LifecycleDocument {
    pub(super) name: String,
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) script: String,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) log: String,
}

/// How a resource of a stack failed.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ResourceDocument {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) resource_type: Option<String>,
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) nested: Vec<ResourceDocument>,
}

/// One entry of the timeline: a time (or a call) and exactly one act.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct EntryDocument {
    pub(super) at: Option<Length>,
    pub(super) before: Option<CallDocument>,
    pub(super) start: Option<String>,
    pub(super) retry: Option<StageActDocument>,
    pub(super) stop: Option<StopDocument>,
    pub(super) rollback: Option<StageActDocument>,
    pub(super) approve: Option<ApprovalDocument>,
    pub(super) reject: Option<ApprovalDocument>,
    pub(super) disable_transition: Option<StageActDocument>,
    pub(super) enable_transition: Option<StageActDocument>,
    pub(super) edit: Option<EditDocument>,
    pub(super) delete: Option<String>,
    pub(super) pause: Option<PauseDocument>,
    pub(super) resume: Option<ResumeDocument>,
    pub(super) close_calendar: Option<CloseCalendarDocument>,
    pub(super) open_calendar: Option<String>,
    pub(super) deploy: Option<DeployDocument>,
    pub(super) mode: Option<String>,
    pub(super) refuse_retry: Option<String>,
    pub(super) stale_reads: Option<Length>,
    pub(super) outage: Option<OutageDocument>,
    #[serde(rename = "break")]
    pub(super) break_call: Option<BreakDocument>,
    pub(super) send: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CallDocument {
    pub(super) operation: String,
    pub(super) nth: u64,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct StageActDocument {
    pub(super) pipeline: String,
    pub(super) stage: String,
    pub(super) mode: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct StopDocument {
    pub(super) pipeline: String,
    #[serde(default)]
    pub(super) abandon: bool,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ApprovalDocument {
    pub(super) pipeline: String,
    pub(super) stage: String,
    pub(super) action: String,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct EditDocument {
    pub(super) pipeline: String,
    pub(super) stages: Option<Vec<StageDocument>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PauseDocument {
    pub(super) pipeline: Option<String>,
    pub(super) lasting: Option<Length>,
    pub(super) reason: String,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ResumeDocument {
    pub(super) pipeline: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CloseCalendarDocument {
    pub(super) calendar: String,
    pub(super) lasting: Option<Length>,
}

/// A new policy, or `broken: true` for one that does not compile.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DeployDocument {
    pub(super) policy: Option<String>,
    #[serde(default)]
    pub(super) broken: bool,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct OutageDocument {
    pub(super) operation: String,
    pub(super) fault: String,
    pub(super) lasting: Length,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct BreakDocument {
    pub(super) operation: String,
    pub(super) nth: u64,
    pub(super) fault: String,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DeliveryDocument {
    pub(super) event: u64,
    pub(super) copies: Option<u32>,
    pub(super) delay: Option<Length>,
    pub(super) spread: Option<Length>,
}

/// What must come of a scenario, by `pipeline/stage` or by pipeline. `50 x wait/backoff` is as many decisions in a row.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ExpectDocument {
    #[serde(default)]
    pub(super) decisions: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) retries: BTreeMap<String, u32>,
    #[serde(default)]
    pub(super) modes: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) outcomes: BTreeMap<String, Vec<String>>,
    pub(super) notices: Option<BTreeMap<String, Vec<String>>>,
    pub(super) digests: Option<u32>,
    #[serde(default)]
    pub(super) executions: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) malformed: u32,
    #[serde(default)]
    pub(super) ignored: u32,
}
