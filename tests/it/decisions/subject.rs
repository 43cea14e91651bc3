//! From a case to the arguments of the decision: the domain's own values, built the way the ledger and CodePipeline
//! would give them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::domain::backoff::Jitter;
use codepipeline_retrier::domain::budget::{Bucket, BucketKey};
use codepipeline_retrier::domain::controls::{self, Controls};
use codepipeline_retrier::domain::decision::Decision;
use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::freeze::{CalendarReadings, CalendarState};
use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::ids::{
    AccountId, ActionExecutionId, ActionName, CalendarArn, ExecutionId, Partition, PipelineArn, PipelineName,
    Region, StageName, StageRunId,
};
use codepipeline_retrier::domain::live::Standing;
use codepipeline_retrier::domain::pipeline::{
    ActionDeclaration, ActionExecution, ActionRun, ActionStatus, Category, ChangeSet, ChangeSetPart,
    ErrorDetails, ExecutionKind, ExecutionMode, ExecutionStatus, Gap, PipelineExecution, PipelineState,
    PipelineStructure, Reading, RetryMetadata, StageDeclaration, StageEntry, StageState, Transition,
};
use codepipeline_retrier::domain::policy::{Mode, Policy, RetryMode};
use codepipeline_retrier::domain::scope::{Scope, Scopes};
use codepipeline_retrier::domain::screen::{Covered, Environment, Telling, pause_refusal, storm_refusal};
use codepipeline_retrier::domain::stage_run::{Claim, Hint, Owner, StageRun, Tally, Timing, after};
use codepipeline_retrier::domain::storm::{Note, Storm, Window, WindowKey};
use codepipeline_retrier::domain::tags::TagsReading;
use codepipeline_retrier::domain::text::EvidenceText;
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::policy_file;

use super::case::{Action, Calendar, Case, Fraction, Instant, StageAhead, five_past_ten};
use crate::history;

/// A case as the product sees it.
pub struct Subject {
    pub policy: Option<Policy>,
    pub mode: Mode,
    pub scopes: Scopes,
    pub run: StageRunId,
    pub tags: TagsReading,
    pub record: StageRun,
    pub reading: Reading,
    pub hint: Hint,
    pub pauses: Vec<controls::Pause>,
    pub active_since: Option<Timestamp>,
    pub windows: BTreeMap<WindowKey, Window>,
    pub own_claim: bool,
    pub calendars: CalendarReadings,
    pub now: Timestamp,
    pub jitter: Jitter,
}

impl Subject {
    pub fn of(case: &Case) -> Self {
        let run = run(case);
        let runs: Vec<ActionExecution> = case.actions.iter().map(|action| action_run(&run, action)).collect();
        let failures = runs.iter().filter(|run| run.status == ActionStatus::Failed);
        let last_failure = failures.map(|run| run.last_change).max();
        let now = case.now.0;
        let time = case.event_time.map(|Instant(at)| at).or(last_failure).unwrap_or(five_past_ten().0);
        let key = EventKey { attempt: "1".into(), last_retry: String::new() };
        // As the protocol takes it in: no event is from the future.
        let hint = Hint { key, time: time.min(case.now.0) };
        Self {
            policy: policy_file::load("case", &case.policy).policy,
            mode: Mode::parse(&case.deployment.mode).unwrap(),
            scopes: Scopes::alone(Scope {
                account: AccountId::parse(&case.deployment.account).unwrap(),
                region: Region::parse(&case.deployment.region).unwrap(),
                partition: Partition::parse(&case.deployment.partition).unwrap(),
            }),
            record: record(case, &run, &hint),
            reading: reading(case, &run, runs),
            tags: Ok(case.tags.clone()),
            hint,
            pauses: case.pauses.iter().map(pause).collect(),
            windows: windows(case, &run, time.min(now)),
            active_since: case.active_since.map(|Instant(at)| at),
            own_claim: case.record.own_claim.is_some(),
            calendars: case.calendars.iter().map(|(name, calendar)| asked(name, calendar)).collect(),
            now,
            jitter: Jitter(match case.jitter {
                Fraction::Lowest => 0,
                Fraction::Middle => u64::MAX / 2,
                Fraction::Highest => u64::MAX,
            }),
            run,
        }
    }

