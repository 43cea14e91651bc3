//! The contract of the outbox: what a commit leaves to be told is there until somebody says that it was, and in nobody's hands
//! but one's. What was sent of late is beside, in one record.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::document::document;
use codepipeline_retrier::domain::budget::Branch;
use codepipeline_retrier::domain::class::Class;
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::ids::{ActionName, BudgetName, RuleName, StageRunId};
use codepipeline_retrier::domain::notice::{Build, Notice, Occasion};
use codepipeline_retrier::domain::outbox::OWN_TURN;
use codepipeline_retrier::domain::outlet::Outlet;
use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply};
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::ports::{Content, Entry, Ledger, Outbox, Pending};

use super::ledger::{done, run_number, withdrawal, writing};
use super::ledger_keeping::run_together;
use crate::arbitrary::at;

/// One test for each clause. The first argument drives a clause to its end, the second makes an empty ledger.
macro_rules! suite {
    ($run:path, $make:path) => {
        $crate::contract::clauses! {
            $run, $make, outbox:
            nothing_is_pending_before_the_first_commit
            what_a_commit_leaves_to_be_told_is_pending_under_its_names
            a_message_comes_back_to_the_last_field
            a_decision_that_is_not_announced_is_not_pending
            nothing_is_pending_of_a_commit_that_did_not_happen
            a_commit_that_comes_again_brings_nothing_back
            what_is_pending_is_listed_as_it_is_due
            many_that_are_pending_are_all_listed_once
            an_entry_is_taken_by_one_only
            what_was_taken_is_anybodys_again_after_a_while
            what_was_told_is_pending_no_more
            what_was_told_cannot_be_taken
            what_nobody_knows_is_told_without_harm
            messages_of_several_stage_runs_are_kept_apart
            other_writes_of_a_stage_run_leave_its_messages_alone
        }
        $crate::contract::clauses! {
            $run, $make, outbox:
            an_outlet_that_was_never_written_is_the_default
            an_outlet_comes_back_to_the_last_field
            an_outlet_is_written_over_the_version_before
            the_same_outlet_twice_is_written_once
            an_outlet_without_a_version_is_not_written
        }
    };
}
pub(crate) use suite;

/// A message with nothing that need not be there.
fn bare(run: &StageRunId, occasion: Occasion, at: Timestamp) -> Notice {
    Notice {
        occasion,
        at,
        run: run.clone(),
        failed_at: None,
        ruling: None,
        until: None,
        rule: None,
        policy_version: None,
        classes: BTreeMap::new(),
        builds: BTreeMap::new(),
        detail: String::new(),
        retries: 0,
        max_retries: 2,
        budgets: Vec::new(),
    }
}

/// A message with something in every field.
pub fn notice(run: &StageRunId, occasion: Occasion, at: Timestamp) -> Notice {
    let class = |(action, class)| (ActionName::parse(action).unwrap(), class);
    let build = Build::parse(run.pipeline.region.clone(), "unit-tests:0a1b2c3d-0000").unwrap();
    Notice {
        failed_at: Some(after(at, SignedDuration::from_secs(-90))),
        ruling: Some(Ruling::GiveUpNotRetryable),
        until: Some(after(at, SignedDuration::from_millis(600_001))),
        rule: Some(RuleName::parse("all").unwrap()),
        policy_version: Some(PolicyVersion("v-1".into())),
        classes: [("Unit", Class::TestFailure), ("Lint", Class::Throttling)].into_iter().map(class).collect(),
        builds: [(ActionName::parse("Unit").unwrap(), build)].into(),
        detail: "`Unit` is test-failure | \u{201c}ä\u{201d} \\ \"quoted\"".to_owned(),
        retries: 1,
        budgets: vec![(BudgetName::parse("region").unwrap(), 19, 20)],
        ..bare(run, occasion, at)
    }
}

/// A transaction that tells of these.
pub fn telling(run: &StageRunId, revision: u64, notices: &[Notice]) -> Commit {
    Commit { notices: notices.to_vec(), ..writing(run, revision) }
}

/// A transaction whose decision is announced.
pub fn announcing(run: &StageRunId, revision: u64, at: Timestamp) -> Commit {
    let decision = Some(Decision::bare(Ruling::WaitBackoff, run, at));
    Commit { decision, announced: true, ..writing(run, revision) }
}

