//! Classes of failures: every case of `tests/cases/classify`, what holds for any text, what the command prints, and
//! secrets that must not be in it.

mod case;
mod command;
mod page;
mod properties;
pub mod secrets;
mod subjects;

use std::collections::{BTreeMap, BTreeSet};

use codepipeline_retrier::classify::{classify, signatures};

#[test]
fn every_case_has_its_class_and_signature() {
    let cases = case::all();
    assert!(cases.len() >= 120, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let classified = classify(&[], &case.subject());
            let given = (classified.class.as_str(), classified.signature.as_str());
            (given != case.expected())
                .then(|| format!("{}: {given:?} instead of {:?}", case.id, case.expected()))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for case in case::all() {
        *count.entry(case.id).or_default() += 1;
    }
    assert!(count.values().all(|count| *count == 1), "{count:?}");
}

#[test]
fn every_signature_has_a_name_of_its_own_and_a_case() {
    let mut names = BTreeSet::new();
    for signature in signatures::all() {
        assert!(names.insert(signature.name), "two signatures are called `{}`", signature.name);
        assert!(!signature.patterns.is_empty() || !signature.codes.is_empty(), "{}", signature.name);
        assert!(!signature.reason.ends_with('.') && !signature.reason.is_empty(), "{}", signature.name);
    }
    let with_case: BTreeSet<String> = case::all().into_iter().map(|case| case.signature).collect();
    let without: Vec<&str> = names.into_iter().filter(|name| !with_case.contains(*name)).collect();
    assert!(without.is_empty(), "no case gives {without:?}");
}

#[test]
fn what_is_found_is_found_where_it_stands() {
    for case in case::all() {
        let classified = classify(&[], &case.subject());
        let Some(found) = classified.found else { continue };
        let lines = case.texts[0].text.expose().split('\n').count();
        assert_eq!(found.place, case.texts[0].place, "{}", case.id);
        assert!(found.line >= 1 && usize::try_from(found.line).unwrap() <= lines, "{}", case.id);
    }
}
