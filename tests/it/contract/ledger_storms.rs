//! The contract of the ledger as far as storms go: windows of failures.

use codepipeline_retrier::domain::ids::PipelineName;
use codepipeline_retrier::domain::storm::{Note, Window, WindowKey};
use codepipeline_retrier::ports::Ledger;
use jiff::Timestamp;

use super::ledger::Inspected;
use crate::arbitrary::{at, run};

/// The window that begins at that second.
pub fn window_key(seconds: i64) -> WindowKey {
    WindowKey { within_ms: 300_000, start_ms: at(seconds).as_millisecond() }
}

/// A pipeline that failed at that second; three of them are a storm.
pub fn failure_note(pipeline: &str, seconds: i64) -> Note {
    let pipeline = PipelineName::parse(pipeline).unwrap();
    Note { key: window_key(0), pipeline, at: at(seconds), failures: 3 }
}

fn window(failures: &[(&str, i64)]) -> Window {
    let of = |(name, seconds): &(&str, i64)| (PipelineName::parse(*name).unwrap(), at(*seconds));
    Window { failures: failures.iter().map(of).collect() }
}

async fn stored<L: Ledger>(ledger: &L, key: WindowKey) -> Option<Window> {
    ledger.read(&run(), &[], &[key]).await.unwrap().windows.remove(&key)
}

pub async fn a_failure_is_noted_and_read_back<L: Inspected>(ledger: &L) {
    assert_eq!(stored(ledger, window_key(0)).await, None, "windows never written are left out");
    assert_eq!(ledger.note_failure(&failure_note("shop", 1)).await, Ok(window(&[("shop", 1)])));
    let both = window(&[("shop", 1), ("web@2.x_y-z", 2)]);
    assert_eq!(ledger.note_failure(&failure_note("web@2.x_y-z", 2)).await.as_ref(), Ok(&both));
    assert_eq!(stored(ledger, window_key(0)).await, Some(both));
    let nanosecond = Timestamp::from_nanosecond(at(3).as_nanosecond() + 1).unwrap();
    let exact = ledger.note_failure(&Note { at: nanosecond, ..failure_note("exact", 3) }).await.unwrap();
    assert_eq!(exact.failures[&PipelineName::parse("exact").unwrap()], nanosecond);
}

pub async fn a_pipeline_is_in_a_window_once<L: Inspected>(ledger: &L) {
    for seconds in [1, 1, 2, 0] {
        assert_eq!(ledger.note_failure(&failure_note("shop", seconds)).await, Ok(window(&[("shop", 1)])));
    }
}

pub async fn a_window_that_has_enough_is_not_added_to<L: Inspected>(ledger: &L) {
    for name in ["a", "b", "c", "d"] {
        ledger.note_failure(&failure_note(name, 1)).await.unwrap();
    }
    let full = window(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)]);
    assert_eq!(ledger.note_failure(&failure_note("e", 1)).await.as_ref(), Ok(&full));
    assert_eq!(ledger.note_failure(&failure_note("f", 1)).await.as_ref(), Ok(&full));
    assert_eq!(stored(ledger, window_key(0)).await, Some(full));
    // Where more would be a storm, there is room.
    let wider = Note { failures: 4, ..failure_note("f", 1) };
    assert_eq!(ledger.note_failure(&wider).await.unwrap().failures.len(), 6);
}

pub async fn windows_are_kept_apart<L: Inspected>(ledger: &L) {
    let keys = [window_key(0), window_key(300), WindowKey { within_ms: 600_000, ..window_key(0) }];
    for (number, key) in (1..).zip(keys) {
        ledger.note_failure(&Note { key, ..failure_note("shop", number) }).await.unwrap();
    }
    let found = ledger.read(&run(), &[], &keys).await.unwrap().windows;
    let expected = (1..).zip(keys).map(|(number, key)| (key, window(&[("shop", number)])));
    assert_eq!(found, expected.collect());
    assert_eq!(ledger.read(&run(), &[], &[keys[1]]).await.unwrap().windows.len(), 1);
}
