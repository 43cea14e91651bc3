//! Forged messages: whoever may send the function anything can bring about nothing that a genuine failure would not have.
//!
//! A seed decides everything. Each plays one fleet twice: with what really happens alone, and with forgeries among it.

mod field;
mod forger;
mod lines;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use codepipeline_retrier::document::document;
use codepipeline_retrier::domain::text::is_steering;
use codepipeline_retrier::notice::Message;
use codepipeline_retrier::ports::Bulletin;
use jiff::SignedDuration;

use super::figure;
use super::rig::random::Random;
use field::{Deeds, Field};
use forger::{Forger, Forgery};

/// Forgeries in one play.
const EACH: u64 = 250;
/// Longest record of a stage run, printed for debugging: nobody may let one grow beyond what the ledger can keep.
const LONGEST_RECORD: usize = 32 * 1_024;

/// What came of plays.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Totals {
    forged: u64,
    /// Before anything had really failed that was not over: retries and rollbacks.
    for_nothing: usize,
    /// Of genuine failures among the forgeries: those that were retried, as without forgeries.
    genuine: usize,
    lines: usize,
    longest_line: usize,
    longest_record: usize,
}

/// Plays a seed, with so many forgeries.
fn play(seed: u64, forgeries: u64) -> Result<Totals, String> {
    let hour = SignedDuration::from_hours(1);
    let quiet = |seed| {
        let mut field = Field::new(seed);
        field.pass(hour);
        field
    };
    let (mut alone, mut field) = (quiet(seed), quiet(seed));
    let before = field.deeds();
    if before != alone.deeds() || before.len() < 3 {
        return Err(format!("the fleet is not the same twice, or dull: {before:?}"));
    }
    let mut totals = Totals::default();
    let mut forger = Forger { random: Random::new(seed.wrapping_mul(0x517C_C1B7).wrapping_add(7)) };
    let mut during = before.clone();
    for number in 0..forgeries {
        let gap = *forger.random.pick(&[0, 0, 1_000, 10_000, 40_000]);
        field.pass(SignedDuration::from_millis(forger.random.between(0, gap)));
        // Until then nothing fails.
        if field.lasted() < SignedDuration::from_mins(62) {
            during = field.deeds();
        }
        let forgery = forger.next(&field.genuine, field.world().now());
        let (Forgery::Message(text) | Forgery::Invocation(text)) = &forgery;
        let told = format!("seed {seed}, forgery {number}: {}", text.chars().take(2_000).collect::<String>());
        match forgery {
            Forgery::Message(text) => field.send(text),
            Forgery::Invocation(text) => field.hand_over(&text),
        }
        totals.forged += 1;
        let written = field.lines.take();
        totals.lines += written.lines().count();
        let longest = lines::examined(&written).map_err(|problem| format!("{told}: {problem}"))?;
        totals.longest_line = totals.longest_line.max(longest);
    }
    totals.for_nothing = sum(&during) - sum(&before);
    let rest = SignedDuration::from_hours(12) - field.lasted();
    field.pass(rest);
    alone.pass(SignedDuration::from_hours(12) - alone.lasted());
    lines::examined(&field.lines.take()).map_err(|problem| format!("seed {seed}, afterwards: {problem}"))?;
    let (with, without) = (field.deeds(), alone.deeds());
    if with != without {
        return Err(format!("seed {seed}: with forgeries {with:?}, without {without:?}"));
    }
    totals.genuine = sum(&with) - sum(&before);
    totals.longest_record = kept(&field).map_err(|problem| format!("seed {seed}: {problem}"))?;
    Ok(totals)
}

fn sum(deeds: &Deeds) -> usize {
    deeds.values().map(|(retries, rollbacks)| retries + rollbacks).sum()
}

/// What is wrong with what was kept, told and returned; how long the longest record is.
fn kept(field: &Field) -> Result<usize, String> {
    if let Some(refused) = field.refused.first() {
        return Err(format!("a message was not acknowledged: {refused}"));
    }
    for returned in &field.returned {
        if returned.len() > lines::LONGEST {
            return Err(format!("{} bytes were returned: {returned}", returned.len()));
        }
    }
    let world = field.world().lock();
    if world.ledger.controls().pauses.len() != 1 || !world.queue.dead_letters().is_empty() {
        return Err("a pause is gone, or a message became a dead letter".into());
    }
    for decision in world.ledger.decisions() {
        lines::marked("decision", &document(decision))?;
    }
    for note in world.ledger.quarantined() {
        let shown = format!("{note:?}");
        if shown.contains(forger::MARK) || shown.len() > 1_000 {
            return Err(format!("a note repeats a message: {shown}"));
        }
    }
    for (_, bulletin) in &world.outside.bulletins {
        if let Bulletin::Single { notice, .. } = bulletin {
            let message = Message::of(notice, "id");
            if message.subject.chars().chain(message.body.to_string().chars()).any(is_steering) {
                return Err(format!("a message steers: {message:?}"));
            }
        }
    }
    let mut longest = 0;
    for record in world.ledger.records() {
        let shown = format!("{record:?}");
        if shown.len() > LONGEST_RECORD {
            return Err(format!("a record has {} bytes: {}", shown.len(), record.id));
        }
        longest = longest.max(shown.len());
    }
    Ok(longest)
}

/// Plays as many seeds as it takes for so many forgeries.
fn campaign(forgeries: u64) -> Totals {
    let seeds = forgeries.div_ceil(EACH);
    let next = AtomicU64::new(0);
    let (all, failed) = (Mutex::new(Totals::default()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds || failed.lock().unwrap().len() >= 5 {
                return;
            }
            match play(seed, EACH) {
                Ok(totals) => {
                    let mut all = all.lock().unwrap();
                    all.forged += totals.forged;
                    all.for_nothing += totals.for_nothing;
                    all.genuine += totals.genuine;
                    all.lines += totals.lines;
                    all.longest_line = all.longest_line.max(totals.longest_line);
                    all.longest_record = all.longest_record.max(totals.longest_record);
                }
                Err(problem) => failed.lock().unwrap().push(problem),
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(4);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let totals = all.into_inner().unwrap();
    // The rig does see retries: of every play the same genuine failures, before and among the forgeries.
    assert_eq!(totals.genuine as u64, 4 * seeds, "{totals:?}");
    assert_eq!(totals.for_nothing, 0, "{totals:?}");
    totals
}

#[test]
fn a_slice_of_the_forgeries_causes_nothing() {
    println!("{:?}", campaign(5_000));
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn no_forgery_causes_anything() {
    let totals = campaign(figure::number("RETRIER_FORGERIES", 100_000));
    let Totals { forged, for_nothing, genuine, lines, longest_line, longest_record } = totals;
    let measured = format!(
        "{forged} forged messages: {for_nothing} retries and rollbacks; {genuine} retries of failures that really happened \
         among them, as many as without; {lines} log lines, each one JSON object, the longest {longest_line} bytes; the \
         longest record of a stage run {longest_record} bytes"
    );
    figure::record("forged", &measured, for_nothing == 0);
}
