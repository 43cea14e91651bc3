//! `retrier status`: what the product is doing at this moment. It only reads.

mod json;
mod text;

use clap::Args;
use jiff::Timestamp;

use super::account::block_on;
use super::clock;
use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::table::TableArguments;
use crate::aws::ledger::{KeptBucket, Quarantine};
use crate::domain::controls::Controls;
use crate::domain::stage_run::StageRun;
use crate::domain::sweep::Sweep;

/// Show what the product is doing: pauses, budgets, waits, retries under way, the sweep
///
/// Whatever is open in the ledger, read as it is now. Budgets are shown by what was last taken from them, so one that
/// nobody has used is not there.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier status
  retrier status --stack-name retrier-staging --region eu-central-1
  retrier status --format json | jq -r '.waits[] | [.pipeline, .stage, .until] | @tsv'

Exit codes:
  0  shown
  2  there is no such table, or no access to it
 70  the table has not answered, or holds something that cannot be read")]
pub(super) struct Status {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

/// Most messages of the quarantine that are shown.
const MOST_QUARANTINED: usize = 5;

/// All that is shown.
struct Shown {
    table: String,
    region: String,
    now: Timestamp,
    controls: Controls,
    buckets: Vec<KeptBucket>,
    open: Vec<StageRun>,
    sweep: Sweep,
    quarantine: Quarantine,
}

impl Status {
    pub fn run(self) -> Result<Exit, CliError> {
        let shown = block_on(async {
            let table = self.table.open().await?;
            let failed = |trouble| table.failed(&trouble);
            Ok(Shown {
                controls: table.ledger.controls().await.map_err(failed)?,
                buckets: table.ledger.buckets().await.map_err(failed)?,
                open: table.ledger.open_runs().await.map_err(failed)?,
                sweep: table.ledger.progress().await.map_err(failed)?,
                quarantine: table.ledger.quarantined(MOST_QUARANTINED).await.map_err(failed)?,
                table: table.name.clone(),
                region: table.region.to_string(),
                now: clock::now(),
            })
        })?;
        output::data(&match self.format {
            Format::Text => text::render(&shown),
            Format::Json => format!("{}\n", json::document(&shown)),
        })?;
        Ok(Exit::Fine)
    }
}
