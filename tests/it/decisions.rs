//! Every case of `tests/cases/decisions`: a failure in, its decision out. Each ruling has a case that gives it, and one
//! close to that which does not; the explanations are snapshots, one for each verdict that a case is named after.

mod case;
mod properties;
mod subject;
mod through;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use jiff::Timestamp;

use crate::arbitrary::examined;
use codepipeline_retrier::domain::decide::{Question, decide};
use codepipeline_retrier::domain::decision::{Decision, Ruling, Verdict};
use codepipeline_retrier::domain::screen::screen;
use codepipeline_retrier::domain::stage_run::Tally;

use case::{Case, Instant};
use subject::Subject;

/// Rulings that only the protocol gives.
const NOT_DECIDED: [Ruling; 7] = [
    Ruling::IgnoreNotAFailure,
    Ruling::WaitClaimOpen,
    Ruling::WaitConflict,
    Ruling::WaitThrottled,
    Ruling::WaitConcurrencyLimit,
    Ruling::GiveUpRefused,
    Ruling::GiveUpAccessDenied,
];

fn parse(name: &str, text: &str) -> Case {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The cases by name.
fn cases() -> BTreeMap<String, Case> {
    let files = fs::read_dir(Path::new("tests/cases/decisions")).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let case = parse(&name, &fs::read_to_string(&path).unwrap());
            (name, case)
        })
        .collect()
}

/// The decision, asked for directly and through the protocol, which must not differ.
fn decision(name: &str, case: &Case) -> Decision {
    let subject = Subject::of(case);
    let direct = decided(case, &subject);
    if !subject.own_claim {
        let mut through = through::protocol(case, &subject);
        // What a shadow decides is done with when it is written.
        through.is_final &= !(through.shadow && through.ruling == Ruling::RetryEligible);
        assert_eq!(through, direct, "{name}: the protocol decides otherwise");
    }
    direct
}

/// The decision, asked for directly.
fn decided(case: &Case, subject: &Subject) -> Decision {
    let environment = subject.environment();
    let controls = subject.controls();
    match screen(&environment, &subject.run, &subject.tags, subject.now) {
        Err(decision) => *decision,
        Ok(covered) => subject.stormed(&covered).unwrap_or_else(|| {
            let examination = examined(&subject.reading);
            decide(&Question {
                covered,
                record: &subject.record,
                reading: &subject.reading,
                examination: &examination,
                calendars: &subject.calendars,
                buckets: &subject.buckets(case, &covered),
                windows: &subject.windows,
                controls: &controls,
                hint: &subject.hint,
                own_claim: subject.own_claim,
                now: subject.now,
                jitter: subject.jitter,
                timing: environment.timing,
            })
            .unwrap()
            .decision
        }),
    }
}

/// What the decision has and the case expects otherwise.
fn differences(case: &Case, decision: &Decision) -> Vec<String> {
    let expect = &case.expect;
    let last = decision.explanation.last().map(|step| step.name.as_str());
    let until = |at: Option<Timestamp>| at.map_or("none".to_owned(), |at| at.to_string());
    let or = |value: Option<String>, otherwise: &str| value.unwrap_or_else(|| otherwise.to_owned());
    let mode = or(decision.retry_mode.map(|mode| mode.to_string()), "none");
    let retry = or(decision.retry.map(|retry| retry.to_string()), "none");
    let classes: BTreeMap<String, String> =
        (decision.classes.iter()).map(|(action, class)| (action.to_string(), class.to_string())).collect();
    let rows = [
        ("ruling", decision.ruling.to_string(), format!("{}/{}", expect.verdict, expect.reason)),
        ("until", until(decision.until), until(expect.until.map(|Instant(at)| at))),
        ("step", or(last.map(str::to_owned), "none"), expect.step.clone()),
        ("shadow", decision.shadow.to_string(), expect.shadow.to_string()),
        ("final", decision.is_final.to_string(), expect.is_final.unwrap_or(decision.is_final).to_string()),
        ("retry", retry.clone(), expect.retry.map_or(retry, |retry| retry.to_string())),
        ("retry-mode", mode.clone(), expect.retry_mode.clone().unwrap_or(mode)),
        (
            "classes",
            format!("{classes:?}"),
            format!("{:?}", expect.classes.clone().unwrap_or_else(|| classes.clone())),
        ),
    ];
    (rows.into_iter())
        .filter(|(_, seen, expected)| seen != expected)
        .map(|(what, seen, expected)| format!("{what} is {seen}, expected {expected}"))
        .collect()
}

