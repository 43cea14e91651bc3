//! What may happen next, and what it does: messages arrive, are handled effect by effect by the protocol itself, side by
//! side; time passes, policies change, people pause; and now and then something writes that no handling would.

use std::marker::PhantomData;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

use codepipeline_retrier::classify::examine;
use codepipeline_retrier::domain::controls::Pause;
use codepipeline_retrier::domain::facts::failure;
use codepipeline_retrier::domain::ids::StageRunId;
use codepipeline_retrier::domain::live::Source;
use codepipeline_retrier::domain::pipeline::{Gap, Refusal, RetryReply};
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::protocol::{Answer, Effect, Fault, Input, State, step};
use codepipeline_retrier::domain::rollback::RollbackReply;
use codepipeline_retrier::domain::stage_run::{Owner, after};
use codepipeline_retrier::domain::trigger::{Delivery, EventKey, StageEvent, StageEventState, Trigger};
use codepipeline_retrier::names::jitter;
use codepipeline_retrier::ports::Quarantined;

use super::exchange::{Book, Reply, Request};
use super::moves::{Rewrite, rewrite};
use super::pushes::Pushing;
use super::rounds::Round;
use super::scene::{Handling, Scene, WorksBy, again, bucket_keys, environment, policies, reading, runs};
use super::storms::Failure;
use crate::arbitrary::at;

/// One thing that happens. Numbers choose among what there is at that moment.
#[derive(Debug, Clone)]
pub enum Operation {
    Pass(i64),
    Deploy(usize),
    Arrive {
        message: Message,
        reading: usize,
        again: bool,
    },
    /// A handling does what it was about to do.
    GoOn {
        handling: usize,
        outside: Outside,
    },
    Die(usize),
    Rewrite(Rewrite),
    /// A transaction that was sent before comes again, perhaps late.
    Resend(usize),
    People {
        what: People,
        late: bool,
    },
    Quarantine(u8),
    Read(usize),
    /// A pipeline fails, which may be none of ours.
    Fail(Failure),
    /// The sweep goes on.
    Round(Round),
    /// Somebody looks for what is overdue: at what is due at that stage run, or a moment before; else at the present.
    Overdue {
        run: Option<usize>,
        before: bool,
    },
    Controls,
    Policy(u64),
    Push(Pushing),
}

#[derive(Debug, Clone)]
pub enum Message {
    Event { run: usize, state: StageEventState, attempt: u8, fresh: bool },
    WakeUp(usize),
}

/// What the world says to a handling.
#[derive(Debug, Clone)]
pub struct Outside {
    /// What the ledger does is not heard of.
    lost: bool,
    /// Another reading than before.
    changed: Option<usize>,
    called: RetryReply,
}

#[derive(Debug, Clone, Copy)]
pub enum People {
    Pause,
    Resume,
    /// Another function puts its policy to work.
    Activate(usize),
}

fn outside() -> impl Strategy<Value = Outside> {
    let refused = [Refusal::Conflict, Refusal::Throttled, Refusal::NotRetryable, Refusal::AccessDenied];
    let called = prop_oneof![
        5 => Just(RetryReply::Accepted),
        2 => Just(RetryReply::Unknown),
        1 => Just(RetryReply::NotSent),
        3 => select(refused.map(RetryReply::Refused).to_vec()),
    ];
    let changed = proptest::option::weighted(0.1, 0_usize..80);
    (proptest::bool::weighted(0.08), changed, called).prop_map(|(lost, changed, called)| Outside {
        lost,
        changed,
        called,
    })
}

fn message() -> impl Strategy<Value = Message> {
    use StageEventState as S;
    let state = prop_oneof![8 => Just(S::Failed), 1 => select(vec![S::Succeeded, S::Resumed, S::Stopped])];
    prop_oneof![
        3 => (0_usize..3, state, 0_u8..3, any::<bool>())
            .prop_map(|(run, state, attempt, fresh)| Message::Event { run, state, attempt, fresh }),
        1 => (0_usize..8).prop_map(Message::WakeUp),
    ]
}

/// What happens beside stage runs.
fn beside() -> impl Strategy<Value = Operation> {
    prop_oneof![
        1 => (0_u8..3).prop_map(Operation::Quarantine),
        1 => (0_usize..3).prop_map(Operation::Read),
        5 => Failure::any().prop_map(Operation::Fail),
        4 => Round::any().prop_map(Operation::Round),
        2 => (proptest::option::of(0_usize..3), any::<bool>())
            .prop_map(|(run, before)| Operation::Overdue { run, before }),
        1 => Just(Operation::Controls),
        2 => (0_u64..4).prop_map(Operation::Policy),
        2 => Pushing::any().prop_map(Operation::Push),
    ]
}

