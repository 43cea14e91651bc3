//! `retrier report`: what the product brought, from its ledger. It only reads.

mod page;
mod text;

use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::account::block_on;
use super::backtest::price;
use super::clock;
use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::past;
use super::since;
use super::table::TableArguments;
use super::web_page;
use crate::domain::glob::Glob;
use crate::domain::stage_run::after;
use crate::policy_file;
use crate::replay::history::History;
use crate::replay::report::{Assumed, Failure, ReportFigures, Sources, failures, report};

/// Show which stages fail most, what retries mend, and what that saves
///
/// Made from the ledger, which keeps 90 days; of a deployment in shadow mode it shows what would have been retried. With
/// `--history FILE`, as `retrier backtest` writes it, it also shows how much succeeds at the first try, how long people take
/// to retry by hand, and how long a recovery takes.
///
/// It reads the whole table: one read unit for each 8 KB, which is less than a cent for 30,000 failures.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier report --since 30d --html report.html
  retrier report --since 7d --pipeline 'web-*' --format json | jq .figures.recovered
  retrier report --since 90d --history history.jsonl --hourly-rate 80

Reading takes the right dynamodb:Scan on the table.

Exit codes:
  0  shown, even if nothing was decided
  2  there is no such table, or no access to it
 70  the table has not answered")]
pub(super) struct Report {
    /// How far back, at most 90d
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = since::of_decisions)]
    since: SignedDuration,
    /// Only these pipelines, with * and ? in the name; may be given several times
    #[arg(long, value_name = "GLOB", value_parser = |text: &str| Ok::<_, String>(Glob::new(text)))]
    pipeline: Vec<Glob>,
    /// A history that `retrier backtest` has written, for what the ledger cannot know
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// After what time somebody would have retried by hand, where no history tells
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = reaction)]
    reaction: SignedDuration,
    /// What an hour of waiting is worth, in US dollars
    #[arg(long, value_name = "DOLLARS", value_parser = price)]
    hourly_rate: Option<f64>,
    /// Write a page with charts to this file as well
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

fn reaction(text: &str) -> Result<SignedDuration, String> {
    policy_file::duration(text).ok_or_else(|| "not a duration such as `20m` or `1h`".to_owned())
}

/// What is shown.
struct Shown {
    figures: ReportFigures,
    table: String,
    region: String,
    assumed: Vec<String>,
}

impl Report {
    pub fn run(self) -> Result<Exit, CliError> {
        let now = clock::now();
        let since = after(now, -self.since);
        let history = self.history()?;
        let (failures, table, region) = block_on(self.failures(since, now))?;
        let assumed =
            Assumed { reaction_minutes: self.reaction.as_secs_f64() / 60.0, hourly_rate: self.hourly_rate };
        let figures = report(&failures, history.as_ref(), assumed, since, now);
        let assumed = assumptions(&figures);
        let shown = Shown { figures, table, region, assumed };
        output::data(&match self.format {
            Format::Text => text::text(&shown),
            Format::Json => shown.json(),
        })?;
        if let Some(path) = &self.html {
            web_page::write(path, &page::page(&shown, now))?;
            output::written(path);
        }
        Ok(Exit::Fine)
    }

    fn is_wanted(&self, pipeline: &str) -> bool {
        self.pipeline.is_empty() || self.pipeline.iter().any(|glob| glob.matches(pipeline))
    }

    /// All of the history of these pipelines: the more of it, the better it tells how long people take.
    fn history(&self) -> Result<Option<History>, CliError> {
        let Some(path) = &self.history else { return Ok(None) };
        let Some(history) = past::complete(path, SignedDuration::ZERO)? else {
            return Err(CliError::usage(format!("`{}` is no complete history", path.display()))
                .with_hint("`retrier backtest --history FILE` reads what is missing"));
        };
        let since = history.header.since;
        Ok(Some(history.narrowed(since, |name| self.is_wanted(name.as_str()))))
    }

    async fn failures(
        &self,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(Vec<Failure>, String, String), CliError> {
        let table = self.table.open().await?;
        let bar = super::progress::counting("items of the ledger");
        // A decision comes after its failure, so what was decided since then has all that failed since then.
        let kept = table.ledger.kept(since, |items| bar.set_position(items)).await;
        bar.finish_and_clear();
        let kept = kept.map_err(|trouble| table.failed(&trouble))?;
        let sources = Sources {
            documents: kept.decisions.into_iter().map(|decision| decision.document).collect(),
            records: kept.records,
        };
        let (mut failures, unread) = failures(&sources, since, now);
        failures.retain(|failure| self.is_wanted(&failure.pipeline));
        let unread = kept.unread + unread as u64;
        if unread > 0 {
            output::notice(&format!(
                "{unread} items of the ledger cannot be read: a newer release wrote them, or somebody changed them"
            ));
        }
        Ok((failures, table.name.clone(), table.region.to_string()))
    }
}

impl Shown {
    fn json(&self) -> String {
        let document = json!({
            "schema": 1,
            "table": self.table,
            "region": self.region,
            "figures": self.figures,
            "assumed": self.assumed,
        });
        format!("{document:#}\n")
    }
}

/// What a reader has to know to trust the numbers as far as they go.
fn assumptions(figures: &ReportFigures) -> Vec<String> {
    let minutes = figures.saved.reaction_minutes.round();
    let mut assumed = vec![if figures.saved.is_measured {
        format!(
            "without the product somebody would have retried after {minutes} minutes, which is what people took half of the \
             time in the history"
        )
    } else {
        format!(
            "without the product somebody would have retried after {minutes} minutes [--reaction, or --history to measure it]"
        )
    }];
    assumed.push(
        "a recovery is a retry of the product after which the stage succeeded; that it would have failed for good without \
         it is not said"
            .to_owned(),
    );
    if figures.is_rehearsal {
        assumed.push(
            "the product was in shadow mode: its retries are those that it would have made, and how they would have ended \
             is not known; `retrier backtest` shows how retries by hand ended"
                .to_owned(),
        );
    }
    assumed
}
