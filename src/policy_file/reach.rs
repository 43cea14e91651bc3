//! Classifiers that can never say anything: one above says it first, or no rule is about what they look at.

use std::collections::BTreeMap;

use crate::domain::classifier::Classifier;
use crate::domain::glob::Glob;
use crate::domain::policy::{Mode, Rule};

use super::classifiers::GivenClassifier;
use super::diagnostic::{Code, Diagnostic};
use super::read::Findings;
use super::source::Span;

/// Notes names that are given twice.
pub(super) fn note_duplicate_names(classifiers: &[GivenClassifier], findings: &mut Findings) {
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    for name in classifiers.iter().filter_map(|given| given.name.as_ref()) {
        if let Some(before) = first.get(name.value.as_str()) {
            let message = format!("a classifier above is also called `{}`", name.value);
            let finding = Diagnostic::new(Code::DuplicateClassifierName, name.span, message);
            findings.push(finding.related(*before, "first used here"));
        } else {
            first.insert(&name.value, name.span);
        }
    }
}

/// Notes classifiers below one that matches everything they do.
pub(super) fn note_unreachable(classifiers: &[GivenClassifier], findings: &mut Findings) {
    let mut above: Vec<(&Classifier, Span)> = Vec::new();
    for given in classifiers {
        let (Some(name), Some(classifier)) = (&given.name, &given.classifier) else { continue };
        if let Some((cover, span)) = above.iter().find(|(above, _)| covers(above, classifier)) {
            let message = format!(
                "the classifier `{}` can never match: `{}` above it matches everything it does",
                classifier.name, cover.name
            );
            let finding = Diagnostic::new(Code::UnreachableClassifier, name.span, message)
                .hint("the first matching classifier wins; move the narrower one up, or remove it")
                .related(*span, "this classifier matches first");
            findings.push(finding);
        }
        above.push((classifier, name.span));
    }
}

/// Notes classifiers about pipelines and stages that certainly no rule at work is about.
pub(super) fn note_unused(classifiers: &[GivenClassifier], rules: &[Rule], findings: &mut Findings) {
    for given in classifiers {
        let (Some(name), Some(classifier)) = (&given.name, &given.classifier) else { continue };
        let is_used = rules.iter().filter(|rule| rule.settings.mode != Mode::Disabled).any(|rule| {
            may_meet(&rule.selector.pipeline, &classifier.pipeline)
                && may_meet(&rule.selector.stage, &classifier.stage)
        });
        if !is_used {
            let message =
                format!("no rule is about the pipelines and stages of the classifier `{}`", name.value);
            let finding = Diagnostic::new(Code::UnusedClassifier, name.span, message);
            findings.push(finding.hint("a failure that no rule is about is never classified"));
        }
    }
}

/// Whether everything that `narrow` matches is matched by `wide` too. `false` when that is not certain.
fn covers(wide: &Classifier, narrow: &Classifier) -> bool {
    fn names(wide: &[Glob], narrow: &[Glob]) -> bool {
        let anything = [Glob::new("*")];
        let narrow = if narrow.is_empty() { &anything } else { narrow };
        wide.is_empty() || narrow.iter().all(|narrow| wide.iter().any(|wide| wide.covers(narrow)))
    }
    fn same<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
        wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(|narrow| wide.contains(narrow)))
    }
    names(&wide.provider, &narrow.provider)
        && names(&wide.category, &narrow.category)
        && names(&wide.pipeline, &narrow.pipeline)
        && names(&wide.stage, &narrow.stage)
        && names(&wide.action, &narrow.action)
        && same(&wide.code, &narrow.code)
        && same(&wide.message, &narrow.message)
}

/// Whether some name may match both lists. An empty one matches everything.
fn may_meet(some: &[Glob], others: &[Glob]) -> bool {
    some.is_empty()
        || others.is_empty()
        || some.iter().any(|one| others.iter().any(|other| !one.is_apart_from(other)))
}
