//! One hot budget under contention, on a real DynamoDB API: on `MiniStack`, or on whatever answers at
//! `RETRIER_TEST_DYNAMODB`. Claims are the ones that the protocol makes, from many tasks at once.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use codepipeline_retrier::aws::ledger::DynamoLedger;
use codepipeline_retrier::domain::budget::{Budget, Peek, Per};
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::ids::{ActionExecutionId, BudgetName};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply};
use codepipeline_retrier::domain::stage_run::{Hint, Owner, StageRun, after};
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::ports::Ledger;

use super::ledger::{recording, run_number};
use crate::arbitrary::{at, run};
use crate::figure;
use crate::rig::storms::excess;
use crate::tables::Table;

/// A ledger in a table of its own that many tasks use at once.
struct Bench {
    runtime: Runtime,
    ledger: Arc<DynamoLedger>,
    tasks: u32,
    _table: Table,
}

/// One token comes back in so many seconds.
fn budget(name: &str, capacity: u32, interval: u32) -> Budget {
    let period_ms = i64::from(interval) * 1_000;
    Budget::try_new(BudgetName::parse(name).unwrap(), Per::Region, capacity, 1, period_ms).unwrap()
}

impl Bench {
    fn new(tasks: u32) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let table = runtime.block_on(Table::create("budgets"));
        Self { ledger: Arc::new(table.ledger(|| at(0))), runtime, tasks, _table: table }
    }

    /// Does this for every number from `first` on, in as many tasks as there are; what came of each, in no order.
    fn all<T: Send + 'static, F: Future<Output = T> + Send>(
        &self,
        first: u32,
        count: u32,
        work: impl Fn(Arc<DynamoLedger>, u32) -> F + Clone + Send + 'static,
    ) -> Vec<T> {
        self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for task in 0..self.tasks {
                let (ledger, work, step) = (Arc::clone(&self.ledger), work.clone(), self.tasks);
                tasks.spawn(async move {
                    let mut results = Vec::new();
                    for number in (first + task..first + count).step_by(usize::try_from(step).unwrap()) {
                        results.push(work(Arc::clone(&ledger), number).await);
                    }
                    results
                });
            }
            tasks.join_all().await.into_iter().flatten().collect()
        })
    }

    /// Everybody claims a retry for a stage run of its own at this instant; the records of those that got a token.
    fn claim(&self, budget: &Budget, first: u32, count: u32, now: Timestamp) -> Vec<StageRun> {
        let budget = budget.clone();
        let claims = self.all(first, count, move |ledger, number| {
            let budget = budget.clone();
            async move { claim(&ledger, &budget, number, now).await }
        });
        claims.into_iter().flatten().collect()
    }

    /// Everybody gives its claim back, and as many times as that the reply is lost and it is sent again, at once.
    fn give_back(&self, claims: &[StageRun], sent: u32) -> usize {
        let claims: Arc<[StageRun]> = claims.into();
        let count = u32::try_from(claims.len()).unwrap() * sent;
        let done = self.all(0, count, move |ledger, number| {
            let mut record = claims[usize::try_from(number / sent).unwrap()].clone();
            async move {
                let deposits = record.give_back(at(0));
                record.revision += 1;
                let commit = Commit { deposits, ..recording(record) };
                match ledger.commit(&commit).await.unwrap() {
                    CommitReply::Done => 1,
                    CommitReply::Conflict(Some(current)) if *current == commit.record => 0,
                    other => panic!("nobody else writes this record: {other:?}"),
                }
            }
        });
        done.into_iter().sum()
    }

    fn full_at(&self, budget: &Budget) -> Option<i64> {
        let key = budget.key(&run(), false);
        let view = self.runtime.block_on(self.ledger.read(&run(), std::slice::from_ref(&key), &[])).unwrap();
        view.buckets.get(&key)?.full_at
    }
}

