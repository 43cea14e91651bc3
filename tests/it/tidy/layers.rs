//! Who may use whom among the top-level modules of the crate. Tests may use what they like.

use super::paths::references;
use super::tree::{Source, rust_files, snippets};
use super::{Finding, hold, places};

/// A module and the modules that it may use. One that does not exist yet has its place already.
#[rustfmt::skip]
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("fingerprint", &[]),
    ("names", &["domain", "fingerprint"]),
    ("notice", &["domain", "ports"]),
    ("page", &[]),
    ("ports", &["domain"]),
    ("classify", &["domain"]),
    ("json", &["domain"]),
    ("event", &["domain", "json", "fingerprint"]),
    ("policy_file", &["domain", "classify", "fingerprint"]),
    ("answers", &["domain", "json", "fingerprint"]),
    ("document", &["domain", "names"]),
    ("telemetry", &["domain"]),
    ("engine", &["ports", "domain", "classify", "names"]),
    ("function", &["ports", "domain", "classify", "engine", "event", "document", "policy_file"]),
    ("metrics", &["domain", "engine", "function"]),
    ("journal", &["domain", "engine", "function", "document", "metrics", "telemetry"]),
    ("aws", &["ports", "domain", "names", "event", "json", "document", "notice", "fingerprint", "telemetry"]),
    ("lambda", &["ports", "domain", "engine", "event", "function", "policy_file", "journal", "metrics", "telemetry", "aws"]),
    ("emulator", &["ports", "domain", "names", "event", "json", "document", "fingerprint"]),
    (
        "replay",
        &[
            "ports", "domain", "classify", "engine", "function", "emulator", "event", "policy_file", "answers",
            "document", "json", "names", "fingerprint",
        ],
    ),
    (
        "cli",
        &[
            "ports", "domain", "classify", "engine", "function", "emulator", "event", "policy_file", "answers",
            "document", "json", "names", "fingerprint", "replay", "page", "aws", "telemetry",
        ],
    ),
];

/// The binaries wire everything together and `src/lib.rs` only lists the modules, so neither is in the table.
fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let module = source.module();
        let Some(name) = module.first() else { continue };
        if !source.path.starts_with("src/") || name == "bin" {
            continue;
        }
        let finding = |line, what| Finding { path: source.path.clone(), line, what };
        let Some((_, allowed)) = MAY_USE.iter().find(|(known, _)| known == name) else {
            let what = format!("module `{name}` is not in the table: add it with the modules it may use");
            findings.push(finding(1, what));
            continue;
        };
        for reference in references(source) {
            let [root, used, ..] = reference.path.as_slice() else {
                continue;
            };
            if root == "crate" && used != name && !allowed.contains(&used.as_str()) {
                let what = format!("`{name}` may not use `{used}` (`{}`)", reference.spelled());
                findings.push(finding(reference.line, what));
            }
        }
    }
    findings
}

#[test]
fn modules_use_only_what_their_layer_may() {
    hold(
        "a module may use only what MAY_USE in tests/it/tidy/layers.rs allows; move the code to where it may be used \
         from, or take it as an argument",
        &findings(&rust_files()),
    );
}

#[test]
fn every_name_in_the_table_has_an_entry_of_its_own() {
    for (name, allowed) in MAY_USE {
        for used in *allowed {
            assert!(
                used != name && MAY_USE.iter().any(|(known, _)| known == used),
                "`{name}` is allowed to use `{used}`, which is itself or has no entry"
            );
        }
    }
}

#[test]
fn forbidden_uses_are_found() {
    let sources = snippets(&[
        ("src/domain/a.rs", "use crate::ports::Ledger;"),
        ("src/ports.rs", "use crate::domain::ids;\nuse crate::engine::run;"),
        ("src/engine/mod.rs", "fn f() {\n crate::emulator::World::new();\n}\nuse super::emulator::World;"),
        (
            "src/engine/claim.rs",
            "use super::super::aws;\nuse super::step;\nuse crate::{domain::ids, aws::Ledger};",
        ),
        (
            "src/aws/ledger.rs",
            "use crate::emulator;\nuse crate::ports;\n#[cfg(test)]\nmod tests { use crate::emulator; }",
        ),
        ("src/emulator/world.rs", "use crate::aws::Ledger;\nuse crate::*;\nuse crate::nothing_known;"),
        ("src/cli/run.rs", "use crate::emulator;\nuse crate::aws;"),
        ("src/bin/retrier.rs", "use codepipeline_retrier::cli;"),
        ("src/lib.rs", "pub mod domain;\npub use domain::x;"),
        ("src/shiny.rs", "fn f() {}"),
        ("tests/it/engine.rs", "use crate::shared;"),
    ]);
    assert_eq!(
        places(&findings(&sources)),
        [
            "src/domain/a.rs:1",
            "src/ports.rs:2",
            "src/engine/mod.rs:2",
            "src/engine/mod.rs:4",
            "src/engine/claim.rs:1",
            "src/engine/claim.rs:3",
            "src/aws/ledger.rs:1",
            "src/emulator/world.rs:1",
            "src/emulator/world.rs:2",
            "src/emulator/world.rs:3",
            "src/shiny.rs:1",
        ]
    );
}
