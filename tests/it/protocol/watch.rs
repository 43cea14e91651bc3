//! Watches the effects of one handling and says when one breaks a rule of the protocol. It keeps its own account of what
//! is on record, and takes nothing over from the protocol's state.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use codepipeline_retrier::classify::examine;
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::freeze::{CalendarReadings, CalendarState};
use codepipeline_retrier::domain::ids::{ActionExecutionId, CalendarArn, PipelineName};
use codepipeline_retrier::domain::pipeline::{
    ActionExecution, ActionStatus, Gap, Reading, RetryReply, StageReading,
};
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::protocol::{
    Answer, Commit, CommitReply, Conclusion, ControlsReply, Effect, Fault, View,
};
use codepipeline_retrier::domain::rollback::RollbackReply;
use codepipeline_retrier::domain::stage_run::{Hint, Owner, StageRun, Timing, after};
use codepipeline_retrier::domain::storm::{Storm, Window, WindowKey};
use codepipeline_retrier::domain::tags::TagsReading;
use codepipeline_retrier::domain::trigger::{EventKey, Trigger};

use crate::arbitrary::run;

use super::replies::{Committing, Fenced, Replies, Story, again};

type Checked = Result<(), TestCaseError>;

/// Who handles the message.
pub fn me() -> Owner {
    Owner("me".into())
}

/// What is known about the claimed retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    None,
    NotDone,
    Done,
    Unknown,
}

/// The account of one handling.
pub struct Watch<'a> {
    story: &'a Story,
    /// The record as it was last read, found or written.
    known: Option<StageRun>,
    controls: u64,
    reading: Option<Box<Reading>>,
    sent: Option<Box<Commit>>,
    /// Whether the last transaction had no answer, and if so, whether it was done.
    lost: Option<bool>,
    fenced: Option<StageReading>,
    notes: u32,
    calls: u32,
    evidence: Evidence,
    has_begun: bool,
    tags: TagsReading,
    /// What the change calendars said that were asked last.
    calendars: CalendarReadings,
}

impl<'a> Watch<'a> {
    pub fn new(story: &'a Story) -> Self {
        Self {
            story,
            known: None,
            controls: 0,
            reading: None,
            sent: None,
            lost: None,
            fenced: None,
            notes: 0,
            calls: 0,
            evidence: Evidence::None,
            has_begun: false,
            tags: Err(Gap::NotRead),
            calendars: CalendarReadings::new(),
        }
    }

    fn holds(&self) -> bool {
        self.known.as_ref().and_then(|record| record.claim.as_ref()).is_some_and(|claim| claim.owner == me())
    }

    /// Checks an effect against all that was before.
    pub fn see(&mut self, effect: &Effect, now: Timestamp) -> Checked {
        match effect {
            Effect::Commit(commit) => return self.see_commit(commit, now),
            Effect::Fence { .. } => prop_assert!(self.holds(), "a fence without a claim"),
            Effect::FindTarget { .. } | Effect::RollBack { .. } => {
                prop_assert!(false, "a rollback that no rule asks for");
            }
            Effect::Call { mode, .. } => {
                let wanted = self.story.setting.policy.as_ref().unwrap().rules[0].selector.tags.clone();
                let is_meant = wanted.is_empty() || self.tags.as_ref().is_ok_and(|tags| wanted.matches(tags));
                prop_assert!(is_meant, "a call for a pipeline whose tags are not meant, or not known");
                prop_assert!(self.holds(), "a call without a claim");
                let frozen = self.story.setting.policy.as_ref().is_some_and(|policy| {
                    let is_open = |arn: &CalendarArn| match self.calendars.get(arn) {
                        Some(Ok(CalendarState::Open)) => true,
                        Some(Ok(CalendarState::Closed { until })) => until.is_some_and(|until| until <= now),
                        Some(Err(_)) | None => false,
                    };
                    !policy.calendars().iter().all(is_open)
                });
                prop_assert!(!frozen, "a call while a calendar is closed, or not known to be open");
                prop_assert_eq!(self.calls, 0, "a second call");
                prop_assert_eq!(self.story.setting.rule_mode(), Mode::Active, "a call in shadow");
                let claim = self.known.as_ref().and_then(|record| record.claim.clone()).unwrap();
                prop_assert_eq!(*mode, claim.mode);
                prop_assert!(!claim.failed.is_empty(), "a call that answers nothing");
                prop_assert!(self.fenced.is_some(), "a call without a fence");
                // An action that a retry of all actions has not reached again still shows its earlier failure.
                let shown = self.fenced.as_ref().map(still_failed).unwrap_or_default();
                prop_assert!(claim.failed.is_subset(&shown), "the fence shows something else");
                self.calls += 1;
            }
            Effect::Finish(outcome) => {
                prop_assert_ne!(outcome.conclusion, Conclusion::OutOfOrder);
                let decided = outcome.decision.is_some();
                prop_assert!(
                    decided || outcome.conclusion != Conclusion::Handled,
                    "handled without a decision"
                );
            }
            Effect::Observe { .. } => self.see_observation(now)?,
            Effect::ReadTags { .. } => {
                prop_assert!(self.story.setting.asks_for_tags(), "tags that no rule asks for");
                prop_assert!(!self.has_begun, "tags are asked for first, and once");
            }
            Effect::Arm { .. } | Effect::ReadLedger { .. } => {}
            Effect::Examine { failed, .. } => {
                prop_assert!(!failed.is_empty(), "nothing is examined");
                prop_assert!(self.reading.is_some(), "examined before it was read");
            }
            Effect::ReadCalendars { calendars } => {
                prop_assert!(!calendars.is_empty(), "no calendar is asked");
                prop_assert!(self.reading.is_some(), "asked before it was read");
            }
            Effect::NoteFailure(note) => {
                self.notes += 1;
                prop_assert_eq!(self.notes, 1, "a failure noted twice");
                prop_assert!(note.at <= now, "a failure of the future");
            }
            Effect::WriteControls(controls) => prop_assert_eq!(controls.version, self.controls + 1),
        }
        self.has_begun = true;
        prop_assert!(
            self.lost.is_none() || matches!(effect, Effect::Finish(_)),
            "a transaction left unanswered"
        );
        Ok(())
    }

