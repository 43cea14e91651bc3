//! Claims in odd moments, with the handlings of several messages interleaved by hand: deaths between a write and the arming
//! of its wake-up, owners that are too slow, and what comes back of a claim that was taken over.

use codepipeline_retrier::domain::protocol::CommitReply;
use codepipeline_retrier::domain::stage_run::{StageRun, after};
use codepipeline_retrier::emulator::codepipeline::{Exception, ServiceError};
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::replay::scenario::Scenario;
use jiff::SignedDuration;

use super::contract::recording;
use super::rig::audit::Audit;
use super::rig::calls::accepted;
use super::rig::crowd::{Chaos, Crowd};

const ONE_BY_ONE: Chaos = Chaos { in_flight: 1, twins: 0, deaths: 0, ticks: 0 };

/// The retry fails again within a second of its call.
fn scenario() -> Scenario {
    let text = r#"
scenario: 1
about: a stage that fails again at once
policy: |
  version: 1
  defaults:
    backoff: { initial: 0s, max: 0s, jitter: none }
  rules:
    - name: all
      match: { pipeline: "*" }
pipelines:
  - name: web
    stages:
      - name: Deploy
        actions:
          - name: Stack
            category: Deploy
            runs:
              - fail: { after: 30s, message: Rate exceeded }
              - fail: { after: 1s, message: Rate exceeded }
              - succeed: 40s
timeline:
  - { at: 0s, start: web }
"#;
    Scenario::read("late-arms", text).unwrap()
}

fn count(crowd: &Crowd, operation: Operation) -> u64 {
    crowd.world().lock().faults.count(operation)
}

/// Goes on until the operation was called so often, and its fault took effect.
fn poll_until(crowd: &mut Crowd, handling: u64, operation: Operation, calls: u64) {
    while count(crowd, operation) < calls {
        assert!(crowd.poll(handling), "the handling ended before {calls} calls of {operation:?}");
    }
}

fn to_the_end(crowd: &mut Crowd, handling: u64) {
    while crowd.poll(handling) {}
}

/// Plays on, and expects both retries and no finding.
fn converge(mut crowd: Crowd) {
    let mut moments = Vec::new();
    while crowd.step(&mut |moment| moments.push(moment.clone())) {}
    let world = crowd.world().lock();
    let mut audit = Audit::new(&scenario());
    audit.look(&world, &moments, 0, 1);
    let findings = audit.conclude(&world);
    assert!(findings.is_empty(), "{findings:#?}");
    assert_eq!(accepted(&world).count(), 2);
}

/// The first failure, about to be handled.
fn failed() -> (Crowd, u64) {
    let mut crowd = Crowd::new(&scenario(), ONE_BY_ONE, 1);
    // The start, the failure, its event.
    for _ in 0..3 {
        crowd.wait();
    }
    let first = crowd.begin_one();
    (crowd, first)
}

fn record(crowd: &Crowd) -> StageRun {
    crowd.world().lock().ledger.records().next().unwrap().clone()
}

/// Somebody writes the record without changing what it says.
fn write_again(crowd: &Crowd) {
    let mut record = record(crowd);
    record.revision += 1;
    assert_eq!(crowd.world().lock().ledger.commit(&recording(record)), CommitReply::Done);
}

/// Waits for the next message, and begins to handle it.
fn next(crowd: &mut Crowd) -> u64 {
    crowd.wait();
    crowd.begin_one()
}

#[test]
fn what_waited_for_a_claim_is_woken_although_its_settler_died() {
    let (mut crowd, first) = failed();
    // Commit 1 is the claim, commit 2 settles it; while its answer is outstanding, the stage fails again.
    crowd.world().lock().faults.plan(Operation::LedgerCommit, 2, Fault::LostUnsent);
    poll_until(&mut crowd, first, Operation::LedgerCommit, 2);
    // RESUMED and the second FAILED have come in the five seconds of the lost write; the latter waits behind the claim.
    for _ in 0..2 {
        let next = crowd.begin_one();
        to_the_end(&mut crowd, next);
    }
    assert_eq!(count(&crowd, Operation::LedgerCommit), 3, "the second failure waits on record");
    // The settling is sent again, finds the wait, takes it over, and then the process dies before it is armed.
    crowd.world().lock().faults.plan(Operation::LedgerCommit, 5, Fault::CrashAfter);
    to_the_end(&mut crowd, first);
    assert_eq!(count(&crowd, Operation::LedgerCommit), 5);
    converge(crowd);
}

#[test]
fn a_claim_of_unknown_fate_is_armed_although_others_wrote_since() {
    let (mut crowd, first) = failed();
    crowd.world().lock().faults.plan(Operation::LedgerCommit, 1, Fault::ReplyLost);
    poll_until(&mut crowd, first, Operation::LedgerCommit, 1);
    write_again(&crowd);
    to_the_end(&mut crowd, first);
    converge(crowd);
}

