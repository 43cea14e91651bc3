//! One failed stage, what may be on record of it, and a handling that is watched from its message to its end.

use std::collections::BTreeSet;

use jiff::Timestamp;

use codepipeline_retrier::classify::examine;
use codepipeline_retrier::domain::backoff::Jitter;
use codepipeline_retrier::domain::controls::{Controls, Pause};
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::freeze::CalendarState;
use codepipeline_retrier::domain::ids::{ActionExecutionId, ActionName};
use codepipeline_retrier::domain::pipeline::{
    ActionExecution, ActionStatus, Category, ErrorDetails, ExecutionKind, ExecutionMode, ExecutionStatus,
    Gap, PipelineExecution, PipelineState, PipelineStructure, Reading, RetryReply, StageDeclaration,
    StageEntry,
};
use codepipeline_retrier::domain::policy::{Mode, RetryMode};
use codepipeline_retrier::domain::protocol::{
    Answer, Commit, CommitReply, ControlsReply, Effect, Input, Outcome, State, View, step,
};
use codepipeline_retrier::domain::rollback::RollbackReply;
use codepipeline_retrier::domain::stage_run::{Hint, Owner, StageRun};
use codepipeline_retrier::domain::text::EvidenceText;
use codepipeline_retrier::domain::trigger::{
    Delivery, EventKey, StageEvent, StageEventState, Trigger, WakeUp,
};
use codepipeline_retrier::policy_file;

use super::replies::{Setting, again};
use crate::arbitrary::{at, run};
use crate::history;

const POLICY: &str = "{ version: 1, rules: [{ name: everything, match: { pipeline: '*' }, backoff: { initial: 1m, max: 1m, jitter: none } }] }";

pub fn setting(mode: Mode) -> Setting {
    Setting::new(policy_file::load("policy", POLICY).policy, mode)
}

pub fn hint(seconds: i64) -> Hint {
    Hint { key: EventKey { attempt: "1".into(), last_retry: String::new() }, time: at(seconds) }
}

pub fn failed() -> BTreeSet<ActionExecutionId> {
    BTreeSet::from([ActionExecutionId::parse("unit-1").unwrap()])
}

/// `Unit` was throttled at that second, and nothing else happened.
pub fn reading(seconds: i64) -> Reading {
    let action = ActionName::parse("Unit").unwrap();
    let runs = vec![ActionExecution {
        execution: run().execution,
        stage: run().stage,
        action: action.clone(),
        id: failed().pop_first().unwrap(),
        status: ActionStatus::Failed,
        category: Category::Build,
        provider: "CodeBuild".into(),
        region: None,
        external_id: None,
        started: at(0),
        last_change: at(seconds),
        error: ErrorDetails { message: EvidenceText::new("Rate exceeded"), ..ErrorDetails::default() },
    }];
    let declaration = StageDeclaration { name: run().stage, native_retry: None, actions: Vec::new() };
    let shown = history::stage_state(&run().stage, &run().execution, &[action], &runs);
    let mode = ExecutionMode::Superseded;
    Reading {
        state: Ok(PipelineState { version: 1, stages: vec![shown] }),
        execution: Ok(PipelineExecution {
            status: ExecutionStatus::Failed,
            kind: ExecutionKind::Standard,
            version: 1,
            mode,
        }),
        structure: Ok(PipelineStructure {
            name: run().pipeline.name,
            version: 1,
            mode,
            stages: vec![declaration],
        }),
        actions: Ok(runs),
        entries: Err(Gap::NotRead),
    }
}

