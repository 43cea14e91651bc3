//! Runs futures to their end without a runtime. They may yield, but nothing wakes them: they are asked again at once.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// The output of a future that never waits for anything outside.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("the future waits for something that never comes");
}

#[test]
fn a_future_that_yields_is_asked_again() {
    let mut yields = 3;
    let output = run(std::future::poll_fn(|_| {
        yields -= 1;
        if yields > 0 { Poll::Pending } else { Poll::Ready("done") }
    }));
    assert_eq!(output, "done");
}