fn operation(handlings: usize) -> BoxedStrategy<Operation> {
    let pass = prop_oneof![
        4 => 0_i64..5_000,
        3 => select(vec![60_000_i64, 300_000, 700_000]),
        1 => 0_i64..2_000_000,
        // The clock of somebody else, who is behind.
        1 => -240_000_i64..0,
    ];
    let people =
        prop_oneof![Just(People::Pause), Just(People::Resume), (0_usize..4).prop_map(People::Activate)];
    let at_work = u32::from(handlings > 0);
    prop_oneof![
        4 => pass.prop_map(Operation::Pass),
        1 => (0_usize..4).prop_map(Operation::Deploy),
        if handlings < 4 { 4 } else { 1 } =>
            (message(), 0_usize..80, any::<bool>())
                .prop_map(|(message, reading, again)| Operation::Arrive { message, reading, again }),
        1 + 36 * at_work => (0_usize..6, outside())
            .prop_map(|(handling, outside)| Operation::GoOn { handling, outside }),
        at_work => (0_usize..6).prop_map(Operation::Die),
        4 => Rewrite::any().prop_map(Operation::Rewrite),
        2 => (0_usize..8).prop_map(Operation::Resend),
        1 => (people, proptest::bool::weighted(0.3)).prop_map(|(what, late)| Operation::People { what, late }),
        9 => beside(),
    ]
    .boxed()
}

/// The machine whose book says what is right.
#[derive(Debug)]
pub struct Machine<B>(PhantomData<B>);

impl<B: Book> ReferenceStateMachine for Machine<B> {
    type State = Scene<B>;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<Scene<B>> {
        Just(()).prop_map(|()| Scene::new()).boxed()
    }

    fn transitions(scene: &Scene<B>) -> BoxedStrategy<Operation> {
        operation(scene.handlings.len())
    }

    fn apply(mut scene: Scene<B>, operation: &Operation) -> Scene<B> {
        scene.exchange = None;
        scene.is_moved_to_a_push = false;
        scene.happen(operation);
        scene
    }
}

impl<B: Book> Scene<B> {
    fn happen(&mut self, operation: &Operation) {
        match operation {
            Operation::Pass(milliseconds) => {
                self.now = after(self.now, SignedDuration::from_millis(*milliseconds));
            }
            Operation::Deploy(number) => self.works_by = WorksBy::packaged(*number),
            Operation::Arrive { message, reading, again } => self.arrive(message, *reading, *again),
            Operation::GoOn { handling, outside } => self.go_on(*handling, outside),
            Operation::Die(handling) => {
                if !self.handlings.is_empty() {
                    self.handlings.remove(handling % self.handlings.len());
                }
            }
            Operation::Rewrite(what) => {
                if let Some(commit) = rewrite(self, what) {
                    self.ask(Request::Commit(Box::new(commit)));
                }
            }
            Operation::Resend(which) => {
                let newest_first = self.sent.iter().rev().nth(*which).cloned();
                if let Some(commit) = newest_first {
                    self.ask(Request::Commit(Box::new(commit)));
                }
            }
            Operation::People { what, late } => self.people(*what, *late),
            Operation::Quarantine(which) => {
                let fingerprint = format!("{which:02x}").repeat(32);
                let problem = format!("not JSON, {which}");
                self.ask(Request::Quarantine(Quarantined { fingerprint, length: 7, problem, at: self.now }));
            }
            Operation::Read(run) => {
                let run = runs()[run % runs().len()].clone();
                let windows = policies()[self.works_by.policy].storm.windows(self.now).to_vec();
                self.ask(Request::Read { run, buckets: bucket_keys().to_vec(), windows });
            }
            Operation::Fail(failure) => drop(self.ask(failure.note(self.now))),
            Operation::Round(round) => {
                if let Some(request) = round.request(self) {
                    self.ask(request);
                }
            }
            Operation::Overdue { run, before } => {
                let by = run.and_then(|run| self.due(&runs()[run])).unwrap_or(self.now);
                self.ask(Request::Overdue(after(by, SignedDuration::from_nanos(-i64::from(*before)))));
            }
            Operation::Controls => drop(self.ask(Request::Controls)),
            Operation::Policy(which) => {
                self.ask(Request::Policy(1 + which % (self.pushed + 1)));
            }
            Operation::Push(what) => {
                let request = what.request(self);
                self.ask(request);
            }
        }
    }

    fn arrive(&mut self, message: &Message, reading: usize, again: bool) {
        let trigger = match message {
            Message::Event { run, state, attempt, fresh } => Trigger::StageEvent(StageEvent {
                run: runs()[run % runs().len()].clone(),
                state: *state,
                time: self.failed_at(*fresh),
                key: EventKey { attempt: attempt.to_string(), last_retry: String::new() },
            }),
            Message::WakeUp(which) => match self.wake_ups.iter().rev().nth(*which) {
                Some(wake_up) => Trigger::WakeUp(wake_up.clone()),
                None => return,
            },
        };
        self.begin(trigger, self.works_by.clone(), reading, again);
    }

