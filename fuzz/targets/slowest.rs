//! How long the slowest input took: told whenever one takes longer than every one before it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

static SLOWEST_MICROS: AtomicU64 = AtomicU64::new(0);

/// Does it, and notes how long it took on an input of that length. What seems slower than all before is done twice more, and
/// the least counts: other work on the machine is not the input's fault.
pub fn timed(length: usize, work: impl Fn()) {
    let slowest = SLOWEST_MICROS.load(Ordering::Relaxed);
    let mut micros = once(&work);
    for _ in 0..2 {
        if micros > slowest {
            micros = micros.min(once(&work));
        }
    }
    if micros > slowest {
        SLOWEST_MICROS.store(micros, Ordering::Relaxed);
        eprintln!("slowest: {micros} us on {length} bytes");
    }
}

fn once(work: &impl Fn()) -> u64 {
    let begin = Instant::now();
    work();
    u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX)
}
