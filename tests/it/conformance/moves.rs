//! Writes beside the protocol: every move that a record can make, on the record as it is or as it once was, with tokens,
//! places and controls that are right or are not.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;

use codepipeline_retrier::domain::budget::{Branch, BucketKey, Budget, Deposit, Peek, Slot, Withdrawal};
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::ids::{ActionExecutionId, StageRunId};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::protocol::{Commit, View};
use codepipeline_retrier::domain::stage_run::{Hint, Owner, Progress, StageRun, after};
use codepipeline_retrier::domain::trigger::EventKey;

use super::exchange::Book;
use super::scene::{Scene, policies, runs};

/// What becomes of the record.
#[derive(Debug, Clone, Copy)]
pub enum Move {
    Wait,
    /// A wait for a token, with a place among the waiters.
    Queue,
    Close,
    Claim,
    ClaimInShadow,
    TakeOver,
    Settle(Progress),
    GiveBack,
    Forgo,
    Conclude(Progress),
    /// Whatever a transaction may do to one bucket, at once.
    Everything,
}

/// A move, on what, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Rewrite {
    what: Move,
    run: usize,
    /// The record as it once was.
    past: Option<usize>,
    /// The version of the controls: as they are, or another.
    controls: Option<bool>,
    decides: bool,
    wrong: Option<Wrong>,
    policy: usize,
}

/// What is wrong with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// The revision is the one after the next.
    Revision,
    /// Each token is taken by the branch that the bucket is not at.
    Branch,
    /// The place is one that somebody may have taken.
    Place,
}

impl Rewrite {
    pub fn any() -> impl Strategy<Value = Self> {
        use Progress as P;
        let progress = select(vec![P::Issued, P::Recovered, P::FailedAgain, P::Ended]);
        let what = prop_oneof![
            1 => Just(Move::Wait), 3 => Just(Move::Queue), 1 => Just(Move::Close), 4 => Just(Move::Claim),
            1 => Just(Move::ClaimInShadow), 1 => Just(Move::TakeOver), 1 => progress.clone().prop_map(Move::Settle),
            3 => Just(Move::GiveBack), 1 => Just(Move::Forgo), 1 => progress.prop_map(Move::Conclude),
            2 => Just(Move::Everything),
        ];
        let wrong = select(vec![Wrong::Revision, Wrong::Branch, Wrong::Place]);
        let wrong = proptest::option::weighted(0.25, wrong);
        let past = proptest::option::weighted(0.2, 0_usize..6);
        let controls = proptest::option::weighted(0.4, proptest::bool::weighted(0.8));
        (what, 0_usize..3, past, controls, any::<bool>(), wrong, 0_usize..4).prop_map(
            |(what, run, past, controls, decides, wrong, policy)| Self {
                what,
                run,
                past,
                controls,
                decides,
                wrong,
                policy,
            },
        )
    }

    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }
}

/// The transaction; none where the past is shorter than asked for.
pub fn rewrite<B: Book>(scene: &Scene<B>, of: &Rewrite) -> Option<Commit> {
    let mut record = if let Some(number) = of.past {
        scene.past.iter().rev().nth(number)?.clone()
    } else {
        let run = &runs()[of.run];
        scene.view(run).record.unwrap_or_else(|| StageRun::unwritten(run))
    };
    let run = record.id.clone();
    let view = scene.view(&run);
    let budgets = &policies()[of.policy].rules[0].settings.budgets;
    let hint =
        Hint { key: EventKey { attempt: of.policy.to_string(), last_retry: String::new() }, time: scene.now };
    let failed = BTreeSet::from([ActionExecutionId::parse(format!("run-{}", record.revision)).unwrap()]);
    let owner = Owner(format!("rewrite-{}", record.revision));
    let later = after(scene.now, SignedDuration::from_mins(10));
    let (mut withdrawals, mut deposits, mut slot) = (Vec::new(), Vec::new(), None);
    let place = || budgets.first().map(|budget| place(scene, &view, budget, &run, of.is(Wrong::Place)));
    match of.what {
        Move::Wait => drop(record.begin_wait(Ruling::WaitBackoff, Some(later), later, hint)),
        Move::Queue => {
            record.begin_wait(Ruling::WaitBudgetEmpty, Some(later), later, hint);
            slot = place();
        }
        Move::Close => record.close(&failed, false, &hint),
        Move::Claim => {
            withdrawals = tokens(scene, &view, budgets, &run, of.is(Wrong::Branch));
            record.claim(&failed, RetryMode::FailedActions, &withdrawals, &owner, later, &hint);
        }
        Move::ClaimInShadow => record.claim_in_shadow(&failed, &hint),
        Move::TakeOver => record.take_over(&owner, later),
        Move::Settle(progress) => record.settle(progress, scene.now),
        Move::GiveBack => deposits = record.give_back(scene.now),
        Move::Forgo => record.forgo(scene.now),
        Move::Conclude(progress) => drop(record.conclude(progress)),
        Move::Everything => {
            withdrawals = tokens(scene, &view, budgets, &run, of.is(Wrong::Branch));
            deposits = withdrawals.iter().map(Withdrawal::deposit).collect();
            deposits
                .extend(budgets.last().map(|last| Deposit { key: last.key(&run, true), amount_ms: 90_000 }));
            slot = place();
        }
    }
    record.revision += 1 + u64::from(of.is(Wrong::Revision));
    let controls = of.controls.map(|right| view.controls.version + u64::from(!right));
    let decision = of.decides.then(|| Decision::bare(Ruling::WaitBackoff, &run, scene.now));
    let (announced, notices) = (false, Vec::new());
    Some(Commit { record, withdrawals, deposits, slot, controls, decision, announced, notices })
}

/// A token from each bucket, whether it has one or not.
fn tokens<B>(
    scene: &Scene<B>,
    view: &View,
    budgets: &[Budget],
    run: &StageRunId,
    wrong_branch: bool,
) -> Vec<Withdrawal> {
    let token = |budget: &Budget| {
        let key = budget.key(run, false);
        let right = match budget.peek(view.buckets.get(&key).copied().unwrap_or_default(), scene.now) {
            Peek::Available(branch) => branch,
            Peek::Empty { .. } => Branch::Busy,
        };
        let branch = match (right, wrong_branch) {
            (Branch::Idle, true) | (Branch::Busy, false) => Branch::Busy,
            (Branch::Busy, true) | (Branch::Idle, false) => Branch::Idle,
        };
        budget.withdrawal(key, branch, scene.now)
    };
    budgets.iter().map(token).collect()
}

fn place<B>(
    scene: &Scene<B>,
    view: &View,
    budget: &Budget,
    run: &StageRunId,
    wrong: bool,
) -> (BucketKey, Slot) {
    let key = budget.key(run, false);
    let bucket = view.buckets.get(&key).copied().unwrap_or_default();
    let slot = budget.slot(bucket, scene.now);
    let expected = if wrong { Some(slot.following) } else { slot.expected };
    (key, Slot { expected, ..slot })
}
