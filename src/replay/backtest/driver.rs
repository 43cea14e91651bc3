//! Plays a history before the protocol: events come when they came, wake-ups when they are due, and every effect is
//! answered with what was true at that moment.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use jiff::{SignedDuration, Timestamp};

use super::past::{Ended, PastFailure, Sequel, past_failures};
use super::{LastDecision, Replayed, as_if_active};
use crate::domain::decision::{Decision, Ruling, Verdict};
use crate::domain::evidence::{Depth, Examination};
use crate::domain::facts::{FailedAction, failure};
use crate::domain::freeze::CalendarState;
use crate::domain::ids::{ActionExecutionId, PipelineArn, StageRunId};
use crate::domain::live::Standing;
use crate::domain::pipeline::{Gap, Reading, RetryReply, StageReading};
use crate::domain::policy::{Mode, Policy};
use crate::domain::protocol::{Answer, Conclusion, Effect, Input, Outcome, State, step};
use crate::domain::rollback::RollbackReply;
use crate::domain::scope::Scopes;
use crate::domain::screen::{Environment, Telling};
use crate::domain::stage_run::{Owner, Timing, after};
use crate::domain::trigger::{Delivery, EventKey, StageEvent, StageEventState, Trigger, WakeUp};
use crate::emulator::ledger::MemoryLedger;
use crate::names;
use crate::replay::history::{Course, History, Timeline};

/// What an event takes to arrive.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(1);
/// A message cannot need more effects than this; the protocol's own limits are far below.
const MOST_EFFECTS: usize = 500;

/// Decides about every failure of a history by the policy, in the order in which they happened.
pub fn replay(history: &History, policy: &Policy) -> Vec<Replayed> {
    let policy = as_if_active(policy);
    let mut replay = Replay::new(history);
    replay.play(&policy, history);
    replay.failures
}

struct Replay<'a> {
    timelines: BTreeMap<PipelineArn, Timeline<'a>>,
    ledger: MemoryLedger,
    wake_ups: BinaryHeap<Reverse<(Timestamp, u64, WakeUp)>>,
    failures: Vec<Replayed>,
    /// Each failure by any of its failed runs.
    by_action: BTreeMap<ActionExecutionId, usize>,
    /// The failures of each stage run, in order.
    by_run: BTreeMap<StageRunId, Vec<usize>>,
    handlings: u64,
}

impl<'a> Replay<'a> {
    fn new(history: &'a History) -> Self {
        let timelines: BTreeMap<PipelineArn, Timeline<'a>> = (history.pipelines.iter())
            .map(|pipeline| (history.arn(&pipeline.structure.name), Timeline::new(pipeline)))
            .collect();
        let mut failures: Vec<Replayed> = (timelines.iter())
            .flat_map(|(arn, timeline)| past_failures(arn, timeline.pipeline()))
            .map(|past| Replayed { past, last: None, retry_at: None })
            .collect();
        failures.sort_by_key(|failure| failure.past.told_at);
        let mut by_action = BTreeMap::new();
        let mut by_run: BTreeMap<StageRunId, Vec<usize>> = BTreeMap::new();
        for (index, Replayed { past, .. }) in failures.iter().enumerate() {
            by_action.extend(past.failed.iter().map(|id| (id.clone(), index)));
            by_run.entry(past.run.clone()).or_default().push(index);
        }
        Self {
            timelines,
            ledger: MemoryLedger::default(),
            wake_ups: BinaryHeap::new(),
            failures,
            by_action,
            by_run,
            handlings: 0,
        }
    }

    fn play(&mut self, policy: &Policy, history: &History) {
        let scopes = Scopes::alone(history.scope().clone());
        let environment = Environment {
            policy: Some(policy),
            standing: Standing::packaged(Some(&policy.version)),
            mode: Mode::Active,
            scopes: &scopes,
            evidence: Depth::Logs,
            timing: Timing::default(),
            telling: Telling::default(),
            may_roll_back: false,
            deadline: Timestamp::MAX,
        };
        let mut events: Vec<(Timestamp, usize, StageEvent)> = (self.failures.iter().enumerate())
            .flat_map(|(index, failure)| events(&failure.past).map(move |(at, event)| (at, index, event)))
            .collect();
        events.sort_by_key(|(at, index, _)| (*at, *index));
        let mut events = events.into_iter().peekable();
        loop {
            let wake_up = self.wake_ups.peek().map(|Reverse((at, ..))| *at);
            match (events.peek().map(|(at, ..)| *at), wake_up) {
                (None, None) => return,
                (Some(event), wake_up) if wake_up.is_none_or(|wake_up| event <= wake_up) => {
                    if let Some((at, index, event)) = events.next() {
                        self.handle(&environment, Trigger::StageEvent(event), at, Some(index));
                    }
                }
                _ => {
                    if let Some(Reverse((at, _, wake_up))) = self.wake_ups.pop() {
                        // What waits without end for a cause that never comes is over with the history.
                        if at <= after(history.header.until, SignedDuration::from_hours(7 * 24)) {
                            self.handle(&environment, Trigger::WakeUp(wake_up), at, None);
                        }
                    }
                }
            }
        }
    }

    /// Handles one message to its end, at that instant.
    fn handle(
        &mut self,
        environment: &Environment<'_>,
        trigger: Trigger,
        now: Timestamp,
        subject: Option<usize>,
    ) {
        self.handlings += 1;
        let run = trigger.run().clone();
        let owner = Owner(format!("backtest-{}", self.handlings));
        let mut state = State::Idle;
        let mut answer = Answer::Begin { trigger, delivery: Delivery::First, owner };
        for _ in 0..MOST_EFFECTS {
            let (next, effect) = step(environment, state, Input { now, answer });
            state = next;
            answer = match effect {
                Effect::Finish(outcome) => return self.note(&run, *outcome, now, subject),
                effect => self.answer(effect, now),
            };
        }
        self.note(&run, Outcome::without_decision(Conclusion::Contended), now, subject);
    }

