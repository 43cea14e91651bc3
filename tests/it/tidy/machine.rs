//! Keeps every file free of the machine that it was written on: its paths, and registries of its own.

use super::tree::project_files;
use super::{Finding, hold, places};

/// Directories that only some machine has. Assembled, so that the list does not find itself.
fn machine_paths() -> [String; 3] {
    [&["work"][..], &["tmp", "wt"], &["root"]].map(|names| format!("/{}/", names.join("/")))
}

/// The registry that everybody has, as `Cargo.lock` names it.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What a file has to say to take packages from elsewhere. Assembled like the paths.
fn other_registries() -> [String; 5] {
    [["registry", "+"], ["sparse", "+"], ["replace", "-with"], ["index", "-url"], ["[registries", "."]]
        .map(|parts| parts.concat())
}

fn names_a_machine_path(line: &str) -> Option<String> {
    let starts_here = |at: usize| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_' | '}' | '~' | '/'))
    };
    machine_paths().into_iter().find(|path| {
        let whole = line.trim_end();
        line.match_indices(path.as_str()).any(|(at, _)| starts_here(at))
            || whole.len() >= path.len()
                && path
                    .strip_suffix('/')
                    .is_some_and(|bare| whole.ends_with(bare) && starts_here(whole.len() - bare.len()))
    })
}

fn names_another_registry(line: &str) -> Option<String> {
    let rest = line.replace(CRATES_IO, "");
    other_registries().into_iter().find(|sign| rest.contains(sign.as_str()))
}

fn findings(files: &[(String, String)], rule: fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in files {
        for (index, line) in text.lines().enumerate() {
            if let Some(what) = rule(line) {
                let what = format!("`{what}`");
                findings.push(Finding { path: path.clone(), line: index + 1, what });
            }
        }
    }
    findings
}

#[test]
fn no_file_names_a_path_of_some_machine() {
    hold(
        "the path exists on one machine only; write it relative to the project",
        &findings(&project_files(), names_a_machine_path),
    );
}

#[test]
fn no_file_names_another_registry() {
    hold(
        "packages come from crates.io as everybody reaches it; set a mirror up on the machine, not in the project",
        &findings(&project_files(), names_another_registry),
    );
}

#[test]
fn machine_paths_are_found() {
    for path in machine_paths() {
        let bare = path.trim_end_matches('/');
        let text = format!(
            "cd {path}x\nsee `{path}`\ncd {bare}\nfrom a{path}x\n${{HOME}}{path}x\n{bare}s\nhttps://host.example{path}\n\"{path}x\""
        );
        let files = [("Makefile".to_owned(), text)];
        assert_eq!(
            places(&findings(&files, names_a_machine_path)),
            ["Makefile:1", "Makefile:2", "Makefile:3", "Makefile:8"],
            "{path}"
        );
    }
}

#[test]
fn other_registries_are_found() {
    for sign in other_registries() {
        let text = format!("source = \"{CRATES_IO}\"\n{sign}https://mirror.example/\n");
        let files = [("Cargo.lock".to_owned(), text)];
        assert_eq!(places(&findings(&files, names_another_registry)), ["Cargo.lock:2"], "{sign}");
    }
}
