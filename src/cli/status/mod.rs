//! `retrier status`: what the product is doing at this moment. It only reads.

mod budgets;
mod freezes;
mod headline;
mod json;
mod open;
mod text;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::account::block_on;
use super::clock;
use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::pauses::Pattern;
use super::policy::pushed_in_force;
use super::screen::Screen;
use super::table::{Table, TableArguments};
use super::watch::{self, WatchArguments};
use crate::aws::ledger::{KeptBucket, KeptWindow, OpenRuns, Quarantine};
use crate::aws::settings::variable;
use crate::domain::controls::Controls;
use crate::domain::glob::Glob;
use crate::domain::ids::StageRunId;
use crate::domain::policy::Policy;
use crate::domain::stage_run::StageRun;
use crate::domain::storm::{Storm, Weather};
use crate::domain::sweep::Sweep;
use crate::policy_file;
use freezes::Freezes;

/// Show what the product is doing, and whether a person is needed
///
/// The first line says whether all is well. What follows is read from the ledger as it is now: pauses and storms, the policy
/// in force and its freezes, budgets, failures that wait, retries under way, the sweep, and messages that were not
/// understood. Budgets are shown by what was last taken from them, so one that nobody has used is not there. Change calendars
/// are not asked.
///
/// A look costs some 8 read units of the table, one more for each open stage run, and up to 16 for a pushed policy.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier status
  retrier status --watch
  retrier status --pipeline 'web-*' --all
  retrier status --stack-name retrier-staging --region eu-central-1
  retrier status --format json | jq -r '.waits[] | [.pipeline, .stage, .until] | @tsv'

Exit codes:
  0  shown, whatever it says; with `--watch` also when it was ended by Ctrl-C
  2  there is no such table, or no access to it
 70  the table has not answered, or holds something that cannot be read")]
pub(super) struct Status {
    /// Only stage runs of these pipelines, with * and ? in the name
    #[arg(long, value_name = "GLOB", value_parser = Pattern::parse)]
    pipeline: Option<Pattern>,
    /// Every open stage run and budget, with names in full however wide
    #[arg(long)]
    all: bool,
    /// The policy that the stack was packaged with, for its freezes; a pushed one is in the ledger
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    watch: WatchArguments,
    /// How to print it; with `--watch`, JSON is one document on each line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

/// Most messages of the quarantine that are shown.
const MOST_QUARANTINED: usize = 5;

/// Windows of failures that are read: those of the present, and of a policy that was at work a moment ago.
const WINDOWS: usize = 4;

/// All that is shown.
struct Shown {
    table: String,
    region: String,
    now: Timestamp,
    controls: Controls,
    weather: Option<Weather>,
    freezes: Freezes,
    buckets: Vec<KeptBucket>,
    /// The pipelines that the open stage runs are narrowed to.
    only: Option<Glob>,
    open: Vec<StageRun>,
    /// The open stage runs whose record a newer release wrote.
    newer: Vec<StageRunId>,
    sweep: Sweep,
    quarantine: Quarantine,
}

impl Status {
    pub fn run(self) -> Result<Exit, CliError> {
        let packaged = self.policy.as_deref().map(read_policy).transpose()?;
        block_on(async {
            let table = self.table.open().await?;
            let look = async || Box::pin(self.look(&table, packaged.as_ref())).await;
            let Some(every) = self.watch.every() else {
                output::data(&self.rendered(&look().await?))?;
                return Ok(Exit::Fine);
            };
            let mut screen = match self.format {
                Format::Text => Screen::of(variable("TERM").as_deref()),
                Format::Json => None,
            };
            let mut last = String::new();
            watch::repeat(every, look, |looked| match (&mut screen, looked) {
                (Some(screen), Ok(shown)) => {
                    last = self.rendered(&shown);
                    screen.draw(&last)
                }
                (Some(screen), Err(error)) => screen.draw(&text::stale(&error, &last)),
                (None, Ok(shown)) => output::more_data(&self.block(&shown)),
                (None, Err(error)) => {
                    output::notice(&format!("{error}; it is tried again"));
                    Ok(true)
                }
            })
            .await
        })
    }

    async fn look(&self, table: &Table, packaged: Option<&Policy>) -> Result<Shown, CliError> {
        let failed = |trouble| table.failed(&trouble);
        let now = clock::now();
        let only = Pattern::glob(self.pipeline.as_ref());
        let is_wanted = |name: &str| only.as_ref().is_none_or(|glob| glob.matches(name));
        let windows = table.ledger.windows(WINDOWS).await.map_err(failed)?;
        let controls = table.ledger.controls().await.map_err(failed)?;
        let pushed = pushed_in_force(table, &controls).await;
        let open = table.ledger.open_runs_where(|run| is_wanted(run.pipeline.name.as_str()));
        let OpenRuns { records: open, newer } = open.await.map_err(failed)?;
        Ok(Shown {
            weather: weather(windows, now),
            freezes: Freezes::of(&controls, pushed.as_ref().or(packaged), now),
            buckets: table.ledger.buckets().await.map_err(failed)?,
            open,
            newer,
            sweep: table.ledger.progress().await.map_err(failed)?,
            quarantine: table.ledger.quarantined(MOST_QUARANTINED).await.map_err(failed)?,
            table: table.name.clone(),
            region: table.region.to_string(),
            now,
            controls,
            only,
        })
    }

    fn rendered(&self, shown: &Shown) -> String {
        match self.format {
            Format::Text => text::render(shown, self.all),
            Format::Json => format!("{}\n", json::document(shown)),
        }
    }

    /// One of several that are shown one after the other.
    fn block(&self, shown: &Shown) -> String {
        match self.format {
            Format::Text => format!("--- {:.0}\n{}\n", shown.now, text::render(shown, self.all)),
            Format::Json => self.rendered(shown),
        }
    }
}

fn read_policy(path: &Path) -> Result<Policy, CliError> {
    let bytes = fs::read(path).map_err(|error| CliError::unreadable(path, &error))?;
    policy_file::load_bytes(&path.display().to_string(), &bytes).policy.ok_or_else(|| {
        CliError::usage(format!("`{}` is no valid policy", path.display()))
            .with_hint(format!("`retrier validate {}` shows what is wrong", path.display()))
    })
}

/// Whether there is a storm, by the policy of the last failure that was noted; none where none was noted of late.
fn weather(windows: Vec<KeptWindow>, now: Timestamp) -> Option<Weather> {
    let newest = windows.first()?;
    let within = SignedDuration::from_millis(newest.key.within_ms);
    let storm = Storm::try_new(newest.failures, within, Storm::DEFAULT.spread()).ok()?;
    Some(storm.weather(&windows.into_iter().map(|kept| (kept.key, kept.window)).collect(), now))
}
