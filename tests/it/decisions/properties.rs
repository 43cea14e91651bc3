//! What holds of every decision, whatever is asked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::arbitrary::examined;
use codepipeline_retrier::domain::backoff::Jitter;
use codepipeline_retrier::domain::budget::{Bucket, BucketKey};
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::decide::{Decided, Question, decide};
use codepipeline_retrier::domain::decision::{Ruling, StepName, StepOutcome, Verdict};
use codepipeline_retrier::domain::freeze::{CalendarReadings, CalendarState, When};
use codepipeline_retrier::domain::ids::{ActionExecutionId, ActionName};
use codepipeline_retrier::domain::pipeline::{
    ActionExecution, ActionStatus, Category, ErrorDetails, ExecutionMode, ExecutionStatus, Reading,
    Transition,
};
use codepipeline_retrier::domain::policy::{Mode, ParallelRetries, Policy, Settings};
use codepipeline_retrier::domain::screen::Covered;
use codepipeline_retrier::domain::stage_run::{Hint, StageRun, Timing, after};
use codepipeline_retrier::domain::tags::NO_TAGS;

use crate::arbitrary::{self, at, instant, run};

/// A whole question.
#[derive(Debug, Clone)]
struct Asked {
    policy: Policy,
    shadow: bool,
    reading: Reading,
    record: StageRun,
    buckets: BTreeMap<BucketKey, Bucket>,
    calendars: CalendarReadings,
    active_since: Option<Timestamp>,
    hint: Hint,
    now: Timestamp,
    jitter: Jitter,
}

impl Asked {
    fn settings(&self) -> &Settings {
        &self.policy.rules[0].settings
    }

    fn own_claim(&self) -> bool {
        self.record.claim.is_some()
    }

    fn decide(&self) -> Decided {
        let covered = Covered {
            policy: &self.policy,
            rule: &self.policy.rules[0],
            tags: &NO_TAGS,
            shadow: self.shadow,
            is_elsewhere: false,
        };
        let key = (self.policy.rules[0].name.clone(), self.shadow);
        let active_since = self.active_since.map(|since| (key, since)).into_iter().collect();
        let controls = Controls { active_since, ..Controls::default() };
        let examination = examined(&self.reading);
        decide(&Question {
            covered,
            record: &self.record,
            reading: &self.reading,
            examination: &examination,
            calendars: &self.calendars,
            buckets: &self.buckets,
            windows: &BTreeMap::new(),
            controls: &controls,
            hint: &self.hint,
            own_claim: self.own_claim(),
            now: self.now,
            jitter: self.jitter,
            timing: Timing::default(),
        })
        .unwrap()
    }

    fn is_retry(&self) -> bool {
        self.decide().decision.ruling == Ruling::RetryEligible
    }

    fn runs(&self) -> Vec<&ActionExecution> {
        let runs = self.reading.actions.as_deref().unwrap_or_default();
        runs.iter().filter(|of| of.execution == run().execution && of.stage == run().stage).collect()
    }
}

