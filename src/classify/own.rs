//! A policy's own signatures.

use super::Subject;
use crate::domain::classifier::{Classifier, Pattern};
use crate::domain::evidence::{Classified, Found};
use crate::domain::glob::Glob;
use crate::domain::pipeline::Category;

/// What the first of them that holds says.
pub(super) fn first(classifiers: &[Classifier], subject: &Subject<'_>) -> Option<Classified> {
    classifiers.iter().find_map(|classifier| {
        let found = held(classifier, subject)?;
        Some(Classified {
            class: classifier.class,
            signature: classifier.name.clone(),
            reason: "a classifier of the policy says so".to_owned(),
            found,
        })
    })
}

/// Whether everything that is given holds, and where its expression was found.
#[expect(clippy::option_option, reason = "whether it holds, and then whether an expression was found")]
fn held(classifier: &Classifier, subject: &Subject<'_>) -> Option<Option<Found>> {
    let run = subject.run;
    let holds = any(&classifier.provider, Some(subject.provider))
        && any(&classifier.category, subject.category.map(Category::as_str))
        && any(&classifier.pipeline, run.map(|run| run.pipeline.name.as_str()))
        && any(&classifier.stage, run.map(|run| run.stage.as_str()))
        && any(&classifier.action, subject.action)
        && has_code(&classifier.code, subject);
    if !holds {
        return None;
    }
    if classifier.message.is_empty() {
        return Some(None);
    }
    find(&classifier.message, subject).map(Some)
}

fn any(globs: &[Glob], name: Option<&str>) -> bool {
    globs.is_empty() || name.is_some_and(|name| globs.iter().any(|glob| glob.matches(name)))
}

fn has_code(codes: &[String], subject: &Subject<'_>) -> bool {
    let beside = subject.texts.iter().filter_map(|text| text.code.as_deref());
    codes.is_empty() || subject.code.into_iter().chain(beside).any(|code| codes.iter().any(|own| own == code))
}

fn find(patterns: &[Pattern], subject: &Subject<'_>) -> Option<Found> {
    subject.texts.iter().enumerate().find_map(|(number, text)| {
        let text_of = text.text.expose();
        let at = patterns.iter().filter_map(|pattern| pattern.find(text_of)).min()?;
        let before = text_of.as_bytes().get(..at).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        Some(Found { text: number, place: text.place, line: u32::try_from(line).unwrap_or(u32::MAX) })
    })
}
