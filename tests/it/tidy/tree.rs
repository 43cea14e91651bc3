//! Finds the files of the project and reads the Rust among them. It knows no rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::lexer::{Token, mask, production, tokens};

/// A Rust file, taken apart.
#[derive(Debug)]
pub struct Source {
    /// From the root of the project, with `/`.
    pub path: String,
    pub text: String,
    pub comments: String,
    /// All of its code.
    pub tokens: Vec<Token>,
    /// What is compiled outside tests; nothing for a file that only tests use.
    pub production: Vec<Token>,
}

impl Source {
    /// The module that the file is, as names below the crate: `["domain", "budget"]`; nothing for `src/lib.rs`.
    pub fn module(&self) -> Vec<String> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        path.split('/').filter(|name| !matches!(*name, "mod" | "lib")).map(str::to_owned).collect()
    }
}

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `src` and `tests`.
pub fn rust_files() -> Vec<Source> {
    let files = project_files()
        .into_iter()
        .filter(|(path, _)| Path::new(path).extension().is_some_and(|end| end == "rs"))
        .filter(|(path, _)| path.starts_with("src/") || path.starts_with("tests/"));
    let sources = read(files);
    assert!(sources.iter().any(|source| source.path == "src/lib.rs"), "the source tree was not found");
    sources
}

/// Takes files apart, and finds out which of them only tests use.
pub fn read(files: impl IntoIterator<Item = (String, String)>) -> Vec<Source> {
    let mut test_only: BTreeSet<String> = BTreeSet::new();
    let mut sources = Vec::new();
    for (path, text) in files {
        let masked = mask(&text);
        let tokens = tokens(&masked.code);
        let (production, test_modules) = production(&tokens);
        let directory = path.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("/lib");
        for name in test_modules {
            test_only.insert(format!("{directory}/{name}"));
        }
        sources.push(Source { comments: masked.comments, path, text, tokens, production });
    }
    for source in &mut sources {
        let is_test = test_only.iter().any(|module| {
            source
                .path
                .strip_prefix(module.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
        if is_test || source.path.starts_with("tests/") {
            source.production.clear();
        }
    }
    sources
}

/// Path and text of every file that git knows or would add, or of every file outside `target` where there is no git.
pub fn project_files() -> Vec<(String, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let mut paths: Vec<String> = match listed {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).split_terminator('\0').map(str::to_owned).collect()
        }
        _ => walk(root())
            .iter()
            .filter_map(|path| path.strip_prefix(root()).ok())
            .map(|path| path.to_string_lossy().replace('\\', "/"))
            .collect(),
    };
    paths.sort();
    paths
        .into_iter()
        .filter_map(|path| {
            // A file that git still lists may be deleted from the work tree.
            let bytes = fs::read(root().join(&path)).ok()?;
            Some((path, String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect()
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name() != "target" && entry.file_name() != ".git")
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path()),
            _ => vec![entry.path()],
        })
        .collect()
}

/// Sources as a test writes them.
pub fn snippets(files: &[(&str, &str)]) -> Vec<Source> {
    read(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
}

#[test]
fn without_git_the_tree_is_walked() {
    let found = walk(root());
    assert!(found.contains(&root().join("src/lib.rs")));
    assert!(found.contains(&root().join("Cargo.toml")));
    assert!(!found.iter().any(|path| path.starts_with(root().join("target"))));
}

#[test]
fn files_that_only_tests_use_are_not_production() {
    let sources = snippets(&[
        ("src/a.rs", "#[cfg(test)]\nmod tests;\nfn a() {}"),
        ("src/a/tests.rs", "mod deeper;\nfn b() {}"),
        ("src/a/tests/deeper.rs", "fn c() {}"),
        ("src/a/testsuite.rs", "fn d() {}"),
        ("src/b/mod.rs", "#[cfg(test)]\nmod fixtures;"),
        ("src/b/fixtures.rs", "fn e() {}"),
        ("src/c/tests.rs", "fn f() {}"),
        ("tests/it/main.rs", "fn g() {}"),
    ]);
    let kept: Vec<&str> = sources
        .iter()
        .filter(|source| !source.production.is_empty())
        .map(|source| source.path.as_str())
        .collect();
    assert_eq!(kept, ["src/a.rs", "src/a/testsuite.rs", "src/c/tests.rs"]);
}
