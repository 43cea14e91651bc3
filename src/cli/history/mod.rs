//! `retrier history`: what was decided about a pipeline's failures. It only reads.

mod explained;
mod kept;
mod line;
mod tail;

#[cfg(test)]
mod tests;

use std::mem::replace;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::account::block_on;
use super::clock;
use super::columns::away;
use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::since;
use super::table::{Table, TableArguments};
use super::watch::{self, WatchArguments};
use crate::aws::ledger::{KeptDecision, Span};
use crate::domain::decision::Verdict;
use crate::domain::glob::Glob;
use crate::domain::ids::PipelineArn;
use crate::domain::scope::PipelineLabel;
use crate::domain::stage_run::after;
use crate::policy_file::near;
use line::Lines;
use tail::Tail;

/// Show what was decided about a pipeline's failures, newest first
///
/// Decisions are kept for 90 days. A retry is there twice: as claimed, before the call, and as accepted. With `--watch` the
/// newest come last, and new ones below them as they come.
///
/// A look costs one read unit of the table for each four decisions or so that are read; those that a filter passes over are
/// read as well. With `--watch` a look reads the last five minutes again.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier history web-shop
  retrier history arn:aws:codepipeline:eu-west-1:444455556666:web-shop
  retrier history web-shop --explain --execution 3f2a91c0
  retrier history web-shop --stage 'Prod*' --verdict give-up --since 30d --limit 200
  retrier history web-shop --watch
  retrier history web-shop --format json \\
      | jq -r '.[] | select(.verdict == \"retry\" and .final) | .\"decided-at\"'

Exit codes:
  0  shown, even if nothing was decided; with `--watch` also when it was ended by Ctrl-C
  2  there is no such table, or no access to it
 70  the table has not answered, or holds something that cannot be read")]
pub(super) struct History {
    /// The pipeline: its name, or its ARN if it is in another account or Region
    #[arg(value_name = "PIPELINE", value_parser = pipeline)]
    pipeline: PipelineLabel,
    /// Show every step of each decision
    #[arg(long)]
    explain: bool,
    /// Only these stages, with * and ? in the name
    #[arg(long, value_name = "GLOB", value_parser = stage)]
    stage: Option<Glob>,
    /// Only these verdicts, several with commas between
    #[arg(long, value_name = "VERDICT", value_enum, value_delimiter = ',')]
    verdict: Vec<Wanted>,
    /// Only this execution; the beginning of its id is enough
    #[arg(long, value_name = "ID", value_parser = execution)]
    execution: Option<String>,
    /// How far back, at most 90d
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = since::of_decisions)]
    since: SignedDuration,
    /// Only what was decided before then, such as `2026-11-22T10:13:40Z`
    #[arg(long, value_name = "INSTANT", value_parser = instant, conflicts_with = "watch")]
    before: Option<Timestamp>,
    /// Most decisions; with `--watch`, of those that are there already
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    watch: WatchArguments,
    /// How to print it: JSON is an array of decision documents, with `--watch` one on each line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    table: TableArguments,
}

/// A verdict to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    Retry,
    Wait,
    GiveUp,
    Ignore,
}

impl Wanted {
    const fn verdict(self) -> Verdict {
        match self {
            Self::Retry => Verdict::Retry,
            Self::Wait => Verdict::Wait,
            Self::GiveUp => Verdict::GiveUp,
            Self::Ignore => Verdict::Ignore,
        }
    }
}

/// Longest pattern and longest beginning of an id.
const LONGEST_TEXT: usize = 200;

fn pipeline(text: &str) -> Result<PipelineLabel, String> {
    PipelineLabel::parse(text).map_err(|invalid| invalid.to_string())
}

fn stage(text: &str) -> Result<Glob, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '@' | '-' | '_' | '*' | '?');
    if (1..=LONGEST_TEXT).contains(&text.len()) && text.chars().all(legal) {
        return Ok(Glob::new(text));
    }
    Err("matches no stage: their names have A-Z a-z 0-9 . @ - _, and * and ? stand for some of these"
        .to_owned())
}

fn execution(text: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if (1..=LONGEST_TEXT).contains(&text.len()) && text.chars().all(legal) {
        return Ok(text.to_owned());
    }
    Err("not the id of an execution, nor the beginning of one".to_owned())
}

fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "not an instant such as `2026-11-22T10:13:40Z`".to_owned())
}

impl History {
    pub fn run(self) -> Result<Exit, CliError> {
        block_on(async {
            let table = self.table.open().await?;
            match self.watch.every() {
                None => self.once(&table).await,
                Some(every) => self.follow(&table, every).await,
            }
        })
    }

    async fn once(&self, table: &Table) -> Result<Exit, CliError> {
        let now = clock::now();
        let span = Span { since: after(now, -self.since), before: self.before };
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        // One more tells whether there are more.
        let mut decisions = self.decisions(table, span, limit.saturating_add(1)).await?;
        let next = decisions.get(limit).map(|next| next.decided_at);
        decisions.truncate(limit);
        let text = match self.format {
            Format::Json => {
                let documents: Vec<&str> = decisions.iter().map(|kept| kept.document.as_str()).collect();
                format!("[{}]\n", documents.join(",\n"))
            }
            Format::Text if decisions.is_empty() => self.nothing(span),
            Format::Text => Lines::around(&decisions, self.explain).block(&decisions, now),
        };
        output::data(&text)?;
        match next {
            Some(next) => output::hint(&older(&decisions, next)),
            None if decisions.is_empty() => self.hint_at_others(table, now).await?,
            None => {}
        }
        Ok(Exit::Fine)
    }

