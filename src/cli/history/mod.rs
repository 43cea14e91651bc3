//! `retrier history`: what was decided about a pipeline's failures. It only reads.

mod text;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::account::block_on;
use super::clock;
use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::table::TableArguments;
use crate::aws::ledger::{DynamoLedger, KeptDecision, Trouble};
use crate::domain::ids::{PipelineArn, StageName};
use crate::domain::scope::PipelineLabel;
use crate::domain::stage_run::after;
use crate::policy_file;

/// Show what was decided about a pipeline's failures, newest first
///
/// Decisions are kept for 90 days. A retry is there twice: as claimed, before the call, and as accepted. With
/// `--format json` it prints one decision document on each line.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier history web-shop
  retrier history web-shop --stage Test --since 30d --limit 200
  retrier history arn:aws:codepipeline:eu-west-1:444455556666:web-shop
  retrier history web-shop --format json \\
      | jq -r 'select(.verdict == \"retry\" and .final) | .\"decided-at\"'

Exit codes:
  0  shown, even if nothing was decided
  2  there is no such table, or no access to it
 70  the table has not answered, or holds something that cannot be read")]
pub(super) struct History {
    /// The pipeline: its name, or its ARN if it is in another account or Region
    #[arg(value_name = "PIPELINE", value_parser = pipeline)]
    pipeline: PipelineLabel,
    /// Only this stage
    #[arg(long, value_name = "NAME", value_parser = stage)]
    stage: Option<StageName>,
    /// How far back, at most 90d
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = length)]
    since: SignedDuration,
    /// Most decisions
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

/// Decisions are kept that long.
const LONGEST: SignedDuration = SignedDuration::from_hours(90 * 24);

fn pipeline(text: &str) -> Result<PipelineLabel, String> {
    PipelineLabel::parse(text).map_err(|invalid| invalid.to_string())
}

fn stage(text: &str) -> Result<StageName, String> {
    StageName::parse(text).map_err(|invalid| invalid.to_string())
}

fn length(text: &str) -> Result<SignedDuration, String> {
    match policy_file::duration(text) {
        Some(length) if length > LONGEST => {
            Err("longer than 90d, which is how long decisions are kept".into())
        }
        Some(length) if length > SignedDuration::ZERO => Ok(length),
        _ => Err("not a duration such as `12h`, `7d` or `30d`".into()),
    }
}

impl History {
    pub fn run(self) -> Result<Exit, CliError> {
        let since: Timestamp = after(clock::now(), -self.since);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut decisions = block_on(async {
            let table = self.table.open().await?;
            // One more tells whether there are more.
            let decisions = self.read(&table.ledger, since, limit.saturating_add(1)).await;
            decisions.map_err(|trouble| table.failed(&trouble))
        })?;
        let there_are_more = decisions.len() > limit;
        decisions.truncate(limit);
        output::data(&match self.format {
            Format::Text => text::render(&self, &decisions, since),
            Format::Json => decisions.iter().flat_map(|kept| [kept.document.as_str(), "\n"]).collect(),
        })?;
        if there_are_more {
            output::hint("there are older ones: raise `--limit`");
        }
        Ok(Exit::Fine)
    }

    async fn read(
        &self,
        ledger: &DynamoLedger,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<KeptDecision>, Trouble> {
        let is_wanted =
            |kept: &KeptDecision| self.stage.as_ref().is_none_or(|wanted| wanted.as_str() == kept.stage);
        let found = ledger.decisions_where(self.pipeline.clone(), since, limit, is_wanted).await?;
        match &self.pipeline {
            // Of the table's own account and Region they lie by name, whatever they are asked for by.
            PipelineLabel::Elsewhere(pipeline) if found.is_empty() => {
                let is_its = |kept: &KeptDecision| is_wanted(kept) && is_about(&kept.document, pipeline);
                ledger.decisions_where(&pipeline.name, since, limit, is_its).await
            }
            _ => Ok(found),
        }
    }
}

/// Whether a decision document is about a pipeline of that account and Region.
fn is_about(document: &str, pipeline: &PipelineArn) -> bool {
    let document: Value = serde_json::from_str(document).unwrap_or(Value::Null);
    let says = |key, expected: &str| document.get(key).and_then(Value::as_str) == Some(expected);
    says("account", pipeline.account.as_str()) && says("region", pipeline.region.as_str())
}
