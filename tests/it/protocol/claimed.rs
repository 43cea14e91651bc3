//! Claims that somebody else takes over, and failures that are more by then than what was claimed.

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::pipeline::{ActionStatus, Refusal, RetryReply};
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::stage_run::{Hint, Progress};
use codepipeline_retrier::domain::trigger::{EventKey, StageEvent, StageEventState, Trigger};

use super::scene::{
    claimed, event, handle, handle_with_call, handle_with_fence, hint, in_parallel, pause, reading,
    retried_at, setting, view, wake_up, with_lint,
};
use crate::arbitrary::{at, run};

#[test]
fn a_refusal_after_a_take_over_proves_nothing() {
    let setting = setting(Mode::Active);
    let record = claimed(300, 1_000);
    let view = view(&setting, Some(record.clone()), Vec::new());
    let failed = reading(300);
    for reply in [RetryReply::Refused(Refusal::NotRetryable), RetryReply::NotSent, RetryReply::Unknown] {
        let handled = handle_with_call(&setting, wake_up(&record), &view, &failed, &failed, reply, at(1_100));
        assert!(handled.called());
        assert_eq!(handled.ruling(), Some(Ruling::WaitClaimOpen), "{reply:?}");
        // The take-over is all that was written: the pipeline has to show what became of it.
        assert_eq!(handled.written.len(), 1, "{reply:?}");
        assert!(handled.record().claim.as_ref().is_some_and(|claim| claim.taken_over));
        assert_eq!(handled.asked.last(), Some(&"arm"));
    }
}

#[test]
fn a_claim_is_not_taken_over_for_more_than_it_was_made_for() {
    let setting = setting(Mode::Active);
    let record = claimed(300, 1_000);
    let view = view(&setting, Some(record.clone()), Vec::new());
    let more = with_lint(reading(300), 320, ActionStatus::Failed);
    let handled = handle(&setting, wake_up(&record), &view, &more, at(1_100));
    assert_eq!(handled.asked, ["observe", "arm"]);
    assert_eq!(handled.ruling(), Some(Ruling::WaitStateUnsettled));
    assert_eq!(handled.record().claim, None);
    assert_eq!(handled.record().wait.as_ref().map(|wait| wait.wake_at), Some(at(1_130)));
    // Whether the earlier owner called is not known, so its retry counts.
    assert_eq!(handled.record().live.used, 1);
}

#[test]
fn what_has_failed_since_the_claim_is_not_retried_with_it() {
    let setting = setting(Mode::Active);
    let view = view(&setting, None, Vec::new());
    let claimed = in_parallel(reading(300));
    let more = with_lint(claimed.clone(), 365, ActionStatus::Failed);
    let handled = handle_with_fence(&setting, event(300), &view, &claimed, &more, at(370));
    assert!(!handled.called());
    assert_eq!(handled.ruling(), Some(Ruling::WaitStateUnsettled));
    assert_eq!(handled.record().live.used, 0, "the claim is given back");

    let same = handle(&setting, event(300), &view, &claimed, at(370));
    assert!(same.called(), "{same:?}");
}

#[test]
fn what_waits_for_the_end_of_its_own_claim_is_over_with_it() {
    let setting = setting(Mode::Active);
    let mut record = claimed(300, 1_000);
    record.begin_wait(Ruling::WaitClaimOpen, Some(at(1_060)), at(1_060), hint(300));
    let view = view(&setting, Some(record.clone()), Vec::new());
    let shown = retried_at(300, 410, 700, ActionStatus::Succeeded);
    let handled = handle(&setting, wake_up(&record), &view, &shown, at(1_100));
    assert_eq!(handled.ruling(), Some(Ruling::RetryEligible));
    assert_eq!((&handled.record().wait, &handled.record().claim), (&None, &None));
}

#[test]
fn a_retry_that_failed_again_waits_while_there_is_a_pause() {
    let setting = setting(Mode::Active);
    let record = claimed(300, 1_000);
    let view = view(&setting, Some(record.clone()), pause(None));
    let again = retried_at(300, 410, 700, ActionStatus::Failed);
    let handled = handle(&setting, wake_up(&record), &view, &again, at(1_100));
    assert_eq!(handled.ruling(), Some(Ruling::WaitPaused));
    assert_eq!(handled.outcome.as_ref().unwrap().progress(), Some((1, Progress::FailedAgain)));
    assert_eq!(handled.record().wait.as_ref().map(|wait| wait.ruling), Some(Ruling::WaitPaused));
    assert_eq!(handled.record().claim, None);
}

#[test]
fn an_event_that_waits_for_the_end_of_a_claim_waits_once() {
    let setting = setting(Mode::Active);
    let mut record = claimed(300, 1_000);
    let waiting = Hint { key: EventKey { attempt: "2".into(), last_retry: String::new() }, time: at(600) };
    record.begin_wait(Ruling::WaitClaimOpen, Some(at(1_060)), at(1_060), waiting);
    for (attempt, writes) in [("2", 0), ("3", 1)] {
        let key = EventKey { attempt: attempt.into(), last_retry: String::new() };
        let state = StageEventState::Failed;
        let event = Trigger::StageEvent(StageEvent { run: run(), state, time: at(600), key });
        let view = view(&setting, Some(record.clone()), Vec::new());
        let handled = handle(&setting, event, &view, &reading(300), at(610));
        assert_eq!(handled.ruling(), Some(Ruling::WaitClaimOpen));
        assert_eq!(handled.written.len(), writes, "{attempt}");
    }
}