    fn answer(&mut self, effect: Effect, now: Timestamp) -> Answer {
        match effect {
            Effect::ReadTags { pipeline } => {
                let timeline = self.timelines.get(&pipeline);
                Answer::Tags(timeline.and_then(|of| of.pipeline().tags.clone()).ok_or(Gap::NotRead))
            }
            Effect::ReadLedger { run, buckets, windows } => {
                Answer::Ledger(Ok(Box::new(self.ledger.read(&run, &buckets, &windows))))
            }
            Effect::NoteFailure(note) => Answer::Noted(Ok(self.ledger.note_failure(&note))),
            Effect::WriteControls(controls) => {
                Answer::ControlsWritten(Ok(self.ledger.write_controls(&controls)))
            }
            Effect::Observe { run } => {
                let reading = self.timelines.get(&run.pipeline).map(|timeline| timeline.reading(&run, now));
                let reading = reading.unwrap_or_else(nothing);
                let jitter = names::jitter(&run, &failure(&run, &reading));
                Answer::Observed { reading: Box::new(reading), jitter }
            }
            Effect::Examine { run, failed, .. } => Answer::Examined(self.examined(&run, &failed)),
            // What a calendar said then is not on record anywhere.
            Effect::ReadCalendars { calendars } => Answer::Calendars(
                calendars.into_iter().map(|calendar| (calendar, Ok(CalendarState::Open))).collect(),
            ),
            Effect::Commit(commit) => {
                // Each decision is noted with its failure: nobody asks for the log, which would be most of the memory.
                Answer::Committed(Ok(self.ledger.settle(&commit)))
            }
            Effect::Arm { wake_up, at } => {
                self.handlings += 1;
                self.wake_ups.push(Reverse((at.max(now), self.handlings, wake_up)));
                Answer::Armed(Ok(()))
            }
            Effect::Fence { run, mode } => {
                let timeline = self.timelines.get(&run.pipeline);
                let stage = timeline.map(|timeline| timeline.stage_reading(&run, mode, now));
                Answer::Fenced(Box::new(stage.unwrap_or(StageReading::State(Err(Gap::PipelineNotFound)))))
            }
            Effect::Call { .. } => Answer::Called(RetryReply::Accepted),
            Effect::FindTarget { .. } => Answer::Target(Ok(None)),
            // Nothing is rolled back where nothing may be; and an end is not asked for.
            Effect::RollBack { .. } | Effect::Finish(_) => Answer::RolledBack(RollbackReply::NotSent),
        }
    }

    fn examined(&self, run: &StageRunId, failed: &[FailedAction]) -> Examination {
        let execution = self.timelines.get(&run.pipeline).and_then(|of| of.execution(&run.execution));
        let Some(Course::Eventful { examination, .. }) = execution.map(|execution| &execution.course) else {
            return Examination::new();
        };
        let ids: BTreeSet<&ActionExecutionId> = failed.iter().map(|action| &action.id).collect();
        let wanted = examination.iter().filter(|(id, _)| ids.contains(id));
        wanted.map(|(id, examined)| (id.clone(), examined.clone())).collect()
    }

    /// Keeps what was decided, with the failure that it is about.
    fn note(&mut self, run: &StageRunId, outcome: Outcome, now: Timestamp, subject: Option<usize>) {
        // The end of a stage that was retried is no failure.
        let is_about_failure = |decision: &Decision| decision.ruling != Ruling::IgnoreNotAFailure;
        let Some(decision) = outcome.decision.filter(is_about_failure) else { return };
        let by_id = decision.failed.iter().find_map(|id| self.by_action.get(id)).copied();
        let index = by_id.or(subject).or_else(|| self.latest_failure(run, now));
        let Some(failure) = index.and_then(|index| self.failures.get_mut(index)) else { return };
        if decision.ruling.verdict() == Verdict::Retry {
            failure.retry_at.get_or_insert(now);
        }
        keep(failure, decision);
    }

    fn latest_failure(&self, run: &StageRunId, now: Timestamp) -> Option<usize> {
        let happened =
            |index: &&usize| self.failures.get(**index).is_some_and(|failure| failure.past.failed_at <= now);
        self.by_run.get(run)?.iter().rev().find(happened).copied()
    }
}

fn keep(failure: &mut Replayed, decision: Decision) {
    // What is said of a failure after it was retried is about its retry.
    if failure.retry_at.is_none() || decision.ruling.verdict() == Verdict::Retry {
        failure.last = Some(LastDecision { ruling: decision.ruling, rule: decision.rule });
    }
}

fn nothing() -> Reading {
    let gap = Gap::PipelineNotFound;
    Reading {
        state: Err(gap),
        execution: Err(gap),
        structure: Err(gap),
        actions: Err(gap),
        entries: Err(gap),
    }
}

/// The event that told of a failure, and that of the success which followed its retry.
fn events(past: &PastFailure) -> impl Iterator<Item = (Timestamp, StageEvent)> + use<> {
    let event = |state, time, number: usize| {
        let last_retry = if number > 1 { number.to_string() } else { String::new() };
        let key = EventKey { attempt: number.to_string(), last_retry };
        (after(time, ON_ITS_WAY), StageEvent { run: past.run.clone(), state, time, key })
    };
    let failed = event(StageEventState::Failed, past.told_at, past.number);
    let ended = match past.sequel {
        Sequel::Retried { ended: Ended::Recovered(at), .. } => {
            Some(event(StageEventState::Succeeded, at, past.number + 1))
        }
        _ => None,
    };
    std::iter::once(failed).chain(ended)
}