    pub fn environment(&self) -> Environment<'_> {
        Environment {
            evidence: Depth::State,
            policy: self.policy.as_ref(),
            standing: Standing::packaged(self.policy.as_ref().map(|policy| &policy.version)),
            mode: self.mode,
            scopes: &self.scopes,
            timing: Timing::default(),
            telling: Telling::default(),
            may_roll_back: false,
            deadline: Timestamp::MAX,
        }
    }

    /// Controls under which the rules of the policy are at work already.
    pub fn controls(&self) -> Controls {
        let mut controls = Controls { pauses: self.pauses.clone(), ..Controls::default() };
        let Some(policy) = &self.policy else { return controls };
        controls.activated = Some((policy.version.clone(), self.mode));
        for rule in &policy.rules {
            let shadow = self.mode.max(rule.settings.mode) == Mode::Shadow;
            controls.active_since.extend(self.active_since.map(|at| ((rule.name.clone(), shadow), at)));
        }
        controls
    }

    /// What a storm makes of it, where there is no pause.
    pub fn stormed(&self, covered: &Covered<'_>) -> Option<Decision> {
        if pause_refusal(&self.controls(), &self.run, self.now).is_some() {
            return None;
        }
        storm_refusal(covered, &self.windows, &self.record, &self.hint, self.hint.time, self.now)
    }

    /// The buckets of the rule, as the case has them.
    pub fn buckets(&self, case: &Case, covered: &Covered<'_>) -> BTreeMap<BucketKey, Bucket> {
        let mut named = case.budgets.clone();
        let mut buckets = BTreeMap::new();
        for budget in &covered.rule.settings.budgets {
            let Some(bucket) = named.remove(budget.name.as_str()) else { continue };
            let tolerance = (i64::from(budget.capacity()) - 1) * budget.interval_ms();
            let empty = bucket.empty_until.map(|Instant(at)| at.as_millisecond() + tolerance);
            let full_at = empty.or(bucket.full_at.map(|Instant(at)| at.as_millisecond()));
            let next_slot = bucket.next_slot.map(|Instant(at)| at.as_millisecond());
            buckets.insert(budget.key(&self.run, covered.shadow), Bucket { full_at, next_slot });
        }
        assert!(named.is_empty(), "the rule has no such budget: {named:?}");
        buckets
    }
}

fn asked(name: &str, calendar: &Calendar) -> (CalendarArn, Result<CalendarState, Gap>) {
    let arn = CalendarArn::parse(format!("arn:aws:ssm:eu-central-1:111122223333:document/{name}")).unwrap();
    let state = match calendar {
        Calendar::Open => Ok(CalendarState::Open),
        Calendar::Closed => Ok(CalendarState::Closed { until: None }),
        Calendar::ClosedUntil(Instant(until)) => Ok(CalendarState::Closed { until: Some(*until) }),
        Calendar::Unread(gap) => Err(parse_gap(gap)),
    };
    (arn, state)
}

fn run(case: &Case) -> StageRunId {
    StageRunId {
        pipeline: PipelineArn {
            partition: Partition::parse(&case.run.partition).unwrap(),
            region: Region::parse(&case.run.region).unwrap(),
            account: AccountId::parse(&case.run.account).unwrap(),
            name: PipelineName::parse(&case.run.pipeline).unwrap(),
        },
        execution: execution_id(&case.run.execution),
        stage: StageName::parse(&case.run.stage).unwrap(),
    }
}

fn action_run(run: &StageRunId, action: &Action) -> ActionExecution {
    ActionExecution {
        execution: run.execution.clone(),
        stage: run.stage.clone(),
        action: action_name(&action.name),
        id: action_id(&action.id),
        status: ActionStatus::parse(&action.status).unwrap(),
        category: Category::parse(&action.category).unwrap(),
        provider: action.provider.clone(),
        region: None,
        external_id: None,
        started: action.started.0,
        last_change: action.ended.0,
        error: ErrorDetails {
            code: Some(action.code.clone()),
            message: EvidenceText::new(action.message.as_str()),
            summary: EvidenceText::default(),
        },
    }
}

fn record(case: &Case, run: &StageRunId, hint: &Hint) -> StageRun {
    let ids = |texts: &[String]| texts.iter().map(|text| action_id(text)).collect();
    let of = &case.record;
    let tally = |used, answered: &[String], closed: &[String]| Tally {
        used,
        answered: ids(answered),
        closed: ids(closed),
    };
    StageRun {
        live: tally(of.used, &of.answered, &of.closed),
        shadow: tally(of.shadow.used, &of.shadow.answered, &of.shadow.closed),
        refusals: of.refusals,
        claim: of.own_claim.as_ref().map(|claim| Claim {
            sequence: 1,
            retry: claim.retry,
            failed: ids(&claim.failed),
            mode: RetryMode::FailedActions,
            owner: Owner("me".into()),
            lease_until: Timestamp::MAX,
            deposits: Vec::new(),
            taken_over: false,
            hint: hint.clone(),
            basis: None,
        }),
        ..StageRun::unwritten(run)
    }
}

