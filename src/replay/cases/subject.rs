//! The failure of a case as the product would meet it: CodePipeline's answers, the ledger, and the event.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::document::NativeDocument;
use crate::classify::examine;
use crate::domain::budget::{Bucket, BucketKey};
use crate::domain::class::Class;
use crate::domain::controls::{Controls, Pause};
use crate::domain::evidence::{Classified, Evidence, Examination, Examined, Place, Text};
use crate::domain::facts::gather;
use crate::domain::freeze::{CalendarReadings, CalendarState};
use crate::domain::ids::{
    ActionExecutionId, ActionName, ExecutionId, PipelineArn, PipelineName, StageName, StageRunId,
};
use crate::domain::pipeline::{
    ActionDeclaration, ActionExecution, ActionStatus, Category, ErrorDetails, ExecutionKind, ExecutionMode,
    ExecutionStatus, PipelineStructure, Reading, StageDeclaration, Transition,
};
use crate::domain::policy::{Mode, Policy, RetryMode};
use crate::domain::protocol::View;
use crate::domain::stage_run::{StageRun, Tally, after};
use crate::domain::storm::{Note, Window, WindowKey};
use crate::domain::tags::{Tags, TagsReading};
use crate::domain::text::EvidenceText;
use crate::domain::trigger::{EventKey, StageEvent, StageEventState};
use crate::replay::course::Known;
use crate::replay::history::{Course as Past, ExecutionHistory, Passage, PipelineHistory, Timeline};

/// What a case says of one action.
#[derive(Debug, Clone)]
pub(super) struct FailedRun {
    pub name: ActionName,
    pub status: ActionStatus,
    pub class: Option<Class>,
    pub message: String,
    pub code: Option<String>,
    pub log: Option<String>,
    pub provider: String,
    pub category: Category,
}

/// What a case says of what happened before and beside.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone)]
pub(super) struct Beside {
    pub retries: u32,
    pub is_retried_by_hand: bool,
    pub native: Option<NativeDocument>,
    pub has_newer_execution: bool,
    pub is_stopped: bool,
    pub is_rejected: bool,
    pub is_edited: bool,
    pub is_rollback: bool,
    pub is_transition_disabled: bool,
    pub stages_ahead: Vec<StageName>,
}

/// A failure as the product would meet it.
#[derive(Debug)]
pub(super) struct Subject {
    pub event: StageEvent,
    pub failed_at: Timestamp,
    /// When it is decided about first.
    pub now: Timestamp,
    /// Whether only what is decided then counts, and not what it comes to.
    pub is_at_one_moment: bool,
    reading: Reading,
    tags: TagsReading,
    evidence: Vec<Evidence>,
    known_classes: Examination,
    record: StageRun,
    mode: Mode,
    tokens: BTreeMap<String, u32>,
    is_paused: bool,
    others_failing: u32,
    closed: Vec<String>,
}

/// How long a run takes.
const RUN: SignedDuration = SignedDuration::from_mins(1);
/// From one failure of a stage run to the next.
const BETWEEN: SignedDuration = SignedDuration::from_mins(20);
/// From an earlier failure to its retry by anybody, which the stage's own retry is far quicker than.
const RETRIED_AFTER: SignedDuration = SignedDuration::from_mins(5);
const NATIVE_AFTER: SignedDuration = SignedDuration::from_secs(20);
/// How long the policy has been at work.
const AT_WORK: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long an event takes.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(1);
/// The version of the structure, and the one that an edited pipeline's execution began with.
const VERSION: u32 = 3;
const VERSION_BEFORE: u32 = 2;

/// Who retried an earlier failure of the stage run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Native,
    Product,
    Person,
}

