//! Every type that a recording holds, member by member.

use codepipeline_retrier::domain::basis::Basis;
use codepipeline_retrier::domain::budget::{Bucket, BucketKey, Deposit};
use codepipeline_retrier::domain::class::Class;
use codepipeline_retrier::domain::controls::{Controls, Pause, Retired};
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::freeze::CalendarState;
use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::ids::{
    AccountId, ActionExecutionId, ActionName, BudgetName, CalendarArn, ExecutionId, Partition, PipelineArn,
    PipelineName, Region, RuleName, StageName, StageRunId,
};
use codepipeline_retrier::domain::live::{LivePolicy, Package, Pushed};
use codepipeline_retrier::domain::notice::Occasion;
use codepipeline_retrier::domain::pipeline::{
    ActionDeclaration, ActionExecution, ActionRun, ActionState, ActionStatus, Category, ChangeSet,
    ChangeSetPart, ErrorDetails, ExecutionKind, ExecutionMode, ExecutionStatus, Gap, PipelineExecution,
    PipelineState, PipelineStructure, Reading, Refusal, RetryMetadata, RetryReply, StageDeclaration,
    StageEntry, StageExecution, StageReading, StageState, Transition,
};
use codepipeline_retrier::domain::policy::{Mode, PolicyVersion, RetryMode};
use codepipeline_retrier::domain::protocol::{CommitReply, ControlsReply, Fault, View};
use codepipeline_retrier::domain::rollback::{Rollback, RollbackProgress};
use codepipeline_retrier::domain::stage_run::{Claim, Hint, Owner, Progress, Retry, StageRun, Tally, Wait};
use codepipeline_retrier::domain::storm::{Window, WindowKey};
use codepipeline_retrier::domain::text::EvidenceText;
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::emulator::world::Place;
use codepipeline_retrier::ports::KeptPolicy;
use serde_json::{Value, json};

use super::form::{Form, member, members, names, texts, wanted};

texts!(
    AccountId,
    ActionExecutionId,
    ActionName,
    BudgetName,
    CalendarArn,
    Class,
    ExecutionId,
    ExecutionStatus,
    Partition,
    PipelineArn,
    PipelineName,
    Region,
    RetryMode,
    RuleName,
    Ruling,
    StageName,
);

names!(Mode { Active = "active", Shadow = "shadow", Disabled = "disabled" });
names!(ExecutionMode { Superseded = "SUPERSEDED", Queued = "QUEUED", Parallel = "PARALLEL" });
names!(ExecutionKind { Standard = "STANDARD", Rollback = "ROLLBACK" });
names!(Transition { Enabled = "enabled", Disabled = "disabled" });
names!(Fault { NotDone = "not-done", Unknown = "unknown" });
names!(ActionStatus {
    InProgress = "InProgress",
    Succeeded = "Succeeded",
    Failed = "Failed",
    Abandoned = "Abandoned",
});
names!(Category {
    Source = "Source",
    Build = "Build",
    Test = "Test",
    Deploy = "Deploy",
    Approval = "Approval",
    Invoke = "Invoke",
    Compute = "Compute",
});
names!(Gap {
    PipelineNotFound = "pipeline-not-found",
    ExecutionNotFound = "execution-not-found",
    Denied = "denied",
    Throttled = "throttled",
    Unavailable = "unavailable",
    NotRead = "not-read",
});
names!(Refusal {
    NotRetryable = "not-retryable",
    NotLatestExecution = "not-latest-execution",
    PipelineNotFound = "pipeline-not-found",
    StageNotFound = "stage-not-found",
    Invalid = "invalid",
    AccessDenied = "access-denied",
    Conflict = "conflict",
    Throttled = "throttled",
    ConcurrencyLimit = "concurrency-limit",
});
names!(Occasion {
    Retry = "retry",
    Wait = "wait",
    GiveUp = "give-up",
    Recovered = "recovered",
    FailedAgain = "failed-again",
});
impl Form for RollbackProgress {
    fn store(&self) -> Value {
        match self {
            Self::Started(execution) => json!({ "started": execution.store() }),
            other => other.as_str().into(),
        }
    }

