//! The contract of the ledger: its conditions, and that a transaction is all or nothing. What concerns budgets alone is
//! beside.

use codepipeline_retrier::domain::budget::{Branch, BucketKey, Budget, Deposit, Per, Slot, Withdrawal};
use codepipeline_retrier::domain::controls::{Controls, Pause};
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::ids::{BudgetName, ExecutionId, StageRunId};
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, View};
use codepipeline_retrier::domain::stage_run::StageRun;
use codepipeline_retrier::names::decision_id;
use codepipeline_retrier::ports::{Ledger, Quarantined};

use crate::arbitrary::{at, run};

/// A ledger whose contents can be looked at beyond what the port shows.
pub trait Inspected: Ledger {
    /// The names of all decisions on record for a stage run, in any order.
    async fn decision_ids(&self, run: &StageRunId) -> Vec<String>;

    /// Every message in quarantine.
    async fn quarantined(&self) -> Vec<Quarantined>;
}

/// One test for each clause. The first argument runs a future, the second makes an empty ledger.
macro_rules! suite {
    ($run:path, $make:path) => {
        $crate::contract::ledger::suite! {
            @ $run, $make, ledger:
            nothing_is_on_record_before_the_first_write
            the_first_revision_is_written_and_read_back
            a_revision_that_is_not_the_next_one_is_refused_with_the_current_record
            a_record_that_was_never_written_conflicts_with_nothing
            the_same_transaction_twice_is_done_once
            records_of_other_stage_runs_are_left_alone
            one_failed_condition_undoes_everything
            failed_conditions_are_reported_in_order
            a_claim_depends_on_the_version_of_the_controls
            a_decision_is_kept_with_its_record
            controls_are_written_over_the_version_before
            a_message_is_quarantined_once
        }
        $crate::contract::ledger::suite! {
            @ $run, $make, ledger_budgets:
            a_bucket_that_was_never_written_is_full
            tokens_are_taken_by_either_branch
            the_wrong_branch_is_refused_with_the_bucket
            an_empty_bucket_is_refused_with_the_bucket
            a_deposit_moves_a_bucket_back
            a_deposit_to_a_full_bucket_changes_nothing
            a_slot_is_given_to_one_waiter
            a_withdrawal_keeps_the_waiters
            several_buckets_are_changed_at_once
            many_claims_on_one_budget_get_exactly_its_capacity
        }
    };
    (@ $run:path, $make:path, $module:ident: $($clause:ident)+) => {
        $(
            #[test]
            fn $clause() {
                let ledger = $make();
                $run($crate::contract::$module::$clause(&ledger));
            }
        )+
    };
}
pub(crate) use suite;

/// Another stage run of the same pipeline.
pub fn run_number(number: u32) -> StageRunId {
    StageRunId { execution: ExecutionId::parse(format!("e-{number}")).unwrap(), ..run() }
}

/// Three tokens, one back in a minute.
pub fn budget(name: &str) -> Budget {
    Budget::try_new(BudgetName::parse(name).unwrap(), Per::Region, 3, 60, 3_600_000).unwrap()
}

pub fn key(name: &str) -> BucketKey {
    budget(name).key(&run(), false)
}

pub fn withdrawal(name: &str, branch: Branch, seconds: i64) -> Withdrawal {
    budget(name).withdrawal(key(name), branch, at(seconds))
}

/// A transaction that writes this revision of a record and nothing else.
pub fn writing(run: &StageRunId, revision: u64) -> Commit {
    Commit {
        record: StageRun { revision, refusals: u32::try_from(revision).unwrap(), ..StageRun::unwritten(run) },
        withdrawals: Vec::new(),
        deposits: Vec::new(),
        slot: None,
        controls: None,
        decision: None,
    }
}

pub async fn done<L: Ledger>(ledger: &L, commit: &Commit) {
    assert_eq!(ledger.commit(commit).await, Ok(CommitReply::Done));
}

pub async fn nothing_is_on_record_before_the_first_write<L: Inspected>(ledger: &L) {
    assert_eq!(ledger.read(&run(), &[key("region")]).await, Ok(View::default()));
    assert!(ledger.decision_ids(&run()).await.is_empty());
    assert!(ledger.quarantined().await.is_empty());
}

