//! What the function counts: the list of its metrics, and from what an invocation did to lines in CloudWatch's embedded
//! metric format. Nothing else makes a metric.
//!
//! Pure: what came of an invocation in, lines out. Every dimension has few values that are known beforehand; no pipeline,
//! stage or execution is ever one, since CloudWatch takes money for every combination and keeps it for 15 months.

mod counting;
mod documents;
mod list;

pub use counting::{counted, invalid_policy};
pub use documents::{Samples, documents};
pub use list::{Cause, Dimension, METRICS, Metric, NAMESPACE, Unit, Values, gap_name};
