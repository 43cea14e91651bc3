//! `retrier simulate`: policies against a fleet of pipelines that fail at given rates, side by side.

mod page;
mod text;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use clap::Args;
use jiff::SignedDuration;

use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::{clock, progress, validate, web_page};
use crate::domain::policy::Policy;
use crate::policy_file;
use crate::replay::fleet::Fleet;
use crate::replay::simulate::Simulation;

/// See what a policy would do for a fleet of pipelines, without an AWS account
///
/// A month of a fleet is drawn from its rates and played in virtual time: with no retries at all, with CodePipeline's own
/// automatic retry in every stage, and with the policy, whose decisions and retries are made by the function's own code. The
/// same changes, failures and people meet all of them. Every figure comes with its 95 % confidence interval.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier simulate fleet.yaml --policy policy.yaml
  retrier simulate fleet.yaml --policy strict.yaml --policy generous.yaml --seeds 20
  retrier simulate fleet.yaml --html simulation.html
  retrier simulate fleet.yaml --lasting 90d --format json | jq '.contenders[] | {name, figures}'

Fleets are files like those in `examples/fleets/`; docs/simulate.md says how one is written.

Exit codes:
  0  simulated
  2  the fleet or a policy cannot be read")]
pub(super) struct Simulate {
    /// The fleet file, or `-` for standard input
    fleet: PathBuf,
    /// A policy to compare; give it more than once for several. Unless given, the fleet's own, or the built-in defaults
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// How many times everything is drawn anew
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    seeds: u16,
    /// How long changes come, in place of what the fleet says; such as `7d`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    lasting: Option<SignedDuration>,
    /// Write a page with charts to this file as well
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to print the figures
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The policy where none is given: every pipeline, by the defaults of the file format.
const DEFAULTS: &str = "version: 1\nrules: [{ name: everything, match: { pipeline: '*' } }]\n";

fn duration(text: &str) -> Result<SignedDuration, String> {
    let lasting = policy_file::duration(text).filter(SignedDuration::is_positive);
    lasting.ok_or_else(|| "not a duration such as `12h` or `30d`".to_owned())
}

impl Simulate {
    pub fn run(self) -> Result<Exit, CliError> {
        let mut fleet = read(&self.fleet)?;
        let policies = self.policies(&fleet)?;
        if let Some(lasting) = self.lasting {
            fleet.lasting = lasting;
        }
        let simulation = Simulation { fleet, policies, seeds: (1..=u64::from(self.seeds)).collect() };
        let plays = simulation.plays();
        let at_once = thread::available_parallelism().map_or(1, NonZero::get);
        let bar = progress::of(plays as u64, "plays");
        let comparison = simulation.run(at_once, &|done| bar.set_position(done as u64));
        bar.finish_and_clear();
        let comparison = comparison
            .map_err(|refusal| CliError::usage(format!("CodePipeline would refuse the fleet: {refusal}")))?;
        match self.format {
            Format::Text => output::data(&text::table(&comparison))?,
            Format::Json => {
                let document = serde_json::to_string_pretty(&comparison)
                    .map_err(|error| CliError::unexpected(format!("cannot write the figures: {error}")))?;
                output::data(&format!("{document}\n"))?;
            }
        }
        if let Some(path) = &self.html {
            web_page::write(path, &page::page(&comparison, clock::now()))?;
            output::written(path);
        }
        Ok(Exit::Fine)
    }

    /// The policies to compare, each under the name that it was given by.
    fn policies(&self, fleet: &Fleet) -> Result<Vec<(String, Policy)>, CliError> {
        if !self.policy.is_empty() {
            let load = |file: &PathBuf| Ok((file.display().to_string(), policy(file)?));
            return self.policy.iter().map(load).collect();
        }
        if let Some(name) = &fleet.policy {
            let beside = self.fleet.parent().unwrap_or(Path::new(""));
            return Ok(vec![(name.clone(), policy(&beside.join(name))?)]);
        }
        let defaults = policy_file::load("defaults", DEFAULTS).policy;
        let defaults =
            defaults.ok_or_else(|| CliError::unexpected("the built-in policy does not compile"))?;
        Ok(vec![("defaults".to_owned(), defaults)])
    }
}

fn read(path: &Path) -> Result<Fleet, CliError> {
    let (name, text) = if path == Path::new("-") {
        ("standard input".to_owned(), std::io::read_to_string(std::io::stdin().lock()))
    } else {
        (path.display().to_string(), std::fs::read_to_string(path))
    };
    let text = text.map_err(|error| CliError::unreadable(path, &error))?;
    Fleet::read(&name, &text).map_err(|error| {
        CliError::usage(error.to_string()).with_hint("docs/simulate.md says how a fleet is written")
    })
}

fn policy(file: &Path) -> Result<Policy, CliError> {
    let loaded = validate::load(file, "name a policy file: `retrier simulate FLEET --policy FILE`")?;
    loaded.policy.ok_or_else(|| {
        CliError::usage(format!("`{}` is not a valid policy", file.display()))
            .with_hint(format!("see what is wrong with it: `retrier validate {}`", file.display()))
    })
}
