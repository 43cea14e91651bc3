//! What may happen next, and what it does: messages arrive, are handled effect by effect by the protocol itself, side by
//! side; time passes, policies change, people pause; and now and then something writes that no handling would.

use std::marker::PhantomData;

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

use codepipeline_retrier::domain::controls::Pause;
use codepipeline_retrier::domain::facts::failure;
use codepipeline_retrier::domain::pipeline::{Refusal, RetryReply};
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::protocol::{Answer, Effect, Fault, Input, State, step};
use codepipeline_retrier::domain::stage_run::{Owner, after};
use codepipeline_retrier::domain::storm::Window;
use codepipeline_retrier::domain::trigger::{Delivery, EventKey, StageEvent, StageEventState, Trigger};
use codepipeline_retrier::names::jitter;
use codepipeline_retrier::ports::Quarantined;

use super::exchange::{Book, Reply, Request};
use super::moves::{Rewrite, rewrite};
use super::scene::{Handling, Scene, again, bucket_keys, environment, policies, reading, runs};
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
}

#[derive(Debug, Clone)]
pub enum Message {
    Event { run: usize, state: StageEventState, attempt: u8 },
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
        3 => (0_usize..3, state, 0_u8..3).prop_map(|(run, state, attempt)| Message::Event { run, state, attempt }),
        1 => (0_usize..8).prop_map(Message::WakeUp),
    ]
}

fn operation(handlings: usize) -> BoxedStrategy<Operation> {
    let pass = prop_oneof![
        4 => 0_i64..5_000,
        2 => select(vec![60_000_i64, 300_000, 700_000]),
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
        1 + 24 * at_work => (0_usize..6, outside())
            .prop_map(|(handling, outside)| Operation::GoOn { handling, outside }),
        at_work => (0_usize..6).prop_map(Operation::Die),
        4 => Rewrite::any().prop_map(Operation::Rewrite),
        2 => (0_usize..8).prop_map(Operation::Resend),
        1 => (people, proptest::bool::weighted(0.3)).prop_map(|(what, late)| Operation::People { what, late }),
        1 => (0_u8..3).prop_map(Operation::Quarantine),
        1 => (0_usize..3).prop_map(Operation::Read),
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
            Operation::Deploy(number) => self.policy = *number,
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
                self.ask(Request::Read { run, buckets: bucket_keys().to_vec() });
            }
        }
    }

    fn arrive(&mut self, message: &Message, reading: usize, again: bool) {
        let trigger = match message {
            Message::Event { run, state, attempt } => Trigger::StageEvent(StageEvent {
                run: runs()[run % runs().len()].clone(),
                state: *state,
                // Rules are at work from about when the first event came.
                time: at(0),
                key: EventKey { attempt: attempt.to_string(), last_retry: String::new() },
            }),
            Message::WakeUp(which) => match self.wake_ups.iter().rev().nth(*which) {
                Some(wake_up) => Trigger::WakeUp(wake_up.clone()),
                None => return,
            },
        };
        self.begun += 1;
        let run = trigger.run().clone();
        let delivery = if again { Delivery::Again } else { Delivery::First };
        let begin = Answer::Begin { trigger, delivery, owner: Owner(format!("handling-{}", self.begun)) };
        let policy = self.policy;
        let (state, effect) = step(&environment(policy), State::Idle, Input { now: self.now, answer: begin });
        self.take_up(Handling { run, policy, reading, state, effect });
    }

    fn take_up(&mut self, handling: Handling) {
        if !matches!(handling.effect, Effect::Finish(_)) {
            self.handlings.push(handling);
        }
    }

    fn go_on(&mut self, which: usize, outside: &Outside) {
        if self.handlings.is_empty() {
            return;
        }
        let handling = self.handlings.remove(which % self.handlings.len());
        let Handling { run, policy, reading: number, state, effect } = handling;
        let shown = outside.changed.unwrap_or(number);
        let answer = match effect {
            Effect::ReadLedger { run, buckets, .. } => match self.ask(Request::Read { run, buckets }) {
                Reply::Read(view) if !outside.lost => Answer::Ledger(Ok(view)),
                _ => Answer::Ledger(Err(Fault::NotDone)),
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
            Effect::Arm { wake_up, .. } => {
                self.wake_ups.push(wake_up);
                Answer::Armed(Ok(()))
            }
            Effect::Fence { run, mode } => Answer::Fenced(Box::new(again(reading(shown, &run), mode))),
            Effect::Call { .. } => Answer::Called(outside.called),
            Effect::NoteFailure(note) => {
                Answer::Noted(Ok(note.apply(&Window::default()).unwrap_or_default()))
            }
            Effect::Finish(_) => return,
        };
        let (state, effect) = step(&environment(policy), state, Input { now: self.now, answer });
        self.take_up(Handling { run, policy, reading: shown, state, effect });
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
