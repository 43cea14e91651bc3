//! The ledger on a table against the one in memory: on `MiniStack`, or on whatever answers at `RETRIER_TEST_DYNAMODB`.

use std::rc::Rc;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use codepipeline_retrier::aws::ledger::DynamoLedger;
use codepipeline_retrier::emulator::ledger::MemoryLedger;
use codepipeline_retrier::ports::Ledger;

use super::exchange::{Kept, Reply, Request, Subject};
use super::runs;
use super::scene::{START, runs as stage_runs};
use crate::figure;
use crate::tables::Table;

/// A table with what drives it, which the sequences of a thread have one after the other.
struct Place {
    runtime: Runtime,
    table: Table,
}

thread_local! {
    static PLACE: Rc<Place> = {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let table = runtime.block_on(Table::create("conformance"));
        Rc::new(Place { runtime, table })
    };
}

/// A ledger in that table, which is left empty.
struct OnTable {
    place: Rc<Place>,
    ledger: DynamoLedger,
    now: Arc<Mutex<Timestamp>>,
}

impl Subject for OnTable {
    const LOOKS_ALWAYS: bool = false;

    fn begin() -> Self {
        let place = PLACE.with(Rc::clone);
        let now = Arc::new(Mutex::new(START));
        let clock = Arc::clone(&now);
        let ledger = place.table.ledger(move || *clock.lock().unwrap());
        Self { place, ledger, now }
    }

    fn answer(&mut self, now: Timestamp, request: &Request) -> Reply {
        *self.now.lock().unwrap() = now;
        let ledger = &self.ledger;
        self.place.runtime.block_on(async move {
            match request {
                Request::Read { run, buckets } => {
                    Reply::Read(Box::new(ledger.read(run, buckets, &[]).await.unwrap()))
                }
                Request::Commit(commit) => Reply::Commit(ledger.commit(commit).await.unwrap()),
                Request::WriteControls(controls) => {
                    Reply::WriteControls(ledger.write_controls(controls).await.unwrap())
                }
                Request::Quarantine(note) => {
                    ledger.quarantine(note).await.unwrap();
                    Reply::Quarantined
                }
            }
        })
    }

    fn kept(&mut self) -> Kept {
        let mut kept = Kept::default();
        self.place.runtime.block_on(async {
            for run in stage_runs() {
                let decisions =
                    self.ledger.decisions(&run.pipeline.name, Timestamp::UNIX_EPOCH, usize::MAX).await;
                kept.decisions.extend(decisions.unwrap().into_iter().map(|decision| decision.id));
            }
            let notes = self.ledger.quarantined(usize::MAX).await.unwrap().newest;
            kept.notes = notes.into_iter().map(|note| (note.fingerprint.clone(), note)).collect();
        });
        kept
    }
}

impl Drop for OnTable {
    fn drop(&mut self) {
        let Place { runtime, table } = &*self.place;
        runtime.block_on(empty(table));
    }
}

async fn empty(table: &Table) {
    let dynamodb = table.clients.dynamodb();
    let items = dynamodb.scan().table_name(&table.name).consistent_read(true).send().await.unwrap();
    let deletes: Vec<WriteRequest> = (items.items().iter())
        .map(|item| {
            let key = ["pk", "sk"].map(|name| (name.to_owned(), item[name].clone()));
            let delete = DeleteRequest::builder().set_key(Some(key.into())).build().unwrap();
            WriteRequest::builder().delete_request(delete).build()
        })
        .collect();
    // As many as one request may hold.
    for some in deletes.chunks(25) {
        let answer =
            dynamodb.batch_write_item().request_items(&table.name, some.to_vec()).send().await.unwrap();
        let mut left = answer.unprocessed_items().into_iter().flatten();
        assert!(left.next().is_none(), "{answer:?}");
    }
}

const LONGEST: usize = 40;

#[test]
fn a_table_answers_as_memory() {
    let tally = runs::batch::<OnTable, MemoryLedger>(runs::seed().unwrap_or(1), 25, LONGEST);
    println!("{tally:?}");
    for what in ["read", "commit done", "commit conflicts", "controls changed", "a handling claims"] {
        assert!(tally.contains_key(what), "no `{what}`: {tally:?}");
    }
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn a_table_answers_as_memory_in_full() {
    let sequences = figure::number("RETRIER_CONFORMANCE_DYNAMODB", 2_000);
    runs::full::<OnTable, MemoryLedger>("conformance-dynamodb", sequences, 50, LONGEST);
}
