//! `retrier status`, `history`, `pause`, `resume` and `policy` as operators meet them: the real binary, a real table.

mod newer;
mod pausing;
mod policies;
mod reaching;
mod reading;
mod reporting;
mod watching;

use std::process::{Command, Output};

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::{Builder, Runtime};

use codepipeline_retrier::aws::ledger::DynamoLedger;
use codepipeline_retrier::domain::stage_run::after;

use crate::command::{retrier, shown};
use crate::ministack::{MiniStack, REGION};
use crate::tables::Table;

/// A table with a ledger in it, and the command for it. Its clock is the real one, since the command's is.
struct Desk {
    runtime: Runtime,
    server: std::sync::Arc<MiniStack>,
    table: Table,
    ledger: DynamoLedger,
    /// A whole second a little in the past.
    now: Timestamp,
}

impl Desk {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let server = MiniStack::shared();
        let table = runtime.block_on(Table::on(&server, "operator"));
        let now = now();
        Self { ledger: table.ledger(now_for_ledger), runtime, server, table, now }
    }

    fn at(&self, seconds: i64) -> Timestamp {
        after(self.now, SignedDuration::from_secs(seconds))
    }

    /// The command on this table.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = reaching(self.server.url(), arguments);
        command.args(["--table", &self.table.name]);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What it shows, without what differs each time.
    fn shown(&self, arguments: &[&str]) -> String {
        shown(&self.run(arguments)).replace(&self.table.name, "TABLE")
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// The command with credentials, a Region and an endpoint.
fn reaching(url: &str, arguments: &[&str]) -> Command {
    let mut command = retrier(arguments);
    command
        .args(["--endpoint-url", url])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION);
    command
}

#[expect(clippy::disallowed_methods, reason = "the command reads the real clock, and so do its tests")]
fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap()
}

fn now_for_ledger() -> Timestamp {
    now()
}