/// What the commit leaves to be told, as the outbox calls it.
pub fn entries<L: Outbox>(ledger: &L, commit: &Commit) -> Vec<Entry> {
    commit.tidings().map(|tidings| ledger.entry(&tidings)).collect()
}

/// Everything that is pending by then; each page in order.
pub async fn pending_by<L: Outbox>(ledger: &L, by: Timestamp) -> Vec<Pending> {
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let page = ledger.pending(by, next.as_ref()).await.unwrap();
        assert!(page.entries.is_sorted_by_key(|pending| pending.due), "{:?}", page.entries);
        all.extend(page.entries);
        next = page.next;
        if next.is_none() {
            return all;
        }
    }
}

pub async fn pending<L: Outbox>(ledger: &L) -> Vec<Pending> {
    pending_by(ledger, Timestamp::MAX).await
}

/// The entries that are pending, in any order.
async fn waiting<L: Outbox>(ledger: &L) -> BTreeSet<String> {
    pending(ledger).await.into_iter().map(|pending| pending.entry.id.0).collect()
}

fn names(entries: &[Entry]) -> BTreeSet<String> {
    entries.iter().map(|entry| entry.id.0.clone()).collect()
}

pub async fn nothing_is_pending_before_the_first_commit<L: Outbox>(ledger: &L) {
    assert_eq!(pending(ledger).await, []);
}

pub async fn what_a_commit_leaves_to_be_told_is_pending_under_its_names<L: Ledger + Outbox>(ledger: &L) {
    let run = run_number(1);
    let notices = [
        notice(&run, Occasion::FailedAgain, after(at(5), SignedDuration::from_millis(7))),
        bare(&run, Occasion::GiveUp, at(6)),
    ];
    let commit = Commit { notices: notices.to_vec(), ..announcing(&run, 1, at(4)) };
    done(ledger, &commit).await;
    let expected = entries(ledger, &commit);
    assert_eq!(names(&expected).len(), 3, "each has a name of its own: {expected:?}");
    let found = pending(ledger).await;
    assert_eq!(found.len(), 3);
    for pending in found {
        let entry = expected.iter().find(|entry| entry.id == pending.entry.id).expect("it is one of them");
        assert_eq!(pending.entry, *entry);
        assert_eq!(pending.due, after(entry.at, OWN_TURN), "for so long it is left to whoever wrote it");
        match &entry.content {
            Content::Notice(notice) => assert_eq!(entry.at, notice.at),
            Content::Decision(told) => {
                assert_eq!(*told, document(commit.decision.as_ref().unwrap()).to_string());
                assert_eq!(entry.at, at(4));
            }
        }
    }
}

pub async fn a_message_comes_back_to_the_last_field<L: Ledger + Outbox>(ledger: &L) {
    for (occasion, number) in Occasion::ALL.into_iter().zip(1..) {
        for (make, run) in [bare, notice].into_iter().zip([run_number(number), run_number(100 + number)]) {
            let commit = telling(&run, 1, &[make(&run, occasion, at(i64::from(number)))]);
            done(ledger, &commit).await;
            let found = pending(ledger).await;
            let [Pending { entry, .. }] = found.as_slice() else { panic!("not one: {found:?}") };
            assert_eq!(entry.content, Content::Notice(Box::new(commit.notices[0].clone())));
            assert_eq!(ledger.told(std::slice::from_ref(entry), at(60)).await, Ok(()));
        }
    }
}

pub async fn a_decision_that_is_not_announced_is_not_pending<L: Ledger + Outbox>(ledger: &L) {
    done(ledger, &Commit { announced: false, ..announcing(&run_number(1), 1, at(0)) }).await;
    assert_eq!(pending(ledger).await, []);
}

