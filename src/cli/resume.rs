//! `retrier resume`: ends a pause.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::block_on;
use super::clock;
use super::columns::foreign;
use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::pauses::{self, Pattern};
use super::table::{Changed, TableArguments};
use super::waking;
use crate::domain::controls::{Controls, Pause};
use crate::domain::decision::Ruling;
use crate::domain::glob::Glob;

/// End a pause
///
/// It ends the pause for exactly these pipelines, and no other one. Failures that waited for it are decided at once, where
/// the product's queue can be reached, or else within five minutes.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier resume
  retrier resume --pipeline 'web-*'

Exit codes:
  0  the pause is ended
  1  there is no such pause
  2  there is no such table, or no access to it
 70  the table has not answered; `retrier status` shows whether it is paused")]
pub(super) struct Resume {
    /// The pipelines as they were given to `retrier pause`; the pause for every one unless given
    #[arg(long, value_name = "GLOB", value_parser = Pattern::parse)]
    pipeline: Option<Pattern>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

impl Resume {
    pub fn run(self) -> Result<Exit, CliError> {
        let now = clock::now();
        let glob = Pattern::glob(self.pipeline.as_ref());
        let (changed, woken) = block_on(async {
            let table = self.table.open().await?;
            let changed = table
                .change(|current| {
                    ended(current, glob.as_ref(), now).is_some().then(|| current.resume(glob.as_ref()))
                })
                .await?;
            // Also where there is no pause: an earlier `resume` may have ended it without hearing so.
            let (Changed::Done { after: controls, .. } | Changed::Nothing(controls)) = &changed;
            let woken = waking::wake(&table, controls, Ruling::WaitPaused, now).await;
            Ok((changed, woken))
        })?;
        let (ended, left) = match &changed {
            Changed::Done { before, after } => (ended(before, glob.as_ref(), now), after),
            Changed::Nothing(controls) => (None, controls),
        };
        let left = pauses::in_force(left, now);
        output::data(&match self.format {
            Format::Text => text(ended, glob.as_ref(), &left, woken, now),
            Format::Json => {
                let left: Vec<Value> = left.iter().map(|pause| pauses::document(pause)).collect();
                format!(
                    "{}\n",
                    json!({ "resumed": ended.map(pauses::document), "paused": left, "woken": woken })
                )
            }
        })?;
        Ok(if ended.is_some() { Exit::Fine } else { Exit::Findings })
    }
}

/// The pause that is ended, if there is one.
fn ended<'a>(controls: &'a Controls, glob: Option<&Glob>, now: Timestamp) -> Option<&'a Pause> {
    pauses::in_force(controls, now).into_iter().find(|pause| pause.pipeline.as_ref() == glob)
}

fn text(
    ended: Option<&Pause>,
    glob: Option<&Glob>,
    left: &[&Pause],
    woken: Option<usize>,
    now: Timestamp,
) -> String {
    let mut text = match ended {
        Some(pause) => format!("ended the pause for {}: {}\n", pauses::whose(glob), foreign(&pause.reason)),
        None if glob.is_none() => "there is no pause for all pipelines at once\n".to_owned(),
        None => format!("there is no pause for {}\n", pauses::whose(glob)),
    };
    text.push_str(&waking::line(woken));
    match left {
        [] => text.push_str("nothing is paused\n"),
        left => {
            text.push_str("still paused:\n");
            for pause in left {
                let _ = writeln!(text, "  {}", pauses::line(pause, now));
            }
        }
    }
    text
}
