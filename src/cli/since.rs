//! `--since`: how far back a command looks.

use jiff::SignedDuration;

use crate::policy_file;

/// For how long the ledger keeps decisions.
#[cfg(feature = "aws")]
pub(super) const DECISIONS: SignedDuration = SignedDuration::from_hours(90 * 24);
/// CodePipeline remembers no more (User Guide, quotas: 12 months of execution history).
#[cfg(feature = "reports")]
const EXECUTIONS: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A time to look back among decisions, in the notation of policies.
#[cfg(feature = "aws")]
pub(super) fn of_decisions(text: &str) -> Result<SignedDuration, String> {
    at_most(text, DECISIONS, "longer than 90d, which is how long decisions are kept")
}

/// A time to look back among executions, in the notation of policies.
#[cfg(feature = "reports")]
pub(super) fn of_executions(text: &str) -> Result<SignedDuration, String> {
    at_most(text, EXECUTIONS, "longer than a year, which is how long CodePipeline remembers")
}

fn at_most(text: &str, longest: SignedDuration, too_long: &str) -> Result<SignedDuration, String> {
    match policy_file::duration(text) {
        Some(length) if length > longest => Err(too_long.to_owned()),
        Some(length) if length.is_positive() => Ok(length),
        _ => Err("not a duration such as `12h`, `7d` or `30d`".to_owned()),
    }
}