pub async fn nothing_is_pending_of_a_commit_that_did_not_happen<L: Ledger + Outbox>(ledger: &L) {
    let run = run_number(1);
    let all = |revision| Commit {
        notices: vec![notice(&run, Occasion::GiveUp, at(0))],
        ..announcing(&run, revision, at(0))
    };
    let take = |branch| vec![withdrawal("region", branch, 0)];
    done(ledger, &Commit { withdrawals: take(Branch::Idle), ..writing(&run, 1) }).await;
    let late = ledger.commit(&all(1)).await;
    assert!(matches!(late, Ok(CommitReply::Conflict(Some(_)))), "{late:?}");
    let paused = ledger.commit(&Commit { controls: Some(7), ..all(2) }).await;
    assert_eq!(paused, Ok(CommitReply::ControlsChanged));
    let spent = ledger.commit(&Commit { withdrawals: take(Branch::Idle), ..all(2) }).await;
    assert!(matches!(spent, Ok(CommitReply::BucketChanged(..))), "{spent:?}");
    assert_eq!(pending(ledger).await, []);
}

/// The answer to the first one was lost, and whoever sent it told what it was about before it was sent again.
pub async fn a_commit_that_comes_again_brings_nothing_back<L: Ledger + Outbox>(ledger: &L) {
    let run = run_number(1);
    let commit =
        Commit { notices: vec![notice(&run, Occasion::GiveUp, at(0))], ..announcing(&run, 1, at(0)) };
    done(ledger, &commit).await;
    assert_eq!(ledger.told(&entries(ledger, &commit), at(1)).await, Ok(()));
    let again = ledger.commit(&commit).await;
    assert!(matches!(again, Ok(CommitReply::Conflict(Some(_)))), "{again:?}");
    assert_eq!(pending(ledger).await, []);
}

pub async fn what_is_pending_is_listed_as_it_is_due<L: Ledger + Outbox>(ledger: &L) {
    for (number, second) in [(1, 300), (2, 100), (3, 200)] {
        let run = run_number(number);
        done(ledger, &telling(&run, 1, &[bare(&run, Occasion::GiveUp, at(second))])).await;
    }
    done(ledger, &announcing(&run_number(4), 1, at(250))).await;
    let turn = OWN_TURN.as_secs();
    let nanosecond = SignedDuration::from_nanos(-1);
    for (by, expected) in [
        (after(at(turn + 100), nanosecond), vec![]),
        (at(turn + 100), vec![100]),
        (after(at(turn + 250), nanosecond), vec![100, 200]),
        (at(turn + 250), vec![100, 200, 250]),
        (at(turn + 300), vec![100, 200, 250, 300]),
        (Timestamp::MAX, vec![100, 200, 250, 300]),
    ] {
        let found = pending_by(ledger, by).await;
        let mut since: Vec<Timestamp> = found.into_iter().map(|pending| pending.entry.at).collect();
        // Each page is in order; pages may be of parts that know nothing of each other.
        since.sort();
        assert_eq!(since, expected.into_iter().map(at).collect::<Vec<_>>(), "by {by}");
    }
}

pub async fn many_that_are_pending_are_all_listed_once<L: Ledger + Outbox>(ledger: &L) {
    let mut expected = BTreeSet::new();
    for number in 1..=60 {
        let run = run_number(number);
        let second = i64::from(number);
        let both = [bare(&run, Occasion::FailedAgain, at(second)), bare(&run, Occasion::GiveUp, at(second))];
        let commit = Commit { notices: both.to_vec(), ..announcing(&run, 1, at(second)) };
        done(ledger, &commit).await;
        expected.extend(names(&entries(ledger, &commit)));
    }
    let found = pending(ledger).await;
    assert_eq!((found.len(), expected.len()), (180, 180));
    assert_eq!(waiting(ledger).await, expected);
    let all: Vec<Entry> = found.into_iter().map(|pending| pending.entry).collect();
    assert_eq!(ledger.told(&all, at(1_000)).await, Ok(()));
    assert_eq!(pending(ledger).await, []);
}

pub async fn an_entry_is_taken_by_one_only<L: Ledger + Outbox>(ledger: &L) {
    let run = run_number(1);
    let commit = Commit { notices: vec![bare(&run, Occasion::GiveUp, at(0))], ..announcing(&run, 1, at(0)) };
    done(ledger, &commit).await;
    let seen = pending(ledger).await;
    assert_eq!(seen.len(), 2);
    for pending in &seen {
        assert_eq!(ledger.take(pending, at(2_000)).await, Ok(true));
        assert_eq!(ledger.take(pending, at(3_000)).await, Ok(false), "somebody else has it");
    }
    let taken = pending(ledger).await;
    assert_eq!(taken.len(), 2);
    assert!(taken.iter().all(|pending| pending.due == at(2_000)), "{taken:?}");
}

