//! A comparison as a table for people.

use std::fmt::Write as _;

use crate::replay::simulate::comparison::{Compared, Comparison, Estimate};
use crate::replay::simulate::measure::Measure;

/// One column of the table: its head, then a cell for each measure.
struct Column {
    head: String,
    cells: Vec<String>,
}

/// The whole answer.
pub(super) fn table(comparison: &Comparison) -> String {
    let titles = Column {
        head: String::new(),
        cells: Measure::ALL.iter().map(|measure| measure.title().to_owned()).collect(),
    };
    let contenders = comparison.contenders.iter().enumerate();
    let columns: Vec<Column> = contenders
        .flat_map(|(index, contender)| {
            let beside = (index > 0).then(|| differences(contender));
            std::iter::once(figures(contender)).chain(beside)
        })
        .collect();
    let mut text = introduction(comparison);
    for row in 0..=Measure::ALL.len() {
        let mut line = format!("{:<width$}", titles.cell(row), width = titles.width());
        for column in &columns {
            let _ = write!(line, "  {:>width$}", column.cell(row), width = column.width());
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&explanation(comparison));
    text
}

fn introduction(comparison: &Comparison) -> String {
    let Comparison { about, pipelines, hours, seeds, .. } = comparison;
    let about = if about.is_empty() { String::new() } else { format!("{about}\n") };
    let (pipelines, seeds) = (counted(*pipelines, "pipeline"), counted(seeds.len(), "play"));
    let length =
        if *hours < 48.0 { format!("{hours:.0} hours") } else { format!("{:.0} days", hours / 24.0) };
    format!("{about}{pipelines}, {length}, {seeds} of each\n\n")
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn explanation(comparison: &Comparison) -> String {
    if comparison.seeds.len() < 2 {
        return "\nOne play tells nothing of how far off it may be: use `--seeds`.\n".to_owned();
    }
    format!(
        "\nMeans, each with half its {:.0} % confidence interval (Student's t). `vs none` is the mean difference to the \
         same plays without retries.\n",
        comparison.confidence * 100.0
    )
}

fn figures(contender: &Compared) -> Column {
    let cell = |measure: &Measure| contender.figure(*measure).map(|figure| shown(figure.estimate, ""));
    Column {
        head: contender.name.clone(),
        cells: Measure::ALL.iter().map(|measure| cell(measure).unwrap_or_else(|| "-".into())).collect(),
    }
}

fn differences(contender: &Compared) -> Column {
    let cell = |measure: &Measure| {
        let difference = contender.figure(*measure)?.difference?;
        Some(shown(difference, if difference.mean > 0.0 { "+" } else { "" }))
    };
    Column {
        head: "vs none".into(),
        cells: Measure::ALL.iter().map(|measure| cell(measure).unwrap_or_default()).collect(),
    }
}

fn shown(estimate: Estimate, sign: &str) -> String {
    let Estimate { mean, margin } = estimate;
    match margin {
        Some(margin) => format!("{sign}{} ±{}", rounded(mean), rounded(margin)),
        None => format!("{sign}{}", rounded(mean)),
    }
}

/// With a decimal where that says anything.
fn rounded(value: f64) -> String {
    if value.abs() < 100.0 && value.fract() != 0.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

impl Column {
    fn cell(&self, row: usize) -> &str {
        match row.checked_sub(1) {
            None => &self.head,
            Some(row) => self.cells.get(row).map_or("", String::as_str),
        }
    }

    fn width(&self) -> usize {
        self.cells.iter().chain([&self.head]).map(|cell| cell.chars().count()).max().unwrap_or_default()
    }
}
