//! What is read right before the call, and shows that somebody else has retried what was to be retried.

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::pipeline::ActionStatus;
use codepipeline_retrier::domain::policy::Mode;

use super::scene::{
    event, failed, handle, handle_with_fence, ids, reading, retried_at, setting, view, wake_up, with_lint,
};
use crate::arbitrary::at;

#[test]
fn somebody_elses_retry_ends_the_failure_that_was_claimed() {
    let setting = setting(Mode::Active);
    let view = view(&setting, None, Vec::new());
    let then = retried_at(300, 361, 361, ActionStatus::InProgress);
    let handled = handle_with_fence(&setting, event(300), &view, &reading(300), &then, at(361));
    assert!(!handled.called());
    assert_eq!(handled.ruling(), Some(Ruling::IgnoreRetriedBySomeoneElse));
    assert!(handled.record().live.closed.is_superset(&failed()));
}

#[test]
fn an_event_that_may_tell_of_what_failed_after_that_is_looked_at_again() {
    let setting = setting(Mode::Active);
    // The event is that of the second failure; the state still shows the first.
    let then = retried_at(300, 301, 303, ActionStatus::Failed);
    let first = handle_with_fence(
        &setting,
        event(303),
        &view(&setting, None, Vec::new()),
        &reading(300),
        &then,
        at(361),
    );
    assert!(!first.called());
    assert_eq!(first.ruling(), Some(Ruling::WaitStateUnsettled), "{first:?}");
    let mut record = first.record().clone();
    record.revision = 2;
    assert_eq!((record.live.used, record.wait.as_ref().map(|wait| wait.wake_at)), (0, Some(at(363))));

    let again = view(&setting, Some(record.clone()), Vec::new());
    let second = handle(&setting, wake_up(&record), &again, &then, at(363));
    assert_eq!(second.ruling(), Some(Ruling::IgnoreRetriedBySomeoneElse), "{second:?}");
    let decision = second.outcome.as_ref().and_then(|outcome| outcome.decision.as_ref()).unwrap();
    assert_eq!(decision.failed, ids(&["unit-2"]));
}

/// The event is that of the stage, which failed when its last action ended: nothing in it is later than what was read.
#[test]
fn an_event_that_tells_of_nothing_later_is_over_with_somebody_elses_retry() {
    let setting = setting(Mode::Active);
    let view = view(&setting, None, Vec::new());
    let failed = with_lint(reading(300), 305, ActionStatus::Succeeded);
    let then = with_lint(retried_at(300, 361, 361, ActionStatus::InProgress), 305, ActionStatus::Succeeded);
    let handled = handle_with_fence(&setting, event(305), &view, &failed, &then, at(362));
    assert!(!handled.called());
    assert_eq!(handled.ruling(), Some(Ruling::IgnoreRetriedBySomeoneElse), "{handled:?}");
}

#[test]
fn a_minute_after_the_event_nothing_later_is_expected() {
    let setting = setting(Mode::Active);
    let view = view(&setting, None, Vec::new());
    let then = retried_at(300, 301, 303, ActionStatus::Failed);
    for (now, ruling) in [(362, Ruling::WaitStateUnsettled), (363, Ruling::IgnoreRetriedBySomeoneElse)] {
        let handled = handle_with_fence(&setting, event(303), &view, &reading(300), &then, at(now));
        assert_eq!(handled.ruling(), Some(ruling), "{now}");
    }
}
