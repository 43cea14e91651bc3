//! `retrier test`: a team's own cases against its policy.

mod files;
mod json;
mod junit;
mod text;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::CliError;
use super::exit::Exit;
use super::output::{self, Format};
use super::validate;
use crate::domain::decision::Decision;
use crate::domain::policy::Policy;
use crate::policy_file::render;
use crate::replay::cases::{Cases, Outcome};

/// Run your own cases against a policy
///
/// A case is a failure in few words, and what the policy is expected to make of it: kept beside the policy, and run before a
/// change of it, in CI too. It is decided by the code that decides in the function; what waits is followed until it ends.
#[derive(Debug, Args)]
#[command(after_help = output::EXIT_CODES_IN_SHORT, after_long_help = "\
Examples:
  retrier test examples/cases
  retrier test cases/ --policy infra/policy.yaml --junit results.xml
  retrier test cases/production.yaml --filter friday --explain

A case:
  tests:
    - name: a throttled deployment is retried once
      stage: orders/Deploy-Prod
      message: \"Rate exceeded\"
      expect: { decision: retry/eligible, rule: production-with-care, after: 30s..1m }

docs/policy-cases.md has every key, examples/cases/ an example of each.

Exit codes:
  0  every case passes
  1  a case fails, the policy does not compile, or with `--strict` a rule has no case
  2  a file cannot be read")]
pub(super) struct Test {
    /// Files of cases, and folders in which all `.yaml` and `.yml` files are
    #[arg(required = true, value_name = "CASES")]
    cases: Vec<PathBuf>,
    /// The policy, in place of the one that a file of cases names; `policy.yaml` beside it where it names none
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Only cases whose name has this text in it
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show every step of the decision where a case fails
    #[arg(long)]
    explain: bool,
    /// Fail as well where a rule of a policy has no case
    #[arg(long)]
    strict: bool,
    /// Write the results to this file as `JUnit` XML as well
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What came of the cases of a file.
struct Ran {
    file: String,
    policy: String,
    results: Vec<Tested>,
}

/// What came of a case.
struct Tested {
    name: String,
    end: Result<Outcome, String>,
}

impl Tested {
    fn passes(&self) -> bool {
        self.end.as_ref().is_ok_and(|outcome| outcome.differences.is_empty())
    }
}

/// A policy that files of cases name.
struct Tried {
    path: PathBuf,
    policy: Policy,
    /// Rules by which a case was decided.
    used: BTreeSet<String>,
}

impl Test {
    pub fn run(self) -> Result<Exit, CliError> {
        let files = files::find(&self.cases)?;
        let mut policies: Vec<Tried> = Vec::new();
        let mut all = Vec::new();
        for file in files {
            let text = fs::read_to_string(&file).map_err(|error| CliError::unreadable(&file, &error))?;
            let name = file.display().to_string();
            let cases = Cases::read(&name, &text).map_err(|error| {
                CliError::usage(error.to_string())
                    .with_hint("docs/policy-cases.md says how cases are written")
            })?;
            let path = self.policy_of(&file, &cases);
            let place = match policies.iter().position(|tried| tried.path == path) {
                Some(place) => place,
                None => match load(&path)? {
                    Some(policy) => {
                        policies.push(Tried { path, policy, used: BTreeSet::new() });
                        policies.len() - 1
                    }
                    None => return Ok(Exit::Findings),
                },
            };
            if let Some(tried) = policies.get_mut(place) {
                all.push(self.try_all(&cases, name, tried));
            }
        }
        let untried = untried(&policies);
        output::data(&match self.format {
            Format::Text => text::text(&all, self.explain),
            Format::Json => json::json(&all, &untried),
        })?;
        if let Some(path) = &self.junit {
            junit::write(path, &all)?;
            output::written(path);
        }
        if self.filter.is_none() {
            for (policy, rule) in &untried {
                output::aside(&format!("no case is decided by rule `{rule}` of {policy}"));
            }
        }
        let fails = all.iter().flat_map(|ran| &ran.results).any(|result| !result.passes());
        let is_untried = self.strict && self.filter.is_none() && !untried.is_empty();
        Ok(if fails || is_untried { Exit::Findings } else { Exit::Fine })
    }

    fn policy_of(&self, file: &Path, cases: &Cases) -> PathBuf {
        let beside = |name: &str| file.parent().unwrap_or(Path::new(".")).join(name);
        match (&self.policy, &cases.policy) {
            (Some(given), _) => given.clone(),
            (None, Some(named)) => beside(named),
            (None, None) => beside(validate::DEFAULT_FILE),
        }
    }

    fn try_all(&self, cases: &Cases, file: String, tried: &mut Tried) -> Ran {
        let wanted = |name: &str| self.filter.as_deref().is_none_or(|text| name.contains(text));
        let mut results = Vec::new();
        for case in cases.cases.iter().filter(|case| wanted(&case.name)) {
            let end = case.run(&tried.policy);
            if let Ok(outcome) = &end {
                tried.used.extend(outcome.end().rule.as_ref().map(ToString::to_string));
            }
            results.push(Tested { name: case.name.clone(), end });
        }
        Ran { file, policy: tried.path.display().to_string(), results }
    }
}

/// The policy; none where it does not compile, which is said.
fn load(path: &Path) -> Result<Option<Policy>, CliError> {
    let loaded =
        validate::load(path, "name the policy with `--policy FILE`, or in the file of cases with `policy:`")?;
    if loaded.policy.is_none() {
        output::findings(&render::text(&loaded.source, &loaded.diagnostics));
    }
    Ok(loaded.policy)
}

/// Rules by which no case was decided, with their policies.
fn untried(policies: &[Tried]) -> Vec<(String, String)> {
    let of = |tried: &Tried| {
        let rules = tried.policy.rules.iter().map(|rule| rule.name.to_string());
        let path = tried.path.display().to_string();
        rules.filter(|rule| !tried.used.contains(rule)).map(|rule| (path.clone(), rule)).collect::<Vec<_>>()
    };
    policies.iter().flat_map(of).collect()
}

/// The step at which a decision fell, with what it saw.
fn last_step(decision: &Decision) -> Option<(&'static str, &str)> {
    decision.explanation.last().map(|step| (step.name.as_str(), step.detail.as_str()))
}
