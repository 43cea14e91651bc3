//! The ledger in memory against the reference.

use jiff::Timestamp;

use codepipeline_retrier::emulator::ledger::MemoryLedger;
use codepipeline_retrier::names::decision_id;
use codepipeline_retrier::ports::{KeptPolicy, Quarantined};

use super::exchange::{Book, Kept, Push, Pushed, Reply, Request, Subject, each_once};
use super::plain::Plain;
use super::runs;
use crate::figure;

impl Book for MemoryLedger {
    fn answer(&mut self, request: &Request) -> Reply {
        match request {
            Request::Read { run, buckets, windows } => {
                Reply::Read(Box::new(self.read(run, buckets, windows)))
            }
            Request::NoteFailure(note) => Reply::Noted(self.note_failure(note)),
            Request::Commit(commit) => Reply::Commit(self.commit(commit)),
            Request::WriteControls(controls) => Reply::WriteControls(self.write_controls(controls)),
            Request::Quarantine(note) => {
                self.quarantine(note);
                Reply::Quarantined
            }
            Request::Controls => Reply::Controls(Box::new(self.controls().clone())),
            Request::Sweep => Reply::Sweep(Box::new(self.sweep().clone())),
            Request::WriteSweep(sweep) => Reply::SweepWritten(self.write_sweep(sweep)),
            Request::Overdue(by) => Reply::Overdue(each_once(self.overdue(*by))),
            Request::Policy(number) => Reply::Policy(self.policy(*number)),
            Request::Push(push) => Reply::Pushed(pushed(self, push)),
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

/// Who has the ledger in memory looks and pushes in one, and so has always seen it as it is.
fn pushed(ledger: &mut MemoryLedger, push: &Push) -> Option<u64> {
    let is_free = matches!(ledger.policy(push.number), KeptPolicy::Unreadable(_));
    if !is_free || ledger.controls().version != push.seen {
        return None;
    }
    match &push.what {
        Pushed::Text(version, text) => {
            Some(ledger.push_policy(version.clone(), text.clone(), "jane", push.at))
        }
        Pushed::Restored(number) => ledger.restore_policy(*number, "jane", push.at),
        Pushed::Packaged => Some(ledger.withdraw_policy()),
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

const LONGEST: usize = 80;

#[test]
fn memory_answers_as_the_reference() {
    let tally = runs::batch::<MemoryLedger, Plain>(runs::seed().unwrap_or(1), 300, LONGEST);
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
