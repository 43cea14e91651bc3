//! A report as a page.

use jiff::Timestamp;

use super::Shown;
use crate::cli::figure::{colophon, counted, dollars, grouped, minutes, percent, plain_share};
use crate::page::{Block, Cell, Chart, Column, Kind, Page, Section, Series, Table, Tile, Unit};
use crate::replay::backtest::Share;
use crate::replay::report::{ClassRow, Outcomes, ReportFigures, StageRow};

/// Rows of a table of what fails most.
const MOST: usize = 15;
/// Classes with a line of their own.
const MOST_CLASSES: usize = 4;

/// All of it.
pub(super) fn page(shown: &Shown, now: Timestamp) -> Page {
    let figures = &shown.figures;
    let day = |text: &str| text.get(..10).unwrap_or(text).to_owned();
    let mut sections = vec![overview(figures)];
    if figures.failures > 0 {
        sections.push(trend(figures));
        sections.push(stages(figures));
        sections.push(classes(figures));
        sections.push(futile(figures));
        sections.push(limits(figures));
    }
    sections.push(Section {
        id: "assumed",
        heading: "What was assumed".to_owned(),
        lead: String::new(),
        blocks: vec![Block::List(shown.assumed.clone())],
    });
    Page {
        title: "Failed stages and their retries".to_owned(),
        subtitle: format!(
            "AWS CodePipeline in {}, {} to {}. Ledger {}.",
            shown.region,
            day(&figures.since),
            day(&figures.until),
            shown.table
        ),
        sections,
        colophon: colophon("retrier report", now),
    }
}

fn tile(label: &str, value: String, note: impl Into<String>) -> Tile {
    Tile { label: label.to_owned(), value, note: note.into() }
}

fn interval(share: &Share) -> String {
    match share.rate {
        None => "nothing ended yet".to_owned(),
        Some(_) => format!(
            "{} of {}; {:.0} to {:.0} % with 95 % confidence",
            grouped(share.hits),
            grouped(share.of),
            share.low * 100.0,
            share.high * 100.0
        ),
    }
}

fn overview(figures: &ReportFigures) -> Section {
    let Outcomes { retries, .. } = figures.outcomes;
    let mut tiles = vec![tile(
        "Failures of stages",
        grouped(figures.failures),
        format!("in {}", counted(figures.pipelines, "pipeline")),
    )];
    let mut blocks = Vec::new();
    if figures.is_rehearsal {
        tiles.push(tile("Would have been retried", grouped(retries), "in shadow mode, so none was"));
        blocks.push(Block::Note(
            "This was a rehearsal in shadow mode: everything was decided, and nothing was retried. `retrier backtest` shows \
             how the retries that people made by hand ended."
                .to_owned(),
        ));
    } else {
        tiles.push(tile(
            "Retried by itself",
            grouped(retries),
            "within its budgets, each failure at most once",
        ));
        tiles.push(tile(
            "Retries that recovered",
            percent(figures.recovered.rate),
            interval(&figures.recovered),
        ));
        tiles.push(tile(
            "Stage runs brought through",
            percent(figures.stage_runs.rate),
            interval(&figures.stage_runs),
        ));
    }
    if let Some(times) = &figures.time_to_retry {
        tiles.push(tile(
            "From failure to retry",
            minutes(times.p50),
            format!("nine of ten within {}", minutes(times.p90)),
        ));
    }
    if let Some(times) = &figures.time_to_recovery {
        tiles.push(tile(
            "From failure to recovery",
            minutes(times.p50),
            format!("nine of ten within {}", minutes(times.p90)),
        ));
    }
    if figures.saved.retries_by_hand > 0 {
        let by = if figures.saved.is_measured { "measured" } else { "assumed" };
        tiles.push(tile(
            "Waiting saved",
            minutes(figures.saved.minutes),
            format!("against {} {by} for a retry by hand", minutes(figures.saved.reaction_minutes)),
        ));
        if let Some(worth) = figures.saved.dollars {
            tiles.push(tile("Worth", dollars(worth), "at the price given for an hour"));
        }
    }
    if let Some(first_try) = &figures.first_try {
        tiles.push(tile("Green at the first try", percent(first_try.rate), interval(first_try)));
    }
    blocks.insert(0, Block::Tiles(tiles));
    Section { id: "overview", heading: "In short".to_owned(), lead: headline(figures), blocks }
}

