//! Runs of sequences: a seed gives a batch of them, the same each time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use serde_json::json;

use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::protocol::CommitReply;
use codepipeline_retrier::ports::SweepReply;

use super::exchange::{Book, Reply, Request, Subject};
use super::operations::{Machine, Operation};
use super::rounds::Round;
use super::scene::{Scene, bucket_keys, runs as stage_runs};
use crate::figure::{self, Progress};

/// Every reply, and every write of the protocol, that sequences must meet.
pub const EVERYTHING: [&str; 35] = [
    "read",
    "commit done",
    "commit conflicts with nothing",
    "commit conflicts",
    "bucket changed",
    "controls changed",
    "controls written",
    "controls conflict",
    "quarantined",
    "read with a window",
    "failure noted",
    "failure known",
    "window has enough",
    "controls",
    "sweep",
    "sweep written",
    "sweep written again",
    "sweep conflicts",
    "something overdue",
    "nothing overdue",
    "policy",
    "policy of the package",
    "no policy",
    "policy pushed",
    "policy restored",
    "policy withdrawn",
    "push refused",
    "a handling notes a failure",
    "a handling waits out a storm",
    "a handling goes by a pushed policy",
    "a handling claims",
    "a handling gives back",
    "a handling queues for a token",
    "a handling takes over",
    "a handling settles",
];

/// How often each was met.
pub type Tally = BTreeMap<&'static str, u64>;

thread_local! {
    static TALLY: RefCell<Tally> = const { RefCell::new(Tally::new()) };
}

/// A subject held against a book.
struct Comparison<S, B>(PhantomData<(S, B)>);

impl<S: Subject, B: Book> StateMachineTest for Comparison<S, B> {
    type SystemUnderTest = S;
    type Reference = Machine<B>;

    fn init_test(_: &Scene<B>) -> S {
        S::begin()
    }

    fn apply(mut subject: S, scene: &Scene<B>, operation: Operation) -> S {
        if let Some((request, right)) = &scene.exchange {
            let found = subject.answer(scene.now, request).normal();
            count(found.name(request));
            match (&operation, &found) {
                (Operation::GoOn { .. }, Reply::Commit(CommitReply::Done)) => {
                    done_by_a_handling(request).for_each(count);
                }
                (Operation::GoOn { .. }, Reply::Noted(_)) => count("a handling notes a failure"),
                (Operation::Round(Round::Again), Reply::SweepWritten(SweepReply::Done)) => {
                    count("sweep written again");
                }
                _ => {}
            }
            if scene.is_moved_to_a_push {
                count("a handling goes by a pushed policy");
            }
            assert!(
                right.contains(&found),
                "{request:#?}\nwas answered with {found:#?}\nnot with {right:#?}"
            );
            if S::LOOKS_ALWAYS {
                look(&mut subject, scene);
            }
        }
        subject
    }

    fn teardown(mut subject: S, scene: Scene<B>) {
        look(&mut subject, &scene);
        assert_eq!(subject.kept(), scene.book.kept());
    }
}

fn count(what: &'static str) {
    TALLY.with_borrow_mut(|tally| *tally.entry(what).or_default() += 1);
}

/// What a transaction of the protocol's own did.
fn done_by_a_handling(request: &Request) -> impl Iterator<Item = &'static str> {
    let Request::Commit(commit) = request else { panic!("a transaction was answered: {request:?}") };
    let what = [
        (!commit.withdrawals.is_empty(), "a handling claims"),
        (!commit.deposits.is_empty(), "a handling gives back"),
        (commit.slot.is_some(), "a handling queues for a token"),
        (commit.record.claim.as_ref().is_some_and(|claim| claim.taken_over), "a handling takes over"),
        (!commit.record.retries.is_empty(), "a handling settles"),
        (
            commit.record.wait.as_ref().is_some_and(|wait| wait.ruling == Ruling::WaitStorm),
            "a handling waits out a storm",
        ),
    ];
    what.into_iter().filter_map(|(is, what)| is.then_some(what))
}

/// All that the ports show is the same.
fn look<S: Subject, B: Book>(subject: &mut S, scene: &Scene<B>) {
    let windows: Vec<_> = scene.windows.iter().copied().collect();
    let read = |run| Request::Read { run, buckets: bucket_keys().to_vec(), windows: windows.clone() };
    let policies = (1..=scene.pushed).map(Request::Policy);
    let rest = [Request::Sweep, Request::Controls, Request::Overdue(scene.now)];
    for request in stage_runs().into_iter().map(read).chain(policies).chain(rest) {
        let right = scene.book.clone().answer(&request).normal();
        assert_eq!(subject.answer(scene.now, &request).normal(), right, "{request:?}");
    }
}

/// The seed to play again.
pub fn seed() -> Option<u64> {
    Some(figure::number("RETRIER_CONFORMANCE_SEED", 0)).filter(|seed| *seed > 0)
}

/// So many sequences of one seed, each of at most so many operations.
pub fn batch<S: Subject, B: Book>(seed: u64, sequences: u32, longest: usize) -> Tally {
    let config =
        Config { cases: sequences, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let generator = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config.clone(), generator);
    TALLY.take();
    let end = runner.run(&Machine::<B>::sequential_strategy(1..=longest), |(scene, operations, seen)| {
        Comparison::<S, B>::test_sequential(config.clone(), scene, operations, seen);
        Ok(())
    });
    if let Err(TestError::Fail(reason, (_, operations, _))) = &end {
        panic!(
            "they differ: {reason}\nafter {operations:#?}\nto play it again: RETRIER_CONFORMANCE_SEED={seed}"
        );
    }
    end.unwrap();
    TALLY.take()
}

/// A full run in batches, which goes on where the last one ended, and its figure.
pub fn full<S: Subject, B: Book>(name: &str, sequences: u64, in_a_batch: u32, longest: usize) {
    if let Some(seed) = seed() {
        batch::<S, B>(seed, in_a_batch, longest);
        return;
    }
    let progress = Progress::of(name);
    let kept = progress.load().unwrap_or(json!({}));
    let (mut done, mut asked) =
        (kept["batches"].as_u64().unwrap_or(0), kept["operations"].as_u64().unwrap_or(0));
    let batches = sequences.div_ceil(u64::from(in_a_batch));
    while done < batches {
        asked += batch::<S, B>(done + 1, in_a_batch, longest).values().sum::<u64>();
        done += 1;
        progress.save(&json!({ "batches": done, "operations": asked }));
    }
    progress.finish();
    let sequences = done * u64::from(in_a_batch);
    figure::record(name, &format!("{sequences} sequences, {asked} calls of the ledger, 0 divergences"), true);
}