/// One claim as the protocol makes it: read, look, take by the branch that was seen, and look again at what comes back.
async fn claim(ledger: &DynamoLedger, budget: &Budget, number: u32, now: Timestamp) -> Option<StageRun> {
    let run = run_number(number);
    let key = budget.key(&run, false);
    let view = ledger.read(&run, std::slice::from_ref(&key), &[]).await.unwrap();
    let mut bucket = view.buckets.get(&key).copied().unwrap_or_default();
    let mut refusals = 0;
    while let Peek::Available(branch) = budget.peek(bucket, now) {
        let withdrawals = vec![budget.withdrawal(key.clone(), branch, now)];
        let mut record = StageRun::unwritten(&run);
        let hint = Hint { key: EventKey::default(), time: now };
        let owner = Owner(format!("owner-{number}"));
        let failed = BTreeSet::from([ActionExecutionId::parse(format!("a-{number}")).unwrap()]);
        let lease_until = after(now, SignedDuration::from_mins(10));
        record.claim(&failed, RetryMode::FailedActions, &withdrawals, &owner, lease_until, &hint);
        record.revision = 1;
        let decision = Some(Decision::bare(Ruling::RetryEligible, &run, now));
        let commit = Commit { withdrawals, controls: Some(0), decision, ..recording(record.clone()) };
        match ledger.commit(&commit).await {
            Ok(CommitReply::Done) => return Some(record),
            Ok(CommitReply::BucketChanged(_, current)) => bucket = current,
            // Others wrote the same bucket all the time; the message would come again.
            Err(_) if refusals < 20 => refusals += 1,
            other => panic!("nobody else writes this record: {other:?}"),
        }
    }
    None
}

/// So many claims on one budget from so many tasks: a crowd at first, then as tokens come back, then after a long calm.
fn contention(claims: u32, tasks: u32) -> String {
    let bench = Bench::new(tasks);
    let budget = budget("hot", 50, 60);
    let (rounds, crowd) = (10, claims / 2);
    let each = (claims - crowd) / (rounds + 1);
    let mut spent = Vec::new();
    let mut first = 0;
    let mut at_once = |count: u32, seconds: i64, expected: usize| {
        let won = bench.claim(&budget, first, count, at(seconds)).len();
        first += count;
        assert_eq!(won, expected, "at second {seconds}");
        spent.extend(std::iter::repeat_n(at(seconds), won));
    };
    at_once(crowd, 0, 50);
    for round in 1..=i64::from(rounds) {
        // Twice within the same interval: it gives one token.
        at_once(each / 2, round * 60, 1);
        at_once(each - each / 2, round * 60 + 59, 0);
    }
    at_once(each.max(60), 24 * 3_600, 50);
    let excess = excess(&spent, 50, SignedDuration::from_secs(60));
    assert!(excess <= 0, "a window with {excess} tokens too many");
    format!(
        "{first} claims from {tasks} tasks: exactly {} won, and no window has more than its bound",
        spent.len()
    )
}

/// So many claims are given back, each twice, after the policy has changed under them: nothing drifts.
fn refunds(claims: u32, tasks: u32) -> String {
    let bench = Bench::new(tasks);
    let before = budget("hot", 1_000, 60);
    // The same bucket with other numbers, and one that takes its place under another name.
    let (changed, renamed) = (budget("hot", 100_000, 7), budget("renamed", 1_000, 60));
    let now = at(0);
    let third = claims / 3;
    let first = bench.claim(&before, 0, third, now);
    let second = bench.claim(&changed, third, third, now);
    let third_part = bench.claim(&renamed, 2 * third, third, now);
    let all = [first.len(), second.len(), third_part.len()];
    assert_eq!(all, [usize::try_from(third).unwrap(); 3]);
    let base = now.as_millisecond();
    let tokens = i64::from(third);
    assert_eq!(bench.full_at(&before), Some(base + tokens * 60_000 + tokens * 7_000));
    // The budget of the first is another one by now, that of the last is gone; their tokens go where they came from.
    assert_eq!(bench.give_back(&first, 2), first.len());
    assert_eq!(bench.full_at(&before), Some(base + tokens * 7_000));
    assert_eq!(bench.give_back(&third_part, 2), third_part.len());
    assert_eq!(bench.full_at(&renamed), Some(base));
    assert_eq!(bench.give_back(&second, 2), second.len());
    assert_eq!(bench.full_at(&before), Some(base));
    format!(
        "{} claims given back, each sent twice, once each, over a policy that changed: no drift",
        3 * third
    )
}

#[test]
fn a_hot_budget_gives_exactly_what_it_has() {
    println!("{}", contention(300, 16));
}

#[test]
fn what_comes_back_comes_back_once_and_to_where_it_was_taken() {
    println!("{}", refunds(60, 16));
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn thousands_of_claims_on_one_hot_budget() {
    let claims = u32::try_from(figure::number("RETRIER_BUDGET_CLAIMS", 4_100)).unwrap();
    let measured = format!("{}; {}", contention(claims, 32), refunds(claims.min(900), 32));
    figure::record("budgets", &measured, true);
}
