//! What has outlived its time or its mode: an open claim after the rule went to shadow, a pause that outlasts a failure,
//! and a new failure of an old stage run while everything is paused.

use std::collections::BTreeSet;

use jiff::Timestamp;

use codepipeline_retrier::domain::backoff::Jitter;
use codepipeline_retrier::domain::controls::{Controls, Pause};
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::ids::{ActionExecutionId, ActionName};
use codepipeline_retrier::domain::pipeline::{
    ActionExecution, ActionStatus, Category, ErrorDetails, ExecutionKind, ExecutionMode, ExecutionStatus,
    Gap, PipelineExecution, PipelineState, PipelineStructure, Reading, StageDeclaration,
};
use codepipeline_retrier::domain::policy::{Mode, RetryMode};
use codepipeline_retrier::domain::protocol::{Answer, Commit, CommitReply, Effect, Input, State, View, step};
use codepipeline_retrier::domain::stage_run::{Hint, Owner, StageRun};
use codepipeline_retrier::domain::storm::Window;
use codepipeline_retrier::domain::text::EvidenceText;
use codepipeline_retrier::domain::trigger::{
    Delivery, EventKey, StageEvent, StageEventState, Trigger, WakeUp,
};
use codepipeline_retrier::policy_file;

use super::replies::{Setting, again};
use crate::arbitrary::{at, run};
use crate::history;

const POLICY: &str = "{ version: 1, rules: [{ name: everything, match: { pipeline: '*' }, backoff: { initial: 1m, max: 1m, jitter: none } }] }";

fn setting(mode: Mode) -> Setting {
    Setting::new(policy_file::load("policy", POLICY).policy, mode)
}

fn hint(seconds: i64) -> Hint {
    Hint { key: EventKey { attempt: "1".into(), last_retry: String::new() }, time: at(seconds) }
}

fn failed() -> BTreeSet<ActionExecutionId> {
    BTreeSet::from([ActionExecutionId::parse("unit-1").unwrap()])
}

