//! Mistakes that the exploration has found, each as the shortest way to it.

use std::collections::BTreeSet;

use codepipeline_retrier::domain::backoff::Jitter;
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::pipeline::ActionStatus;
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::protocol::{Answer, Effect, Input, State, step};
use codepipeline_retrier::domain::stage_run::{Hint, Owner, StageRun};
use codepipeline_retrier::domain::trigger::{Delivery, EventKey, Trigger, WakeUp};

use super::configuration::Installation;
use super::configurations::BASE;
use super::stage::{Attempt, Cause, Shown, action_execution, reading};
use super::time::instant;

/// Somebody retries the stage; a reading that is a few seconds old still shows the failure, so a claim is made, and its
/// owner dies before the fence. The retry that the pipeline shows later was there before the claim, so it is not ours.
#[test]
fn a_retry_from_before_the_claim_is_somebody_elses() {
    let installation = Installation::new(&BASE, None);
    let run = &installation.runs[0];
    let failed = |started, changed, cause| Attempt { status: ActionStatus::Failed, started, changed, cause };
    let attempts = vec![failed(0, 1, Cause::Change), failed(10, 40, Cause::Person)];
    let shown = Shown { attempts, disabled: false, replaced: false };

    let mut record = StageRun::unwritten(run);
    let claimed = BTreeSet::from([action_execution(0)]);
    let hint = Hint { key: EventKey { attempt: "1".into(), last_retry: String::new() }, time: instant(1) };
    let lease_until = instant(30) + installation.timing.lease;
    let owner = Owner("dead".into());
    record.claim(&claimed, RetryMode::FailedActions, &[], &owner, lease_until, &hint);
    record.revision = 1;
    let mut view = installation.ledger().read(run, &[], &[]);
    view.record = Some(record);

    let environment = installation.environment(700);
    let go_on = |state, answer| step(&environment, state, Input { now: instant(700), answer });
    let trigger = Trigger::WakeUp(WakeUp { run: run.clone(), sequence: 1 });
    let owner = Owner("alive".into());
    let (state, _) = go_on(State::Idle, Answer::Begin { trigger, delivery: Delivery::First, owner });
    let (state, _) = go_on(state, Answer::Ledger(Ok(Box::new(view))));
    let reading = Box::new(reading(run, &shown, &shown));
    let (_, effect) = go_on(state, Answer::Observed { reading, jitter: Jitter(0) });

    let Effect::Commit(commit) = effect else { panic!("{effect:?}") };
    assert_eq!(commit.record.claim, None);
    assert_eq!(commit.decision.unwrap().ruling, Ruling::IgnoreRetriedBySomeoneElse);
}