pub async fn what_was_taken_is_anybodys_again_after_a_while<L: Ledger + Outbox>(ledger: &L) {
    let run = run_number(1);
    done(ledger, &telling(&run, 1, &[bare(&run, Occasion::GiveUp, at(0))])).await;
    let first = pending(ledger).await.remove(0);
    assert_eq!(ledger.take(&first, at(2_000)).await, Ok(true));
    assert_eq!(pending_by(ledger, at(1_999)).await, []);
    let second = pending_by(ledger, at(2_000)).await.remove(0);
    assert_eq!(second.entry, first.entry);
    assert_eq!(ledger.take(&second, at(4_000)).await, Ok(true));
    assert_eq!(ledger.take(&first, at(5_000)).await, Ok(false), "what it has read is long over");
    assert_eq!(pending(ledger).await.remove(0).due, at(4_000));
}

pub async fn what_was_told_is_pending_no_more<L: Ledger + Outbox>(ledger: &L) {
    let run = run_number(1);
    let commit = Commit { notices: vec![bare(&run, Occasion::GiveUp, at(0))], ..announcing(&run, 1, at(0)) };
    done(ledger, &commit).await;
    let [told, left] = entries(ledger, &commit).try_into().unwrap();
    for _ in 0..2 {
        assert_eq!(ledger.told(std::slice::from_ref(&told), at(1)).await, Ok(()), "twice is once");
        assert_eq!(waiting(ledger).await, names(std::slice::from_ref(&left)));
    }
    // One that was told among those that were not.
    assert_eq!(ledger.told(&[told, left], at(2)).await, Ok(()));
    assert_eq!(pending(ledger).await, []);
    assert_eq!(ledger.told(&[], at(3)).await, Ok(()));
}

pub async fn what_was_told_cannot_be_taken<L: Ledger + Outbox>(ledger: &L) {
    let run = run_number(1);
    done(ledger, &telling(&run, 1, &[bare(&run, Occasion::GiveUp, at(0))])).await;
    let seen = pending(ledger).await.remove(0);
    assert_eq!(ledger.told(std::slice::from_ref(&seen.entry), at(1)).await, Ok(()));
    assert_eq!(ledger.take(&seen, at(2_000)).await, Ok(false));
    assert_eq!(pending(ledger).await, [], "and it does not come back");
}

pub async fn what_nobody_knows_is_told_without_harm<L: Ledger + Outbox>(ledger: &L) {
    let (run, other) = (run_number(1), run_number(2));
    let known = telling(&run, 1, &[bare(&run, Occasion::GiveUp, at(0))]);
    done(ledger, &known).await;
    let unknown =
        Commit { notices: vec![bare(&other, Occasion::GiveUp, at(0))], ..announcing(&other, 1, at(0)) };
    assert_eq!(ledger.told(&entries(ledger, &unknown), at(1)).await, Ok(()));
    let never = Pending { entry: entries(ledger, &unknown).remove(0), due: at(0) };
    assert_eq!(ledger.take(&never, at(2_000)).await, Ok(false));
    assert_eq!(waiting(ledger).await, names(&entries(ledger, &known)));
    assert_eq!(ledger.read(&other, &[], &[]).await.unwrap().record, None, "nothing was made by it");
    // What was said to be told before it was written is told all the same.
    done(ledger, &unknown).await;
    assert_eq!(pending(ledger).await.len(), 3);
}

pub async fn messages_of_several_stage_runs_are_kept_apart<L: Ledger + Outbox>(ledger: &L) {
    let mut all = Vec::new();
    for run in run_together().into_iter().chain([run_number(1), run_number(11)]) {
        let occasions = [Occasion::Recovered, Occasion::FailedAgain];
        let commit = telling(&run, 1, &occasions.map(|occasion| bare(&run, occasion, at(0))));
        done(ledger, &commit).await;
        all.extend(entries(ledger, &commit));
    }
    let mut left = names(&all);
    assert_eq!(left.len(), all.len(), "each has a name of its own");
    for entry in &all {
        assert_eq!(waiting(ledger).await, left);
        assert_eq!(ledger.told(std::slice::from_ref(entry), at(1)).await, Ok(()));
        left.remove(&entry.id.0);
    }
    assert_eq!(waiting(ledger).await, left);
}

