//! Requests beside each other.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Work whose future is kept apart from that of whoever waits for it: a request's takes some kilobytes.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Does everything at the same time; the results in the order of the work.
pub async fn together<T>(work: Vec<Work<'_, T>>) -> Vec<T> {
    let mut slots: Vec<_> = work.into_iter().map(|work| (Some(work), None)).collect();
    poll_fn(|context| {
        for (work, result) in &mut slots {
            if let Some(running) = work
                && let Poll::Ready(done) = running.as_mut().poll(context)
            {
                (*work, *result) = (None, Some(done));
            }
        }
        if slots.iter().all(|(work, _)| work.is_none()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    slots.into_iter().filter_map(|(_, result)| result).collect()
}
