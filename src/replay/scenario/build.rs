//! From the scenario file to the scenario: names checked, policy compiled, exactly one act in each entry.

use jiff::Timestamp;

use super::Delivery;
use super::Scenario;
use super::document::{
    ActionDocument, ApprovalDocument, DeliveryDocument, EntryDocument, FailDocument, PipelineDocument,
    RunDocument, ScenarioDocument, StageActDocument, StageDocument, SwitchesDocument,
};
use super::expect::expectation;
use crate::domain::glob::Glob;
use crate::domain::ids::{AccountId, ActionName, InvalidId, Partition, PipelineName, Region, StageName};
use crate::domain::pipeline::{Category, ChangeSetPart, ExecutionMode};
use crate::domain::policy::{Mode, Policy, RetryMode};
use crate::emulator::acts::Act;
use crate::emulator::codepipeline::{
    ActionDefinition, ApprovalVerdict, BeforeEntry, Exception, OnSuccess, Outcome, PipelineDefinition,
    PipelineType, ServiceError, StageDefinition, Switches,
};
use crate::emulator::faults::{Fault, Operation};
use crate::emulator::world::{Deployed, Place};
use crate::policy_file;

pub(super) type Built<T> = Result<T, String>;

/// What a scenario plays with when it does not say: invented, and plainly so.
const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";
const START: &str = "2026-03-02T09:00:00Z";

pub(super) fn scenario(document: ScenarioDocument) -> Built<Scenario> {
    if document.scenario != 1 {
        return Err(format!("scenario format {} is not known, only 1", document.scenario));
    }
    let start = document.start.as_deref().unwrap_or(START);
    let mut timeline = Vec::new();
    let mut hooks = Vec::new();
    for (index, entry) in document.timeline.into_iter().enumerate() {
        let place = format!("timeline entry {}", index + 1);
        match when(&entry).map_err(|problem| format!("{place}: {problem}"))? {
            When::At(offset) => timeline.push((offset, act(entry).map_err(|e| format!("{place}: {e}"))?)),
            When::Before(operation, nth) => {
                hooks.push((operation, nth, act(entry).map_err(|e| format!("{place}: {e}"))?));
            }
        }
    }
    timeline.sort_by_key(|(offset, _)| *offset);
    let pipelines: Vec<_> = document.pipelines.into_iter().map(pipeline).collect::<Built<_>>()?;
    if pipelines.is_empty() {
        return Err("there is no pipeline".into());
    }
    Ok(Scenario {
        about: document.about,
        place: Place {
            partition: id(document.partition.as_deref().unwrap_or("aws"), Partition::parse)?,
            account: id(document.account.as_deref().unwrap_or(ACCOUNT), AccountId::parse)?,
            region: id(document.region.as_deref().unwrap_or(REGION), Region::parse)?,
        },
        start: start
            .parse::<Timestamp>()
            .map_err(|_| format!("`{start}` is not an instant such as `{START}`"))?,
        lasting: document.lasting.map(|length| length.0),
        deployed: Deployed {
            policy: Some(policy(&document.policy)?),
            mode: named(document.mode.as_deref().unwrap_or("active"), "mode", Mode::parse)?,
        },
        switches: switches(&document.switches),
        pipelines,
        timeline,
        hooks,
        deliveries: document.deliveries.iter().map(delivery).collect(),
        expectation: document.expect.map(expectation).transpose()?,
    })
}

fn id<T>(text: &str, parse: impl Fn(String) -> Result<T, InvalidId>) -> Built<T> {
    parse(text.to_owned()).map_err(|problem| format!("`{text}` is {problem}"))
}

