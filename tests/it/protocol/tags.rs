//! Rules that ask for tags: when tags are read, and what is done where they cannot be.

use codepipeline_retrier::domain::decision::{Decision, Ruling, StepName};
use codepipeline_retrier::domain::pipeline::{Gap, Reading};
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::stage_run::Progress;
use codepipeline_retrier::domain::tags::{Tags, TagsReading};
use codepipeline_retrier::domain::trigger::{EventKey, StageEvent, StageEventState, Trigger};
use codepipeline_retrier::policy_file;

use super::replies::Setting;
use super::scene::{Handled, claimed, event, handle, hint, reading, view, wake_up};
use crate::arbitrary::{at, run};

const POLICY: &str = r#"
version: 1
defaults: { backoff: { initial: 0s, max: 0s, jitter: none } }
rules:
  - name: by-stage
    match: { stage: "Prod*" }
  - name: hands-off
    match: { tags: { critical: "yes" } }
    mode: disabled
  - name: web-team
    match: { pipeline: "*", tags: { team: ["shop", "web*"] } }
    give-up-after: 1h
  - name: everything-else
    match: { pipeline: "*" }
    give-up-after: 10m
  - name: never-reached
    match: { pipeline: "*", tags: { team: docs } }
    give-up-after: 1d
"#;

#[expect(clippy::unnecessary_wraps, reason = "it is what a reading of tags is")]
fn tagged(entries: &[(&str, &str)]) -> TagsReading {
    Ok(entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Tags>())
}

fn setting(policy: &str, mode: Mode, tags: TagsReading) -> Setting {
    let loaded = policy_file::load("policy", policy);
    let mut setting = Setting::new(Some(loaded.policy.expect("a valid policy")), mode);
    setting.tags = tags;
    setting
}

/// What becomes of an event of second 100, at that second, with these tags.
fn handled(tags: TagsReading, now: i64) -> Handled {
    let setting = setting(POLICY, Mode::Active, tags);
    handle(&setting, event(100), &view(&setting, None, Vec::new()), &reading(100), at(now))
}

fn decision(handled: &Handled) -> Decision {
    handled.outcome.as_ref().unwrap().decision.clone().unwrap()
}

fn gone() -> Reading {
    let gap = Gap::PipelineNotFound;
    Reading {
        state: Err(gap),
        execution: Err(gap),
        structure: Err(gap),
        actions: Err(gap),
        entries: Err(gap),
    }
}

#[test]
fn tags_decide_the_rule_and_are_asked_for_first() {
    for (tags, rule, ruling) in [
        (tagged(&[("team", "web-shop")]), "web-team", Ruling::RetryEligible),
        (tagged(&[("team", "web"), ("critical", "yes")]), "hands-off", Ruling::IgnoreModeDisabled),
        (tagged(&[("team", "Web")]), "everything-else", Ruling::RetryEligible),
        (tagged(&[]), "everything-else", Ruling::RetryEligible),
    ] {
        let handled = handled(tags, 200);
        let decision = decision(&handled);
        assert_eq!((decision.ruling, decision.rule.unwrap().as_str()), (ruling, rule));
        assert_eq!(handled.asked.iter().filter(|asked| **asked == "tags").count(), 1);
        assert_eq!(handled.asked.first(), Some(&"tags"));
    }
}

#[test]
fn the_explanation_names_the_tag_and_not_its_value() {
    let decision = decision(&handled(tagged(&[("team", "web-secret"), ("owner", "x")]), 200));
    let step = decision.explanation.iter().find(|step| step.name == StepName::Rule).unwrap();
    assert_eq!(step.detail, "rule `web-team` matches pipeline `shop`, stage `Test`, tag `team: web*`");
}

#[test]
fn tags_are_left_alone_where_no_rule_depends_on_them() {
    let by_stage = POLICY.replace("Prod*", "Te*");
    let elsewhere = POLICY.replace("tags: {", "stage: Elsewhere, tags: {");
    for (policy, mode) in
        [(by_stage.as_str(), Mode::Active), (&elsewhere, Mode::Active), (POLICY, Mode::Disabled)]
    {
        let setting = setting(policy, mode, Err(Gap::Denied));
        let view = view(&setting, None, Vec::new());
        let handled = handle(&setting, event(100), &view, &reading(100), at(200));
        assert!(!handled.asked.contains(&"tags"), "{policy}");
        assert_ne!(handled.ruling(), Some(Ruling::WaitCannotVerify));
    }
}

