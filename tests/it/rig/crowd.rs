//! Plays a scenario with many handlings in flight at once. Which of them goes on for one step, when the clock moves, and
//! which message comes twice is drawn from a seed; a handling that lives too long is killed wherever it stands. Each
//! instance of the function may have a clock of its own that is wrong.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::queue::{MOST_RECEIVES, Message};
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::function::Response;
use codepipeline_retrier::replay::moment::{Happening, Moment};
use codepipeline_retrier::replay::player::{TIME_LIMIT, deployed_function};
use codepipeline_retrier::replay::scenario::Scenario;
use codepipeline_retrier::replay::script::Script;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::random::Random;

/// How wild it gets, in ten-thousandths.
#[derive(Debug, Clone, Copy)]
pub struct Chaos {
    /// Handlings in flight at most.
    pub in_flight: usize,
    /// Of the messages handed out, so many are handed out twice at the same time.
    pub twins: u64,
    /// Of the steps of a handling, so many are its last: the process dies.
    pub deaths: u64,
    /// Of all steps, so many let up to two seconds pass.
    pub ticks: u64,
}

/// Most messages in one batch.
const LARGEST_BATCH: u64 = 3;

struct Handling {
    number: u64,
    world: SharedWorld,
    messages: Vec<Message>,
    began: Timestamp,
    future: Pin<Box<dyn Future<Output = Response>>>,
}

/// What one step was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Nothing: there is nothing left to do.
    Nothing,
    /// Time went on to the next thing that was due.
    Waited,
    /// These handlings began, each with these messages.
    Began(Vec<(u64, Vec<Message>)>),
    /// A handling went one step on.
    WentOn(u64),
    /// A handling came to its end.
    Ended(u64),
    /// A handling died.
    Died(u64),
}

/// A world with a script and many workers.
pub struct Crowd {
    script: Script,
    chaos: Chaos,
    random: Random,
    in_flight: Vec<Handling>,
    end: Timestamp,
    handlings: u64,
    /// How far the clock of each instance is ahead; handlings take turns.
    clocks: Vec<SignedDuration>,
    has_deadlines: bool,
    /// The handling that went on in the last step; 0 for none.
    at_work: u64,
    wake_up_copies: u32,
    /// Whether nothing goes wrong where a message is handed out for the last times.
    spares_last_receives: bool,
    /// Wake-ups that have been copied.
    copied: BTreeSet<String>,
    /// Messages handed out, twins included.
    pub handed_out: u64,
    /// Handlings that died.
    pub died: u64,
}

impl Crowd {
    pub fn new(scenario: &Scenario, chaos: Chaos, seed: u64) -> Self {
        Self {
            script: Script::new(scenario).unwrap(),
            chaos,
            random: Random::new(seed),
            in_flight: Vec::new(),
            end: after(scenario.start, SignedDuration::from_hours(48)),
            handlings: 0,
            clocks: Vec::new(),
            has_deadlines: false,
            at_work: 0,
            wake_up_copies: 1,
            spares_last_receives: false,
            copied: BTreeSet::new(),
            handed_out: 0,
            died: 0,
        }
    }

    pub fn world(&self) -> &SharedWorld {
        self.script.world()
    }

    /// How many handlings have begun.
    pub fn handlings(&self) -> u64 {
        self.handlings
    }

    /// The number of the handling that went on in the last step; 0 for none.
    pub fn at_work(&self) -> u64 {
        self.at_work
    }

    /// Lets every wake-up come so many times, each time as a message of its own.
    pub fn copy_wake_ups(&mut self, copies: u32) {
        self.wake_up_copies = copies;
    }

    /// Gives every instance a clock that is so far ahead, and a time limit of which it knows.
    pub fn set_clocks(&mut self, ahead: Vec<SignedDuration>) {
        self.clocks = ahead;
        self.has_deadlines = true;
    }

