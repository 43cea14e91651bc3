//! All findings at once: a policy of ten mistakes is read in one run.

use codepipeline_retrier::policy_file::{Code, Place, load};

#[test]
fn ten_mistakes_give_ten_findings_each_at_its_place() {
    let text = include_str!("../cases/policy/bad/ten-mistakes.yaml");
    let loaded = load("policy.yaml", text);
    let found: Vec<_> = loaded
        .diagnostics
        .iter()
        .map(|finding| {
            let Place { line, column } = loaded.source.place(finding.span);
            (line, column, finding.code, &text[finding.span.start..finding.span.end])
        })
        .collect();
    assert_eq!(
        found,
        [
            (4, 9, Code::UnknownValue, "activ"),
            (5, 25, Code::UnknownClass, "netwrok"),
            (6, 16, Code::OutOfRange, "200"),
            (7, 18, Code::BadDuration, "90"),
            (10, 35, Code::BadRate, "60 per hour"),
            (13, 11, Code::BadName, "flaky tests"),
            (14, 48, Code::EmptyList, "[]"),
            (15, 5, Code::UnknownKey, "max-retrys"),
            (18, 35, Code::MaxBelowInitial, "5m"),
            (19, 15, Code::UnknownBudget, "regoin"),
        ]
    );
    assert_eq!(loaded.policy, None);
}
