//! What operators read.

use jiff::{SignedDuration, Timestamp};

use codepipeline_retrier::aws::ledger::{DynamoLedger, Trouble};
use codepipeline_retrier::domain::budget::{Branch, Slot};
use codepipeline_retrier::domain::controls::{Controls, Pause};
use codepipeline_retrier::domain::decision::{Decision, Ruling};
use codepipeline_retrier::domain::ids::PipelineName;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply};
use codepipeline_retrier::domain::stage_run::{Hint, StageRun, after};
use codepipeline_retrier::domain::storm::Note;
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::ports::{Ledger, Quarantined};

use super::Desk;
use crate::arbitrary::{at, run};
use crate::contract::{failure_note, key, recording, run_number, window_key, withdrawal, writing};

#[test]
fn decisions_come_newest_first_as_many_as_are_wanted() {
    let desk = Desk::new();
    // Within one second too, and on either side of a second.
    let instants = [0, 999_999_999, 1_000_000_000, 1_000_000_001, 60_000_000_000]
        .map(|nanoseconds| after(at(0), SignedDuration::from_nanos(nanoseconds)));
    for (revision, instant) in (1..).zip(instants) {
        let decision = Some(Decision::bare(Ruling::WaitBackoff, &run(), instant));
        let commit = Commit { decision, ..writing(&run(), revision) };
        assert_eq!(desk.run(desk.ledger.commit(&commit)), Ok(CommitReply::Done));
    }
    let times = |since, limit| -> Vec<Timestamp> {
        let decisions = desk.run(desk.ledger.decisions(&run().pipeline.name, since, limit)).unwrap();
        decisions.into_iter().map(|decision| decision.decided_at).collect()
    };
    let newest_first: Vec<_> = instants.into_iter().rev().collect();
    assert_eq!(times(Timestamp::UNIX_EPOCH, 100), newest_first);
    assert_eq!(times(Timestamp::UNIX_EPOCH, 2), newest_first[..2]);
    assert_eq!(times(instants[2], 100), newest_first[..3]);
    assert!(times(Timestamp::UNIX_EPOCH, 0).is_empty());
    let other = PipelineName::parse("sho").unwrap();
    assert!(desk.run(desk.ledger.decisions(&other, Timestamp::UNIX_EPOCH, 100)).unwrap().is_empty());

    let newest = desk.run(desk.ledger.decisions(&run().pipeline.name, at(60), 1)).unwrap().remove(0);
    assert_eq!((newest.verdict.as_str(), newest.reason.as_str()), ("wait", "backoff"));
    assert_eq!((newest.stage.as_str(), newest.execution.as_str(), newest.shadow), ("Test", "e-1", false));
    let document: serde_json::Value = serde_json::from_str(&newest.document).unwrap();
    assert_eq!(document["decision-id"], newest.id.as_str());

    // What is over is not shown, whether it has been deleted or not.
    let late = desk.table.ledger(|| at(91 * 86_400));
    assert!(desk.run(late.decisions(&run().pipeline.name, Timestamp::UNIX_EPOCH, 100)).unwrap().is_empty());
}

#[test]
fn a_report_gets_every_decision_of_its_time_and_every_record_and_nothing_else() {
    let desk = Desk::new();
    for number in 0..3_u8 {
        for (revision, seconds) in [(1, 10), (2, 70)] {
            let run = run_number(number.into());
            let decision = Some(Decision::bare(Ruling::WaitBackoff, &run, at(seconds)));
            let commit = Commit { decision, ..writing(&run, revision) };
            assert_eq!(desk.run(desk.ledger.commit(&commit)), Ok(CommitReply::Done));
        }
    }
    let note = Quarantined { fingerprint: "f".into(), length: 1, problem: "none".into(), at: at(0) };
    desk.run(desk.ledger.quarantine(&note)).unwrap();
    let controls = Controls { version: 1, ..Controls::default() };
    assert_eq!(desk.run(desk.ledger.write_controls(&controls)), Ok(ControlsReply::Done));
    let seen = std::cell::Cell::new(0);
    let kept = desk.run(desk.ledger.kept(at(60), |items| seen.set(items))).unwrap();
    assert_eq!((kept.decisions.len(), kept.records.len(), kept.unread), (3, 3, 0));
    assert!(kept.decisions.iter().all(|decision| decision.decided_at == at(70)));
    assert!(seen.get() >= 11, "{}", seen.get());
    let all = desk.run(desk.ledger.kept(Timestamp::UNIX_EPOCH, |_| ())).unwrap();
    assert_eq!(all.decisions.len(), 6);
    // What is over is not in it, whether it has been deleted or not.
    let late = desk.table.ledger(|| at(91 * 86_400));
    assert_eq!(desk.run(late.kept(Timestamp::UNIX_EPOCH, |_| ())).unwrap().decisions.len(), 0);
}

