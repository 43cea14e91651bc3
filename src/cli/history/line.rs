//! Decisions for people: one line each, in columns that stay as wide as they began.

use anstyle::Style;
use jiff::Timestamp;

use super::explained;
use super::kept::Kept;
use crate::aws::ledger::KeptDecision;
use crate::cli::columns::foreign;

const HEADING: Style = Style::new().bold();
const HEADINGS: [&str; 7] = ["TIME", "STAGE", "EXECUTION", "DECISION", "RETRY", "RULE", "CLASSES"];
/// Characters of an execution's id that tell it from others.
const SHORT_ID: usize = 8;

/// How decisions are laid out.
pub(super) struct Lines {
    widths: [usize; 7],
    explain: bool,
}

impl Lines {
    /// In columns that these fit in.
    pub fn around(decisions: &[KeptDecision], explain: bool) -> Self {
        let mut widths = HEADINGS.map(str::len);
        for kept in decisions {
            for (width, cell) in widths.iter_mut().zip(&cells(&Kept::of(kept))) {
                *width = (*width).max(cell.chars().count());
            }
        }
        Self { widths, explain }
    }

    /// These under their headings.
    pub fn block(&self, decisions: &[KeptDecision], now: Timestamp) -> String {
        if self.explain {
            return self.more(decisions, now);
        }
        let headings = self.line(&HEADINGS.map(str::to_owned));
        format!("{HEADING}{headings}{HEADING:#}\n{}", self.more(decisions, now))
    }

    /// More of them.
    pub fn more(&self, decisions: &[KeptDecision], now: Timestamp) -> String {
        let kept = decisions.iter().map(Kept::of);
        if self.explain {
            return kept.map(|kept| explained::block(&kept, now)).collect();
        }
        kept.map(|kept| self.line(&cells(&kept)) + "\n").collect()
    }

    fn line(&self, cells: &[String; 7]) -> String {
        let padded: Vec<String> =
            cells.iter().zip(self.widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    }
}

fn cells(kept: &Kept<'_>) -> [String; 7] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        format!("{:.0}", kept.row.decided_at),
        foreign(&kept.row.stage),
        foreign(&kept.row.execution).chars().take(SHORT_ID).collect(),
        kept.ruling(),
        or_dash(kept.retry()),
        or_dash(kept.text("rule")),
        or_dash(kept.classes()),
    ]
}