    /// A sweep asks nothing about what is known: what is waited for, what others are at, and what is answered.
    fn see_observation(&self, now: Timestamp) -> Checked {
        let (Trigger::Sweep(finding), Some(record)) = (&self.story.trigger, &self.known) else {
            return Ok(());
        };
        let settle_window = Timing::default().settle_window;
        let waits = record.wait.as_ref().is_some_and(|wait| now < wait.wake_at);
        let is_claimed =
            record.claim.as_ref().is_some_and(|claim| now < after(claim.lease_until, settle_window));
        prop_assert!(!waits && !is_claimed, "a sweep reads a stage run that is in good hands");
        let is_open = record.wait.is_some() || record.claim.is_some() || record.running_retry().is_some();
        let mut seen = finding.failure.iter().flat_map(|failure| &failure.failed);
        prop_assert!(is_open || seen.any(|id| !record.knows(id)), "a sweep reads what is answered");
        Ok(())
    }

    fn see_commit(&mut self, commit: &Commit, now: Timestamp) -> Checked {
        if self.lost.is_some() {
            prop_assert_eq!(Some(commit), self.sent.as_deref(), "not the transaction that was lost");
            return Ok(());
        }
        let (before, next) = (self.known.as_ref(), &commit.record);
        prop_assert_eq!(next.revision, before.map_or(0, |record| record.revision) + 1);
        if let Some(wait) =
            next.wait.as_ref().filter(|wait| before.is_none_or(|of| of.sequence < wait.sequence))
        {
            // An answer that is written late may find its time over; a decision never asks for the past.
            let now = commit.decision.as_ref().map_or(now, |decision| decision.decided_at);
            let at_once = wait.ruling == Ruling::WaitClaimOpen && wait.wake_at >= now;
            prop_assert!(
                wait.wake_at > now || at_once,
                "{} wakes at {}, and it is {now}",
                wait.ruling,
                wait.wake_at
            );
        }
        if let Some(wait) = next.wait.as_ref().filter(|of| of.ruling == Ruling::WaitStorm)
            && before.is_none_or(|of| of.sequence < wait.sequence)
        {
            prop_assert!(self.reading.is_none(), "held after CodePipeline was asked");
            let spread = Storm::DEFAULT.spread();
            prop_assert!(wait.wake_at <= after(wait.hint.time, spread), "held for too long: {wait:?}");
        }
        let waited = before.and_then(|record| record.wait.as_ref()).filter(|wait| now < wait.wake_at);
        if matches!(self.story.trigger, Trigger::Sweep(_)) && waited.is_some() && !self.holds() {
            prop_assert_eq!(next.wait.as_ref(), waited, "a sweep touches what is waited for and not overdue");
        }
        let used = |record: &StageRun| (record.live.used, record.shadow.used);
        let (used_before, shadow_before) = before.map_or((0, 0), used);
        let most =
            self.story.setting.policy.as_ref().map_or(0, |policy| policy.rules[0].settings.max_retries);
        prop_assert!(next.live.used <= used_before.max(most), "more retries than allowed");
        prop_assert!(next.shadow.used <= shadow_before.max(most), "more shadow retries than allowed");

        let claim_before = before.and_then(|record| record.claim.as_ref());
        let claims = next.claim.as_ref().filter(|claim| claim.owner == me() && Some(*claim) != claim_before);
        let takes_over = claims.is_some_and(|claim| claim.taken_over);
        let claims_in_shadow = next.shadow.used > shadow_before;
        if claims.is_some() {
            prop_assert_eq!(commit.controls, Some(self.controls), "a claim without a look at the pause");
            prop_assert!(claim_before.is_none_or(|before| before.owner != me()), "a second claim of its own");
        }
        if claims.is_some() && !takes_over {
            prop_assert_eq!(next.live.used, used_before + 1);
        }
        if !commit.withdrawals.is_empty() {
            prop_assert!(claims_in_shadow || claims.is_some() && !takes_over, "tokens taken for nothing");
        }
        prop_assert!(claims_in_shadow || next.live.used <= used_before || claims.is_some());

        if let Some(others) =
            claim_before.filter(|before| before.owner != me() && next.claim.as_ref() != Some(before))
        {
            let due = after(others.lease_until, Timing::default().settle_window);
            prop_assert!(now >= due, "somebody else's claim was touched before its time");
        }
        let closed = claim_before.filter(|before| before.owner == me() && next.claim.is_none());
        if let Some(closed) = closed {
            let back = if self.evidence == Evidence::NotDone && !closed.taken_over {
                closed.deposits.clone()
            } else {
                Vec::new()
            };
            prop_assert_ne!(self.evidence, Evidence::Unknown, "closed without knowing");
            let after_two = closed.taken_over && self.calls > 0 && self.evidence == Evidence::NotDone;
            prop_assert!(!after_two, "a refusal says nothing about an earlier owner's call");
            prop_assert_eq!(&commit.deposits, &back, "tokens that come back");
            let given_back = self.evidence == Evidence::NotDone && !closed.taken_over;
            prop_assert_eq!(next.live.used, used_before - u32::from(given_back));
            let still_answered = closed.failed.is_subset(&next.live.answered);
            prop_assert_eq!(still_answered, self.evidence == Evidence::Done);
        } else {
            prop_assert!(commit.deposits.is_empty(), "tokens given back without a claim of its own");
        }
        self.sent = Some(Box::new(commit.clone()));
        Ok(())
    }

