//! The settings that `defaults` and rules share, as the file gives them: valid where given, absent where not.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::domain::backoff::{Backoff, JitterKind};
use crate::domain::class::{Class, Group};
use crate::domain::evidence::Depth;
use crate::domain::notice::Occasion;
use crate::domain::policy::{Mode, ParallelRetries, RetryMode, Settings};
use crate::domain::rollback::OnGiveUp;

use super::diagnostic::{Code, Diagnostic, quote};
use super::keys;
use super::limits;
use super::near;
use super::node::{Node, ScalarKind, Value};
use super::quantity;
use super::read::{self, Fields, Findings, Spanned};

pub(super) const MODES: &[(&str, Mode)] = &[
    (Mode::Active.as_str(), Mode::Active),
    (Mode::Shadow.as_str(), Mode::Shadow),
    (Mode::Disabled.as_str(), Mode::Disabled),
];
pub(super) const RETRY_MODES: &[(&str, ModeOfRetry)] = &[
    ("auto", ModeOfRetry::Auto),
    (RetryMode::FailedActions.as_str(), ModeOfRetry::Fixed(RetryMode::FailedActions)),
    (RetryMode::AllActions.as_str(), ModeOfRetry::Fixed(RetryMode::AllActions)),
];
pub(super) const PARALLEL: &[(&str, ParallelRetries)] =
    &[("latest", ParallelRetries::Latest), ("independent", ParallelRetries::Independent)];
pub(super) const JITTERS: &[(&str, JitterKind)] =
    &[("equal", JitterKind::Equal), ("full", JitterKind::Full), ("none", JitterKind::None)];
pub(super) const EVIDENCE: &[(&str, Depth)] = &[
    (Depth::State.as_str(), Depth::State),
    (Depth::Details.as_str(), Depth::Details),
    (Depth::Logs.as_str(), Depth::Logs),
];

pub(super) const ON_GIVE_UP: &[(&str, OnGiveUp)] =
    &[(OnGiveUp::Nothing.as_str(), OnGiveUp::Nothing), (OnGiveUp::Rollback.as_str(), OnGiveUp::Rollback)];

/// What `excerpts` may say, and whether decisions cite the line that decided.
pub(super) const EXCERPTS: &[(&str, bool)] = &[("none", false), ("redacted", true)];

/// Growth of a backoff that names no factor: doubling.
const DEFAULT_FACTOR_THOUSANDTHS: u32 = 2_000;
const FACTORS: std::ops::RangeInclusive<i64> = 1_000..=10_000;

/// What `retry-mode` may say.
#[derive(Debug, Clone, Copy)]
pub(super) enum ModeOfRetry {
    Auto,
    Fixed(RetryMode),
}

/// Settings as far as the file gives them.
#[derive(Debug, Default)]
pub(super) struct GivenSettings {
    pub mode: Option<Mode>,
    pub retry_on: Option<BTreeSet<Class>>,
    pub max_retries: Option<u32>,
    pub retry_mode: Option<ModeOfRetry>,
    pub backoff: Option<Backoff>,
    pub give_up_after: Option<SignedDuration>,
    pub budgets: Option<Vec<Spanned<String>>>,
    pub parallel: Option<ParallelRetries>,
    pub freezes: Option<Vec<Spanned<String>>>,
    pub downstream: Option<bool>,
    pub notify: Option<BTreeSet<Occasion>>,
    pub on_give_up: Option<OnGiveUp>,
    pub evidence: Option<Depth>,
    pub excerpts: Option<bool>,
}

