//! What was read from the table is what would be written.

use super::controls::ControlsDocument;
use super::layout::{LAYOUT, LEDGER_SCHEMA};
use super::record::RecordDocument;
use super::{controls, keys, record, whole};

/// Takes a text for each thing that may stand in the table.
pub fn check(text: &str) {
    let read_record = |text: &str| {
        let (document, unread) = whole::read::<RecordDocument>(text).ok()?;
        document.record(unread)
    };
    if let Some(known) = read_record(text) {
        let written = record::body(&known);
        assert!((LAYOUT..=LEDGER_SCHEMA).contains(&record::layout(&known)));
        assert_eq!(read_record(&written).as_ref(), Some(&known));
        assert_eq!(keys::run_of(&keys::record(&known.id).partition), Some(known.id));
    }
    let read_controls = |text: &str| {
        let (document, unread) = whole::read::<ControlsDocument>(text).ok()?;
        document.controls(unread)
    };
    if let Some(known) = read_controls(text) {
        let written = controls::body(&known);
        assert_eq!(read_controls(&written), Some(known));
    }
    if let Some(run) = keys::run_of(text) {
        assert_eq!(keys::record(&run).partition, text);
    }
    if let Some(bucket) = keys::bucket_of(text) {
        assert_eq!(keys::bucket_of(&keys::bucket(&bucket).sort), Some(bucket));
    }
}