fn reading(case: &Case, run: &StageRunId, runs: Vec<ActionExecution>) -> Reading {
    let mode = match case.execution.mode.as_str() {
        "SUPERSEDED" => ExecutionMode::Superseded,
        "QUEUED" => ExecutionMode::Queued,
        "PARALLEL" => ExecutionMode::Parallel,
        other => panic!("no such execution mode: {other}"),
    };
    let mut names: Vec<ActionName> = runs.iter().map(|run| run.action.clone()).collect();
    names.extend(case.structure.declares.iter().map(|declared| action_name(&declared.action)));
    names.sort();
    names.dedup();
    let structure = PipelineStructure {
        name: run.pipeline.name.clone(),
        version: case.structure.version,
        mode,
        stages: (case.structure.has_stage.then(|| declaration(case, run, &names, &runs)).into_iter())
            .chain(case.structure.ahead.iter().map(declared_ahead))
            .collect(),
    };
    let state = PipelineState {
        version: case.state.version.unwrap_or(case.structure.version),
        stages: (case.structure.has_stage.then(|| stage_state(case, run, &names, &runs)).into_iter())
            .chain(case.structure.ahead.iter().map(shown_ahead))
            .collect(),
    };
    let entries = match &case.entries {
        Some(entries) => entries.iter().map(entry).collect(),
        None => runs.first().map(own_entry).into_iter().collect(),
    };
    let execution = PipelineExecution {
        status: ExecutionStatus::parse(&case.execution.status).unwrap(),
        kind: kind(&case.execution.kind),
        version: case.execution.version,
        mode,
    };
    let parallel = mode == ExecutionMode::Parallel;
    let gap = |answer| case.unread.get(answer).map(|gap| parse_gap(gap));
    for answer in case.unread.keys() {
        let known = ["state", "execution", "structure", "actions", "entries"];
        assert!(known.contains(&answer.as_str()), "no such answer: {answer}");
    }
    let not_read = |unless: bool| (!unless).then_some(Gap::NotRead);
    Reading {
        state: gap("state").or(not_read(!parallel)).map_or(Ok(state), Err),
        execution: gap("execution").map_or(Ok(execution), Err),
        structure: gap("structure").map_or(Ok(structure), Err),
        actions: gap("actions").map_or(Ok(runs), Err),
        entries: gap("entries").or(not_read(parallel)).map_or(Ok(entries), Err),
    }
}

fn declaration(
    case: &Case,
    run: &StageRunId,
    names: &[ActionName],
    runs: &[ActionExecution],
) -> StageDeclaration {
    let actions = names.iter().map(|name| {
        let known = runs.iter().find(|run| run.action == *name);
        let declared = case.structure.declares.iter().find(|declared| declared.action == name.as_str());
        let makes = declared.and_then(|declared| declared.makes.as_deref()).map(change_set);
        let executes = declared.and_then(|declared| declared.executes.as_deref()).map(change_set);
        ActionDeclaration {
            name: name.clone(),
            category: known.map_or(Category::Build, |run| run.category),
            provider: known.map_or("CodeBuild".into(), |run| run.provider.clone()),
            run_order: 1,
            change_set: makes.map(ChangeSetPart::Makes).or(executes.map(ChangeSetPart::Executes)),
        }
    });
    StageDeclaration {
        name: run.stage.clone(),
        native_retry: case.structure.native_retry.then_some(RetryMode::FailedActions),
        actions: actions.collect(),
    }
}

fn declared_ahead(ahead: &StageAhead) -> StageDeclaration {
    let actions = ahead.actions.iter().map(|(order, category)| ActionDeclaration {
        name: action_name(&format!("{category}{order}")),
        category: Category::parse(category).unwrap(),
        provider: "Any".into(),
        run_order: *order,
        change_set: None,
    });
    StageDeclaration {
        name: StageName::parse(&ahead.stage).unwrap(),
        native_retry: None,
        actions: actions.collect(),
    }
}