    async fn follow(&self, table: &Table, every: Duration) -> Result<Exit, CliError> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut tail = Tail::default();
        let mut lines: Option<Lines> = None;
        let mut is_told = false;
        let look = async || {
            let now = clock::now();
            let (span, most) = tail.span(after(now, -self.since), limit);
            let found = self.decisions(table, span, most).await?;
            Ok::<_, CliError>((now, tail.news(found, most, now)))
        };
        watch::repeat(every, look, |looked| {
            let (now, news) = match looked {
                Ok(news) => news,
                Err(error) => {
                    output::notice(&format!("{error}; it is tried again"));
                    return Ok(true);
                }
            };
            if news.is_empty() {
                if !replace(&mut is_told, true) {
                    output::hint("nothing was decided about it in that time; what comes is shown");
                }
                return Ok(true);
            }
            is_told = true;
            output::more_data(&match self.format {
                Format::Json => news.iter().flat_map(|kept| [kept.document.as_str(), "\n"]).collect(),
                Format::Text => match &lines {
                    Some(lines) => lines.more(&news, now),
                    None => lines.insert(Lines::around(&news, self.explain)).block(&news, now),
                },
            })
        })
        .await
    }

    async fn decisions(
        &self,
        table: &Table,
        span: Span,
        limit: usize,
    ) -> Result<Vec<KeptDecision>, CliError> {
        let read = async |label: PipelineLabel, is_its: &dyn Fn(&KeptDecision) -> bool| {
            let is_wanted = |kept: &KeptDecision| self.is_wanted(kept) && is_its(kept);
            let decisions = table.ledger.decisions_where(label, span, limit, is_wanted);
            decisions.await.map_err(|trouble| table.failed(&trouble))
        };
        let found = read(self.pipeline.clone(), &|_| true).await?;
        match &self.pipeline {
            // Of the table's own account and Region they lie by name, whatever they are asked for by.
            PipelineLabel::Elsewhere(pipeline) if found.is_empty() => {
                read(PipelineLabel::from(&pipeline.name), &|kept| is_about(&kept.document, pipeline)).await
            }
            _ => Ok(found),
        }
    }

    fn is_wanted(&self, kept: &KeptDecision) -> bool {
        let is_meant = |wanted: &Wanted| wanted.verdict().as_str() == kept.verdict;
        self.stage.as_ref().is_none_or(|stage| stage.matches(&kept.stage))
            && self.execution.as_ref().is_none_or(|beginning| kept.execution.starts_with(beginning))
            && (self.verdict.is_empty() || self.verdict.iter().any(is_meant))
    }

    const fn is_narrowed(&self) -> bool {
        self.stage.is_some() || self.execution.is_some() || !self.verdict.is_empty()
    }

    fn nothing(&self, span: Span) -> String {
        let what = if self.is_narrowed() { "nothing of that kind" } else { "nothing" };
        let before = span.before.map_or_else(String::new, |before| format!(" and before {before:.0}"));
        format!("{what} was decided about pipeline `{}` since {:.0}{before}\n", self.pipeline, span.since)
    }

    /// What else there is: other decisions about the pipeline, or a pipeline of nearly that name.
    async fn hint_at_others(&self, table: &Table, now: Timestamp) -> Result<(), CliError> {
        let failed = |trouble| table.failed(&trouble);
        let newest = table
            .ledger
            .decisions(self.pipeline.clone(), after(now, -since::DECISIONS), 1)
            .await
            .map_err(failed)?;
        if let Some(newest) = newest.first() {
            let (at, when) = (newest.decided_at, away(newest.decided_at, now));
            output::hint(&format!("the last decision about it is of {at:.0} ({when})"));
            return Ok(());
        }
        // One request lists the pipelines that a budget of their own was used for, which nearly all are that were retried.
        let buckets = table.ledger.buckets().await.map_err(failed)?;
        let names = buckets.iter().filter_map(|kept| Some(kept.key.pipeline.as_ref()?.name.as_str()));
        let guess = near::guess(self.pipeline.name().as_str(), names)
            .map_or_else(String::new, |guess| format!("; {guess}"));
        output::hint(&format!("nothing is on record for a pipeline of that name{guess}"));
        Ok(())
    }
}

/// Whether a decision document is about a pipeline of that account and Region.
fn is_about(document: &str, pipeline: &PipelineArn) -> bool {
    let document: Value = serde_json::from_str(document).unwrap_or(Value::Null);
    let says = |key, expected: &str| document.get(key).and_then(Value::as_str) == Some(expected);
    says("account", pipeline.account.as_str()) && says("region", pipeline.region.as_str())
}

/// How to go on behind the last one that is shown, of which the next was decided at that instant.
fn older(shown: &[KeptDecision], next: Timestamp) -> String {
    let last = shown.last().map_or(next, |last| last.decided_at);
    // What was decided at the same instant is shown again rather than left out.
    let before = if last > next { last } else { after(last, SignedDuration::from_nanos(1)) };
    format!("there are older ones: add `--before {before}`, or raise `--limit`")
}
