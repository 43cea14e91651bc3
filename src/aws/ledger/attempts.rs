//! Sending a write until it has an answer: what may be sent again, how often, and what is certain when there is none.
//!
//! The SDK's own retries are off for writes. It would report the last attempt alone, and an attempt that was refused says
//! nothing about one before it whose answer was lost. Here the doubt stays: after one attempt of unknown outcome, only an
//! answer ends it, never a refusal.

use std::future::Future;
use std::time::Duration;

use super::Trouble;
use crate::domain::protocol::Fault;

/// What one attempt came to.
#[derive(Debug)]
pub(super) enum Attempt<T> {
    /// The table answered.
    Answered(T),
    /// Certainly not done, since somebody else wrote at the same moment. A transaction that is sent again is a new one.
    Contended(Trouble),
    /// Certainly not done by this attempt; the table is busy, or could not be reached.
    Busy(Trouble),
    /// It may have been done.
    Unheard(Trouble),
    /// Certainly not done by this attempt, and never will be.
    Refused(Trouble),
}

/// Most attempts without an answer: each may take as long as the client allows.
const MOST_UNHEARD: u32 = 2;

/// Longest pause after each attempt, in milliseconds; the pause is anything up to that. Some three seconds at most.
const PAUSES: [u64; 9] = [25, 50, 100, 200, 400, 600, 600, 600, 600];

/// The whole of it. A function that lives for 30 seconds has other things to do.
const WHOLE: Duration = Duration::from_secs(6);

/// Sends until there is an answer. Each attempt is given the transaction's token: the same one while it may be under way.
pub(super) async fn persist<T, F>(mut attempt: impl FnMut(String) -> F) -> Result<T, (Fault, Trouble)>
where
    F: Future<Output = Attempt<T>>,
{
    let whole = async {
        let mut token = fresh_token();
        let mut unheard = 0;
        let mut pauses = PAUSES.iter();
        loop {
            let trouble = match attempt(token.clone()).await {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Contended(trouble) => {
                    token = fresh_token();
                    trouble
                }
                Attempt::Busy(trouble) => trouble,
                Attempt::Unheard(trouble) => {
                    unheard += 1;
                    trouble
                }
                Attempt::Refused(trouble) => {
                    pauses = [].iter();
                    trouble
                }
            };
            let pause = pauses.next().filter(|_| unheard < MOST_UNHEARD);
            let Some(longest) = pause else {
                return Err((if unheard == 0 { Fault::NotDone } else { Fault::Unknown }, trouble));
            };
            jittered(*longest).await;
        }
    };
    match tokio::time::timeout(WHOLE, whole).await {
        Ok(end) => end,
        Err(_) => Err((Fault::Unknown, Trouble::OutOfTime)),
    }
}

/// Full jitter: everybody who was turned away together comes back apart.
pub(super) async fn jittered(longest_ms: u64) {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=longest_ms))).await;
}

/// A token of a transaction: 1 to 36 characters (DynamoDB API, `ClientRequestToken`).
fn fresh_token() -> String {
    format!("{:032x}", fastrand::u128(..))
}
