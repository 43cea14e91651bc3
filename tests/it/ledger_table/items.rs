//! What lies in the table: keys that can be read, expiry, the index of open stage runs.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use codepipeline_retrier::domain::budget::{Branch, Slot, Withdrawal};
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::ids::ActionExecutionId;
use codepipeline_retrier::domain::policy::RetryMode;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply};
use codepipeline_retrier::domain::stage_run::{Hint, Owner, Progress, StageRun};
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::ports::{Ledger, Quarantined};

use super::Desk;
use crate::arbitrary::{at, run};
use crate::contract::{failure_note, key, recording, withdrawal, writing};

const DAY: i64 = 86_400;

/// A record with a claim whose lease is over at 600 and a wait whose wake-up comes at 30.
pub fn busy_record(withdrawals: &[Withdrawal]) -> StageRun {
    let failed = BTreeSet::from([ActionExecutionId::parse("a-1").unwrap()]);
    let hint = Hint { key: EventKey::default(), time: at(0) };
    let mut record = StageRun::unwritten(&run());
    record.revision = 1;
    record.claim(&failed, RetryMode::FailedActions, withdrawals, &Owner("o".into()), at(600), &hint);
    record.begin_wait(Ruling::WaitClaimOpen, Some(at(30)), at(30), hint);
    record
}

impl Desk {
    pub fn item(&self, partition: &str, sort: &str) -> BTreeMap<String, AttributeValue> {
        let get = self.table.clients.dynamodb().get_item().table_name(&self.table.name);
        let get = get
            .key("pk", AttributeValue::S(partition.into()))
            .key("sk", AttributeValue::S(sort.into()))
            .consistent_read(true);
        let item = self.run(get.send()).unwrap().item.unwrap_or_else(|| panic!("no {partition} / {sort}"));
        item.into_iter().collect()
    }
}

fn expires(item: &BTreeMap<String, AttributeValue>) -> Option<i64> {
    item.get("expires").map(|expires| expires.as_n().unwrap().parse().unwrap())
}

const RUN: &str = "run#arn:aws:codepipeline:eu-central-1:111122223333:shop#e-1#Test";
const BUCKET: &str = "region#live#111122223333#eu-central-1";

#[test]
fn every_item_lies_where_an_operator_finds_it_and_expires_in_time() {
    let desk = Desk::new();
    let decision = Decision::bare(Ruling::RetryEligible, &run(), at(5));
    let commit = Commit {
        withdrawals: vec![withdrawal("region", Branch::Idle, 0)],
        decision: Some(decision.clone()),
        ..writing(&run(), 1)
    };
    assert_eq!(desk.run(desk.ledger.commit(&commit)), Ok(CommitReply::Done));
    let note = Quarantined { fingerprint: "aa".into(), length: 12, problem: "not JSON".into(), at: at(0) };
    assert_eq!(desk.run(desk.ledger.quarantine(&note)), Ok(()));
    assert_eq!(
        desk.run(desk.ledger.write_controls(&Controls::default().resume(None))),
        Ok(ControlsReply::Done)
    );

    desk.run(desk.ledger.note_failure(&failure_note("shop", 1))).unwrap();

    let now = at(0).as_second();
    let window = desk.item("storm", &format!("{:.9}#300000", at(0)));
    assert_eq!(expires(&window), Some(now + 300 + DAY));
    assert_eq!(window["noted"], AttributeValue::N("1".into()));
    assert_eq!(window["failures"], AttributeValue::N("3".into()));
    assert_eq!(window["pipeline:shop"], AttributeValue::S(at(1).to_string()));
    assert_eq!(expires(&desk.item(RUN, "record")), Some(now + 90 * DAY));
    let id = codepipeline_retrier::names::decision_id(&decision);
    let kept = desk.item("decisions#shop", &format!("{:.9}#{id}", at(5)));
    assert_eq!(expires(&kept), Some(now + 90 * DAY));
    assert_eq!(kept["verdict"], AttributeValue::S("retry".into()));
    assert_eq!(expires(&desk.item("quarantine", "aa")), Some(now + 90 * DAY));
    assert_eq!(expires(&desk.item("controls", "controls")), None);
    let bucket = desk.item("buckets", BUCKET);
    assert_eq!(bucket["capacity"], AttributeValue::N("3".into()));
    assert_eq!(bucket["interval-ms"], AttributeValue::N("60000".into()));
    // Three tokens take three minutes to come back; a second more, since seconds are cut off.
    assert_eq!(expires(&bucket), Some(now + 180 + 1 + 30 * DAY));
}