pub(super) fn named<T>(text: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Built<T> {
    parse(text).ok_or_else(|| format!("`{text}` is not a known {what}"))
}

fn policy(text: &str) -> Built<Policy> {
    let loaded = policy_file::load("policy", text);
    loaded.policy.ok_or_else(|| {
        let rendered = policy_file::render::text(&loaded.source, &loaded.diagnostics);
        format!("the policy has errors\n{}", anstream::adapter::strip_str(&rendered))
    })
}

enum When {
    At(jiff::SignedDuration),
    Before(Operation, u64),
}

fn when(entry: &EntryDocument) -> Built<When> {
    match (&entry.at, &entry.before) {
        (Some(offset), None) => Ok(When::At(offset.0)),
        (None, Some(call)) => {
            Ok(When::Before(named(&call.operation, "operation", Operation::parse)?, call.nth))
        }
        _ => Err("it needs either `at` or `before`".into()),
    }
}

/// The one act of an entry.
fn act(entry: EntryDocument) -> Built<Act> {
    let mut acts: Vec<Built<Act>> = Vec::new();
    acts.extend(entry.start.map(|name| Ok(Act::Start { pipeline: pipeline_name(&name)? })));
    acts.extend(entry.retry.map(|document| {
        let mode = document.mode.as_deref().unwrap_or("FAILED_ACTIONS");
        let mode = named(mode, "retry mode", RetryMode::parse)?;
        let (pipeline, stage) = stage_of(&document)?;
        Ok(Act::Retry { pipeline, stage, mode })
    }));
    acts.extend(entry.stop.map(|document| {
        Ok(Act::Stop { pipeline: pipeline_name(&document.pipeline)?, abandon: document.abandon })
    }));
    acts.extend(entry.rollback.map(|document| {
        let (pipeline, stage) = stage_of(&document)?;
        Ok(Act::Rollback { pipeline, stage })
    }));
    acts.extend(entry.approve.map(|document| approval(&document, ApprovalVerdict::Approved)));
    acts.extend(entry.reject.map(|document| approval(&document, ApprovalVerdict::Rejected)));
    acts.extend(entry.disable_transition.map(|document| transition(&document, false)));
    acts.extend(entry.enable_transition.map(|document| transition(&document, true)));
    acts.extend(entry.edit.map(|document| {
        let pipeline = pipeline_name(&document.pipeline)?;
        let stages = document.stages.map(|stages| stages.into_iter().map(stage).collect::<Built<Vec<_>>>());
        let definition = stages.transpose()?.map(|stages| PipelineDefinition::new(pipeline.clone(), stages));
        Ok(Act::Edit { pipeline, definition: definition.map(Box::new) })
    }));
    acts.extend(entry.delete.map(|name| Ok(Act::Delete { pipeline: pipeline_name(&name)? })));
    acts.extend(entry.pause.map(|document| {
        Ok(Act::Pause {
            pipeline: document.pipeline.map(Glob::new),
            lasting: document.lasting.map(|length| length.0),
            reason: document.reason,
        })
    }));
    acts.extend(entry.resume.map(|document| Ok(Act::Resume { pipeline: document.pipeline.map(Glob::new) })));
    acts.extend(entry.deploy.map(|document| match (document.policy, document.broken) {
        (Some(text), false) => Ok(Act::Deploy { policy: Some(Box::new(policy(&text)?)) }),
        (None, true) => Ok(Act::Deploy { policy: None }),
        _ => Err("`deploy` needs either `policy` or `broken: true`".into()),
    }));
    acts.extend(entry.mode.map(|mode| Ok(Act::SetMode(named(&mode, "mode", Mode::parse)?))));
    acts.extend(entry.refuse_retry.map(|name| Ok(Act::RefuseRetry(refusal(&name)?))));
    acts.extend(entry.stale_reads.map(|length| Ok(Act::StaleReads { lasting: length.0 })));
    acts.extend(entry.outage.map(|document| {
        Ok(Act::Outage {
            operation: named(&document.operation, "operation", Operation::parse)?,
            fault: named(&document.fault, "fault", Fault::parse)?,
            lasting: document.lasting.0,
        })
    }));
    acts.extend(entry.break_call.map(|document| {
        Ok(Act::Break {
            operation: named(&document.operation, "operation", Operation::parse)?,
            nth: document.nth,
            fault: named(&document.fault, "fault", Fault::parse)?,
        })
    }));
    acts.extend(entry.send.map(|body| Ok(Act::Send { body })));
    let count = acts.len();
    match (acts.pop(), count) {
        (Some(act), 1) => act,
        (None, _) => Err("it has no act, such as `start` or `retry`".into()),
        _ => Err(format!("it has {count} acts; give each an entry of its own")),
    }
}

fn refusal(name: &str) -> Built<ServiceError> {
    const KNOWN: [Exception; 9] = [
        Exception::AccessDenied,
        Exception::ConcurrentPipelineExecutionsLimitExceeded,
        Exception::Conflict,
        Exception::NotLatestPipelineExecution,
        Exception::PipelineNotFound,
        Exception::StageNotFound,
        Exception::StageNotRetryable,
        Exception::Throttling,
        Exception::Validation,
    ];
    let known = |name: &str| KNOWN.into_iter().find(|exception| exception.as_str() == name);
    Ok(ServiceError::new(named(name, "refusal of a retry", known)?, "as planned"))
}

fn stage_of(document: &StageActDocument) -> Built<(PipelineName, StageName)> {
    Ok((pipeline_name(&document.pipeline)?, id(&document.stage, StageName::parse)?))
}

fn pipeline_name(name: &str) -> Built<PipelineName> {
    id(name, PipelineName::parse)
}

fn approval(document: &ApprovalDocument, verdict: ApprovalVerdict) -> Built<Act> {
    Ok(Act::Approve {
        pipeline: pipeline_name(&document.pipeline)?,
        stage: id(&document.stage, StageName::parse)?,
        action: id(&document.action, ActionName::parse)?,
        verdict,
    })
}

fn transition(document: &StageActDocument, enabled: bool) -> Built<Act> {
    let (pipeline, stage) = stage_of(document)?;
    Ok(Act::Transition { pipeline, stage, enabled })
}

fn pipeline(document: PipelineDocument) -> Built<PipelineDefinition> {
    let stages = document.stages.into_iter().map(stage).collect::<Built<_>>()?;
    let mut definition = PipelineDefinition::new(pipeline_name(&document.name)?, stages);
    definition.mode = match document.mode.as_deref() {
        None | Some("SUPERSEDED") => ExecutionMode::Superseded,
        Some("QUEUED") => ExecutionMode::Queued,
        Some("PARALLEL") => ExecutionMode::Parallel,
        Some(other) => return Err(format!("`{other}` is not a known execution mode")),
    };
    definition.pipeline_type = match document.pipeline_type.as_deref() {
        Some("V1") => PipelineType::V1,
        None | Some("V2") => PipelineType::V2,
        Some(other) => return Err(format!("`{other}` is not a known pipeline type")),
    };
    Ok(definition)
}

fn stage(document: StageDocument) -> Built<StageDefinition> {
    let actions = document.actions.into_iter().map(action).collect::<Built<_>>()?;
    let mut definition = StageDefinition::new(id(&document.name, StageName::parse)?, actions);
    definition.native_retry =
        document.native_retry.map(|mode| named(&mode, "retry mode", RetryMode::parse)).transpose()?;
    definition.before_entry = match document.before_entry.as_deref() {
        None | Some("pass") => BeforeEntry::Pass,
        Some("fail") => BeforeEntry::Fail,
        Some("skip") => BeforeEntry::Skip,
        Some(other) => return Err(format!("`{other}` is not a known result of `before-entry`")),
    };
    definition.on_success = match document.on_success.as_deref() {
        None | Some("pass") => OnSuccess::Pass,
        Some("fail") => OnSuccess::Fail,
        Some(other) => return Err(format!("`{other}` is not a known result of `on-success`")),
    };
    definition.on_failure_rollback = document.on_failure_rollback;
    Ok(definition)
}

fn action(document: ActionDocument) -> Built<ActionDefinition> {
    let category = named(&document.category, "action category", Category::parse)?;
    let provider = document.provider.unwrap_or_else(|| usual_provider(category).into());
    let script = document.runs.into_iter().map(outcome);
    let mut definition = ActionDefinition::new(id(&document.name, ActionName::parse)?, category, provider)
        .in_order(document.order.unwrap_or(1))
        .with_script(script);
    definition.change_set = match (document.makes_change_set, document.executes_change_set) {
        (None, None) => None,
        (Some(name), None) => Some(ChangeSetPart::Makes(name)),
        (None, Some(name)) => Some(ChangeSetPart::Executes(name)),
        (Some(_), Some(_)) => return Err("an action either makes a change set or executes one".into()),
    };
    Ok(definition)
}

fn usual_provider(category: Category) -> &'static str {
    match category {
        Category::Source => "CodeStarSourceConnection",
        Category::Build | Category::Test => "CodeBuild",
        Category::Deploy => "CloudFormation",
        Category::Approval => "Manual",
        Category::Invoke => "Lambda",
        Category::Compute => "Commands",
    }
}

