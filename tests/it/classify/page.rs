//! `docs/signatures.md` is written from the table, and this keeps it so.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use codepipeline_retrier::classify::signatures::THEMES;

const PREFACE: &str = "\
# Signatures

What the product recognises in failures, in the order in which it looks. This page is written from the table in
`src/classify/signatures`.

Of the signatures that match, the strongest decides: one that names a *cause* beats one that names a *symptom*, and that beats
a *wrapper*, which only tells that something failed. Of two that weigh the same, one of a failure that stays beats one of a
failure that passes by itself, and then the one further up does. A policy's own `classifiers` come before all of them but
those of what a *person* ended, which neither a text nor a policy speaks against.

Lines are looked at one by one, without colours, times and the marks of CI systems. A warning, what was tried again, a test's
name, a stack frame, quoted source, or a command that is run tells of no failure; what a compiler points at or a test compares
tells of none that passes by itself. Nor does a line that was survived: one after which the same text tells of a failure that
stays, or that the work went on. Where nothing is recognised, the signature is `none` and the class `unknown`; in a test
action it is `test-action-failed`, and a rejected approval is `approval`.

`retrier classify FILE` says which signature recognises a text of yours.
";

fn page() -> String {
    let mut page = PREFACE.to_owned();
    for (theme, signatures) in THEMES {
        let _ = write!(page, "\n## {theme}\n\n| signature | class | weight | why |\n|---|---|---|---|\n");
        for signature in *signatures {
            let _ = writeln!(
                page,
                "| `{}` | `{}` | {} | {} |",
                signature.name,
                signature.class,
                signature.strength.as_str(),
                signature.reason
            );
        }
    }
    page
}

#[test]
fn the_page_is_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let written = fs::read_to_string(root.join("docs/signatures.md")).unwrap_or_default();
    if written != page() {
        fs::create_dir_all(root.join("target")).unwrap();
        fs::write(root.join("target/signatures.md"), page()).unwrap();
        panic!("docs/signatures.md is not the table: replace it by target/signatures.md");
    }
}
