//! The contract of the ledger as far as tokens go.

use std::collections::BTreeSet;

use codepipeline_retrier::domain::budget::{Branch, Bucket, BucketKey, Budget, Deposit, Peek, Per, Slot};
use codepipeline_retrier::domain::ids::BudgetName;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply};
use codepipeline_retrier::ports::Ledger;

use super::ledger::{Inspected, budget, done, key, run_number, withdrawal, writing};
use super::ledger_keeping::run_together;
use crate::arbitrary::{at, run};

async fn bucket<L: Ledger>(ledger: &L, key: &BucketKey) -> Option<Bucket> {
    ledger.read(&run(), std::slice::from_ref(key), &[]).await.unwrap().buckets.get(key).copied()
}

async fn full_at<L: Ledger>(ledger: &L, name: &str) -> Option<i64> {
    bucket(ledger, &key(name)).await.and_then(|bucket| bucket.full_at)
}

fn ms(seconds: i64) -> i64 {
    at(seconds).as_millisecond()
}

/// Takes so many tokens at second 0, each for a stage run of its own.
async fn take<L: Ledger>(ledger: &L, tokens: u32) {
    for number in 0..tokens {
        let branch = if number == 0 { Branch::Idle } else { Branch::Busy };
        let withdrawals = vec![withdrawal("region", branch, 0)];
        done(ledger, &Commit { withdrawals, ..writing(&run_number(100 + number), 1) }).await;
    }
}

pub async fn a_bucket_that_was_never_written_is_full<L: Inspected>(ledger: &L) {
    let view = ledger.read(&run(), &[key("region"), key("other")], &[]).await.unwrap();
    assert!(view.buckets.is_empty(), "buckets never written are left out");
    take(ledger, 1).await;
    let view = ledger.read(&run(), &[key("region"), key("other")], &[]).await.unwrap();
    assert_eq!(view.buckets.into_keys().collect::<Vec<_>>(), [key("region")]);
}

pub async fn buckets_of_one_budget_are_kept_apart<L: Inspected>(ledger: &L) {
    let per = |per| Budget::try_new(BudgetName::parse("one").unwrap(), per, 3, 60, 3_600_000).unwrap();
    let region = [false, true].map(|shadow| per(Per::Region).key(&run(), shadow));
    let fleet = [false, true].map(|shadow| per(Per::Fleet).key(&run(), shadow));
    let finer = run_together()
        .into_iter()
        .flat_map(|run| [Per::Pipeline, Per::Stage].map(|of| per(of).key(&run, false)));
    // Of one pipeline there are two stages.
    let keys: Vec<_> =
        region.into_iter().chain(fleet).chain(finer).collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(keys.len(), 2 + 2 + 3 + 4);
    for (number, key) in (0..).zip(&keys) {
        assert_eq!(bucket(ledger, key).await, None, "{key:?}");
        let withdrawals = vec![per(Per::Region).withdrawal(key.clone(), Branch::Idle, at(number))];
        let run = run_number(u32::try_from(number).unwrap());
        done(ledger, &Commit { withdrawals, ..writing(&run, 1) }).await;
    }
    let found = ledger.read(&run(), &keys, &[]).await.unwrap().buckets;
    let expected = (0..)
        .zip(&keys)
        .map(|(number, key)| (key.clone(), Bucket { full_at: Some(ms(number + 60)), next_slot: None }));
    assert_eq!(found, expected.collect());
}

pub async fn tokens_are_taken_by_either_branch<L: Inspected>(ledger: &L) {
    take(ledger, 2).await;
    assert_eq!(full_at(ledger, "region").await, Some(ms(120)));
    // A bucket that has become full again counts from now.
    let withdrawals = vec![withdrawal("region", Branch::Idle, 120)];
    done(ledger, &Commit { withdrawals, ..writing(&run(), 1) }).await;
    assert_eq!(full_at(ledger, "region").await, Some(ms(180)));
}

