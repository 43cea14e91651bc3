//! A policy against a history: what happened in the emulated world while nobody but people retried, read through the port
//! of a backtest, kept in a file, and decided about again.

mod past;
#[cfg(all(feature = "aws", feature = "serve", feature = "reports"))]
mod throttled;
#[cfg(all(feature = "aws", feature = "serve", feature = "reports"))]
mod year;

use jiff::SignedDuration;

use codepipeline_retrier::domain::evidence::Depth;
use codepipeline_retrier::domain::policy::Policy;
use codepipeline_retrier::domain::scope::Scope;
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::world::SharedWorld;
use codepipeline_retrier::policy_file;
use codepipeline_retrier::ports::Catalogue;
use codepipeline_retrier::replay::backtest::{
    Assumptions, Figures, Replayed, Treatment, figures, replay, suggestions,
};
use codepipeline_retrier::replay::history::{Header, History, Sources, read, write_header, write_pipeline};
use codepipeline_retrier::replay::player::{Player, run};
use codepipeline_retrier::replay::scenario::Scenario;

fn policy(text: &str) -> Policy {
    policy_file::load("policy.yaml", text).policy.unwrap()
}

/// A policy whose times are exact.
const EXACT: &str = "
version: 1
rules:
  - name: everything
    match: { pipeline: '*' }
    backoff: { initial: 1m, max: 5m, jitter: none }
";

/// What happened: pipelines and people, and nobody else.
fn world(pipelines_and_timeline: &str) -> SharedWorld {
    let text = format!(
        "scenario: 1\nabout: people alone\nlasting: 7d\npolicy: |\n  version: 1\n  rules:\n    - {{ name: off, match: {{ pipeline: '*' }}, mode: disabled }}\n{pipelines_and_timeline}"
    );
    let scenario = Scenario::read("scenario", &text).unwrap();
    let mut player = Player::new(&scenario).unwrap();
    player.play(|_| {});
    player.world().clone()
}

/// The world's history, as a file would hold it.
fn history(world: &SharedWorld) -> History {
    let now = world.now();
    let since = after(now, SignedDuration::from_hours(-30 * 24));
    let scope = {
        let place = world.lock().place.clone();
        Scope { partition: place.partition, account: place.account, region: place.region }
    };
    let header =
        Header { scope: scope.clone(), since, until: now, depth: Depth::Logs, classifiers: String::new() };
    let sources = Sources {
        chronicle: world,
        evidence: world,
        classifiers: &[],
        depth: Depth::Logs,
        since,
        with_tags: true,
    };
    let mut file = write_header(&header);
    let names = run(world.pipelines(&scope, None), world).unwrap().unwrap().entries;
    for name in names {
        let arn = scope.pipeline(&name);
        let gathered = run(sources.gather(&arn, now, &async |_| ()), world).unwrap().unwrap();
        assert_eq!(gathered.gaps.len(), 0);
        file.push_str(&write_pipeline(&gathered.pipeline));
    }
    read(&file).unwrap()
}

fn replayed(world: &SharedWorld, text: &str) -> Vec<Replayed> {
    replay(&history(world), &policy(text))
}

fn treatments(replayed: &[Replayed]) -> Vec<(Treatment, String)> {
    let told =
        |of: &Replayed| (of.treatment(), of.ruling().map_or("none".into(), |ruling| ruling.to_string()));
    replayed.iter().map(told).collect()
}

fn counted(world: &SharedWorld, text: &str) -> Figures {
    let history = history(world);
    let replayed = replay(&history, &policy(text));
    figures(&history, &replayed, Assumptions::default())
}
