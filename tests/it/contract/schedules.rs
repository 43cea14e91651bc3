//! The contract of the schedules: a wake-up that was armed comes, not before its time, and once is enough.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::domain::ids::{PipelineArn, PipelineName, StageName, StageRunId};
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::domain::trigger::WakeUp;
use codepipeline_retrier::ports::Schedules;

use super::ledger::run_number;
use super::ledger_keeping::run_together;
use crate::arbitrary::at;

/// Schedules whose deliveries can be had.
pub trait Delivering: Schedules {
    /// Lets time pass until then and hands out whatever comes, with the instant at which it comes. What `keep` answers
    /// `false` to is not acknowledged.
    async fn deliver_until(&self, until: Timestamp, keep: impl FnMut(Timestamp, &WakeUp) -> bool);
}

/// How late a wake-up may come (EventBridge Scheduler: within the minute).
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// One test for each clause. The first argument drives a clause to its end, the second makes schedules without a wake-up.
macro_rules! suite {
    ($run:path, $make:path) => {
        $crate::contract::clauses! {
            $run, $make, schedules:
            a_wake_up_comes_at_its_time_or_soon_after
            a_wake_up_does_not_come_a_moment_early
            a_wake_up_may_be_a_week_away
            armed_twice_comes_once_or_twice
            arming_a_pending_wake_up_again_leaves_its_time
            wake_ups_of_other_numbers_and_stage_runs_are_others
            a_wake_up_of_the_longest_names_comes_whole
            a_wake_up_that_is_due_already_comes_at_once
            a_wake_up_that_is_not_acknowledged_comes_again
            a_wake_up_may_be_armed_again_while_it_is_handled
            a_wake_up_that_was_delivered_may_be_armed_anew
        }
    };
}
pub(crate) use suite;

fn wake_up(number: u32, sequence: u64) -> WakeUp {
    WakeUp { run: run_number(number), sequence }
}

async fn arm<S: Schedules>(schedules: &S, wake_up: &WakeUp, seconds: i64) {
    assert_eq!(schedules.arm(wake_up, at(seconds)).await, Ok(()));
}

/// Everything that comes until then, acknowledged.
async fn delivered<S: Delivering>(schedules: &S, seconds: i64) -> Vec<(Timestamp, WakeUp)> {
    let mut delivered = Vec::new();
    let keep = |when, wake_up: &WakeUp| {
        delivered.push((when, wake_up.clone()));
        true
    };
    schedules.deliver_until(at(seconds), keep).await;
    delivered
}

fn is_in_time(when: Timestamp, seconds: i64) -> bool {
    (at(seconds)..=after(at(seconds), LATE)).contains(&when)
}

pub async fn a_wake_up_comes_at_its_time_or_soon_after<S: Delivering>(schedules: &S) {
    arm(schedules, &wake_up(1, 1), 600).await;
    assert_eq!(delivered(schedules, 599).await, []);
    let delivered = delivered(schedules, 900).await;
    let [(when, what)] = delivered.as_slice() else { panic!("not one wake-up: {delivered:?}") };
    assert_eq!(*what, wake_up(1, 1));
    assert!(is_in_time(*when, 600), "{when}");
}

/// The engine waits to the millisecond, and services round.
pub async fn a_wake_up_does_not_come_a_moment_early<S: Delivering>(schedules: &S) {
    let due = after(at(600), SignedDuration::from_millis(1));
    assert_eq!(schedules.arm(&wake_up(1, 1), due).await, Ok(()));
    let delivered = delivered(schedules, 900).await;
    assert!(matches!(delivered.as_slice(), [(when, _)] if *when >= due), "{delivered:?}");
}

pub async fn a_wake_up_may_be_a_week_away<S: Delivering>(schedules: &S) {
    const WEEK: i64 = 7 * 24 * 3_600;
    arm(schedules, &wake_up(1, 1), WEEK).await;
    assert_eq!(delivered(schedules, WEEK - 1).await, []);
    assert_eq!(delivered(schedules, WEEK + 300).await.len(), 1);
}

/// A queue has no names for its messages, so that a second copy may come; what comes is in time.
pub async fn armed_twice_comes_once_or_twice<S: Delivering>(schedules: &S) {
    for seconds in [600, 6_000] {
        arm(schedules, &wake_up(1, 1), seconds).await;
        arm(schedules, &wake_up(1, 1), seconds).await;
        let delivered = delivered(schedules, seconds + 300).await;
        assert!((1..=2).contains(&delivered.len()), "{delivered:?}");
        assert!(delivered.iter().all(|(when, _)| is_in_time(*when, seconds)), "{delivered:?}");
    }
}

