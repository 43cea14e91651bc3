//! What a sweep finds and what becomes of it: nothing where somebody is at it already, a decision where nobody is.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::ids::{ActionExecutionId, PipelineArn};
use codepipeline_retrier::domain::pipeline::{ActionExecution, ActionStatus, Gap, PipelineState, Reading};
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::protocol::Conclusion;
use codepipeline_retrier::domain::stage_run::{Hint, Progress, StageRun, after};
use codepipeline_retrier::domain::sweep::concerns;
use codepipeline_retrier::domain::trigger::{EventKey, Finding, SeenFailure, Trigger};
use codepipeline_retrier::event::{Invocation, Message, read};
use codepipeline_retrier::policy_file::load;

use super::scene::{
    Handled, claimed, event, failed, handle, hint, ids, pause, reading, retried, setting, view, wake_up,
};
use crate::arbitrary::{at, run};
use crate::history;

/// A sweep saw these runs failed at that second.
fn seen(failed: &[&str], seconds: i64) -> Trigger {
    let failure = SeenFailure { failed: ids(failed), failed_at: at(seconds) };
    Trigger::Sweep(Finding { run: run(), failure: Some(failure) })
}

/// A sweep saw that a wait or claim is over.
fn overdue() -> Trigger {
    Trigger::Sweep(Finding { run: run(), failure: None })
}

fn written(record: StageRun) -> StageRun {
    StageRun { revision: 1, ..record }
}

/// A record that waits until that second for what happened at that other one.
fn waiting(ruling: Ruling, heard_at: i64, until: i64) -> StageRun {
    let mut record = StageRun::unwritten(&run());
    record.begin_wait(ruling, Some(at(until)), at(until), hint(heard_at));
    written(record)
}

/// A record with a retry of the first failure, whose end is not known.
fn issued(settled_at: i64) -> StageRun {
    let mut record = claimed(300, 900);
    record.settle(Progress::Issued, at(settled_at));
    record
}

fn sweep(trigger: Trigger, record: Option<StageRun>, reading: &Reading, now: i64) -> Handled {
    let setting = setting(Mode::Active);
    handle(&setting, trigger, &view(&setting, record, Vec::new()), reading, at(now))
}

fn assert_nothing_done(handled: &Handled, ruling: Ruling) {
    assert_eq!(handled.ruling(), Some(ruling));
    assert!(handled.asked.is_empty() && handled.written.is_empty(), "{handled:?}");
    let outcome = handled.outcome.as_ref().unwrap();
    assert_eq!(outcome.conclusion, Conclusion::Handled);
}

#[test]
fn a_failure_that_nobody_told_of_is_decided_as_if_its_event_had_come() {
    let handled = sweep(seen(&["unit-1"], 300), None, &reading(300), 320);
    assert_eq!(handled.ruling(), Some(Ruling::WaitBackoff));
    let wait = handled.record().wait.clone().unwrap();
    assert_eq!((wait.hint.time, wait.wake_at), (at(300), at(360)));

    let handled = sweep(seen(&["unit-1"], 300), None, &reading(300), 900);
    assert!(handled.called());
    assert_eq!(handled.record().live.answered, failed());
    assert!(handled.record().finals.is_empty(), "no event was heard of");
}

#[test]
fn a_failure_from_the_future_is_dated_to_the_present() {
    let handled = sweep(seen(&["unit-1"], 300), None, &reading(300), 290);
    assert_eq!(handled.record().wait.as_ref().unwrap().hint.time, at(290));
}

#[test]
fn no_event_has_the_key_of_what_a_sweep_found() {
    let key = EventKey::swept(&failed());
    assert!(key.is_swept() && !EventKey::default().is_swept());
    assert_ne!(key, EventKey::swept(&ids(&["unit-2"])));
    let text = serde_json::json!({
        "account": "111122223333", "region": "eu-central-1", "source": "aws.codepipeline",
        "detail-type": "CodePipeline Stage Execution State Change", "time": "2026-11-22T10:13:02Z",
        "resources": ["arn:aws:codepipeline:eu-central-1:111122223333:shop"],
        "detail": {
            "pipeline": "shop", "execution-id": "e-1", "stage": "Test", "state": "FAILED",
            "pipeline-execution-attempt": key.attempt, "stage-last-retry-attempt-time": key.last_retry,
        },
    });
    let Invocation::Single(Message::Trigger(Trigger::StageEvent(event))) = read(&text.to_string()) else {
        panic!("not read as an event");
    };
    assert_ne!(event.key, key);
    assert!(!event.key.is_swept());
}

