//! Lost and late: events that come an hour, a day or 54 hours after what they tell of, in any order.

use super::campaign::{Totals, run};
use super::play::Way;
use crate::figure;

/// Seeds that the ordinary suite plays.
const SLICE: u64 = 40;

fn all(seeds: u64) -> Totals {
    run(Way::Late, 0..seeds)
}

#[test]
fn late_events_retry_nothing_on_a_wrong_basis() {
    println!("{}", all(SLICE));
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn events_days_late_and_out_of_order() {
    let totals = all(figure::number("RETRIER_LATE_SEEDS", 5_000));
    let measured =
        format!("every event 1, 24 or 54 hours late and out of order: {totals}; every failure decided");
    figure::record("late-events", &measured, true);
}
