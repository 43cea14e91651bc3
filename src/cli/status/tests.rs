//! What is said of a ledger at a fixed instant, line by line.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::freezes::Freezes;
use super::headline::{Headline, Standing};
use super::{Shown, json, text};
use crate::aws::ledger::{KeptBucket, Quarantine};
use crate::domain::budget::{Bucket, BucketKey};
use crate::domain::controls::{Controls, Pause};
use crate::domain::decision::Ruling;
use crate::domain::glob::Glob;
use crate::domain::ids::{BudgetName, ExecutionId, PipelineArn, StageName, StageRunId};
use crate::domain::policy::{Mode, PolicyVersion, RetryMode};
use crate::domain::stage_run::{Hint, Owner, StageRun, after};
use crate::domain::sweep::{Completed, Sweep};
use crate::domain::trigger::EventKey;
use crate::policy_file;
use crate::ports::Quarantined;

/// A Sunday evening.
const NOW: &str = "2026-11-22T21:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    after(now(), SignedDuration::from_secs(seconds))
}

/// A ledger that is at work, in which nothing is open.
fn calm() -> Shown {
    Shown {
        table: "retrier-ledger".into(),
        region: "eu-central-1".into(),
        now: now(),
        controls: Controls {
            activated: Some((PolicyVersion("1f3a".into()), Mode::Active)),
            ..Controls::default()
        },
        weather: None,
        freezes: Freezes::Unknown,
        buckets: Vec::new(),
        only: None,
        open: Vec::new(),
        newer: Vec::new(),
        sweep: Sweep {
            round: 3,
            watermark: Some(at(-600)),
            completed: Some(Completed { began: at(-600), ended: at(-590) }),
            every: SignedDuration::from_mins(15),
            ..Sweep::default()
        },
        quarantine: Quarantine::default(),
    }
}

fn run(pipeline: &str) -> StageRunId {
    let arn = format!("arn:aws:codepipeline:eu-central-1:111122223333:{pipeline}");
    StageRunId {
        pipeline: PipelineArn::parse(&arn).unwrap(),
        execution: ExecutionId::parse("0a1b2c3d-1111-4222-8333-444455556666").unwrap(),
        stage: StageName::parse("Test").unwrap(),
    }
}

fn waiting(pipeline: &str, ruling: Ruling, until: Option<i64>, wake_at: i64, failed: i64) -> StageRun {
    let mut record = StageRun::unwritten(&run(pipeline));
    let hint = Hint { key: EventKey::default(), time: at(failed) };
    record.begin_wait(ruling, until.map(at), at(wake_at), hint);
    record
}

fn claimed(pipeline: &str, lease: i64) -> StageRun {
    let mut record = StageRun::unwritten(&run(pipeline));
    let hint = Hint { key: EventKey::default(), time: at(-60) };
    let none = BTreeSet::new();
    record.claim(&none, RetryMode::FailedActions, &[], &Owner("owner".into()), at(lease), &hint);
    record
}

fn bucket(name: &str, pipeline: Option<&str>, capacity: u32, full_in: i64) -> KeptBucket {
    let run = run(pipeline.unwrap_or("shop"));
    KeptBucket {
        key: BucketKey {
            budget: BudgetName::parse(name).unwrap(),
            account: Some(run.pipeline.account.clone()),
            region: Some(run.pipeline.region.clone()),
            pipeline: pipeline.map(|_| run.pipeline.clone()),
            stage: None,
            shadow: false,
        },
        bucket: Bucket { full_at: Some(at(full_in).as_millisecond()), next_slot: None },
        capacity: Some(capacity),
        interval_ms: Some(60_000),
    }
}

fn plain(shown: &Shown) -> String {
    anstream::adapter::strip_str(&text::render(shown, false)).to_string()
}

fn pause(pipeline: Option<&str>, until: Option<i64>, reason: &str) -> Pause {
    Pause { pipeline: pipeline.map(Glob::new), until: until.map(at), reason: reason.into() }
}

fn headline(shown: &Shown) -> (Standing, String, Vec<String>) {
    let Headline { standing, sentence, also } = Headline::of(shown);
    (standing, sentence, also)
}

