//! How Rust files are kept: their size, names and first lines, and what is never left in them.

use super::lexer::Token;
use super::tree::{Source, rust_files, snippets};
use super::{Finding, hold, places};

/// Lines in any file, and in a binary's, which is wiring only.
const LONGEST: usize = 500;
const LONGEST_BINARY: usize = 59;

const EMPTY_NAMES: [&str; 6] = ["utils", "util", "helpers", "helper", "common", "misc"];

fn at(source: &Source, line: usize, what: String) -> Finding {
    Finding { path: source.path.clone(), line, what }
}

fn too_long(sources: &[Source]) -> Vec<Finding> {
    let limit = |path: &str| {
        if path.starts_with("src/bin/") { LONGEST_BINARY } else { LONGEST }
    };
    sources
        .iter()
        .map(|source| (source, source.text.lines().count(), limit(&source.path)))
        .filter(|(_, lines, limit)| lines > limit)
        .map(|(source, lines, limit)| at(source, limit + 1, format!("{lines} lines, at most {limit}")))
        .collect()
}

fn badly_named(sources: &[Source]) -> Vec<Finding> {
    let says_nothing =
        |path: &str| path.trim_end_matches(".rs").split('/').any(|name| EMPTY_NAMES.contains(&name));
    sources
        .iter()
        .filter(|source| says_nothing(&source.path))
        .map(|source| at(source, 1, "the name does not say what is in it".to_owned()))
        .collect()
}

fn without_introduction(sources: &[Source]) -> Vec<Finding> {
    sources
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| at(source, 1, "no `//!` on the first line".to_owned()))
        .collect()
}

/// Assembled, so that the list does not find itself.
fn markers() -> [String; 3] {
    [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|parts| parts.concat())
}

fn left_for_later(sources: &[Source]) -> Vec<Finding> {
    let markers = markers();
    let mut findings = Vec::new();
    for source in sources {
        for (index, line) in source.comments.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if let Some(word) = words.find(|word| markers.iter().any(|marker| marker == word)) {
                findings.push(at(source, index + 1, format!("`{word}`")));
            }
        }
        for pair in source.tokens.windows(2) {
            if let [name, mark] = pair
                && mark.text == "!"
                && matches!(name.text.as_str(), "todo" | "unimplemented")
            {
                findings.push(at(source, name.line, format!("`{}!`", name.text)));
            }
        }
    }
    findings
}

/// Attributes that silence something, themselves or through `cfg_attr`.
fn silenced(sources: &[Source], name: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let mut rest = source.tokens.as_slice();
        while let Some((token, after)) = rest.split_first() {
            rest = after;
            if token.text == "#" && attribute_names(after).contains(&name) {
                findings.push(at(source, token.line, format!("`#[{name}]`")));
            }
        }
    }
    findings
}

/// A test with this line is a full run, which has its slice in the ordinary suite.
const FULL_RUN: &str = "#[ignore = \"a full run: make scoreboard\"]";

/// Tests that are ignored, other than full runs.
fn ignored(sources: &[Source]) -> Vec<Finding> {
    let is_a_full_run = |finding: &Finding| {
        let source = sources.iter().find(|source| source.path == finding.path);
        let line = source.and_then(|source| source.text.lines().nth(finding.line - 1));
        line.is_some_and(|line| line.trim() == FULL_RUN)
    };
    let mut findings = silenced(sources, "ignore");
    findings.retain(|finding| !is_a_full_run(finding));
    findings
}

/// The names that an attribute applies: what stands first in it, and with `cfg_attr` all that it holds.
fn attribute_names(after_hash: &[Token]) -> Vec<&str> {
    let mut inside =
        after_hash.iter().map(|token| token.text.as_str()).skip_while(|text| *text == "!").peekable();
    if inside.next() != Some("[") {
        return Vec::new();
    }
    let mut depth = 1;
    let all = inside.take_while(|text| {
        match *text {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => {}
        }
        depth > 0
    });
    let all: Vec<&str> = all.collect();
    let shown = if all.first() == Some(&"cfg_attr") { all.len() } else { 1 };
    all.into_iter().take(shown).collect()
}

#[test]
fn no_file_is_too_long() {
    hold("a file is too long; split it by concept, not by length", &too_long(&rust_files()));
}

#[test]
fn file_names_say_what_is_in_them() {
    hold("name a file after the concept that it holds", &badly_named(&rust_files()));
}

