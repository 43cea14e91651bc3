//! `retrier backtest`: the policy against what really happened. It reads, and changes nothing.

mod page;
mod text;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::clock;
use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::past::{self, PastArguments};
use super::{validate, web_page};
use crate::domain::policy::Policy;
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
    #[command(flatten)]
    past: PastArguments,
    /// What a minute that an action runs costs, in US dollars
    #[arg(long, value_name = "DOLLARS", default_value_t = Assumptions::default().price_per_minute, value_parser = price)]
    price_per_minute: f64,
    /// Write a page with charts to this file as well
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
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
        let (history, is_complete) = self.past.read(policy, now)?;
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

    const fn assumptions(&self) -> Assumptions {
        Assumptions { price_per_minute: self.price_per_minute }
    }
}

impl Found {
    fn of(policy_name: String, policy: &Policy, history: &History, assumptions: Assumptions) -> Self {
        let replayed = replay(history, policy);
        Self {
            policy_name,
            figures: figures(history, &replayed, assumptions),
            suggestions: suggestions(policy, &replayed),
            is_other_classifiers: history.header.classifiers != past::classifiers(policy),
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