    /// Answers an effect by the story, and keeps account of the answer.
    pub fn answer(&mut self, effect: Effect, replies: &Replies) -> Answer {
        match effect {
            Effect::FindTarget { .. } => Answer::Target(Ok(None)),
            Effect::RollBack { .. } => Answer::RolledBack(RollbackReply::NotSent),
            Effect::ReadTags { .. } => {
                self.tags.clone_from(&replies.tags);
                Answer::Tags(replies.tags.clone())
            }
            Effect::ReadLedger { windows, .. } => {
                if let Some(fault) = replies.ledger_fault {
                    return Answer::Ledger(Err(fault));
                }
                // Who reads the ledger anew begins anew.
                self.reading = None;
                self.known.clone_from(&replies.view.record);
                self.controls = replies.view.controls.version;
                let windows = windows.into_iter().map(|key| (key, failing(key, replies.failing))).collect();
                Answer::Ledger(Ok(Box::new(View { windows, ..replies.view.clone() })))
            }
            Effect::NoteFailure(note) => Answer::Noted(replies.noted.map(|noted| {
                let window = failing(note.key, replies.failing);
                if noted { note.apply(&window).unwrap_or(window) } else { window }
            })),
            Effect::WriteControls(controls) => Answer::ControlsWritten(match replies.controls_conflict {
                None => {
                    self.controls = controls.version;
                    Ok(ControlsReply::Done)
                }
                Some(Ok(version)) => {
                    self.controls = version;
                    let mut current = replies.view.controls.clone();
                    current.version = version;
                    Ok(ControlsReply::Conflict(current))
                }
                Some(Err(fault)) => Err(fault),
            }),
            Effect::Observe { .. } => {
                let from = if replies.as_before { &self.story.replies[0] } else { replies };
                self.reading = Some(from.reading.clone());
                Answer::Observed { reading: from.reading.clone(), jitter: from.jitter }
            }
            Effect::Examine { run, failed, .. } => Answer::Examined(examine(&[], &run, &failed, &[], false)),
            Effect::ReadCalendars { calendars } => {
                let state = |arn| (arn, replies.calendar);
                self.calendars = calendars.into_iter().map(state).collect();
                Answer::Calendars(self.calendars.clone())
            }
            Effect::Commit(commit) => self.answer_commit(&commit, replies),
            Effect::Arm { .. } | Effect::Finish(_) => Answer::Armed(replies.armed),
            Effect::Fence { mode, .. } => {
                self.evidence = Evidence::NotDone;
                let reading = match &replies.fenced {
                    Fenced::Same => self.reading.as_ref().unwrap_or(&replies.reading),
                    Fenced::Other(reading) => reading,
                };
                let stage = again(reading, mode);
                self.fenced = Some(stage.clone());
                Answer::Fenced(Box::new(stage))
            }
            Effect::Call { .. } => {
                self.evidence = match replies.called {
                    RetryReply::Accepted => Evidence::Done,
                    RetryReply::Refused(_) | RetryReply::NotSent => Evidence::NotDone,
                    RetryReply::Unknown => Evidence::Unknown,
                };
                Answer::Called(replies.called)
            }
        }
    }

