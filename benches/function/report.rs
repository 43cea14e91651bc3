//! The tables, in Markdown: read on a terminal, and kept in the documentation.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cold::{Life, Lives};
use crate::interface_emulator::Opinion;
use crate::outcomes::Outcome;
use crate::prices;
use crate::process::Took;
use crate::statistics::{Spread, quantile, spread};
use crate::variants::{BOTO3, EMPTY, PRODUCT};

const MEGABYTE: f64 = 1_000_000.0;

/// What was measured, as far as it has been.
#[derive(Debug, Default)]
pub struct Report {
    targets: Vec<Target>,
    text: String,
}

/// A figure with what it is to be.
#[derive(Debug)]
struct Target {
    figure: String,
    aim: String,
    measured: String,
    is_met: bool,
}

/// A figure of one life.
type Figure = (&'static str, fn(&Life) -> f64);

const START: Figure = ("start to first poll, processor ms", |life| ms(life.start.processor));
const FIRST: Figure = ("first event, processor ms", |life| ms(life.first.processor));
const COLD: Figure = ("start and first event, ms", |life| ms(life.start.wall) + ms(life.first.wall));
const WARM: Figure = ("warm event, p50 ms", |life| warm(life, |took| ms(took.wall), 0.5));
const WARM_99: Figure = ("warm event, p99 ms", |life| warm(life, |took| ms(took.wall), 0.99));
const WARM_PROCESSOR: Figure = ("warm event, processor ms", |life| {
    let whole: Duration = life.warm.iter().map(|took| took.processor).sum();
    ms(whole) / f64::from(u32::try_from(life.warm.len().max(1)).unwrap_or(u32::MAX))
});
const MEMORY: Figure = ("peak memory, MB", |life| bytes(life.memory) / MEGABYTE);

/// What is shown of every function.
const FIGURES: [Figure; 6] = [START, FIRST, COLD, WARM, WARM_99, WARM_PROCESSOR];

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "sizes of processes and files")]
fn bytes(bytes: u64) -> f64 {
    bytes as f64
}

fn warm(life: &Life, of: fn(&Took) -> f64, part: f64) -> f64 {
    let mut values: Vec<f64> = life.warm.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    quantile(&values, part).unwrap_or(f64::NAN)
}

/// Three digits that matter.
fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn shown(spread: Spread) -> String {
    format!("{} ({} to {})", number(spread.median), number(spread.least), number(spread.most))
}

impl Report {
    pub fn package(&mut self, size: u64) {
        let size = bytes(size) / MEGABYTE;
        self.targets.push(Target {
            figure: "package, zipped".to_owned(),
            aim: "at most 4.5 MB".to_owned(),
            measured: format!("{} MB", number(size)),
            is_met: size <= 4.5,
        });
    }

    pub fn cold(&mut self, lives: &Lives) {
        let all = |lives: &Lives| lives.rounds.clone();
        let long = |lives: &Lives| vec![lives.long.clone()];
        self.at_most(&all(lives), START, EMPTY, 2.0);
        self.at_most(&all(lives), START, BOTO3, 1.0 / 100.0);
        self.at_most(&all(lives), FIRST, BOTO3, 1.0 / 25.0);
        self.at_most(&all(lives), COLD, BOTO3, 1.0 / 20.0);
        self.at_most(&all(lives), WARM, BOTO3, 1.0 / 5.0);
        self.at_most(&all(lives), WARM_PROCESSOR, BOTO3, 1.0 / 6.0);
        self.at_most(&long(lives), MEMORY, EMPTY, 4.0);
        self.at_most(&long(lives), MEMORY, BOTO3, 1.0 / 5.0);
        let text = &mut self.text;
        let rounds = lives.rounds.len();
        let events = lives.rounds.first().map_or(0, |lives| lives[PRODUCT].warm.len());
        let long_events = lives.long[PRODUCT].warm.len();
        let _ = writeln!(text, "## Beside others\n");
        let _ = writeln!(
            text,
            "Medians of {rounds} cold starts, each with {events} warm events, with the least and the most; memory after {long_events}.\n"
        );
        let _ = writeln!(text, "| | product | empty function | boto3 |\n|---|---|---|---|");
        for (name, of) in FIGURES {
            let cell = |variant: usize| {
                let values = lives.rounds.iter().map(|lives| of(&lives[variant]));
                spread(values).map_or_else(String::new, shown)
            };
            let _ = writeln!(text, "| {name} | {} | {} | {} |", cell(PRODUCT), cell(EMPTY), cell(BOTO3));
        }
        let (name, of) = MEMORY;
        let cell = |variant: usize| number(of(&lives.long[variant]));
        let _ = writeln!(text, "| {name} | {} | {} | {} |\n", cell(PRODUCT), cell(EMPTY), cell(BOTO3));
    }

