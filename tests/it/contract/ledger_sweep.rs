//! The contract of what a sweep keeps in the ledger and reads from it: its progress, and what is overdue.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::ids::{PipelineName, StageRunId};
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::protocol::ControlsReply;
use codepipeline_retrier::domain::scope::{PipelineLabel, Scope};
use codepipeline_retrier::domain::stage_run::{Hint, Owner, StageRun};
use codepipeline_retrier::domain::sweep::{Completed, Lease, Round, Sweep};
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::ports::{Ledger, Rounds, SweepReply};

use super::ledger::{done, recording, run_number};
use crate::arbitrary::at;

fn name(name: &str) -> PipelineName {
    PipelineName::parse(name).unwrap()
}

fn spoke() -> Scope {
    Scope::parse("aws/eu-west-1/444455556666").unwrap()
}

/// Progress with something in every field.
fn full(version: u64) -> Sweep {
    Sweep {
        version,
        round: 7,
        watermark: Some(at(-900)),
        under_way: Some(Round {
            began: at(0),
            since: at(-900),
            spoke: Some(spoke()),
            cursor: Some(name("shop")),
        }),
        completed: Some(Completed { began: at(-900), ended: at(-600) }),
        lagging: BTreeMap::from([
            (name("web").into(), at(-5_000)),
            (name("web.b").into(), at(-6_000)),
            (PipelineLabel::Elsewhere(spoke().pipeline(&name("web"))), at(-7_000)),
        ]),
        unlisted: BTreeMap::from([(spoke(), at(-8_000))]),
        lease: Some(Lease { owner: Owner("me".into()), until: at(60) }),
        every: SignedDuration::from_mins(15),
        unread: BTreeMap::from([("later".into(), "null".into())]),
    }
}

async fn overdue<L: Rounds>(ledger: &L, by: i64) -> Vec<StageRunId> {
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let page = ledger.overdue(at(by), next.as_ref()).await.unwrap();
        all.extend(page.entries);
        next = page.next;
        if next.is_none() {
            return all;
        }
    }
}

/// A record that waits until that second.
fn waiting(number: u32, until: i64) -> StageRun {
    let mut record = StageRun::unwritten(&run_number(number));
    let hint = Hint { key: EventKey::default(), time: at(0) };
    record.begin_wait(Ruling::WaitBackoff, Some(at(until)), at(until), hint);
    StageRun { revision: 1, ..record }
}

pub async fn a_sweep_that_has_never_begun_is_the_default<L: Rounds>(ledger: &L) {
    assert_eq!(ledger.sweep().await, Ok(Sweep::default()));
    assert!(overdue(ledger, 1_000_000).await.is_empty());
}

pub async fn the_progress_of_a_sweep_comes_back_to_the_last_field<L: Rounds>(ledger: &L) {
    let bare = Sweep { version: 2, ..Sweep::default() };
    for sweep in [full(1), bare] {
        assert_eq!(ledger.write_sweep(&sweep).await, Ok(SweepReply::Done));
        assert_eq!(ledger.sweep().await, Ok(sweep));
    }
}

pub async fn the_progress_is_written_over_the_version_before<L: Rounds>(ledger: &L) {
    assert_eq!(ledger.write_sweep(&full(2)).await, Ok(SweepReply::Conflict));
    assert_eq!(ledger.write_sweep(&full(1)).await, Ok(SweepReply::Done));
    let other = Sweep { round: 8, ..full(1) };
    assert_eq!(ledger.write_sweep(&other).await, Ok(SweepReply::Conflict));
    assert_eq!(ledger.sweep().await, Ok(full(1)));
}

pub async fn the_same_progress_twice_is_written_once<L: Rounds>(ledger: &L) {
    for _ in 0..2 {
        assert_eq!(ledger.write_sweep(&full(1)).await, Ok(SweepReply::Done));
    }
    assert_eq!(ledger.write_sweep(&full(2)).await, Ok(SweepReply::Done));
}

/// Version 0 has never been written; an item that says so would keep the first write out for ever.
pub async fn progress_without_a_version_is_not_written<L: Rounds>(ledger: &L) {
    assert_eq!(ledger.write_sweep(&full(0)).await, Ok(SweepReply::Conflict));
    assert_eq!(ledger.sweep().await, Ok(Sweep::default()));
    assert_eq!(ledger.write_sweep(&Sweep::default()).await, Ok(SweepReply::Done), "it is so already");
    assert_eq!(ledger.write_sweep(&full(1)).await, Ok(SweepReply::Done));
    assert_eq!(ledger.write_sweep(&Sweep::default()).await, Ok(SweepReply::Conflict));
}

pub async fn the_controls_are_read_alone<L: Ledger + Rounds>(ledger: &L) {
    assert_eq!(Rounds::controls(ledger).await, Ok(Controls::default()));
    let controls = Controls { version: 1, ..Controls::default() };
    assert_eq!(ledger.write_controls(&controls).await, Ok(ControlsReply::Done));
    assert_eq!(Rounds::controls(ledger).await, Ok(controls));
}

pub async fn what_is_overdue_is_listed_once<L: Ledger + Rounds>(ledger: &L) {
    done(ledger, &recording(waiting(1, 100))).await;
    done(ledger, &recording(waiting(2, 300))).await;
    let mut claimed = StageRun::unwritten(&run_number(3));
    let hint = Hint { key: EventKey::default(), time: at(0) };
    let owner = Owner("somebody".into());
    claimed.claim(&BTreeSet::new(), RetryMode::FailedActions, &[], &owner, at(200), &hint);
    done(ledger, &recording(StageRun { revision: 1, ..claimed })).await;
    for (by, expected) in [(99, vec![]), (100, vec![1]), (200, vec![1, 3]), (300, vec![1, 2, 3])] {
        let found = overdue(ledger, by).await;
        assert_eq!(found.len(), expected.len(), "by {by}");
        let expected: BTreeSet<_> = expected.into_iter().map(run_number).collect();
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "by {by}");
    }
}

pub async fn what_has_ended_is_not_overdue<L: Ledger + Rounds>(ledger: &L) {
    done(ledger, &recording(waiting(1, 100))).await;
    done(ledger, &recording(StageRun { revision: 2, wait: None, ..waiting(1, 100) })).await;
    assert!(overdue(ledger, 1_000).await.is_empty());
}

pub async fn many_that_are_overdue_are_all_listed<L: Ledger + Rounds>(ledger: &L) {
    for number in 1..=120 {
        done(ledger, &recording(waiting(number, i64::from(number)))).await;
    }
    let found = overdue(ledger, 1_000).await;
    assert_eq!(found.len(), 120);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), (1..=120).map(run_number).collect());
}
