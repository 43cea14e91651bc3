//! The bounds of one gathering: so many requests and so much time for all of its runs together. What is beyond is a gap.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::{Instant, sleep, timeout_at};

use crate::aws::certainty::gap;
use crate::domain::pipeline::Gap;

/// Most time for all requests together.
const LONGEST: Duration = Duration::from_secs(8);
/// Most requests; those that the SDK sends again are not counted.
const MOST_REQUESTS: u32 = 12;

/// What is left of a gathering's requests and time.
#[derive(Debug)]
pub(super) struct Effort {
    requests: AtomicU32,
    until: Instant,
}

/// The operation that has no answer, and why.
pub(super) type Missing = (&'static str, Gap);

impl Effort {
    /// Begins now, by the timers' clock.
    pub fn new() -> Self {
        Self { requests: AtomicU32::new(MOST_REQUESTS), until: sleep(LONGEST).deadline() }
    }

    /// The answer to a request, if there is one left to make and it comes in time.
    pub async fn ask<T, E: ProvideErrorMetadata>(
        &self,
        operation: &'static str,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Missing> {
        let take = |left: u32| left.checked_sub(1);
        if self.requests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            return Err((operation, Gap::NotRead));
        }
        match timeout_at(self.until, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err((operation, gap(&error))),
            Err(_) => Err((operation, Gap::Unavailable)),
        }
    }
}
