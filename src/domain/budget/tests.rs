//! Tables for every operation of a budget. What holds for all histories is in `invariants`.

mod invariants;

use jiff::Timestamp;

use super::super::ids::{ExecutionId, Partition, PipelineName};
use super::*;

const MINUTE: i64 = 60_000;
/// 2026-11-22T10:13:20Z, in milliseconds.
const START: i64 = 1_795_342_400_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn budget(capacity: u32, tokens: u32, period_ms: i64) -> Budget {
    let name = BudgetName::parse("region").unwrap();
    Budget::try_new(name, Per::Region, capacity, tokens, period_ms).unwrap()
}

fn stage_run(pipeline: &str, stage: &str) -> StageRunId {
    StageRunId {
        pipeline: PipelineArn {
            partition: Partition::parse("aws").unwrap(),
            region: Region::parse("eu-central-1").unwrap(),
            account: AccountId::parse("111122223333").unwrap(),
            name: PipelineName::parse(pipeline).unwrap(),
        },
        execution: ExecutionId::parse("e-1").unwrap(),
        stage: StageName::parse(stage).unwrap(),
    }
}

fn key() -> BucketKey {
    budget(1, 1, MINUTE).key(&stage_run("shop", "Test"), false)
}

fn full_at(ms: i64) -> Bucket {
    Bucket { full_at: Some(ms), next_slot: None }
}

/// Takes a token by this branch, or nothing.
fn take(budget: &Budget, branch: Branch, bucket: Bucket, now: i64) -> Option<Bucket> {
    budget.withdrawal(key(), branch, at(now)).apply(bucket)
}

#[test]
fn a_budget_has_tokens_and_gets_them_back() {
    let build = |capacity, tokens, period_ms| {
        let name = BudgetName::parse("region").unwrap();
        Budget::try_new(name, Per::Region, capacity, tokens, period_ms).map(|b| b.interval_ms())
    };
    let month = 31 * 86_400_000;
    for (capacity, tokens, period_ms, expected) in [
        (1, 1, 1, Ok(1)),
        (20, 60, 60 * MINUTE, Ok(MINUTE)),
        (1, 7, 60 * MINUTE, Ok(514_286)), // rounded up from 514,285.7
        (Budget::LARGEST, Budget::LARGEST, 1_000_000, Ok(1)),
        (1, 1, month, Ok(month)),
        (0, 1, 1, Err(InvalidBudget::CapacityOutOfRange)),
        (1_000_001, 1, 1, Err(InvalidBudget::CapacityOutOfRange)),
        (1, 0, 1, Err(InvalidBudget::RefillOutOfRange)),
        (1, 2, 1, Err(InvalidBudget::RefillOutOfRange)),
        (1, 1, 0, Err(InvalidBudget::RefillOutOfRange)),
        (1, 1, -1, Err(InvalidBudget::RefillOutOfRange)),
        (1, 1, month + 1, Err(InvalidBudget::RefillOutOfRange)),
        (1, 1_000_001, month, Err(InvalidBudget::RefillOutOfRange)),
    ] {
        assert_eq!(build(capacity, tokens, period_ms), expected, "{capacity} {tokens} {period_ms}");
    }
}

#[test]
fn a_bucket_is_shared_by_what_it_is_kept_for() {
    let keys = |per| {
        let budget = Budget { per, ..budget(1, 1, MINUTE) };
        [("shop", "Test"), ("shop", "Prod"), ("web", "Test")]
            .map(|(pipeline, stage)| budget.key(&stage_run(pipeline, stage), false))
    };
    let [a, b, c] = keys(Per::Region);
    assert!(a == b && b == c);
    let [a, b, c] = keys(Per::Pipeline);
    assert!(a == b && b != c);
    let [a, b, c] = keys(Per::Stage);
    assert!(a != b && b != c && a != c);
}

#[test]
fn shadow_decisions_have_buckets_of_their_own() {
    let budget = budget(1, 1, MINUTE);
    let run = stage_run("shop", "Test");
    assert_ne!(budget.key(&run, true), budget.key(&run, false));
}

