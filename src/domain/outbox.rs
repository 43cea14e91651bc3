//! What is written down to be told outside, in the same transaction as what it tells of: a message to a team, or a decision
//! to be announced to other programs.

use jiff::SignedDuration;

use super::decision::Decision;
use super::notice::Notice;

/// For how long whoever wrote something down is left to tell it; then it is anybody's. As long as a claim's lease, and for the
/// same reason: longer than a function can live, plus clock skew.
pub const OWN_TURN: SignedDuration = SignedDuration::from_mins(10);
/// After so long nothing is told any more: it would only confuse.
pub const TOO_LATE: SignedDuration = SignedDuration::from_hours(72);

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tidings {
    /// A message to a team.
    Notice(Box<Notice>),
    /// A decision, to other programs.
    Decision(Box<Decision>),
}