pub async fn the_wrong_branch_is_refused_with_the_bucket<L: Inspected>(ledger: &L) {
    let busy = Commit { withdrawals: vec![withdrawal("region", Branch::Busy, 0)], ..writing(&run(), 1) };
    let refused = |bucket| Ok(CommitReply::BucketChanged(Box::new(key("region")), bucket));
    assert_eq!(ledger.commit(&busy).await, refused(Bucket::default()));
    take(ledger, 1).await;
    let idle = Commit { withdrawals: vec![withdrawal("region", Branch::Idle, 59)], ..writing(&run(), 1) };
    assert_eq!(ledger.commit(&idle).await, refused(Bucket { full_at: Some(ms(60)), next_slot: None }));
    done(ledger, &busy).await;
}

pub async fn an_empty_bucket_is_refused_with_the_bucket<L: Inspected>(ledger: &L) {
    take(ledger, 3).await;
    let early = Commit { withdrawals: vec![withdrawal("region", Branch::Busy, 59)], ..writing(&run(), 1) };
    let current = Bucket { full_at: Some(ms(180)), next_slot: None };
    let reply = ledger.commit(&early).await;
    assert_eq!(reply, Ok(CommitReply::BucketChanged(Box::new(key("region")), current)));
    let in_time = Commit { withdrawals: vec![withdrawal("region", Branch::Busy, 60)], ..early };
    done(ledger, &in_time).await;
}

pub async fn a_deposit_moves_a_bucket_back<L: Inspected>(ledger: &L) {
    take(ledger, 3).await;
    let deposits = vec![withdrawal("region", Branch::Busy, 0).deposit()];
    done(ledger, &Commit { deposits, ..writing(&run(), 1) }).await;
    assert_eq!(full_at(ledger, "region").await, Some(ms(120)));
}

pub async fn a_deposit_to_a_bucket_that_was_never_written_changes_nothing<L: Inspected>(ledger: &L) {
    let deposits = vec![Deposit { key: key("region"), amount_ms: 60_000 }];
    done(ledger, &Commit { deposits, ..writing(&run(), 1) }).await;
    let found = bucket(ledger, &key("region")).await.unwrap_or_default();
    assert_eq!(budget("region").balance(found, at(0)), 3);
    assert_eq!(budget("region").peek(found, at(0)), Peek::Available(Branch::Idle));
    assert_eq!(found.next_slot, None);
    take(ledger, 1).await;
    assert_eq!(full_at(ledger, "region").await, Some(ms(60)));
}

pub async fn a_deposit_fills_no_bucket_beyond_its_capacity<L: Inspected>(ledger: &L) {
    take(ledger, 1).await;
    // It has come back by itself when it is given back.
    let deposits = vec![withdrawal("region", Branch::Idle, 0).deposit()];
    done(ledger, &Commit { deposits, ..writing(&run(), 1) }).await;
    let found = bucket(ledger, &key("region")).await.unwrap();
    assert_eq!(budget("region").balance(found, at(60)), 3);
    assert_eq!(budget("region").peek(found, at(60)), Peek::Available(Branch::Idle));
    for (number, branch) in [(1, Branch::Idle), (2, Branch::Busy), (3, Branch::Busy)] {
        let withdrawals = vec![withdrawal("region", branch, 60)];
        done(ledger, &Commit { withdrawals, ..writing(&run_number(number + 1), 1) }).await;
    }
    let fourth = Commit { withdrawals: vec![withdrawal("region", Branch::Busy, 60)], ..writing(&run(), 2) };
    assert!(matches!(ledger.commit(&fourth).await, Ok(CommitReply::BucketChanged(..))));
}

pub async fn a_slot_is_given_to_one_waiter<L: Inspected>(ledger: &L) {
    let first = Slot { at: at(60), expected: None, following: ms(120) };
    let waiting =
        |number, slot| Commit { slot: Some((key("region"), slot)), ..writing(&run_number(number), 1) };
    done(ledger, &waiting(1, first)).await;
    let current = Bucket { full_at: None, next_slot: Some(ms(120)) };
    let reply = ledger.commit(&waiting(2, first)).await;
    assert_eq!(reply, Ok(CommitReply::BucketChanged(Box::new(key("region")), current)));
    let second = budget("region").slot(current, at(60));
    assert_eq!(second.at, at(120));
    done(ledger, &waiting(2, second)).await;
    assert_eq!(bucket(ledger, &key("region")).await.unwrap().next_slot, Some(ms(180)));
}