/// The one more copy that may come does so at its own time.
pub async fn arming_a_pending_wake_up_again_leaves_its_time<S: Delivering>(schedules: &S) {
    for (number, first, second) in [(1, 600, 1_600), (2, 6_000, 7_000)] {
        arm(schedules, &wake_up(number, 1), first).await;
        arm(schedules, &wake_up(number, 1), second).await;
        let delivered = delivered(schedules, second + 300).await;
        let [(when, _), copies @ ..] = delivered.as_slice() else { panic!("nothing came") };
        assert!(is_in_time(*when, first), "{delivered:?}");
        assert!(
            copies.len() <= 1 && copies.iter().all(|(when, _)| is_in_time(*when, second)),
            "{delivered:?}"
        );
    }
}

pub async fn wake_ups_of_other_numbers_and_stage_runs_are_others<S: Delivering>(schedules: &S) {
    let mut armed =
        BTreeSet::from([wake_up(1, 1), wake_up(1, 2), wake_up(1, 11), wake_up(2, 1), wake_up(11, 1)]);
    armed.extend(run_together().map(|run| WakeUp { run, sequence: 1 }));
    for wake_up in &armed {
        arm(schedules, wake_up, 600).await;
    }
    let delivered = delivered(schedules, 900).await;
    assert_eq!(delivered.len(), armed.len());
    let delivered: BTreeSet<WakeUp> = delivered.into_iter().map(|(_, wake_up)| wake_up).collect();
    assert_eq!(delivered, armed);
}

/// They are longer than the names that a schedule may have.
pub async fn a_wake_up_of_the_longest_names_comes_whole<S: Delivering>(schedules: &S) {
    let pipeline = PipelineName::parse("p@_".repeat(33) + ".").unwrap();
    let stage = StageName::parse("s".repeat(100)).unwrap();
    let run = run_number(1);
    let run = StageRunId { pipeline: PipelineArn { name: pipeline, ..run.pipeline }, stage, ..run };
    let armed = WakeUp { run, sequence: u64::MAX };
    arm(schedules, &armed, 600).await;
    let delivered = delivered(schedules, 900).await;
    assert!(matches!(delivered.as_slice(), [(_, wake_up)] if *wake_up == armed), "{delivered:?}");
}

pub async fn a_wake_up_that_is_due_already_comes_at_once<S: Delivering>(schedules: &S) {
    assert_eq!(delivered(schedules, 600).await, []);
    arm(schedules, &wake_up(1, 1), 300).await;
    let delivered = delivered(schedules, 700).await;
    assert!(matches!(delivered.as_slice(), [(when, _)] if is_in_time(*when, 600)), "{delivered:?}");
}

pub async fn a_wake_up_that_is_not_acknowledged_comes_again<S: Delivering>(schedules: &S) {
    arm(schedules, &wake_up(1, 1), 600).await;
    let mut came = 0;
    let keep = |_, _: &WakeUp| {
        came += 1;
        came == 3
    };
    schedules.deliver_until(at(9_000), keep).await;
    assert_eq!(came, 3, "it comes until it is acknowledged, and no longer");
}

pub async fn a_wake_up_may_be_armed_again_while_it_is_handled<S: Delivering>(schedules: &S) {
    arm(schedules, &wake_up(1, 1), 600).await;
    let mut came = 0;
    // Whoever has it finds that it is not time yet, arms it again, and fails to acknowledge it.
    let keep = |_, _: &WakeUp| {
        came += 1;
        false
    };
    schedules.deliver_until(at(610), keep).await;
    assert_eq!(came, 1);
    arm(schedules, &wake_up(1, 1), 5_000).await;
    let delivered = delivered(schedules, 9_000).await;
    assert!(delivered.iter().any(|(when, _)| is_in_time(*when, 5_000)), "{delivered:?}");
}

/// A message that comes a second time arms its wake-up again, in case that whoever had it died before.
pub async fn a_wake_up_that_was_delivered_may_be_armed_anew<S: Delivering>(schedules: &S) {
    for seconds in [600, 6_000] {
        arm(schedules, &wake_up(1, 1), seconds).await;
        let delivered = delivered(schedules, seconds + 300).await;
        assert!(matches!(delivered.as_slice(), [(when, _)] if is_in_time(*when, seconds)), "{delivered:?}");
    }
}
