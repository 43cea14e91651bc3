//! `retrier backtest`: the policy against what really happened. It reads, and changes nothing.

#[cfg(feature = "aws")]
mod fetch;
mod page;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

#[cfg(feature = "aws")]
use super::account::AccountArguments;
use super::clock;
use super::error::CliError;
use super::exit::Exit;
use super::history_file;
use super::output::{self, Format};
use super::{validate, web_page};
use crate::domain::evidence::Depth;
use crate::domain::glob::Glob;
use crate::domain::ids::PipelineName;
use crate::domain::policy::Policy;
use crate::domain::stage_run::after;
use crate::fingerprint::sha256_hex;
use crate::policy_file;
use crate::policy_file::render;
use crate::replay::backtest::{Assumptions, Figures, Suggestion, figures, replay, suggestions};
use crate::replay::history::History;

/// See what a policy would have done with what really happened
///
/// Reads what CodePipeline remembers (executions, runs of actions, and of what failed the builds, logs, deployments and
/// stack events), and lets the policy decide about every failure at the time when it happened, by the code that decides in
/// the function: classes, delays, budgets, freezes, storms and all. What people retried by hand, and how that ended, shows
/// which of its retries would have helped.
///
/// With `--history FILE` what was read is kept, without any text of a build or log, and read from there the next time, which
/// takes no credentials and less than a second. Reading goes on where it was interrupted.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier backtest --since 30d --policy infra/policy.yaml --history history.jsonl
  retrier backtest --history history.jsonl --policy another.yaml
  retrier backtest --history history.jsonl --pipeline 'web-*' --format json | jq '.figures.\"would-recover\"'

Reading takes these rights: codepipeline:ListPipelines, GetPipeline, ListPipelineExecutions, ListActionExecutions and, for a \
policy that asks for tags, ListTagsForResource; codebuild:BatchGetBuilds, logs:GetLogEvents, codedeploy:GetDeployment, \
ListDeploymentTargets, BatchGetDeploymentTargets, cloudformation:DescribeStackEvents and DescribeChangeSet, each of which may be \
missing: the class of what it would tell is then `unknown` more often.

Exit codes:
  0  done
  1  the policy does not compile, or some pipelines could not be read
  2  the history cannot be read, or no account is within reach")]
pub(super) struct Backtest {
    /// The policy to try
    #[arg(long, value_name = "FILE", default_value = validate::DEFAULT_FILE)]
    policy: PathBuf,
    /// How far back
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = length)]
    since: SignedDuration,
    /// Only these pipelines, with * and ? in the name; may be given several times
    #[arg(long, value_name = "GLOB", value_parser = |text: &str| Ok::<_, String>(Glob::new(text)))]
    pipeline: Vec<Glob>,
    /// Keep what is read in this file, and read it from there where it is complete
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Read the account although the file has it already
    #[arg(long, requires = "history")]
    refresh: bool,
    /// How deep to look at what failed while reading
    #[arg(long, value_enum, default_value_t)]
    evidence: Look,
    /// Most requests a second while reading, so that there is room for everybody else of the account
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// What a minute that an action runs costs, in US dollars
    #[arg(long, value_name = "DOLLARS", default_value_t = Assumptions::default().price_per_minute, value_parser = price)]
    price_per_minute: f64,
    /// Write a page with charts to this file as well
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    account: AccountArguments,
}

/// How deep to look at what failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Look {
    /// What CodePipeline itself says
    State,
    /// What builds, deployments and stacks say beside
    Details,
    /// Build logs as well
    #[default]
    Logs,
}

impl Look {
    const fn depth(self) -> Depth {
        match self {
            Self::State => Depth::State,
            Self::Details => Depth::Details,
            Self::Logs => Depth::Logs,
        }
    }
}

/// CodePipeline remembers no more (User Guide, quotas: 12 months of execution history).
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A time to look back, in the notation of policies.
pub(super) fn length(text: &str) -> Result<SignedDuration, String> {
    match policy_file::duration(text) {
        Some(length) if length > LONGEST => {
            Err("longer than a year, which is how long CodePipeline remembers".into())
        }
        Some(length) if length > SignedDuration::ZERO => Ok(length),
        _ => Err("not a duration such as `12h`, `7d` or `30d`".into()),
    }
}

pub(super) fn price(text: &str) -> Result<f64, String> {
    let is_price = |price: &f64| price.is_finite() && *price >= 0.0;
    text.parse().ok().filter(is_price).ok_or_else(|| "not a price such as `0.007`".to_owned())
}

/// What a backtest found.
struct Found {
    policy_name: String,
    policy: Policy,
    figures: Figures,
    suggestions: Vec<Suggestion>,
    is_other_classifiers: bool,
}

