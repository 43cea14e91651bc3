//! The parts of a policy file as they are written: every value valid by itself, nothing resolved against the rest.

use jiff::SignedDuration;

use crate::domain::budget::{Budget, InvalidBudget, Per};
use crate::domain::ids::{BudgetName, RuleName};
use crate::domain::policy::Selector;
use crate::domain::storm::Storm;

use super::classifiers::{self, GivenClassifier};
use super::diagnostic::{Code, Diagnostic, quote};
use super::freezes::{self, GivenFreeze};
use super::keys;
use super::limits;
use super::node::{Node, ScalarKind, Value};
use super::patterns::Patterns;
use super::read::{self, Fields, Findings, Spanned};
use super::settings::GivenSettings;
use super::source::Span;

/// The one version of the format.
const FORMAT_VERSION: i64 = 1;

pub(super) const PERS: &[(&str, Per)] =
    &[("region", Per::Region), ("pipeline", Per::Pipeline), ("stage", Per::Stage), ("fleet", Per::Fleet)];

/// A whole file, as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub defaults: GivenSettings,
    pub budgets: Vec<GivenBudget>,
    pub storm: Option<Storm>,
    pub classifiers: Vec<GivenClassifier>,
    pub freezes: Vec<GivenFreeze>,
    pub rules: Vec<GivenRule>,
}

/// An entry of `budgets`. One that could not be read still has its name, so that its users are not blamed.
#[derive(Debug)]
pub(super) struct GivenBudget {
    pub name: Spanned<String>,
    pub budget: Option<Budget>,
}

/// An entry of `rules`.
#[derive(Debug)]
pub(super) struct GivenRule {
    pub name: Option<Spanned<RuleName>>,
    pub selector: Option<Selector>,
    pub settings: GivenSettings,
}

impl Document {
    pub fn read(root: &Node, findings: &mut Findings) -> Self {
        if let Value::Scalar(scalar) = &root.value
            && scalar.kind == ScalarKind::Null
        {
            let finding = Diagnostic::new(Code::MissingKey, Span::START, "the policy is empty");
            findings.push(finding.hint("a policy needs the keys `version` and `rules`"));
            return Self::default();
        }
        let Some(fields) = Fields::read(root, "a policy", &keys::POLICY, findings) else {
            return Self::default();
        };
        if let Some(node) = fields.require("version", findings)
            && !is_version_supported(node, findings)
        {
            // Whatever else looks wrong may be right in that version.
            return Self::default();
        }
        let defaults = fields
            .get("defaults")
            .and_then(|node| Fields::read(node, "`defaults`", &keys::DEFAULTS, findings))
            .map(|fields| GivenSettings::read(&fields, findings));
        let given_budgets = fields.get("budgets").map(|node| budgets(node, findings));
        let given_storm = fields.get("storm").and_then(|node| storm(node, findings));
        let mut patterns = Patterns::default();
        let given_classifiers =
            fields.get("classifiers").map(|node| classifiers::read(node, &mut patterns, findings));
        let given_freezes = fields.get("freezes").map(|node| freezes::read(node, findings));
        let given_rules = fields.require("rules", findings).map(|node| rules(node, &mut patterns, findings));
        Self {
            defaults: defaults.unwrap_or_default(),
            budgets: given_budgets.unwrap_or_default(),
            storm: given_storm,
            classifiers: given_classifiers.unwrap_or_default(),
            freezes: given_freezes.unwrap_or_default(),
            rules: given_rules.unwrap_or_default(),
        }
    }
}

/// A version that cannot be read is noted, and does not keep the rest from being read.
fn is_version_supported(node: &Node, findings: &mut Findings) -> bool {
    let version = read::integer(node, "`version`", i64::MIN..=i64::MAX, findings);
    let supported = version.is_none_or(|version| version == FORMAT_VERSION);
    if !supported {
        let message = format!("this program reads policies of `version: {FORMAT_VERSION}` only");
        findings.push(Diagnostic::new(Code::UnsupportedVersion, node.span, message));
    }
    supported
}

fn budgets(node: &Node, findings: &mut Findings) -> Vec<GivenBudget> {
    let entries = read::entries(node, "`budgets`", findings).unwrap_or_default();
    let mut budgets = Vec::new();
    for (name, entry) in entries {
        let parsed = own_name(BudgetName::parse(name), "a budget", name, entry.key.span, findings);
        let body = budget_body(&entry.value, findings);
        let budget = parsed.zip(body).and_then(|(name, body)| body.build(name, findings));
        budgets.push(GivenBudget { name: Spanned { value: name.to_owned(), span: entry.key.span }, budget });
    }
    budgets
}

