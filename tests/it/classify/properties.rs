//! What holds for any text: it has a class, always the same, soon, and what only informs changes nothing.

use proptest::prelude::*;

use codepipeline_retrier::classify::{Subject, classify, is_transient};
use codepipeline_retrier::domain::evidence::{Classified, Place, Text};
use codepipeline_retrier::domain::pipeline::Category;
use codepipeline_retrier::domain::text::EvidenceText;

use super::case;

fn class_of(text: EvidenceText) -> Classified {
    let texts = [Text { place: Place::BuildLog, code: None, text }];
    let category = Some(Category::Build);
    classify(
        &[],
        &Subject { run: None, action: None, provider: "CodeBuild", category, code: None, texts: &texts },
    )
}

fn with(message: &str, before: &str, after: &str) -> EvidenceText {
    EvidenceText::new(format!("{before}{message}{after}"))
}

/// Lines that say nothing of a failure.
const UNRELATED: [&str; 5] = [
    "[INFO] downloaded 14 files in 2.1 s",
    "2026-01-05T10:00:00Z [INFO] the cache answers 429 Too Many Requests to nobody",
    "[DEBUG] connection reset by peer is handled in the client",
    "info: compiled 3 modules",
    "",
];

#[test]
fn an_unrelated_line_changes_nothing() {
    for case in case::all().iter().filter(|case| case.place == "log") {
        let text = case.message.as_str();
        let alone = class_of(EvidenceText::new(text));
        for line in UNRELATED {
            for changed in [with(text, &format!("{line}\n"), ""), with(text, "", &format!("\n{line}"))] {
                let classified = class_of(changed);
                let same = (classified.class, &classified.signature) == (alone.class, &alone.signature);
                assert!(same, "{} with `{line}`: {classified:?}", case.id);
            }
        }
    }
}

/// A failure that passes by itself, and did.
const SURVIVED: &str =
    "failed to fetch https://registry.npmjs.org/left-pad: connection reset by peer\nadded 233 packages\n";

#[test]
fn what_was_survived_changes_nothing() {
    let mut lasting = 0;
    for case in case::all().iter().filter(|case| case.place == "log") {
        let alone = class_of(EvidenceText::new(case.message.as_str()));
        if is_transient(alone.class) {
            continue;
        }
        let classified = class_of(with(&case.message, SURVIVED, ""));
        let same = (classified.class, &classified.signature) == (alone.class, &alone.signature);
        assert!(same, "{}: {classified:?} instead of {alone:?}", case.id);
        lasting += 1;
    }
    assert!(lasting >= 60, "{lasting}");
}

#[test]
fn windows_line_ends_change_nothing() {
    for case in case::all().iter().filter(|case| case.place == "log" && !case.message.contains('\r')) {
        let there = class_of(EvidenceText::new(case.message.replace('\n', "\r\n")));
        assert_eq!(there, class_of(EvidenceText::new(case.message.as_str())), "{}", case.id);
    }
}

#[test]
fn what_would_stall_does_not() {
    for text in [
        "a".repeat(10_000_000),
        "connection ".repeat(1_000_000),
        "failed to download ".repeat(500_000),
        "\u{1b}[".repeat(1_000_000),
        "[INFO] ".repeat(1_000_000),
        "https://".repeat(1_000_000),
        "\n".repeat(10_000_000),
        "expected but got ".repeat(500_000),
    ] {
        class_of(EvidenceText::new(text.as_str()));
        class_of(EvidenceText::tail(text));
    }
}

proptest! {
    #[test]
    fn every_text_has_one_class(text in "(?s).{0,300}") {
        prop_assert_eq!(class_of(EvidenceText::new(text.as_str())), class_of(EvidenceText::new(text)));
    }

    #[test]
    fn every_bytes_have_a_class(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        class_of(EvidenceText::new(String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn nothing_of_the_text_gets_into_what_is_said(word in "[a-z]{24}", text in "[A-Za-z: ]{0,40}") {
        let classified = class_of(EvidenceText::new(format!("{text} {word}: connection reset by peer {word}")));
        prop_assert!(!classified.reason.contains(&word) && !classified.signature.contains(&word));
    }
}
