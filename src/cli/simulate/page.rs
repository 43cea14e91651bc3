//! A simulation as a page.

use jiff::Timestamp;

use crate::cli::figure::{colophon, counted, grouped};
use crate::page::{Block, Cell, Chart, Column, Kind, Page, Section, Series, Table, Tile, Unit};
use crate::replay::simulate::comparison::{Compared, Comparison, Estimate};
use crate::replay::simulate::measure::Measure;

/// Hours of a day, by which plays are drawn.
const DAY: usize = 24;
/// Budgets with a line of their own.
const MOST_BUDGETS: usize = 5;

/// All of it.
pub(super) fn page(comparison: &Comparison, now: Timestamp) -> Page {
    let days = comparison.hours / 24.0;
    Page {
        title: "Policies side by side".to_owned(),
        subtitle: format!(
            "{}. {} for {days:.0} days, drawn {}.",
            comparison.about.trim_end_matches('.'),
            counted(comparison.pipelines as u64, "pipeline"),
            times(comparison.seeds.len()),
        ),
        sections: vec![
            overview(comparison),
            outcomes(comparison),
            effort(comparison),
            figures(comparison),
            course(comparison),
            assumed(),
        ],
        colophon: colophon("retrier simulate", now),
    }
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures of a play are counts and minutes far below 2^63"
)]
fn number(value: f64) -> String {
    let magnitude = grouped(value.abs().round() as u64);
    if value <= -0.5 { format!("\u{2212}{magnitude}") } else { magnitude }
}

fn value(compared: &Compared, measure: Measure) -> Option<f64> {
    compared.figure(measure).map(|figure| figure.estimate.mean)
}

fn interval(estimate: &Estimate) -> Option<(f64, f64)> {
    let half = estimate.margin?;
    Some((estimate.mean - half, estimate.mean + half))
}

fn words(estimate: &Estimate) -> String {
    match interval(estimate) {
        Some((low, high)) => format!("{} ({} to {})", number(estimate.mean), number(low), number(high)),
        None => number(estimate.mean),
    }
}

