//! How long the slowest input took: told whenever one takes longer than every one before it.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

static SLOWEST_MICROS: AtomicU64 = AtomicU64::new(0);

/// Does it, and notes how long it took on an input of that length. What seems slower than all before is done once more, and
/// then only the processor's time counts: other work on the machine is not the input's fault.
pub fn timed(length: usize, work: impl Fn()) {
    let slowest = SLOWEST_MICROS.load(Ordering::Relaxed);
    let begin = Instant::now();
    work();
    let elapsed = micros(begin);
    if elapsed <= slowest {
        return;
    }
    let (begin, on_processor) = (Instant::now(), on_processor_micros());
    work();
    let again =
        on_processor_micros().zip(on_processor).map_or(micros(begin), |(after, before)| after - before);
    let least = elapsed.min(again);
    if least > slowest {
        SLOWEST_MICROS.store(least, Ordering::Relaxed);
        eprintln!("slowest: {least} us on {length} bytes");
    }
}

fn micros(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The time that this thread has had a processor for, where the system tells.
fn on_processor_micros() -> Option<u64> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: u64 = told.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1_000)
}
