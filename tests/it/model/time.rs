//! The model's clock: whole seconds since its beginning. It moves when something ends and to the instants that are waited
//! for, and never otherwise.

use jiff::Timestamp;

pub type Second = u32;

const BEGINNING: i64 = 1_795_000_000;

pub fn instant(second: Second) -> Timestamp {
    Timestamp::from_second(BEGINNING + i64::from(second)).unwrap()
}

/// The first whole second that is not before this instant.
pub fn second(instant: Timestamp) -> Second {
    let milliseconds = instant.as_millisecond() - BEGINNING * 1_000;
    Second::try_from((milliseconds + 999).div_euclid(1_000)).unwrap()
}

/// How long a worker may live as the ledger's clock sees it: the function's time-out and the clocks' disagreement.
pub const LIFE: Second = 330;

/// How long after its claim a request may still take effect: until the lease ends, and not quite a settle window more.
pub const LINGERING: Second = 659;

/// Nothing waits for longer than this.
pub const HORIZON: Second = 6 * 3_600;

/// How long after its claim a call is certainly not made any more.
pub const SETTLED: Second = 60;