/// The same with another action, `Lint`, that ended so at that second.
pub fn with_lint(mut reading: Reading, seconds: i64, status: ActionStatus) -> Reading {
    let runs = reading.actions.as_mut().unwrap();
    let lint = ActionExecution {
        action: ActionName::parse("Lint").unwrap(),
        id: ActionExecutionId::parse("lint-1").unwrap(),
        last_change: at(seconds),
        status,
        ..runs[0].clone()
    };
    runs.push(lint);
    let names = ["Unit", "Lint"].map(|name| ActionName::parse(name).unwrap());
    let mut shown = history::stage_state(&run().stage, &run().execution, &names, runs);
    reading.state = reading.state.map(|mut state| {
        // The stage stands as it stood.
        shown.latest = state.stages.remove(0).latest;
        PipelineState { stages: vec![shown], ..state }
    });
    reading
}

/// The same in a PARALLEL pipeline.
pub fn in_parallel(mut reading: Reading) -> Reading {
    reading.state = Err(Gap::NotRead);
    reading.execution.as_mut().unwrap().mode = ExecutionMode::Parallel;
    reading.structure.as_mut().unwrap().mode = ExecutionMode::Parallel;
    reading.entries = Ok(vec![StageEntry { execution: run().execution, started: at(0), entered: at(0) }]);
    reading
}

/// A record with a claim of somebody's, whose lease ended at that second.
pub fn claimed(heard_at: i64, lease_until: i64) -> StageRun {
    let mut record = StageRun::unwritten(&run());
    let owner = Owner("somebody".into());
    record.claim(&failed(), RetryMode::FailedActions, &[], &owner, at(lease_until), &hint(heard_at));
    record.revision = 1;
    record
}

/// What a handling did.
#[derive(Debug, Default)]
pub struct Handled {
    /// Everything that was written.
    pub written: Vec<Commit>,
    /// The names of what was asked of others, in order.
    pub asked: Vec<&'static str>,
    /// What the ledger's controls were set to.
    pub controls: Option<Controls>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

impl Handled {
    /// Whether a retry was called.
    pub fn called(&self) -> bool {
        self.asked.contains(&"call")
    }

    /// What was decided at last.
    pub fn ruling(&self) -> Option<Ruling> {
        Some(self.outcome.as_ref()?.decision.as_ref()?.ruling)
    }