impl Backtest {
    pub fn run(self) -> Result<Exit, CliError> {
        let loaded = validate::load(&self.policy, "name the policy with `--policy FILE`")?;
        let Some(policy) = &loaded.policy else {
            output::findings(&render::text(&loaded.source, &loaded.diagnostics));
            return Ok(Exit::Findings);
        };
        let now = clock::now();
        let (history, is_complete) = self.history(policy, now)?;
        let history = history.narrowed(after(now, -self.since), |name| self.is_wanted(name));
        if history.pipelines.is_empty() {
            return Err(CliError::usage("there is no history of any such pipeline")
                .with_hint("`--pipeline` and `--since` say which; another Region has other pipelines"));
        }
        let found = Found::of(loaded.source.name().to_owned(), policy, &history, self.assumptions());
        output::data(&match self.format {
            Format::Text => text::text(&found),
            Format::Json => found.json(),
        })?;
        if let Some(path) = &self.html {
            web_page::write(path, &page::page(&found, now))?;
            output::written(path);
        }
        Ok(if is_complete { Exit::Fine } else { Exit::Findings })
    }

    fn is_wanted(&self, name: &PipelineName) -> bool {
        self.pipeline.is_empty() || self.pipeline.iter().any(|glob| glob.matches(name.as_str()))
    }

    const fn assumptions(&self) -> Assumptions {
        Assumptions { price_per_minute: self.price_per_minute }
    }

    /// The history, from the file or from the account, and whether all of it could be read.
    fn history(&self, policy: &Policy, now: Timestamp) -> Result<(History, bool), CliError> {
        if let Some(path) = self.history.as_ref().filter(|_| !self.refresh)
            && let Some(history) = history_file::complete(path, after(now, -self.since))?
        {
            return Ok((history, true));
        }
        self.fetched(policy, now)
    }

    #[cfg(feature = "aws")]
    fn fetched(&self, policy: &Policy, now: Timestamp) -> Result<(History, bool), CliError> {
        let wanted = |name: &PipelineName| self.is_wanted(name);
        let errand = fetch::Errand {
            policy,
            classifiers: classifiers(policy),
            since: after(now, -self.since),
            now,
            depth: self.evidence.depth(),
            rate: self.rate,
            file: self.history.as_deref(),
            is_anew: self.refresh,
            wanted: &wanted,
        };
        super::account::block_on(fetch::fetch(&self.account, &errand))
    }

    #[cfg(not(feature = "aws"))]
    fn fetched(&self, _: &Policy, _: Timestamp) -> Result<(History, bool), CliError> {
        let _ = (self.evidence.depth(), self.rate);
        Err(CliError::usage("this build reads no account").with_hint("give a complete `--history FILE`"))
    }
}

/// A fingerprint of a policy's own classifiers; empty where it has none.
fn classifiers(policy: &Policy) -> String {
    if policy.classifiers.is_empty() {
        return String::new();
    }
    let told: Vec<String> = policy.classifiers.iter().map(|classifier| format!("{classifier:?}")).collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    sha256_hex(&told).chars().take(16).collect()
}

impl Found {
    fn of(policy_name: String, policy: &Policy, history: &History, assumptions: Assumptions) -> Self {
        let replayed = replay(history, policy);
        let tags: BTreeMap<&PipelineName, _> = (history.pipelines.iter())
            .map(|pipeline| (&pipeline.structure.name, pipeline.tags.as_ref()))
            .collect();
        let tags = |run: &crate::domain::ids::StageRunId| tags.get(&run.pipeline.name).copied()?.cloned();
        Self {
            policy_name,
            figures: figures(history, &replayed, assumptions),
            suggestions: suggestions(policy, &replayed, tags),
            is_other_classifiers: history.header.classifiers != classifiers(policy),
            policy: policy.clone(),
        }
    }

    fn json(&self) -> String {
        let document = json!({
            "schema": 1,
            "policy": self.policy_name,
            "policy-version": self.policy.version.to_string(),
            "figures": self.figures,
            "suggestions": self.suggestions,
            "assumed": self.assumed(),
        });
        format!("{document:#}\n")
    }

    /// What a reader has to know to trust the numbers as far as they go, and no further.
    fn assumed(&self) -> Vec<String> {
        let mut assumed = vec![
            "a retry of the policy would have gone as the next retry by hand of the same failure went; of failures that \
             nobody retried it is not known how a retry would have gone, and they count neither way"
                .to_owned(),
            "pipelines, transitions and tags were then as they are now, and change calendars were open".to_owned(),
            "rules in mode `shadow` are tried as if they were active".to_owned(),
            "what is said to be retried by hand was retried by anybody or anything but the stage's own automatic retry, \
             this product among them if it was at work"
                .to_owned(),
            "builds and logs that were deleted since say nothing: what they would have told counts as `unknown`"
                .to_owned(),
            format!(
                "a minute that an action runs costs ${}; it takes as long again as it took to fail",
                self.figures.assumptions.price_per_minute
            ),
        ];
        if self.is_other_classifiers {
            assumed.push(
                "classes are those of the classifiers that the history was read with, which are not this policy's; \
                 `--refresh` reads it with these"
                    .to_owned(),
            );
        }
        assumed
    }
}
