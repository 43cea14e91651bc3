//! How many failures a second the function gets through, alone and side by side, when AWS answers at once.

use std::time::Instant;

use crate::aws::Aws;
use crate::process::Process;
use crate::scene::{events, message, world};
use crate::variants::Variants;

/// Processes side by side.
const SIDE_BY_SIDE: [usize; 3] = [1, 2, 4];

/// Processes, and failures that all of them retried in a second.
pub async fn measure(variants: &Variants, failures: usize) -> Vec<(usize, f64)> {
    let mut rates = Vec::new();
    for processes in SIDE_BY_SIDE {
        eprintln!("bench: {failures} failures through {processes} at once");
        let world = world(&[("plain", failures + processes)]);
        let mut events = events(&world).0.into_iter();
        let aws = Aws::start(world, &variants.identity).await;
        let program = variants.product(&aws);
        let mut running = Vec::new();
        for _ in 0..processes {
            let mut process = Process::start(&program).await;
            let first = events.next().expect("an event for each");
            process.handle(message(&first).to_string()).await;
            running.push(process);
        }
        let rest: Vec<_> = events.collect();
        let share = rest.len().div_ceil(processes);
        let begun = Instant::now();
        let tasks: Vec<_> = running
            .into_iter()
            .zip(rest.chunks(share).map(<[_]>::to_vec))
            .map(|(mut process, events)| {
                tokio::spawn(async move {
                    for event in events {
                        process.handle(message(&event).to_string()).await;
                    }
                    process.end().await;
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
        rates.push((processes, rest.len() as f64 / begun.elapsed().as_secs_f64()));
    }
    rates
}
