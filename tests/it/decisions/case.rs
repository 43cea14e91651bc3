//! The file format of a decision case: what is special about a failure, and the decision that is expected. Everything
//! has a default; together the defaults are a failure that is retried, as `retry-eligible.yaml` spells out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

/// One failure with what is known of it, and the decision about it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    pub about: String,
    #[serde(default = "plain_policy")]
    pub policy: String,
    #[serde(default)]
    pub run: Run,
    #[serde(default)]
    pub deployment: Deployment,
    #[serde(default)]
    pub execution: Execution,
    #[serde(default)]
    pub structure: Structure,
    #[serde(default)]
    pub state: State,
    /// Executions that have entered the stage of a PARALLEL pipeline; by default this one alone.
    pub entries: Option<Vec<Entry>>,
    #[serde(default = "one_throttled_run")]
    pub actions: Vec<Action>,
    /// Answers that could not be had, and why.
    #[serde(default)]
    pub unread: BTreeMap<String, String>,
    /// The pipeline's tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub record: Record,
    /// What change calendars say, by the names of their documents; one that is not here was not to be asked.
    #[serde(default)]
    pub calendars: BTreeMap<String, Calendar>,
    /// Buckets that are not full, by the name of their budget.
    #[serde(default)]
    pub budgets: BTreeMap<String, Bucket>,
    #[serde(default)]
    pub pauses: Vec<Pause>,
    /// How many other pipelines failed a minute before this one.
    #[serde(default)]
    pub failing: u32,
    pub active_since: Option<Instant>,
    /// By default when the last failed action failed, else 10:05.
    pub event_time: Option<Instant>,
    #[serde(default = "ten_past_ten")]
    pub now: Instant,
    #[serde(default)]
    pub jitter: Fraction,
    pub expect: Expect,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Run {
    pub pipeline: String,
    pub stage: String,
    pub execution: String,
    pub account: String,
    pub region: String,
    pub partition: String,
}

/// What the product is set up for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Deployment {
    pub mode: String,
    pub account: String,
    pub region: String,
    pub partition: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Execution {
    pub status: String,
    pub kind: String,
    pub mode: String,
    pub version: u32,
}

/// The structure in force. Its actions are those of the runs and of `declares`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Structure {
    pub version: u32,
    pub native_retry: bool,
    /// Whether the stage is there.
    pub has_stage: bool,
    pub declares: Vec<Declaration>,
    /// The stages behind this one.
    pub ahead: Vec<StageAhead>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StageAhead {
    pub stage: String,
    /// Categories of its actions by the order in which they run; one deployment by default.
    #[serde(default = "one_deployment")]
    pub actions: BTreeMap<u32, String>,
    /// Whether the transition into it is disabled.
    #[serde(default)]
    pub is_closed: bool,
}

/// A change calendar: open, closed, closed until then, or not to be read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calendar {
    Open,
    Closed,
    ClosedUntil(Instant),
    Unread(String),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Declaration {
    pub action: String,
    /// The change set that it makes, `name` or `stack/name`.
    pub makes: Option<String>,
    /// The change set that it carries out.
    pub executes: Option<String>,
}

/// The stage in the state, where it is not what the runs make of it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct State {
    /// The structure's by default.
    pub version: Option<u32>,
    pub status: Option<String>,
    pub kind: Option<String>,
    /// The execution in the stage, where it is another one.
    pub execution: Option<String>,
    pub transition: Option<String>,
    pub retries: Option<Retries>,
    /// Actions that show another run than the history's last one.
    pub shows: BTreeMap<String, Shown>,
    /// Actions that it does not show at all.
    pub lacks: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Retries {
    #[serde(default)]
    pub automatic: u32,
    #[serde(default)]
    pub manual: u32,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Shown {
    pub id: String,
    pub status: String,
    pub changed: Instant,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    pub execution: String,
    pub started: Instant,
    pub entered: Instant,
}

/// One run of an action.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Action {
    #[serde(rename = "action")]
    pub name: String,
    #[serde(default = "build")]
    pub category: String,
    #[serde(default = "code_build")]
    pub provider: String,
    pub id: String,
    #[serde(default = "ten")]
    pub started: Instant,
    #[serde(default = "five_past_ten")]
    pub ended: Instant,
    #[serde(default = "failed")]
    pub status: String,
    #[serde(default = "job_failed")]
    pub code: String,
    #[serde(default)]
    pub message: String,
}

