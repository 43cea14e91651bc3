//! Many claims at once on one budget of the Region, each with the check of the controls: nothing is lost, nothing is given
//! twice, and nobody is turned away without an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::task::JoinSet;

use codepipeline_retrier::domain::budget::{Bucket, Budget, Peek, Per};
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::ids::BudgetName;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply};
use codepipeline_retrier::ports::Ledger;

use super::runtime;
use crate::arbitrary::{at, run};
use crate::contract::{run_number, writing};
use crate::tables::Table;

const CLAIMS: u32 = 40;
const TOKENS: u32 = 25;

#[test]
fn claims_at_once_get_exactly_the_tokens_there_are() {
    let runtime = runtime();
    runtime.block_on(async {
        let table = Table::create("contention").await;
        let ledger = Arc::new(table.ledger(|| at(0)));
        let budget = Budget::try_new(BudgetName::parse("region").unwrap(), Per::Region, TOKENS, 1, 60_000);
        let budget = Arc::new(budget.unwrap());
        let key = budget.key(&run(), false);
        let (granted, turned_back) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let mut claims = JoinSet::new();
        for number in 0..CLAIMS {
            let (ledger, budget, key) = (ledger.clone(), budget.clone(), key.clone());
            let (granted, turned_back) = (granted.clone(), turned_back.clone());
            claims.spawn(async move {
                let id = run_number(number);
                let mut seen = Bucket::default();
                while let Peek::Available(branch) = budget.peek(seen, at(0)) {
                    let commit = Commit {
                        withdrawals: vec![budget.withdrawal(key.clone(), branch, at(0))],
                        controls: Some(0),
                        decision: Some(Decision::bare(Ruling::RetryEligible, &id, at(0))),
                        ..writing(&id, 1)
                    };
                    match ledger.commit(&commit).await.unwrap() {
                        CommitReply::Done => {
                            granted.fetch_add(1, Ordering::Relaxed);
                            return;
                        }
                        CommitReply::BucketChanged(_, bucket) => {
                            turned_back.fetch_add(1, Ordering::Relaxed);
                            seen = bucket;
                        }
                        other => panic!("nobody else writes this record: {other:?}"),
                    }
                }
            });
        }
        while let Some(claim) = claims.join_next().await {
            claim.unwrap();
        }
        assert_eq!(granted.load(Ordering::Relaxed), TOKENS);
        // Everybody else was told that the bucket is empty, after being told at most once that it is not full any more.
        let turned_back = turned_back.load(Ordering::Relaxed);
        assert!((CLAIMS - TOKENS..=2 * CLAIMS).contains(&turned_back), "{turned_back}");
        let bucket = ledger.buckets().await.unwrap().remove(0);
        assert_eq!(bucket.balance(at(0)), Some(0));
        assert_eq!(bucket.bucket.full_at, Some(at(60 * i64::from(TOKENS)).as_millisecond()));
    });
}
