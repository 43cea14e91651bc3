//! Every alarm of the stack, over what the function publishes and what services tell, going off and being over again.

use std::collections::BTreeMap;

use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::policy_file::load;
use codepipeline_retrier::telemetry::LogLevel;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::alarm::{Alarm, State};
use super::cloudwatch::{Cloud, Name};
use super::emitted::{listed, may_be};
use super::scene::{Fleet, Run, play};
use crate::stack::template::{HOME, resources, translated};

/// The alarms of a stack that sweeps every 15 minutes, with their properties.
pub fn alarms() -> BTreeMap<String, Value> {
    let all = resources(&translated(), HOME, &[("SweepInterval", "15")]);
    let alarms = all.into_iter().filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    alarms.map(|(name, resource)| (name, resource["Properties"].clone())).collect()
}

/// A cloud with the time that it covers.
type Covered = (Cloud, Timestamp, Timestamp);

fn played(scenario: &codepipeline_retrier::replay::scenario::Scenario) -> Covered {
    let told = play(scenario, LogLevel::Error);
    let mut cloud = Cloud::of(&told.lines);
    let errors = Name::new("AWS/Lambda", "Errors", &[("FunctionName", "RetrierFunction")]);
    for (at, died) in &told.invocations {
        cloud.feed(&errors, *at, f64::from(u8::from(*died)));
    }
    (cloud, told.from, told.to.max(told.from + SignedDuration::from_hours(10)))
}

/// What a service tells of something for ten hours, minute by minute: the value from the second to the fourth hour, else 0.
fn fed(namespace: &str, metric: &str, dimension: (&str, &str), value: f64) -> Covered {
    let from: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let name = Name::new(namespace, metric, &[dimension]);
    let mut cloud = Cloud::default();
    for minute in 0..600 {
        let at = from + SignedDuration::from_mins(minute);
        cloud.feed(&name, at, if (120..240).contains(&minute) { value } else { 0.0 });
    }
    (cloud, from, from + SignedDuration::from_hours(10))
}

fn one(name: &str, runs: Vec<Run>) -> Vec<(String, Vec<Run>)> {
    vec![(name.to_owned(), runs)]
}

/// Every other run fails, for as long as anybody looks.
fn flaky() -> Vec<Run> {
    (0..400).flat_map(|_| [Run::Fails("Rate exceeded"), Run::Fine]).collect()
}

/// A broken policy is pushed in the second hour, and a good one in the fourth.
fn broken_policy() -> Covered {
    const POLICY: &str = "version: 1\nrules:\n  - { name: all, match: { pipeline: \"*\" } }\n";
    let fleet =
        Fleet { policy: POLICY, keys: "lasting: 10h", pipelines: one("web", flaky()), timeline: Vec::new() };
    let mut scenario = fleet.starting((0..540).step_by(10)).scenario();
    let good = POLICY.replace("name: all", "name: mended");
    let version = load("policy", &good).policy.unwrap().version;
    let broken = POLICY.replace("match", "mach");
    scenario.timeline.extend([
        (
            SignedDuration::from_mins(121),
            Act::PushPolicy { version: PolicyVersion("1f3a".into()), text: broken },
        ),
        (SignedDuration::from_mins(240), Act::PushPolicy { version, text: good }),
    ]);
    scenario.timeline.sort_by_key(|(at, _)| *at);
    played(&scenario)
}

/// One token a day, and failures all the time from the second to the fourth hour.
fn empty_budget() -> Covered {
    let fleet = Fleet {
        policy: "version: 1\ndefaults: { backoff: { initial: 0s, max: 0s, jitter: none }, budgets: [own] }\nbudgets:\n  own: { capacity: 1, refill: 1/d }\nrules:\n  - { name: all, match: { pipeline: \"*\" } }\n",
        keys: "lasting: 10h",
        pipelines: one("web", vec![Run::Fails("Rate exceeded")]),
        timeline: Vec::new(),
    };
    played(&fleet.starting((120..240).step_by(5)).scenario())
}

/// The ledger does not say how far the sweep is, from the second to the fourth hour.
fn no_sweep() -> Covered {
    let fleet = Fleet {
        policy: "version: 1\nrules:\n  - { name: all, match: { pipeline: \"*\" } }\n",
        keys: "sweep: 15m\nlasting: 10h",
        pipelines: one("web", vec![Run::Fine]),
        timeline: vec![(121, "outage: { operation: sweep-read, fault: not-done, lasting: 2h }".to_owned())],
    };
    played(&fleet.starting((0..600).step_by(10)).scenario())
}

/// For four hours nothing that is retried recovers, then everything does.
fn failing_again() -> Covered {
    let mut runs: Vec<Run> = (0..24).map(|_| Run::Fails("Rate exceeded")).collect();
    (0..20).for_each(|_| runs.extend([Run::Fails("Rate exceeded"), Run::Fine]));
    let policy: &'static str = "version: 1\ndefaults: { budgets: [all] }\nbudgets:\n  all: { capacity: 100000, refill: 1/d }\nrules:\n  - { name: all, match: { pipeline: \"*\" } }\n";

    let fleet = Fleet { policy, keys: "lasting: 10h", pipelines: one("web", runs), timeline: Vec::new() };
    played(&fleet.starting((0..600).step_by(30)).scenario())
}

/// The function dies over everything from the second hour on, for twenty minutes.
fn deaths() -> Covered {
    let fleet = Fleet {
        policy: "version: 1\nrules:\n  - { name: all, match: { pipeline: \"*\" } }\n",
        keys: "lasting: 10h",
        pipelines: one("web", flaky()),
        timeline: vec![(
            120,
            "outage: { operation: ledger-read, fault: crash-before, lasting: 20m }".to_owned(),
        )],
    };
    played(&fleet.starting((0..600).step_by(3)).scenario())
}

