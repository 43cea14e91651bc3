//! What lies in the table of what is told outside: its shape, its place in the index, what is left of it once it was told; and
//! items that cannot be read.

use std::sync::{Arc, Mutex};

use codepipeline_retrier::domain::ids::{AccountId, PipelineArn, StageRunId};
use codepipeline_retrier::domain::notice::Occasion;
use codepipeline_retrier::domain::outlet::Outlet;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, Fault};
use codepipeline_retrier::domain::scope::Scope;
use codepipeline_retrier::ports::{Ledger, Outbox, Rounds};
use jiff::Timestamp;
use serde_json::json;

use super::Desk;
use super::damage::{Attributes, edited, number, text, with};
use super::items::{RUN, busy_record, expires};
use crate::arbitrary::{at, run};
use crate::contract::outbox::{announcing, entries, notice, pending};
use crate::contract::{recording, run_number};

const KEPT: i64 = 90 * 86_400;

/// A message and an announcement.
fn both() -> Commit {
    Commit { notices: vec![notice(&run(), Occasion::GiveUp, at(5))], ..announcing(&run(), 1, at(5)) }
}

impl Desk {
    fn done(&self, commit: &Commit) {
        assert_eq!(self.run(self.ledger.commit(commit)), Ok(CommitReply::Done));
    }
}

fn names(item: &Attributes) -> Vec<&str> {
    item.keys().map(String::as_str).collect()
}

/// What a decision has beyond what it always has.
fn added(decision: &Attributes) -> Vec<&str> {
    names(decision).into_iter().filter(|name| !SHOWN.contains(name)).collect()
}

const SHOWN: [&str; 11] = [
    "body",
    "decision-id",
    "execution",
    "expires",
    "pk",
    "reason",
    "schema",
    "shadow",
    "sk",
    "stage",
    "verdict",
];

#[test]
fn what_waits_to_be_told_is_in_the_index_until_it_was() {
    let desk = Desk::new();
    let commit = both();
    desk.done(&commit);
    let id = codepipeline_retrier::names::decision_id(commit.decision.as_ref().unwrap());
    let decision = || desk.item("decisions#shop", &format!("{:.9}#{id}", at(5)));
    let message = || desk.item(RUN, "notice#give-up");
    assert_eq!(names(&message()), ["body", "expires", "open-shard", "open-until", "pk", "schema", "sk"]);
    assert_eq!(added(&decision()), ["open-shard", "open-until"]);
    for item in [message(), decision()] {
        assert!(item["open-shard"].as_s().unwrap().starts_with("outbox-"), "{item:?}");
        assert_eq!(item["open-until"], text(&format!("{:.9}", at(605))));
        assert_eq!(expires(&item), Some(at(0).as_second() + KEPT));
    }
    let body: serde_json::Value = serde_json::from_str(message()["body"].as_s().unwrap()).unwrap();
    let members = [
        "at",
        "budgets",
        "builds",
        "classes",
        "detail",
        "execution",
        "failed-at",
        "max-retries",
        "occasion",
        "pipeline",
        "policy-version",
        "retries",
        "rule",
        "ruling",
        "stage",
        "until",
    ];
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), members);

    assert_eq!(desk.run(desk.ledger.told(&entries(&desk.ledger, &commit), at(7))), Ok(()));
    assert_eq!(names(&message()), ["body", "expires", "pk", "schema", "sk", "told-at"]);
    assert_eq!(added(&decision()), ["told-at"]);
    for item in [message(), decision()] {
        assert_eq!(item["told-at"], text(&format!("{:.9}", at(7))));
        assert_eq!(expires(&item), Some(at(0).as_second() + KEPT));
    }
    // Said again, it was told when it was told.
    assert_eq!(desk.run(desk.ledger.told(&entries(&desk.ledger, &commit), at(9))), Ok(()));
    assert_eq!(message()["told-at"], text(&format!("{:.9}", at(7))));
}

#[test]
fn whoever_lists_decisions_is_not_concerned() {
    let desk = Desk::new();
    let commit = both();
    desk.done(&commit);
    let listed = || desk.run(desk.ledger.decisions(&run().pipeline.name, Timestamp::UNIX_EPOCH, 10)).unwrap();
    let before = listed();
    assert_eq!(before.len(), 1);
    assert_eq!(desk.run(desk.ledger.told(&entries(&desk.ledger, &commit), at(7))), Ok(()));
    assert_eq!(listed(), before);
}

#[test]
fn stage_runs_and_what_is_told_of_them_do_not_meet_in_the_index() {
    let desk = Desk::new();
    desk.done(&Commit { record: busy_record(&[]), ..both() });
    assert_eq!(desk.run(pending(&desk.ledger)).len(), 2);
    assert_eq!(desk.run(desk.ledger.open_runs()).unwrap(), [busy_record(&[])]);
    let overdue = desk.run(desk.ledger.overdue(Timestamp::MAX, None)).unwrap();
    assert!(overdue.entries.iter().all(|found| *found == run()), "{overdue:?}");
    // What ends in the record leaves the index, and what is to be told of it stays.
    let mut record = busy_record(&[]);
    (record.wait, record.claim, record.revision) = (None, None, 2);
    desk.done(&recording(record));
    assert_eq!(desk.run(desk.ledger.open_runs()).unwrap(), []);
    assert_eq!(desk.run(pending(&desk.ledger)).len(), 2);
}

