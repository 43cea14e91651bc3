//! The entries of `classifiers`: signatures of a policy's own, each valid by itself.

use crate::domain::class::{Class, Group};
use crate::domain::classifier::Classifier;
use crate::domain::ids::RuleName;

use super::diagnostic::{Code, Diagnostic, quote};
use super::keys;
use super::near;
use super::node::{Node, Value};
use super::patterns::Patterns;
use super::read::{self, Fields, Findings, Spanned};

/// An entry of `classifiers`. One that could not be read still has its name, so that it is not given twice.
#[derive(Debug)]
pub(super) struct GivenClassifier {
    pub name: Option<Spanned<String>>,
    pub classifier: Option<Classifier>,
}

/// The name that stands for no signature where decisions name one.
const NO_SIGNATURE: &str = "none";

/// Every entry, in order.
pub(super) fn read(node: &Node, patterns: &mut Patterns, findings: &mut Findings) -> Vec<GivenClassifier> {
    let Value::Sequence(items) = &node.value else {
        findings.push(read::wrong_type(node, "`classifiers`", "a list"));
        return Vec::new();
    };
    if items.is_empty() {
        let finding = Diagnostic::new(Code::EmptyList, node.span, "`classifiers` is an empty list");
        findings.push(finding.hint("leave the key out, or name at least one"));
    }
    items.iter().filter_map(|item| one(item, patterns, findings)).collect()
}

fn one(node: &Node, patterns: &mut Patterns, findings: &mut Findings) -> Option<GivenClassifier> {
    let fields = Fields::read(node, "a classifier", &keys::CLASSIFIER, findings)?;
    let name = fields.require("name", findings).and_then(|node| name(node, findings));
    let class = fields.require("class", findings).and_then(|node| class(node, findings));
    let matched = fields.require("match", findings).and_then(|node| matched(node, patterns, findings));
    let classifier = name.as_ref().zip(class).zip(matched).map(|((name, class), matched)| Classifier {
        name: name.value.clone(),
        class,
        ..matched
    });
    Some(GivenClassifier { name, classifier })
}

fn name(node: &Node, findings: &mut Findings) -> Option<Spanned<String>> {
    let name = read::text(node, "`name`", findings)?;
    let rule = match RuleName::parse(name) {
        Ok(_) if name == NO_SIGNATURE => "`none` stands for no classifier at all".to_owned(),
        Ok(_) => return Some(Spanned { value: name.to_owned(), span: node.span }),
        Err(invalid) => format!("a name has {}", invalid.rule),
    };
    let message = format!("{} cannot be the name of a classifier", quote(name));
    findings.push(Diagnostic::new(Code::BadName, node.span, message).hint(rule));
    None
}

/// Every class but those that CodePipeline itself says: no text can make a failure an answer of a person's.
fn class(node: &Node, findings: &mut Findings) -> Option<Class> {
    let name = read::text(node, "`class`", findings)?;
    match Class::parse(name) {
        Some(class) if class.may_be_retried() => return Some(class),
        Some(class) => {
            let message = format!("no classifier can say `{class}`");
            let hint = "only CodePipeline knows what a person rejected or stopped; to keep a failure from being \
                        retried, name a class that no `retry-on` has";
            findings.push(Diagnostic::new(Code::ReservedClass, node.span, message).hint(hint));
        }
        None => {
            let message = format!("there is no failure class {}", quote(name));
            let mut finding = Diagnostic::new(Code::UnknownClass, node.span, message);
            finding.hint = match Group::parse(name) {
                Some(Group::Any) => Some("a classifier names one class, such as `throttling`".to_owned()),
                Some(group) => {
                    let classes = group.classes();
                    let hint = near::hint("", classes.iter().map(|class| class.as_str()));
                    hint.map(|hint| format!("`{name}` is a group; {hint}"))
                }
                None => near::hint(name, class_names()),
            };
            findings.push(finding);
        }
    }
    None
}

/// Everything that `class` may name.
pub(super) fn class_names() -> impl Iterator<Item = &'static str> {
    Class::ALL.into_iter().filter(|class| class.may_be_retried()).map(Class::as_str)
}

/// What it looks at, under a name and class that are still to be filled in. Nothing if any part of it is wrong.
fn matched(node: &Node, patterns: &mut Patterns, findings: &mut Findings) -> Option<Classifier> {
    let fields = Fields::read(node, "`match`", &keys::CLASSIFIER_MATCH, findings)?;
    if matches!(&node.value, Value::Map(entries) if entries.is_empty()) {
        let finding = Diagnostic::new(Code::MissingKey, node.span, "`match` names nothing");
        findings.push(finding.hint("add what it looks for, such as `message: 'no free slot'`"));
        return None;
    }
    let mut names = |key| patterns.names(&fields, key, findings);
    let (provider, category) = (names("provider"), names("category"));
    let (pipeline, stage, action) = (names("pipeline"), names("stage"), names("action"));
    let code = patterns.texts(&fields, "code", findings);
    let message = patterns.expressions(&fields, "message", findings);
    let classifier = Classifier {
        name: String::new(),
        class: Class::Unknown,
        provider: provider?,
        category: category?,
        pipeline: pipeline?,
        stage: stage?,
        action: action?,
        code: code?,
        message: message?,
    };
    fields.is_sound().then_some(classifier)
}