#[test]
fn what_is_in_good_hands_costs_one_look_at_the_record() {
    let found = || [seen(&["unit-1"], 300), seen(&["unit-2"], 800), overdue()];
    for trigger in found() {
        let record = waiting(Ruling::WaitBackoff, 300, 1_000);
        assert_nothing_done(&sweep(trigger.clone(), Some(record), &reading(300), 999), Ruling::WaitBackoff);
    }
    for trigger in [seen(&["unit-1"], 300), overdue()] {
        let record = claimed(300, 900);
        assert_nothing_done(&sweep(trigger, Some(record), &reading(300), 959), Ruling::WaitClaimOpen);
    }
    let mut closed = written(StageRun::unwritten(&run()));
    closed.close(&failed(), false, &hint(300));
    for (trigger, ruling) in
        [(seen(&["unit-1"], 300), Ruling::IgnoreAlreadyAnswered), (overdue(), Ruling::IgnoreNotAFailure)]
    {
        assert_nothing_done(&sweep(trigger, Some(closed.clone()), &reading(300), 400), ruling);
    }
    let mut in_shadow = written(StageRun::unwritten(&run()));
    in_shadow.claim_in_shadow(&failed(), &hint(300));
    let handled = sweep(seen(&["unit-1"], 300), Some(in_shadow), &reading(300), 400);
    assert_nothing_done(&handled, Ruling::IgnoreAlreadyAnswered);
}

/// A sweep may be quicker than the queue. It dates a failure to the millisecond, and an event to the second before.
#[test]
fn the_event_of_what_a_sweep_found_leaves_its_wait_and_its_turn_alone() {
    for milliseconds in [0, 700] {
        let time = after(at(300), SignedDuration::from_millis(milliseconds));
        let mut record = StageRun::unwritten(&run());
        let found = Hint { key: EventKey::swept(&failed()), time };
        record.begin_wait(Ruling::WaitBudgetEmpty, Some(at(1_000)), at(1_000), found);
        let handled = sweep(event(300), Some(written(record.clone())), &reading(300), 400);
        assert_nothing_done(&handled, Ruling::WaitBudgetEmpty);
        // One that is newer is looked into.
        let handled = sweep(event(301), Some(written(record)), &reading(300), 400);
        assert!(handled.asked.contains(&"observe"));
    }
}

#[test]
fn an_overdue_wait_is_decided_as_its_wake_up_would() {
    let record = waiting(Ruling::WaitBackoff, 300, 1_000);
    for trigger in [overdue(), seen(&["unit-1"], 300), wake_up(&record)] {
        let handled = sweep(trigger, Some(record.clone()), &reading(300), 1_000);
        assert!(handled.called());
        assert_eq!(handled.record().finals, [hint(300).key], "it was the event's wait");
    }
}

#[test]
fn an_overdue_wait_that_goes_on_is_armed_anew() {
    let record = waiting(Ruling::WaitPaused, 300, 1_000);
    let setting = setting(Mode::Active);
    let view = view(&setting, Some(record.clone()), pause(None));
    let handled = handle(&setting, overdue(), &view, &reading(300), at(1_000));
    assert_eq!((handled.ruling(), handled.asked.as_slice()), (Some(Ruling::WaitPaused), ["arm"].as_slice()));
    let wait = handled.record().wait.clone().unwrap();
    assert!(wait.sequence > record.sequence);
    assert_eq!(wait.hint, hint(300));
}

#[test]
fn a_claim_of_unknown_end_is_reconciled() {
    let handled = sweep(overdue(), Some(claimed(300, 900)), &reading(300), 960);
    assert!(handled.called(), "it left no trace, so it is taken over");
    let handled = sweep(overdue(), Some(claimed(300, 900)), &retried(300, ActionStatus::InProgress), 960);
    assert!(!handled.called());
    assert_eq!(handled.record().retries.last().unwrap().progress, Progress::Issued);
}

#[test]
fn a_failure_behind_a_claim_waits_for_its_end() {
    let handled = sweep(seen(&["unit-2"], 700), Some(claimed(300, 900)), &reading(300), 720);
    assert_eq!(
        (handled.ruling(), handled.asked.as_slice()),
        (Some(Ruling::WaitClaimOpen), ["arm"].as_slice())
    );
    let record = handled.record();
    assert_eq!(record.claim, claimed(300, 900).claim);
    assert_eq!(record.wait.as_ref().map(|wait| (wait.wake_at, wait.hint.time)), Some((at(960), at(700))));
}

