//! From the scenario file to the scenario: names checked, policy compiled, exactly one act in each entry.

use jiff::{SignedDuration, Timestamp};

use super::Delivery;
use super::Scenario;
use super::cause::failure;
use super::document::{
    ActionDocument, ApprovalDocument, DeliveryDocument, EntryDocument, PipelineDocument, RunDocument,
    ScenarioDocument, StageActDocument, StageDocument, SwitchesDocument,
};
use super::expect::expectation;
use super::fleet::Fleet;
use crate::domain::glob::Glob;
use crate::domain::ids::{AccountId, ActionName, CalendarArn, Partition, PipelineName, Region, StageName};
use crate::domain::pipeline::{Category, ChangeSet, ChangeSetPart, ExecutionMode};
use crate::domain::policy::{Mode, Policy, RetryMode};
use crate::domain::screen::Telling;
use crate::emulator::acts::Act;
use crate::emulator::codepipeline::{
    ActionDefinition, ApprovalVerdict, BeforeEntry, Exception, OnSuccess, Outcome, PipelineDefinition,
    PipelineType, ServiceError, StageDefinition, Switches,
};
use crate::emulator::evidence::Source;
use crate::emulator::faults::{Fault, Operation};
use crate::emulator::world::{Deployed, Place};
use crate::policy_file;
use crate::replay::values::{Built, id, named, usual_provider, within};

/// What a scenario plays with when it does not say: invented, and plainly so.
const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";
const START: &str = "2026-03-02T09:00:00Z";

pub(super) fn scenario(document: ScenarioDocument) -> Built<Scenario> {
    if document.scenario != 1 {
        return Err(format!("scenario format {} is not known, only 1", document.scenario));
    }
    let start = document.start.as_deref().unwrap_or(START);
    let fleet = Fleet::of(&document.pipelines, &document.timeline);
    let pipelines: Vec<_> = document.pipelines.into_iter().map(pipeline).collect::<Built<_>>()?;
    if pipelines.is_empty() {
        return Err("there is no pipeline".into());
    }
    let mut timeline = Vec::new();
    let mut hooks = Vec::new();
    for (index, entry) in document.timeline.into_iter().enumerate() {
        let place = format!("timeline entry {}", index + 1);
        let when = within(&place, when(&entry))?;
        let act = within(&place, act(entry))?;
        within(&place, fleet.check_act(&act))?;
        match when {
            When::At(offset) => timeline.push((offset, act)),
            When::Before(operation, nth) => hooks.push((operation, nth, act)),
        }
    }
    timeline.sort_by_key(|(offset, _)| *offset);
    if let Some(expect) = &document.expect {
        fleet.check_expectation(expect)?;
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
        sweep: match document.sweep.map(|length| length.0) {
            Some(every) if every < SignedDuration::from_mins(1) || every.as_secs() % 60 != 0 => {
                return Err("`sweep` takes whole minutes, as its schedule does".into());
            }
            every => every,
        },
        deployed: Deployed {
            policy: Some(policy(&document.policy)?),
            mode: named(document.mode.as_deref().unwrap_or("active"), "mode", &Mode::ALL, Mode::as_str)?,
            telling: telling(&document.telling)?,
            may_roll_back: document.allow_rollback,
        },
        switches: switches(&document.switches),
        denied: (document.denied.iter())
            .map(|name| named(name, "source of evidence", &Source::ALL, Source::as_str))
            .collect::<Built<_>>()?,
        pipelines,
        timeline,
        hooks,
        deliveries: document.deliveries.iter().map(delivery).collect(),
        expectation: document.expect.map(expectation).transpose()?,
    })
}

fn telling(names: &[String]) -> Built<Telling> {
    let mut telling = Telling::default();
    for name in names {
        match name.as_str() {
            "notices" => telling.notices = true,
            "decisions" => telling.decisions = true,
            _ => return Err(format!("`{name}` cannot be told: `telling` takes `notices` and `decisions`")),
        }
    }
    Ok(telling)
}