#[test]
fn all_is_well_where_nothing_speaks_against_it() {
    let calm_one = calm();
    assert_eq!(
        headline(&calm_one),
        (Standing::Well, "all is well: no failure waits, no retry is under way".into(), vec![])
    );
    let busy = Shown {
        open: vec![
            waiting("a", Ruling::WaitBackoff, Some(60), 60, -60),
            waiting("b", Ruling::WaitFrozen, Some(60), 60, -60),
            claimed("c", 600),
        ],
        ..calm()
    };
    assert_eq!(headline(&busy).1, "all is well: 2 failures wait, 1 retry is under way");
    let mut shadow = calm();
    shadow.controls.activated = Some((PolicyVersion("1f3a".into()), Mode::Shadow));
    assert_eq!(
        headline(&shadow).1,
        "all is well: in shadow mode, nothing is retried; no failure waits, no retry is under way"
    );
    let fresh = Shown { controls: Controls::default(), sweep: Sweep::default(), ..calm() };
    assert_eq!(headline(&fresh).0, Standing::NotAtWorkYet);
}

#[test]
fn each_thing_that_needs_a_person_says_so() {
    let needs = |shown: Shown, words: &str| {
        let (standing, sentence, _) = headline(&shown);
        assert_eq!(standing, Standing::NeedsAPerson, "{sentence}");
        assert!(sentence.starts_with("needs a person: ") && sentence.contains(words), "{sentence}");
    };
    let open = |record| Shown { open: vec![record], ..calm() };
    needs(
        open(waiting("a", Ruling::WaitBackoff, Some(-7_200), -7_200, -7_300)),
        "1 failure is overdue for 2h: wake-ups",
    );
    needs(open(claimed("a", -7_200)), "1 claim is not settled for 1h59m");
    needs(open(waiting("a", Ruling::WaitPolicyInvalid, None, 60, -60)), "no policy can be used");
    needs(open(waiting("a", Ruling::WaitCannotVerify, None, 60, -60)), "cannot read");
    let mut overdue = calm();
    overdue.sweep.completed = Some(Completed { began: at(-7_200), ended: at(-7_000) });
    needs(overdue, "the sweep is overdue");
    let note =
        |seconds| Quarantined { fingerprint: "aa".into(), length: 4, problem: "?".into(), at: at(seconds) };
    let noted =
        |seconds| Shown { quarantine: Quarantine { total: 1, newest: vec![note(seconds)] }, ..calm() };
    needs(noted(-60), "1m ago");
    assert_eq!(headline(&noted(-90_000)).0, Standing::Well, "yesterday's is no news");
    // What is due a moment ago, and what a clock ahead of this one has written, is nothing to worry about.
    for shown in [
        open(waiting("a", Ruling::WaitBackoff, Some(-60), -60, -120)),
        open(waiting("a", Ruling::WaitBackoff, Some(400), 400, 300)),
        open(claimed("a", -600)),
        noted_ahead(&note),
    ] {
        let (standing, sentence, _) = headline(&shown);
        let is_calm = standing == Standing::Well || sentence.contains("0s ago");
        assert!(is_calm, "{sentence}");
    }
}

/// A message of a clock that is ahead.
fn noted_ahead(note: &impl Fn(i64) -> Quarantined) -> Shown {
    Shown { quarantine: Quarantine { total: 1, newest: vec![note(120)] }, ..calm() }
}

#[test]
fn a_pause_of_everything_comes_first_and_the_rest_is_not_forgotten() {
    let mut shown = calm();
    shown.controls.pauses = vec![
        pause(Some("web-*"), Some(7_200), "registry is down"),
        pause(None, None, "incident 4711"),
        pause(None, Some(-60), "over"),
    ];
    shown.open = vec![waiting("a", Ruling::WaitPaused, None, -7_200, -8_000)];
    let (standing, sentence, also) = headline(&shown);
    assert_eq!(standing, Standing::Paused);
    assert_eq!(sentence, "paused: every pipeline, until resumed: incident 4711");
    assert_eq!(also.len(), 2, "{also:?}");
    assert!(also[0].starts_with("needs a person: 1 failure"), "{also:?}");
    assert_eq!(
        also[1],
        "held back: paused: pipelines `web-*`, until 2026-11-22T23:00:00Z (in 2h): registry is down"
    );
}

#[test]
fn nothing_is_wider_than_a_narrow_terminal() {
    let mut shown = calm();
    let long = "a-pipeline-of-the-payments-team-that-has-a-very-long-name";
    shown.open = (0..30)
        .map(|number| {
            waiting(&format!("{long}-{number}"), Ruling::WaitNativeRetryPending, Some(90), 90, -93_784)
        })
        .chain([claimed(long, 600)])
        .collect();
    shown.buckets = vec![bucket("region", None, 20, 600), bucket("pipeline", Some(long), 4, 60 * 3)];
    shown.controls.pauses = vec![pause(Some("web-*"), Some(7_200), "registry is down")];
    let text = plain(&shown);
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    // A pause's line is in somebody's words, and is not cut.
    assert!(wide.iter().all(|line| line.contains("registry is down")), "{text}");
    assert!(text.contains("  and 10 more: `--all` shows them"), "{text}");
    assert!(text.contains("waiting: 30 (30 native-retry-pending), oldest first"), "{text}");
    let all = text::render(&shown, true);
    assert!(all.contains(&format!("{long}-29")) && !all.contains("more: `--all`"), "{all}");
}

