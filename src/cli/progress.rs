//! Progress of long work, on standard error and only where a person looks at it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often it is drawn although nothing has changed.
const TICK: Duration = Duration::from_millis(200);

/// Of so many things, with what is at work beside.
pub(super) fn of(things: u64, noun: &str) -> ProgressBar {
    styled(
        ProgressBar::new(things),
        &format!("{{bar:30}} {{pos}}/{{len}} {noun}, {{eta}} left  {{wide_msg}}"),
    )
}

/// Of things whose number is not known before.
#[cfg(feature = "aws")]
pub(super) fn counting(noun: &str) -> ProgressBar {
    styled(ProgressBar::no_length(), &format!("{{spinner}} {{pos}} {noun}"))
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