impl Subject {
    pub fn new(
        arn: PipelineArn,
        stage: StageName,
        actions: &[FailedRun],
        beside: &Beside,
        failed_at: Timestamp,
    ) -> Result<Self, String> {
        let execution = ExecutionId::parse("e-1").map_err(String::from)?;
        let run = StageRunId { pipeline: arn, execution, stage };
        let earlier = earlier(beside);
        let mut runs = Vec::new();
        let mut answered = BTreeSet::new();
        for (number, by) in earlier.iter().enumerate() {
            let distance = i32::try_from(earlier.len() - number).unwrap_or(i32::MAX);
            let at = after(failed_at, -(BETWEEN * distance));
            for action in actions.iter().filter(|action| action.status == ActionStatus::Failed) {
                let id = ActionExecutionId::parse(format!("{}-{}", action.name, number + 1))
                    .map_err(String::from)?;
                if *by == By::Product {
                    answered.insert(id.clone());
                }
                runs.push(ran(&run, action, id, at));
            }
        }
        // What runs again starts when it was retried.
        let restarted = earlier.last().map(|by| {
            let retried = if *by == By::Native { NATIVE_AFTER } else { RETRIED_AFTER };
            after(after(failed_at, -BETWEEN), retried)
        });
        let number = earlier.len() + 1;
        for action in actions {
            let id = ActionExecutionId::parse(format!("{}-{number}", action.name)).map_err(String::from)?;
            let mut now = ran(&run, action, id, failed_at);
            now.started = restarted.unwrap_or(now.started);
            if action.status == ActionStatus::InProgress {
                now.last_change = now.started;
            }
            runs.push(now);
        }
        if beside.is_rejected {
            runs.push(rejected(&run, failed_at)?);
        }
        let reading = reading(&run, actions, runs, beside, failed_at)?;
        let record = StageRun {
            live: Tally { used: beside.retries, answered, ..Tally::default() },
            ..StageRun::unwritten(&run)
        };
        let failed = gather(&run, &reading).map(|facts| facts.failed).unwrap_or_default();
        let of = |name: &ActionName| actions.iter().find(|action| action.name == *name);
        let evidence = failed.iter().map(|failed| of(&failed.name).map(evidence).unwrap_or_default());
        let known = failed.iter().filter_map(|failed| Some((failed.id.clone(), of(&failed.name)?.class?)));
        Ok(Self {
            evidence: evidence.collect(),
            known_classes: known.map(|(id, class)| (id, given(class))).collect(),
            event: StageEvent {
                run,
                state: StageEventState::Failed,
                time: failed_at,
                key: EventKey {
                    attempt: number.to_string(),
                    last_retry: if number > 1 { number.to_string() } else { String::new() },
                },
            },
            failed_at,
            now: after(failed_at, ON_ITS_WAY),
            is_at_one_moment: false,
            reading,
            tags: Ok(Tags::new()),
            record,
            mode: Mode::Active,
            tokens: BTreeMap::new(),
            is_paused: false,
            others_failing: 0,
            closed: Vec::new(),
        })
    }

    pub fn in_execution_mode(mut self, mode: ExecutionMode) -> Self {
        if let Ok(structure) = &mut self.reading.structure {
            structure.mode = mode;
        }
        if let Ok(execution) = &mut self.reading.execution {
            execution.mode = mode;
        }
        self
    }

    pub fn with_tags(mut self, tags: Tags) -> Self {
        self.tags = Ok(tags);
        self
    }

    pub fn decided_at(mut self, age: Option<SignedDuration>) -> Self {
        if let Some(age) = age {
            self.now = after(self.failed_at, age);
            self.is_at_one_moment = true;
        }
        self
    }

    pub fn in_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    pub fn with_tokens(mut self, tokens: BTreeMap<String, u32>) -> Self {
        self.tokens = tokens;
        self
    }

    pub fn paused(mut self, is_paused: bool) -> Self {
        self.is_paused = is_paused;
        self
    }

    pub fn beside_others(mut self, others_failing: u32) -> Self {
        self.others_failing = others_failing;
        self
    }

    pub fn with_closed(mut self, closed: Vec<String>) -> Self {
        self.closed = closed;
        self
    }