fn policy(text: &str) -> Built<Policy> {
    let loaded = policy_file::load("policy", text);
    loaded.policy.ok_or_else(|| {
        let rendered = policy_file::render::text(&loaded.source, &loaded.diagnostics);
        format!("the policy has errors\n{}", anstream::adapter::strip_str(&rendered))
    })
}

enum When {
    At(SignedDuration),
    Before(Operation, u64),
}

fn when(entry: &EntryDocument) -> Built<When> {
    match (&entry.at, &entry.before) {
        (Some(offset), None) => Ok(When::At(offset.0)),
        (None, Some(call)) => Ok(When::Before(
            named(&call.operation, "operation", &Operation::ALL, Operation::as_str)?,
            call.nth,
        )),
        _ => Err("it needs either `at` or `before`".into()),
    }
}

/// The one act of an entry.
fn act(entry: EntryDocument) -> Built<Act> {
    let mut acts: Vec<Built<Act>> = Vec::new();
    acts.extend(entry.start.map(|name| Ok(Act::Start { pipeline: pipeline_name(&name)? })));
    acts.extend(entry.retry.map(|document| {
        let mode = document.mode.as_deref().unwrap_or("FAILED_ACTIONS");
        let mode = named(mode, "retry mode", &RetryMode::ALL, RetryMode::as_str)?;
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
        let stages = document.stages.map(|stages| {
            stages.into_iter().map(|given| stage(given, &document.pipeline)).collect::<Built<Vec<_>>>()
        });
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
    acts.extend(entry.close_calendar.map(|document| {
        let calendar = id(&document.calendar, CalendarArn::parse)?;
        Ok(Act::CloseCalendar { calendar, lasting: document.lasting.map(|length| length.0) })
    }));
    acts.extend(
        entry.open_calendar.map(|arn| Ok(Act::OpenCalendar { calendar: id(&arn, CalendarArn::parse)? })),
    );
    acts.extend(entry.deploy.map(|document| match (document.policy, document.broken) {
        (Some(text), false) => Ok(Act::Deploy { policy: Some(Box::new(policy(&text)?)) }),
        (None, true) => Ok(Act::Deploy { policy: None }),
        _ => Err("`deploy` needs either `policy` or `broken: true`".into()),
    }));
    acts.extend(entry.mode.map(|mode| Ok(Act::SetMode(named(&mode, "mode", &Mode::ALL, Mode::as_str)?))));
    acts.extend(entry.refuse_retry.map(|name| Ok(Act::RefuseRetry(refusal(&name)?))));
    acts.extend(entry.stale_reads.map(|length| Ok(Act::StaleReads { lasting: length.0 })));
    acts.extend(entry.outage.map(|document| {
        Ok(Act::Outage {
            operation: named(&document.operation, "operation", &Operation::ALL, Operation::as_str)?,
            fault: named(&document.fault, "fault", &Fault::ALL, Fault::as_str)?,
            lasting: document.lasting.0,
        })
    }));
    acts.extend(entry.break_call.map(|document| {
        Ok(Act::Break {
            operation: named(&document.operation, "operation", &Operation::ALL, Operation::as_str)?,
            nth: document.nth,
            fault: named(&document.fault, "fault", &Fault::ALL, Fault::as_str)?,
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
    Ok(ServiceError::new(named(name, "refusal of a retry", &KNOWN, Exception::as_str)?, "as planned"))
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

const MODES: [(&str, ExecutionMode); 3] = [
    ("SUPERSEDED", ExecutionMode::Superseded),
    ("QUEUED", ExecutionMode::Queued),
    ("PARALLEL", ExecutionMode::Parallel),
];
const TYPES: [(&str, PipelineType); 2] = [("V2", PipelineType::V2), ("V1", PipelineType::V1)];
const BEFORE_ENTRY: [(&str, BeforeEntry); 3] =
    [("pass", BeforeEntry::Pass), ("fail", BeforeEntry::Fail), ("skip", BeforeEntry::Skip)];
const ON_SUCCESS: [(&str, OnSuccess); 2] = [("pass", OnSuccess::Pass), ("fail", OnSuccess::Fail)];

/// One of several values; the first when nothing is said.
fn chosen<T: Copy>(text: Option<&str>, what: &str, all: &[(&'static str, T)]) -> Built<T> {
    let text = text.or_else(|| all.first().map(|(name, _)| *name)).unwrap_or_default();
    named(text, what, all, |(name, _)| name).map(|(_, value)| value)
}

fn pipeline(document: PipelineDocument) -> Built<PipelineDefinition> {
    let name = pipeline_name(&document.name)?;
    let stages = document.stages.into_iter().map(|given| stage(given, &document.name));
    let mut definition = PipelineDefinition::new(name, stages.collect::<Built<_>>()?);
    definition.mode = within(&document.name, chosen(document.mode.as_deref(), "execution mode", &MODES))?;
    definition.pipeline_type =
        within(&document.name, chosen(document.pipeline_type.as_deref(), "pipeline type", &TYPES))?;
    definition.tags = document.tags;
    Ok(definition)
}

fn stage(document: StageDocument, pipeline: &str) -> Built<StageDefinition> {
    let place = format!("{pipeline}/{}", document.name);
    let actions = document.actions.into_iter().map(|given| {
        let place = format!("{place}/{}", given.name);
        within(&place, action(given, pipeline))
    });
    let actions = actions.collect::<Built<_>>()?;
    let mut definition = StageDefinition::new(id(&document.name, StageName::parse)?, actions);
    let native =
        document.native_retry.map(|mode| named(&mode, "retry mode", &RetryMode::ALL, RetryMode::as_str));
    definition.native_retry = within(&place, native.transpose())?;
    let before = chosen(document.before_entry.as_deref(), "result of `before-entry`", &BEFORE_ENTRY);
    definition.before_entry = within(&place, before)?;
    let after = chosen(document.on_success.as_deref(), "result of `on-success`", &ON_SUCCESS);
    definition.on_success = within(&place, after)?;
    definition.on_failure_rollback = document.on_failure_rollback;
    Ok(definition)
}

fn action(document: ActionDocument, pipeline: &str) -> Built<ActionDefinition> {
    let category = named(&document.category, "action category", &CATEGORIES, Category::as_str)?;
    let provider = document.provider.unwrap_or_else(|| usual_provider(category).into());
    let script = document.runs.into_iter().map(|run| outcome(run, &provider)).collect::<Built<Vec<_>>>()?;
    let mut definition = ActionDefinition::new(id(&document.name, ActionName::parse)?, category, provider)
        .in_order(document.order.unwrap_or(1))
        .with_script(script);
    definition.region = document.region.map(|region| id(&region, Region::parse)).transpose()?;
    let stack = || document.stack.clone().unwrap_or_else(|| pipeline.to_owned());
    let set = |name| ChangeSet { stack: stack(), name };
    definition.change_set = match (document.makes_change_set, document.executes_change_set) {
        (None, None) => None,
        (Some(name), None) => Some(ChangeSetPart::Makes(set(name))),
        (None, Some(name)) => Some(ChangeSetPart::Executes(set(name))),
        (Some(_), Some(_)) => return Err("an action either makes a change set or executes one".into()),
    };
    // A change set knows its stack, and what is called as the pipeline need not be said.
    let needs_saying = |stack: &String| definition.change_set.is_none() && stack != pipeline;
    definition.stack = document.stack.clone().filter(needs_saying);
    Ok(definition)
}

const CATEGORIES: [Category; 7] = [
    Category::Source,
    Category::Build,
    Category::Test,
    Category::Deploy,
    Category::Approval,
    Category::Invoke,
    Category::Compute,
];

fn outcome(document: RunDocument, provider: &str) -> Built<Outcome> {
    match document {
        RunDocument::Succeed(length) => Ok(Outcome::Succeed { after: length.0 }),
        RunDocument::Fail(document) => failure(*document, provider),
        RunDocument::Hang => Ok(Outcome::Hang),
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
