//! What a message is worth: whose turn it is at a promised token, and when an event happened by a clock that is behind.

use codepipeline_retrier::domain::budget::{Bucket, Per};
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::protocol::View;
use codepipeline_retrier::domain::stage_run::StageRun;
use jiff::Timestamp;

use super::replies::Setting;
use super::scene::{event, handle, hint, reading, setting, view, wake_up};
use crate::arbitrary::{at, run};

/// The last token of the Region is there, and the instants to come are promised.
fn with_a_promised_token(view: &mut View, setting: &Setting, now: Timestamp) {
    let rule = &setting.policy.as_ref().unwrap().rules[0];
    let region = rule.settings.budgets.iter().find(|budget| budget.per == Per::Region).unwrap();
    let taken = i64::from(region.capacity() - 1) * region.interval_ms();
    let full_at = Some(now.as_millisecond() + taken);
    let next_slot = Some(now.as_millisecond() + region.interval_ms());
    view.buckets.insert(region.key(&run(), false), Bucket { full_at, next_slot });
}

#[test]
fn who_was_promised_a_token_keeps_his_turn_where_a_read_failed() {
    for (ruling, has_its_turn) in [
        (Ruling::WaitBudgetEmpty, true),
        (Ruling::WaitCannotVerify, true),
        (Ruling::WaitThrottled, true),
        (Ruling::WaitBackoff, false),
    ] {
        let mut record = StageRun::unwritten(&run());
        record.begin_wait(ruling, Some(at(1_000)), at(1_000), hint(300));
        let setting = setting(Mode::Active);
        let mut view = view(&setting, Some(record.clone()), Vec::new());
        with_a_promised_token(&mut view, &setting, at(1_000));
        let handled = handle(&setting, wake_up(&record), &view, &reading(300), at(1_000));
        assert_eq!(handled.called(), has_its_turn, "{ruling}: {:?}", handled.ruling());
    }
}

#[test]
fn an_event_keeps_its_time_where_our_clock_is_behind() {
    for (told, heard) in [(299, 299), (420, 420), (600, 600), (700, 600)] {
        let setting = setting(Mode::Active);
        let view = view(&setting, None, Vec::new());
        let handled = handle(&setting, event(told), &view, &reading(told), at(300));
        assert_eq!(handled.ruling(), Some(Ruling::WaitBackoff));
        assert_eq!(handled.record().wait.as_ref().unwrap().hint.time, at(heard), "told at {told}");
    }
}