#[test]
fn decisions_of_other_accounts_are_found_under_their_names() {
    let desk = Desk::new();
    let ledger = desk.table.ledger(|| at(0)).at_home_in(Scope::of(&run().pipeline));
    let account = AccountId::parse("444455556666").unwrap();
    let elsewhere = StageRunId { pipeline: PipelineArn { account, ..run().pipeline }, ..run() };
    let commit = Commit {
        notices: vec![notice(&elsewhere, Occasion::GiveUp, at(5))],
        ..announcing(&elsewhere, 1, at(5))
    };
    assert_eq!(desk.run(ledger.commit(&commit)), Ok(CommitReply::Done));
    let mut found: Vec<_> = desk.run(pending(&ledger)).into_iter().map(|pending| pending.entry).collect();
    let mut expected = entries(&ledger, &commit);
    for entries in [&mut found, &mut expected] {
        entries.sort_by(|one, other| one.id.cmp(&other.id));
    }
    assert_eq!(found, expected);
    assert_eq!(desk.run(ledger.told(&found, at(6))), Ok(()));
    assert_eq!(desk.run(pending(&ledger)), []);
}

#[test]
fn what_was_sent_of_late_is_one_item_for_good() {
    let desk = Desk::new();
    let outlet = Outlet { version: 1, sent: vec![at(1)], gathering_until: None, rounds: 0 };
    assert_eq!(desk.run(desk.ledger.write_outlet(&outlet)), Ok(true));
    let item = desk.item("outlet", "outlet");
    assert_eq!(names(&item), ["body", "pk", "schema", "sk", "version"]);
    assert_eq!(item["version"], number("1"));
}

/// A ledger that keeps what it reports.
fn reporting(desk: &Desk) -> (codepipeline_retrier::aws::ledger::DynamoLedger, Arc<Mutex<Vec<String>>>) {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&reports);
    let ledger =
        desk.table.ledger(|| at(0)).reporting(move |trouble| kept.lock().unwrap().push(trouble.to_string()));
    (ledger, reports)
}

/// It must not keep back what others have to say, and cannot be told itself.
#[test]
fn a_damaged_message_is_passed_over_and_reported() {
    let desk = Desk::new();
    let (ledger, reports) = reporting(&desk);
    desk.done(&both());
    let other = run_number(2);
    let fine =
        Commit { notices: vec![notice(&other, Occasion::GiveUp, at(6))], ..announcing(&other, 1, at(6)) };
    desk.done(&fine);
    let message = desk.item(RUN, "notice#give-up");
    let id = codepipeline_retrier::names::decision_id(both().decision.as_ref().unwrap());
    let decision = desk.item("decisions#shop", &format!("{:.9}#{id}", at(5)));
    let member = |name: &str, value: serde_json::Value| {
        edited(&message, |body| {
            body.insert(name.to_owned(), value);
        })
    };
    let mut damages = vec![
        member("occasion", json!("party")),
        member("at", json!("soon")),
        member("pipeline", json!("shop")),
        member("stage", json!("Deploy")),
        member("ruling", json!("retry/because")),
        member("classes", json!({ "Unit": "bad-luck" })),
        member("budgets", json!([["region", -1, 20]])),
        member("retries", json!("one")),
        edited(&message, |body| {
            body.remove("occasion");
        }),
        with(&decision, "verdict", None),
        with(&decision, "shadow", Some(text("no"))),
    ];
    for good in [&message, &decision] {
        damages.extend([
            with(good, "schema", Some(number("2"))),
            with(good, "schema", None),
            with(good, "body", None),
            with(good, "body", Some(number("1"))),
            with(good, "open-until", Some(text("0"))),
        ]);
    }
    damages.push(with(&message, "body", Some(text("not JSON"))));
    for damaged in damages {
        let shown = format!("{damaged:?}");
        let good = if damaged["sk"] == message["sk"] { &message } else { &decision };
        desk.overwrite(damaged);
        reports.lock().unwrap().clear();
        let found = desk.run(pending(&ledger));
        assert_eq!(found.len(), 3, "{shown}");
        let reports = reports.lock().unwrap().clone();
        let [report] = reports.as_slice() else { panic!("{shown}: {reports:?}") };
        assert!(report.contains(good["pk"].as_s().unwrap()), "{report}");
        desk.overwrite(good.clone());
    }
    // A member that a later release adds is no damage: the message is sent without it.
    desk.overwrite(member("one-more", json!(1)));
    assert_eq!(desk.run(pending(&ledger)).len(), 4);
}

#[test]
fn a_damaged_outlet_is_a_fault() {
    let desk = Desk::new();
    let (ledger, reports) = reporting(&desk);
    let outlet = Outlet { version: 1, sent: vec![at(1)], gathering_until: Some(at(9)), rounds: 1 };
    assert_eq!(desk.run(ledger.write_outlet(&outlet)), Ok(true));
    let good = desk.item("outlet", "outlet");
    let member = |name: &str, value: serde_json::Value| {
        edited(&good, |body| {
            body.insert(name.to_owned(), value);
        })
    };
    for damaged in [
        with(&good, "schema", Some(number("2"))),
        with(&good, "schema", None),
        with(&good, "version", None),
        with(&good, "version", Some(number("-1"))),
        with(&good, "body", None),
        with(&good, "body", Some(text("{}"))),
        with(&good, "body", Some(text("not JSON"))),
        member("sent", json!(["soon"])),
        member("sent", json!(7)),
        member("gathering-until", json!("soon")),
        member("rounds", json!(-1)),
    ] {
        let shown = format!("{damaged:?}");
        desk.overwrite(damaged);
        reports.lock().unwrap().clear();
        assert_eq!(desk.run(ledger.outlet()), Err(Fault::NotDone), "{shown}");
        assert_eq!(desk.run(ledger.write_outlet(&outlet)), Err(Fault::NotDone), "{shown}");
        assert_eq!(reports.lock().unwrap().len(), 2, "{shown}");
    }
    desk.overwrite(good);
    assert_eq!(desk.run(ledger.outlet()), Ok(outlet));
}