    fn load(value: &Value) -> Result<Self, String> {
        let plain = [Self::Begun, Self::NotMade, Self::Unknown];
        match plain.into_iter().find(|progress| value == progress.as_str()) {
            Some(progress) => Ok(progress),
            None => member(value, "started").map(Self::Started),
        }
    }
}
names!(Progress {
    Issued = "issued",
    Recovered = "recovered",
    FailedAgain = "failed-again",
    Ended = "ended",
});

members!(Place { partition, account, region });
members!(StageRunId { pipeline, execution, stage });
members!(EventKey { attempt, last_retry });
members!(Hint { key, time });

members!(View { controls, record, buckets; windows });
members!(WindowKey { within_ms, start_ms });
members!(Window { failures });
members!(Controls { version, pauses, activated, active_since, retired; live, package, unread });
members!(LivePolicy { policy, since, by, beside, taken_over });
members!(Pushed { number, version, restores });
members!(Package { version, since, before });
members!(Pause { pipeline, until, reason });
members!(Retired { since, left_at });
members!(StageRun {
    id,
    revision,
    sequence,
    wait,
    claim,
    live,
    shadow,
    finals,
    fruitless,
    refusals,
    retries;
    look_at,
    told,
    rollback,
    unread
});
members!(Rollback { target, owner, progress });
members!(Basis { failed_at, rule, max_retries, classes });
members!(Wait { sequence, ruling, until, wake_at, hint });
members!(Claim { sequence, retry, failed, mode, owner, lease_until, deposits, taken_over, hint; basis });
members!(Tally { used, answered, closed });
members!(Retry { number, failed, settled_at, progress; basis });
members!(Bucket { full_at, next_slot });
members!(BucketKey { budget, account, region, pipeline, stage, shadow });
members!(Deposit { key, amount_ms });

members!(Reading { state, execution, structure, actions, entries });
members!(PipelineState { version, stages });
members!(StageState { name, latest, transition, actions, retries; waiting });
members!(StageExecution { execution, status, kind });
members!(ActionState { name, latest });
members!(ActionRun { id, status, last_change, error });
members!(ErrorDetails { code, message, summary });
members!(RetryMetadata { automatic, manual });
members!(PipelineExecution { status, kind, version, mode });
members!(PipelineStructure { name, version, mode, stages });
members!(StageDeclaration { name, native_retry, actions });
members!(ActionDeclaration { name, category, provider, change_set; run_order });
members!(ActionExecution {
    execution,
    stage,
    action,
    id,
    status,
    category,
    provider,
    started,
    last_change,
    error;
    region,
    external_id
});
members!(StageEntry { execution, started, entered });

/// Types around a text.
macro_rules! wrapped {
    ($($kind:ident($read:expr, $make:expr));* $(;)?) => {$(
        impl Form for $kind {
            fn store(&self) -> Value {
                let read: fn(&Self) -> &str = $read;
                read(self).into()
            }

            fn load(value: &Value) -> Result<Self, String> {
                let make: fn(String) -> Self = $make;
                String::load(value).map(make)
            }
        }
    )*};
}

wrapped!(
    Owner(|owner| &owner.0, Owner);
    PolicyVersion(|version| &version.0, PolicyVersion);
    Glob(Glob::as_str, |text| Glob::new(text));
    EvidenceText(EvidenceText::expose, |text| EvidenceText::new(text));
);

/// The name alone where the stack is not on record.
impl Form for ChangeSetPart {
    fn store(&self) -> Value {
        let (part, ChangeSet { stack, name }) = match self {
            Self::Makes(set) => ("makes", set),
            Self::Executes(set) => ("executes", set),
        };
        if stack.is_empty() { json!({ part: name }) } else { json!({ part: name, "stack": stack }) }
    }

    fn load(value: &Value) -> Result<Self, String> {
        let stack = if value.get("stack").is_some() { member(value, "stack")? } else { String::new() };
        let set = |name| ChangeSet { stack, name };
        match value.get("makes") {
            Some(_) => member(value, "makes").map(|name| Self::Makes(set(name))),
            None => member(value, "executes").map(|name| Self::Executes(set(name))),
        }
    }
}