    pub fn known<'a>(&'a self, ledger: &'a View, calendars: &'a CalendarReadings) -> Known<'a> {
        Known {
            tags: &self.tags,
            reading: &self.reading,
            evidence: &self.evidence,
            known_classes: &self.known_classes,
            calendars,
            ledger,
        }
    }

    /// The failed actions with their classes and what said so.
    pub fn classes(&self, policy: &Policy) -> Vec<(String, String, String)> {
        let run = &self.event.run;
        let failed = gather(run, &self.reading).map(|facts| facts.failed).unwrap_or_default();
        let mut found = examine(&policy.classifiers, run, &failed, &self.evidence, false);
        found.extend(self.known_classes.clone());
        let told = failed.iter().filter_map(|failed| {
            let classified = &found.get(&failed.id)?.classified;
            Some((
                failed.name.to_string(),
                classified.class.as_str().to_owned(),
                classified.signature.clone(),
            ))
        });
        told.collect()
    }

    pub fn ledger(&self, policy: &Policy) -> Result<View, String> {
        let since = after(self.failed_at, -AT_WORK);
        let pauses =
            self.is_paused.then(|| Pause { pipeline: None, until: None, reason: "of the case".into() });
        let mut controls = Controls {
            pauses: pauses.into_iter().collect(),
            activated: Some((policy.version.clone(), self.mode)),
            ..Controls::default()
        };
        for rule in &policy.rules {
            for shadow in [false, true] {
                controls.active_since.insert((rule.name.clone(), shadow), since);
            }
        }
        let mut record = self.record.clone();
        record.shadow = record.live.clone();
        Ok(View {
            controls,
            record: Some(record),
            buckets: self.buckets(policy)?,
            windows: self.windows(policy),
        })
    }

    fn buckets(&self, policy: &Policy) -> Result<BTreeMap<BucketKey, Bucket>, String> {
        let mut buckets = BTreeMap::new();
        let run = &self.event.run;
        let tags = self.tags.clone().unwrap_or_default();
        let Some(rule) = policy.rule_for(run, &tags) else { return Ok(buckets) };
        for (name, left) in &self.tokens {
            let budget = rule.settings.budgets.iter().find(|budget| budget.name.as_str() == name);
            let budget =
                budget.ok_or_else(|| format!("rule `{}` takes no token of a budget `{name}`", rule.name))?;
            let capacity = budget.capacity();
            let missing = capacity.checked_sub(*left).ok_or_else(|| {
                format!("budget `{name}` holds {capacity} tokens, and the case leaves {left}")
            })?;
            let full_at = self.now.as_millisecond() + i64::from(missing) * budget.interval_ms();
            for shadow in [false, true] {
                buckets.insert(budget.key(run, shadow), Bucket { full_at: Some(full_at), next_slot: None });
            }
        }
        Ok(buckets)
    }

    /// The others failed a minute before.
    fn windows(&self, policy: &Policy) -> BTreeMap<WindowKey, Window> {
        let storm = &policy.storm;
        let before = after(self.failed_at, -SignedDuration::from_mins(1));
        let others = (0..self.others_failing)
            .filter_map(|number| Some((PipelineName::parse(format!("other-{number}")).ok()?, before)));
        let mut windows: BTreeMap<WindowKey, Window> = BTreeMap::new();
        for (pipeline, at) in others.chain([(self.event.run.pipeline.name.clone(), self.failed_at)]) {
            let key = storm.window(at);
            let window = windows.entry(key).or_default();
            if let Some(noted) = (Note { key, pipeline, at, failures: storm.failures() }).apply(window) {
                *window = noted;
            }
        }
        windows
    }

    pub fn calendars(&self, policy: &Policy) -> Result<CalendarReadings, String> {
        let all = policy.calendars();
        let document = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
        for name in &self.closed {
            if !all.iter().any(|arn| document(arn.as_str()) == *name) {
                return Err(format!("no freeze of the policy names a change calendar `{name}`"));
            }
        }
        let state = |arn: &str| {
            let is_closed = self.closed.contains(&document(arn));
            if is_closed { CalendarState::Closed { until: None } } else { CalendarState::Open }
        };
        Ok(all.into_iter().map(|arn| (arn.clone(), Ok(state(arn.as_str())))).collect())
    }
}

fn earlier(beside: &Beside) -> Vec<By> {
    let native = (beside.native == Some(NativeDocument::Fired)).then_some(By::Native);
    let ours = (0..beside.retries).map(|_| By::Product);
    let person = beside.is_retried_by_hand.then_some(By::Person);
    native.into_iter().chain(ours).chain(person).collect()
}

/// A class that the case gives, which nobody had to find out.
fn given(class: Class) -> Examined {
    let classified = Classified {
        class,
        signature: "given".to_owned(),
        reason: "the case says so".to_owned(),
        found: None,
    };
    Examined { classified, gaps: Vec::new(), excerpt: None }
}

fn evidence(action: &FailedRun) -> Evidence {
    let text =
        |log: &String| Text { place: Place::BuildLog, code: None, text: EvidenceText::tail(log.as_str()) };
    Evidence { texts: action.log.iter().map(text).collect(), gaps: Vec::new() }
}