    /// Lets nothing go wrong with a message that has only two receives left: nobody would find what is among the dead
    /// letters.
    pub fn spare_last_receives(&mut self) {
        self.spares_last_receives = true;
    }

    /// Plays on until then, however late that is.
    pub fn set_end(&mut self, end: Timestamp) {
        self.end = end;
    }

    /// How far ahead the clock is by which a handling goes.
    pub fn clock_of(&self, handling: u64) -> SignedDuration {
        match u64::try_from(self.clocks.len()).unwrap() {
            0 => SignedDuration::ZERO,
            instances => self.clocks[usize::try_from(handling % instances).unwrap()],
        }
    }

    /// Lets somebody act now.
    pub fn act(&mut self, act: Act, watch: &mut impl FnMut(&Moment)) {
        self.script.act(act, watch);
    }

    /// Lets nothing go wrong any more with handlings of their own accord.
    pub fn calm_down(&mut self) {
        self.chaos.deaths = 0;
        self.chaos.twins = 0;
    }

    /// Lets time pass, and what is due in it.
    pub fn pass(&mut self, duration: SignedDuration, watch: &mut impl FnMut(&Moment)) {
        let to = after(self.world().now(), duration);
        self.script.go_to(to, watch);
    }

    /// Goes to the next instant at which something is due.
    pub fn wait(&mut self) {
        self.go_to_next(&mut |_| {});
    }

    /// Does one thing, and tells `watch` what happened. `false` when there is nothing left to do.
    pub fn step(&mut self, watch: &mut impl FnMut(&Moment)) -> bool {
        self.step_on(watch) != Done::Nothing
    }

    /// Does one thing, tells `watch` what happened, and says what it was.
    pub fn step_on(&mut self, watch: &mut impl FnMut(&Moment)) -> Done {
        self.at_work = 0;
        if self.random.happens(self.chaos.ticks) {
            let while_passing = SignedDuration::from_millis(self.random.between(1, 2_000));
            let to = after(self.world().now(), while_passing);
            self.script.go_to(to, watch);
        }
        let now = self.world().now();
        if let Some(index) =
            self.in_flight.iter().position(|handling| after(handling.began, TIME_LIMIT) <= now)
        {
            return self.die(index);
        }

        let has_room = self.in_flight.len() < self.chaos.in_flight;
        if has_room && (self.in_flight.is_empty() || self.random.happens(8_000)) {
            let begun = self.begin();
            if !begun.is_empty() {
                return Done::Began(begun);
            }
        }
        if self.in_flight.is_empty() {
            return if self.go_to_next(watch) { Done::Waited } else { Done::Nothing };
        }
        self.poll_one(watch)
    }

    fn die(&mut self, index: usize) -> Done {
        self.died += 1;
        Done::Died(self.in_flight.swap_remove(index).number)
    }

    fn begin(&mut self) -> Vec<(u64, Vec<Message>)> {
        let mut messages = Vec::new();
        let size = 1 + self.random.below(LARGEST_BATCH);
        {
            let mut world = self.world().lock();
            let now = world.now();
            for _ in 0..size {
                messages.extend(world.queue.receive(now));
            }
        }
        if messages.is_empty() {
            return Vec::new();
        }
        self.copy(&messages);
        let mut begun = Vec::new();
        if self.random.happens(self.chaos.twins) {
            // A message that says it was never received before is with nobody else: the protocol rests on that.
            for message in &mut messages {
                message.receives += 1;
            }
            begun.push((self.start(messages.clone()), messages.clone()));
        }
        begun.push((self.start(messages.clone()), messages));
        begun
    }

    fn copy(&mut self, messages: &[Message]) {
        let shared = self.world().clone();
        let mut world = shared.lock();
        let now = world.now();
        for message in messages.iter().filter(|message| message.body.starts_with("{\"retrier\"")) {
            if self.wake_up_copies > 1 && self.copied.insert(message.body.clone()) {
                for _ in 1..self.wake_up_copies {
                    world.queue.send(message.body.clone(), now);
                }
            }
        }
    }

