//! The ledger in its table, beyond the contract of the port: what lies in the items, what is made of items that cannot
//! be read and of answers that are none, and what operators read.

mod contention;
mod damage;
mod faults;
mod items;
mod listing;
mod newer;
mod outbox;
mod policies;
mod records;
mod stub;

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

use codepipeline_retrier::aws::ledger::DynamoLedger;

use crate::arbitrary::at;
use crate::tables::Table;

/// A new table with a ledger in it, whose clock stands at 0.
struct Desk {
    runtime: Runtime,
    table: Table,
    ledger: DynamoLedger,
}

impl Desk {
    fn new() -> Self {
        let runtime = runtime();
        let table = runtime.block_on(Table::create("desk"));
        Self { ledger: table.ledger(|| at(0)), runtime, table }
    }

    fn run<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
