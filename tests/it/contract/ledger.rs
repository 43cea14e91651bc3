//! The contract of the ledger: its conditions, and that a transaction is all or nothing. What is kept, and what concerns
//! budgets alone, is beside.

use codepipeline_retrier::domain::budget::{Branch, BucketKey, Budget, Deposit, Per, Slot, Withdrawal};
use codepipeline_retrier::domain::controls::{Controls, Pause};
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::ids::{BudgetName, ExecutionId, StageRunId};
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, View};
use codepipeline_retrier::domain::stage_run::StageRun;
use codepipeline_retrier::ports::{Ledger, Quarantined, Rounds};

use crate::arbitrary::{at, run};

/// A ledger whose contents can be looked at beyond what the port shows.
pub trait Inspected: Ledger + Rounds {
    /// The names of all decisions on record for a stage run, in any order.
    async fn decision_ids(&self, run: &StageRunId) -> Vec<String>;

    /// Keeps a policy under the next number, points to it, and says which number that is. Its version names its length.
    async fn push_policy(&self, text: &str) -> u64;

    /// Every message in quarantine.
    async fn quarantined(&self) -> Vec<Quarantined>;
}

/// One test for each clause. The first argument drives a clause to its end, the second makes an empty ledger.
macro_rules! suite {
    ($run:path, $make:path) => {
        $crate::contract::clauses! {
            $run, $make, ledger:
            nothing_is_on_record_before_the_first_write
            the_first_revision_is_written_and_read_back
            a_revision_that_is_not_the_next_one_is_refused_with_the_current_record
            a_record_that_was_never_written_conflicts_with_nothing
            the_same_transaction_twice_is_done_once
            a_transaction_that_comes_again_late_finds_what_others_wrote_since
            one_failed_condition_undoes_everything
            failed_conditions_are_reported_in_order
            a_claim_depends_on_the_version_of_the_controls
            controls_are_written_over_the_version_before
            the_same_controls_twice_are_written_once
        }
        $crate::contract::clauses! {
            $run, $make, ledger_keeping:
            records_of_other_stage_runs_are_left_alone
            names_that_run_together_are_kept_apart
            a_record_comes_back_to_the_last_field
            controls_come_back_to_the_last_field
            a_decision_is_kept_with_its_record
            a_policy_that_was_pushed_comes_back_and_no_other
            a_push_changes_the_controls
            a_message_is_quarantined_once
        }
        $crate::contract::clauses! {
            $run, $make, ledger_sweep:
            a_sweep_that_has_never_begun_is_the_default
            the_progress_of_a_sweep_comes_back_to_the_last_field
            the_progress_is_written_over_the_version_before
            the_same_progress_twice_is_written_once
            progress_without_a_version_is_not_written
            the_controls_are_read_alone
            what_is_overdue_is_listed_once
            what_has_ended_is_not_overdue
            many_that_are_overdue_are_all_listed
        }
        $crate::contract::clauses! {
            $run, $make, ledger_storms:
            a_failure_is_noted_and_read_back
            a_pipeline_is_in_a_window_once
            a_window_that_has_enough_is_not_added_to
            windows_are_kept_apart
        }
        $crate::contract::clauses! {
            $run, $make, ledger_budgets:
            a_bucket_that_was_never_written_is_full
            buckets_of_one_budget_are_kept_apart
            tokens_are_taken_by_either_branch
            the_wrong_branch_is_refused_with_the_bucket
            an_empty_bucket_is_refused_with_the_bucket
            a_deposit_moves_a_bucket_back
            a_deposit_to_a_bucket_that_was_never_written_changes_nothing
            a_deposit_fills_no_bucket_beyond_its_capacity
            a_slot_is_given_to_one_waiter
            a_slot_that_was_given_away_is_refused_with_the_whole_bucket
            tokens_and_waiters_leave_each_other_alone
            several_buckets_are_changed_at_once
            many_claims_on_one_budget_get_exactly_its_capacity
        }
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
    let refusals = u32::try_from(revision).unwrap();
    recording(StageRun { revision, refusals, ..StageRun::unwritten(run) })
}

/// A transaction on the record alone.
pub fn recording(record: StageRun) -> Commit {
    Commit {
        record,
        withdrawals: Vec::new(),
        deposits: Vec::new(),
        slot: None,
        controls: None,
        decision: None,
        announced: false,
        notices: Vec::new(),
    }
}

fn pause(reason: &str) -> Pause {
    Pause { pipeline: None, until: None, reason: reason.into() }
}

pub async fn done<L: Ledger>(ledger: &L, commit: &Commit) {
    assert_eq!(ledger.commit(commit).await, Ok(CommitReply::Done));
}

pub async fn nothing_is_on_record_before_the_first_write<L: Inspected>(ledger: &L) {
    assert_eq!(ledger.read(&run(), &[key("region")], &[]).await, Ok(View::default()));
    assert!(ledger.decision_ids(&run()).await.is_empty());
    assert!(ledger.quarantined().await.is_empty());
}

pub async fn the_first_revision_is_written_and_read_back<L: Ledger>(ledger: &L) {
    let commit = writing(&run(), 1);
    done(ledger, &commit).await;
    assert_eq!(ledger.read(&run(), &[], &[]).await.unwrap().record, Some(commit.record));
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
    assert_eq!(ledger.read(&run(), &[], &[]).await.unwrap().record, None);
}

pub async fn the_same_transaction_twice_is_done_once<L: Inspected>(ledger: &L) {
    let commit = Commit {
        withdrawals: vec![withdrawal("region", Branch::Idle, 0)],
        decision: Some(Decision::bare(Ruling::RetryEligible, &run(), at(0))),
        ..writing(&run(), 1)
    };
    done(ledger, &commit).await;
    let before = ledger.read(&run(), &[key("region")], &[]).await;
    // Its own record comes back, by which the sender sees that the first one was done.
    let reply = ledger.commit(&commit).await;
    assert_eq!(reply, Ok(CommitReply::Conflict(Some(Box::new(commit.record.clone())))));
    assert_eq!(ledger.read(&run(), &[key("region")], &[]).await, before);
    assert_eq!(ledger.decision_ids(&run()).await.len(), 1);
}

pub async fn a_transaction_that_comes_again_late_finds_what_others_wrote_since<L: Inspected>(ledger: &L) {
    let commit = Commit {
        withdrawals: vec![withdrawal("region", Branch::Idle, 0)],
        decision: Some(Decision::bare(Ruling::RetryEligible, &run(), at(0))),
        ..writing(&run(), 1)
    };
    done(ledger, &commit).await;
    let later = writing(&run(), 2);
    done(ledger, &later).await;
    let before = ledger.read(&run(), &[key("region")], &[]).await;
    let reply = ledger.commit(&commit).await;
    assert_eq!(reply, Ok(CommitReply::Conflict(Some(Box::new(later.record)))));
    assert_eq!(ledger.read(&run(), &[key("region")], &[]).await, before);
    assert_eq!(ledger.decision_ids(&run()).await.len(), 1);
}

pub async fn one_failed_condition_undoes_everything<L: Inspected>(ledger: &L) {
    let keys = [key("region"), key("other"), key("paid"), key("waiting")];
    done(ledger, &Commit { withdrawals: vec![withdrawal("paid", Branch::Idle, 0)], ..writing(&run(), 1) })
        .await;
    let before = ledger.read(&run(), &keys, &[]).await.unwrap();
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
        assert_eq!(ledger.read(&run(), &keys, &[]).await.as_ref(), Ok(&before));
        assert!(ledger.decision_ids(&run()).await.is_empty());
    }
    done(ledger, &good).await;
    assert_ne!(ledger.read(&run(), &keys, &[]).await.unwrap().buckets, before.buckets);
}