/// `Unit` was throttled at that second, and nothing else happened.
fn reading(seconds: i64) -> Reading {
    let action = ActionName::parse("Unit").unwrap();
    let runs = vec![ActionExecution {
        execution: run().execution,
        stage: run().stage,
        action: action.clone(),
        id: failed().pop_first().unwrap(),
        status: ActionStatus::Failed,
        category: Category::Build,
        provider: "CodeBuild".into(),
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

/// A record with a claim of somebody's, whose lease ended at that second.
fn claimed(heard_at: i64, lease_until: i64) -> StageRun {
    let mut record = StageRun::unwritten(&run());
    let owner = Owner("somebody".into());
    record.claim(&failed(), RetryMode::FailedActions, &[], &owner, at(lease_until), &hint(heard_at));
    record.revision = 1;
    record
}

/// Handles the message until nothing is left to do; everything that was written, and whether anything was called.
fn handle(
    setting: &Setting,
    trigger: Trigger,
    view: &View,
    reading: &Reading,
    now: Timestamp,
) -> (Vec<Commit>, bool) {
    let environment = setting.environment();
    let (mut written, mut called) = (Vec::new(), false);
    let mut state = State::Idle;
    let mut answer = Answer::Begin { trigger, delivery: Delivery::First, owner: Owner("me".into()) };
    loop {
        let (next, effect) = step(&environment, state, Input { now, answer });
        state = next;
        answer = match effect {
            Effect::ReadLedger { .. } => Answer::Ledger(Ok(Box::new(view.clone()))),
            Effect::Observe { .. } => {
                Answer::Observed { reading: Box::new(reading.clone()), jitter: Jitter(0) }
            }
            Effect::Commit(commit) => {
                written.push(*commit);
                Answer::Committed(Ok(CommitReply::Done))
            }
            Effect::Arm { .. } => Answer::Armed(Ok(())),
            Effect::Fence { mode, .. } => Answer::Fenced(Box::new(again(reading, mode))),
            Effect::Call { .. } => {
                called = true;
                Answer::Called(codepipeline_retrier::domain::pipeline::RetryReply::Accepted)
            }
            Effect::Finish(_) => return (written, called),
            Effect::NoteFailure(note) => Answer::Noted(Ok(note.apply(&Window::default()).unwrap())),
            effect @ Effect::WriteControls(_) => panic!("the rules are at work already: {effect:?}"),
        };
    }
}

fn view(setting: &Setting, record: Option<StageRun>, pauses: Vec<Pause>) -> View {
    let activated = setting.policy.as_ref().map(|policy| (policy.version.clone(), setting.mode));
    let controls = Controls { version: 1, pauses, activated, ..Controls::default() };
    View { controls, record, ..View::default() }
}

fn pause(until: Option<Timestamp>) -> Vec<Pause> {
    vec![Pause { pipeline: None, until, reason: "holiday".into() }]
}

fn event(seconds: i64) -> Trigger {
    let key = EventKey { attempt: "2".into(), last_retry: String::new() };
    Trigger::StageEvent(StageEvent { run: run(), state: StageEventState::Failed, time: at(seconds), key })
}

fn wake_up(record: &StageRun) -> Trigger {
    Trigger::WakeUp(WakeUp { run: run(), sequence: record.sequence })
}

#[test]
fn a_claim_left_open_is_not_carried_out_once_the_product_is_in_shadow() {
    for (mode, carried_out) in [(Mode::Active, true), (Mode::Shadow, false)] {
        let setting = setting(mode);
        let record = claimed(300, 900);
        let view = view(&setting, Some(record.clone()), Vec::new());
        let (written, called) = handle(&setting, wake_up(&record), &view, &reading(300), at(1_000));
        assert_eq!(called, carried_out, "{mode:?}");
        let last = written.last().unwrap();
        assert_eq!(last.record.claim, None);
        assert_eq!(
            last.decision.as_ref().map(|of| (of.ruling, of.shadow)),
            Some((Ruling::RetryEligible, !carried_out))
        );
        assert_eq!((last.record.live.used, last.record.shadow.used), (1, u32::from(!carried_out)));
        let never_again = if carried_out { &last.record.live.answered } else { &last.record.live.closed };
        assert!(never_again.is_superset(&failed()), "nobody knows that it did not happen");
    }
}

#[test]
fn an_open_claim_under_a_pause_is_given_up_with_its_failure() {
    let setting = setting(Mode::Active);
    let record = claimed(300, 900);
    for (now, expected) in [(7_499, Ruling::WaitPaused), (7_500, Ruling::GiveUpTooOld)] {
        let view = view(&setting, Some(record.clone()), pause(Some(at(90_000))));
        let (written, called) = handle(&setting, wake_up(&record), &view, &reading(300), at(now));
        assert!(!called);
        let last = written.last().unwrap();
        assert_eq!(last.decision.as_ref().map(|of| of.ruling), Some(expected));
        assert_eq!(last.record.claim.is_some(), expected == Ruling::WaitPaused);
        let wakes_at = last.record.wait.as_ref().map(|wait| wait.wake_at);
        assert_eq!(wakes_at, (expected == Ruling::WaitPaused).then(|| at(7_500)));
    }
}

#[test]
fn a_pause_does_not_end_a_new_failure_of_an_old_stage_run() {
    let setting = setting(Mode::Active);
    let mut record = StageRun::unwritten(&run());
    record.revision = 1;
    for (now, expected) in [(20_001, Ruling::WaitPaused), (27_200, Ruling::GiveUpTooOld)] {
        let view = view(&setting, Some(record.clone()), pause(None));
        let (written, _) = handle(&setting, event(20_000), &view, &reading(20_000), at(now));
        let ruling = written.last().unwrap().decision.as_ref().map(|of| of.ruling);
        assert_eq!(ruling, Some(expected), "at {now}");
    }
}