impl GivenSettings {
    pub fn read(fields: &Fields<'_>, findings: &mut Findings) -> Self {
        Self {
            mode: fields.get("mode").and_then(|node| read::choice(node, "`mode`", MODES, findings)),
            retry_on: fields.get("retry-on").and_then(|node| retry_on(node, findings)),
            max_retries: fields.get("max-retries").and_then(|node| {
                let range = 0..=i64::from(Settings::MOST_RETRIES);
                let number = read::integer(node, "`max-retries`", range, findings)?;
                u32::try_from(number).ok()
            }),
            retry_mode: fields
                .get("retry-mode")
                .and_then(|node| read::choice(node, "`retry-mode`", RETRY_MODES, findings)),
            backoff: fields.get("backoff").and_then(|node| backoff(node, findings)),
            give_up_after: fields.get("give-up-after").and_then(|node| {
                let least = (SignedDuration::from_secs(1), "1s");
                let most = (Settings::LONGEST_GIVE_UP, "7d");
                read::duration(node, "`give-up-after`", least, most, findings)
            }),
            budgets: fields.get("budgets").and_then(|node| {
                let names = names(read::distinct_texts(node, "`budgets`", findings)?);
                if let Some(beyond) = names.get(limits::BUDGETS) {
                    let message = format!("a retry pays from at most {} budgets", limits::BUDGETS);
                    findings.push(Diagnostic::new(Code::TooLarge, beyond.span, message));
                }
                Some(names)
            }),
            freezes: fields.get("freezes").and_then(|node| {
                if matches!(&node.value, Value::Sequence(items) if items.is_empty()) {
                    // A rule may lift what `defaults` ask for.
                    return Some(Vec::new());
                }
                read::distinct_texts(node, "`freezes`", findings).map(names)
            }),
            notify: fields.get("notify").and_then(|node| notify(node, findings)),
            on_give_up: fields
                .get("on-give-up")
                .and_then(|node| read::choice(node, "`on-give-up`", ON_GIVE_UP, findings)),
            downstream: fields
                .get("downstream")
                .and_then(|node| read::boolean(node, "`downstream`", findings)),
            parallel: fields
                .get("parallel")
                .and_then(|node| read::choice(node, "`parallel`", PARALLEL, findings)),
            evidence: fields
                .get("evidence")
                .and_then(|node| read::choice(node, "`evidence`", EVIDENCE, findings)),
            excerpts: fields
                .get("excerpts")
                .and_then(|node| read::choice(node, "`excerpts`", EXCERPTS, findings)),
        }
    }

    /// What is given here, over what holds otherwise. Budgets and freezes are left to whoever knows them.
    pub fn over(&self, base: &Settings) -> Settings {
        Settings {
            mode: self.mode.unwrap_or(base.mode),
            retry_on: self.retry_on.clone().unwrap_or_else(|| base.retry_on.clone()),
            max_retries: self.max_retries.unwrap_or(base.max_retries),
            retry_mode: match self.retry_mode {
                None => base.retry_mode,
                Some(ModeOfRetry::Auto) => None,
                Some(ModeOfRetry::Fixed(mode)) => Some(mode),
            },
            backoff: self.backoff.clone().unwrap_or_else(|| base.backoff.clone()),
            give_up_after: self.give_up_after.unwrap_or(base.give_up_after),
            budgets: base.budgets.clone(),
            parallel: self.parallel.unwrap_or(base.parallel),
            freezes: base.freezes.clone(),
            downstream: self.downstream.unwrap_or(base.downstream),
            notify: self.notify.clone().unwrap_or_else(|| base.notify.clone()),
            on_give_up: self.on_give_up.unwrap_or(base.on_give_up),
            evidence: self.evidence.unwrap_or(base.evidence),
            excerpts: self.excerpts.unwrap_or(base.excerpts),
        }
    }
}

fn names(given: Vec<Spanned<&str>>) -> Vec<Spanned<String>> {
    given.into_iter().map(|name| Spanned { value: name.value.to_owned(), span: name.span }).collect()
}

/// An empty list is nothing at all.
fn notify(node: &Node, findings: &mut Findings) -> Option<BTreeSet<Occasion>> {
    if matches!(&node.value, Value::Sequence(items) if items.is_empty()) {
        return Some(BTreeSet::new());
    }
    let mut occasions = BTreeSet::new();
    let mut is_sound = true;
    for name in read::distinct_texts(node, "`notify`", findings)? {
        if let Some(occasion) = Occasion::parse(name.value) {
            occasions.insert(occasion);
            continue;
        }
        is_sound = false;
        let message = format!("`notify` cannot be {}", quote(name.value));
        let mut finding = Diagnostic::new(Code::UnknownValue, name.span, message);
        finding.hint = near::hint(name.value, Occasion::ALL.into_iter().map(Occasion::as_str));
        findings.push(finding);
    }
    is_sound.then_some(occasions)
}

