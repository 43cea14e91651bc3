//! Lines, explanations and what is new, of decisions as they are kept.

use std::slice::from_ref;

use clap::Parser;
use jiff::Timestamp;
use serde_json::json;

use super::line::Lines;
use super::tail::Tail;
use super::{History, older};
use crate::aws::ledger::KeptDecision;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}

fn decision(seconds: i64, verdict: &str, reason: &str, last_step: &str) -> KeptDecision {
    let steps = json!([
        { "step": "class", "outcome": "pass", "detail": "`Browser` is capacity" },
        { "step": last_step, "outcome": "pass", "detail": "what this step saw in so many words ".repeat(4).trim() },
    ]);
    let document = json!({
        "retry": 1, "max-retries": 2, "rule": "all", "policy-version": "1f3a", "until": "2026-11-18T11:10:00Z",
        "classes": { "Browser": "capacity" }, "explanation": steps,
    });
    KeptDecision {
        decided_at: at(seconds),
        id: format!("d{seconds}"),
        verdict: verdict.into(),
        reason: reason.into(),
        execution: "0a1b2c3d-1111-4222-8333-444455556666".into(),
        stage: "Test".into(),
        shadow: false,
        document: document.to_string(),
    }
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_retry_that_is_on_record_twice_is_not_taken_for_two() {
    let line = |last: &str, shadow| {
        let kept = KeptDecision { shadow, ..decision(0, "retry", "eligible", last) };
        plain(&Lines::around(from_ref(&kept), false).more(from_ref(&kept), at(0)))
    };
    assert!(
        line("budget", false).contains("  1 of 2 claimed  all   Browser: capacity"),
        "{}",
        line("budget", false)
    );
    assert!(line("call", false).contains("  1 of 2 accepted  all"));
    assert!(line("reconcile", false).contains("  1 of 2 found in the pipeline  all"));
    let shadow = line("budget", true);
    assert!(shadow.contains("retry/eligible (shadow)  1 of 2  all"), "{shadow}");
}

#[test]
fn an_explanation_has_every_step_and_fits() {
    let kept = decision(0, "wait", "backoff", "backoff");
    let text = plain(&Lines::around(from_ref(&kept), true).block(from_ref(&kept), at(0)));
    assert!(text.starts_with("2026-11-18T11:06:40Z  Test  wait/backoff\n"), "{text}");
    for words in [
        "  execution     0a1b2c3d-1111-4222-8333-444455556666\n",
        "(in 3m20s)\n",
        "  class         pass  `Browser` is",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn a_document_of_another_release_is_shown_as_far_as_it_is_understood() {
    let kept = KeptDecision {
        document: "[1]".into(),
        reason: "fresh\u{1b}[2J".into(),
        ..decision(0, "wait", "", "")
    };
    let text = Lines::around(from_ref(&kept), false).more(from_ref(&kept), at(0));
    assert!(text.contains("wait/fresh\\u{1b}[2J") && text.trim_end().ends_with('-'), "{text:?}");
}

/// What a look at these shows, with the ids alone.
fn told(tail: &mut Tail, decisions: &[KeptDecision], limit: usize, now: i64) -> Vec<String> {
    let (span, most) = tail.span(at(-3_600), limit);
    let mut found: Vec<_> = decisions.iter().filter(|kept| kept.decided_at >= span.since).cloned().collect();
    found.sort_by_key(|kept| std::cmp::Reverse(kept.decided_at));
    found.truncate(most);
    tail.news(found, most, at(now)).into_iter().map(|kept| kept.id).collect()
}

#[test]
fn what_is_new_is_told_once_and_in_its_order() {
    let mut tail = Tail::default();
    let wait = |seconds| decision(seconds, "wait", "backoff", "backoff");
    let mut all = vec![wait(-20), wait(-10)];
    assert_eq!(told(&mut tail, &all, 50, 0), ["d-20", "d-10"]);
    assert!(told(&mut tail, &all, 50, 5).is_empty());
    // Decided before what was seen, and written after; and by a clock that is two minutes ahead.
    all.extend([wait(-12), wait(130)]);
    assert_eq!(told(&mut tail, &all, 50, 10), ["d-12", "d130"]);
    for now in [15, 300, 305, 440, 600, 1_000] {
        assert!(told(&mut tail, &all, 50, now).is_empty(), "{now}");
    }
    // The clock of this machine is set back.
    assert!(told(&mut tail, &all, 50, -600).is_empty());
    all.push(wait(1_001));
    assert_eq!(told(&mut tail, &all, 50, 1_005), ["d1001"]);
}

#[test]
fn what_was_left_out_at_first_is_not_news_later() {
    let mut tail = Tail::default();
    let mut all: Vec<_> = (-40..0).map(|seconds| decision(seconds, "wait", "backoff", "backoff")).collect();
    assert_eq!(told(&mut tail, &all, 2, 0), ["d-2", "d-1"]);
    all.push(decision(1, "wait", "backoff", "backoff"));
    assert_eq!(told(&mut tail, &all, 2, 5), ["d1"]);
}

#[test]
fn a_page_goes_on_where_the_last_one_ended() {
    let shown = [decision(10, "wait", "backoff", ""), decision(5, "wait", "backoff", "")];
    assert!(older(&shown, at(3)).contains("`--before 2026-11-18T11:06:45Z`"), "{}", older(&shown, at(3)));
    assert!(
        older(&shown, at(5)).contains("`--before 2026-11-18T11:06:45.000000001Z`"),
        "{}",
        older(&shown, at(5))
    );
}

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    history: History,
}

#[test]
fn filters_hold_together() {
    let is_wanted = |arguments: &[&str], kept: &KeptDecision| {
        let command = Command::try_parse_from(["command", "shop"].iter().chain(arguments)).unwrap();
        command.history.is_wanted(kept)
    };
    let kept = decision(0, "give-up", "too-old", "age");
    for (arguments, expected) in [
        (&[][..], true),
        (&["--verdict", "retry,give-up"], true),
        (&["--verdict", "retry", "--verdict", "wait"], false),
        (&["--execution", "0a1b2c3d"], true),
        (&["--execution", "1a1b"], false),
        (&["--stage", "T*t"], true),
        (&["--stage", "Prod*"], false),
        (&["--stage", "T*", "--verdict", "retry"], false),
    ] {
        assert_eq!(is_wanted(arguments, &kept), expected, "{arguments:?}");
    }
}
