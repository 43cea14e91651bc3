//! What has outlived its time or its mode: an open claim after the rule went to shadow, a pause that outlasts a failure,
//! a new failure of an old stage run while everything is paused, and a state that still shows the failure before.

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::stage_run::{Progress, StageRun};

use super::scene::{claimed, event, failed, handle, hint, pause, reading, setting, view, wake_up};
use crate::arbitrary::{at, run};

#[test]
fn a_claim_left_open_is_not_carried_out_once_the_product_is_in_shadow() {
    for (mode, carried_out) in [(Mode::Active, true), (Mode::Shadow, false)] {
        let setting = setting(mode);
        let record = claimed(300, 900);
        let view = view(&setting, Some(record.clone()), Vec::new());
        let handled = handle(&setting, wake_up(&record), &view, &reading(300), at(1_000));
        assert_eq!(handled.called(), carried_out, "{mode:?}");
        let last = handled.written.last().unwrap();
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
        let handled = handle(&setting, wake_up(&record), &view, &reading(300), at(now));
        assert!(!handled.called());
        let last = handled.written.last().unwrap();
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
        let handled = handle(&setting, event(20_000), &view, &reading(20_000), at(now));
        let ruling = handled.written.last().unwrap().decision.as_ref().map(|of| of.ruling);
        assert_eq!(ruling, Some(expected), "at {now}");
    }
}

#[test]
fn a_new_failure_is_not_taken_for_the_closed_one_that_a_stale_state_still_shows() {
    let setting = setting(Mode::Active);
    let mut record = StageRun::unwritten(&run());
    record.close(&failed(), false, &hint(300));
    record.revision = 1;
    let view = view(&setting, Some(record.clone()), Vec::new());
    let handled = handle(&setting, event(310), &view, &reading(300), at(311));
    assert_eq!(handled.ruling(), Some(Ruling::WaitStateUnsettled));
    assert_eq!(handled.record().finals, record.finals, "the event is not done with");
    // However old the closed one is.
    let handled = handle(&setting, event(20_000), &view, &reading(300), at(20_001));
    assert_eq!(handled.ruling(), Some(Ruling::WaitStateUnsettled));
    // A minute later the state is believed.
    let handled = handle(&setting, event(310), &view, &reading(300), at(370));
    assert_eq!(handled.ruling(), Some(Ruling::IgnoreAlreadyAnswered));
}

#[test]
fn a_new_failure_is_not_too_old_since_a_stale_state_still_shows_an_answered_one() {
    let setting = setting(Mode::Active);
    let mut record = claimed(300, 900);
    record.settle(Progress::Issued, at(20_000));
    let view = view(&setting, Some(record), Vec::new());
    let handled = handle(&setting, event(20_010), &view, &reading(300), at(20_011));
    assert_eq!(handled.ruling(), Some(Ruling::WaitStateUnsettled));
}
