//! Small histories, worked out by hand.

use super::*;

const THROTTLED: &str = "ThrottlingException: Rate exceeded";
const COMPILE: &str = "error[E0425]: cannot find value `x` in this scope";

fn shop(runs: &str, timeline: &str) -> String {
    format!(
        "pipelines:
  - name: shop
    mode: QUEUED
    stages:
      - name: Source
        actions: [{{ name: Checkout, category: Source, runs: [{{ succeed: 10s }}] }}]
      - name: Test
        actions: [{{ name: Unit, category: Test, runs: [{runs}] }}]
timeline:
  - {{ at: 0s, start: shop }}
{timeline}
"
    )
}

fn fail(message: &str) -> String {
    format!("{{ fail: {{ after: 60s, message: \"{message}\" }} }}")
}

fn retry_at(at: &str) -> String {
    format!("  - {{ at: {at}, retry: {{ pipeline: shop, stage: Test }} }}")
}

#[test]
fn a_retry_by_hand_stands_for_the_one_that_the_policy_would_have_made() {
    let world = world(&shop(&format!("{}, {{ succeed: 2m }}", fail(THROTTLED)), &retry_at("1870s")));
    let replayed = replayed(&world, EXACT);
    assert_eq!(treatments(&replayed), [(Treatment::Retried, "retry/eligible".into())]);
    let figures = counted(&world, EXACT);
    assert_eq!((figures.would_recover.hits, figures.would_recover.of), (1, 1));
    // It failed 70 seconds after the start, would have been retried a minute later, and was after half an hour.
    assert!((figures.saved_minutes - 29.0).abs() < 0.1, "{}", figures.saved_minutes);
    assert_eq!((figures.retries_by_hand, figures.spared_by_hand), (1, 1));
    assert!((figures.machine.useful_minutes - 1.0).abs() < 0.01, "{:?}", figures.machine);
    assert_eq!((figures.executions, figures.first_try.hits, figures.first_try.of), (1, 0, 1));
}

#[test]
fn a_person_who_is_quicker_wins_as_in_life() {
    let world = world(&shop(&format!("{}, {{ succeed: 2m }}", fail(THROTTLED)), &retry_at("100s")));
    assert_eq!(treatments(&replayed(&world, EXACT)), [(Treatment::Overtaken, "ignore/not-failed".into())]);
    assert!(counted(&world, EXACT).saved_minutes.abs() < f64::EPSILON);
}

#[test]
fn what_nobody_retried_is_not_said_to_have_recovered() {
    let world = world(&shop(&fail(THROTTLED), ""));
    assert_eq!(treatments(&replayed(&world, EXACT)), [(Treatment::Retried, "retry/eligible".into())]);
    let figures = counted(&world, EXACT);
    assert_eq!((figures.retried.unknown, figures.would_recover.of), (1, 0));
    assert_eq!(figures.would_recover.rate, None);
}

#[test]
fn the_failure_of_somebodys_retry_is_the_policys_next() {
    let runs = format!("{0}, {0}, {0}, {{ succeed: 2m }}", fail(THROTTLED));
    let acts = [retry_at("20m"), retry_at("40m"), retry_at("60m")].join("\n");
    let world = world(&shop(&runs, &acts));
    // Two retries are allowed: the third failure is beyond them.
    assert_eq!(
        treatments(&replayed(&world, EXACT)),
        [
            (Treatment::Retried, "retry/eligible".into()),
            (Treatment::Retried, "retry/eligible".into()),
            (Treatment::LeftAlone, "give-up/retries-used".into()),
        ]
    );
    let figures = counted(&world, EXACT);
    assert_eq!((figures.retried.failed_again, figures.left_alone.recovered), (2, 1));
}

#[test]
fn what_the_policy_leaves_alone_is_told_with_its_reason() {
    let world = world(&shop(&format!("{}, {{ succeed: 2m }}", fail(COMPILE)), &retry_at("20m")));
    assert_eq!(
        treatments(&replayed(&world, EXACT)),
        [(Treatment::LeftAlone, "give-up/not-retryable".into())]
    );
    let figures = counted(&world, EXACT);
    assert_eq!(figures.classes[0].name, "build-error");
    assert_eq!((figures.by_hand.hits, figures.by_hand.of), (1, 1));
}

#[test]
fn a_newer_execution_in_the_stage_ends_it_as_in_life() {
    let world = world(&shop(
        &format!("{}, {{ succeed: 2m }}", fail(THROTTLED)),
        "  - { at: 65s, start: shop }\n  - { at: 2h, retry: { pipeline: shop, stage: Test } }",
    ));
    assert_eq!(
        treatments(&replayed(&world, EXACT)),
        [(Treatment::Overtaken, "ignore/not-latest-execution".into())]
    );
}

#[test]
fn the_native_retry_is_waited_for_and_told_apart() {
    let text = shop(&format!("{}, {{ succeed: 2m }}", fail(THROTTLED)), "")
        .replace("- name: Test\n", "- name: Test\n        native-retry: FAILED_ACTIONS\n");
    let world = world(&text);
    let figures = counted(&world, EXACT);
    assert_eq!((figures.native.hits, figures.native.of, figures.retries_by_hand), (1, 1, 0));
    assert_eq!(figures.overtaken.failures, 1);
}