/// The one sentence for who reads no further.
fn headline(figures: &ReportFigures) -> String {
    let Outcomes { retries, recovered, rehearsed, .. } = figures.outcomes;
    if figures.failures == 0 {
        return "No failure of a stage is on record in this time.".to_owned();
    }
    if figures.is_rehearsal {
        return format!(
            "Of {} of stages, {} would have been retried.",
            counted(figures.failures, "failure"),
            grouped(rehearsed)
        );
    }
    if retries == 0 {
        return format!(
            "{} of stages, and none that the policy retries.",
            counted(figures.failures, "failure")
        );
    }
    format!(
        "Of {} of stages, {} were retried, and {} of these retries brought the stage through without anybody.",
        counted(figures.failures, "failure"),
        grouped(retries),
        grouped(recovered)
    )
}

#[expect(clippy::cast_precision_loss, reason = "counts of failures are far below 2^52")]
const fn number(count: u64) -> f64 {
    count as f64
}

fn trend(figures: &ReportFigures) -> Section {
    let labels: Vec<String> = figures.weeks.iter().map(|week| short_date(&week.begins)).collect();
    let column = |name: &str, of: fn(&Outcomes) -> u64| {
        Series::new(name, figures.weeks.iter().map(|week| Some(number(of(&week.outcomes)))).collect())
    };
    let mut outcomes = vec![
        column("Recovered", |of| of.recovered),
        column("Failed again", |of| of.failed_again),
        column("Rehearsed in shadow mode", |of| of.rehearsed),
        column("Stopped, replaced or unknown", |of| of.ended).in_grey(),
        column("Still running", |of| of.running),
    ];
    outcomes.retain(|series| series.values.iter().flatten().any(|value| *value > 0.0));
    let retries = Chart {
        title: "Retries by week, and how they ended".to_owned(),
        description: format!(
            "{} in {}.",
            counted(figures.outcomes.retries, "retry"),
            counted(labels.len() as u64, "week")
        ),
        kind: Kind::Stacked,
        unit: Unit::Count,
        labels: labels.clone(),
        series: outcomes,
    };
    let share_of = |share: Option<Share>| share.and_then(|share| share.rate);
    let line = |class: &ClassRow| {
        let shares: Vec<Option<Share>> =
            figures.weeks.iter().map(|week| week.classes.get(&class.class).copied()).collect();
        Series::new(class.class.clone(), shares.into_iter().map(share_of).collect())
    };
    let retried = figures.classes.iter().filter(|class| class.recovered.of > 0).take(MOST_CLASSES);
    let by_class = Chart {
        title: "Retries that recovered, by class and week".to_owned(),
        description: "The share of retries after which the stage succeeded.".to_owned(),
        kind: Kind::Lines,
        unit: Unit::Share,
        labels: labels.clone(),
        series: retried.map(line).collect(),
    };
    let mut blocks = vec![Block::Chart(retries), Block::Chart(by_class)];
    if figures.first_try.is_some() {
        let shares: Vec<Option<Share>> = figures.weeks.iter().map(|week| week.first_try).collect();
        blocks.push(Block::Chart(Chart {
            title: "Executions that were green at the first try".to_owned(),
            description: "Of those that ended; the band is where the true share lies with 95 % confidence."
                .to_owned(),
            kind: Kind::Lines,
            unit: Unit::Share,
            labels,
            series: vec![Series {
                name: "Green at the first try".to_owned(),
                values: shares.iter().copied().map(share_of).collect(),
                intervals: (shares.into_iter())
                    .map(|share| share.filter(|share| share.of > 0).map(|share| (share.low, share.high)))
                    .collect(),
                is_grey: false,
            }],
        }));
    }
    Section {
        id: "trend",
        heading: "Over time".to_owned(),
        lead: "By weeks, which begin on Monday in UTC.".to_owned(),
        blocks,
    }
}

/// `Nov 16` of `2026-11-16`.
fn short_date(day: &str) -> String {
    let date: Option<jiff::civil::Date> = day.parse().ok();
    date.map_or_else(|| day.to_owned(), |date| date.strftime("%b %-d").to_string())
}