pub async fn a_slot_that_was_given_away_is_refused_with_the_whole_bucket<L: Inspected>(ledger: &L) {
    let wrong = Slot { at: at(60), expected: Some(ms(60)), following: ms(120) };
    let waiting = |slot| Commit { slot: Some((key("region"), slot)), ..writing(&run(), 1) };
    let refused = |bucket| Ok(CommitReply::BucketChanged(Box::new(key("region")), bucket));
    assert_eq!(ledger.commit(&waiting(wrong)).await, refused(Bucket::default()));
    take(ledger, 3).await;
    // Its tokens come with it: whoever is refused decides again whether there is anything to wait for.
    assert_eq!(
        ledger.commit(&waiting(wrong)).await,
        refused(Bucket { full_at: Some(ms(180)), next_slot: None })
    );
    done(ledger, &waiting(Slot { expected: None, ..wrong })).await;
    // Not with what the same transaction would have taken.
    let withdrawals = vec![withdrawal("region", Branch::Idle, 600)];
    let taken = Slot { expected: None, ..wrong };
    let both = Commit { withdrawals, slot: Some((key("region"), taken)), ..writing(&run(), 2) };
    assert_eq!(
        ledger.commit(&both).await,
        refused(Bucket { full_at: Some(ms(180)), next_slot: Some(ms(120)) })
    );
}

pub async fn tokens_and_waiters_leave_each_other_alone<L: Inspected>(ledger: &L) {
    take(ledger, 1).await;
    let slot = Slot { at: at(60), expected: None, following: ms(120) };
    done(ledger, &Commit { slot: Some((key("region"), slot)), ..writing(&run(), 1) }).await;
    let next_slot = Some(ms(120));
    assert_eq!(bucket(ledger, &key("region")).await, Some(Bucket { full_at: Some(ms(60)), next_slot }));
    let withdrawals = vec![withdrawal("region", Branch::Busy, 0)];
    let deposits = vec![withdrawal("region", Branch::Busy, 0).deposit()];
    done(ledger, &Commit { withdrawals, ..writing(&run(), 2) }).await;
    assert_eq!(bucket(ledger, &key("region")).await, Some(Bucket { full_at: Some(ms(120)), next_slot }));
    done(ledger, &Commit { deposits, ..writing(&run(), 3) }).await;
    assert_eq!(bucket(ledger, &key("region")).await, Some(Bucket { full_at: Some(ms(60)), next_slot }));
}

pub async fn several_buckets_are_changed_at_once<L: Inspected>(ledger: &L) {
    take(ledger, 1).await;
    let commit = Commit {
        withdrawals: vec![withdrawal("region", Branch::Busy, 0), withdrawal("other", Branch::Idle, 0)],
        ..writing(&run(), 1)
    };
    done(ledger, &commit).await;
    assert_eq!(full_at(ledger, "region").await, Some(ms(120)));
    assert_eq!(full_at(ledger, "other").await, Some(ms(60)));
}

/// Everybody looks first and takes then, with what was seen; whoever is refused looks at what came back.
pub async fn many_claims_on_one_budget_get_exactly_its_capacity<L: Inspected>(ledger: &L) {
    let budget = budget("region");
    let mut seen = Vec::new();
    for number in 0..12 {
        let view = ledger.read(&run_number(number), &[key("region")], &[]).await.unwrap();
        seen.push(view.buckets.get(&key("region")).copied().unwrap_or_default());
    }
    let mut taken = 0;
    for (number, mut bucket) in (0..).zip(seen) {
        while let Peek::Available(branch) = budget.peek(bucket, at(0)) {
            let withdrawals = vec![budget.withdrawal(key("region"), branch, at(0))];
            let commit = Commit { withdrawals, ..writing(&run_number(number), 1) };
            match ledger.commit(&commit).await.unwrap() {
                CommitReply::Done => {
                    taken += 1;
                    break;
                }
                CommitReply::BucketChanged(_, current) => {
                    assert_ne!(current, bucket, "refused although nothing has changed");
                    bucket = current;
                }
                other => panic!("nobody else writes this record: {other:?}"),
            }
        }
    }
    assert_eq!(taken, budget.capacity());
}