/// A policy whose rule has a freeze at times: a window about the time of it all, or a calendar.
fn frozen_policy() -> impl Strategy<Value = Policy> {
    let window = (0_i64..240, 1_i64..240).prop_map(|(begin, length)| arbitrary::window(begin, length));
    let freeze = prop_oneof![window, Just(arbitrary::releases())];
    let freezes = prop_oneof![4 => Just(Vec::new()), 1 => proptest::collection::vec(freeze, 1..3)];
    (arbitrary::policy(Mode::Active), freezes).prop_map(|(mut policy, freezes)| {
        policy.rules[0].settings.freezes = freezes;
        policy
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    (frozen_policy(), arbitrary::reading(), proptest::bool::weighted(0.15))
        .prop_flat_map(|(policy, reading, shadow)| {
            let claimed = if shadow { 0.0 } else { 0.15 };
            let record = arbitrary::record(&reading, claimed, None);
            let keys: Vec<BucketKey> =
                policy.rules[0].settings.budgets.iter().map(|b| b.key(&run(), shadow)).collect();
            let buckets = proptest::collection::vec(arbitrary::bucket(), keys.len());
            let buckets = buckets.prop_map(move |buckets| keys.iter().cloned().zip(buckets).collect());
            (Just((policy, reading, shadow)), record, buckets)
        })
        .prop_flat_map(|(known, record, buckets)| {
            let runs = known.1.actions.as_deref().unwrap_or_default();
            let failed_at = runs.iter().map(|of| of.last_change).max().unwrap_or(at(0));
            let soon = |from: i64, to: i64| {
                let near =
                    (from..to).prop_map(move |minutes| after(failed_at, SignedDuration::from_mins(minutes)));
                prop_oneof![9 => near, 1 => instant()]
            };
            let active_since = proptest::option::weighted(0.2, soon(-10, 1));
            let hint = (arbitrary::key(), soon(0, 2)).prop_map(|(key, time)| Hint { key, time });
            let times = (active_since, hint, soon(0, 90), any::<u64>());
            let said = arbitrary::calendar().prop_map({
                let calendars = known.0.calendars();
                move |said| calendars.iter().cloned().map(|arn| (arn, said)).collect()
            });
            (Just(known), Just(record), Just(buckets), said, times)
        })
        .prop_map(|((policy, reading, shadow), record, buckets, calendars, times)| {
            let (active_since, hint, now, jitter) = times;
            let jitter = Jitter(jitter);
            Asked { policy, shadow, reading, record, buckets, calendars, active_since, hint, now, jitter }
        })
}

/// When the failure that was decided about happened, by the history.
fn failed_at(asked: &Asked, failed: &BTreeSet<ActionExecutionId>) -> Option<Timestamp> {
    asked.runs().iter().filter(|of| failed.contains(&of.id)).map(|of| of.last_change).max()
}

#[test]
fn the_questions_reach_every_ruling() {
    let mut runner = TestRunner::deterministic();
    let strategy = asked();
    let mut seen: BTreeMap<Ruling, u32> = BTreeMap::new();
    for _ in 0..6_000 {
        let asked = strategy.new_tree(&mut runner).unwrap().current();
        *seen.entry(asked.decide().decision.ruling).or_default() += 1;
    }
    let not_here = [
        Ruling::IgnoreForeignAccount,
        Ruling::IgnoreForeignRegion,
        Ruling::IgnoreNoRule,
        Ruling::IgnoreModeDisabled,
        Ruling::WaitPaused,
        Ruling::WaitPolicyInvalid,
        Ruling::WaitStorm,
    ];
    let expected = Ruling::ALL.iter().filter(|of| !not_here.contains(of) && !super::NOT_DECIDED.contains(of));
    let missing: Vec<String> =
        expected.filter(|ruling| !seen.contains_key(ruling)).map(Ruling::to_string).collect();
    assert!(missing.is_empty(), "never decided: {missing:?}, decided: {seen:?}");
    assert!(seen[&Ruling::RetryEligible] >= 250, "too few retries: {seen:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_question_has_the_same_answer(asked in asked()) {
        prop_assert_eq!(asked.decide(), asked.clone().decide());
    }

    #[test]
    fn a_wait_has_an_end_within_give_up_after(asked in asked()) {
        let decision = asked.decide().decision;
        let is_wait = decision.ruling.verdict() == Verdict::Wait;
        prop_assert_eq!(decision.until.is_some(), is_wait);
        if let Some(until) = decision.until {
            // Beside a failure of which all is known, the event may tell of the next one.
            let is_known = decision.ruling == Ruling::WaitStateUnsettled
                && decision.explanation.last().is_some_and(|step| step.name == StepName::Duplicate);
            let failed_at = decision.failed_at.unwrap_or(asked.hint.time);
            let began = if is_known { failed_at.max(asked.hint.time) } else { failed_at };
            prop_assert!(until > asked.now, "{} is not after now", until);
            let may_be_old = matches!(decision.ruling, Ruling::WaitStateUnsettled | Ruling::WaitActionsInProgress);
            let settled_at = after(asked.hint.time, Timing::default().unsettled);
            let deadline = after(began, asked.settings().give_up_after);
            let deadline = if may_be_old { deadline.max(settled_at) } else { deadline };
            prop_assert!(until <= deadline, "{} is too late", until);
        }
    }

    #[test]
    fn a_decision_says_what_it_is(asked in asked()) {
        let decision = asked.decide().decision;
        prop_assert_eq!(decision.is_final, decision.ruling.is_final());
        let (last, before) = decision.explanation.split_last().unwrap();
        let ends_well = decision.ruling.verdict() == Verdict::Retry;
        prop_assert_eq!(last.outcome == StepOutcome::Pass, ends_well);
        prop_assert!(before.iter().all(|step| step.outcome == StepOutcome::Pass));
        prop_assert!(decision.explanation.iter().all(|step| !step.detail.is_empty()));
    }

    #[test]
    fn only_a_retry_takes_tokens_and_only_a_waiter_for_a_token_takes_a_slot(asked in asked()) {
        let Decided { decision, withdrawals, slot } = asked.decide();
        prop_assert!(withdrawals.is_empty() || decision.ruling == Ruling::RetryEligible);
        prop_assert!(slot.is_none() || decision.ruling == Ruling::WaitBudgetEmpty);
        if decision.ruling == Ruling::RetryEligible {
            let keys: BTreeSet<_> = withdrawals.iter().map(|of| of.key.clone()).collect();
            prop_assert_eq!(keys.len(), withdrawals.len());
            let budgets = asked.settings().budgets.iter();
            let wanted: BTreeSet<_> = budgets.map(|budget| budget.key(&run(), asked.shadow)).collect();
            prop_assert_eq!(keys, if asked.own_claim() { BTreeSet::new() } else { wanted });
            for withdrawal in withdrawals {
                let bucket = asked.buckets.get(&withdrawal.key).copied().unwrap_or_default();
                prop_assert!(withdrawal.apply(bucket).is_some(), "the token is not there");
            }
        }
    }

    #[test]
    fn a_retry_finds_the_stage_failed_and_still(asked in asked()) {
        let decision = asked.decide().decision;
        if decision.ruling != Ruling::RetryEligible {
            return Ok(());
        }
        let execution = asked.reading.execution.clone().unwrap();
        let structure = asked.reading.structure.clone().unwrap();
        prop_assert!(matches!(execution.status, ExecutionStatus::Failed | ExecutionStatus::InProgress | ExecutionStatus::Succeeded));
        if execution.mode == ExecutionMode::Parallel {
            prop_assert_eq!(execution.version, structure.version);
            let entries = asked.reading.entries.clone().unwrap();
            let own = entries.iter().find(|entry| entry.execution == run().execution);
            prop_assert!(own.is_some(), "nobody knows which execution is the newest");
            let latest = entries.iter().max_by_key(|entry| entry.entered).unwrap();
            let independent = asked.settings().parallel == ParallelRetries::Independent;
            prop_assert!(independent || latest.execution == run().execution);
        } else {
            let state = asked.reading.state.clone().unwrap();
            let stage = &state.stages[0];
            let latest = stage.latest.clone().unwrap();
            prop_assert_eq!(state.version, execution.version);
            prop_assert_eq!((latest.execution, latest.status), (run().execution, ExecutionStatus::Failed));
            prop_assert_eq!(stage.transition, Transition::Enabled);
            let shown = stage.actions.iter().filter_map(|action| action.latest.as_ref());
            let shown: BTreeSet<_> = shown.map(|latest| latest.id.clone()).collect();
            prop_assert!(decision.failed.is_subset(&shown), "the state does not show the failure");
        }
        let runs = asked.runs();
        prop_assert!(runs.iter().all(|of| of.status != ActionStatus::InProgress));
        let failed: Vec<_> = runs.iter().filter(|of| decision.failed.contains(&of.id)).collect();
        prop_assert!(!failed.is_empty());
        for of in &failed {
            prop_assert_eq!(of.status, ActionStatus::Failed);
            prop_assert_ne!(of.category, Category::Approval);
            prop_assert!(!runs.iter().any(|other| other.action == of.action && other.started > of.started));
        }
    }

    #[test]
    fn a_retry_is_allowed_and_due(asked in asked()) {
        let decision = asked.decide().decision;
        if decision.ruling != Ruling::RetryEligible {
            return Ok(());
        }
        let settings = asked.settings();
        let examination = examined(&asked.reading);
        for of in asked.runs().iter().filter(|of| decision.failed.contains(&of.id)) {
            let class = examination[&of.id].classified.class;
            prop_assert!(class.may_be_retried() && settings.retry_on.contains(&class));
            prop_assert_eq!(decision.classes.get(&of.action), Some(&class));
        }
        let own = asked.record.claim.as_ref();
        let used = asked.record.tally(asked.shadow).used - u32::from(own.is_some());
        prop_assert!(used < settings.max_retries);
        let retry = decision.retry.unwrap();
        let failed_at = failed_at(&asked, &decision.failed).unwrap();
        prop_assert_eq!(decision.failed_at, Some(failed_at));
        prop_assert!(asked.now >= after(failed_at, settings.backoff.delay(retry, Jitter(0))));
        prop_assert!(asked.now < after(failed_at, settings.give_up_after));
        // The stage's event comes only after the last action has ended.
        let stage_failed_at = asked.runs().iter().map(|of| of.last_change).max().unwrap();
        prop_assert!(asked.active_since.is_none_or(|since| since <= stage_failed_at));
        let tally = asked.record.tally(asked.shadow);
        let answers = |ids: &BTreeSet<ActionExecutionId>| own.is_some_and(|claim| ids.is_subset(&claim.failed));
        let answered: BTreeSet<_> = tally.answered.intersection(&decision.failed).cloned().collect();
        prop_assert!(answered.is_empty() || answers(&answered));
        prop_assert!(!decision.failed.is_subset(&tally.closed));
        if own.is_none() {
            for budget in &settings.budgets {
                let bucket = asked.buckets.get(&budget.key(&run(), asked.shadow)).copied().unwrap_or_default();
                prop_assert!(budget.balance(bucket, asked.now) > 0);
            }
        }
    }

    #[test]
    fn nothing_is_retried_while_a_freeze_holds_or_may_hold(asked in asked()) {
        let decision = asked.decide().decision;
        for freeze in &asked.settings().freezes {
            let holds = match &freeze.when {
                When::Weekly(_) => arbitrary::is_within(freeze, asked.now),
                When::Calendar(arn) => match asked.calendars[arn] {
                    Ok(CalendarState::Open) => false,
                    Ok(CalendarState::Closed { until }) => until.is_none_or(|until| asked.now < until),
                    Err(_) => true,
                },
            };
            prop_assert!(!holds || decision.ruling != Ruling::RetryEligible, "{} holds", freeze.name);
        }
        let speaks_of_one = matches!(decision.ruling, Ruling::WaitFrozen | Ruling::GiveUpFrozenTooLong);
        prop_assert!(!speaks_of_one || !asked.settings().freezes.is_empty());
    }

    #[test]
    fn a_retry_finds_nobody_else_at_work(asked in asked()) {
        let decision = asked.decide().decision;
        if decision.ruling != Ruling::RetryEligible {
            return Ok(());
        }
        let runs = asked.runs();
        let run_again: BTreeSet<_> = (runs.iter())
            .filter(|of| of.status == ActionStatus::Failed && !decision.failed.contains(&of.id))
            .map(|of| of.id.clone())
            .collect();
        let stage = asked.reading.state.as_ref().ok().and_then(|state| state.stages.first());
        let counted = stage.and_then(|stage| stage.retries).map_or(0, |retries| retries.automatic);
        let native = counted > 0 || asked.reading.structure.as_ref().unwrap().stages[0].native_retry.is_some();
        if !run_again.is_empty() && !native {
            prop_assert!(!run_again.is_disjoint(&asked.record.live.answered), "{:?} was run again by others", run_again);
        }
    }

    #[test]
    fn no_approval_that_failed_is_ever_retried(asked in asked(), seconds in 0_i64..3_600) {
        let mut asked = asked;
        if let Ok(runs) = &mut asked.reading.actions {
            // No run may follow it: an approval of an earlier attempt was asked for again since.
            let last = runs.iter().map(|of| of.started).max().unwrap_or(at(0));
            let start = after(last, SignedDuration::from_secs(seconds));
            runs.push(beside("Go", Category::Approval, ActionStatus::Failed, start));
        }
        prop_assert!(!asked.is_retry());
    }

    #[test]
    fn nothing_is_retried_beside_a_running_action(asked in asked(), seconds in 0_i64..12_000) {
        let mut asked = asked;
        if let Ok(runs) = &mut asked.reading.actions {
            runs.push(beside("Slow", Category::Build, ActionStatus::InProgress, at(seconds)));
        }
        prop_assert!(!asked.is_retry());
    }

    #[test]
    fn less_leeway_never_makes_a_retry(asked in asked(), which in 0_usize..7, more in 1_u32..3) {
        let before = asked.is_retry();
        let mut asked = asked;
        let failed = asked.decide().decision.failed;
        let tally = if asked.shadow { &mut asked.record.shadow } else { &mut asked.record.live };
        match which {
            // The ids of earlier attempts are left out: to have answered those is to have made a retry that would
            // otherwise be somebody else's.
            0 => tally.answered.extend(failed),
            1 => tally.closed.extend(failed),
            2 => tally.used += more,
            3 => asked.active_since = Some(asked.active_since.map_or(asked.now, |since| since.max(asked.now))),
            4 => {
                for bucket in asked.buckets.values_mut() {
                    let later = bucket.full_at.map(|full_at| full_at + i64::from(more) * 600_000);
                    bucket.full_at = later.or(Some(asked.now.as_millisecond() + 600_000));
                }
            }
            5 => {
                asked.policy.rules[0].settings.freezes.push(arbitrary::releases());
                let closed = Ok(CalendarState::Closed { until: None });
                asked.calendars = asked.policy.calendars().into_iter().map(|arn| (arn, closed)).collect();
            }
            _ => asked.policy.rules[0].settings.retry_on.clear(),
        }
        prop_assert!(before || !asked.is_retry());
    }

    #[test]
    fn without_an_answer_that_safety_needs_there_is_no_retry(asked in asked(), which in 0_usize..4, gap in arbitrary::gap()) {
        let mut asked = asked;
        let parallel = asked.reading.execution.as_ref().is_ok_and(|of| of.mode == ExecutionMode::Parallel);
        match which {
            0 => asked.reading.execution = Err(gap),
            1 => asked.reading.structure = Err(gap),
            2 => asked.reading.actions = Err(gap),
            _ if parallel => asked.reading.entries = Err(gap),
            _ => asked.reading.state = Err(gap),
        }
        prop_assert!(!asked.is_retry());
    }

    #[test]
    fn a_delay_is_over_at_its_instant(asked in asked()) {
        let decision = asked.decide().decision;
        let waits = [Ruling::WaitBackoff, Ruling::WaitNativeRetryPending];
        if !waits.contains(&decision.ruling) {
            return Ok(());
        }
        let later = Asked { now: decision.until.unwrap(), ..asked };
        prop_assert_ne!(later.decide().decision.ruling, decision.ruling);
    }
}

/// One more run, of an action of its own.
fn beside(name: &str, category: Category, status: ActionStatus, start: Timestamp) -> ActionExecution {
    ActionExecution {
        execution: run().execution,
        stage: run().stage,
        action: ActionName::parse(name).unwrap(),
        id: ActionExecutionId::parse(format!("{name}-0")).unwrap(),
        status,
        category,
        provider: "Manual".into(),
        region: None,
        external_id: None,
        started: start,
        last_change: start,
        error: ErrorDetails::default(),
    }
}