#[test]
fn a_bucket_outlives_whatever_touches_it_last() {
    let desk = Desk::new();
    let take = |number, branch, seconds| Commit {
        withdrawals: vec![withdrawal("region", branch, seconds)],
        ..writing(&run(), number)
    };
    for (number, branch) in [(1, Branch::Idle), (2, Branch::Busy), (3, Branch::Busy)] {
        assert_eq!(desk.run(desk.ledger.commit(&take(number, branch, 0))), Ok(CommitReply::Done));
    }
    let before = expires(&desk.item("buckets", BUCKET)).unwrap();
    let slot = Slot { at: at(60), expected: None, following: at(120).as_millisecond() };
    let deposits = vec![withdrawal("region", Branch::Busy, 0).deposit()];
    for commit in [
        Commit { slot: Some((key("region"), slot)), ..writing(&run(), 4) },
        Commit { deposits, ..writing(&run(), 5) },
    ] {
        assert_eq!(desk.run(desk.ledger.commit(&commit)), Ok(CommitReply::Done));
        assert_eq!(expires(&desk.item("buckets", BUCKET)), Some(before));
    }
}

#[test]
fn several_changes_of_one_bucket_are_one_update() {
    let desk = Desk::new();
    let slot =
        |expected, seconds: i64| Slot { at: at(60), expected, following: at(seconds).as_millisecond() };
    // One token taken and one given back, with a place for a waiter.
    let commit = Commit {
        withdrawals: vec![withdrawal("region", Branch::Idle, 0)],
        deposits: vec![withdrawal("region", Branch::Idle, 0).deposit()],
        slot: Some((key("region"), slot(None, 120))),
        ..writing(&run(), 1)
    };
    assert_eq!(desk.run(desk.ledger.commit(&commit)), Ok(CommitReply::Done));
    let bucket = desk.run(desk.ledger.buckets()).unwrap()[0].bucket;
    assert_eq!(bucket.full_at, Some(at(0).as_millisecond()));
    assert_eq!(bucket.next_slot, Some(at(120).as_millisecond()));
    // Two that come back at once.
    let take = Commit { withdrawals: vec![withdrawal("region", Branch::Idle, 60)], ..writing(&run(), 2) };
    assert_eq!(desk.run(desk.ledger.commit(&take)), Ok(CommitReply::Done));
    let back = withdrawal("region", Branch::Busy, 60).deposit();
    let deposits = Commit { deposits: vec![back.clone(), back], ..writing(&run(), 3) };
    assert_eq!(desk.run(desk.ledger.commit(&deposits)), Ok(CommitReply::Done));
    assert_eq!(desk.run(desk.ledger.buckets()).unwrap()[0].bucket.full_at, Some(at(0).as_millisecond()));
    // One taken from a bucket that is refilling, and one given back.
    let take = Commit { withdrawals: vec![withdrawal("region", Branch::Idle, 60)], ..writing(&run(), 4) };
    assert_eq!(desk.run(desk.ledger.commit(&take)), Ok(CommitReply::Done));
    let before = desk.run(desk.ledger.buckets()).unwrap()[0].bucket.full_at;
    assert_eq!(before, Some(at(120).as_millisecond()));
    let both = Commit {
        withdrawals: vec![withdrawal("region", Branch::Busy, 60)],
        deposits: vec![withdrawal("region", Branch::Busy, 60).deposit()],
        ..writing(&run(), 5)
    };
    assert_eq!(desk.run(desk.ledger.commit(&both)), Ok(CommitReply::Done));
    assert_eq!(desk.run(desk.ledger.buckets()).unwrap()[0].bucket.full_at, before);
    // Either condition refuses all of it.
    let wrong = Commit {
        withdrawals: vec![withdrawal("region", Branch::Idle, 60)],
        slot: Some((key("region"), slot(None, 180))),
        ..writing(&run(), 6)
    };
    let reply = desk.run(desk.ledger.commit(&wrong)).unwrap();
    assert!(matches!(reply, CommitReply::BucketChanged(..)), "{reply:?}");
}

#[test]
fn open_stage_runs_are_in_the_index_and_others_are_not() {
    let desk = Desk::new();
    let mut record = busy_record(&[withdrawal("region", Branch::Idle, 0)]);
    assert_eq!(desk.run(desk.ledger.commit(&recording(record.clone()))), Ok(CommitReply::Done));
    let until = |desk: &Desk| {
        desk.item(RUN, "record")
            .get("open-until")
            .map(|until| until.as_s().unwrap().parse::<Timestamp>().unwrap())
    };
    assert_eq!(until(&desk), Some(at(30)), "what is over first");
    assert_eq!(desk.run(desk.ledger.open_runs()).unwrap(), [record.clone()]);
    record.wait = None;
    record.revision = 2;
    assert_eq!(desk.run(desk.ledger.commit(&recording(record.clone()))), Ok(CommitReply::Done));
    assert_eq!(until(&desk), Some(at(600)));
    record.settle(Progress::Issued, at(10));
    record.revision = 3;
    assert_eq!(desk.run(desk.ledger.commit(&recording(record.clone()))), Ok(CommitReply::Done));
    assert_eq!(until(&desk), record.look_at, "what became of the retry is looked for later");
    assert!(record.look_at.is_some());
    record.look_at = None;
    record.revision = 4;
    assert_eq!(desk.run(desk.ledger.commit(&recording(record))), Ok(CommitReply::Done));
    assert_eq!(until(&desk), None);
    assert!(!desk.item(RUN, "record").contains_key("open-shard"));
    assert!(desk.run(desk.ledger.open_runs()).unwrap().is_empty());
}
