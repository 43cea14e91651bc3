//! What a policy changes about another one, rule by rule.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::domain::ids::RuleName;
use crate::domain::policy::{Policy, Rule};

/// The rules by what became of them, each in the order of its policy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    added: Vec<RuleName>,
    removed: Vec<RuleName>,
    changed: Vec<RuleName>,
    unchanged: usize,
    /// Whether the rules that both have come in another order: the first one that matches wins.
    reordered: bool,
}

fn names<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Vec<RuleName> {
    rules.into_iter().map(|rule| rule.name.clone()).collect()
}

impl Difference {
    /// From one policy to another.
    pub(super) fn between(before: &Policy, after: &Policy) -> Self {
        let found = |policy: &Policy, rule: &Rule| policy.rules.iter().any(|other| other.name == rule.name);
        let kept = |of: &Policy, in_both: &Policy| names(of.rules.iter().filter(|rule| found(in_both, rule)));
        let (same, changed): (Vec<&Rule>, Vec<&Rule>) = after
            .rules
            .iter()
            .filter(|rule| found(before, rule))
            .partition(|rule| before.rules.contains(rule));
        Self {
            added: names(after.rules.iter().filter(|rule| !found(before, rule))),
            removed: names(before.rules.iter().filter(|rule| !found(after, rule))),
            changed: names(changed),
            unchanged: same.len(),
            reordered: kept(before, after) != kept(after, before),
        }
    }

    /// One line for each kind of change.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (word, names) in [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)]
        {
            if !names.is_empty() {
                let names: Vec<_> = names.iter().map(RuleName::as_str).collect();
                let _ = writeln!(text, "  {word:<9}  {}", names.join(", "));
            }
        }
        if self.reordered {
            text.push_str("  the rules that are left come in another order\n");
        }
        let _ = writeln!(text, "  unchanged  {}", self.unchanged);
        text
    }

    /// The same for programs.
    pub(super) fn document(&self) -> Value {
        let list = |names: &[RuleName]| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        json!({
            "added": list(&self.added),
            "removed": list(&self.removed),
            "changed": list(&self.changed),
            "unchanged": self.unchanged,
            "reordered": self.reordered,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy_file::load;

    fn policy(rules: &[(&str, u32)]) -> Policy {
        let rules = rules.iter().map(|(name, retries)| {
            format!("  - {{ name: {name}, match: {{ pipeline: {name} }}, max-retries: {retries} }}\n")
        });
        load("policy", &format!("version: 1\nrules:\n{}", rules.collect::<String>())).policy.unwrap()
    }

    #[test]
    fn rules_are_told_apart_by_name() {
        let before = policy(&[("a", 1), ("b", 1), ("c", 1)]);
        let difference = Difference::between(&before, &policy(&[("b", 2), ("a", 1), ("d", 1)]));
        assert_eq!(
            difference.text(),
            "  added      d\n  removed    c\n  changed    b\n  the rules that are left come in another order\n  \
             unchanged  1\n"
        );
        assert_eq!(Difference::between(&before, &before).text(), "  unchanged  3\n");
    }
}