    /// Rules are at work from about when the first event came, which is before the failures of the readings.
    fn failed_at(&self, fresh: bool) -> Timestamp {
        let is_at_work = self.view(&runs()[0]).controls.activated.is_some();
        if fresh && is_at_work { after(self.now, SignedDuration::from_secs(-20)) } else { at(0) }
    }

    fn begin(&mut self, trigger: Trigger, works_by: WorksBy, reading: usize, again: bool) {
        self.begun += 1;
        let delivery = if again { Delivery::Again } else { Delivery::First };
        let owner = Owner(format!("handling-{}", self.begun));
        let begin = Answer::Begin { trigger: trigger.clone(), delivery, owner };
        let (state, effect) =
            step(&environment(&works_by), State::Idle, Input { now: self.now, answer: begin });
        self.take_up(Handling { trigger, works_by, reading, state, effect });
    }

    /// A handling whose policy is not in force any more begins anew by the one that is.
    fn take_up(&mut self, handling: Handling) {
        let Effect::Finish(outcome) = &handling.effect else { return self.handlings.push(handling) };
        let Some(source) = outcome.source.clone() else { return };
        self.is_moved_to_a_push = matches!(source, Source::Pushed(_));
        let works_by = handling.works_by.moved(source);
        if works_by.packaged == self.works_by.packaged {
            self.works_by = works_by.clone();
        }
        self.begin(handling.trigger, works_by, handling.reading, true);
    }

    /// When what is on record of a stage run is over.
    fn due(&self, run: &StageRunId) -> Option<Timestamp> {
        let record = self.view(run).record?;
        let wait = record.wait.map(|wait| wait.wake_at);
        wait.or(record.claim.map(|claim| claim.lease_until))
    }

    fn go_on(&mut self, which: usize, outside: &Outside) {
        if self.handlings.is_empty() {
            return;
        }
        let handling = self.handlings.remove(which % self.handlings.len());
        let Handling { trigger, works_by, reading: number, state, effect } = handling;
        let shown = outside.changed.unwrap_or(number);
        let answer = match effect {
            Effect::ReadTags { .. } => Answer::Tags(Err(Gap::Unavailable)),
            Effect::FindTarget { .. } => Answer::Target(Err(Gap::Unavailable)),
            Effect::RollBack { .. } => Answer::RolledBack(RollbackReply::NotSent),
            Effect::ReadLedger { run, buckets, windows } => {
                match self.ask(Request::Read { run, buckets, windows }) {
                    Reply::Read(view) if !outside.lost => Answer::Ledger(Ok(view)),
                    _ => Answer::Ledger(Err(Fault::NotDone)),
                }
            }
            Effect::NoteFailure(note) => match self.ask(Request::NoteFailure(note)) {
                Reply::Noted(window) if !outside.lost => Answer::Noted(Ok(window)),
                _ => Answer::Noted(Err(Fault::Unknown)),
            },
            Effect::WriteControls(controls) => match self.ask(Request::WriteControls(controls)) {
                Reply::WriteControls(reply) if !outside.lost => Answer::ControlsWritten(Ok(reply)),
                _ => Answer::ControlsWritten(Err(Fault::Unknown)),
            },
            Effect::Commit(commit) => match self.ask(Request::Commit(commit)) {
                Reply::Commit(reply) if !outside.lost => Answer::Committed(Ok(reply)),
                _ => Answer::Committed(Err(Fault::Unknown)),
            },
            Effect::Observe { run } => {
                let reading = reading(shown, &run);
                let jitter = jitter(&run, &failure(&run, &reading));
                Answer::Observed { reading: Box::new(reading), jitter }
            }
            Effect::Examine { run, failed, .. } => Answer::Examined(examine(&[], &run, &failed, &[], false)),
            Effect::ReadCalendars { calendars } => panic!("no rule has a freeze: {calendars:?}"),
            Effect::Arm { wake_up, .. } => {
                self.wake_ups.push(wake_up);
                Answer::Armed(Ok(()))
            }
            Effect::Fence { run, mode } => Answer::Fenced(Box::new(again(reading(shown, &run), mode))),
            Effect::Call { .. } => Answer::Called(outside.called),
            Effect::Finish(_) => return,
        };
        let (state, effect) = step(&environment(&works_by), state, Input { now: self.now, answer });
        self.take_up(Handling { trigger, works_by, reading: shown, state, effect });
    }

    fn people(&mut self, what: People, late: bool) {
        let present = self.view(&runs()[0]).controls;
        let mut next = match what {
            People::Pause => {
                let until = Some(after(self.now, SignedDuration::from_mins(3)));
                present.pause(Pause { pipeline: None, until, reason: "a look".into() })
            }
            People::Resume => present.resume(None),
            People::Activate(number) => {
                present.activate(&policies()[number % policies().len()], Mode::Active, None, self.now)
            }
        };
        next.version -= u64::from(late);
        self.ask(Request::WriteControls(next));
    }
}
