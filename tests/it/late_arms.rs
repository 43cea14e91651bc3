//! A wait is armed whoever dies: handlings of two messages, interleaved by hand, with a death between a write and the
//! arming of its wake-up that nobody but a message handed out again can make good.

use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::replay::scenario::Scenario;

use super::rig::audit::Audit;
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
    let accepted = world.service.retry_calls().iter().filter(|call| call.outcome.is_ok()).count();
    let mut audit = Audit::new(&scenario());
    audit.look_without_tokens(&world, &moments, 0, 1);
    let findings = audit.conclude(&world);
    assert!(findings.is_empty(), "{findings:#?}");
    assert_eq!(accepted, 2);
}

/// The first failure's handling, at the point where the answer to its settling write is outstanding while the stage has
/// failed again: commit 1 is the claim, commit 2 the settling.
fn settling(fault: Fault) -> (Crowd, u64) {
    let mut crowd = Crowd::new(&scenario(), ONE_BY_ONE, 1);
    crowd.wait();
    crowd.wait();
    crowd.wait();
    let first = crowd.begin_one();
    crowd.world().lock().faults.plan(Operation::LedgerCommit, 2, fault);
    poll_until(&mut crowd, first, Operation::LedgerCommit, 2);
    (crowd, first)
}

#[test]
fn what_waited_for_a_claim_is_woken_although_its_settler_died() {
    let (mut crowd, first) = settling(Fault::LostUnsent);
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
    let mut crowd = Crowd::new(&scenario(), ONE_BY_ONE, 1);
    crowd.wait();
    crowd.wait();
    crowd.wait();
    let first = crowd.begin_one();
    crowd.world().lock().faults.plan(Operation::LedgerCommit, 1, Fault::ReplyLost);
    poll_until(&mut crowd, first, Operation::LedgerCommit, 1);
    // Somebody writes the record without changing what it says.
    {
        let mut world = crowd.world().lock();
        let record = world.ledger.records().next().unwrap().clone();
        let mut commit = codepipeline_retrier::domain::protocol::Commit {
            record,
            withdrawals: Vec::new(),
            deposits: Vec::new(),
            slot: None,
            controls: None,
            decision: None,
        };
        commit.record.revision += 1;
        world.ledger.commit(&commit);
    }
    to_the_end(&mut crowd, first);
    converge(crowd);
}