#[test]
fn a_wait_begun_by_a_close_of_unknown_fate_is_armed_although_others_wrote_since() {
    let (mut crowd, first) = failed();
    crowd.world().lock().faults.plan(Operation::Fence, 1, Fault::NotDone);
    crowd.world().lock().faults.plan(Operation::LedgerCommit, 2, Fault::ReplyLost);
    poll_until(&mut crowd, first, Operation::LedgerCommit, 2);
    write_again(&crowd);
    to_the_end(&mut crowd, first);
    converge(crowd);
}

#[test]
fn nobody_judges_a_claim_before_lease_and_settle_window_are_over() {
    let (mut crowd, first) = failed();
    crowd.world().lock().faults.plan(Operation::LedgerCommit, 1, Fault::CrashAfter);
    to_the_end(&mut crowd, first);
    let claimed_at = crowd.world().now();
    assert_eq!(record(&crowd).claim.unwrap().lease_until, after(claimed_at, SignedDuration::from_mins(10)));
    assert_eq!(count(&crowd, Operation::Observe), 1);

    let again = next(&mut crowd);
    to_the_end(&mut crowd, again);
    assert_eq!(count(&crowd, Operation::Observe), 1, "the claim's owner may be alive");
    let mut early = crowd.world().lock().queue.clone();
    let wake_up = early.receive(after(claimed_at, SignedDuration::from_mins(11))).unwrap().body;
    let not_yet = after(claimed_at, SignedDuration::from_secs(10 * 60 + 59));
    crowd.world().lock().queue.send(wake_up, not_yet);
    let woken = next(&mut crowd);
    assert_eq!(crowd.world().now(), not_yet);
    to_the_end(&mut crowd, woken);
    assert_eq!(count(&crowd, Operation::Observe), 1, "the owner's call may still land");

    let judge = next(&mut crowd);
    to_the_end(&mut crowd, judge);
    assert_eq!(count(&crowd, Operation::Observe), 2);
    assert_eq!(crowd.world().now(), after(claimed_at, SignedDuration::from_mins(11)));
    converge(crowd);
}

/// Lets the claim of `first` be taken over, up to the read before the call. A message that the owner of a claim had is
/// handed out again after three minutes, and then wakes when the claim may be judged.
fn taken_over(crowd: &mut Crowd) -> u64 {
    let again = next(crowd);
    to_the_end(crowd, again);
    let heir = next(crowd);
    let commits = count(crowd, Operation::LedgerCommit);
    poll_until(crowd, heir, Operation::LedgerCommit, commits + 1);
    assert!(record(crowd).claim.unwrap().taken_over);
    heir
}

#[test]
fn an_owner_that_comes_back_after_its_lease_does_not_call() {
    let (mut crowd, first) = failed();
    poll_until(&mut crowd, first, Operation::LedgerCommit, 1);
    let heir = taken_over(&mut crowd);
    to_the_end(&mut crowd, first);
    assert_eq!(count(&crowd, Operation::Retry), 0);
    to_the_end(&mut crowd, heir);
    assert_eq!(count(&crowd, Operation::Retry), 1);
    converge(crowd);
}

#[test]
fn an_owner_closes_no_claim_but_its_own() {
    let (mut crowd, first) = failed();
    crowd.world().lock().service.refuse_next_retry(ServiceError::new(Exception::Conflict, "busy"));
    poll_until(&mut crowd, first, Operation::Retry, 1);
    let heir = taken_over(&mut crowd);
    let claim = record(&crowd).claim;
    to_the_end(&mut crowd, first);
    assert_eq!(record(&crowd).claim, claim);
    to_the_end(&mut crowd, heir);
    converge(crowd);
}

#[test]
fn what_was_taken_over_is_never_paid_back() {
    let (mut crowd, first) = failed();
    crowd.world().lock().faults.plan(Operation::Retry, 1, Fault::LostUnsent);
    to_the_end(&mut crowd, first);
    let before: Vec<_> = crowd.world().lock().ledger.buckets().map(|(_, bucket)| *bucket).collect();
    let heir = next(&mut crowd);
    crowd.world().lock().faults.plan(Operation::Fence, 2, Fault::NotDone);
    to_the_end(&mut crowd, heir);
    let record = record(&crowd);
    assert_eq!((record.claim, record.live.used), (None, 1), "the first owner may have called");
    assert!(record.live.answered.is_empty(), "the failure may still be answered");
    let now: Vec<_> = crowd.world().lock().ledger.buckets().map(|(_, bucket)| *bucket).collect();
    assert_eq!(now, before);
}
