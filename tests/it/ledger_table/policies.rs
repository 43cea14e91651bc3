//! Policies in the table: what the function is told of one that is damaged, and that none is ever overwritten.

use codepipeline_retrier::aws::ledger::{PolicyEntry, PushReply, Trouble};
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::live::{LivePolicy, Pushed};
use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::domain::protocol::Fault;
use codepipeline_retrier::ports::{KeptPolicy, Ledger};

use super::Desk;
use super::damage::{number, text, with};
use super::faults::{Scene, cancelled};
use super::stub::Answer;
use crate::arbitrary::at;

fn entry(number: u64, text: &str) -> PolicyEntry {
    PolicyEntry {
        number,
        at: at(0),
        by: "jane".into(),
        reason: Some("incident 4711".into()),
        version: Some(PolicyVersion(format!("v{number}"))),
        restores: None,
        replaces: (number > 1).then(|| number - 1),
        text: Some(text.into()),
    }
}

fn pointing(controls: &Controls, entry: &PolicyEntry) -> Controls {
    let policy = Pushed { number: entry.number, version: entry.version.clone().unwrap(), restores: None };
    controls.point(Some(LivePolicy {
        policy,
        since: at(0),
        by: "jane".into(),
        beside: None,
        taken_over: None,
    }))
}

#[test]
fn a_push_is_all_or_nothing() {
    let desk = Desk::new();
    let first = entry(1, "one");
    let controls = pointing(&Controls::default(), &first);
    // Nothing comes before version 0.
    let none = Controls { version: 0, ..controls.clone() };
    assert_eq!(desk.run(desk.ledger.push_policy(&first, &none)), Ok(PushReply::Conflict));
    assert_eq!(desk.run(desk.ledger.push_policy(&first, &controls)), Ok(PushReply::Done));
    // The number is taken, the controls are the next ones.
    let other = entry(1, "other");
    let next = pointing(&controls, &other);
    assert_eq!(desk.run(desk.ledger.push_policy(&other, &next)), Ok(PushReply::Conflict));
    // The number is free, the controls are not the next ones.
    let second = entry(2, "two");
    for stale in [Controls::default(), controls.point(None).point(None)] {
        let stale = pointing(&stale, &second);
        assert_eq!(desk.run(desk.ledger.push_policy(&second, &stale)), Ok(PushReply::Conflict));
    }
    assert_eq!(desk.run(desk.ledger.controls()), Ok(controls));
    assert_eq!(desk.run(desk.ledger.policy_entry(1)), Ok(Some(first.clone())));
    assert_eq!(desk.run(desk.ledger.policy_entry(2)), Ok(None));
    let listed = desk.run(desk.ledger.policy_entries(9)).unwrap();
    assert_eq!(listed, [Ok(PolicyEntry { text: None, ..first })], "a list is without texts");
}

#[test]
fn as_many_pushes_are_listed_as_are_wanted() {
    let desk = Desk::new();
    let mut controls = Controls::default();
    for number in 1..=3 {
        let entry = entry(number, "one");
        controls = pointing(&controls, &entry);
        assert_eq!(desk.run(desk.ledger.push_policy(&entry, &controls)), Ok(PushReply::Done));
    }
    for (limit, expected) in
        [(0, vec![]), (1, vec![3]), (2, vec![3, 2]), (3, vec![3, 2, 1]), (9, vec![3, 2, 1])]
    {
        let listed = desk.run(desk.ledger.policy_entries(limit)).unwrap();
        let numbers: Vec<u64> = listed.into_iter().map(|entry| entry.unwrap().number).collect();
        assert_eq!(numbers, expected, "{limit}");
    }
}

fn push(scene: &Scene) -> Result<PushReply, Fault> {
    let first = entry(1, "one");
    scene.runtime.block_on(scene.ledger.push_policy(&first, &pointing(&Controls::default(), &first)))
}

#[test]
fn a_push_that_was_cancelled_is_told_apart_by_the_reasons() {
    let done = Answer::Json(200, serde_json::json!({}));
    for passing in [["None", "TransactionConflict"], ["ThrottlingError", "None"]] {
        let scene = Scene::new(&[cancelled(&passing), done.clone()]);
        assert_eq!((push(&scene), scene.heard().len()), (Ok(PushReply::Done), 2), "{passing:?}");
    }
    let scene = Scene::new(&[cancelled(&["None", "ConditionalCheckFailed"])]);
    assert_eq!((push(&scene), scene.heard().len()), (Ok(PushReply::Conflict), 1));
    let scene = Scene::new(&[cancelled(&["None", "ValidationError"])]);
    assert_eq!((push(&scene), scene.heard().len()), (Err(Fault::NotDone), 1));
    let refused = Trouble::Refused("TransactWriteItems", "ValidationError".into());
    assert_eq!(scene.last_trouble(), Some(refused));
    let scene = Scene::new(&[cancelled(&["TransactionConflict", "None"])]);
    assert_eq!((push(&scene), scene.last_trouble()), (Err(Fault::NotDone), Some(Trouble::Contended)));
}

/// Who has as many as wanted asks for no more.
#[test]
fn a_full_list_of_pushes_is_not_read_on() {
    let of = |value: &str| serde_json::json!({ "S": value });
    let item = serde_json::json!({
        "pk": of("policies"), "sk": of("00000001"), "schema": { "N": "1" }, "at": of("2027-01-15T08:00:00Z"),
        "by": of("jane"),
    });
    let page =
        serde_json::json!({ "Items": [item], "LastEvaluatedKey": { "pk": item["pk"], "sk": item["sk"] } });
    let refused = serde_json::json!({ "__type": "ValidationException", "message": "no" });
    let scene = Scene::new(&[Answer::Json(200, page), Answer::Json(400, refused)]);
    assert_eq!(scene.runtime.block_on(scene.ledger.policy_entries(1)).unwrap().len(), 1);
    assert_eq!(scene.heard().len(), 1);
}

#[test]
fn a_policy_of_the_largest_size_is_kept() {
    let desk = Desk::new();
    let first = entry(1, &"ü".repeat(32 * 1_024));
    let controls = pointing(&Controls::default(), &first);
    assert_eq!(desk.run(desk.ledger.push_policy(&first, &controls)), Ok(PushReply::Done));
    assert_eq!(desk.run(desk.ledger.policy_entry(1)), Ok(Some(first)));
}

/// A fault would come again with every message; the function has to know that asking again does not help.
#[test]
fn a_damaged_policy_is_told_and_no_fault() {
    let desk = Desk::new();
    let first = entry(1, "one");
    let controls = pointing(&Controls::default(), &first);
    assert_eq!(desk.run(desk.ledger.push_policy(&first, &controls)), Ok(PushReply::Done));
    let good = desk.items().remove("00000001").unwrap();
    for damaged in [
        with(&good, "schema", Some(number("2"))),
        with(&good, "schema", None),
        with(&good, "text", Some(number("7"))),
        with(&good, "text", None),
        with(&good, "policy-version", None),
        with(&good, "at", Some(text("yesterday"))),
        with(&good, "by", None),
        with(&good, "replaces", Some(number("-1"))),
    ] {
        let shown = format!("{damaged:?}");
        desk.overwrite(damaged);
        let kept = desk.run(desk.ledger.policy(1));
        let Ok(KeptPolicy::Unreadable(problem)) = kept else { panic!("{kept:?}: {shown}") };
        assert!(problem.contains("policies / 00000001") && !problem.contains("yesterday"), "{problem}");
    }
    let kept = desk.run(desk.ledger.policy(2));
    assert!(matches!(kept, Ok(KeptPolicy::Unreadable(_))), "{kept:?}");
}
