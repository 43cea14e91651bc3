//! What messages tell beside failures: how a retry ended, and that another policy is in force.

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::live::{LivePolicy, Pushed, Source};
use codepipeline_retrier::domain::pipeline::ActionStatus;
use codepipeline_retrier::domain::policy::{Mode, PolicyVersion};
use codepipeline_retrier::domain::protocol::Conclusion;
use codepipeline_retrier::domain::stage_run::{Hint, Progress, StageRun};
use codepipeline_retrier::domain::trigger::{EventKey, StageEvent, StageEventState, Trigger};

use super::scene::{claimed, event, handle, reading, retried, setting, view};
use crate::arbitrary::{at, run};

fn key(last_retry: &str) -> EventKey {
    EventKey { attempt: "2".into(), last_retry: last_retry.into() }
}

/// A record whose retry was taken, and that waits for something since an event with that key.
fn waiting(last_retry: &str) -> StageRun {
    let mut record = claimed(300, 1_000);
    record.settle(Progress::Issued, at(310));
    let hint = Hint { key: key(last_retry), time: at(700) };
    record.begin_wait(Ruling::WaitStateUnsettled, None, at(760), hint);
    record
}

#[test]
fn the_end_of_a_retry_ends_the_wait_for_it_and_no_other() {
    let setting = setting(Mode::Active);
    let succeeded = Trigger::StageEvent(StageEvent {
        run: run(),
        state: StageEventState::Succeeded,
        time: at(700),
        key: key("10:05"),
    });
    for (last_retry, is_over) in [("10:05", true), ("10:09", false)] {
        let view = view(&setting, Some(waiting(last_retry)), Vec::new());
        let shown = retried(300, ActionStatus::Succeeded);
        let handled = handle(&setting, succeeded.clone(), &view, &shown, at(710));
        let outcome = handled.outcome.as_ref().unwrap();
        assert_eq!(outcome.progress(), Some((1, Progress::Recovered)));
        assert_eq!(handled.record().wait.is_none(), is_over, "{last_retry}");
    }
}

#[test]
fn whoever_works_by_another_policy_is_told_which() {
    let setting = setting(Mode::Active);
    let pushed = Pushed { number: 3, version: PolicyVersion("pushed".into()), restores: None };
    let mut view = view(&setting, None, Vec::new());
    view.controls.live = Some(Box::new(LivePolicy {
        policy: pushed.clone(),
        since: at(0),
        by: "jane".into(),
        beside: None,
        taken_over: None,
    }));
    let handled = handle(&setting, event(300), &view, &reading(300), at(310));
    let outcome = handled.outcome.unwrap();
    assert_eq!((outcome.conclusion, outcome.decision), (Conclusion::PolicyMoved, None));
    assert_eq!(outcome.source, Some(Source::Pushed(pushed)));
}

#[test]
fn another_failure_of_the_same_second_is_decided_about() {
    let setting = setting(Mode::Active);
    let mut record = StageRun::unwritten(&run());
    record.revision = 1;
    for (attempt, asked) in [("1", &["note", "observe", "arm"][..]), ("2", &[])] {
        let key = EventKey { attempt: attempt.into(), last_retry: String::new() };
        record.begin_wait(Ruling::WaitBackoff, Some(at(360)), at(360), Hint { key, time: at(300) });
        let view = view(&setting, Some(record.clone()), Vec::new());
        // The event has attempt 2.
        let handled = handle(&setting, event(300), &view, &reading(300), at(310));
        assert_eq!((handled.asked.as_slice(), handled.ruling()), (asked, Some(Ruling::WaitBackoff)));
    }
}