#[test]
fn every_file_introduces_itself() {
    hold(
        "start the file with `//!` and one or two sentences: what it is and what it deliberately does not do",
        &without_introduction(&rust_files()),
    );
}

#[test]
fn nothing_is_left_for_later() {
    hold("finish it, or leave it out and say so where users read it", &left_for_later(&rust_files()));
}

#[test]
fn no_test_is_ignored() {
    hold(
        "an ignored test holds nothing; make it pass, or skip inside it with a message that says what is missing",
        &ignored(&rust_files()),
    );
}

#[test]
fn lints_are_expected_and_not_allowed() {
    hold(
        "write `#[expect(lint, reason = \"…\")]`, which goes away with its cause",
        &silenced(&rust_files(), "allow"),
    );
}

#[test]
fn long_files_are_found() {
    let lines = |count| "x\n".repeat(count);
    let sources = snippets(&[
        ("src/a.rs", &lines(LONGEST)),
        ("src/b.rs", &lines(LONGEST + 1)),
        ("tests/it/c.rs", &lines(LONGEST + 1)),
        ("src/bin/d.rs", &lines(LONGEST_BINARY)),
        ("src/bin/e.rs", &lines(LONGEST_BINARY + 1)),
    ]);
    assert_eq!(places(&too_long(&sources)), ["src/b.rs:501", "tests/it/c.rs:501", "src/bin/e.rs:60"]);
}

#[test]
fn empty_names_are_found() {
    let sources =
        snippets(&[("src/engine/utils.rs", ""), ("tests/it/common/mod.rs", ""), ("src/utility.rs", "")]);
    assert_eq!(places(&badly_named(&sources)), ["src/engine/utils.rs:1", "tests/it/common/mod.rs:1"]);
}

#[test]
fn missing_introductions_are_found() {
    let sources = snippets(&[
        ("src/a.rs", "//! A.\n"),
        ("src/b.rs", "// B.\n"),
        ("src/c.rs", "\n//! C.\n"),
        ("src/d.rs", "//!\n"),
        ("src/e.rs", ""),
    ]);
    assert_eq!(
        places(&without_introduction(&sources)),
        ["src/b.rs:1", "src/c.rs:1", "src/d.rs:1", "src/e.rs:1"]
    );
}

#[test]
fn leftovers_are_found() {
    for marker in markers() {
        let text =
            format!("let {marker} = \"{marker}\"; // a_{marker}\n/* {marker}: later */\n/// {marker}(me)");
        let sources = snippets(&[("src/a.rs", &text)]);
        assert_eq!(places(&left_for_later(&sources)), ["src/a.rs:2", "src/a.rs:3"], "{marker}");
    }
    let text = "fn f() { todo!() }\nfn g() { unimplemented!(\"g\") }\nfn todo(unimplemented: bool) {}\n\
                #[cfg(test)] mod tests { fn h() { std::todo!() } }";
    let sources = snippets(&[("src/a.rs", text)]);
    assert_eq!(places(&left_for_later(&sources)), ["src/a.rs:1", "src/a.rs:2", "src/a.rs:4"]);
}

#[test]
fn silencers_are_found() {
    let text = "#[ignore]\n#[ignore = \"slow\"]\n#[cfg_attr(not(unix), ignore)]\n#![allow(dead_code)]\n#[allow(unused)]\n\
                #[cfg_attr(test, allow(x))]\n// #[ignore] #[allow(x)]\nlet s = \"#[ignore] #[allow(x)]\";\n\
                #[expect(x, reason = \"allow\")]\nfn allow(ignore: u8) -> [u8; 1] { allow(ignore) }";
    let sources = snippets(&[("src/a.rs", text)]);
    assert_eq!(places(&silenced(&sources, "ignore")), ["src/a.rs:1", "src/a.rs:2", "src/a.rs:3"]);
    assert_eq!(places(&ignored(&sources)), places(&silenced(&sources, "ignore")));
    let full = snippets(&[("src/a.rs", "#[ignore = \"a full run: make scoreboard\"]\nfn a() {}")]);
    assert_eq!(places(&ignored(&full)), Vec::<String>::new());
    assert_eq!(places(&silenced(&sources, "allow")), ["src/a.rs:4", "src/a.rs:5", "src/a.rs:6"]);
    let full_run =
        snippets(&[("src/a.rs", &format!("#[test]\n{FULL_RUN}\nfn f() {{}}\n#[ignore]\nfn g() {{}}"))]);
    assert_eq!(places(&ignored(&full_run)), ["src/a.rs:4"]);
}