    /// The product against another, pair by pair within each round.
    fn at_most(&mut self, rounds: &[[Life; 3]], (figure, of): Figure, other: usize, most: f64) {
        let ratios = rounds.iter().map(|lives| of(&lives[PRODUCT]) / of(&lives[other]));
        let Some(ratios) = spread(ratios) else { return };
        let against = if other == EMPTY { "the empty function" } else { "boto3" };
        let (aim, measured) = if most < 1.0 {
            // As a fraction the ends change places.
            let inverse = |ratio: f64| number(1.0 / ratio);
            let spread = format!(
                "1/{} (1/{} to 1/{})",
                inverse(ratios.median),
                inverse(ratios.most),
                inverse(ratios.least)
            );
            (format!("at most 1/{:.0} of {against}", 1.0 / most), spread)
        } else {
            (format!("at most {most:.1} × {against}"), format!("{} ×", shown(ratios)))
        };
        let is_met = ratios.median <= most;
        self.targets.push(Target { figure: figure.to_owned(), aim, measured, is_met });
    }

    pub fn outcomes(&mut self, outcomes: &[Outcome]) {
        let text = &mut self.text;
        let _ = writeln!(text, "## What each outcome takes\n");
        let _ = writeln!(
            text,
            "Of one warm event. Bytes are those of bodies, both ways. Dollars are for a million, by the prices in \
             [costs.md](costs.md): message, function, ledger, wake-up and log.\n"
        );
        let _ = writeln!(
            text,
            "| outcome | calls | which | bytes | log bytes | processor ms | write units | read units | US$ |\n\
             |---|---|---|---|---|---|---|---|---|"
        );
        for outcome in outcomes {
            let Outcome { kind, calls, bytes, logged, processor, read_units, write_units } = outcome;
            let count: u64 = calls.iter().map(|(_, count)| count).sum();
            let which: Vec<String> = calls
                .iter()
                .map(|(name, count)| {
                    let name = name.rsplit(':').next().unwrap_or(name);
                    if *count == 1 { format!("`{name}`") } else { format!("{count} `{name}`") }
                })
                .collect();
            let _ = writeln!(
                text,
                "| {kind} | {count} | {} | {bytes} | {logged} | {} | {write_units:.0} | {read_units:.0} | {} |",
                which.join(", "),
                number(ms(*processor)),
                number(prices::of_a_million(outcome)),
            );
        }
        text.push('\n');
    }

    pub fn throughput(&mut self, rates: &[(usize, f64)]) {
        let text = &mut self.text;
        let _ = writeln!(text, "## Throughput\n");
        let _ = writeln!(
            text,
            "Failures a second that are retried at once, with an AWS that answers at once and shares the processors.\n"
        );
        let _ = writeln!(text, "| processes | failures a second |\n|---|---|");
        for (processes, rate) in rates {
            let _ = writeln!(text, "| {processes} | {} |", number(*rate));
        }
        text.push('\n');
    }

    pub fn second_opinion(&mut self, opinions: &[Opinion]) {
        let text = &mut self.text;
        let _ = writeln!(text, "## Under AWS's Runtime Interface Emulator\n");
        let _ = writeln!(text, "| | cold event, ms | warm event, ms |\n|---|---|---|");
        for Opinion { name, cold, warm } in opinions {
            let _ = writeln!(text, "| {name} | {} | {} |", shown(*cold), shown(*warm));
        }
        text.push('\n');
    }

    pub fn instructions(&mut self, counted: &[(&'static str, u64)]) {
        if counted.is_empty() {
            return;
        }
        let text = &mut self.text;
        let _ = writeln!(text, "## Instructions of the pure core\n");
        let _ = writeln!(text, "| step | instructions |\n|---|---|");
        for (name, count) in counted {
            let _ = writeln!(text, "| {name} | {count} |");
        }
        text.push('\n');
    }

    #[expect(clippy::print_stdout, reason = "the tables are what was asked for")]
    pub fn print(&self) {
        println!("## Targets\n\n| figure | target | measured | met |\n|---|---|---|---|");
        for Target { figure, aim, measured, is_met } in &self.targets {
            println!("| {figure} | {aim} | {measured} | {} |", if *is_met { "yes" } else { "**no**" });
        }
        println!("\n{}", self.text.trim_end());
    }
}
