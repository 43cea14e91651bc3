//! The one place of the command that reads the clock.

use jiff::Timestamp;

/// The present.
#[expect(
    clippy::disallowed_methods,
    reason = "an entry point; everything below takes the present as an argument"
)]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}
