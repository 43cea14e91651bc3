//! A generated year of a fleet: played, served over HTTP as CodePipeline does, read in pages by the real command, kept, and
//! decided about again. What the command says is held against what really happened, as the play counted it.

use std::process::Output;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use codepipeline_retrier::domain::class::Class;
use codepipeline_retrier::domain::policy::Mode;
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::http::Server;
use codepipeline_retrier::policy_file;
use codepipeline_retrier::replay::fleet::truth::{By, RetryEnd, Truth};
use codepipeline_retrier::replay::fleet::{Fleet, Memory, Native, Play};

use crate::command::retrier;
use crate::figure;

pub fn fleet(pipelines: u64, days: u64, now: Timestamp) -> Fleet {
    let start = after(now, -SignedDuration::from_hours(i64::try_from(days).unwrap() * 24 + 24));
    let text = format!(
        "
fleet: 1
about: a year of a company
start: {start:.0}
lasting: {days}d
pipelines:
  - name: service
    count: {pipelines}
    mode: QUEUED
    runs: 1.37/d
    stages:
      - {{ name: Source, takes: 20s, fails: {{}} }}
      - {{ name: Build, takes: 5m, fails: {{ network: 2%, dependency: 1%, build-error: 3% }} }}
      - {{ name: E2E, takes: 12m, fails: {{ test-failure: 5%, timeout: 1% }} }}
      - {{ name: Deploy, takes: 4m, fails: {{ throttling: 1%, configuration: 1% }} }}
classes:
  network: {{ clears: 90% }}
  test-failure: {{ clears: 85% }}
  build-error: {{ clears: 0% }}
  configuration: {{ clears: 0% }}
people: {{ retry: 70%, after: 40m }}
"
    );
    Fleet::read("year.yaml", &text).unwrap()
}

pub const POLICY: &str = "
version: 1
rules:
  - name: everything
    match: { pipeline: '*' }
    give-up-after: 1d
    budgets: [plenty]
budgets:
  plenty: { capacity: 1000, refill: 1000/h }
";

/// The command, which must succeed, with what it took.
fn timed(arguments: &[&str]) -> (Output, f64) {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long the command takes is told, and nothing depends on it"
    )]
    let begun = Instant::now();
    let output = retrier(arguments)
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .env("AWS_REGION", "eu-central-1")
        .output()
        .unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (output, took)
}

struct Year {
    truth: Truth,
    figures: Value,
    /// The policy that `retrier init` writes.
    fitted: String,
    fetching: f64,
    replaying: f64,
    bytes: u64,
}