    fn answer_commit(&mut self, commit: &Commit, replies: &Replies) -> Answer {
        if self.lost.take() == Some(true) {
            let current = commit.record.clone();
            self.known = Some(current.clone());
            return Answer::Committed(Ok(CommitReply::Conflict(Some(Box::new(current)))));
        }
        let first_bucket = commit.withdrawals.first().map(|withdrawal| Box::new(withdrawal.key.clone()));
        Answer::Committed(match (&replies.commit, first_bucket) {
            (Committing::Moved(current), _) => {
                self.known = current.as_deref().cloned();
                Ok(CommitReply::Conflict(current.clone()))
            }
            (Committing::Touched, _) => {
                self.known = self.known.take().map(|record| self.touched(record));
                Ok(CommitReply::Conflict(self.known.clone().map(Box::new)))
            }
            (Committing::BucketChanged(bucket), Some(key)) => Ok(CommitReply::BucketChanged(key, *bucket)),
            (Committing::ControlsChanged, _) if commit.controls.is_some() => Ok(CommitReply::ControlsChanged),
            (Committing::Lost { done }, _) => {
                self.lost = Some(*done);
                Err(Fault::Unknown)
            }
            (Committing::NotDone, _) => Err(Fault::NotDone),
            (Committing::Done | Committing::BucketChanged(_) | Committing::ControlsChanged, _) => {
                self.known = Some(commit.record.clone());
                Ok(CommitReply::Done)
            }
        })
    }

    /// The record after somebody has added a wait to it.
    fn touched(&self, mut record: StageRun) -> StageRun {
        let now = self.story.start;
        let hint = Hint { key: EventKey { attempt: "9".into(), last_retry: String::new() }, time: now };
        record.begin_wait(Ruling::WaitClaimOpen, Some(now), now, hint);
        record.revision += 1;
        record
    }
}

/// A window in which so many pipelines failed, one a second.
fn failing(key: WindowKey, pipelines: u8) -> Window {
    let start = Timestamp::from_millisecond(key.start_ms).unwrap();
    let failures = (0..pipelines).map(|number| {
        let name = PipelineName::parse(format!("other-{number}")).unwrap();
        (name, after(start, SignedDuration::from_secs(number.into())))
    });
    Window { failures: failures.collect() }
}

/// The failed runs that the stage shows as the last ones of their actions, unless something else than failure goes on.
fn still_failed(stage: &StageReading) -> BTreeSet<ActionExecutionId> {
    let (ids, busy): (Vec<_>, bool) = match stage {
        StageReading::State(state) => {
            let stage = state.as_ref().ok().and_then(|state| state.stages.first());
            let ours =
                stage.filter(|of| of.latest.as_ref().is_some_and(|of| of.execution == run().execution));
            let runs: Vec<_> =
                ours.iter().flat_map(|of| &of.actions).filter_map(|of| of.latest.as_ref()).collect();
            let failed = runs.iter().filter(|of| of.status == ActionStatus::Failed).map(|of| of.id.clone());
            (failed.collect(), runs.iter().any(|of| of.status == ActionStatus::InProgress))
        }
        StageReading::Parallel { actions, .. } => {
            let runs = actions.as_deref().unwrap_or_default();
            let runs: Vec<_> =
                runs.iter().filter(|of| of.execution == run().execution && of.stage == run().stage).collect();
            let is_last = |of: &ActionExecution| {
                !runs.iter().any(|other| other.action == of.action && other.started > of.started)
            };
            let failed = runs
                .iter()
                .filter(|of| of.status == ActionStatus::Failed && is_last(of))
                .map(|of| of.id.clone());
            (failed.collect(), runs.iter().any(|of| of.status == ActionStatus::InProgress))
        }
    };
    if busy { BTreeSet::new() } else { ids.into_iter().collect() }
}
