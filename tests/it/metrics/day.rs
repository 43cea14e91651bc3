//! A day of a fleet in which everything happens that is counted: what the dashboard shows, and what the log is asked about.

use std::sync::OnceLock;

use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::domain::screen::Telling;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::policy_file::load;
use codepipeline_retrier::telemetry::LogLevel;
use jiff::{SignedDuration, Timestamp};

use super::cloudwatch::{Cloud, Name, float};
use super::scene::{Fleet, Run, Told, play};

pub const POLICY: &str = "\
version: 1
defaults:
  backoff: { initial: 1m, max: 15m, jitter: equal }
  give-up-after: 3h
  max-retries: 2
  budgets: [region, pipeline]
budgets:
  region: { capacity: 12, refill: 20/h }
  pipeline: { capacity: 3, refill: 12/d, per: pipeline }
storm: { failures: 12, within: 5m, spread: 20m }
freezes:
  lunch: { from: \"11:30\", to: \"12:30\", timezone: UTC }
rules:
  - name: hands-off
    match: { pipeline: legacy-* }
    mode: disabled
  - name: hopeful
    match: { pipeline: web-hopeless }
    budgets: [region]
    max-retries: 1
  - name: trial
    match: { pipeline: trial-* }
    mode: shadow
  - name: careful
    match: { pipeline: shop-* }
    freezes: [lunch]
  - name: everything
    match: { pipeline: \"*\" }
";

const THROTTLED: &str = "Rate exceeded (Service: AmazonCloudFormation)";
const NETWORK: &str = "connect ECONNREFUSED 10.0.0.7:443";
const NO_ROOM: &str = "We currently do not have sufficient capacity in the Availability Zone you requested";
const NO_RIGHT: &str = "AccessDenied: User is not authorized to perform: s3:PutObject";
const NOT_KNOWN: &str = "it went wrong";

/// What comes of the runs of the pipeline of that number: a few flake, some are broken, most are fine.
fn runs(number: u64) -> Vec<Run> {
    let mut seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32) % 100
    };
    let mut runs = Vec::new();
    for _ in 0..40 {
        match draw() {
            0..60 => runs.push(Run::Fine),
            60..80 => runs.extend([Run::Fails(THROTTLED), Run::Fine]),
            80..87 => runs.extend([Run::Fails(NETWORK), Run::Fails(NETWORK), Run::Fine]),
            87..91 => runs.extend([Run::Fails(NO_ROOM), Run::Fine]),
            91..94 => runs.extend([Run::Fails(THROTTLED), Run::Fails(THROTTLED), Run::Fails(THROTTLED)]),
            94..97 => runs.push(Run::Fails(NO_RIGHT)),
            _ => runs.push(Run::Fails(NOT_KNOWN)),
        }
    }
    runs
}

