//! CodePipeline refuses to be asked so much: what is read for a backtest is read slower, and is whole in the end.

use std::process::Output;

use jiff::Timestamp;
use serde_json::Value;

use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::emulator::http::Server;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::replay::fleet::{Memory, Native, Play};

use super::year::{POLICY, fleet};
use crate::command::retrier;

/// A small fleet's history, behind the API.
struct Served {
    world: SharedWorld,
    server: Server,
    folder: std::path::PathBuf,
}

impl Served {
    fn new(name: &str) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the command reads the real clock, so the history has to end there"
        )]
        let now = Timestamp::now();
        let mut play = Play::new(&fleet(2, 5, now), 1, Native::Nowhere, Memory::Everything).unwrap();
        play.play_out();
        let (world, _) = play.conclude();
        let server = Server::start(world.clone(), move || now).unwrap();
        let folder = std::env::temp_dir().join(format!("retrier-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("policy.yaml"), POLICY).unwrap();
        Self { world, server, folder }
    }

    /// Lets so many readings be refused, from the `nth` on that is still to come.
    fn throttle(&self, nth: u64, times: u64) {
        let mut world = self.world.lock();
        let before = world.faults.count(Operation::Observe);
        for call in 0..times {
            world.faults.plan(Operation::Observe, before + nth + call, Fault::NotDone);
        }
    }

    fn backtest(&self, more: &[&str]) -> Output {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let (policy, history) = (path("policy.yaml"), path("history.jsonl"));
        retrier(&[
            "backtest",
            "--policy",
            &policy,
            "--history",
            &history,
            "--since",
            "6d",
            "--format",
            "json",
        ])
        .args(["--endpoint-url", &self.server.endpoint(), "--rate", "1000"])
        .args(more)
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .env("AWS_REGION", "eu-central-1")
        .output()
        .unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn figures(output: &Output) -> Value {
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    document["figures"]["decisions"].clone()
}

#[test]
fn what_is_throttled_is_read_again_and_whole() {
    let served = Served::new("throttled");
    let undisturbed = served.backtest(&[]);
    assert!(undisturbed.status.success(), "{}", String::from_utf8_lossy(&undisturbed.stderr));
    let asked = served.world.lock().faults.count(Operation::Observe);
    served.throttle(3, 12);
    let throttled = served.backtest(&["--refresh"]);
    assert!(throttled.status.success(), "{}", String::from_utf8_lossy(&throttled.stderr));
    assert_eq!(figures(&throttled), figures(&undisturbed));
    assert!(figures(&throttled) != Value::Null, "there is something to compare");
    let asked_again = served.world.lock().faults.count(Operation::Observe) - asked;
    assert!(asked_again >= asked + 12, "{asked_again} requests, after {asked}");
}

#[test]
fn what_stays_throttled_is_told_and_read_the_next_time() {
    let served = Served::new("refused");
    // The list of pipelines is read, and which account it is; after it nothing is.
    served.throttle(3, 10_000);
    let refused = served.backtest(&[]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("error: no pipeline could be read"), "{said}");
    for name in ["service-001", "service-002"] {
        assert!(said.contains(&format!("pipeline `{name}` could not be read: throttled")), "{said}");
    }
    served.world.lock().faults.forget_plans();
    let resumed = served.backtest(&[]);
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(figures(&resumed), figures(&served.backtest(&["--refresh"])));
}