/// What the ledger holds of the stage run.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Record {
    pub used: u32,
    pub answered: Vec<String>,
    pub closed: Vec<String>,
    pub shadow: Shadow,
    /// The open claim whose owner asks.
    pub own_claim: Option<OwnClaim>,
    pub refusals: u32,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Shadow {
    pub used: u32,
    pub answered: Vec<String>,
    pub closed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OwnClaim {
    pub retry: u32,
    pub failed: Vec<String>,
}

/// A bucket that is not full.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Bucket {
    /// When its next token comes.
    pub empty_until: Option<Instant>,
    /// When it is full again.
    pub full_at: Option<Instant>,
    /// The first instant that no waiter has been given yet.
    pub next_slot: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pause {
    pub pipeline: Option<String>,
    pub until: Option<Instant>,
    pub reason: String,
}

/// The decision. What has no `until` here has none.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    pub verdict: String,
    pub reason: String,
    /// The step that made it.
    pub step: String,
    #[serde(rename = "final")]
    pub is_final: Option<bool>,
    pub until: Option<Instant>,
    pub retry: Option<u32>,
    pub retry_mode: Option<String>,
    pub classes: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub shadow: bool,
}

/// Where the failure's random number lies in its range.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fraction {
    Lowest,
    #[default]
    Middle,
    Highest,
}

/// A time of the cases' day, or of any other day when it is written out.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Instant(pub Timestamp);

impl TryFrom<String> for Instant {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let whole = if text.contains('T') { text } else { format!("2026-11-22T{text}Z") };
        whole.parse().map(Self)
    }
}

impl Default for Run {
    fn default() -> Self {
        let Deployment { account, region, partition, .. } = Deployment::default();
        Self {
            pipeline: "shop".into(),
            stage: "Test".into(),
            execution: "e-1".into(),
            account,
            region,
            partition,
        }
    }
}

impl Default for Deployment {
    fn default() -> Self {
        Self {
            mode: "active".into(),
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            partition: "aws".into(),
        }
    }
}

impl Default for Execution {
    fn default() -> Self {
        Self { status: "Failed".into(), kind: "STANDARD".into(), mode: "SUPERSEDED".into(), version: 3 }
    }
}

impl Default for Structure {
    fn default() -> Self {
        Self { version: 3, native_retry: false, has_stage: true, declares: Vec::new(), ahead: Vec::new() }
    }
}

fn plain_policy() -> String {
    "version: 1\nrules:\n  - name: everything\n    match: { pipeline: \"*\" }\n    backoff: { initial: 1m, max: 15m, jitter: none }\n"
        .into()
}

fn one_throttled_run() -> Vec<Action> {
    vec![Action {
        name: "Unit".into(),
        category: build(),
        provider: code_build(),
        id: "unit-1".into(),
        started: ten(),
        ended: five_past_ten(),
        status: failed(),
        code: job_failed(),
        message: "Rate exceeded".into(),
    }]
}

fn one_deployment() -> BTreeMap<u32, String> {
    [(1, "Deploy".into())].into()
}

fn clock(text: &str) -> Instant {
    Instant::try_from(text.to_owned()).unwrap()
}

fn ten() -> Instant {
    clock("10:00:00")
}

pub fn five_past_ten() -> Instant {
    clock("10:05:00")
}

fn ten_past_ten() -> Instant {
    clock("10:10:00")
}

fn build() -> String {
    "Build".into()
}

fn code_build() -> String {
    "CodeBuild".into()
}

fn failed() -> String {
    "Failed".into()
}

fn job_failed() -> String {
    "JobFailed".into()
}
