//! What holds for every history of a budget, tried on random ones; first of all that no window hands out too much.

use proptest::prelude::*;

use super::*;

/// One step of a random history.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Time passes, in milliseconds.
    Advance(i64),
    /// Somebody reads the bucket, to act on it later.
    Look,
    /// Somebody takes a token by what was last looked up, with a clock that is this far behind.
    WithdrawStale { lag: i64 },
    /// Somebody looks and takes a token at once, with a clock that is this far behind.
    Withdraw { lag: i64 },
    /// The n-th token that is still out comes back.
    Deposit(usize),
}

fn steps(intervals_ms: i64, skew_ms: i64) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..=intervals_ms).prop_map(Step::Advance),
        1 => Just(Step::Look),
        2 => (0..=skew_ms).prop_map(|lag| Step::WithdrawStale { lag }),
        4 => (0..=skew_ms).prop_map(|lag| Step::Withdraw { lag }),
        1 => (0..8_usize).prop_map(Step::Deposit),
    ];
    prop::collection::vec(step, 1..80)
}

/// Plays a history. Returns when tokens were taken (1) and given back (-1), in true time.
fn play(budget: &Budget, steps: &[Step]) -> Vec<(i64, i64)> {
    let mut now = START;
    let mut bucket = Bucket::default();
    let mut seen = Peek::Available(Branch::Idle);
    let mut out: Vec<Withdrawal> = Vec::new();
    let mut moves = Vec::new();
    for step in steps {
        match *step {
            Step::Advance(ms) => now += ms,
            Step::Look => seen = budget.peek(bucket, at(now)),
            Step::Withdraw { lag } | Step::WithdrawStale { lag } => {
                let clock = at(now - lag);
                let current = budget.peek(bucket, clock);
                let basis = match step {
                    Step::Withdraw { .. } => current,
                    _ => seen,
                };
                let Peek::Available(branch) = basis else {
                    continue;
                };
                let withdrawal = budget.withdrawal(key(), branch, clock);
                let after = withdrawal.apply(bucket);
                assert_eq!(
                    after.is_some(),
                    current == Peek::Available(branch),
                    "a stale branch is refused, and the right one is not"
                );
                if let Some(after) = after {
                    bucket = after;
                    moves.push((now, 1));
                    out.push(withdrawal);
                }
            }
            Step::Deposit(index) if index < out.len() => {
                bucket = out.remove(index).deposit().apply(bucket);
                moves.push((now, -1));
            }
            Step::Deposit(_) => {}
        }
    }
    moves
}

/// Invariant I3 over every pair of moves: a window that starts or ends between two holds no more than one of these.
fn check_every_window(budget: &Budget, moves: &[(i64, i64)], skew_ms: i64) {
    for (first, (from, _)) in moves.iter().enumerate() {
        let mut net = 0;
        for (to, change) in &moves[first..] {
            net += change;
            let allowed = i64::from(budget.capacity()) * budget.interval_ms() + (to - from) + skew_ms;
            assert!(
                net * budget.interval_ms() <= allowed,
                "{net} tokens in {} ms from a budget of {}, one back every {} ms",
                to - from,
                budget.capacity(),
                budget.interval_ms(),
            );
        }
    }
}

const SKEW_MS: i64 = 5 * MINUTE;

proptest! {
    #[test]
    fn no_window_hands_out_more_than_capacity_and_refill(
        capacity in 1..6_u32,
        tokens in 1..4_u32,
        steps in steps(300, 0),
    ) {
        let budget = budget(capacity, tokens, 250);
        check_every_window(&budget, &play(&budget, &steps), 0);
    }

    #[test]
    fn skewed_clocks_add_no_more_than_the_skew(
        capacity in 1..6_u32,
        tokens in 1..4_u32,
        steps in steps(4 * MINUTE, SKEW_MS),
    ) {
        let budget = budget(capacity, tokens, 3 * MINUTE);
        check_every_window(&budget, &play(&budget, &steps), SKEW_MS);
    }

    #[test]
    fn the_interval_never_exceeds_the_rate_that_was_asked_for(
        tokens in 1..=Budget::LARGEST,
        spare_ms in 0..86_400_000_i64,
    ) {
        let period_ms = i64::from(tokens) + spare_ms;
        let interval_ms = budget(1, tokens, period_ms).interval_ms();
        prop_assert!(interval_ms * i64::from(tokens) >= period_ms);
        prop_assert!((interval_ms - 1) * i64::from(tokens) < period_ms);
    }

    /// Between them, others may take and give as they like: their moves and the deposit commute.
    #[test]
    fn a_deposit_gives_back_exactly_what_was_taken(
        capacity in 2..6_u32,
        ahead in -500..1_500_i64,
        others in 0..4_usize,
    ) {
        let budget = budget(capacity, 1, 250);
        let bucket = full_at(START + ahead);
        let Peek::Available(branch) = budget.peek(bucket, at(START)) else {
            return Ok(());
        };
        let withdrawal = budget.withdrawal(key(), branch, at(START));
        let mut without = bucket;
        let mut with = withdrawal.apply(bucket).unwrap();
        for _ in 0..others {
            if let Some(after) = take(&budget, Branch::Busy, with, START) {
                with = after;
                let Peek::Available(branch) = budget.peek(without, at(START)) else {
                    panic!("less is left without the withdrawal than with it");
                };
                without = take(&budget, branch, without, START).unwrap();
            }
        }
        let with = withdrawal.deposit().apply(with);
        for later in 0..2_000 {
            prop_assert_eq!(
                budget.balance(with, at(START + later)),
                budget.balance(without, at(START + later))
            );
        }
    }

    #[test]
    fn slots_are_distinct_and_an_interval_apart(
        tokens in 1..4_u32,
        arrivals in prop::collection::vec(0..1_000_i64, 2..30),
    ) {
        let budget = budget(1, tokens, 250);
        let mut bucket = Bucket::default();
        let mut next = START;
        let mut last: Option<i64> = None;
        for later in arrivals {
            next += later;
            let slot = budget.slot(bucket, at(next));
            prop_assert_eq!(slot.expected, bucket.next_slot);
            let at = slot.at.as_millisecond();
            prop_assert!(at >= next);
            if let Some(last) = last {
                prop_assert!(at >= last + budget.interval_ms());
                prop_assert!(at == next || at == last + budget.interval_ms());
            }
            last = Some(at);
            bucket.next_slot = Some(slot.following);
        }
    }

    /// The ledger is read from outside: whatever it holds is answered, and never with more than the capacity.
    #[test]
    fn no_stored_number_is_too_strange(
        full_at: Option<i64>,
        next_slot: Option<i64>,
        capacity in 1..=Budget::LARGEST,
        period_ms in 1..=31 * 86_400_000_i64,
    ) {
        let budget = budget(capacity, 1, period_ms);
        let bucket = Bucket { full_at, next_slot };
        let now = at(START);
        let available = matches!(budget.peek(bucket, now), Peek::Available(_));
        prop_assert_eq!(available, budget.balance(bucket, now) > 0);
        for branch in [Branch::Idle, Branch::Busy] {
            let withdrawal = budget.withdrawal(key(), branch, now);
            prop_assert!(withdrawal.apply(bucket).is_none_or(|after| after.next_slot == next_slot));
            prop_assert_eq!(withdrawal.deposit().apply(bucket).next_slot, next_slot);
        }
        prop_assert!(budget.slot(bucket, now).at >= now);
    }
}