/// Three tokens, one back every minute: what a bucket that is full at START + `ahead` answers at START.
#[test]
fn peek_withdrawal_and_balance_agree() {
    let budget = budget(3, 1, MINUTE);
    let idle = Peek::Available(Branch::Idle);
    let busy = Peek::Available(Branch::Busy);
    let empty = |ms| Peek::Empty { next: at(START + ms) };
    for (ahead, peek, balance, full_after) in [
        (-86_400_000, idle, 3, Some(MINUTE)),
        (0, idle, 3, Some(MINUTE)),
        (1, busy, 2, Some(MINUTE + 1)),
        (MINUTE, busy, 2, Some(2 * MINUTE)),
        (MINUTE + 1, busy, 1, Some(2 * MINUTE + 1)),
        (2 * MINUTE, busy, 1, Some(3 * MINUTE)),
        (2 * MINUTE + 1, empty(1), 0, None),
        (3 * MINUTE, empty(MINUTE), 0, None),
        (9 * MINUTE, empty(7 * MINUTE), 0, None),
    ] {
        let bucket = full_at(START + ahead);
        assert_eq!(budget.peek(bucket, at(START)), peek, "{ahead}");
        assert_eq!(budget.balance(bucket, at(START)), balance, "{ahead}");
        let taken =
            [Branch::Idle, Branch::Busy].into_iter().find_map(|branch| take(&budget, branch, bucket, START));
        assert_eq!(taken, full_after.map(|ms| full_at(START + ms)), "after {ahead}");
    }
}

#[test]
fn a_bucket_that_nothing_is_known_of_is_full() {
    let budget = budget(3, 1, MINUTE);
    let unknown = Bucket::default();
    assert_eq!(budget.peek(unknown, at(START)), Peek::Available(Branch::Idle));
    assert_eq!(budget.balance(unknown, at(START)), 3);
    assert_eq!(take(&budget, Branch::Idle, unknown, START), Some(full_at(START + MINUTE)));
    assert_eq!(take(&budget, Branch::Busy, unknown, START), None);
}

#[test]
fn a_single_token_is_never_taken_from_a_refilling_bucket() {
    let budget = budget(1, 1, MINUTE);
    let bucket = full_at(START + 1);
    assert_eq!(budget.peek(bucket, at(START)), Peek::Empty { next: at(START + 1) });
    assert_eq!(take(&budget, Branch::Busy, bucket, START), None);
    assert_eq!(budget.peek(bucket, at(START + 1)), Peek::Available(Branch::Idle));
}

/// The bound is reached and not passed, so a bucket that gives too little fails here, as one that gives too much does.
#[test]
fn asking_all_the_time_gets_exactly_capacity_and_refill() {
    for (capacity, tokens, period_ms) in [(1, 1, 10), (4, 1, 7), (3, 2, 9), (20, 60, 360)] {
        let budget = budget(capacity, tokens, period_ms);
        let mut bucket = Bucket::default();
        let mut spent = 0;
        for elapsed in 0..=200 {
            while let Peek::Available(branch) = budget.peek(bucket, at(START + elapsed)) {
                bucket = take(&budget, branch, bucket, START + elapsed).unwrap();
                spent += 1;
            }
            assert_eq!(
                spent,
                i64::from(capacity) + elapsed / budget.interval_ms(),
                "{capacity} {tokens} {period_ms} after {elapsed}"
            );
        }
    }
}

#[test]
fn a_deposit_goes_where_and_by_what_was_taken_whatever_the_policy_says_now() {
    let before = budget(3, 1, MINUTE);
    let withdrawal = before.withdrawal(key(), Branch::Idle, at(START));
    assert_eq!(withdrawal.deposit(), Deposit { key: key(), amount_ms: MINUTE });
    let raised = budget(10, 1, 10 * MINUTE);
    let busy = take(&raised, Branch::Busy, full_at(START + MINUTE), START).unwrap();
    assert_eq!(withdrawal.deposit().apply(busy), full_at(START + 10 * MINUTE));
}

#[test]
fn a_deposit_after_the_token_came_back_by_itself_adds_none() {
    let budget = budget(1, 1, MINUTE);
    let withdrawal = budget.withdrawal(key(), Branch::Idle, at(START));
    let later = START + 60 * MINUTE;
    let bucket = withdrawal.deposit().apply(withdrawal.apply(Bucket::default()).unwrap());
    assert_eq!(budget.balance(bucket, at(later)), 1);
    let bucket = take(&budget, Branch::Idle, bucket, later).unwrap();
    assert_eq!(budget.balance(bucket, at(later)), 0);
}