#[test]
fn the_lost_end_of_a_retry_is_noted_and_nothing_else() {
    let ends = [
        (ActionStatus::Succeeded, Some(Progress::Recovered)),
        (ActionStatus::InProgress, None),
        (ActionStatus::Abandoned, Some(Progress::Ended)),
    ];
    for (status, expected) in ends {
        let handled = sweep(seen(&["unit-1"], 300), Some(issued(400)), &retried(300, status), 960);
        let progress = handled.outcome.as_ref().unwrap().progress();
        assert_eq!(progress, expected.map(|progress| (1, progress)), "{status:?}");
        assert_eq!(handled.asked, ["observe"]);
        assert_eq!(handled.written.len(), usize::from(expected.is_some()));
        assert!(handled.written.iter().all(|commit| commit.decision.is_none()));
    }
}

#[test]
fn a_retry_that_failed_again_is_noted_and_its_failure_decided() {
    let trigger = seen(&["unit-2"], 700);
    let handled = sweep(trigger, Some(issued(400)), &retried(300, ActionStatus::Failed), 960);
    assert!(handled.called());
    assert_eq!(handled.record().retries.first().unwrap().progress, Progress::FailedAgain);
    // Even where the sweep itself saw only the first failure.
    let handled = sweep(seen(&["unit-1"], 300), Some(issued(400)), &retried(300, ActionStatus::Failed), 960);
    assert!(handled.called());
}

#[test]
fn the_end_of_a_retry_is_noted_under_a_pause_as_well() {
    let setting = setting(Mode::Active);
    let view = view(&setting, Some(issued(400)), pause(None));
    let reading = retried(300, ActionStatus::Succeeded);
    let handled = handle(&setting, seen(&["unit-1"], 300), &view, &reading, at(960));
    assert_eq!(handled.record().retries.first().unwrap().progress, Progress::Recovered);
    assert_eq!(handled.record().wait, None);
    let reading = retried(300, ActionStatus::Failed);
    let handled = handle(&setting, seen(&["unit-1"], 300), &view, &reading, at(960));
    assert_eq!(handled.ruling(), Some(Ruling::WaitPaused));
    assert_eq!(handled.record().retries.first().unwrap().progress, Progress::FailedAgain);
}

#[test]
fn a_wait_that_outlasts_its_failure_under_a_pause_learns_how_the_retry_ended() {
    let setting = setting(Mode::Active);
    for (status, ended) in
        [(ActionStatus::Succeeded, Progress::Recovered), (ActionStatus::Failed, Progress::FailedAgain)]
    {
        let mut record = issued(400);
        record.begin_wait(Ruling::WaitPaused, None, at(7_000), hint(700));
        let view = view(&setting, Some(record.clone()), pause(None));
        for (now, asked) in [(7_899, vec!["arm"]), (7_900, vec!["observe"])] {
            let handled = handle(&setting, wake_up(&record), &view, &retried(300, status), at(now));
            assert_eq!(handled.asked, asked, "{status:?} at {now}");
            if now == 7_900 {
                assert_eq!(handled.ruling(), Some(Ruling::GiveUpTooOld));
                assert_eq!(handled.record().wait, None);
                assert_eq!(handled.record().retries.first().unwrap().progress, ended);
                assert_eq!(handled.outcome.as_ref().unwrap().progress(), Some((1, ended)));
            }
        }
    }
}

#[test]
fn the_end_of_a_wait_for_another_failure_does_not_bear_the_name_of_what_was_seen() {
    let setting = setting(Mode::Active);
    for (waits_for, is_named) in [(&["unit-2"], true), (&["unit-1"], false)] {
        let mut record = StageRun::unwritten(&run());
        let key = EventKey::swept(&ids(waits_for));
        record.begin_wait(Ruling::WaitPaused, None, at(8_000), Hint { key, time: at(700) });
        let view = view(&setting, Some(written(record)), pause(None));
        let handled = handle(&setting, seen(&["unit-2"], 700), &view, &reading(700), at(8_000));
        assert_eq!(handled.ruling(), Some(Ruling::GiveUpTooOld));
        let decision = handled.outcome.as_ref().unwrap().decision.as_ref().unwrap();
        assert_eq!(decision.failed == ids(&["unit-2"]), is_named, "{:?}", decision.failed);
    }
}

