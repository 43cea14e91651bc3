//! A backtest as a page.

use jiff::Timestamp;

use super::Found;
use crate::cli::figure::{colophon, counted, dollars, grouped, minutes, percent, plain_share};
use crate::page::{Block, Cell, Chart, Column, Kind as ChartKind, Page, Section, Series, Table, Tile, Unit};
use crate::replay::backtest::{Advice, Figures, Group, Kind, Share};

/// Rows of a table of what fails most.
const MOST: usize = 15;
/// Classes with a colour of their own.
const MOST_CLASSES: usize = 5;

/// All of it.
pub(super) fn page(found: &Found, now: Timestamp) -> Page {
    let figures = &found.figures;
    let day = |text: &str| text.get(..10).unwrap_or(text).to_owned();
    Page {
        title: "What the policy would have done".to_owned(),
        subtitle: format!(
            "{} (version {}) on {} and {} of AWS CodePipeline, {} to {}.",
            found.policy_name,
            found.policy.version,
            counted(figures.pipelines, "pipeline"),
            counted(figures.executions, "execution"),
            day(&figures.since),
            day(&figures.until)
        ),
        sections: vec![
            overview(figures),
            treatments(figures),
            trend(figures),
            kinds(
                "classes",
                "By class",
                "What kind of failures there were, and what became of them.",
                &figures.classes,
            ),
            kinds("stages", "Stages that fail most", "What is most worth a rule, or a fix.", &figures.stages),
            advice(found),
            Section {
                id: "assumed",
                heading: "What was assumed".to_owned(),
                lead: "What a history cannot tell, and what was taken to be so.".to_owned(),
                blocks: vec![Block::List(found.assumed())],
            },
        ],
        colophon: colophon("retrier backtest", now),
    }
}

fn tile(label: &str, value: String, note: impl Into<String>) -> Tile {
    Tile { label: label.to_owned(), value, note: note.into() }
}

fn overview(figures: &Figures) -> Section {
    let known = &figures.would_recover;
    let mut tiles = vec![
        tile(
            "Failures of stages",
            grouped(figures.failures),
            format!("in {}", counted(figures.executions, "execution")),
        ),
        tile(
            "Would have been retried",
            grouped(figures.retried.failures),
            format!(
                "{} overtaken by people, {} left alone",
                grouped(figures.overtaken.failures),
                grouped(figures.left_alone.failures)
            ),
        ),
        tile(
            "Of these, recover",
            percent(known.rate),
            if known.of == 0 {
                "nobody retried any of them, so it is not known".to_owned()
            } else {
                format!(
                    "{}, as somebody's retry of them showed; {:.0} to {:.0} % with 95 % confidence",
                    plain_share(known),
                    known.low * 100.0,
                    known.high * 100.0
                )
            },
        ),
        tile(
            "Retries by hand spared",
            grouped(figures.spared_by_hand),
            format!("of {} that people made", grouped(figures.retries_by_hand)),
        ),
    ];
    if let Some(median) = figures.saved_median_minutes {
        tiles.push(tile(
            "Waiting saved",
            minutes(figures.saved_minutes),
            format!("{} for one failure (median)", minutes(median)),
        ));
    }
    tiles.push(tile(
        "Cost of its retries",
        dollars(figures.machine.dollars),
        format!("{} of it in retries that do not help", share_of_minutes(figures)),
    ));
    tiles.push(tile(
        "Green at the first try",
        percent(figures.first_try.rate),
        plain_share(&figures.first_try),
    ));
    let lead = format!(
        "Of {} of stages the policy would have retried {}. People retried {} by hand, of which {} recovered.",
        counted(figures.failures, "failure"),
        grouped(figures.retried.failures),
        grouped(figures.retries_by_hand),
        plain_share(&figures.by_hand),
    );
    Section { id: "overview", heading: "In short".to_owned(), lead, blocks: vec![Block::Tiles(tiles)] }
}

fn share_of_minutes(figures: &Figures) -> String {
    let machine = &figures.machine;
    let all = machine.useful_minutes + machine.futile_minutes + machine.unknown_minutes;
    percent((all > 0.0).then(|| machine.futile_minutes / all))
}

#[expect(clippy::cast_precision_loss, reason = "counts of failures are far below 2^52")]
const fn number(count: u64) -> f64 {
    count as f64
}

fn treatments(figures: &Figures) -> Section {
    let groups = [&figures.retried, &figures.overtaken, &figures.left_alone];
    let series = |name: &str, of: fn(&Group) -> u64| {
        Series::new(name, groups.iter().map(|group| Some(number(of(group)))).collect())
    };
    let chart = Chart {
        title: "What the policy would have done, and what became of it when people retried".to_owned(),
        description: "Failures by what the policy would have done about them.".to_owned(),
        kind: ChartKind::Stacked,
        unit: Unit::Count,
        labels: ["Retried", "Overtaken", "Left alone"].map(str::to_owned).to_vec(),
        series: vec![
            series("A retry mended it", |group| group.recovered),
            series("A retry did not mend it", |group| group.failed_again),
            series("Nobody retried it, or it was stopped", |group| group.unknown).in_grey(),
        ],
    };
    let mut reasons: Vec<(&String, &u64)> = figures.decisions.iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let table = Table {
        caption: "The last decision about each failure".to_owned(),
        columns: vec![Column::words("Decision"), Column::numbers("Failures")],
        rows: (reasons.iter())
            .map(|(ruling, times)| vec![Cell::text((*ruling).clone()), Cell::text(grouped(**times))])
            .collect(),
    };
    Section {
        id: "decisions",
        heading: "Retried, overtaken, left alone".to_owned(),
        lead: "Overtaken means that somebody or something was quicker: a person's retry, the stage's own, or a newer change."
            .to_owned(),
        blocks: vec![Block::Chart(chart), Block::Table(table)],
    }
}