fn year(name: &str, pipelines: u64, days: u64) -> Year {
    #[expect(
        clippy::disallowed_methods,
        reason = "the command reads the real clock, so the history has to end there"
    )]
    let now = Timestamp::now();
    let mut play = Play::new(&fleet(pipelines, days, now), 1, Native::Nowhere, Memory::Everything).unwrap();
    play.play_out();
    let (world, truth) = play.conclude();
    let server = Server::start(world, move || now).unwrap();
    let folder = std::env::temp_dir().join(format!("retrier-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    std::fs::write(path("policy.yaml"), POLICY).unwrap();
    let (policy, history, page) = (path("policy.yaml"), path("history.jsonl"), path("page.html"));
    let since = format!("{}d", days + 1);
    let common =
        ["backtest", "--policy", &policy, "--history", &history, "--since", &since, "--format", "json"];
    let endpoint = server.endpoint();
    let online: Vec<&str> =
        common.iter().copied().chain(["--endpoint-url", &endpoint, "--rate", "1000"]).collect();
    let (fetched, fetching) = timed(&online);
    // Interrupted in the middle of a line, it goes on with the pipelines that are missing.
    let whole = std::fs::read(&history).unwrap();
    std::fs::write(&history, &whole[..whole.len() * 3 / 5]).unwrap();
    let (resumed, _) = timed(&online);
    let same = |a: &Output, b: &Output| {
        let figures = |of: &Output| {
            serde_json::from_slice::<Value>(&of.stdout).unwrap()["figures"]["decisions"].clone()
        };
        figures(a) == figures(b)
    };
    assert!(same(&fetched, &resumed), "what was read in two goes is what was read in one");
    std::fs::write(&history, &whole).unwrap();
    drop(server);
    // Nothing is asked any more.
    let (fitted, _) = timed(&["init", "-", "--history", &history, "--since", &since]);
    let fitted = String::from_utf8(fitted.stdout).unwrap();
    let (cached, _) = timed(&[&common[..], &["--html", &page]].concat());
    let (_, replaying) = timed(&common);
    let document: Value = serde_json::from_slice(&cached.stdout).unwrap();
    let first: Value = serde_json::from_slice(&fetched.stdout).unwrap();
    assert!(document == first, "what is read from the file is what was read from CodePipeline");
    assert!(std::fs::read_to_string(&page).unwrap().contains("What the policy would have done"));
    let bytes = std::fs::metadata(&history).unwrap().len();
    let _ = std::fs::remove_dir_all(&folder);
    Year { truth, figures: document["figures"].clone(), fitted, fetching, replaying, bytes }
}

/// Every figure that the play counts as well is the same; what is estimated lies within its own interval.
fn agrees(Year { truth, figures, fitted, .. }: &Year) {
    let count =
        |path: &str| figures.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path}"));
    assert_eq!(count("/executions"), truth.executions.started);
    assert_eq!(count("/failures"), truth.failures().count() as u64);
    assert_eq!(count("/first-try/hits"), truth.executions.green_at_first_try);
    for (class, failures) in truth.failures_by_class() {
        let told = figures["classes"].as_array().unwrap();
        let told = told.iter().find(|kind| kind["name"] == class.as_str());
        assert_eq!(told.unwrap()["failures"].as_u64(), Some(failures), "{class}");
    }
    let by_hand: Vec<_> = truth.retries().filter(|retry| retry.by == By::Person).collect();
    assert_eq!(count("/retries-by-hand"), by_hand.len() as u64);
    let recovered =
        by_hand.iter().filter(|retry| matches!(retry.end, Some(RetryEnd::Recovered(_)))).count() as u64;
    assert_eq!(count("/by-hand/hits"), recovered);
    let all = ["/retried/failures", "/overtaken/failures", "/left-alone/failures"].map(count);
    assert_eq!(all.iter().sum::<u64>(), count("/failures"));
    assert!(all.iter().all(|failures| *failures > 0), "{all:?}");
    let loaded = policy_file::load("fitted", fitted);
    assert!(loaded.diagnostics.is_empty(), "{fitted}\n{:?}", loaded.diagnostics);
    let rules = loaded.policy.unwrap().rules;
    assert!(rules.iter().all(|rule| rule.settings.mode == Mode::Shadow), "{fitted}");
    assert!(fitted.contains("of test-failure failures under rule `everything-else` mended them"), "{fitted}");
    assert!(rules.last().unwrap().settings.retry_on.contains(&Class::TestFailure), "{fitted}");
    // Tests are retried by hand and by no rule: most of these retries help, and that is what is suggested.
    assert!(count("/would-recover/of") > 20, "{figures:#}");
}

#[test]
fn a_generated_season_is_read_in_pages_and_told_as_it_was() {
    agrees(&year("season", 12, 90));
}

#[test]
#[ignore = "a full run: make scoreboard"]
fn a_generated_year_at_full_size() {
    let year = year("year", figure::number("RETRIER_PIPELINES", 200), 365);
    agrees(&year);
    let executions = year.truth.executions.started;
    let measured = format!(
        "{executions} executions with {} failures, read over HTTP in {:.0} s into {:.1} MB; every count as it was; replayed from \
         the file in {:.2} s",
        year.truth.failures().count(),
        year.fetching,
        f64::from(u32::try_from(year.bytes / 1024).unwrap()) / 1024.0,
        year.replaying
    );
    figure::record("history", &measured, executions > 90_000);
}
