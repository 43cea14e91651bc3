//! What the ledger shows that the product brought: which stages fail most and why, what retries mend, and which never do.
//!
//! It rests on what is on record: decision documents, and the records of stage runs with their retries. A history, where
//! there is one, adds what the ledger cannot know: how much ran without failing, and how long people take.

mod figures;
mod kept;

pub use figures::{
    Assumed, Budgets, ClassRow, Outcomes, Percentiles, ReportFigures, Saved, StageRow, WeekRow, report,
};
pub use kept::{Failure, KeptRetry, Sources, failures};