fn fleet() -> Fleet {
    let mut fleet = Fleet {
        policy: POLICY,
        keys: "sweep: 15m\nlasting: 24h\nstart: \"2026-03-02T00:00:00Z\"\ndeliveries: [{ event: 3, copies: 0 }, { event: 40, copies: 0 }, { event: 9, copies: 2 }]",
        pipelines: Vec::new(),
        timeline: Vec::new(),
    };
    for number in 0_i64..36 {
        let name = match number % 6 {
            0 => format!("trial-{number}"),
            1 | 2 => format!("shop-{number}"),
            3 if number == 3 => format!("legacy-{number}"),
            _ => format!("web-{number}"),
        };
        fleet.pipelines.push((name.clone(), runs(number.unsigned_abs() + 1)));
        for hour in 0..23 {
            // Fewer at night, and all in working hours.
            if (6..20).contains(&hour) || number % 4 == hour % 4 {
                fleet.timeline.push((hour * 60 + (number * 7) % 60, format!("start: {name}")));
            }
        }
    }
    // A hopeless one that its team starts again and again.
    fleet.pipelines.push(("web-hopeless".into(), vec![Run::Fails(THROTTLED)]));
    fleet.timeline.extend((7 * 6..18 * 6).map(|step| (step * 10 + 2, "start: web-hopeless".to_owned())));
    // Twenty that fail within minutes.
    for number in 0..20 {
        fleet.pipelines.push((format!("batch-{number}"), vec![Run::Fails(NO_ROOM), Run::Fine]));
        fleet.timeline.push((15 * 60 + number / 8, format!("start: batch-{number}")));
    }
    fleet.timeline.extend([
        (9 * 60, "pause: { lasting: 40m, reason: a release }".to_owned()),
        (13 * 60, "outage: { operation: ledger-read, fault: not-done, lasting: 25m }".to_owned()),
        (13 * 60 + 20, "outage: { operation: ledger-read, fault: crash-before, lasting: 3m }".to_owned()),
        (17 * 60, "outage: { operation: evidence, fault: denied, lasting: 30m }".to_owned()),
        (18 * 60, "outage: { operation: catalogue, fault: denied, lasting: 50m }".to_owned()),
        (19 * 60, "deploy: { broken: true }".to_owned()),
        (19 * 60 + 6, "send: nonsense".to_owned()),
    ]);
    let mended = POLICY.replace("max-retries: 2", "max-retries: 1");
    let mended = serde_json::to_string(&mended).unwrap();
    fleet.timeline.push((19 * 60 + 30, format!("deploy: {{ policy: {mended} }}")));
    fleet
}

/// The day, played once for each process.
pub fn day() -> &'static Told {
    static DAY: OnceLock<Told> = OnceLock::new();
    DAY.get_or_init(|| {
        let mut scenario = fleet().scenario();
        // Somebody pushes a policy past all checks, and a good one an hour later.
        let good = load("policy", POLICY).policy.unwrap().version;
        let broken = POLICY.replace("mode: shadow", "mode: asleep");
        let push = |version, text: &str| Act::PushPolicy { version, text: text.to_owned() };
        scenario.timeline.extend([
            (SignedDuration::from_hours(20), push(PolicyVersion("1f3a".into()), &broken)),
            (SignedDuration::from_hours(21), push(good, POLICY)),
        ]);
        scenario.timeline.sort_by_key(|(at, _)| *at);
        scenario.deployed.telling = Telling { notices: true, decisions: true };
        play(&scenario, LogLevel::Info)
    })
}

/// What CloudWatch knows of it, with what AWS's own services tell.
pub fn cloud(function: &str, queue: &str, dead_letters: &str) -> Cloud {
    let day = day();
    let mut cloud = Cloud::of(&day.lines);
    let of_function = |metric: &str| Name::new("AWS/Lambda", metric, &[("FunctionName", function)]);
    for (index, (at, died)) in day.invocations.iter().enumerate() {
        cloud.feed(&of_function("Invocations"), *at, 1.0);
        cloud.feed(&of_function("Errors"), *at, f64::from(u8::from(*died)));
        cloud.feed(&of_function("Throttles"), *at, 0.0);
        cloud.feed(&of_function("Duration"), *at, 180.0 + float(index * 37 % 400));
    }
    let of_queue = |queue: &str, metric: &str| Name::new("AWS/SQS", metric, &[("QueueName", queue)]);
    for minute in (0..24 * 60).step_by(5) {
        let at = Timestamp::from_second(day.from.as_second() + minute * 60).unwrap();
        let busy = day.invocations.iter().filter(|(then, _)| (at.duration_since(*then)).abs().as_mins() < 5);
        let busy = float(busy.count());
        cloud.feed(&of_queue(queue, "ApproximateNumberOfMessagesVisible"), at, (busy / 8.0).floor());
        cloud.feed(&of_queue(queue, "ApproximateNumberOfMessagesDelayed"), at, (busy / 3.0).floor());
        cloud.feed(&of_queue(queue, "ApproximateAgeOfOldestMessage"), at, busy * 9.0);
        let dead = f64::from(u8::from(minute > 20 * 60));
        cloud.feed(&of_queue(dead_letters, "ApproximateNumberOfMessagesVisible"), at, dead);
    }
    cloud
}