fn outcome(document: RunDocument) -> Outcome {
    match document {
        RunDocument::Succeed(length) => Outcome::Succeed { after: length.0 },
        RunDocument::Fail(FailDocument { after, code, message, summary }) => Outcome::Fail {
            after: after.0,
            code: code.unwrap_or_else(|| "JobFailed".into()),
            message,
            summary,
        },
        RunDocument::Hang => Outcome::Hang,
    }
}

fn switches(document: &SwitchesDocument) -> Switches {
    let usual = Switches::default();
    Switches {
        fail_with_siblings_running: document
            .fail_with_siblings_running
            .unwrap_or(usual.fail_with_siblings_running),
        native_fires: document.native_fires.unwrap_or(usual.native_fires),
        native_retry_delay: document.native_retry_delay.map_or(usual.native_retry_delay, |length| length.0),
        native_emits_failed_first: document
            .native_emits_failed_first
            .unwrap_or(usual.native_emits_failed_first),
        native_sets_last_retry_time: document
            .native_sets_last_retry_time
            .unwrap_or(usual.native_sets_last_retry_time),
        edit_fails_running: document.edit_fails_running.unwrap_or(usual.edit_fails_running),
        pipeline_resumed_first: document.pipeline_resumed_first.unwrap_or(usual.pipeline_resumed_first),
        first_attempt_is_zero: document.first_attempt_is_zero.unwrap_or(usual.first_attempt_is_zero),
        metadata_resets: document.metadata_resets.unwrap_or(usual.metadata_resets),
        metadata_on_v1: document.metadata_on_v1.unwrap_or(usual.metadata_on_v1),
        concurrency_limit: document.concurrency_limit.unwrap_or(usual.concurrency_limit),
    }
}

fn delivery(document: &DeliveryDocument) -> (u64, Delivery) {
    let usual = Delivery::default();
    let delivery = Delivery {
        copies: document.copies.unwrap_or(usual.copies),
        delay: document.delay.map_or(usual.delay, |length| length.0),
        spread: document.spread.map_or(usual.spread, |length| length.0),
    };
    (document.event, delivery)
}