#[test]
fn an_end_that_cannot_be_read_is_looked_at_again() {
    let mut reading = retried(300, ActionStatus::Succeeded);
    reading.state = Err(Gap::Throttled);
    let handled = sweep(seen(&["unit-1"], 300), Some(issued(400)), &reading, 960);
    assert_eq!(handled.asked, ["observe", "arm"]);
    assert_eq!(handled.record().wait.as_ref().map(|wait| wait.wake_at), Some(at(990)));
}

#[test]
fn a_failure_that_somebody_retried_before_anybody_decided_gets_its_decision() {
    let reading = retried(300, ActionStatus::Succeeded);
    let handled = sweep(seen(&["unit-1"], 300), None, &reading, 960);
    let commit = handled.written.last().unwrap();
    let decision = commit.decision.as_ref().unwrap();
    assert_eq!((decision.ruling, &decision.failed), (Ruling::IgnoreNotFailed, &failed()));
    assert_eq!(decision.failed_at, Some(at(300)));
    assert_eq!(commit.record.live.closed, failed());
    // And it is known from then on.
    let again = sweep(seen(&["unit-1"], 300), Some(commit.record.clone()), &reading, 970);
    assert_nothing_done(&again, Ruling::IgnoreAlreadyAnswered);
}

#[test]
fn a_decision_about_an_older_failure_leaves_the_overdue_wait_of_a_newer_one() {
    let record = waiting(Ruling::WaitStateUnsettled, 700, 800);
    let handled =
        sweep(seen(&["unit-1"], 300), Some(record.clone()), &retried(300, ActionStatus::Failed), 960);
    assert_eq!(handled.ruling(), Some(Ruling::IgnoreNotFailed));
    assert_eq!(handled.record().wait, record.wait);
    // The wait itself is what the next finding is about.
    let next = sweep(overdue(), Some(handled.record().clone()), &retried(300, ActionStatus::Failed), 961);
    assert_eq!(next.ruling(), Some(Ruling::IgnoreRetriedBySomeoneElse));
}

#[test]
fn an_overdue_wait_of_an_older_failure_does_not_date_a_newer_one() {
    // The reading is stale: it shows the retry of the first failure, and not yet that it failed again.
    let record = waiting(Ruling::WaitBackoff, 300, 900);
    let stale = retried(300, ActionStatus::InProgress);
    let mut known = record.clone();
    known.close_retried(&failed(), false);
    let handled = sweep(seen(&["unit-2"], 950), Some(known), &stale, 960);
    assert_eq!(handled.ruling(), Some(Ruling::WaitStateUnsettled));
    assert_eq!(handled.record().wait.as_ref().map(|wait| wait.hint.time), Some(at(950)));
}

#[test]
fn what_was_looked_at_in_vain_is_not_looked_at_by_every_sweep() {
    let mut gone = reading(300);
    gone.execution = Err(Gap::ExecutionNotFound);
    let handled = sweep(seen(&["unit-1"], 300), None, &gone, 960);
    assert_eq!(handled.ruling(), Some(Ruling::IgnoreNotLatestExecution));
    let again = sweep(seen(&["unit-1"], 300), Some(handled.record().clone()), &gone, 1_860);
    assert_nothing_done(&again, Ruling::IgnoreAlreadyAnswered);

    let setting = setting(Mode::Active);
    let paused = |record| view(&setting, record, pause(None));
    let handled = handle(&setting, seen(&["unit-1"], 300), &paused(None), &reading(300), at(9_000));
    assert_eq!(handled.ruling(), Some(Ruling::GiveUpTooOld));
    let view = paused(Some(handled.record().clone()));
    let again = handle(&setting, seen(&["unit-1"], 300), &view, &reading(300), at(9_900));
    assert_nothing_done(&again, Ruling::IgnoreAlreadyAnswered);
}

#[test]
fn the_first_sweep_retries_nothing_old() {
    let setting = setting(Mode::Active);
    let mut new = view(&setting, None, Vec::new());
    new.controls.activated = None;
    let handled = handle(&setting, seen(&["unit-1"], 300), &new, &reading(300), at(310));
    assert_eq!(handled.ruling(), Some(Ruling::IgnoreBeforeActivation));
    let since: BTreeSet<_> = handled.controls.unwrap().active_since.into_values().collect();
    assert_eq!(since, BTreeSet::from([at(310)]));
    // An event of the same failure would have put the rules to work.
    assert_eq!(
        handle(&setting, event(300), &new, &reading(300), at(310)).ruling(),
        Some(Ruling::WaitBackoff)
    );
}