#[test]
fn rules_in_shadow_are_tried_as_they_are_meant_to_be_and_disabled_ones_are_not() {
    let world = world(&shop(&format!("{}, {{ succeed: 2m }}", fail(THROTTLED)), &retry_at("1870s")));
    let with = |mode: &str| EXACT.replace("match:", &format!("mode: {mode}\n    match:"));
    assert_eq!(treatments(&replayed(&world, &with("shadow")))[0].0, Treatment::Retried);
    assert_eq!(
        treatments(&replayed(&world, &with("disabled"))),
        [(Treatment::LeftAlone, "ignore/mode-disabled".into())]
    );
}

#[test]
fn a_budget_holds_over_the_whole_history() {
    let pipelines: Vec<String> = (0..6)
        .map(|number| {
            format!(
                "  - name: shop-{number}\n    stages:\n      - name: Test\n        actions: [{{ name: Unit, category: Test, runs: [{}] }}]\n",
                fail(THROTTLED)
            )
        })
        .collect();
    let timeline: Vec<String> =
        (0..6).map(|number| format!("  - {{ at: {number}s, start: shop-{number} }}\n")).collect();
    let world = world(&format!("pipelines:\n{}timeline:\n{}", pipelines.concat(), timeline.concat()));
    let scarce = format!("{EXACT}    budgets: [few]\nbudgets:\n  few: {{ capacity: 2, refill: 1/d }}\n");
    let replayed = replayed(&world, &scarce);
    let retried = replayed.iter().filter(|of| of.treatment() == Treatment::Retried).count();
    assert_eq!(retried, 2, "{:?}", treatments(&replayed));
}

#[test]
fn nine_of_ten_retries_by_hand_that_mend_are_a_rule_to_be_suggested() {
    let pipelines: Vec<String> = (0..10)
        .map(|number| {
            let then = if number == 0 { fail("3 tests failed") } else { "{ succeed: 1m }".into() };
            format!(
                "  - name: shop-{number}\n    stages:\n      - name: E2E\n        actions: [{{ name: Browser, category: Test, runs: [{}, {then}] }}]\n",
                fail("3 tests failed")
            )
        })
        .collect();
    let timeline: Vec<String> =
        (0..10)
            .map(|number| format!("  - {{ at: 0s, start: shop-{number} }}\n"))
            .chain((0..10).map(|number| {
                format!("  - {{ at: 30m, retry: {{ pipeline: shop-{number}, stage: E2E }} }}\n")
            }))
            .collect();
    let world = world(&format!("pipelines:\n{}timeline:\n{}", pipelines.concat(), timeline.concat()));
    let history = history(&world);
    let policy = policy(EXACT);
    let replayed = replay(&history, &policy);
    let suggested = suggestions(&policy, &replayed);
    let [suggestion] = suggested.as_slice() else { panic!("{suggested:?}") };
    assert_eq!((suggestion.evidence.hits, suggestion.evidence.of), (9, 10));
    assert_eq!(suggestion.class, "test-failure");
    assert_eq!((suggestion.under.as_deref(), suggestion.is_change), (Some("everything"), true));
    // What is suggested compiles, and does what it says.
    let with = format!("{EXACT}    retry-on: [{}]\n", suggestion.retry_on.join(", "));
    let again = replay(&history, &super::policy(&with));
    let retried = again.iter().filter(|of| of.treatment() == Treatment::Retried).count();
    assert_eq!(retried, 11, "{:?}\n{with}", treatments(&again));
}

#[test]
fn a_file_that_was_cut_off_holds_what_was_complete() {
    let world = world(&shop(&format!("{}, {{ succeed: 2m }}", fail(THROTTLED)), &retry_at("1870s")));
    let history = history(&world);
    let mut file = write_header(&history.header);
    file.push_str(&write_pipeline(&history.pipelines[0]));
    let whole = read(&file).unwrap();
    assert_eq!(whole, history);
    for cut in 1..file.len() {
        if let Ok(part) = read(&file[..cut]) {
            assert!(part.pipelines.is_empty(), "{cut}");
        }
    }
    let broken = format!("{file}{{\"pipeline\":1}}\n");
    assert_eq!(read(&broken).unwrap_err().line, 3);
    assert!(read("{}\n").unwrap_err().to_string().contains("no history"));
}

#[test]
fn nothing_that_was_said_is_in_the_file() {
    let secret = "ThrottlingException: Rate exceeded for key AKIAIOSFODNN7EXAMPLE hunter2";
    let world = world(&shop(&fail(secret), ""));
    let history = history(&world);
    let line = write_pipeline(&history.pipelines[0]);
    for word in ["hunter2", "AKIA", "Rate exceeded"] {
        assert!(!line.contains(word), "{line}");
    }
    assert!(line.contains("\"class\":\"throttling\""), "{line}");
}