fn trend(figures: &Figures) -> Section {
    let labels: Vec<String> = figures
        .weeks
        .iter()
        .map(|week| {
            let date: Option<jiff::civil::Date> = week.begins.parse().ok();
            date.map_or_else(|| week.begins.clone(), |date| date.strftime("%b %-d").to_string())
        })
        .collect();
    let named: Vec<&str> =
        figures.classes.iter().take(MOST_CLASSES).map(|class| class.name.as_str()).collect();
    let mut series: Vec<Series> = named
        .iter()
        .map(|class| {
            let of = |failures: &std::collections::BTreeMap<String, u64>| failures.get(*class).copied();
            Series::new(
                *class,
                figures
                    .weeks
                    .iter()
                    .map(|week| Some(number(of(&week.failures).unwrap_or_default())))
                    .collect(),
            )
        })
        .collect();
    if figures.classes.len() > named.len() {
        let others = |failures: &std::collections::BTreeMap<String, u64>| -> u64 {
            failures
                .iter()
                .filter(|(class, _)| !named.contains(&class.as_str()))
                .map(|(_, times)| times)
                .sum()
        };
        series.push(Series::new(
            "others",
            figures.weeks.iter().map(|week| Some(number(others(&week.failures)))).collect(),
        ));
    }
    let failures = Chart {
        title: "Failures by week and class".to_owned(),
        description: format!(
            "{} in {}.",
            counted(figures.failures, "failure"),
            counted(labels.len() as u64, "week")
        ),
        kind: ChartKind::Stacked,
        unit: Unit::Count,
        labels: labels.clone(),
        series,
    };
    let shares: Vec<Share> =
        figures.weeks.iter().map(|week| Share::new(week.first_try, week.ended)).collect();
    let first_try = Chart {
        title: "Executions that were green at the first try".to_owned(),
        description: "Of those that ended; the band is where the true share lies with 95 % confidence."
            .to_owned(),
        kind: ChartKind::Lines,
        unit: Unit::Share,
        labels,
        series: vec![Series {
            name: "Green at the first try".to_owned(),
            values: shares.iter().map(|share| share.rate).collect(),
            intervals: shares.iter().map(|share| share.rate.map(|_| (share.low, share.high))).collect(),
            is_grey: false,
        }],
    };
    Section {
        id: "trend",
        heading: "Over time".to_owned(),
        lead: "By weeks, which begin on Monday in UTC.".to_owned(),
        blocks: vec![Block::Chart(failures), Block::Chart(first_try)],
    }
}

fn kinds(id: &'static str, heading: &str, lead: &str, kinds: &[Kind]) -> Section {
    let row = |kind: &Kind| {
        vec![
            Cell::text(kind.name.replace('/', " / ")),
            Cell::text(grouped(kind.failures)),
            Cell::text(grouped(kind.retried.failures)),
            Cell::text(grouped(kind.overtaken.failures)),
            Cell::text(grouped(kind.left_alone.failures)),
            match kind.by_hand.rate {
                None => Cell::text("–"),
                Some(rate) => Cell::Bar {
                    text: plain_share(&kind.by_hand),
                    length: rate,
                    interval: Some((kind.by_hand.low, kind.by_hand.high)),
                },
            },
        ]
    };
    let rows: Vec<Vec<Cell>> = kinds.iter().take(MOST).map(row).collect();
    let caption = format!("{} of {}", rows.len(), grouped(kinds.len() as u64));
    let table = Table {
        caption,
        columns: vec![
            Column::words(if id == "classes" { "Class" } else { "Stage" }),
            Column::numbers("Failures"),
            Column::numbers("Retried"),
            Column::numbers("Overtaken"),
            Column::numbers("Left alone"),
            Column::words("Retries by hand that recovered"),
        ],
        rows,
    };
    Section { id, heading: heading.to_owned(), lead: lead.to_owned(), blocks: vec![Block::Table(table)] }
}

fn advice(found: &Found) -> Section {
    let mut blocks = Vec::new();
    for suggestion in &found.suggestions {
        let verb = match suggestion.advice {
            Advice::Retry => "Retry",
            Advice::LeaveAlone => "Leave alone",
        };
        blocks.push(Block::Note(format!(
            "{verb}: {} It is about {}. {}",
            suggestion.because,
            counted(suggestion.failures, "failure"),
            suggestion.place
        )));
        let rule: Vec<&str> =
            suggestion.rule.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        blocks.push(Block::Code(rule.join("\n")));
    }
    let lead = if found.suggestions.is_empty() {
        "None: no class of failures was retried by hand so often, and ended so much the same way, that it speaks for another \
         rule."
    } else {
        "Each rests on retries that were really made, and none reaches beyond the rule that its failures fall under now."
    };
    Section { id: "suggestions", heading: "Suggestions".to_owned(), lead: lead.to_owned(), blocks }
}
