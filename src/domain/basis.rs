//! What a retry was decided on: kept with it, so that its end can be told of, counted and weighed without looking anything up.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::class::Class;
use super::decision::Decision;
use super::ids::{ActionName, RuleName};

/// What a retry was decided on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Basis {
    /// When the failure happened that it answers.
    pub failed_at: Timestamp,
    /// The rule.
    pub rule: RuleName,
    /// How many retries the rule allowed.
    pub max_retries: u32,
    /// Class of each failed action.
    pub classes: BTreeMap<ActionName, Class>,
}

impl Basis {
    /// That of a decision; none where it says less than a retry takes.
    pub fn of(decision: &Decision) -> Option<Self> {
        Some(Self {
            failed_at: decision.failed_at?,
            rule: decision.rule.clone()?,
            max_retries: decision.max_retries?,
            classes: decision.classes.clone(),
        })
    }
}
