//! What holds of every handling of a message.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestCaseError, TestRunner};

use codepipeline_retrier::domain::backoff::Jitter;
use codepipeline_retrier::domain::evidence::Examination;
use codepipeline_retrier::domain::freeze::CalendarReadings;
use codepipeline_retrier::domain::pipeline::RetryReply;
use codepipeline_retrier::domain::protocol::{
    Answer, CommitReply, Conclusion, ControlsReply, Effect, Input, State, View, step,
};

use codepipeline_retrier::domain::storm::Window;

use super::replies::{Replies, Story, again, story};
use super::watch::{Watch, me};

/// More effects than any message can need: twenty beginnings of six effects each, and an end.
const MOST_EFFECTS: usize = 140;

/// One answer of every kind.
fn nonsense(story: &Story, replies: &Replies) -> Vec<Answer> {
    let mode = codepipeline_retrier::domain::pipeline::ExecutionMode::Superseded;
    vec![
        Answer::Begin { trigger: story.trigger.clone(), delivery: story.delivery, owner: me() },
        Answer::Tags(replies.tags.clone()),
        Answer::Ledger(Ok(Box::new(View::default()))),
        Answer::Noted(Ok(Window::default())),
        Answer::ControlsWritten(Ok(ControlsReply::Done)),
        Answer::Observed { reading: replies.reading.clone(), jitter: Jitter(0) },
        Answer::Examined(Examination::new()),
        Answer::Calendars(CalendarReadings::new()),
        Answer::Committed(Ok(CommitReply::Done)),
        Answer::Armed(Ok(())),
        Answer::Fenced(Box::new(again(&replies.reading, mode))),
        Answer::Called(RetryReply::Accepted),
    ]
}

fn is_out_of_order(state: &State, effect: &Effect) -> bool {
    let Effect::Finish(outcome) = effect else { return false };
    *state == State::Done && outcome.conclusion == Conclusion::OutOfOrder
}

/// Handles the message to its end; the effects, by name.
fn handle(story: &Story) -> Result<Vec<&'static str>, TestCaseError> {
    let environment = story.setting.environment();
    let mut watch = Watch::new(story);
    let mut state = State::Idle;
    let mut now = story.start;
    let mut answer = Answer::Begin { trigger: story.trigger.clone(), delivery: story.delivery, owner: me() };
    let mut names = Vec::new();
    for round in 0..MOST_EFFECTS {
        let replies = &story.replies[round % story.replies.len()];
        for other in nonsense(story, replies) {
            if std::mem::discriminant(&other) != std::mem::discriminant(&answer) {
                let (state, effect) = step(&environment, state.clone(), Input { now, answer: other });
                prop_assert!(is_out_of_order(&state, &effect), "an answer that nobody asked for was taken");
            }
        }
        let (next, effect) = step(&environment, state.clone(), Input { now, answer: answer.clone() });
        let again = step(&environment, state, Input { now, answer });
        prop_assert_eq!(&again, &(next.clone(), effect.clone()), "not a function");
        watch.see(&effect, now)?;
        names.push(name(&effect));
        if let Effect::Finish(_) = effect {
            for answer in nonsense(story, replies) {
                let (state, effect) = step(&environment, next.clone(), Input { now, answer });
                prop_assert!(is_out_of_order(&state, &effect), "it went on after its end");
            }
            return Ok(names);
        }
        state = next;
        answer = watch.answer(effect, replies);
        now += replies.pass;
    }
    Err(TestCaseError::fail(format!("it does not end: {names:?}")))
}

fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::ReadTags { .. } => "read-tags",
        Effect::ReadLedger { .. } => "read",
        Effect::NoteFailure(_) => "note",
        Effect::WriteControls(_) => "write-controls",
        Effect::Observe { .. } => "observe",
        Effect::Examine { .. } => "examine",
        Effect::ReadCalendars { .. } => "read-calendars",
        Effect::Commit(commit) if !commit.deposits.is_empty() => "give-back",
        Effect::Commit(commit) if commit.record.claim.as_ref().is_some_and(|of| of.owner == me()) => "claim",
        Effect::Commit(_) => "commit",
        Effect::Arm { .. } => "arm",
        Effect::Fence { .. } => "fence",
        Effect::Call { .. } => "call",
        Effect::Finish(_) => "finish",
    }
}

#[test]
fn the_stories_reach_every_effect() {
    let mut runner = TestRunner::deterministic();
    let strategy = story();
    let mut seen = BTreeSet::new();
    let mut calls = 0;
    for _ in 0..2_000 {
        let story = strategy.new_tree(&mut runner).unwrap().current();
        let names = handle(&story).unwrap();
        calls += usize::from(names.contains(&"call"));
        seen.extend(names);
    }
    let all = [
        "arm",
        "call",
        "claim",
        "commit",
        "examine",
        "fence",
        "finish",
        "give-back",
        "note",
        "observe",
        "read",
        "read-calendars",
        "read-tags",
        "write-controls",
    ];
    assert_eq!(seen, BTreeSet::from(all));
    assert!(calls >= 20, "only {calls} calls");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_shrink_iters: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_handling_keeps_the_rules_and_ends(story in story()) {
        handle(&story)?;
    }
}