fn explained(name: &str, case: &Case, decision: &Decision) -> String {
    let mut text = format!("{name}: {}\n  {}", case.about.trim(), decision.ruling);
    if let Some(until) = decision.until {
        write!(text, " until {until:.0}").unwrap();
    }
    for step in &decision.explanation {
        write!(text, "\n    {:4} {}: {}", step.outcome.as_str(), step.name.as_str(), step.detail).unwrap();
    }
    text
}

#[test]
fn every_case_is_decided_as_it_says() {
    let mut explanations: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, case) in &cases() {
        let decision = decision(name, case);
        wrong.extend(differences(case, &decision).into_iter().map(|what| format!("{name}: {what}")));
        let verdicts = [Verdict::GiveUp, Verdict::Ignore, Verdict::Retry, Verdict::Wait];
        let group = verdicts.map(Verdict::as_str).into_iter().find(|verdict| name.starts_with(verdict));
        let group = group.unwrap_or_else(|| panic!("{name} is not named after a ruling"));
        explanations.entry(group).or_default().push(explained(name, case, &decision));
    }
    assert!(wrong.is_empty(), "decided otherwise:\n  {}", wrong.join("\n  "));
    for (group, texts) in explanations {
        insta::assert_snapshot!(format!("named-after-{group}"), texts.join("\n\n"));
    }
}

#[test]
fn somebody_elses_claim_pays_for_nothing() {
    let case = cases().remove("retry-own-claim").unwrap();
    let mut subject = Subject::of(&case);
    assert_eq!(decided(&case, &subject).ruling, Ruling::RetryEligible);
    subject.own_claim = false;
    subject.record.live = Tally::default();
    assert_eq!(decided(&case, &subject).ruling, Ruling::WaitBudgetEmpty);
}

#[test]
fn every_ruling_has_a_case_that_gives_it_and_one_that_does_not() {
    let cases = cases();
    let ruling_of = |name: &str| {
        let case = cases.get(name).unwrap_or_else(|| panic!("no case `{name}`"));
        Ruling::parse(&format!("{}/{}", case.expect.verdict, case.expect.reason)).unwrap()
    };
    let mut given = BTreeSet::new();
    for ruling in Ruling::ALL.iter().filter(|ruling| !NOT_DECIDED.contains(ruling)) {
        let name = ruling.to_string().replace('/', "-");
        assert_eq!(ruling_of(&name), *ruling, "{name}");
        assert_ne!(ruling_of(&format!("{name}-not")), *ruling, "{name}-not");
        given.insert(*ruling);
    }
    for (name, case) in &cases {
        let ruling = ruling_of(name);
        assert!(given.contains(&ruling), "{name}: only the protocol gives {ruling}, {case:?}");
    }
}

#[test]
fn what_a_case_leaves_out_is_what_the_plainest_one_spells_out() {
    let spelled = cases().remove("retry-eligible").unwrap();
    let bare = parse(
        "bare",
        "{ about: nothing special, expect: { verdict: retry, reason: eligible, step: budget } }",
    );
    let (spelled, bare) = (Subject::of(&spelled), Subject::of(&bare));
    assert_eq!(spelled.run, bare.run);
    assert_eq!(spelled.record, bare.record);
    assert_eq!(spelled.reading, bare.reading);
    assert_eq!(spelled.hint, bare.hint);
    assert_eq!((spelled.now, spelled.jitter), (bare.now, bare.jitter));
    let rules = |subject: Subject| subject.policy.map(|policy| policy.rules);
    assert_eq!(rules(spelled), rules(bare));
}

#[test]
fn a_case_with_an_unknown_key_is_refused() {
    let text = "{ about: a slip, nwo: 10:00:00, expect: { verdict: retry, reason: eligible, step: budget } }";
    let error = serde_saphyr::from_str::<Case>(text).unwrap_err().to_string();
    assert!(error.contains("nwo"), "{error}");
}