pub async fn failed_conditions_are_reported_in_order<L: Ledger>(ledger: &L) {
    let taken = Slot { at: at(60), expected: Some(1), following: at(120).as_millisecond() };
    let all_wrong = Commit {
        withdrawals: vec![withdrawal("region", Branch::Busy, 0)],
        slot: Some((key("waiting"), taken)),
        controls: Some(5),
        ..writing(&run(), 2)
    };
    assert_eq!(ledger.commit(&all_wrong).await, Ok(CommitReply::Conflict(None)));
    let rest_wrong = Commit { record: writing(&run(), 1).record, ..all_wrong };
    assert_eq!(ledger.commit(&rest_wrong).await, Ok(CommitReply::ControlsChanged));
    let buckets_wrong = Commit { controls: None, ..rest_wrong };
    let reply = ledger.commit(&buckets_wrong).await.unwrap();
    let known = [key("region"), key("waiting")];
    assert!(matches!(&reply, CommitReply::BucketChanged(of, _) if known.contains(of)), "{reply:?}");
}

pub async fn a_claim_depends_on_the_version_of_the_controls<L: Ledger>(ledger: &L) {
    let claim = Commit { controls: Some(0), ..writing(&run(), 1) };
    let paused = Controls::default().pause(pause("incident"));
    assert_eq!(ledger.write_controls(&paused).await, Ok(ControlsReply::Done));
    assert_eq!(ledger.commit(&claim).await, Ok(CommitReply::ControlsChanged));
    done(ledger, &Commit { controls: Some(1), ..claim }).await;
    // What is not a claim does not look at them.
    done(ledger, &writing(&run(), 2)).await;
}

pub async fn controls_are_written_over_the_version_before<L: Ledger>(ledger: &L) {
    let first = Controls::default().pause(pause("incident"));
    let second = first.resume(None);
    // Not over nothing either: somebody has to have written the version before.
    assert_eq!(ledger.write_controls(&second).await, Ok(ControlsReply::Conflict(Controls::default())));
    assert_eq!(ledger.write_controls(&first).await, Ok(ControlsReply::Done));
    let late = Controls::default().pause(pause("holiday"));
    assert_eq!(ledger.write_controls(&late).await, Ok(ControlsReply::Conflict(first.clone())));
    assert_eq!(ledger.read(&run(), &[], &[]).await.unwrap().controls, first);
    assert_eq!(ledger.write_controls(&second).await, Ok(ControlsReply::Done));
    assert_eq!(ledger.read(&run(), &[], &[]).await.unwrap().controls, second);
}

pub async fn the_same_controls_twice_are_written_once<L: Ledger>(ledger: &L) {
    let first = Controls::default().pause(pause("incident"));
    assert_eq!(ledger.write_controls(&first).await, Ok(ControlsReply::Done));
    // They come back themselves, by which the sender sees that they are in force.
    assert_eq!(ledger.write_controls(&first).await, Ok(ControlsReply::Conflict(first.clone())));
    assert_eq!(ledger.read(&run(), &[], &[]).await.unwrap().controls, first);
}