fn shown_ahead(ahead: &StageAhead) -> StageState {
    StageState {
        name: StageName::parse(&ahead.stage).unwrap(),
        latest: None,
        transition: if ahead.is_closed { Transition::Disabled } else { Transition::Enabled },
        actions: Vec::new(),
        retries: None,
        waiting: false,
    }
}

/// `name`, or `stack/name` where the stack matters.
fn change_set(text: &str) -> ChangeSet {
    let (stack, name) = text.split_once('/').unwrap_or(("shop", text));
    ChangeSet { stack: stack.into(), name: name.into() }
}

fn stage_state(case: &Case, run: &StageRunId, names: &[ActionName], runs: &[ActionExecution]) -> StageState {
    let mut stage = history::stage_state(&run.stage, &run.execution, names, runs);
    let special = &case.state;
    if let Some(latest) = &mut stage.latest {
        latest.status = match &special.status {
            Some(status) => ExecutionStatus::parse(status).unwrap(),
            None => latest.status,
        };
        latest.kind = special.kind.as_deref().map_or(latest.kind, kind);
        if let Some(other) = &special.execution {
            latest.execution = execution_id(other);
        }
    }
    stage.transition = match special.transition.as_deref() {
        None | Some("enabled") => Transition::Enabled,
        Some("disabled") => Transition::Disabled,
        Some(other) => panic!("no such transition: {other}"),
    };
    stage.retries = (special.retries.as_ref())
        .map(|retries| RetryMetadata { automatic: retries.automatic, manual: retries.manual });
    stage.actions.retain(|action| !special.lacks.iter().any(|name| name == action.name.as_str()));
    let mut shows = special.shows.clone();
    for action in &mut stage.actions {
        if let Some(shown) = shows.remove(action.name.as_str()) {
            action.latest = Some(ActionRun {
                id: action_id(&shown.id),
                status: ActionStatus::parse(&shown.status).unwrap(),
                last_change: shown.changed.0,
                error: ErrorDetails::default(),
            });
        }
    }
    assert!(shows.is_empty(), "the stage has no such action: {shows:?}");
    stage
}

fn entry(entry: &super::case::Entry) -> StageEntry {
    StageEntry {
        execution: execution_id(&entry.execution),
        started: entry.started.0,
        entered: entry.entered.0,
    }
}

fn own_entry(first: &ActionExecution) -> StageEntry {
    StageEntry { execution: first.execution.clone(), started: first.started, entered: first.started }
}

fn pause(pause: &super::case::Pause) -> controls::Pause {
    controls::Pause {
        pipeline: pause.pipeline.as_deref().map(Glob::new),
        until: pause.until.map(|Instant(at)| at),
        reason: pause.reason.clone(),
    }
}

fn kind(text: &str) -> ExecutionKind {
    match text {
        "STANDARD" => ExecutionKind::Standard,
        "ROLLBACK" => ExecutionKind::Rollback,
        other => panic!("no such execution type: {other}"),
    }
}

fn parse_gap(text: &str) -> Gap {
    let all = [
        Gap::PipelineNotFound,
        Gap::ExecutionNotFound,
        Gap::Denied,
        Gap::Throttled,
        Gap::Unavailable,
        Gap::NotRead,
    ];
    all.into_iter().find(|gap| gap.as_str() == text).unwrap_or_else(|| panic!("no such gap: {text}"))
}

fn action_name(text: &str) -> ActionName {
    ActionName::parse(text).unwrap()
}

fn action_id(text: &str) -> ActionExecutionId {
    ActionExecutionId::parse(text).unwrap()
}

fn execution_id(text: &str) -> ExecutionId {
    ExecutionId::parse(text).unwrap()
}

/// The windows after this failure was noted: the others failed a minute earlier.
fn windows(case: &Case, run: &StageRunId, failed_at: Timestamp) -> BTreeMap<WindowKey, Window> {
    let others = (0..case.failing).map(|number| PipelineName::parse(format!("other-{number}")).unwrap());
    let a_minute_before = after(failed_at, SignedDuration::from_mins(-1));
    let failures = others.map(|name| (name, a_minute_before));
    let mut windows: BTreeMap<WindowKey, Window> = BTreeMap::new();
    for (pipeline, at) in failures.chain([(run.pipeline.name.clone(), failed_at)]) {
        let key = Storm::DEFAULT.window(at);
        let note = Note { key, pipeline, at, failures: Storm::DEFAULT.failures() };
        let window = windows.entry(key).or_default();
        if let Some(noted) = note.apply(window) {
            *window = noted;
        }
    }
    windows
}
