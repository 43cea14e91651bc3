//! Many seeds, on all cores, with what they have in sum.

use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::play::{Played, Way, play, play_until};
use crate::figure::Progress;

/// Seeds between two notes of how far it has come.
const CHUNK: u64 = 2_000;
/// Seeds that fail, of which a run tells.
const MOST_TOLD: usize = 5;

/// What many seeds have in sum.
#[derive(Debug, Default, Clone)]
pub struct Totals {
    seeds: u64,
    events: u64,
    least_events: u64,
    retries: u64,
    taken_over: u64,
    died: u64,
    unavoidable: u64,
    rollbacks: u64,
    bulletins: u64,
    virtual_hours: u64,
    milliseconds: u64,
}

impl Totals {
    fn add(&mut self, played: &Played) {
        self.least_events =
            if self.seeds == 0 { played.events } else { self.least_events.min(played.events) };
        self.seeds += 1;
        self.events += played.events;
        self.retries += played.retries;
        self.taken_over += played.taken_over;
        self.died += played.died;
        self.unavoidable += played.unavoidable;
        self.rollbacks += played.rollbacks;
        self.bulletins += played.bulletins;
        self.virtual_hours += u64::try_from(played.virtual_time.as_hours()).unwrap();
    }

    /// Whether enough happened to tell something: the seeds long enough, and with retries, rollbacks, messages, take-overs and deaths.
    pub fn is_rich(&self) -> bool {
        self.least_events >= 200
            && self.retries * 4 > self.seeds * 3
            && self.taken_over * 20 > self.seeds
            && self.died > self.seeds
            && self.rollbacks * 50 > self.seeds
            && self.bulletins * 2 > self.seeds
    }

    fn kept(&self) -> Value {
        json!([
            self.seeds,
            self.events,
            self.least_events,
            self.retries,
            self.taken_over,
            self.died,
            self.unavoidable,
            self.rollbacks,
            self.bulletins,
            self.virtual_hours,
            self.milliseconds,
        ])
    }

    fn read(kept: &Value) -> Option<Self> {
        let number = |index: usize| kept.get(index).and_then(Value::as_u64);
        Some(Self {
            seeds: number(0)?,
            events: number(1)?,
            least_events: number(2)?,
            retries: number(3)?,
            taken_over: number(4)?,
            died: number(5)?,
            unavoidable: number(6)?,
            rollbacks: number(7)?,
            bulletins: number(8)?,
            virtual_hours: number(9)?,
            milliseconds: number(10)?,
        })
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, events, least_events, retries, taken_over, died, unavoidable, .. } = self;
        let rate = events * 1_000 / self.milliseconds.max(1);
        write!(
            f,
            "{seeds} seeds, {events} events (at least {least_events} each), {} virtual hours, 0 violations; {retries} \
             retries, {} rollbacks, {} messages to teams, {taken_over} claims taken over, {died} handlings died, {unavoidable} retries after what nobody \
             could see; {rate} events/s",
            self.virtual_hours, self.rollbacks, self.bulletins
        )
    }
}

/// Plays the seeds, and panics over those that break a promise.
#[expect(clippy::disallowed_methods, reason = "how long it takes is printed, and decides nothing")]
pub fn run(way: Way, seeds: Range<u64>) -> Totals {
    let began = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let totals = Mutex::new(Totals::default());
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.lock().unwrap().len() >= MOST_TOLD {
                return;
            }
            let played = play(way, seed, false);
            if !played.findings.is_empty() {
                let told = told(way, seed, &played);
                failed.lock().unwrap().push(told);
            }
            totals.lock().unwrap().add(&played);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(4);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "after {:?}:\n{}", began.elapsed(), failed.join("\n"));
    let mut totals = totals.into_inner().unwrap();
    totals.milliseconds = milliseconds(began.elapsed());
    totals
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

/// What a failing seed has to say, with the line that plays it again.
fn told(way: Way, seed: u64, played: &Played) -> String {
    let fewest = fewest_events(way, seed, played);
    let late = if way == Way::Late { "RETRIER_LATE=1 " } else { "" };
    format!(
        "{late}RETRIER_SEED={seed} RETRIER_EVENTS={fewest} cargo nextest run --no-default-features --run-ignored all \
         simulation::replay --no-capture\n  {}",
        played.findings.join("\n  ")
    )
}

/// After how many events nothing more needs to be done to a seed for it to fail: found by halving.
fn fewest_events(way: Way, seed: u64, played: &Played) -> u64 {
    let (mut fine, mut fails) = (0, played.events);
    while fine + 1 < fails {
        let middle = u64::midpoint(fine, fails);
        if play_until(way, seed, middle, false).findings.is_empty() {
            fine = middle;
        } else {
            fails = middle;
        }
    }
    fails
}

/// Plays so many seeds, in parts: a run that was cut off goes on where it was.
pub fn run_all(seeds: u64) -> Totals {
    let progress = Progress::of("simulation");
    let mut totals = progress.load().and_then(|kept| Totals::read(&kept)).unwrap_or_default();
    while totals.seeds < seeds {
        let from = totals.seeds;
        let part = run(Way::Usual, from..seeds.min(from + CHUNK));
        totals = Totals {
            seeds: from + part.seeds,
            events: totals.events + part.events,
            least_events: if from == 0 {
                part.least_events
            } else {
                totals.least_events.min(part.least_events)
            },
            retries: totals.retries + part.retries,
            taken_over: totals.taken_over + part.taken_over,
            died: totals.died + part.died,
            unavoidable: totals.unavoidable + part.unavoidable,
            rollbacks: totals.rollbacks + part.rollbacks,
            bulletins: totals.bulletins + part.bulletins,
            virtual_hours: totals.virtual_hours + part.virtual_hours,
            milliseconds: totals.milliseconds + part.milliseconds,
        };
        progress.save(&totals.kept());
        println!("{totals}");
    }
    progress.finish();
    totals
}