#[test]
fn a_decision_in_shadow_says_so() {
    let desk = Desk::new();
    for (revision, shadow) in [(1, true), (2, false)] {
        let decision = Decision { shadow, ..Decision::bare(Ruling::WaitBackoff, &run(), at(revision)) };
        let revision = u64::try_from(revision).unwrap();
        let commit = Commit { decision: Some(decision), ..writing(&run(), revision) };
        assert_eq!(desk.run(desk.ledger.commit(&commit)), Ok(CommitReply::Done));
    }
    let kept = desk.run(desk.ledger.decisions(&run().pipeline.name, at(0), 9)).unwrap();
    assert_eq!(kept.iter().map(|decision| decision.shadow).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn open_stage_runs_come_in_the_order_in_which_they_are_due() {
    let desk = Desk::new();
    for (number, seconds) in [(1, 300), (2, 100), (3, 200)] {
        let mut record = StageRun { revision: 1, ..StageRun::unwritten(&run_number(number)) };
        let hint = Hint { key: EventKey::default(), time: at(0) };
        record.begin_wait(Ruling::WaitBackoff, Some(at(seconds)), at(seconds), hint);
        assert_eq!(desk.run(desk.ledger.commit(&recording(record))), Ok(CommitReply::Done));
    }
    assert_eq!(desk.run(desk.ledger.commit(&writing(&run_number(4), 1))), Ok(CommitReply::Done));
    let open = desk.run(desk.ledger.open_runs()).unwrap();
    let executions: Vec<_> = open.iter().map(|record| record.id.execution.as_str()).collect();
    assert_eq!(executions, ["e-2", "e-3", "e-1"]);
}

#[test]
fn more_open_stage_runs_than_one_request_may_ask_for_are_all_listed() {
    let desk = Desk::new();
    for number in 0..130 {
        let mut record = StageRun { revision: 1, ..StageRun::unwritten(&run_number(number)) };
        let hint = Hint { key: EventKey::default(), time: at(0) };
        record.begin_wait(Ruling::WaitPaused, None, at(i64::from(number)), hint);
        assert_eq!(desk.run(desk.ledger.commit(&recording(record))), Ok(CommitReply::Done));
    }
    assert_eq!(desk.run(desk.ledger.open_runs()).unwrap().len(), 130);
}

#[test]
fn buckets_show_what_is_left_without_the_policy() {
    let desk = Desk::new();
    let slot = Slot { at: at(60), expected: None, following: at(120).as_millisecond() };
    let commit = Commit {
        withdrawals: vec![withdrawal("region", Branch::Idle, 0)],
        slot: Some((key("waiting"), slot)),
        ..writing(&run(), 1)
    };
    assert_eq!(desk.run(desk.ledger.commit(&commit)), Ok(CommitReply::Done));
    let buckets = desk.run(desk.ledger.buckets()).unwrap();
    let [region, waiting] = buckets.as_slice() else { panic!("{buckets:?}") };
    assert_eq!((&region.key, region.capacity, region.interval_ms), (&key("region"), Some(3), Some(60_000)));
    assert_eq!((region.balance(at(0)), region.full_at(at(0))), (Some(2), Some(at(60))));
    assert_eq!((region.balance(at(60)), region.full_at(at(60))), (Some(3), None));
    // Nobody has taken from it yet, so nobody has said how much it holds.
    assert_eq!((&waiting.key, waiting.capacity, waiting.balance(at(0))), (&key("waiting"), None, None));
}

#[test]
fn controls_are_read_alone() {
    let desk = Desk::new();
    assert_eq!(desk.run(desk.ledger.controls()).unwrap(), Controls::default());
    let paused = Controls::default().pause(Pause { pipeline: None, until: None, reason: "incident".into() });
    assert_eq!(desk.run(desk.ledger.write_controls(&paused)), Ok(ControlsReply::Done));
    assert_eq!(desk.run(desk.ledger.controls()).unwrap(), paused);
}

#[test]
fn the_newest_windows_come_first() {
    let desk = Desk::new();
    for seconds in [300, 0, 600] {
        let note = Note { key: window_key(seconds), ..failure_note("shop", seconds) };
        assert!(desk.run(desk.ledger.note_failure(&note)).is_ok());
    }
    let windows = desk.run(desk.ledger.windows(2)).unwrap();
    let found: Vec<_> =
        windows.iter().map(|kept| (kept.key, kept.failures, kept.window.failures.len())).collect();
    assert_eq!(found, [(window_key(600), 3, 1), (window_key(300), 3, 1)]);
}

#[test]
fn the_newest_notes_come_first_and_all_are_counted() {
    let desk = Desk::new();
    let note = |fingerprint: &str, seconds| Quarantined {
        fingerprint: fingerprint.into(),
        length: 12,
        problem: "not JSON".into(),
        at: at(seconds),
    };
    for message in [note("bb", 1), note("aa", 3), note("cc", 2)] {
        assert_eq!(desk.run(desk.ledger.quarantine(&message)), Ok(()));
    }
    let quarantine = desk.run(desk.ledger.quarantined(2)).unwrap();
    assert_eq!((quarantine.total, quarantine.newest), (3, vec![note("aa", 3), note("cc", 2)]));
    // A note whose time is over makes room for a new one of the same message, deleted or not.
    let late = desk.table.ledger(|| at(91 * 86_400));
    assert_eq!(desk.run(late.quarantined(2)).unwrap().total, 0);
    assert_eq!(desk.run(late.quarantine(&note("aa", 91 * 86_400))), Ok(()));
    assert_eq!(desk.run(late.quarantined(2)).unwrap().newest, [note("aa", 91 * 86_400)]);
}

#[test]
fn a_table_that_is_not_there_is_named_as_the_trouble() {
    let desk = Desk::new();
    let ledger = DynamoLedger::new(desk.table.clients.clone(), "no-such-table", || at(0));
    assert_eq!(desk.run(ledger.controls()), Err(Trouble::NoTable));
    assert_eq!(desk.run(ledger.open_runs()), Err(Trouble::NoTable));
    assert_eq!(desk.run(ledger.buckets()), Err(Trouble::NoTable));
}