/// `open`, or `{"closed": until then}`.
impl Form for CalendarState {
    fn store(&self) -> Value {
        match self {
            Self::Open => "open".into(),
            Self::Closed { until } => json!({ "closed": until.store() }),
        }
    }

    fn load(value: &Value) -> Result<Self, String> {
        match value.get("closed") {
            Some(_) => member(value, "closed").map(|until| Self::Closed { until }),
            None if value == "open" => Ok(Self::Open),
            None => wanted("state of a calendar", value),
        }
    }
}

/// That something was done, of which nothing more is to be said.
impl Form for () {
    fn store(&self) -> Value {
        "done".into()
    }

    fn load(value: &Value) -> Result<Self, String> {
        if value == "done" { Ok(()) } else { wanted("answer", value) }
    }
}

impl Form for CommitReply {
    fn store(&self) -> Value {
        match self {
            Self::Done => ().store(),
            Self::Conflict(record) => json!({ "conflict": record.store() }),
            Self::BucketChanged(key, bucket) => {
                json!({ "bucket-changed": [key.store(), bucket.store()] })
            }
            Self::ControlsChanged => "controls-changed".into(),
        }
    }

    fn load(value: &Value) -> Result<Self, String> {
        if value == "controls-changed" {
            return Ok(Self::ControlsChanged);
        }
        if value.get("conflict").is_some() {
            return member(value, "conflict").map(Self::Conflict);
        }
        if value.get("bucket-changed").is_some() {
            return member(value, "bucket-changed").map(|(key, bucket)| Self::BucketChanged(key, bucket));
        }
        <()>::load(value).map(|()| Self::Done)
    }
}

impl Form for ControlsReply {
    fn store(&self) -> Value {
        match self {
            Self::Done => ().store(),
            Self::Conflict(controls) => json!({ "conflict": controls.store() }),
        }
    }

    fn load(value: &Value) -> Result<Self, String> {
        if value.get("conflict").is_some() {
            return member(value, "conflict").map(Self::Conflict);
        }
        <()>::load(value).map(|()| Self::Done)
    }
}

impl Form for StageReading {
    fn store(&self) -> Value {
        match self {
            Self::State(state) => json!({ "state": state.store() }),
            Self::Parallel { execution, actions, entries } => json!({
                "execution": execution.store(), "actions": actions.store(), "entries": entries.store(),
            }),
        }
    }

    fn load(value: &Value) -> Result<Self, String> {
        if value.get("state").is_some() {
            return member(value, "state").map(Self::State);
        }
        Ok(Self::Parallel {
            execution: member(value, "execution")?,
            actions: member(value, "actions")?,
            entries: member(value, "entries")?,
        })
    }
}

impl Form for RetryReply {
    fn store(&self) -> Value {
        match self {
            Self::Accepted => "accepted".into(),
            Self::Refused(refusal) => json!({ "refused": refusal.store() }),
            Self::NotSent => "not-sent".into(),
            Self::Unknown => "unknown".into(),
        }
    }

    fn load(value: &Value) -> Result<Self, String> {
        match value.as_str() {
            Some("accepted") => Ok(Self::Accepted),
            Some("not-sent") => Ok(Self::NotSent),
            Some("unknown") => Ok(Self::Unknown),
            _ => member(value, "refused").map(Self::Refused),
        }
    }
}

impl Form for KeptPolicy {
    fn store(&self) -> Value {
        match self {
            Self::Text { version, text } => json!({ "version": version.store(), "text": text }),
            Self::Packaged => "packaged".into(),
            Self::Unreadable(problem) => json!({ "unreadable": problem }),
        }
    }

    fn load(value: &Value) -> Result<Self, String> {
        if value == "packaged" {
            return Ok(Self::Packaged);
        }
        match member(value, "unreadable") {
            Ok(problem) => Ok(Self::Unreadable(problem)),
            Err(_) => Ok(Self::Text { version: member(value, "version")?, text: member(value, "text")? }),
        }
    }
}