    /// The record as it was last written.
    pub fn record(&self) -> &StageRun {
        &self.written.last().unwrap().record
    }
}

/// Handles the message until nothing is left to do.
pub fn handle(
    setting: &Setting,
    trigger: Trigger,
    view: &View,
    reading: &Reading,
    now: Timestamp,
) -> Handled {
    handle_with_fence(setting, trigger, view, reading, reading, now)
}

/// The same where the stage shows something else right before the call.
pub fn handle_with_fence(
    setting: &Setting,
    trigger: Trigger,
    view: &View,
    reading: &Reading,
    then: &Reading,
    now: Timestamp,
) -> Handled {
    handle_with_call(setting, trigger, view, reading, then, RetryReply::Accepted, now)
}

/// The same where that comes of the call.
pub fn handle_with_call(
    setting: &Setting,
    trigger: Trigger,
    view: &View,
    reading: &Reading,
    then: &Reading,
    called: RetryReply,
    now: Timestamp,
) -> Handled {
    let environment = setting.environment();
    let mut handled = Handled::default();
    let mut state = State::Idle;
    let mut answer = Answer::Begin { trigger, delivery: Delivery::First, owner: Owner("me".into()) };
    loop {
        let (next, effect) = step(&environment, state, Input { now, answer });
        state = next;
        answer = match effect {
            Effect::ReadTags { .. } => {
                handled.asked.push("tags");
                Answer::Tags(setting.tags.clone())
            }
            Effect::ReadLedger { .. } => Answer::Ledger(Ok(Box::new(view.clone()))),
            Effect::NoteFailure(note) => {
                handled.asked.push("note");
                let window = view.windows.get(&note.key).cloned().unwrap_or_default();
                Answer::Noted(Ok(note.apply(&window).unwrap()))
            }
            Effect::WriteControls(controls) => {
                handled.controls = Some(controls);
                Answer::ControlsWritten(Ok(ControlsReply::Done))
            }
            Effect::Observe { .. } => {
                handled.asked.push("observe");
                Answer::Observed { reading: Box::new(reading.clone()), jitter: Jitter(0) }
            }
            Effect::Examine { run, failed, .. } => Answer::Examined(examine(&[], &run, &failed, &[], false)),
            Effect::ReadCalendars { calendars } => {
                handled.asked.push("calendars");
                Answer::Calendars(calendars.into_iter().map(|arn| (arn, Ok(CalendarState::Open))).collect())
            }
            Effect::FindTarget { .. } => Answer::Target(Ok(None)),
            Effect::RollBack { .. } => Answer::RolledBack(RollbackReply::NotSent),
            Effect::Commit(commit) => {
                handled.written.push(*commit);
                Answer::Committed(Ok(CommitReply::Done))
            }
            Effect::Arm { .. } => {
                handled.asked.push("arm");
                Answer::Armed(Ok(()))
            }
            Effect::Fence { mode, .. } => {
                handled.asked.push("fence");
                Answer::Fenced(Box::new(again(then, mode)))
            }
            Effect::Call { .. } => {
                handled.asked.push("call");
                Answer::Called(called)
            }
            Effect::Finish(outcome) => {
                handled.outcome = Some(*outcome);
                return handled;
            }
        };
    }
}

pub fn view(setting: &Setting, record: Option<StageRun>, pauses: Vec<Pause>) -> View {
    let activated = setting.policy.as_ref().map(|policy| (policy.version.clone(), setting.mode));
    let controls = Controls { version: 1, pauses, activated, ..Controls::default() };
    View { controls, record, ..View::default() }
}

pub fn pause(until: Option<Timestamp>) -> Vec<Pause> {
    vec![Pause { pipeline: None, until, reason: "holiday".into() }]
}

pub fn event(seconds: i64) -> Trigger {
    let key = EventKey { attempt: "2".into(), last_retry: String::new() };
    Trigger::StageEvent(StageEvent { run: run(), state: StageEventState::Failed, time: at(seconds), key })
}

pub fn wake_up(record: &StageRun) -> Trigger {
    Trigger::WakeUp(WakeUp { run: run(), sequence: record.sequence })
}

pub fn ids(ids: &[&str]) -> BTreeSet<ActionExecutionId> {
    ids.iter().map(|id| ActionExecutionId::parse(*id).unwrap()).collect()
}

/// `Unit` failed at that second and was run again a minute later; four minutes after that its second run stands so.
pub fn retried(seconds: i64, status: ActionStatus) -> Reading {
    retried_at(seconds, seconds + 60, seconds + 400, status)
}

/// `Unit` failed at that second, was run again at the second one, and changed last at the third.
pub fn retried_at(seconds: i64, started: i64, last_change: i64, status: ActionStatus) -> Reading {
    let mut reading = reading(seconds);
    let runs = reading.actions.as_mut().unwrap();
    let second = ActionExecution {
        id: ActionExecutionId::parse("unit-2").unwrap(),
        status,
        region: None,
        external_id: None,
        started: at(started),
        last_change: at(last_change),
        ..runs[0].clone()
    };
    runs.push(second);
    let mut shown =
        history::stage_state(&run().stage, &run().execution, &[ActionName::parse("Unit").unwrap()], runs);
    let stands = match status {
        ActionStatus::InProgress => ExecutionStatus::InProgress,
        ActionStatus::Succeeded => ExecutionStatus::Succeeded,
        ActionStatus::Failed => ExecutionStatus::Failed,
        ActionStatus::Abandoned => ExecutionStatus::Stopped,
    };
    if let Some(latest) = &mut shown.latest {
        latest.status = stands;
    }
    reading.state = Ok(PipelineState { version: 1, stages: vec![shown] });
    reading.execution.as_mut().unwrap().status = stands;
    reading
}