pub async fn the_first_revision_is_written_and_read_back<L: Ledger>(ledger: &L) {
    let commit = writing(&run(), 1);
    done(ledger, &commit).await;
    assert_eq!(ledger.read(&run(), &[]).await.unwrap().record, Some(commit.record));
}

pub async fn a_revision_that_is_not_the_next_one_is_refused_with_the_current_record<L: Ledger>(ledger: &L) {
    let first = writing(&run(), 1);
    done(ledger, &first).await;
    for revision in [1, 3] {
        let mut other = writing(&run(), revision);
        other.record.sequence = 7;
        let reply = ledger.commit(&other).await;
        assert_eq!(reply, Ok(CommitReply::Conflict(Some(Box::new(first.record.clone())))), "{revision}");
    }
    done(ledger, &writing(&run(), 2)).await;
}

pub async fn a_record_that_was_never_written_conflicts_with_nothing<L: Ledger>(ledger: &L) {
    assert_eq!(ledger.commit(&writing(&run(), 2)).await, Ok(CommitReply::Conflict(None)));
    assert_eq!(ledger.read(&run(), &[]).await.unwrap().record, None);
}

pub async fn the_same_transaction_twice_is_done_once<L: Inspected>(ledger: &L) {
    let commit = Commit {
        withdrawals: vec![withdrawal("region", Branch::Idle, 0)],
        decision: Some(Decision::bare(Ruling::RetryEligible, &run(), at(0))),
        ..writing(&run(), 1)
    };
    done(ledger, &commit).await;
    let before = ledger.read(&run(), &[key("region")]).await;
    // Its own record comes back, by which the sender sees that the first one was done.
    let reply = ledger.commit(&commit).await;
    assert_eq!(reply, Ok(CommitReply::Conflict(Some(Box::new(commit.record.clone())))));
    assert_eq!(ledger.read(&run(), &[key("region")]).await, before);
    assert_eq!(ledger.decision_ids(&run()).await.len(), 1);
}

pub async fn records_of_other_stage_runs_are_left_alone<L: Ledger>(ledger: &L) {
    done(ledger, &writing(&run_number(1), 1)).await;
    done(ledger, &writing(&run_number(2), 1)).await;
    done(ledger, &writing(&run_number(1), 2)).await;
    let revision =
        async |number| ledger.read(&run_number(number), &[]).await.unwrap().record.unwrap().revision;
    assert_eq!((revision(1).await, revision(2).await), (2, 1));
}

pub async fn one_failed_condition_undoes_everything<L: Inspected>(ledger: &L) {
    let keys = [key("region"), key("other"), key("paid"), key("waiting")];
    done(ledger, &Commit { withdrawals: vec![withdrawal("paid", Branch::Idle, 0)], ..writing(&run(), 1) })
        .await;
    let before = ledger.read(&run(), &keys).await.unwrap();
    let good = Commit {
        withdrawals: vec![withdrawal("region", Branch::Idle, 0), withdrawal("other", Branch::Idle, 0)],
        deposits: vec![Deposit { key: key("paid"), amount_ms: 60_000 }],
        slot: Some((
            key("waiting"),
            Slot { at: at(60), expected: None, following: at(120).as_millisecond() },
        )),
        controls: Some(0),
        decision: Some(Decision::bare(Ruling::RetryEligible, &run(), at(0))),
        ..writing(&run(), 2)
    };
    let slot = Slot { expected: Some(1), ..good.slot.clone().unwrap().1 };
    let last_is_wrong = vec![withdrawal("region", Branch::Idle, 0), withdrawal("other", Branch::Busy, 0)];
    for bad in [
        Commit { record: writing(&run(), 3).record, ..good.clone() },
        Commit { controls: Some(1), ..good.clone() },
        Commit { withdrawals: last_is_wrong, ..good.clone() },
        Commit { slot: Some((key("waiting"), slot)), ..good.clone() },
    ] {
        assert_ne!(ledger.commit(&bad).await, Ok(CommitReply::Done));
        assert_eq!(ledger.read(&run(), &keys).await.as_ref(), Ok(&before));
        assert!(ledger.decision_ids(&run()).await.is_empty());
    }
    done(ledger, &good).await;
    assert_ne!(ledger.read(&run(), &keys).await.unwrap().buckets, before.buckets);
}

