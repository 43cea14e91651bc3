//! The history that a command works on: from a file, from the account, or from one into the other.

#[cfg(feature = "aws")]
mod fetch;
mod file;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

#[cfg(feature = "aws")]
use super::account::{AccountArguments, block_on};
use super::error::CliError;
use super::since;
use crate::domain::evidence::Depth;
use crate::domain::glob::Glob;
use crate::domain::ids::PipelineName;
use crate::domain::policy::Policy;
use crate::domain::stage_run::after;
use crate::fingerprint::sha256_hex;
use crate::replay::history::History;

pub(super) use file::complete;

/// Which history, and how it is read where it has to be.
#[derive(Debug, Args)]
pub(super) struct PastArguments {
    /// How far back from the history's end, which is now where it is read anew
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = since::of_executions)]
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

impl PastArguments {
    /// Whether a file is named.
    pub const fn names_a_file(&self) -> bool {
        self.history.is_some()
    }

    /// The history, from the file or from the account, and whether all of it could be read. The policy's classifiers are
    /// tried on what is read.
    pub fn read(&self, policy: &Policy, now: Timestamp) -> Result<(History, bool), CliError> {
        let kept = match self.history.as_ref().filter(|_| !self.refresh) {
            Some(path) => complete(path, self.since)?,
            None => None,
        };
        let (history, is_complete) = match kept {
            Some(history) => (history, true),
            None => self.fetch(policy, now)?,
        };
        // Counted from its end, so that the same file says the same tomorrow.
        let since = after(history.header.until, -self.since);
        let history = history.narrowed(since, |name| self.is_wanted(name));
        if history.pipelines.is_empty() && !is_complete {
            return Err(CliError::usage("no pipeline could be read")
                .with_hint("why is said above; the same command goes on with what is missing"));
        }
        if history.pipelines.is_empty() {
            return Err(CliError::usage("there is no history of any such pipeline")
                .with_hint("`--pipeline` and `--since` say which; another Region has other pipelines"));
        }
        Ok((history, is_complete))
    }

    fn is_wanted(&self, name: &PipelineName) -> bool {
        self.pipeline.is_empty() || self.pipeline.iter().any(|glob| glob.matches(name.as_str()))
    }

    #[cfg(feature = "aws")]
    fn fetch(&self, policy: &Policy, now: Timestamp) -> Result<(History, bool), CliError> {
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
        block_on(fetch::fetch(&self.account, &errand))
    }

    #[cfg(not(feature = "aws"))]
    fn fetch(&self, _: &Policy, _: Timestamp) -> Result<(History, bool), CliError> {
        let _ = (self.evidence.depth(), self.rate);
        Err(CliError::usage("this build reads no account").with_hint("give a complete `--history FILE`"))
    }
}

/// A fingerprint of a policy's own classifiers; empty where it has none.
pub(super) fn classifiers(policy: &Policy) -> String {
    if policy.classifiers.is_empty() {
        return String::new();
    }
    let told: Vec<String> = policy.classifiers.iter().map(|classifier| format!("{classifier:?}")).collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    sha256_hex(&told).chars().take(16).collect()
}