pub async fn other_writes_of_a_stage_run_leave_its_messages_alone<L: Ledger + Outbox>(ledger: &L) {
    let run = run_number(1);
    let first =
        Commit { notices: vec![notice(&run, Occasion::FailedAgain, at(0))], ..announcing(&run, 1, at(0)) };
    done(ledger, &first).await;
    let before = pending(ledger).await;
    done(ledger, &writing(&run, 2)).await;
    assert_eq!(pending(ledger).await, before, "the record alone");
    let decision = Some(Decision::bare(Ruling::RetryEligible, &run, at(9)));
    done(ledger, &Commit { decision, ..writing(&run, 3) }).await;
    assert_eq!(pending(ledger).await, before, "a decision that is not announced");
    let last = telling(&run, 4, &[notice(&run, Occasion::GiveUp, at(20))]);
    done(ledger, &last).await;
    let both: Vec<Entry> = entries(ledger, &first).into_iter().chain(entries(ledger, &last)).collect();
    assert_eq!(waiting(ledger).await, names(&both));
    assert_eq!(ledger.told(&both, at(30)).await, Ok(()));
    let record = ledger.read(&run, &[], &[]).await.unwrap().record;
    assert_eq!(record, Some(last.record), "and the other way round");
}

fn outlet(version: u64) -> Outlet {
    let sent = vec![at(0), after(at(1), SignedDuration::from_nanos(1))];
    Outlet { version, sent, gathering_until: Some(at(600)), rounds: 3 }
}

pub async fn an_outlet_that_was_never_written_is_the_default<L: Outbox>(ledger: &L) {
    assert_eq!(ledger.outlet().await, Ok(Outlet::default()));
}

pub async fn an_outlet_comes_back_to_the_last_field<L: Ledger + Outbox>(ledger: &L) {
    for outlet in [outlet(1), Outlet { version: 2, ..Outlet::default() }] {
        assert_eq!(ledger.write_outlet(&outlet).await, Ok(true));
        assert_eq!(ledger.outlet().await, Ok(outlet));
    }
    assert_eq!(pending(ledger).await, [], "it is nothing to be told");
}

pub async fn an_outlet_is_written_over_the_version_before<L: Outbox>(ledger: &L) {
    assert_eq!(ledger.write_outlet(&outlet(2)).await, Ok(false));
    assert_eq!(ledger.outlet().await, Ok(Outlet::default()));
    assert_eq!(ledger.write_outlet(&outlet(1)).await, Ok(true));
    let other = Outlet { rounds: 0, ..outlet(1) };
    assert_eq!(ledger.write_outlet(&other).await, Ok(false), "somebody else was quicker");
    assert_eq!(ledger.write_outlet(&outlet(3)).await, Ok(false));
    assert_eq!(ledger.outlet().await, Ok(outlet(1)));
}

pub async fn the_same_outlet_twice_is_written_once<L: Outbox>(ledger: &L) {
    for version in [1, 2] {
        for _ in 0..2 {
            assert_eq!(ledger.write_outlet(&outlet(version)).await, Ok(true));
        }
    }
    assert_eq!(ledger.write_outlet(&outlet(1)).await, Ok(false));
    assert_eq!(ledger.outlet().await, Ok(outlet(2)));
}

/// Version 0 has never been written; an item that says so would keep the first write out for ever.
pub async fn an_outlet_without_a_version_is_not_written<L: Outbox>(ledger: &L) {
    assert_eq!(ledger.write_outlet(&outlet(0)).await, Ok(false));
    assert_eq!(ledger.outlet().await, Ok(Outlet::default()));
    assert_eq!(ledger.write_outlet(&Outlet::default()).await, Ok(true), "it is so already");
    assert_eq!(ledger.write_outlet(&outlet(1)).await, Ok(true));
    assert_eq!(ledger.write_outlet(&Outlet::default()).await, Ok(false));
}