/// For each alarm: what happens, and from when to when in minutes it goes off, and is over.
type Case = (&'static str, fn() -> Covered, (i64, i64), (i64, i64));

const CASES: [Case; 8] = [
    ("BudgetEmptyAlarm", empty_budget, (165, 200), (240, 345)),
    (
        "DeadLettersAlarm",
        || fed("AWS/SQS", "ApproximateNumberOfMessagesVisible", ("QueueName", "DeadLetterQueue"), 1.0),
        (120, 130),
        (240, 250),
    ),
    ("FailingAgainAlarm", failing_again, (180, 240), (240, 480)),
    ("FunctionErrorsAlarm", deaths, (120, 140), (140, 170)),
    (
        "FunctionThrottledAlarm",
        || fed("AWS/Lambda", "Throttles", ("FunctionName", "RetrierFunction"), 2.0),
        (130, 140),
        (240, 250),
    ),
    (
        "MessagesTooOldAlarm",
        || fed("AWS/SQS", "ApproximateAgeOfOldestMessage", ("QueueName", "Queue"), 3_000.0),
        (130, 140),
        (240, 250),
    ),
    ("PolicyInvalidAlarm", broken_policy, (120, 150), (240, 360)),
    ("SweepNotRunningAlarm", no_sweep, (150, 190), (240, 262)),
];

#[test]
fn every_alarm_goes_off_and_is_over_again() {
    let alarms = alarms();
    assert_eq!(alarms.keys().collect::<Vec<_>>(), CASES.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    for (name, happens, on, over) in CASES {
        let alarm = Alarm::of(&alarms[name]);
        let (cloud, from, to) = happens();
        let changes: Vec<(i64, bool)> = (alarm.changes(&cloud, from, to).into_iter())
            .map(|(after, is_on)| (after.as_mins(), is_on))
            .collect();
        let [(went_off, true), (was_over, false)] = changes.as_slice() else {
            panic!("{name}: {changes:?}");
        };
        assert!((on.0..=on.1).contains(went_off), "{name}: went off after {went_off} minutes");
        assert!((over.0..=over.1).contains(was_over), "{name}: was over after {was_over} minutes");
    }
}

/// None of them calls anybody where all is well: retries that recover, and a sweep at its pace.
#[test]
fn on_an_ordinary_day_no_alarm_goes_off() {
    let mut fleet = Fleet {
        policy: "version: 1\nrules:\n  - { name: all, match: { pipeline: \"*\" } }\n",
        keys: "sweep: 15m\nlasting: 10h",
        pipelines: Vec::new(),
        timeline: Vec::new(),
    };
    for number in 0..4 {
        let runs = vec![Run::Fine, Run::Fine, Run::Fails("Rate exceeded"), Run::Fine];
        fleet.pipelines.push((format!("web-{number}"), runs));
    }
    let (cloud, from, to) = played(&fleet.starting((0..600).step_by(20)).scenario());
    for (name, properties) in alarms() {
        let alarm = Alarm::of(&properties);
        let states = alarm.states(&cloud, from, to);
        assert!(states.iter().all(|(_, state)| *state != State::Alarm), "{name}");
    }
}

#[test]
fn every_alarm_says_what_to_do_and_is_sent_to_the_topic() {
    let topic = json!(["arn:aws:sns:eu-central-1:111122223333:NotificationTopic"]);
    for (name, properties) in alarms() {
        let description = properties["AlarmDescription"].as_str().unwrap();
        assert!(description.len() <= 1024, "{name}: {} characters", description.len());
        assert!(description.contains("What to do: "), "{name}");
        assert_eq!((&properties["AlarmActions"], &properties["OKActions"]), (&topic, &topic), "{name}");
    }
}

#[test]
fn an_alarm_of_the_product_watches_a_metric_of_the_list() {
    for (alarm, properties) in alarms() {
        let Alarm { name, .. } = Alarm::of(&properties);
        if name.namespace.starts_with("AWS/") {
            continue;
        }
        assert!(listed(&name).is_some(), "{alarm}: {name:?}");
        for (dimension, value) in &name.dimensions {
            assert!(may_be(dimension, value), "{alarm}: {name:?}");
        }
    }
}

/// CloudWatch looks back no more than a day at so fine a grain (API reference, `PutMetricAlarm`).
#[test]
fn whatever_the_interval_an_alarm_looks_back_no_further_than_cloudwatch_does() {
    let template = translated();
    let parameter = &template["Parameters"]["SweepInterval"];
    for minutes in ["1", "15", &parameter["MaxValue"].to_string()] {
        for (name, resource) in resources(&template, HOME, &[("SweepInterval", minutes)]) {
            if resource["Type"] == "AWS::CloudWatch::Alarm" {
                let alarm = Alarm::of(&resource["Properties"]);
                let seconds = alarm.period * i64::try_from(alarm.periods).unwrap();
                let most = if alarm.period < 3_600 { 86_400 } else { 604_800 };
                assert!(alarm.period % 60 == 0 && seconds <= most, "{name}: {seconds} seconds");
            }
        }
    }
    let without = resources(&template, HOME, &[("SweepInterval", "0")]);
    assert!(!without.contains_key("SweepNotRunningAlarm"));
    assert!(
        !without["Dashboard"]["Properties"]["DashboardBody"].as_str().unwrap().contains("SweepNotRunning")
    );
}
