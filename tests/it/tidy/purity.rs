//! What the pure core keeps out, and who alone reads the clock and the environment. Tests may use what they like.

use super::paths::{Reference, references};
use super::tree::{Source, rust_files, snippets};
use super::{Finding, hold, places};

/// Where the clock is read.
const CLOCKS: [&str; 5] = [
    "std::time::SystemTime",
    "std::time::Instant",
    "core::time::Instant",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
];

/// Where the environment is read, the machine's time zone among it.
const ENVIRONMENT: [&str; 4] =
    ["std::env", "jiff::tz::TimeZone::system", "jiff::tz::TimeZone::try_system", "jiff::Zoned::now"];

/// What of std is no business of the pure core, beside clock and environment.
const IMPURE: [&str; 9] = [
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::future",
    "std::task",
    "std::sync::mpsc",
];

const PRIMITIVES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16", "u32",
    "u64", "u128", "usize",
];

/// Roots that attributes name.
const TOOLS: [&str; 3] = ["clippy", "rustdoc", "rustfmt"];

fn is_within_any(reference: &Reference, paths: &[&str]) -> bool {
    paths.iter().any(|path| reference.is_within(path))
}

fn may_be_in_the_core(reference: &Reference) -> bool {
    let root = reference.path.first().map_or("", String::as_str);
    match root {
        "crate" => reference.path.get(1).is_some_and(|module| module == "domain"),
        "std" | "core" | "alloc" | "jiff" => {
            ![&CLOCKS[..], &ENVIRONMENT, &IMPURE].iter().any(|paths| is_within_any(reference, paths))
        }
        _ => {
            PRIMITIVES.contains(&root)
                || TOOLS.contains(&root)
                || root.starts_with(|c: char| c.is_uppercase())
        }
    }
}

fn impurities(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("src/domain/")) {
        let finding = |line, what| Finding { path: source.path.clone(), line, what };
        for reference in references(source) {
            if !may_be_in_the_core(&reference) {
                findings.push(finding(reference.line, format!("`{}`", reference.spelled())));
            }
        }
        for token in &source.production {
            if matches!(token.text.as_str(), "async" | "await" | "SystemTime" | "Instant" | "unsafe") {
                findings.push(finding(token.line, format!("`{}`", token.text)));
            }
        }
    }
    findings
}

/// Who mentions one of these paths outside the files that may.
fn mentions(sources: &[Source], paths: &[&str], may: fn(&str) -> bool) -> Vec<Finding> {
    sources
        .iter()
        .filter(|source| !may(&source.path))
        .flat_map(|source| references(source).into_iter().map(move |reference| (source, reference)))
        .filter(|(_, reference)| is_within_any(reference, paths))
        .map(|(source, reference)| Finding {
            path: source.path.clone(),
            line: reference.line,
            what: format!("`{}`", reference.spelled()),
        })
        .collect()
}

fn may_read_the_clock(path: &str) -> bool {
    path.starts_with("src/bin/") || path == "src/cli/clock.rs"
}

fn may_read_the_environment(path: &str) -> bool {
    path.starts_with("src/bin/") || path == "src/aws/settings.rs"
}

#[test]
fn the_core_is_pure() {
    hold(
        "src/domain uses nothing but std, jiff and itself, and no async, clock, environment or I/O; take what it needs \
         as an argument, or put the code into a module outside",
        &impurities(&rust_files()),
    );
}

#[test]
fn only_entry_points_read_the_clock() {
    hold(
        "only src/bin and src/cli/clock.rs read the clock; take `now` as an argument",
        &mentions(&rust_files(), &CLOCKS, may_read_the_clock),
    );
}

#[test]
fn only_the_settings_read_the_environment() {
    hold(
        "only src/aws/settings.rs and src/bin read the environment; take the value as an argument",
        &mentions(&rust_files(), &ENVIRONMENT, may_read_the_environment),
    );
}

#[test]
fn impurities_are_found() {
    let bad = [
        "use serde::Deserialize;",
        "fn f() { serde_json::from_str(x) }",
        "#[derive(thiserror::Error)] struct E;",
        "fn f() { ::rand::random() }",
        "use std::{fmt, env};",
        "use std::fs::read;",
        "use std::*;",
        "use std::time::Instant;",
        "fn f() -> std::time::SystemTime { x }",
        "use jiff::Timestamp; fn f() { Timestamp::now() }",
        "use jiff as time; fn f() { time::Zoned::now() }",
        "fn f() { jiff::tz::TimeZone::system() }",
        "use crate::engine::run;",
        "use super::super::ports;",
        "use crate::*;",
        "async fn f() {}",
        "fn f() { x.await }",
        "fn f() { std::thread::spawn(g) }",
        "use std::net; fn f() { net::lookup() }",
        "extern crate rand;",
        "#[cfg(test)] mod tests { use super::*; } use proptest::prelude::*;",
    ];
    for text in bad {
        let sources = snippets(&[("src/domain/a.rs", &format!("\n{text}"))]);
        let found = places(&impurities(&sources));
        assert!(
            !found.is_empty() && found.iter().all(|place| place == "src/domain/a.rs:2"),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn pure_code_passes() {
    let good = "//! std::env, async.\nuse std::{collections::BTreeSet, fmt::{self, Write as _}};\nuse jiff::{SignedDuration, Timestamp};\n\
                use super::ids::{self, Name};\nuse crate::domain::text;\nmod inner { use super::super::ids; }\n\
                impl fmt::Display for A { fn f() { ids::parse(u64::MAX, \"async\", 'a'); text::cut(); inner::x(); Self::y() } }\n\
                #[expect(clippy::panic, reason = \"SystemTime\")] fn g() { Timestamp::from_second(1); env!(\"X\"); T::z() }\n\
                #[cfg(test)] mod tests { use proptest::prelude::*; fn f() { std::env::var(\"X\"); } }";
    let sources = snippets(&[("src/domain/a.rs", good), ("src/engine/a.rs", "use tokio::sync;")]);
    assert_eq!(places(&impurities(&sources)), Vec::<String>::new());
}

#[test]
fn readers_of_clock_and_environment_are_found() {
    let text = "use std::env;\nuse std::time;\nfn f() { env::var(x); env!(x); std::env!(x); time::Duration::ZERO; }\n\
                fn g() { time::Instant::now(); jiff::Timestamp::now(); }";
    let everywhere = ["src/bin/retrier.rs", "src/cli/clock.rs", "src/aws/settings.rs", "src/engine/a.rs"];
    let sources = snippets(&everywhere.map(|path| (path, text)));
    assert_eq!(
        places(&mentions(&sources, &CLOCKS, may_read_the_clock)),
        ["src/aws/settings.rs:4", "src/aws/settings.rs:4", "src/engine/a.rs:4", "src/engine/a.rs:4"]
    );
    assert_eq!(
        places(&mentions(&sources, &ENVIRONMENT, may_read_the_environment)),
        ["src/cli/clock.rs:1", "src/cli/clock.rs:3", "src/engine/a.rs:1", "src/engine/a.rs:3"]
    );
}
