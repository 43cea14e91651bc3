//! A thousand failures that wait for the tokens of one empty budget: they come back one by one, in about their order, and
//! seldom in vain.

use std::collections::BTreeMap;

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::replay::moment::Happening;
use jiff::{SignedDuration, Timestamp};

use super::figure;
use super::rig::storms::{most_within, play, scenario};

const FAILS_ONCE: &str = "{ fail: { after: 30s, message: \"Rate exceeded\" } }, { succeed: 40s }";

/// One token a minute and two at once; what waits too long gives up after `give_up_after`.
fn settings(give_up_after: &str) -> String {
    format!(
        "budgets: {{ shared: {{ capacity: 2, refill: 60/h }} }}\n\
         defaults: {{ budgets: shared, give-up-after: {give_up_after}, backoff: {{ initial: 0s, max: 0s }} }}\n\
         storm: {{ spread: 1m }}"
    )
}

#[derive(Debug, Default)]
struct Measured {
    /// Tokens handed out.
    tokens: usize,
    /// Wake-ups of those that wait for a token, and how many of them found none.
    wake_ups: usize,
    in_vain: usize,
    /// Most of them within a minute.
    most_at_once: usize,
    /// How many lost more than ten places.
    overtaken: usize,
    given_up: usize,
    /// Calls of the busiest second.
    peak: u32,
}

impl Measured {
    fn in_words(&self, waiters: u64) -> String {
        let Self { tokens, wake_ups, in_vain, most_at_once, overtaken, given_up, peak } = self;
        format!(
            "{waiters} failures: {tokens} tokens handed out, {wake_ups} wake-ups for one ({in_vain} in vain, at most \
             {most_at_once} within a minute), {given_up} given up, {overtaken} overtaken by more than ten, at most {peak} \
             calls in a second"
        )
    }
}

fn wait(waiters: u64, give_up_after: &str) -> Measured {
    let starts = (0..i64::try_from(waiters).unwrap()).map(|number| (FAILS_ONCE, vec![number * 60]));
    let mut measured = Measured::default();
    // Who waits for a token, by when it began to, and in which order tokens came.
    let mut waiting: BTreeMap<StageRunId, usize> = BTreeMap::new();
    let mut served: Vec<usize> = Vec::new();
    let mut wake_ups: Vec<Timestamp> = Vec::new();
    let (player, findings) = play(&scenario(&settings(give_up_after), starts), Some(5), &mut |moment| {
        let Happening::Handled(handled) = &moment.what else { return };
        let Some(decision) = handled.decision() else { return };
        let place = waiting.get(&decision.run).copied();
        match decision.ruling {
            Ruling::WaitBudgetEmpty => {
                let number = waiting.len();
                waiting.entry(decision.run.clone()).or_insert(number);
                measured.in_vain += usize::from(place.is_some());
            }
            Ruling::RetryEligible => served.extend(place),
            Ruling::GiveUpBudgetEmpty | Ruling::GiveUpTooOld => {
                measured.given_up += 1;
                measured.in_vain += usize::from(place.is_some());
            }
            _ => return,
        }
        wake_ups.extend(place.map(|_| moment.at));
    });
    assert_eq!(findings, Vec::<String>::new());
    let world = player.world().lock();
    measured.tokens = world.ledger.records().map(|record| usize::try_from(record.live.used).unwrap()).sum();
    measured.wake_ups = wake_ups.len();
    measured.most_at_once = most_within(&wake_ups, SignedDuration::from_secs(59));
    measured.overtaken =
        served.iter().enumerate().filter(|(turn, place)| turn.saturating_sub(**place) > 10).count();
    measured.peak = world.rate.peak();
    measured
}

#[test]
fn waiters_come_back_one_by_one() {
    let measured = wait(60, "7d");
    println!("{}", measured.in_words(60));
    assert_eq!((measured.tokens, measured.given_up), (60, 0));
    assert!(measured.wake_ups <= 2 * measured.tokens, "{measured:?}");
}

#[test]
fn those_whose_turn_would_come_too_late_do_not_wake_for_nothing() {
    let measured = wait(60, "30m");
    println!("{}", measured.in_words(60));
    assert!(measured.wake_ups <= 2 * measured.tokens, "{measured:?}");
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn a_thousand_waiters_for_one_empty_budget() {
    let waiters = figure::number("RETRIER_WAITERS", 1_000);
    let patient = wait(waiters, "7d");
    let hurried = wait(waiters, "2h");
    let holds = [&patient, &hurried].iter().all(|of| of.wake_ups <= 2 * of.tokens);
    let measured = format!(
        "waiting for days: {}; for two hours: {}",
        patient.in_words(waiters),
        hurried.in_words(waiters)
    );
    figure::record("waiters", &measured, holds);
    assert!(holds, "{patient:?} {hurried:?}");
}
