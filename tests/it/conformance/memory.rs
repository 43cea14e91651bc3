//! The ledger in memory against the reference.

use jiff::Timestamp;

use codepipeline_retrier::emulator::ledger::MemoryLedger;
use codepipeline_retrier::names::decision_id;
use codepipeline_retrier::ports::Quarantined;

use super::exchange::{Book, Kept, Reply, Request, Subject};
use super::plain::Plain;
use super::runs;
use crate::figure;

impl Book for MemoryLedger {
    fn answer(&mut self, request: &Request) -> Reply {
        match request {
            Request::Read { run, buckets } => Reply::Read(Box::new(self.read(run, buckets, &[]))),
            Request::Commit(commit) => Reply::Commit(self.commit(commit)),
            Request::WriteControls(controls) => Reply::WriteControls(self.write_controls(controls)),
            Request::Quarantine(note) => {
                self.quarantine(note);
                Reply::Quarantined
            }
        }
    }

    fn kept(&self) -> Kept {
        let note = |note: &Quarantined| (note.fingerprint.clone(), note.clone());
        Kept {
            decisions: self.decisions().iter().map(decision_id).collect(),
            notes: self.quarantined().map(note).collect(),
        }
    }
}

impl Subject for MemoryLedger {
    const LOOKS_ALWAYS: bool = true;

    fn begin() -> Self {
        Self::default()
    }

    fn answer(&mut self, _: Timestamp, request: &Request) -> Reply {
        Book::answer(self, request)
    }

    fn kept(&mut self) -> Kept {
        Book::kept(self)
    }
}

const LONGEST: usize = 60;

#[test]
fn memory_answers_as_the_reference() {
    let tally = runs::batch::<MemoryLedger, Plain>(runs::seed().unwrap_or(1), 400, LONGEST);
    println!("{tally:?}");
    for what in runs::EVERYTHING {
        assert!(tally.contains_key(what), "no `{what}`: {tally:?}");
    }
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn memory_answers_as_the_reference_in_full() {
    let sequences = figure::number("RETRIER_CONFORMANCE_MEMORY", 100_000);
    runs::full::<MemoryLedger, Plain>("conformance-memory", sequences, 1_000, LONGEST);
}