fn retry_on(node: &Node, findings: &mut Findings) -> Option<BTreeSet<Class>> {
    let names = read::distinct_texts(node, "`retry-on`", findings)?;
    let mut classes = BTreeSet::new();
    let mut sound = true;
    for name in names {
        match classes_of(&name) {
            Ok(more) => classes.extend(more),
            Err(finding) => {
                sound = false;
                findings.push(finding);
            }
        }
    }
    sound.then_some(classes)
}

/// The classes that a class or group name stands for.
fn classes_of(name: &Spanned<&str>) -> Result<BTreeSet<Class>, Diagnostic> {
    if let Some(group) = Group::parse(name.value) {
        return Ok(group.classes());
    }
    match Class::parse(name.value) {
        Some(class) if class.may_be_retried() => Ok(BTreeSet::from([class])),
        Some(class) => {
            let message = format!("`{class}` can never be retried");
            Err(Diagnostic::new(Code::NeverRetryableClass, name.span, message)
                .hint("remove it; what a person rejected or stopped stays so"))
        }
        None => {
            let message = format!("there is no failure class or group {}", quote(name.value));
            let mut finding = Diagnostic::new(Code::UnknownClass, name.span, message);
            finding.hint = match name.value {
                "all" | "*" => Some(format!("did you mean `{}`?", Group::Any.as_str())),
                name => near::hint(name, class_names()),
            };
            Err(finding)
        }
    }
}

/// Everything that `retry-on` may name: groups, then classes.
pub(super) fn class_names() -> impl Iterator<Item = &'static str> {
    let groups = Group::ALL.into_iter().map(Group::as_str);
    let classes = Class::ALL.into_iter().filter(|class| class.may_be_retried());
    groups.chain(classes.map(Class::as_str))
}

fn backoff(node: &Node, findings: &mut Findings) -> Option<Backoff> {
    if let Value::Scalar(scalar) = &node.value
        && let Some(initial) = quantity::duration(&scalar.text)
    {
        let usual_max = SignedDuration::from_mins(15);
        let max = if initial > usual_max { scalar.text.as_ref() } else { "15m" };
        let hint = format!("write `backoff: {{ initial: {}, max: {max} }}`", scalar.text);
        findings.push(read::wrong_type(node, "`backoff`", "a map").hint(hint));
        return None;
    }
    let fields = Fields::read(node, "`backoff`", &keys::BACKOFF, findings)?;
    let delay = |key: &str, findings: &mut Findings| {
        let node = fields.require(key, findings)?;
        let bounds = ((SignedDuration::ZERO, "0s"), (Backoff::LONGEST, "7d"));
        let duration = read::duration(node, &format!("`{key}`"), bounds.0, bounds.1, findings)?;
        Some((duration, node.span))
    };
    let initial = delay("initial", findings);
    let max = delay("max", findings);
    if let (Some((initial, initial_span)), Some((max, max_span))) = (initial, max)
        && max < initial
    {
        let message = "`max` is below `initial`";
        let finding = Diagnostic::new(Code::MaxBelowInitial, max_span, message)
            .hint("`max` limits every delay, so it cannot be below the first")
            .related(initial_span, "`initial` is given here");
        findings.push(finding);
    }
    let factor = match fields.get("factor") {
        Some(node) => factor(node, findings),
        None => Some(DEFAULT_FACTOR_THOUSANDTHS),
    };
    let jitter = match fields.get("jitter") {
        Some(node) => read::choice(node, "`jitter`", JITTERS, findings),
        None => Some(JitterKind::Equal),
    };
    // What could still be refused here has been noted above.
    Backoff::try_new(initial?.0, factor?, max?.0, jitter?).ok()
}

/// The growth from one retry to the next, in thousandths.
fn factor(node: &Node, findings: &mut Findings) -> Option<u32> {
    let written = match &node.value {
        Value::Scalar(scalar) if matches!(scalar.kind, ScalarKind::Integer | ScalarKind::Float) => {
            &scalar.text
        }
        _ => {
            findings.push(read::wrong_type(node, "`factor`", "a number"));
            return None;
        }
    };
    let thousandths = quantity::thousandths(written).filter(|factor| FACTORS.contains(factor));
    if thousandths.is_none() {
        let message = "`factor` must be from 1 to 10, with at most 3 decimals";
        findings.push(Diagnostic::new(Code::OutOfRange, node.span, message));
    }
    u32::try_from(thousandths?).ok()
}