fn ran(run: &StageRunId, action: &FailedRun, id: ActionExecutionId, ended: Timestamp) -> ActionExecution {
    ActionExecution {
        execution: run.execution.clone(),
        stage: run.stage.clone(),
        action: action.name.clone(),
        id,
        status: action.status,
        category: action.category,
        provider: action.provider.clone(),
        region: None,
        external_id: None,
        started: after(ended, -RUN),
        last_change: ended,
        error: match action.status {
            ActionStatus::Failed => ErrorDetails {
                code: Some(action.code.clone().unwrap_or_else(|| "JobFailed".to_owned())),
                message: EvidenceText::new(action.message.as_str()),
                summary: EvidenceText::default(),
            },
            _ => ErrorDetails::default(),
        },
    }
}

fn rejected(run: &StageRunId, at: Timestamp) -> Result<ActionExecution, String> {
    let approval = FailedRun {
        name: ActionName::parse("Approval").map_err(String::from)?,
        status: ActionStatus::Failed,
        class: None,
        message: String::new(),
        code: None,
        log: None,
        provider: "Manual".to_owned(),
        category: Category::Approval,
    };
    Ok(ran(run, &approval, ActionExecutionId::parse("Approval-1").map_err(String::from)?, at))
}

/// What CodePipeline answers about it.
fn reading(
    run: &StageRunId,
    actions: &[FailedRun],
    runs: Vec<ActionExecution>,
    beside: &Beside,
    failed_at: Timestamp,
) -> Result<Reading, String> {
    let mut declared: Vec<ActionDeclaration> = actions.iter().map(declaration).collect();
    if beside.is_rejected {
        declared.push(ActionDeclaration {
            name: ActionName::parse("Approval").map_err(String::from)?,
            category: Category::Approval,
            provider: "Manual".to_owned(),
            run_order: 1,
            change_set: None,
        });
    }
    let stage = StageDeclaration {
        name: run.stage.clone(),
        native_retry: beside.native.map(|_| RetryMode::FailedActions),
        actions: declared,
    };
    let ahead = beside.stages_ahead.iter().map(|name| StageDeclaration {
        name: name.clone(),
        native_retry: None,
        actions: actions.iter().take(1).map(declaration).collect(),
    });
    let execution = |id: &ExecutionId, started: Timestamp, course: Past| ExecutionHistory {
        id: id.clone(),
        status: if beside.is_stopped { ExecutionStatus::Stopped } else { ExecutionStatus::Failed },
        kind: if beside.is_rollback { ExecutionKind::Rollback } else { ExecutionKind::Standard },
        started,
        last_change: failed_at,
        course,
    };
    let begun = after(failed_at, -SignedDuration::from_hours(24));
    let mut executions =
        vec![execution(&run.execution, begun, Past::Eventful { runs, examination: Examination::new() })];
    if beside.has_newer_execution {
        let passage = Passage { stage: run.stage.clone(), entered: failed_at, left: failed_at };
        let id = ExecutionId::parse("e-2").map_err(String::from)?;
        executions.push(execution(&id, failed_at, Past::Quiet(vec![passage])));
    }
    let structure = PipelineStructure {
        name: run.pipeline.name.clone(),
        version: VERSION,
        mode: ExecutionMode::Superseded,
        stages: std::iter::once(stage).chain(ahead).collect(),
    };
    let pipeline = PipelineHistory { structure, tags: None, executions };
    let timeline = Timeline::new(&pipeline);
    let mut reading = timeline.reading(run, failed_at);
    reading.entries = Ok(timeline.entries(&run.stage, failed_at));
    if let Ok(state) = &mut reading.state
        && let Some(stage) = state.stages.iter_mut().find(|stage| stage.name == run.stage)
        && beside.is_transition_disabled
    {
        stage.transition = Transition::Disabled;
    }
    if let Ok(execution) = &mut reading.execution
        && beside.is_edited
    {
        execution.version = VERSION_BEFORE;
    }
    Ok(reading)
}

fn declaration(action: &FailedRun) -> ActionDeclaration {
    ActionDeclaration {
        name: action.name.clone(),
        category: action.category,
        provider: action.provider.clone(),
        run_order: 1,
        change_set: None,
    }
}
