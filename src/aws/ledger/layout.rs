//! The layouts of items: what `schema` may be.

/// The first layout, and still that of whatever says nothing new.
pub(super) const LAYOUT: i64 = 1;

/// The newest layout that this release writes: of records and of the sweep's progress that say what the first one cannot.
pub const LEDGER_SCHEMA: i64 = 2;