#[test]
fn how_a_retry_ended_has_nothing_to_do_with_tags() {
    let setting = setting(POLICY, Mode::Active, Err(Gap::Denied));
    let mut record = claimed(100, 200);
    record.settle(Progress::Issued, at(200));
    let key = EventKey { attempt: "2".into(), last_retry: "x".into() };
    let succeeded =
        Trigger::StageEvent(StageEvent { run: run(), state: StageEventState::Succeeded, time: at(300), key });
    let handled =
        handle(&setting, succeeded, &view(&setting, Some(record), Vec::new()), &reading(100), at(310));
    assert_eq!(handled.asked.first(), Some(&"observe"));
}

#[test]
fn what_cannot_be_verified_waits_ever_longer_and_is_given_up() {
    for (now, until) in [(101, 131), (220, 340), (1_000, 1_360)] {
        let handled = handled(Err(Gap::Throttled), now);
        let decision = decision(&handled);
        assert_eq!((decision.ruling, decision.until), (Ruling::WaitCannotVerify, Some(at(until))), "{now}");
        assert_eq!(decision.rule, None);
        assert_eq!(handled.asked, ["tags", "arm"]);
        assert_eq!(handled.record().wait.as_ref().unwrap().wake_at, at(until));
    }
    // The most patient of the rules that it may fall under: `never-reached` is none of them.
    assert_eq!(decision(&handled(Err(Gap::Denied), 3_690)).until, Some(at(3_700)));
    let given_up = handled(Err(Gap::Denied), 3_700);
    assert_eq!(given_up.ruling(), Some(Ruling::GiveUpCannotVerify));
    assert!(given_up.written.last().unwrap().decision.as_ref().unwrap().is_final);
    assert!(given_up.record().wait.is_none());
}

#[test]
fn a_wait_for_tags_ends_when_they_can_be_read() {
    let waiting = handled(Err(Gap::Denied), 101).record().clone();
    let setting = setting(POLICY, Mode::Active, tagged(&[("team", "shop")]));
    let view = view(&setting, Some(waiting.clone()), Vec::new());
    let handled = handle(&setting, wake_up(&waiting), &view, &reading(100), at(131));
    assert_eq!(handled.ruling(), Some(Ruling::RetryEligible));
    assert!(handled.called());
}

#[test]
fn rules_are_put_to_work_by_the_first_event_whether_or_not_tags_can_be_read() {
    let setting = setting(POLICY, Mode::Active, Err(Gap::Denied));
    let mut view = view(&setting, None, Vec::new());
    view.controls.activated = None;
    let handled = handle(&setting, event(100), &view, &reading(100), at(101));
    assert_eq!(handled.ruling(), Some(Ruling::WaitCannotVerify));
    let since = handled.controls.expect("the rules are put to work").active_since;
    assert!(!since.is_empty() && since.values().all(|since| *since <= at(100)), "{since:?}");
}

#[test]
fn a_claim_of_unknown_end_stays_open_while_tags_cannot_be_read() {
    let setting = setting(POLICY, Mode::Active, Err(Gap::Denied));
    let record = claimed(100, 200);
    let view = view(&setting, Some(record.clone()), Vec::new());
    let handled = handle(&setting, wake_up(&record), &view, &reading(100), at(300));
    assert_eq!(handled.ruling(), Some(Ruling::WaitCannotVerify));
    assert!(handled.record().claim.is_some());
    assert!(!handled.called());
}

#[test]
fn a_pipeline_is_gone_when_state_and_tags_say_so() {
    let setting = setting(POLICY, Mode::Active, Err(Gap::PipelineNotFound));
    let view = view(&setting, None, Vec::new());
    let handled = handle(&setting, event(100), &view, &gone(), at(200));
    assert_eq!(handled.ruling(), Some(Ruling::IgnorePipelineGone));
    assert_eq!(handled.asked, ["tags", "observe"]);
    assert!(handled.written.last().unwrap().decision.as_ref().unwrap().is_final);
    assert!(handled.record().is_final(&hint_of_the_event()));

    let contradicted = handle(&setting, event(100), &view, &reading(100), at(200));
    assert_eq!(contradicted.ruling(), Some(Ruling::WaitCannotVerify));
}

#[test]
fn a_retry_of_a_pipeline_that_is_gone_has_ended() {
    let setting = setting(POLICY, Mode::Active, Err(Gap::PipelineNotFound));
    let mut record = claimed(100, 200);
    record.settle(Progress::Issued, at(200));
    let view = view(&setting, Some(record), Vec::new());
    let handled = handle(&setting, event(400), &view, &gone(), at(500));
    assert_eq!(handled.ruling(), Some(Ruling::IgnorePipelineGone));
    assert_eq!(handled.outcome.as_ref().unwrap().progress(), Some((1, Progress::Ended)));
    assert!(handled.record().running_retry().is_none());
}

fn hint_of_the_event() -> codepipeline_retrier::domain::stage_run::Hint {
    let mut hint = hint(100);
    hint.key.attempt = "2".into();
    hint
}
