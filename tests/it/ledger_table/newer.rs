//! What a newer release wrote: members that are not known stay as they are through reading and writing, and an item of a
//! layout that is not known is left alone.

use std::cell::Cell;
use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use codepipeline_retrier::aws::ledger::LEDGER_SCHEMA;
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::ids::{ExecutionId, StageName, StageRunId};
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, Fault};
use codepipeline_retrier::domain::stage_run::{Hint, StageRun};
use codepipeline_retrier::domain::sweep::Sweep;
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::domain::unread::Unread;
use codepipeline_retrier::ports::{Ledger, Rounds, SweepReply};

use super::Desk;
use super::damage::{Attributes, number, text, with};
use crate::arbitrary::{at, run};
use crate::contract::recording;

/// Members that a later release might add, under names that this one does not have.
fn later() -> impl Strategy<Value = Unread> {
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        any::<Vec<bool>>().prop_map(|flags| Value::from(flags).to_string()),
        Just(r#"{"b":1.0,"a":{"deep":[null,1e400]}}"#.to_owned()),
    ];
    proptest::collection::btree_map("later-[a-z\"\\\\ü]{0,6}", value, 1..4)
}

/// The item with these members in its body.
fn with_members(item: &Attributes, members: &Unread) -> Attributes {
    let body = item["body"].as_s().unwrap().strip_suffix('}').unwrap();
    let members = members.iter().map(|(name, value)| format!(",{}:{value}", Value::from(name.as_str())));
    with(item, "body", Some(text(&format!("{body}{}}}", members.collect::<String>()))))
}

/// What else stands in an item, member by member.
fn members(item: &Attributes) -> BTreeMap<String, Box<serde_json::value::RawValue>> {
    serde_json::from_str(item["body"].as_s().unwrap()).unwrap()
}

fn has_all(item: &Attributes, expected: &Unread) -> bool {
    let found = members(item);
    expected.iter().all(|(name, value)| found.get(name).is_some_and(|found| found.get() == value))
}

fn layout(layout: i64) -> AttributeValue {
    number(&layout.to_string())
}

fn runner() -> TestRunner {
    TestRunner::new(Config { cases: 32, failure_persistence: None, ..Config::default() })
}

#[test]
fn what_a_newer_release_adds_to_a_record_outlasts_this_one() {
    let desk = Desk::new();
    let count = Cell::new(0);
    let hint = Hint { key: EventKey::default(), time: at(0) };
    runner()
        .run(&later(), |later| {
            count.set(count.get() + 1);
            let execution = ExecutionId::parse(format!("e-{}", count.get())).unwrap();
            let id = StageRunId { execution, ..run() };
            let first = StageRun { revision: 1, ..StageRun::unwritten(&id) };
            prop_assert_eq!(desk.run(desk.ledger.commit(&recording(first))), Ok(CommitReply::Done));
            let key = format!("run#{}#{}#{}", id.pipeline, id.execution, id.stage);
            desk.overwrite(with_members(&desk.item(&key, "record"), &later));

            let mut record = desk.run(desk.ledger.read(&id, &[], &[])).unwrap().record.unwrap();
            prop_assert_eq!(&record.unread, &later);
            record.begin_wait(Ruling::WaitBackoff, Some(at(60)), at(60), hint.clone());
            record.revision += 1;
            prop_assert_eq!(desk.run(desk.ledger.commit(&recording(record.clone()))), Ok(CommitReply::Done));
            let item = desk.item(&key, "record");
            prop_assert!(has_all(&item, &later), "{item:?}");
            prop_assert_eq!(&item["schema"], &layout(LEDGER_SCHEMA));
            prop_assert_eq!(desk.run(desk.ledger.read(&id, &[], &[])).unwrap().record, Some(record));
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_a_newer_release_adds_to_controls_and_sweep_outlasts_this_one() {
    runner()
        .run(&later(), |later| {
            let desk = Desk::new();
            let controls = Controls::default().resume(None);
            prop_assert_eq!(desk.run(desk.ledger.write_controls(&controls)), Ok(ControlsReply::Done));
            desk.overwrite(with_members(&desk.item("controls", "controls"), &later));
            let found = desk.run(Rounds::controls(&desk.ledger)).unwrap();
            let resumed = found.resume(None);
            prop_assert_eq!(desk.run(desk.ledger.write_controls(&resumed)), Ok(ControlsReply::Done));
            prop_assert!(has_all(&desk.item("controls", "controls"), &later));

            let sweep = Sweep { version: 1, ..Sweep::default() };
            prop_assert_eq!(desk.run(desk.ledger.write_sweep(&sweep)), Ok(SweepReply::Done));
            desk.overwrite(with_members(&desk.item("sweep", "sweep"), &later));
            let found = desk.run(desk.ledger.sweep()).unwrap();
            let next = Sweep { version: 2, round: 1, ..found };
            prop_assert_eq!(desk.run(desk.ledger.write_sweep(&next)), Ok(SweepReply::Done));
            prop_assert!(has_all(&desk.item("sweep", "sweep"), &later));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_record_of_a_newer_layout_is_left_alone_and_named() {
    let desk = Desk::new();
    let hint = Hint { key: EventKey::default(), time: at(0) };
    let waiting = |stage: &str| {
        let stage = StageName::parse(stage).unwrap();
        let mut record = StageRun { revision: 1, ..StageRun::unwritten(&StageRunId { stage, ..run() }) };
        record.begin_wait(Ruling::WaitBackoff, Some(at(60)), at(60), hint.clone());
        record
    };
    let (known, newer) = (waiting("Deploy"), waiting("Test"));
    for record in [&known, &newer] {
        assert_eq!(desk.run(desk.ledger.commit(&recording(record.clone()))), Ok(CommitReply::Done));
    }
    let key = format!("run#{}#{}#{}", newer.id.pipeline, newer.id.execution, newer.id.stage);
    let before = with(&desk.item(&key, "record"), "schema", Some(layout(LEDGER_SCHEMA + 1)));
    desk.overwrite(before.clone());

    assert_eq!(desk.run(desk.ledger.read(&newer.id, &[], &[])), Err(Fault::NotDone));
    // Only who has read a record writes the next one; nobody can have read this one.
    let first: Commit = recording(newer.clone());
    assert_eq!(desk.run(desk.ledger.commit(&first)), Err(Fault::NotDone));
    assert_eq!(desk.item(&key, "record"), before);
    let open = desk.run(desk.ledger.open_runs_where(|_| true)).unwrap();
    assert_eq!((open.records, open.newer), (vec![known], vec![newer.id]));
}