/// What the last policy that was tried comes to.
fn overview(comparison: &Comparison) -> Section {
    let tiles = comparison.contenders.last().map_or_else(Vec::new, |best| {
        let tile = |label: &str, measure: Measure, note: &str| {
            best.figure(measure).map(|figure| Tile {
                label: label.to_owned(),
                value: number(figure.estimate.mean),
                note: match interval(&figure.estimate) {
                    Some((low, high)) => format!("{note}; {} to {}", number(low), number(high)),
                    None => note.to_owned(),
                },
            })
        };
        [
            tile("Recovered by a retry", Measure::RecoveredByRetry, "executions"),
            tile("Retries by hand still needed", Measure::RetriesByHand, "by people"),
            tile("Left failed", Measure::LeftFailed, "executions"),
            tile("Futile retries", Measure::FutileRetries, "that failed the same way"),
            tile("Minutes of waiting saved", Measure::SavedMinutes, "against no retries"),
            tile("Busiest minute", Measure::PeakRetriesPerMinute, "retries"),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
    let name = comparison.contenders.last().map_or("", |best| best.name.as_str());
    Section {
        id: "overview",
        heading: "In short".to_owned(),
        lead: format!(
            "What {name} comes to, as the mean of all plays{}. The same changes, failures and people met every policy.",
            if comparison.seeds.len() > 1 { " with its 95 % confidence interval" } else { "" }
        ),
        blocks: vec![Block::Tiles(tiles)],
    }
}

fn grouped_chart(
    comparison: &Comparison,
    title: &str,
    description: &str,
    measures: &[(Measure, &str)],
) -> Block {
    let series = comparison.contenders.iter().map(|compared| {
        let estimates: Vec<Option<&Estimate>> = (measures.iter())
            .map(|(measure, _)| compared.figure(*measure).map(|figure| &figure.estimate))
            .collect();
        Series {
            name: compared.name.clone(),
            values: estimates.iter().map(|estimate| estimate.map(|estimate| estimate.mean)).collect(),
            intervals: estimates
                .iter()
                .map(|estimate| estimate.and_then(interval).map(|(low, high)| (low.max(0.0), high)))
                .collect(),
            is_grey: compared.name == "none",
        }
    });
    Block::Chart(Chart {
        title: title.to_owned(),
        description: description.to_owned(),
        kind: Kind::Grouped,
        unit: Unit::Count,
        labels: measures.iter().map(|(_, label)| (*label).to_owned()).collect(),
        series: series.collect(),
    })
}

fn outcomes(comparison: &Comparison) -> Section {
    let chart = grouped_chart(
        comparison,
        "How executions that failed ended",
        "Executions in which a stage failed, by what became of them under each policy.",
        &[
            (Measure::RecoveredByRetry, "By a retry"),
            (Measure::RecoveredByPeople, "By people"),
            (Measure::LeftFailed, "Left failed"),
            (Measure::Superseded, "Superseded"),
        ],
    );
    Section {
        id: "outcomes",
        heading: "What becomes of failures".to_owned(),
        lead: "Who brings them through: a retry, a person, or nobody.".to_owned(),
        blocks: vec![chart],
    }
}

fn effort(comparison: &Comparison) -> Section {
    let chart = grouped_chart(
        comparison,
        "What it takes",
        "Retries by machines and by people, and those that do not help.",
        &[
            (Measure::AutomaticRetries, "Automatic"),
            (Measure::FutileRetries, "Of these futile"),
            (Measure::RetriesByHand, "By hand"),
        ],
    );
    Section {
        id: "effort",
        heading: "What it takes".to_owned(),
        lead: "A retry that fails in the same way wastes machines, and one by hand wastes somebody's time."
            .to_owned(),
        blocks: vec![chart],
    }
}

fn figures(comparison: &Comparison) -> Section {
    let row = |measure: &Measure| {
        let cells = comparison.contenders.iter().map(|compared| {
            let words = compared.figure(*measure).map(|figure| words(&figure.estimate));
            Cell::text(words.unwrap_or_else(|| "\u{2013}".to_owned()))
        });
        std::iter::once(Cell::text(measure.title().trim())).chain(cells).collect()
    };
    let table = Table {
        caption: format!(
            "Means of {}, with the interval in which each lies with {:.0} % confidence",
            counted(comparison.seeds.len() as u64, "play"),
            comparison.confidence * 100.0
        ),
        columns: std::iter::once(Column::words("Figure"))
            .chain(comparison.contenders.iter().map(|compared| Column::numbers(&compared.name)))
            .collect(),
        rows: Measure::ALL.iter().map(row).collect(),
    };
    let saved = comparison.contenders.last().and_then(|best| value(best, Measure::SavedMinutes));
    Section {
        id: "figures",
        heading: "All figures".to_owned(),
        lead: saved.map_or_else(String::new, |saved| {
            format!("{} minutes of waiting less than without retries.", number(saved))
        }),
        blocks: vec![Block::Table(table)],
    }
}

/// The play with the first seed, by days.
fn course(comparison: &Comparison) -> Section {
    let Some((name, series)) =
        comparison.contenders.last().and_then(|best| Some((&best.name, best.series.as_ref()?)))
    else {
        return Section {
            id: "course",
            heading: "Day by day".to_owned(),
            lead: String::new(),
            blocks: Vec::new(),
        };
    };
    let rows = [
        ("Failures", &series.failures),
        ("Automatic retries", &series.automatic_retries),
        ("Retries by hand", &series.retries_by_hand),
    ];
    let days = rows.iter().map(|(_, hours)| hours.len().div_ceil(DAY)).max().unwrap_or_default();
    let labels: Vec<String> = (1..=days).map(|day| format!("Day {day}")).collect();
    let by_day = |hours: &Vec<u32>| -> Vec<Option<f64>> {
        let sums = hours.chunks(DAY).map(|day| Some(f64::from(day.iter().sum::<u32>())));
        sums.chain(std::iter::repeat(Some(0.0))).take(days).collect()
    };
    let mut blocks = vec![Block::Chart(Chart {
        title: "Failures and retries by day".to_owned(),
        description: format!("The play with the first seed, under {name}."),
        kind: Kind::Lines,
        unit: Unit::Count,
        labels: labels.clone(),
        series: rows.iter().map(|(name, hours)| Series::new(*name, by_day(hours))).collect(),
    })];
    let peaks = |hours: &Vec<f64>| -> Vec<Option<f64>> {
        let most = hours.chunks(DAY).map(|day| Some(day.iter().copied().fold(0.0, f64::max)));
        most.chain(std::iter::repeat(Some(0.0))).take(days).collect()
    };
    if !series.budgets.is_empty() {
        blocks.push(Block::Chart(Chart {
            title: "Budgets: the most that was in use each day".to_owned(),
            description:
                "Of the fullest use of any of its buckets; at 100 % the next failure waits for a token."
                    .to_owned(),
            kind: Kind::Lines,
            unit: Unit::Share,
            labels,
            series: (series.budgets.iter().take(MOST_BUDGETS))
                .map(|(name, hours)| Series::new(name.clone(), peaks(hours)))
                .collect(),
        }));
    }
    Section {
        id: "course",
        heading: "Day by day".to_owned(),
        lead: format!("The play with the first seed, under {name}."),
        blocks,
    }
}

fn assumed() -> Section {
    let points = [
        "everything is drawn from the rates in the fleet's file; docs/simulate.md says how",
        "decisions, claims and retries are made by the function's own code, on an emulated CodePipeline and in virtual time",
        "native is CodePipeline's automatic retry in every stage: once and at once, whatever failed",
    ];
    Section {
        id: "assumed",
        heading: "What this rests on".to_owned(),
        lead: String::new(),
        blocks: vec![Block::List(points.map(str::to_owned).to_vec())],
    }
}
