//! What AWS charges, in US dollars, US East (N. Virginia), 2026: the list prices of docs/costs.md.

use crate::outcomes::Outcome;

const MILLION: f64 = 1_000_000.0;
/// A million requests.
const LAMBDA: f64 = 0.20;
/// One GB for one second, on arm64.
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// Of the function, in GB.
const MEMORY: f64 = 0.25;
/// The part of a processor that Lambda gives a function with that memory (one for each 1,769 MB).
const PROCESSOR: f64 = 256.0 / 1_769.0;
/// What a call to a service in the same Region takes, in seconds: an assumption.
const CALL: f64 = 0.015;
/// A million requests; each message is sent, received and deleted.
const SQS: f64 = 0.40;
const REQUESTS_OF_A_MESSAGE: f64 = 3.0;
/// A million schedules.
const SCHEDULER: f64 = 1.00;
/// A million units.
const WRITE: f64 = 0.625;
const READ: f64 = 0.125;
/// A GB taken in.
const LOGS: f64 = 0.50;

/// A million events of a kind.
pub fn of_a_million(outcome: &Outcome) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "bytes and calls of one event")]
    let number = |number: u64| number as f64;
    let count = |suffix: &str| {
        let named = outcome.calls.iter().filter(|(name, _)| name.ends_with(suffix));
        number(named.map(|(_, count)| count).sum())
    };
    let calls = count("");
    let seconds = outcome.processor.as_secs_f64() / PROCESSOR + calls * CALL;
    LAMBDA
        + seconds * MILLION * MEMORY * LAMBDA_GB_SECOND
        + (REQUESTS_OF_A_MESSAGE + count(":SendMessage")) * SQS
        + count(":CreateSchedule") * SCHEDULER
        + outcome.write_units * WRITE
        + outcome.read_units * READ
        + number(outcome.logged) * MILLION / 1e9 * LOGS
}
