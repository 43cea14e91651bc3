//! Items that cannot be read are a fault: never a record, never no record, never a panic.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use codepipeline_retrier::domain::budget::Branch;
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::ids::StageName;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply, Fault};
use codepipeline_retrier::ports::Ledger;

use super::Desk;
use crate::arbitrary::{at, run};
use crate::contract::{failure_note, key, recording, window_key, withdrawal, writing};

pub type Attributes = BTreeMap<String, AttributeValue>;

impl Desk {
    /// Every item, by its sort key where that is enough to know it.
    pub fn items(&self) -> BTreeMap<String, Attributes> {
        let scan =
            self.run(self.table.clients.dynamodb().scan().table_name(&self.table.name).send()).unwrap();
        let items = scan.items().iter().map(|item| {
            let attributes: Attributes =
                item.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            (attributes["sk"].as_s().unwrap().clone(), attributes)
        });
        items.collect()
    }

    pub fn overwrite(&self, item: Attributes) {
        let put = self.table.clients.dynamodb().put_item().table_name(&self.table.name);
        self.run(put.set_item(Some(item.into_iter().collect())).send()).unwrap();
    }
}

pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub fn number(value: &str) -> AttributeValue {
    AttributeValue::N(value.to_owned())
}

/// The item with one attribute changed, or without it.
pub fn with(item: &Attributes, name: &str, value: Option<AttributeValue>) -> Attributes {
    let mut item = item.clone();
    match value {
        Some(value) => item.insert(name.to_owned(), value),
        None => item.remove(name),
    };
    item
}

/// The item with its body changed.
pub fn edited(
    item: &Attributes,
    edit: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>),
) -> Attributes {
    let mut body: serde_json::Value = serde_json::from_str(item["body"].as_s().unwrap()).unwrap();
    edit(body.as_object_mut().unwrap());
    with(item, "body", Some(text(&body.to_string())))
}

/// What goes wrong with every item that has a layout and a body. `newer` is a layout that this release does not read.
fn damages(item: &Attributes, newer: &str) -> Vec<Attributes> {
    let mut damages = vec![
        with(item, "schema", Some(number(newer))),
        with(item, "schema", Some(number("0"))),
        with(item, "schema", Some(number("1.5"))),
        with(item, "schema", Some(text("1"))),
        with(item, "schema", None),
        with(item, "body", None),
        with(item, "body", Some(text(""))),
        with(item, "body", Some(text("{}"))),
        with(item, "body", Some(text("not JSON"))),
        with(item, "body", Some(number("1"))),
    ];
    let body: serde_json::Value = serde_json::from_str(item["body"].as_s().unwrap()).unwrap();
    for name in body.as_object().unwrap().keys() {
        damages.push(edited(item, |body| {
            body.remove(name);
        }));
        damages.push(edited(item, |body| {
            body.insert(name.clone(), serde_json::json!({ "neither": "this" }));
        }));
    }
    damages
}

#[test]
fn an_item_of_another_layout_says_whose_it_is() {
    let desk = Desk::new();
    let controls = Controls::default().resume(None);
    assert_eq!(desk.run(desk.ledger.write_controls(&controls)), Ok(ControlsReply::Done));
    let good = desk.items().remove("controls").unwrap();
    for (layout, expected) in
        [("2", "which a newer release wrote"), ("0", "no layout that any release wrote")]
    {
        desk.overwrite(with(&good, "schema", Some(number(layout))));
        let trouble = desk.run(desk.ledger.controls()).unwrap_err().to_string();
        assert!(trouble.contains(expected), "{trouble}");
    }
}

#[test]
fn a_damaged_record_is_a_fault() {
    let desk = Desk::new();
    let first = writing(&run(), 1);
    let busy = Commit { withdrawals: vec![withdrawal("region", Branch::Idle, 0)], ..first.clone() };
    assert_eq!(desk.run(desk.ledger.commit(&first)), Ok(CommitReply::Done));
    let good = desk.items().remove("record").unwrap();
    let other = StageRunId { stage: StageName::parse("Deploy").unwrap(), ..run() };
    let mut all = damages(&good, "3");
    // What the first release did not have may be missing, and is to be read if it is there.
    all.extend(["look-at", "told", "rollback"].map(|name| {
        edited(&good, |body| {
            body.insert(name.into(), serde_json::json!({ "neither": "this" }));
        })
    }));
    all.extend([
        with(&good, "revision", None),
        with(&good, "revision", Some(number("-1"))),
        with(&good, "revision", Some(number("2"))),
        edited(&good, |body| {
            body.insert("stage".into(), other.stage.as_str().into());
        }),
        edited(&good, |body| {
            body.insert("pipeline".into(), "shop".into());
        }),
    ]);
    for damaged in all {
        let shown = format!("{damaged:?}");
        desk.overwrite(damaged);
        assert_eq!(desk.run(desk.ledger.read(&run(), &[], &[])), Err(Fault::NotDone), "{shown}");
        // A first write is refused by the item, which cannot be told.
        assert_eq!(desk.run(desk.ledger.commit(&first)), Err(Fault::NotDone), "{shown}");
        assert_eq!(desk.run(desk.ledger.commit(&busy)), Err(Fault::NotDone), "{shown}");
        // Others are not concerned.
        assert_eq!(desk.run(desk.ledger.read(&other, &[], &[])).unwrap().record, None, "{shown}");
    }
    desk.overwrite(good);
    assert_eq!(desk.run(desk.ledger.read(&run(), &[], &[])).unwrap().record, Some(first.record));
}