    /// Begins to handle the next message, and says by which number.
    pub fn begin_one(&mut self) -> u64 {
        let message = {
            let mut world = self.world().lock();
            let now = world.now();
            world.queue.receive(now).unwrap()
        };
        self.start(vec![message])
    }

    /// Lets one handling do one step. `false` when it is over.
    pub fn poll(&mut self, number: u64) -> bool {
        match self.in_flight.iter().position(|handling| handling.number == number) {
            Some(index) => {
                self.poll_at(index, &mut |_| {});
                true
            }
            None => false,
        }
    }

    fn start(&mut self, messages: Vec<Message>) -> u64 {
        self.handlings += 1;
        let ahead = self.clock_of(self.handlings);
        self.handed_out += u64::try_from(messages.len()).unwrap();
        let world = self.world().for_handling(self.handlings).with_clock(ahead);
        let function = deployed_function(&world);
        let records: Vec<Value> = (messages.iter())
            .map(|message| {
                json!({
                    "messageId": message.id.to_string(),
                    "body": message.body,
                    "attributes": { "ApproximateReceiveCount": message.receives.to_string() },
                    "eventSource": "aws:sqs",
                })
            })
            .collect();
        let text = json!({ "Records": records }).to_string();
        let name = format!("handling-{}", self.handlings);
        let clocked = world.clone();
        let deadline = if self.has_deadlines { after(world.told(), TIME_LIMIT) } else { Timestamp::MAX };
        self.in_flight.push(Handling {
            number: self.handlings,
            began: world.now(),
            world,
            messages,
            future: Box::pin(
                async move { function.invoke(&text, &name, deadline, &|| clocked.told()).await },
            ),
        });
        self.handlings
    }

    fn poll_one(&mut self, watch: &mut impl FnMut(&Moment)) -> Done {
        let index = self.random.index(self.in_flight.len());
        let is_spared = self.spares_last_receives
            && self.in_flight[index].messages.iter().any(|message| message.receives + 2 > MOST_RECEIVES);
        if is_spared {
            self.world().lock().faults.forget_plans();
        } else if self.random.happens(self.chaos.deaths) {
            return self.die(index);
        }
        self.poll_at(index, watch)
    }

    fn poll_at(&mut self, index: usize, watch: &mut impl FnMut(&Moment)) -> Done {
        let handling = &mut self.in_flight[index];
        let number = handling.number;
        self.at_work = number;
        let polled = handling.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let is_killed = handling.world.is_killed();
        let done = match polled {
            Poll::Ready(response) => {
                let handling = self.in_flight.swap_remove(index);
                self.conclude(&handling, response, watch);
                Done::Ended(number)
            }
            Poll::Pending if is_killed => self.die(index),
            Poll::Pending => Done::WentOn(number),
        };
        self.script.deliver(watch);
        done
    }

    fn conclude(&mut self, handling: &Handling, response: Response, watch: &mut impl FnMut(&Moment)) {
        let failures: Vec<&str> =
            (response.body.as_ref().unwrap()["batchItemFailures"].as_array().unwrap().iter())
                .map(|failure| failure["itemIdentifier"].as_str().unwrap())
                .collect();
        for message in &handling.messages {
            if !failures.contains(&message.id.to_string().as_str()) {
                self.world().lock().queue.delete(message.id);
            }
        }
        let at = self.world().now();
        for handled in response.handled {
            watch(&Moment { at, what: Happening::Handled(Box::new(handled)) });
        }
    }

    fn go_to_next(&mut self, watch: &mut impl FnMut(&Moment)) -> bool {
        let next = self.script.next_due();
        match next.filter(|next| *next <= self.end) {
            Some(next) => {
                self.script.go_to(next, watch);
                true
            }
            None => false,
        }
    }
}