pub async fn failed_conditions_are_reported_in_order<L: Ledger>(ledger: &L) {
    let all_wrong = Commit {
        withdrawals: vec![withdrawal("region", Branch::Busy, 0)],
        controls: Some(5),
        ..writing(&run(), 2)
    };
    assert_eq!(ledger.commit(&all_wrong).await, Ok(CommitReply::Conflict(None)));
    let controls_wrong = Commit { record: writing(&run(), 1).record, ..all_wrong };
    assert_eq!(ledger.commit(&controls_wrong).await, Ok(CommitReply::ControlsChanged));
    let bucket_wrong = Commit { controls: None, ..controls_wrong };
    let reply = ledger.commit(&bucket_wrong).await.unwrap();
    assert!(matches!(reply, CommitReply::BucketChanged(of, _) if *of == key("region")));
}

pub async fn a_claim_depends_on_the_version_of_the_controls<L: Ledger>(ledger: &L) {
    let claim = Commit { controls: Some(0), ..writing(&run(), 1) };
    let pause = Pause { pipeline: None, until: None, reason: "incident".into() };
    let paused = Controls::default().pause(pause);
    assert_eq!(ledger.write_controls(&paused).await, Ok(ControlsReply::Done));
    assert_eq!(ledger.commit(&claim).await, Ok(CommitReply::ControlsChanged));
    done(ledger, &Commit { controls: Some(1), ..claim }).await;
    // What is not a claim does not look at them.
    done(ledger, &writing(&run(), 2)).await;
}

pub async fn a_decision_is_kept_with_its_record<L: Inspected>(ledger: &L) {
    let first = Decision::bare(Ruling::WaitBackoff, &run(), at(0));
    let second = Decision::bare(Ruling::RetryEligible, &run(), at(60));
    done(ledger, &Commit { decision: Some(first.clone()), ..writing(&run(), 1) }).await;
    done(ledger, &writing(&run(), 2)).await;
    done(ledger, &Commit { decision: Some(second.clone()), ..writing(&run(), 3) }).await;
    let mut kept = ledger.decision_ids(&run()).await;
    let mut expected = vec![decision_id(&first), decision_id(&second)];
    kept.sort();
    expected.sort();
    assert_eq!(kept, expected);
    assert!(ledger.decision_ids(&run_number(2)).await.is_empty());
}

pub async fn controls_are_written_over_the_version_before<L: Ledger>(ledger: &L) {
    let pause = |reason: &str| Pause { pipeline: None, until: None, reason: reason.into() };
    let first = Controls::default().pause(pause("incident"));
    assert_eq!(ledger.write_controls(&first).await, Ok(ControlsReply::Done));
    let late = Controls::default().pause(pause("holiday"));
    assert_eq!(ledger.write_controls(&late).await, Ok(ControlsReply::Conflict(first.clone())));
    assert_eq!(ledger.read(&run(), &[]).await.unwrap().controls, first);
    let second = first.resume(None);
    assert_eq!(ledger.write_controls(&second).await, Ok(ControlsReply::Done));
    assert_eq!(ledger.read(&run(), &[]).await.unwrap().controls, second);
}

pub async fn a_message_is_quarantined_once<L: Inspected>(ledger: &L) {
    let note = |fingerprint: &str, seconds| Quarantined {
        fingerprint: fingerprint.into(),
        length: 12,
        problem: "not JSON".into(),
        at: at(seconds),
    };
    for message in [note("aa", 0), note("aa", 60), note("bb", 0)] {
        assert_eq!(ledger.quarantine(&message).await, Ok(()));
    }
    let mut kept = ledger.quarantined().await;
    kept.sort();
    assert_eq!(kept, [note("aa", 0), note("bb", 0)]);
}
