//! What people read about their policy files: a snapshot for every file of `tests/cases/policy`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use codepipeline_retrier::policy_file::{Code, Loaded, Severity, load, load_bytes, render, schema};

pub fn cases(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests/cases/policy").join(kind);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn load_case(path: &Path) -> Loaded {
    let name = path.file_name().unwrap().to_str().unwrap();
    load_bytes(name, &fs::read(path).unwrap())
}

fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

pub fn rendered(loaded: &Loaded) -> String {
    let styled = render::text(&loaded.source, &loaded.diagnostics);
    anstream::adapter::strip_str(&styled).to_string()
}

#[test]
fn every_bad_policy_is_explained() {
    for path in cases("bad") {
        let loaded = load_case(&path);
        insta::assert_snapshot!(format!("bad-{}", stem(&path)), rendered(&loaded));
    }
}

#[test]
fn every_bad_policy_has_the_finding_it_is_named_after() {
    for path in cases("bad") {
        let loaded = load_case(&path);
        let codes: BTreeSet<_> = loaded.diagnostics.iter().map(|finding| finding.code).collect();
        let name = stem(&path);
        if !["not-indented", "ten-mistakes"].contains(&name) {
            assert_eq!(codes.len(), 1, "{name}: {codes:?}");
            assert!(name.starts_with(codes.first().unwrap().as_str()), "{name}: {codes:?}");
        }
        let errors = codes.iter().any(|code| code.severity() == Severity::Error);
        assert_eq!(loaded.policy.is_none(), errors, "{name}");
    }
}

#[test]
fn every_code_has_a_case() {
    let names: Vec<_> = cases("bad").iter().map(|path| stem(path).to_owned()).collect();
    for code in Code::ALL {
        let case = names.iter().any(|name| name.starts_with(code.as_str()));
        assert!(case, "no case for {}", code.as_str());
    }
}

#[test]
fn the_reference_lists_every_finding_and_key() {
    let reference = fs::read_to_string("docs/policy.md").unwrap();
    for code in Code::ALL {
        let warning = if code.severity() == Severity::Warning { "warning: " } else { "" };
        let row = format!("| `{}` | {warning}{} |", code.as_str(), code.description().trim_end_matches('.'));
        assert!(reference.contains(&row), "{row}");
    }
    for shown in reference.split("```yaml\n").skip(1).map(|rest| rest.split_once("\n```").unwrap().0) {
        assert_eq!(rendered(&load("docs/policy.md", shown)), "");
    }
    let schema: serde_json::Value = serde_json::from_str(schema()).unwrap();
    let places = ["", "/properties/defaults", "/$defs/match", "/$defs/budget", "/properties/storm"];
    for place in places.into_iter().chain(["/$defs/classifier-match", "/$defs/freeze"]) {
        for key in schema.pointer(place).unwrap()["properties"].as_object().unwrap().keys() {
            assert!(
                reference.contains(&format!("`{key}`")) || reference.contains(&format!("`{key}:")),
                "{key}"
            );
        }
    }
}

#[test]
fn every_good_policy_is_understood() {
    for path in cases("good") {
        let loaded = load_case(&path);
        assert_eq!(rendered(&loaded), "", "{}", path.display());
        let mut policy = loaded.policy.unwrap();
        policy.version.0 = "(hash of the text)".to_owned();
        insta::assert_debug_snapshot!(format!("good-{}", stem(&path)), policy);
    }
}

#[test]
fn the_policy_that_ships_is_valid() {
    let text = fs::read_to_string("infra/policy.yaml").unwrap();
    let loaded = load("infra/policy.yaml", &text);
    assert_eq!(rendered(&loaded), "");
    assert_eq!(loaded.policy.unwrap().rules.len(), 2);
}

#[test]
fn the_defaults_that_the_shipped_policy_shows_are_the_built_in_ones() {
    let text = fs::read_to_string("infra/policy.yaml").unwrap();
    let shown =
        text.replace("# defaults:", "defaults:").replace("# budgets:", "budgets:").replace("#   ", "  ");
    let (built_in, shown) = (load("built-in", &text), load("shown", &shown));
    assert_eq!(rendered(&shown), "");
    assert_ne!(built_in.source.text(), shown.source.text());
    assert_eq!(built_in.policy.unwrap().rules, shown.policy.unwrap().rules);
}

#[test]
fn findings_have_a_form_for_programs() {
    let loaded = load_case(Path::new("tests/cases/policy/bad/ten-mistakes.yaml"));
    insta::assert_snapshot!(render::json(&loaded.source, &loaded.diagnostics).unwrap());
}

#[test]
fn the_codes_and_what_they_mean() {
    let list: Vec<_> = Code::ALL
        .iter()
        .map(|code| format!("{} ({}): {}", code.as_str(), code.severity().as_str(), code.description()))
        .collect();
    insta::assert_snapshot!(list.join("\n"));
}
