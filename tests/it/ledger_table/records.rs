//! Arbitrary records and buckets come back from the table as they went in.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use codepipeline_retrier::domain::budget::BucketKey;
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::ids::{BudgetName, ExecutionId, StageRunId};
use codepipeline_retrier::domain::protocol::CommitReply;
use codepipeline_retrier::domain::stage_run::{StageRun, after};
use codepipeline_retrier::ports::Ledger;

use super::Desk;
use crate::arbitrary::{plain_reading, record, run};
use crate::contract::recording;

/// Moves every instant by a part of a second, and gives the wait any of the rulings.
fn roughened(mut record: StageRun, nanoseconds: i64, ruling: Ruling, odd: &str) -> StageRun {
    let moved = |at: &mut Timestamp| *at = after(*at, SignedDuration::from_nanos(nanoseconds));
    if let Some(wait) = &mut record.wait {
        wait.ruling = ruling;
        wait.until.iter_mut().for_each(moved);
        moved(&mut wait.wake_at);
        moved(&mut wait.hint.time);
    }
    if let Some(claim) = &mut record.claim {
        claim.owner.0.push_str(odd);
        moved(&mut claim.lease_until);
        moved(&mut claim.hint.time);
    }
    for retry in &mut record.retries {
        moved(&mut retry.settled_at);
    }
    for hint in &mut record.fruitless {
        moved(&mut hint.time);
    }
    record
}

fn bucket_key() -> BucketKey {
    BucketKey {
        budget: BudgetName::parse("region").unwrap(),
        account: Some(run().pipeline.account),
        region: Some(run().pipeline.region),
        pipeline: Some(run().pipeline),
        stage: Some(run().stage),
        shadow: true,
    }
}

#[test]
fn any_record_survives_the_table() {
    let desk = Desk::new();
    let records = plain_reading().prop_flat_map(|reading| record(&reading, 0.5, Some(bucket_key())));
    let rough = (records, 0_i64..1_000_000_000, proptest::sample::select(Ruling::ALL), ".{0,8}")
        .prop_map(|(record, nanoseconds, ruling, odd)| roughened(record, nanoseconds, ruling, &odd));
    let number = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 96, failure_persistence: None, ..Config::default() });
    runner
        .run(&rough, |record| {
            number.set(number.get() + 1);
            let id =
                StageRunId { execution: ExecutionId::parse(format!("e-{}", number.get())).unwrap(), ..run() };
            // The first write of a stage run has the first revision.
            let record = StageRun { id: id.clone(), revision: 1, ..record };
            prop_assert_eq!(desk.run(desk.ledger.commit(&recording(record.clone()))), Ok(CommitReply::Done));
            prop_assert_eq!(desk.run(desk.ledger.read(&id, &[], &[])).unwrap().record, Some(record));
            Ok(())
        })
        .unwrap();
}
