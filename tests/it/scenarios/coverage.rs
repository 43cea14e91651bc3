//! Every ruling has a scenario that shows it and one close to it that does not, found by their names:
//! `rulings/<verdict>/<reason>.yaml` and `rulings/<verdict>/<reason>-not.yaml`.

use std::collections::BTreeSet;

use codepipeline_retrier::domain::decision::Ruling;

use super::story::{Story, files, folder, name_of, read};

fn rulings_of(story: &Story) -> BTreeSet<Ruling> {
    story.found.decisions.values().flatten().copied().collect()
}

#[test]
fn every_ruling_has_a_scenario_and_a_near_miss() {
    let mut problems = Vec::new();
    for ruling in Ruling::ALL {
        for (name, is_shown) in
            [(format!("rulings/{ruling}"), true), (format!("rulings/{ruling}-not"), false)]
        {
            match read(&folder().join(format!("{name}.yaml"))) {
                Ok(scenario) => {
                    let expected = scenario.expectation.as_ref().unwrap();
                    let is_expected = expected.decisions.values().flatten().any(|known| known == ruling);
                    let is_found = rulings_of(&Story::of(&scenario)).contains(ruling);
                    if (is_expected, is_found) != (is_shown, is_shown) {
                        problems.push(format!("{name}: expected {is_expected}, found {is_found}"));
                    }
                }
                Err(error) => problems.push(error),
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn files_about_rulings_are_named_after_them() {
    let known: BTreeSet<_> =
        Ruling::ALL.iter().flat_map(|ruling| [ruling.to_string(), format!("{ruling}-not")]).collect();
    for name in files().iter().map(|path| name_of(path)) {
        if let Some(ruling) = name.strip_prefix("rulings/") {
            assert!(known.contains(ruling), "no ruling is called `{ruling}`");
        }
    }
}

#[test]
fn every_scenario_says_what_it_shows() {
    let mut seen = BTreeSet::new();
    for path in files() {
        let scenario = read(&path).unwrap();
        let about = scenario.about.trim().to_owned();
        assert!(about.split_whitespace().count() >= 5, "{}: `{about}`", name_of(&path));
        assert!(seen.insert(about), "{} is about the same as another", name_of(&path));
    }
}