#[test]
fn waiters_get_a_slot_each() {
    let budget = budget(3, 1, MINUTE);
    let next = at(START);
    for (next_slot, slot, following) in [
        (None, START, START + MINUTE),
        (Some(START - 1), START, START + MINUTE),
        (Some(START), START, START + MINUTE),
        (Some(START + 1), START + 1, START + MINUTE + 1),
    ] {
        let bucket = Bucket { full_at: None, next_slot };
        assert_eq!(budget.slot(bucket, next), Slot { at: at(slot), expected: next_slot, following });
    }
}

#[test]
fn the_last_token_is_left_to_whoever_was_promised_it() {
    let budget = budget(3, 1, MINUTE);
    let (one_left, two_left) = (START + 2 * MINUTE, START + MINUTE);
    for (full, next_slot, expected) in [
        (one_left, None, Peek::Available(Branch::Busy)),
        (one_left, Some(START), Peek::Available(Branch::Busy)),
        (one_left, Some(START + 1), Peek::Empty { next: at(START) }),
        (two_left, Some(START + 1), Peek::Available(Branch::Busy)),
        (one_left + 1, None, Peek::Empty { next: at(START + 1) }),
    ] {
        let bucket = Bucket { full_at: Some(full), next_slot };
        assert_eq!(budget.peek_out_of_turn(bucket, at(START)), expected, "{bucket:?}");
    }
}

#[test]
fn each_branch_takes_from_its_own_kind_of_bucket() {
    let budget = budget(2, 1, MINUTE);
    let taken = |ms| Some(full_at(ms));
    for (branch, full, expected) in [
        (Branch::Idle, START, taken(START + MINUTE)),
        (Branch::Idle, START + 1, None),
        (Branch::Busy, START, None),
        (Branch::Busy, START + 1, taken(START + 1 + MINUTE)),
        (Branch::Busy, START + MINUTE, taken(START + 2 * MINUTE)),
        (Branch::Busy, START + MINUTE + 1, None),
    ] {
        assert_eq!(take(&budget, branch, full_at(full), START), expected, "{branch:?} {full}");
    }
}

#[test]
fn who_shares_a_bucket_is_said_by_per() {
    let of = |per| {
        let budget = Budget::try_new(BudgetName::parse("b").unwrap(), per, 1, 1, MINUTE).unwrap();
        let mut elsewhere = stage_run("shop", "Test");
        elsewhere.pipeline.account = AccountId::parse("444455556666").unwrap();
        let others = [stage_run("shop", "Deploy"), stage_run("web", "Test"), elsewhere];
        let key = budget.key(&stage_run("shop", "Test"), false);
        others.map(|other| budget.key(&other, false) == key)
    };
    assert_eq!(of(Per::Fleet), [true, true, true]);
    assert_eq!(of(Per::Region), [true, true, false]);
    assert_eq!(of(Per::Pipeline), [true, false, false]);
    assert_eq!(of(Per::Stage), [false, false, false]);
}

#[test]
fn the_next_token_comes_when_the_balance_grows() {
    let budget = budget(4, 1, MINUTE);
    for (ahead, balance, next) in [
        (0, 4, None),
        (-5, 4, None),
        (1, 3, Some(1)),
        (MINUTE, 3, Some(MINUTE)),
        (MINUTE + 1, 2, Some(1)),
        (4 * MINUTE, 0, Some(MINUTE)),
        // Taken by a policy with a larger capacity.
        (9 * MINUTE, 0, Some(6 * MINUTE)),
    ] {
        let bucket = full_at(START + ahead);
        assert_eq!(budget.balance(bucket, at(START)), balance, "{ahead}");
        let expected = next.map(|next| at(START + next));
        assert_eq!(budget.next_token(bucket, at(START)), expected, "{ahead}");
        if let Some(next) = expected {
            assert_eq!(budget.balance(bucket, next), balance + 1, "{ahead}");
        }
    }
    assert_eq!(budget.next_token(Bucket::default(), at(START)), None, "never used");
}