#[test]
fn five_hundred_waits_are_counted_and_the_oldest_shown() {
    let mut shown = calm();
    shown.open = (0..500)
        .map(|number| {
            let ruling = if number % 5 == 0 { Ruling::WaitBackoff } else { Ruling::WaitStorm };
            waiting(&format!("shop-{number:03}"), ruling, Some(600), 600, -number)
        })
        .collect();
    let text = plain(&shown);
    assert!(text.contains("waiting: 500 (100 backoff, 400 storm), oldest first"), "{text}");
    assert!(text.contains("  and 480 more: `--all` shows them"), "{text}");
    let shops: Vec<&str> = text.lines().filter(|line| line.starts_with("  shop-")).collect();
    assert_eq!(shops.len(), 20);
    assert!(shops[0].starts_with("  shop-499") && shops[0].ends_with("8m19s"), "{}", shops[0]);
    let document = json::document(&shown);
    assert_eq!(document["waits"].as_array().unwrap().len(), 500);
    assert_eq!(document["waits"][0]["age-seconds"], 499);
}

#[test]
fn budgets_tell_when_the_next_token_comes() {
    let mut shown = calm();
    shown.buckets = vec![
        bucket("region", None, 20, 90),
        bucket("pipeline", Some("api"), 4, -5),
        bucket("pipeline", Some("shop"), 4, 240),
        KeptBucket { capacity: None, interval_ms: None, ..bucket("old", None, 1, 0) },
    ];
    let text = plain(&shown);
    let rows: Vec<&str> = text.lines().filter(|line| line.contains('[') || line.contains("old")).collect();
    assert_eq!(
        rows,
        [
            "  region    111122223333 eu-central-1  [#########-]  18 of 20  in 30s  in 1m30s",
            "  old       111122223333 eu-central-1                -         -       now",
            "  pipeline  shop                       [----------]  0 of 4    in 1m   in 4m",
            "  pipeline  api                        [##########]  4 of 4    -       now",
        ],
        "{text}"
    );
    let document = json::document(&shown);
    assert_eq!(document["budgets"][2]["tokens"], 0);
    assert_eq!(document["budgets"][2]["next-token-at"], "2026-11-22T21:01:00Z");
    assert_eq!(document["budgets"][1]["next-token-at"], serde_json::Value::Null);
}

const FREEZES: &str = "
version: 1
freezes:
  nights: { from: \"20:00\", to: \"06:00\", timezone: UTC }
  saturdays: { days: [sat], timezone: UTC }
  releases: { change-calendar: \"arn:aws:ssm:eu-central-1:111122223333:document/Releases\" }
rules:
  - { name: all, match: { pipeline: \"*\" }, freezes: [nights, saturdays, releases] }
";

#[test]
fn freezes_that_are_on_say_when_they_end() {
    let policy = policy_file::load("policy", FREEZES).policy.unwrap();
    let mut shown = calm();
    shown.controls.activated = Some((policy.version.clone(), Mode::Active));
    shown.freezes = Freezes::of(&shown.controls, Some(&policy), now());
    let text = plain(&shown);
    assert!(text.contains("freezes: 1 of 3 on\n"), "{text}");
    assert!(text.contains("  `nights` on until 2026-11-23T06:00:00Z (in 9h): 20:00"), "{text}");
    assert!(text.contains("  `releases` not asked: change calendar arn:aws:ssm"), "{text}");
    assert!(!text.contains("saturdays"), "{text}");
    let states: BTreeMap<String, String> = json::document(&shown)["freezes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|freeze| (freeze["name"].as_str().unwrap().into(), freeze["state"].as_str().unwrap().into()))
        .collect();
    let expected = [("nights", "on"), ("releases", "not-asked"), ("saturdays", "off")];
    assert_eq!(states, expected.map(|(name, state)| (name.to_owned(), state.to_owned())).into());
    // The policy of another deployment says nothing about this one.
    shown.freezes = Freezes::of(&calm().controls, Some(&policy), now());
    assert!(plain(&shown).contains("and version 1f3a is at work"));
    assert_eq!(json::document(&shown)["freezes"], serde_json::Value::Null);
}