fn recovered(share: &Share) -> Cell {
    match share.rate {
        None => Cell::text("–"),
        Some(rate) => {
            Cell::Bar { text: plain_share(share), length: rate, interval: Some((share.low, share.high)) }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of failures are far below 2^52")]
fn of_most(count: u64, most: u64) -> Cell {
    Cell::Bar { text: grouped(count), length: count as f64 / most.max(1) as f64, interval: None }
}

fn stages(figures: &ReportFigures) -> Section {
    let most = figures.stages.first().map_or(0, |row| row.failures);
    let row = |row: &StageRow| {
        let mut kinds: Vec<(&String, &u64)> = row.classes.iter().collect();
        kinds.sort_by(|a, b| b.1.cmp(a.1));
        let kinds: Vec<String> =
            kinds.iter().take(3).map(|(class, times)| format!("{class} ({times})")).collect();
        vec![
            Cell::text(format!("{} / {}", row.pipeline, row.stage)),
            of_most(row.failures, most),
            Cell::text(row.runs.map_or_else(|| "–".to_owned(), grouped)),
            Cell::text(kinds.join(", ")),
            recovered(&row.recovered),
        ]
    };
    let mut columns = vec![
        Column::words("Stage"),
        Column::words("Failures"),
        Column::numbers("Runs"),
        Column::words("Why"),
        Column::words("Retries that recovered"),
    ];
    let mut rows: Vec<Vec<Cell>> = figures.stages.iter().take(MOST).map(row).collect();
    if figures.first_try.is_none() {
        columns.remove(2);
        for row in &mut rows {
            row.remove(2);
        }
    }
    let shown = rows.len();
    let table = Table {
        caption: format!("The {shown} stages of {} that failed most", grouped(figures.stages.len() as u64)),
        columns,
        rows,
    };
    Section {
        id: "stages",
        heading: "The flakiest stages, and why".to_owned(),
        lead: "What fails most often is what is most worth mending. Whiskers show where the true share lies with 95 % \
               confidence."
            .to_owned(),
        blocks: vec![Block::Table(table)],
    }
}

fn classes(figures: &ReportFigures) -> Section {
    let most = figures.classes.first().map_or(0, |row| row.failures);
    let row = |row: &ClassRow| {
        vec![
            Cell::text(row.class.clone()),
            of_most(row.failures, most),
            Cell::text(grouped(row.outcomes.retries)),
            recovered(&row.recovered),
        ]
    };
    let table = Table {
        caption: "Failures by class".to_owned(),
        columns: vec![
            Column::words("Class"),
            Column::words("Failures"),
            Column::numbers("Retries"),
            Column::words("Retries that recovered"),
        ],
        rows: figures.classes.iter().map(row).collect(),
    };
    Section {
        id: "classes",
        heading: "What kind of failures".to_owned(),
        lead: "A class says why something failed; the policy says which classes are retried.".to_owned(),
        blocks: vec![Block::Table(table)],
    }
}

fn futile(figures: &ReportFigures) -> Section {
    let row = |row: &StageRow| {
        vec![
            Cell::text(format!("{} / {}", row.pipeline, row.stage)),
            recovered(&row.recovered),
            Cell::text(row.classes.keys().cloned().collect::<Vec<_>>().join(", ")),
        ]
    };
    let blocks = if figures.futile.is_empty() {
        vec![Block::Note("None, as far as enough retries ended to say so.".to_owned())]
    } else {
        vec![Block::Table(Table {
            caption: "Stages whose retries recover less than half of the time, with 95 % confidence"
                .to_owned(),
            columns: vec![
                Column::words("Stage"),
                Column::words("Retries that recovered"),
                Column::words("Classes"),
            ],
            rows: figures.futile.iter().map(row).collect(),
        })]
    };
    Section {
        id: "futile",
        heading: "Retries that hardly ever help".to_owned(),
        lead: "Candidates for a fix, or for `mode: disabled` in the policy.".to_owned(),
        blocks,
    }
}

fn limits(figures: &ReportFigures) -> Section {
    let budgets = &figures.budgets;
    let tiles = vec![
        tile("In the busiest hour", counted(budgets.busiest_hour, "retry"), "by the clock, in UTC"),
        tile("Waited for a token", counted(budgets.waited, "failure"), "of a budget"),
        tile("Given up for want of one", counted(budgets.given_up, "failure"), "none came in time"),
        tile("Held in storms", counted(budgets.held_in_storms, "failure"), "many pipelines failed at once"),
    ];
    let mut decisions: Vec<(&String, &u64)> = figures.decisions.iter().collect();
    decisions.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let most = decisions.first().map_or(0, |(_, times)| **times);
    let rows = decisions
        .iter()
        .map(|(ruling, times)| vec![Cell::text((*ruling).clone()), of_most(**times, most)])
        .collect();
    let table = Table {
        caption: "The last decision about each failure".to_owned(),
        columns: vec![Column::words("Decision"), Column::words("Failures")],
        rows,
    };
    Section {
        id: "limits",
        heading: "Budgets and decisions".to_owned(),
        lead: "What held retries back, and what was decided in the end.".to_owned(),
        blocks: vec![Block::Tiles(tiles), Block::Table(table)],
    }
}
