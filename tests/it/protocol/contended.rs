//! Writes that others are quicker with, again and again, or that nobody answers: a handling gives way in the end.

use codepipeline_retrier::classify::examine;
use codepipeline_retrier::domain::backoff::Jitter;
use codepipeline_retrier::domain::pipeline::RetryReply;
use codepipeline_retrier::domain::policy::{Mode, RetryMode};
use codepipeline_retrier::domain::protocol::{
    Answer, Commit, CommitReply, Conclusion, Effect, Fault, Input, Outcome, State, step,
};
use codepipeline_retrier::domain::stage_run::{Owner, StageRun};
use codepipeline_retrier::domain::storm::Window;
use codepipeline_retrier::domain::trigger::Delivery;

use super::replies::again;
use super::scene::{event, hint, reading, setting, view};
use crate::arbitrary::{at, run};

/// More effects than any handling may need.
const MOST_EFFECTS: usize = 500;

/// Handles a failure that is retried, each transaction answered so; what was written, and the end.
fn handle(mut reply: impl FnMut(&Commit) -> Result<CommitReply, Fault>) -> (Vec<Commit>, Outcome) {
    let setting = setting(Mode::Active);
    let environment = setting.environment();
    let view = view(&setting, None, Vec::new());
    let mut written = Vec::new();
    let mut state = State::Idle;
    let owner = Owner("me".into());
    let mut answer = Answer::Begin { trigger: event(300), delivery: Delivery::First, owner };
    for _ in 0..MOST_EFFECTS {
        let (next, effect) = step(&environment, state, Input { now: at(361), answer });
        state = next;
        answer = match effect {
            Effect::ReadLedger { .. } => Answer::Ledger(Ok(Box::new(view.clone()))),
            Effect::NoteFailure(note) => Answer::Noted(Ok(note.apply(&Window::default()).unwrap())),
            Effect::Observe { .. } => Answer::Observed { reading: Box::new(reading(300)), jitter: Jitter(0) },
            Effect::Examine { run, failed, .. } => Answer::Examined(examine(&[], &run, &failed, &[], false)),
            Effect::Commit(commit) => {
                let reply = reply(&commit);
                written.push(*commit);
                Answer::Committed(reply)
            }
            Effect::Arm { .. } => Answer::Armed(Ok(())),
            Effect::Fence { mode, .. } => Answer::Fenced(Box::new(again(&reading(300), mode))),
            Effect::Call { .. } => Answer::Called(RetryReply::Accepted),
            Effect::Finish(outcome) => return (written, *outcome),
            effect => panic!("{effect:?}"),
        };
    }
    panic!("it does not end");
}

/// What somebody else has made of a record meanwhile.
fn touched(record: &StageRun) -> StageRun {
    StageRun { revision: record.revision + 1, ..record.clone() }
}

#[test]
fn who_is_always_too_late_gives_way_after_twenty_times() {
    let (written, outcome) = handle(|commit| {
        let others = StageRun { revision: commit.record.revision + 1, ..StageRun::unwritten(&run()) };
        Ok(CommitReply::Conflict(Some(Box::new(others))))
    });
    assert_eq!((written.len(), outcome.conclusion), (21, Conclusion::Contended));
}

#[test]
fn who_always_finds_other_controls_gives_way_after_twenty_times() {
    let (written, outcome) = handle(|_| Ok(CommitReply::ControlsChanged));
    assert_eq!((written.len(), outcome.conclusion), (21, Conclusion::Contended));
}

#[test]
fn the_end_of_a_claim_is_written_on_newer_records_twenty_times() {
    let (written, outcome) = handle(|commit| {
        if commit.record.claim.is_some() {
            return Ok(CommitReply::Done);
        }
        // Somebody has written to the record while the retry was called; the claim is in it still.
        let mut newer = touched(&commit.record);
        newer.retries.clear();
        let (failed, owner) = (&commit.record.live.answered, Owner("me".into()));
        newer.claim(failed, RetryMode::FailedActions, &[], &owner, at(1_000), &hint(300));
        Ok(CommitReply::Conflict(Some(Box::new(newer))))
    });
    assert_eq!((written.len(), outcome.conclusion), (22, Conclusion::Contended));
}

#[test]
fn a_write_without_an_answer_is_sent_twice() {
    let (written, outcome) = handle(|_| Err(Fault::Unknown));
    assert_eq!((written.len(), outcome.conclusion), (2, Conclusion::LedgerUnavailable));
    let (written, outcome) = handle(|_| Err(Fault::NotDone));
    assert_eq!((written.len(), outcome.conclusion), (1, Conclusion::LedgerUnavailable));
}
