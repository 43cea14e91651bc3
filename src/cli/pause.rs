//! `retrier pause`: no retry begins until it is lifted or over.

use std::fmt::Write as _;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::account::block_on;
use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::pauses::{self, Pattern};
use super::table::{Changed, TableArguments};
use super::{clock, columns};
use crate::domain::controls::{Controls, Pause as Stop};
use crate::domain::glob::Glob;
use crate::domain::stage_run::after;
use crate::policy_file;

/// Stop retrying, everywhere or for some pipelines
///
/// From then on no retry is claimed; one that was claimed a moment before may still be sent. Failures are kept and decided
/// when the pause is over, unless they are too old by then. A second pause for the same pipelines takes the place of the
/// first.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier pause --reason 'incident 4711'
  retrier pause --for 2h --pipeline 'web-*' --reason 'registry is down'

Exit codes:
  0  paused
  2  there is no such table, or no access to it
 70  the table has not answered; `retrier status` shows whether it is paused")]
pub(super) struct Pause {
    /// How long, at most 30d; until `retrier resume` unless given
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    length: Option<SignedDuration>,
    /// The pipelines, with * and ? in the name; every one unless given
    #[arg(long, value_name = "GLOB", value_parser = Pattern::parse)]
    pipeline: Option<Pattern>,
    /// Why, for everybody who wonders: at most 256 characters
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

/// The longest pause with an end; whoever wants a longer one gives none.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);
const LONGEST_REASON: usize = 256;

fn length(text: &str) -> Result<SignedDuration, String> {
    match policy_file::duration(text) {
        Some(length) if length > LONGEST => {
            Err("longer than 30d; leave it out to pause until `retrier resume`".into())
        }
        Some(length) if length > SignedDuration::ZERO => Ok(length),
        _ => Err("not a duration such as `30m`, `2h` or `1d`".into()),
    }
}

/// A person's words for everybody who wonders.
pub(super) fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a reason is wanted: it is what everybody is shown who wonders".into());
    }
    if text.chars().count() > LONGEST_REASON {
        return Err(format!("longer than {LONGEST_REASON} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("it may have no control characters, such as line breaks".into());
    }
    Ok(text.trim().to_owned())
}

impl Pause {
    pub fn run(self) -> Result<Exit, CliError> {
        let now = clock::now();
        let stop = Stop {
            pipeline: Pattern::glob(self.pipeline.as_ref()),
            until: self.length.map(|length| after(now, length)),
            reason: self.reason.clone(),
        };
        let changed = block_on(async {
            let table = self.table.open().await?;
            table.change(|current| Some(paused(current, &stop, now))).await
        })?;
        let before = match &changed {
            Changed::Done { before, .. } | Changed::Nothing(before) => before,
        };
        let replaced = pauses::in_force(before, now).into_iter().find(|old| old.pipeline == stop.pipeline);
        output::data(&match self.format {
            Format::Text => text(&stop, replaced, now),
            Format::Json => {
                let replaced = replaced.map(pauses::document);
                format!("{}\n", json!({ "paused": pauses::document(&stop), "replaced": replaced }))
            }
        })?;
        Ok(Exit::Fine)
    }
}

/// The next controls: with this pause, in place of one for the same pipelines, and without those that are over.
fn paused(current: &Controls, stop: &Stop, now: Timestamp) -> Controls {
    let mut next = current.resume(stop.pipeline.as_ref());
    next.pauses.retain(|pause| pause.until.is_none_or(|until| until > now));
    next.pauses.push(stop.clone());
    next
}

fn text(stop: &Stop, replaced: Option<&Stop>, now: Timestamp) -> String {
    let mut text = format!("paused {}\n", pauses::line(stop, now));
    if let Some(replaced) = replaced {
        let (until, reason) = (pauses::end(replaced, now), columns::foreign(&replaced.reason));
        let _ = writeln!(text, "in place of the pause until {until}: {reason}");
    }
    let resume =
        stop.pipeline.as_ref().map_or_else(String::new, |glob: &Glob| format!(" --pipeline '{glob}'"));
    let _ = writeln!(text, "`retrier resume{resume}` ends it");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_reasons_have_limits() {
        assert_eq!(length("2h"), Ok(SignedDuration::from_hours(2)));
        assert_eq!(length("30d"), Ok(LONGEST));
        for wrong in ["", "0s", "31d", "721h", "two hours", "-1h", "1h30m"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
        assert_eq!(reason(" incident 4711 "), Ok("incident 4711".into()));
        assert!(reason(&"ü".repeat(256)).is_ok());
        for wrong in ["", "  ", "a\nb", "\u{1b}[31mred", &"x".repeat(257)] {
            assert!(reason(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn one_pause_for_one_pattern() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let stop = |glob: Option<&str>, hours: i64, reason: &str| Stop {
            pipeline: glob.map(Glob::new),
            until: Some(after(now, SignedDuration::from_hours(hours))),
            reason: reason.into(),
        };
        let pauses = vec![stop(None, 1, "all"), stop(Some("web-*"), 1, "web"), stop(Some("api"), -1, "over")];
        let current = Controls { version: 7, pauses, ..Controls::default() };
        let next = paused(&current, &stop(None, 5, "longer"), now);
        assert_eq!(next.version, 8);
        assert_eq!(next.pauses, [stop(Some("web-*"), 1, "web"), stop(None, 5, "longer")]);
    }
}
