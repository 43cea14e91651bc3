//! From the parts of a file to a policy: names resolved, defaults applied, contradictions and dead parts noted.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::budget::Budget;
use crate::domain::ids::RuleName;
use crate::domain::policy::{Policy, PolicyVersion, Rule, Settings, default_budgets};
use crate::domain::storm::Storm;

use super::diagnostic::{Code, Diagnostic, quote};
use super::document::{Document, GivenBudget, GivenRule};
use super::freezes::{self, KnownFreezes};
use super::near;
use super::order;
use super::reach;
use super::read::{Findings, Spanned};
use super::settings::GivenSettings;
use super::source::Span;

/// The policy, unless an error was noted here or before.
pub(super) fn compile(document: Document, version: PolicyVersion, findings: &mut Findings) -> Option<Policy> {
    let known = Known {
        budgets: KnownBudgets::new(&document.budgets),
        freezes: KnownFreezes::new(&document.freezes),
    };
    let built_in = Settings::with_budgets(known.budgets.built_in());
    let defaults = resolve(&document.defaults, &built_in, &known, findings);
    note_duplicate_names(&document.rules, findings);
    reach::note_duplicate_names(&document.classifiers, findings);
    reach::note_unreachable(&document.classifiers, findings);
    order::note(&document.rules, defaults.mode, findings);
    let rules: Vec<Option<Rule>> = document
        .rules
        .into_iter()
        .map(|rule| {
            let settings = resolve(&rule.settings, &defaults, &known, findings);
            Some(Rule { name: rule.name?.value, selector: rule.selector?, settings })
        })
        .collect();
    if findings.any_error() {
        return None;
    }
    let rules = rules.into_iter().collect::<Option<Vec<Rule>>>()?;
    let classifiers = document.classifiers.iter().map(|given| given.classifier.clone());
    let classifiers = classifiers.collect::<Option<Vec<_>>>()?;
    // Who uses a budget, freeze or classifier is certain only when nothing is wrong.
    note_unused_budgets(&document.budgets, &rules, findings);
    freezes::note_unused(&document.freezes, &rules, findings);
    reach::note_unused(&document.classifiers, &rules, findings);
    Some(Policy { version, rules, storm: document.storm.unwrap_or(Storm::DEFAULT), classifiers })
}

/// What rules may name.
struct Known {
    budgets: KnownBudgets,
    freezes: KnownFreezes,
}

/// Budgets by name: the two built-in ones, and over them those of the file.
struct KnownBudgets {
    /// Nothing for a budget that could not be read.
    by_name: BTreeMap<String, Option<Budget>>,
}

impl KnownBudgets {
    fn new(given: &[GivenBudget]) -> Self {
        let built_in =
            default_budgets().into_iter().map(|(name, budget)| (name.as_str().to_owned(), Some(budget)));
        let given = given.iter().map(|given| (given.name.value.clone(), given.budget.clone()));
        Self { by_name: built_in.chain(given).collect() }
    }

    /// What a policy that names no budgets pays from, each perhaps replaced by one of the file.
    fn built_in(&self) -> Vec<Budget> {
        // The Region's comes first, as the documentation has it.
        let names = ["region", "pipeline"];
        let budgets = names.iter().filter_map(|name| self.by_name.get(*name));
        budgets.flatten().cloned().collect()
    }

    fn find(&self, name: &Spanned<String>, findings: &mut Findings) -> Option<Budget> {
        if let Some(known) = self.by_name.get(&name.value) {
            return known.clone();
        }
        let message = format!("there is no budget {}", quote(&name.value));
        let mut finding = Diagnostic::new(Code::UnknownBudget, name.span, message);
        finding.hint = near::hint(&name.value, self.by_name.keys().map(String::as_str));
        findings.push(finding);
        None
    }
}

fn resolve(given: &GivenSettings, base: &Settings, known: &Known, findings: &mut Findings) -> Settings {
    let mut settings = given.over(base);
    if let Some(names) = &given.budgets {
        settings.budgets = names.iter().filter_map(|name| known.budgets.find(name, findings)).collect();
    }
    if let Some(names) = &given.freezes {
        settings.freezes = names.iter().filter_map(|name| known.freezes.find(name, findings)).collect();
    }
    settings
}

fn note_duplicate_names(rules: &[GivenRule], findings: &mut Findings) {
    let mut first: BTreeMap<&RuleName, Span> = BTreeMap::new();
    for name in rules.iter().filter_map(|rule| rule.name.as_ref()) {
        if let Some(before) = first.get(&name.value) {
            let message = format!("a rule above is also called `{}`", name.value);
            let finding = Diagnostic::new(Code::DuplicateRuleName, name.span, message);
            findings.push(finding.related(*before, "first used here"));
        } else {
            first.insert(&name.value, name.span);
        }
    }
}

fn note_unused_budgets(budgets: &[GivenBudget], rules: &[Rule], findings: &mut Findings) {
    let used: BTreeSet<&str> =
        rules.iter().flat_map(|rule| &rule.settings.budgets).map(|budget| budget.name.as_str()).collect();
    for GivenBudget { name, .. } in budgets {
        if !used.contains(name.value.as_str()) {
            let message = format!("no rule takes from the budget `{}`", name.value);
            let finding = Diagnostic::new(Code::UnusedBudget, name.span, message);
            findings.push(finding.hint("name it in `budgets` of `defaults` or of a rule"));
        }
    }
}