#[test]
fn a_failure_without_a_rule_costs_nothing() {
    for trigger in [seen(&["unit-1"], 300), overdue()] {
        let setting = setting(Mode::Disabled);
        let record = waiting(Ruling::WaitBackoff, 300, 900);
        let is_open = matches!(&trigger, Trigger::Sweep(finding) if finding.failure.is_none());
        let view = view(&setting, Some(record), Vec::new());
        let handled = handle(&setting, trigger, &view, &reading(300), at(960));
        assert_eq!(handled.ruling(), Some(Ruling::IgnoreModeDisabled));
        assert_eq!(
            handled.written.iter().map(|of| of.record.wait.is_none()).collect::<Vec<_>>(),
            if is_open { vec![true] } else { vec![] }
        );
        assert!(handled.asked.is_empty());
    }
}

#[test]
fn a_sweep_is_concerned_with_the_pipelines_that_some_rule_at_work_names() {
    let text = "version: 1\nrules:\n  - { name: web, match: { pipeline: 'web-*' } }\n  \
                - { name: off, match: { pipeline: 'api-*' }, mode: disabled }\n";
    let named = load("policy", text).policy.unwrap();
    let anything =
        load("policy", "version: 1\nrules:\n  - { name: any, match: { stage: Deploy } }\n").policy.unwrap();
    let here = load("policy", "version: 1\nrules:\n  - { name: here, match: { account: '111122223333' } }\n");
    let there = load("policy", "version: 1\nrules:\n  - { name: there, match: { region: 'us-*' } }\n");
    let (here, there) = (here.policy.unwrap(), there.policy.unwrap());
    let arn = |name: &str| {
        PipelineArn::parse(&format!("arn:aws:codepipeline:eu-central-1:111122223333:{name}")).unwrap()
    };
    for (policy, mode, pipeline, expected) in [
        (&named, Mode::Active, "web-1", true),
        (&named, Mode::Shadow, "web-1", true),
        (&named, Mode::Disabled, "web-1", false),
        (&named, Mode::Active, "api-1", false),
        (&named, Mode::Active, "other", false),
        (&anything, Mode::Active, "other", true),
        (&anything, Mode::Disabled, "other", false),
        (&here, Mode::Active, "other", true),
        (&there, Mode::Active, "other", false),
    ] {
        assert_eq!(concerns(policy, mode, &arn(pipeline)), expected, "{pipeline} in mode {mode:?}");
    }
}

#[test]
fn the_end_of_a_retry_is_noted_where_the_product_is_switched_off() {
    let setting = setting(Mode::Disabled);
    let view = view(&setting, Some(issued(400)), Vec::new());
    let reading = retried(300, ActionStatus::Failed);
    let handled = handle(&setting, overdue(), &view, &reading, at(960));
    assert_eq!(handled.outcome.as_ref().unwrap().progress(), Some((1, Progress::FailedAgain)), "{handled:?}");
    assert_eq!(handled.record().retries.first().unwrap().progress, Progress::FailedAgain);
    assert!(!handled.called());
}

#[test]
fn how_a_retry_ended_is_told_although_somebody_has_retried_what_failed_after_it() {
    let mut reading = retried(300, ActionStatus::Failed);
    let runs = reading.actions.as_mut().unwrap();
    let third = ActionExecution {
        id: ActionExecutionId::parse("unit-3").unwrap(),
        status: ActionStatus::InProgress,
        started: at(800),
        last_change: at(800),
        ..runs[1].clone()
    };
    runs.push(third);
    let names = [runs[0].action.clone()];
    let shown = history::stage_state(&run().stage, &run().execution, &names, runs);
    reading.state = reading.state.map(|state| PipelineState { stages: vec![shown], ..state });
    let handled = sweep(seen(&["unit-2"], 700), Some(issued(400)), &reading, 960);
    assert_eq!(handled.ruling(), Some(Ruling::IgnoreNotFailed), "{handled:?}");
    assert_eq!(handled.outcome.as_ref().unwrap().progress(), Some((1, Progress::FailedAgain)));
}
