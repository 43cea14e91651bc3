//! Policies whose figures follow from the rates of the fleet.

use codepipeline_retrier::policy_file;
use codepipeline_retrier::replay::fleet::Fleet;
use codepipeline_retrier::replay::simulate::Simulation;
use codepipeline_retrier::replay::simulate::comparison::{Compared, Comparison};
use codepipeline_retrier::replay::simulate::measure::Measure;

/// Executions in PARALLEL mode do not get into each other's way, and every failure clears with the same probability.
const FLEET: &str = "
fleet: 1
lasting: 20d
pipelines:
  - name: web
    count: 20
    mode: PARALLEL
    runs: 6/d
    stages:
      - { name: Source, takes: 10s, fails: {} }
      - { name: Build, takes: 5m, fails: { network: 10% } }
classes:
  network: { clears: 60% }
people: { retry: 0% }
";
const FAILS: f64 = 0.10;
const CLEARS: f64 = 0.60;

fn policy(max_retries: u32) -> String {
    format!(
        "
version: 1
budgets:
  plenty: {{ capacity: 100000, refill: 100000/h }}
defaults:
  max-retries: {max_retries}
  backoff: {{ initial: 1m, max: 5m }}
  budgets: [plenty]
  parallel: independent
storm: {{ failures: 200, within: 5m, spread: 20m }}
rules:
  - name: everything
    match: {{ pipeline: '*' }}
"
    )
}

fn simulated(fleet: &str, policies: &[(&str, String)], seeds: u64) -> Comparison {
    let compiled = policies.iter().map(|(name, text)| {
        let loaded = policy_file::load(name, text);
        ((*name).to_owned(), loaded.policy.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)))
    });
    let simulation = Simulation {
        fleet: Fleet::read("fleet.yaml", fleet).unwrap(),
        policies: compiled.collect(),
        seeds: (1..=seeds).collect(),
    };
    simulation.run(2, &|_| {}).unwrap()
}

fn of<'a>(comparison: &'a Comparison, name: &str) -> &'a Compared {
    comparison.contenders.iter().find(|contender| contender.name == name).unwrap()
}

/// A measure over all seeds together.
fn sum(of: &Compared, measure: Measure) -> f64 {
    of.figure(measure).unwrap().values.iter().sum()
}

/// Whether a count is what `trials` of that probability come to, within four standard deviations.
#[track_caller]
fn assert_binomial(count: f64, trials: f64, probability: f64) {
    let deviation = (trials * probability * (1.0 - probability)).sqrt();
    let expected = trials * probability;
    assert!((count - expected).abs() <= 4.0 * deviation, "{count}, and not {expected} of {trials}");
}

#[test]
fn recoveries_are_what_independent_retries_come_to() {
    let policies = [("one", policy(1)), ("three", policy(3))];
    let comparison = simulated(FLEET, &policies, 3);
    let none = of(&comparison, "none");
    let executions = sum(none, Measure::Executions);
    let failed = sum(none, Measure::LeftFailed);
    assert_binomial(failed, executions, FAILS);
    for (name, retries) in [("native", 1), ("one", 1), ("three", 3)] {
        let contender = of(&comparison, name);
        let recovered = sum(contender, Measure::RecoveredByRetry);
        assert_binomial(recovered, failed, 1.0 - (1.0 - CLEARS).powi(retries));
        // Whatever failed at first has recovered or stayed failed, and the days are the same.
        assert!((recovered + sum(contender, Measure::LeftFailed) - failed).abs() < 0.5, "{name}");
        // Every retry recovers or fails again; none is left open.
        let tried = sum(contender, Measure::AutomaticRetries);
        assert!((tried - recovered - sum(contender, Measure::FutileRetries)).abs() < 0.5, "{name}");
        let failures = sum(contender, Measure::Failures) - sum(contender, Measure::FutileRetries);
        assert!((failures - failed).abs() < 0.5, "{name}");
    }
    // One retry at once and one retry a minute later meet the same luck where nothing lasts.
    let native = sum(of(&comparison, "native"), Measure::RecoveredByRetry);
    let one = sum(of(&comparison, "one"), Measure::RecoveredByRetry);
    assert!((native - one).abs() < 0.5, "{native} {one}");
    assert!(sum(of(&comparison, "three"), Measure::RecoveredByRetry) > one);
}

#[test]
fn a_policy_of_no_retries_is_as_none() {
    let comparison = simulated(FLEET, &[("zero", policy(0))], 1);
    let (none, zero) = (of(&comparison, "none"), of(&comparison, "zero"));
    for figure in &none.figures {
        assert_eq!(Some(&figure.values), zero.figure(figure.measure).map(|zero| &zero.values));
    }
    assert!(sum(zero, Measure::AutomaticRetries).abs() < f64::EPSILON);
}

#[test]
fn what_lasts_is_waited_for_and_not_retried_at_once() {
    // Whatever fails is over after four minutes on average: at once nothing helps, and with pauses of 5, 10 and 15 minutes
    // all but a few of what is left recovers.
    let fleet = FLEET.replace("network: { clears: 60% }", "network: { lasts: 4m }");
    let patient = policy(3).replace("{ initial: 1m, max: 5m }", "{ initial: 5m, max: 15m, jitter: none }");
    let comparison = simulated(&fleet, &[("patient", patient)], 2);
    let (native, patient) = (of(&comparison, "native"), of(&comparison, "patient"));
    let failed = sum(of(&comparison, "none"), Measure::LeftFailed);
    // CodePipeline retries a second after the failure.
    assert_binomial(sum(native, Measure::RecoveredByRetry), failed, 1.0 - (-1.0 / 240.0_f64).exp());
    // The third retry starts after half an hour and more, when fewer than one of a thousand lasts still.
    assert!(sum(patient, Measure::RecoveredByRetry) >= 0.99 * failed);
}

#[test]
fn an_empty_budget_refuses_and_is_told_of() {
    let tight = policy(3).replace("{ capacity: 100000, refill: 100000/h }", "{ capacity: 2, refill: 1/d }");
    let comparison = simulated(FLEET, &[("tight", tight)], 1);
    let tight = of(&comparison, "tight");
    assert!((sum(tight, Measure::BudgetPeakPercent) - 100.0).abs() < 1e-9);
    assert!(sum(tight, Measure::RefusedByBudget) > 100.0);
    // Two at first, and one a day from then on: in twenty days and the little that comes after them.
    assert!(sum(tight, Measure::AutomaticRetries) <= 2.0 + 21.0);
}

#[test]
fn the_same_seeds_give_the_same_figures_however_many_play_at_once() {
    let fleet = "fleet: 1\nlasting: 3d\npipelines: [{ name: web, count: 10 }]\npeople: { after: 10m }";
    let simulation = Simulation {
        fleet: Fleet::read("fleet.yaml", fleet).unwrap(),
        policies: vec![("yours".into(), policy_file::load("policy", &policy(2)).policy.unwrap())],
        seeds: vec![3, 5, 8],
    };
    let alone = simulation.run(1, &|_| {}).unwrap();
    assert_eq!(alone, simulation.run(3, &|_| {}).unwrap());
    let series = of(&alone, "yours").series.clone().unwrap();
    let failures: u32 = series.failures.iter().sum();
    let first = of(&alone, "yours").figure(Measure::Failures).unwrap().values[0];
    assert!((f64::from(failures) - first).abs() < 0.5);
    assert!(series.budgets["plenty"].iter().any(|used| *used > 0.0));
}