struct BudgetBody {
    capacity: i64,
    refill: Spanned<super::quantity::Rate>,
    per: Per,
}

fn budget_body(node: &Node, findings: &mut Findings) -> Option<BudgetBody> {
    let fields = Fields::read(node, "a budget", &keys::BUDGET, findings)?;
    let capacity = fields
        .require("capacity", findings)
        .and_then(|node| read::integer(node, "`capacity`", 1..=i64::from(Budget::LARGEST), findings));
    let refill = fields.require("refill", findings).and_then(|node| {
        let value = read::rate(node, "`refill`", findings)?;
        Some(Spanned { value, span: node.span })
    });
    let per = match fields.get("per") {
        Some(node) => read::choice(node, "`per`", PERS, findings),
        None => Some(Per::Region),
    };
    Some(BudgetBody { capacity: capacity?, refill: refill?, per: per? })
}

impl BudgetBody {
    fn build(self, name: BudgetName, findings: &mut Findings) -> Option<Budget> {
        let rate = self.refill.value;
        let capacity = u32::try_from(self.capacity).ok()?;
        let built = u32::try_from(rate.count)
            .map_err(|_| InvalidBudget::RefillOutOfRange)
            .and_then(|tokens| Budget::try_new(name, self.per, capacity, tokens, rate.period_ms));
        if built.is_err() {
            let message = "`refill` must be at least one token a period, and at most one a millisecond";
            findings.push(Diagnostic::new(Code::OutOfRange, self.refill.span, message));
        }
        built.ok()
    }
}

fn storm(node: &Node, findings: &mut Findings) -> Option<Storm> {
    let fields = Fields::read(node, "`storm`", &keys::STORM, findings)?;
    let [least, most] = Storm::FAILURES.map(i64::from);
    let failures = match fields.get("failures") {
        Some(node) => read::integer(node, "`failures`", least..=most, findings)
            .and_then(|failures| u32::try_from(failures).ok()),
        None => Some(Storm::DEFAULT.failures()),
    };
    let mut duration = |key: &str, default, [least, most]: [SignedDuration; 2], most_text: &str| {
        let Some(node) = fields.get(key) else { return Some(default) };
        read::duration(node, &format!("`{key}`"), (least, "1m"), (most, most_text), findings)
    };
    let within = duration("within", Storm::DEFAULT.within(), Storm::WITHIN, "1h");
    let spread = duration("spread", Storm::DEFAULT.spread(), Storm::SPREAD, "1d");
    // What could still be refused here has been noted above.
    Storm::try_new(failures?, within?, spread?).ok()
}

fn rules(node: &Node, patterns: &mut Patterns, findings: &mut Findings) -> Vec<GivenRule> {
    let Value::Sequence(items) = &node.value else {
        findings.push(read::wrong_type(node, "`rules`", "a list"));
        return Vec::new();
    };
    if items.is_empty() {
        let finding = Diagnostic::new(Code::EmptyList, node.span, "`rules` is an empty list");
        findings.push(finding.hint("a policy without rules retries nothing; name at least one"));
    }
    if let Some(beyond) = items.get(limits::RULES) {
        let message = format!("a policy has at most {} rules", limits::RULES);
        findings.push(Diagnostic::new(Code::TooLarge, beyond.span, message));
    }
    items.iter().take(limits::RULES).filter_map(|item| rule(item, patterns, findings)).collect()
}

fn rule(node: &Node, patterns: &mut Patterns, findings: &mut Findings) -> Option<GivenRule> {
    let fields = Fields::read(node, "a rule", &keys::RULE, findings)?;
    let name = fields.require("name", findings).and_then(|node| {
        let name = read::text(node, "`name`", findings)?;
        let value = own_name(RuleName::parse(name), "a rule", name, node.span, findings)?;
        Some(Spanned { value, span: node.span })
    });
    let selector = fields.require("match", findings).and_then(|node| patterns.selector(node, findings));
    Some(GivenRule { name, selector, settings: GivenSettings::read(&fields, findings) })
}

pub(super) fn own_name<T>(
    parsed: Result<T, crate::domain::ids::InvalidId>,
    owner: &str,
    name: &str,
    span: Span,
    findings: &mut Findings,
) -> Option<T> {
    match parsed {
        Ok(parsed) => Some(parsed),
        Err(invalid) => {
            let message = format!("{} cannot be the name of {owner}", quote(name));
            let hint = format!("a name has {}", invalid.rule);
            findings.push(Diagnostic::new(Code::BadName, span, message).hint(hint));
            None
        }
    }
}
