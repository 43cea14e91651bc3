//! Whatever a policy file holds, reading it ends soon, with a policy or with findings.

use std::fmt::Write as _;
use std::fs;

use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::text::is_steering;
use codepipeline_retrier::policy_file::{Code, Loaded, limits, load, load_bytes};
use proptest::prelude::*;

use crate::policy_file::{cases, rendered};

/// The one finding that the text gives.
fn only_code(loaded: &Loaded) -> Code {
    assert_eq!(loaded.diagnostics.len(), 1, "{}", rendered(loaded));
    assert_eq!(loaded.policy, None);
    loaded.diagnostics[0].code
}

fn is_consistent(loaded: &Loaded) -> bool {
    use codepipeline_retrier::policy_file::Severity;
    let errors = loaded.diagnostics.iter().any(|finding| finding.severity() == Severity::Error);
    loaded.policy.is_some() != errors
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        let text = format!("{}x{}", open.repeat(10_000), close.repeat(10_000));
        let code = only_code(&load("deep", &text));
        assert!(matches!(code, Code::TooLarge | Code::Syntax), "{code:?}");
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "version: 1\nrules:\n- &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..=12 {
        let alias = format!("*a{}", level - 1);
        let aliases = [alias.as_str(); 8].join(", ");
        writeln!(text, "- &a{level} [{aliases}]").unwrap();
    }
    assert_eq!(only_code(&load("bomb", &text)), Code::TooLarge);
}

#[test]
fn an_alias_within_its_own_anchor_is_refused() {
    assert_eq!(only_code(&load("self", "rules: &a [*a]\n")), Code::Syntax);
}

#[test]
fn a_file_of_a_megabyte_is_refused_before_it_is_read() {
    let code = only_code(&load("large", &"# comment\n".repeat(100_000)));
    assert_eq!(code, Code::TooLarge);
}

#[test]
fn the_largest_file_is_read() {
    let policy = "version: 1\nrules: [{ name: a, match: { pipeline: x } }]\n";
    let filler = "#".repeat(limits::FILE_BYTES - policy.len());
    let loaded = load("largest", &format!("{policy}{filler}"));
    assert!(loaded.policy.is_some(), "{}", rendered(&loaded));
    let loaded = load("too large", &format!("{policy}{filler}#"));
    assert_eq!(only_code(&loaded), Code::TooLarge);
}

#[test]
fn as_many_rules_and_patterns_as_allowed_are_read() {
    let mut text = "version: 1\nrules:\n".to_owned();
    for number in 0..limits::RULES {
        let pattern = format!("{}{number}", "*a".repeat(80));
        writeln!(text, "- {{ name: r{number}, match: {{ pipeline: \"{pattern}\" }} }}").unwrap();
    }
    let loaded = load("many", &text);
    assert_eq!(rendered(&loaded), "");
    assert_eq!(loaded.policy.unwrap().rules.len(), limits::RULES);
}

/// Patterns that take an unwise matcher exponential time: every pattern as long as allowed, against the longest names.
#[test]
fn pattern_bombs_do_not_go_off() {
    let names = [format!("{}b", "a".repeat(99)), "ab".repeat(50), "a".repeat(100), "-a".repeat(50)];
    let pieces = [
        "*a", "*a*", "a*", "?*", "*?", "**a", "*ab", "*a?", "*a*b", "?*?*", "*aa", "*ba*", "a?*", "*-a",
        "*a-",
    ];
    let mut bombs = 0;
    for piece in pieces {
        for end in ["", "c", "*c", "?"] {
            let room = limits::PATTERN_BYTES - end.len();
            let pattern = format!("{}{end}", piece.repeat(room / piece.len()));
            let glob = Glob::new(&pattern);
            for name in &names {
                // A match needs one character for each that is not a star.
                let needed = pattern.bytes().filter(|byte| *byte != b'*').count();
                assert!(!glob.matches(name) || needed <= name.len(), "{pattern} {name}");
            }
            bombs += 1;
        }
    }
    assert_eq!(bombs, 60);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    for text in [
        "version: 1\nrules: a\0b\n",
        "version: 1\nrules: \"\u{1b}[31m\"\n",
        "\u{9b}31m: 1\n",
        "a: \"\\e[31m\"\nversion: 1\nrules: [{ name: \"\\e\\0\", match: { pipeline: x } }]\n",
        "version: 1\nrules: [{ name: \"\u{202e}lla\", match: { \u{2066}enilepip: x } }] # \u{2028}\u{200b}\n",
    ] {
        let loaded = load("control", text);
        assert!(!loaded.diagnostics.is_empty());
        let report = rendered(&loaded);
        assert!(report.chars().all(|c| c == '\n' || !is_steering(c)), "{report:?}");
    }
}

#[test]
fn bytes_that_are_not_text_are_one_finding() {
    let loaded = load_bytes("binary", b"version: 1\nrules: \xff\xfe\n");
    assert_eq!(only_code(&loaded), Code::Syntax);
    let place = loaded.source.place(loaded.diagnostics[0].span);
    assert_eq!((place.line, place.column), (2, 8));
    assert_eq!(only_code(&load_bytes("binary", &vec![0xff; 100_000])), Code::TooLarge);
}

#[test]
fn thousands_of_mistakes_are_all_reported() {
    let mut text = "version: 1\nrules: []\n".to_owned();
    for number in 0..4_000 {
        writeln!(text, "k{number}: 1").unwrap();
    }
    let loaded = load("mistakes", &text);
    assert_eq!(loaded.diagnostics.len(), 4_001);
    assert!(rendered(&loaded).ends_with("\n4001 errors\n"));
}

#[test]
fn every_truncation_of_a_good_policy_is_answered() {
    for path in cases("good") {
        let bytes = fs::read(&path).unwrap();
        for end in 0..bytes.len() {
            let loaded = load_bytes("truncated", &bytes[..end]);
            assert!(is_consistent(&loaded), "{} cut at {end}", path.display());
            rendered(&loaded);
        }
    }
}

/// Texts that get further into the reader than random ones: pieces of policies in any order.
fn policy_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "version: 1",
        "version",
        ": ",
        "rules:",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "name: a",
        "match: ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "pipeline: \"*\"",
        "defaults:",
        "budgets:",
        "backoff:",
        "initial: 1m",
        "max: 5m",
        "capacity: 5",
        "refill: 6/h",
        "retry-on",
        "transient",
        "mode: shadow",
        "&a ",
        "*a",
        "!t ",
        "? ",
        "'",
        "\"",
        "#",
        "---",
        "|",
        ">",
        "\t",
        "\r\n",
        "\0",
        "\u{feff}",
        "é",
        "99999999999999999999",
        "1.5",
        "~",
        "<<: ",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_answered_the_same_way_twice(text in prop_oneof![any::<String>(), policy_like()]) {
        let loaded = load("any", &text);
        prop_assert!(is_consistent(&loaded));
        prop_assert_eq!(rendered(&loaded), rendered(&load("any", &text)));
        prop_assert_eq!(&loaded, &load("any", &text));
    }

    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        prop_assert!(is_consistent(&load_bytes("any", &bytes)));
    }
}
