//! Many deliveries at once: the real binary on a real DynamoDB API retries once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use codepipeline_retrier::domain::ids::PipelineName;

use super::process::batch_of_one;
use super::runtime_api::End;
use super::scene::{RETRIES_AT_ONCE, Scene};
use crate::contract::pipelines::{fails, shop, succeeds};
use crate::figure;

const DELIVERIES: u32 = 1_000;
const AT_A_TIME: u32 = 16;

#[test]
fn a_thousand_deliveries_of_one_failure_retry_once() {
    let scene = Scene::new("crowd", RETRIES_AT_ONCE);
    let name = PipelineName::parse("shop").unwrap();
    let (run, event) = scene.failed(&name, shop([fails(), succeeds()]));
    let next = AtomicU32::new(0);
    thread::scope(|threads| {
        for _ in 0..AT_A_TIME {
            threads.spawn(|| {
                let function = scene.function();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= DELIVERIES {
                        return;
                    }
                    let end = function.invoke(&batch_of_one(&format!("m-{number}"), &event, 1));
                    assert!(
                        matches!(&end, End::Response(body) if body["batchItemFailures"].is_array()),
                        "{end:?}"
                    );
                }
            });
        }
    });
    assert_eq!(scene.world.lock().service.retry_calls().len(), 1);
    let record = scene.record(&run).unwrap();
    assert_eq!((record.live.used, record.retries.len(), record.claim), (1, 1, None));
    let claims = scene.decisions(&name).iter().filter(|decision| decision.verdict == "retry").count();
    assert_eq!(claims, 2, "the claim and its settlement");
    figure::record(
        "crowd",
        &format!("{DELIVERIES} deliveries by {AT_A_TIME} processes: 1 retry, 1 claim"),
        true,
    );
}
