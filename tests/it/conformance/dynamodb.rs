//! The ledger on a table against the one in memory: on `MiniStack`, or on whatever answers at `RETRIER_TEST_DYNAMODB`.

use std::rc::Rc;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use codepipeline_retrier::aws::ledger::{DynamoLedger, PolicyEntry, PushReply};
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::live::{self, LivePolicy};
use codepipeline_retrier::emulator::ledger::MemoryLedger;
use codepipeline_retrier::ports::{Ledger, Rounds};

use super::exchange::{Kept, Push, Pushed, Reply, Request, Subject, each_once};
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
                Request::Read { run, buckets, windows } => {
                    Reply::Read(Box::new(ledger.read(run, buckets, windows).await.unwrap()))
                }
                Request::NoteFailure(note) => Reply::Noted(ledger.note_failure(note).await.unwrap()),
                Request::Commit(commit) => Reply::Commit(ledger.commit(commit).await.unwrap()),
                Request::WriteControls(controls) => {
                    Reply::WriteControls(ledger.write_controls(controls).await.unwrap())
                }
                Request::Quarantine(note) => {
                    ledger.quarantine(note).await.unwrap();
                    Reply::Quarantined
                }
                Request::Controls => Reply::Controls(Box::new(Rounds::controls(ledger).await.unwrap())),
                Request::Sweep => Reply::Sweep(Box::new(ledger.sweep().await.unwrap())),
                Request::WriteSweep(sweep) => Reply::SweepWritten(ledger.write_sweep(sweep).await.unwrap()),
                Request::Overdue(by) => Reply::Overdue(each_once(overdue(ledger, *by).await)),
                Request::Policy(number) => Reply::Policy(ledger.policy(*number).await.unwrap()),
                Request::Push(push) => Reply::Pushed(pushed(ledger, push).await),
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

/// Page by page. The index of the stand-in is never behind.
async fn overdue(ledger: &DynamoLedger, by: Timestamp) -> Vec<StageRunId> {
    let (mut listed, mut next) = (Vec::new(), None);
    loop {
        let page = ledger.overdue(by, next.as_ref()).await.unwrap();
        listed.extend(page.entries);
        next = page.next;
        if next.is_none() {
            return listed;
        }
    }
}

async fn pushed(ledger: &DynamoLedger, push: &Push) -> Option<u64> {
    let Push { what, number, seen, at } = push;
    let mut controls = Rounds::controls(ledger).await.unwrap();
    let (version, text, restores) = match what {
        Pushed::Text(version, text) => (Some(version.clone()), Some(text.clone()), None),
        Pushed::Restored(number) => {
            let of = ledger.policy_entry(*number).await.unwrap()?;
            (Some(of.version?), of.text, Some(*number))
        }
        Pushed::Packaged => (None, None, None),
    };
    let replaces = controls.live.as_ref().map(|live| live.policy.number);
    let by = "jane".to_owned();
    let live = version.clone().map(|version| LivePolicy {
        policy: live::Pushed { number: *number, version, restores },
        since: *at,
        by: by.clone(),
        beside: None,
        taken_over: None,
    });
    let entry = PolicyEntry { number: *number, at: *at, by, reason: None, version, restores, replaces, text };
    controls.version = *seen;
    match ledger.push_policy(&entry, &controls.point(live)).await.unwrap() {
        PushReply::Done => Some(*number),
        PushReply::Conflict => None,
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
    let tally = runs::batch::<OnTable, MemoryLedger>(runs::seed().unwrap_or(1), 50, LONGEST);
    println!("{tally:?}");
    // So few sequences show what is common; the rest is for the full run, and for memory's slice.
    let common = [
        "read",
        "commit done",
        "commit conflicts",
        "bucket changed",
        "controls written",
        "quarantined",
        "failure noted",
        "sweep written",
        "nothing overdue",
        "policy pushed",
        "push refused",
        "a handling notes a failure",
        "a handling claims",
    ];
    for what in common {
        assert!(tally.contains_key(what), "no `{what}`: {tally:?}");
    }
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn a_table_answers_as_memory_in_full() {
    let sequences = figure::number("RETRIER_CONFORMANCE_DYNAMODB", 2_000);
    runs::full::<OnTable, MemoryLedger>("conformance-dynamodb", sequences, 50, LONGEST);
}