#[test]
fn a_damaged_wait_or_claim_is_a_fault() {
    let desk = Desk::new();
    let withdrawals = [withdrawal("region", Branch::Idle, 0)];
    let record = crate::ledger_table::items::busy_record(&withdrawals);
    assert_eq!(desk.run(desk.ledger.commit(&recording(record))), Ok(CommitReply::Done));
    let good = desk.items().remove("record").unwrap();
    for (part, name) in [
        ("wait", "ruling"),
        ("wait", "wake-at"),
        ("wait", "until"),
        ("claim", "mode"),
        ("claim", "lease-until"),
        ("claim", "failed"),
        ("claim", "deposits"),
        ("claim", "hint"),
        ("claim", "basis"),
    ] {
        // What a retry was decided on came later.
        let missing = (name != "basis").then_some(None);
        for value in missing.into_iter().chain([Some(serde_json::json!("soon")), Some(serde_json::json!(7))])
        {
            let damaged = edited(&good, |body| {
                let part = body.get_mut(part).unwrap().as_object_mut().unwrap();
                match &value {
                    Some(value) => part.insert(name.to_owned(), value.clone()),
                    None => part.remove(name),
                };
            });
            desk.overwrite(damaged);
            let read = desk.run(desk.ledger.read(&run(), &[], &[]));
            assert_eq!(read, Err(Fault::NotDone), "{part} {name} {value:?}");
            let listed = desk.run(desk.ledger.open_runs()).unwrap_err().to_string();
            assert!(listed.contains("run#arn:aws:codepipeline"), "{listed}");
        }
    }
}

#[test]
fn damaged_controls_are_a_fault() {
    let desk = Desk::new();
    let first = Controls::default().resume(None);
    assert_eq!(desk.run(desk.ledger.write_controls(&first)), Ok(ControlsReply::Done));
    let good = desk.items().remove("controls").unwrap();
    let mut all = damages(&good, "2");
    all.push(with(&good, "version", Some(number("2"))));
    all.push(with(&good, "version", None));
    for damaged in all {
        let shown = format!("{damaged:?}");
        desk.overwrite(damaged);
        assert_eq!(desk.run(desk.ledger.read(&run(), &[], &[])), Err(Fault::NotDone), "{shown}");
        assert_eq!(desk.run(desk.ledger.write_controls(&first)), Err(Fault::NotDone), "{shown}");
        assert!(desk.run(desk.ledger.controls()).is_err(), "{shown}");
    }
}

#[test]
fn a_damaged_bucket_is_a_fault() {
    let desk = Desk::new();
    let commit = Commit { withdrawals: vec![withdrawal("region", Branch::Idle, 0)], ..writing(&run(), 1) };
    assert_eq!(desk.run(desk.ledger.commit(&commit)), Ok(CommitReply::Done));
    let mut items = desk.items();
    let good = items.pop_last().unwrap().1;
    assert_eq!(good["pk"], text("buckets"));
    let next = Commit { withdrawals: vec![withdrawal("region", Branch::Idle, 0)], ..writing(&run(), 2) };
    for damaged in [
        with(&good, "full-at", Some(text("soon"))),
        with(&good, "full-at", Some(number("1795000060000.5"))),
        with(&good, "full-at", Some(number("1e30"))),
        with(&good, "schema", Some(number("2"))),
        with(&good, "schema", None),
    ] {
        let shown = format!("{damaged:?}");
        desk.overwrite(damaged);
        assert_eq!(desk.run(desk.ledger.read(&run(), &[key("region")], &[])), Err(Fault::NotDone), "{shown}");
        assert_eq!(desk.run(desk.ledger.commit(&next)), Err(Fault::NotDone), "{shown}");
        assert!(desk.run(desk.ledger.buckets()).is_err(), "{shown}");
        // Who does not ask for it is not concerned.
        assert_eq!(desk.run(desk.ledger.read(&run(), &[], &[])).unwrap().record, Some(commit.record.clone()));
    }
    desk.overwrite(good);
    let reply = desk.run(desk.ledger.commit(&next)).unwrap();
    assert!(
        matches!(reply, CommitReply::BucketChanged(_, bucket) if bucket.full_at == Some(at(60).as_millisecond()))
    );
}

#[test]
fn a_damaged_window_is_a_fault() {
    let desk = Desk::new();
    for name in ["a", "b"] {
        desk.run(desk.ledger.note_failure(&failure_note(name, 1))).unwrap();
    }
    let good = desk.items().pop_last().unwrap().1;
    assert_eq!(good["pk"], text("storm"));
    let windows = [window_key(0)];
    for damaged in [
        with(&good, "pipeline:a", None),
        with(&good, "pipeline:a", Some(text("soon"))),
        with(&good, "pipeline:a", Some(number("7"))),
        with(&good, "pipeline:no name", Some(text("2026-11-22T10:00:00Z"))),
        with(&good, "noted", Some(number("3"))),
        with(&good, "noted", Some(text("2"))),
        with(&good, "noted", None),
        with(&good, "schema", Some(number("2"))),
        with(&good, "schema", None),
    ] {
        let shown = format!("{damaged:?}");
        desk.overwrite(damaged);
        assert_eq!(desk.run(desk.ledger.read(&run(), &[], &windows)), Err(Fault::NotDone), "{shown}");
        assert_eq!(desk.run(desk.ledger.note_failure(&failure_note("a", 1))), Err(Fault::NotDone), "{shown}");
        assert!(desk.run(desk.ledger.windows(1)).is_err(), "{shown}");
        // Who does not ask for it is not concerned.
        assert!(desk.run(desk.ledger.read(&run(), &[], &[])).is_ok());
    }
    desk.overwrite(with(&good, "failures", None));
    assert!(desk.run(desk.ledger.windows(1)).is_err());
    desk.overwrite(good);
    assert_eq!(desk.run(desk.ledger.note_failure(&failure_note("c", 2))).unwrap().failures.len(), 3);
}
