//! What the tests of the whole machine share: a small generator, an executor that interleaves handlings, and the
//! invariants, checked from outside by what the emulator saw.

pub mod accounts;
pub mod audit;
pub mod bans;
pub mod calls;
pub mod crowd;
pub mod fleet;
pub mod random;
pub mod rollbacks;
pub mod storms;
