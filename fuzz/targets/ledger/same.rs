//! What was read from the table is what would be written.

use super::controls::ControlsDocument;
use super::keys;
use super::record::RecordDocument;

/// Takes a text for each thing that may stand in the table.
pub fn check(text: &str) {
    let record = |text: &str| serde_json::from_str::<RecordDocument>(text).ok()?.record();
    if let Some(known) = record(text) {
        let written = serde_json::to_string(&RecordDocument::of(&known)).unwrap();
        assert_eq!(record(&written).as_ref(), Some(&known));
        assert_eq!(keys::run_of(&keys::record(&known.id).partition), Some(known.id));
    }
    let controls = |text: &str| serde_json::from_str::<ControlsDocument>(text).ok()?.controls();
    if let Some(known) = controls(text) {
        let written = serde_json::to_string(&ControlsDocument::of(&known)).unwrap();
        assert_eq!(controls(&written), Some(known));
    }
    if let Some(run) = keys::run_of(text) {
        assert_eq!(keys::record(&run).partition, text);
    }
    if let Some(bucket) = keys::bucket_of(text) {
        assert_eq!(keys::bucket_of(&keys::bucket(&bucket).sort), Some(bucket));
    }
}
