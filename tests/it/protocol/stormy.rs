//! What a storm does to one failure: it is noted and held before CodePipeline is asked anything, once, and not at all when
//! it waits already or has to be read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::ids::PipelineName;
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::protocol::View;
use codepipeline_retrier::domain::stage_run::{Hint, StageRun, after};
use codepipeline_retrier::domain::storm::{Storm, Window, WindowKey};
use codepipeline_retrier::domain::trigger::{EventKey, Finding, SeenFailure, Trigger};

use super::scene::{claimed, event, failed, handle, pause, reading, setting, view, wake_up};
use crate::arbitrary::{at, run};

/// So many other pipelines failed at that second.
fn failing(pipelines: u32, seconds: i64) -> BTreeMap<WindowKey, Window> {
    let names = (0..pipelines).map(|number| PipelineName::parse(format!("other-{number}")).unwrap());
    let failures = names.map(|name| (name, at(seconds))).collect();
    BTreeMap::from([(Storm::DEFAULT.window(at(seconds)), Window { failures })])
}

fn swept(seconds: i64) -> Trigger {
    Trigger::Sweep(Finding {
        run: run(),
        failure: Some(SeenFailure { failed: failed(), failed_at: at(seconds) }),
    })
}

/// A record that waits for its turn in a storm, for the event of that second.
fn held(seconds: i64) -> StageRun {
    let mut record = StageRun::unwritten(&run());
    let hint = Hint { key: EventKey { attempt: "2".into(), last_retry: String::new() }, time: at(seconds) };
    let turn = after(at(seconds), SignedDuration::from_mins(10));
    record.begin_wait(Ruling::WaitStorm, Some(turn), turn, hint);
    record.revision = 1;
    record
}

#[test]
fn the_failure_that_makes_a_storm_is_held_unseen() {
    for (mode, shadow) in [(Mode::Active, false), (Mode::Shadow, true)] {
        let setting = setting(mode);
        for trigger in [event(60), swept(60)] {
            let before = View { windows: failing(19, 50), ..view(&setting, None, Vec::new()) };
            let handled = handle(&setting, trigger, &before, &reading(60), at(70));
            assert_eq!(handled.asked, ["note", "arm"]);
            assert_eq!(handled.ruling(), Some(Ruling::WaitStorm));
            let decision = handled.outcome.as_ref().unwrap().decision.as_ref().unwrap();
            assert_eq!(decision.shadow, shadow);
            let wait = handled.record().wait.as_ref().unwrap();
            assert!(at(70) < wait.wake_at && wait.wake_at <= at(60 + 1_200), "{wait:?}");
        }
    }
}

#[test]
fn the_failure_before_it_is_not() {
    let setting = setting(Mode::Active);
    let before = View { windows: failing(18, 50), ..view(&setting, None, Vec::new()) };
    let handled = handle(&setting, event(60), &before, &reading(60), at(70));
    assert_eq!(handled.asked, ["note", "observe", "arm"]);
    assert_eq!(handled.ruling(), Some(Ruling::WaitBackoff));
}

#[test]
fn what_is_in_the_window_already_is_not_noted_again() {
    let setting = setting(Mode::Active);
    let mut windows = failing(3, 50);
    let own = windows.values_mut().next().unwrap();
    own.failures.insert(run().pipeline.name, at(55));
    let before = View { windows, ..view(&setting, None, Vec::new()) };
    assert_eq!(handle(&setting, event(60), &before, &reading(60), at(70)).asked, ["observe", "arm"]);
    let full = View { windows: failing(22, 50), ..view(&setting, None, Vec::new()) };
    let handled = handle(&setting, event(60), &full, &reading(60), at(70));
    assert_eq!((handled.asked.as_slice(), handled.ruling()), (&["arm"][..], Some(Ruling::WaitStorm)));
}

#[test]
fn when_its_turn_has_come_nothing_holds_it() {
    let setting = setting(Mode::Active);
    let record = held(60);
    let before = View { windows: failing(22, 620), ..view(&setting, Some(record.clone()), Vec::new()) };
    for trigger in [wake_up(&record), event(60)] {
        let handled = handle(&setting, trigger, &before, &reading(60), at(660));
        assert_eq!(handled.ruling(), Some(Ruling::RetryEligible));
        assert!(handled.called());
    }
}

/// A sweep may be quicker than the queue. It dates a failure to the millisecond, and an event to the second before.
#[test]
fn the_event_of_a_failure_that_a_sweep_held_does_not_free_it() {
    let setting = setting(Mode::Active);
    let failure =
        SeenFailure { failed: failed(), failed_at: after(at(60), SignedDuration::from_millis(700)) };
    let swept = Trigger::Sweep(Finding { run: run(), failure: Some(failure) });
    let before = View { windows: failing(22, 50), ..view(&setting, None, Vec::new()) };
    let held = handle(&setting, swept, &before, &reading(60), at(61)).record().clone();
    let turn = held.wait.as_ref().map(|wait| wait.wake_at);
    let before = View { windows: failing(22, 50), ..view(&setting, Some(held), Vec::new()) };
    let handled = handle(&setting, event(60), &before, &reading(60), at(62));
    assert_eq!((handled.asked.as_slice(), handled.ruling()), (&[][..], Some(Ruling::WaitStorm)));
    let decision = handled.outcome.as_ref().unwrap().decision.as_ref().unwrap();
    assert_eq!(decision.until, turn);
}

/// Events of one failure may differ in their time, by which what waits already is not known again.
#[test]
fn a_held_failure_keeps_its_turn_and_one_that_waits_for_something_else_is_not_held() {
    let setting = setting(Mode::Active);
    let held = held(60);
    let turn = held.wait.as_ref().map(|wait| wait.wake_at);
    let mut waiting = held.clone();
    waiting.wait.as_mut().unwrap().ruling = Ruling::WaitBackoff;
    for (record, ruling, until) in
        [(held, Ruling::WaitStorm, turn), (waiting, Ruling::WaitBackoff, Some(at(120)))]
    {
        let before = View { windows: failing(22, 50), ..view(&setting, Some(record), Vec::new()) };
        let handled = handle(&setting, event(63), &before, &reading(60), at(70));
        let decision = handled.outcome.as_ref().unwrap().decision.as_ref().unwrap();
        assert_eq!((decision.ruling, decision.until), (ruling, until));
    }
}

#[test]
fn a_failure_whose_turn_would_be_over_is_not_held() {
    let setting = setting(Mode::Active);
    let before = View { windows: failing(22, 1_800), ..view(&setting, None, Vec::new()) };
    let handled = handle(&setting, event(60), &before, &reading(60), at(1_860));
    assert_eq!(handled.ruling(), Some(Ruling::RetryEligible));
}

#[test]
fn a_pause_comes_first_and_a_claim_that_is_due_is_looked_into() {
    let setting = setting(Mode::Active);
    let paused = View { windows: failing(22, 50), ..view(&setting, None, pause(None)) };
    let handled = handle(&setting, event(60), &paused, &reading(60), at(70));
    assert_eq!((handled.asked.as_slice(), handled.ruling()), (&["arm"][..], Some(Ruling::WaitPaused)));

    let due = View { windows: failing(22, 50), ..view(&setting, Some(claimed(0, 0)), Vec::new()) };
    let handled = handle(&setting, event(60), &due, &reading(0), at(70));
    assert!(handled.asked.contains(&"observe"), "{:?}", handled.asked);
    let known: BTreeSet<_> = handled.written.iter().map(|commit| &commit.record.id).collect();
    assert_eq!(known, BTreeSet::from([&run()]));
}
