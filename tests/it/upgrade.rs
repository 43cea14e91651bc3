//! One release after another. `tests/releases` has what the previous one left behind, written by its own code: a table in
//! which stage runs stand in every state, the messages that were under way, and the retries that it had made. This one goes on
//! from there, and what it writes itself is held against what that one could read.

mod items;
mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use codepipeline_retrier::aws::ledger::LEDGER_SCHEMA;
use codepipeline_retrier::domain::ids::{ExecutionId, PipelineArn, PipelineName, StageName, StageRunId};
use codepipeline_retrier::domain::notice::Occasion;
use codepipeline_retrier::domain::stage_run::{Progress, StageRun, after};
use codepipeline_retrier::domain::sweep::Tick;
use codepipeline_retrier::event::tick_body;
use codepipeline_retrier::ports::{KeptPolicy, Ledger, Rounds};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use scene::{Legacy, Scene};

/// What the release before this one left.
const PREVIOUS: &str = "schema-1.json";

/// What it left when it had been brought back for forty minutes, after this one: it let what this one had put into the second
/// layout alone, and gave the messages about it up, which somebody then moved back into the queue.
const BROUGHT_BACK: &str = "schema-1-after-schema-2.json";

/// Every pipeline of the scenario, each with one stage run.
const PIPELINES: [&str; 9] = [
    "failed-again",
    "given-up",
    "paused",
    "recovered",
    "rehearsed",
    "running",
    "unheard-made",
    "unheard-unsent",
    "waiting",
];

fn text<'a>(item: &'a items::Attributes, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

impl Scene {
    fn run_of(&self, pipeline: &str) -> StageRunId {
        let world = self.world();
        let world = world.lock();
        let name = PipelineName::parse(pipeline).unwrap();
        let place = world.place.clone();
        let execution: ExecutionId = world.service.list_executions(&name).unwrap()[0].id.clone();
        StageRunId {
            pipeline: PipelineArn {
                partition: place.partition,
                region: place.region,
                account: place.account,
                name,
            },
            execution,
            stage: StageName::parse("Test").unwrap(),
        }
    }

    fn record(&self, pipeline: &str) -> StageRun {
        let run = self.run_of(pipeline);
        self.runtime.block_on(self.ledger().read(&run, &[], &[])).unwrap().record.unwrap()
    }

    fn reasons(&self, pipeline: &str) -> Vec<String> {
        let name = PipelineName::parse(pipeline).unwrap();
        let decisions = self.runtime.block_on(self.ledger().decisions(name, Timestamp::UNIX_EPOCH, 100));
        decisions.unwrap().into_iter().rev().map(|of| format!("{}/{}", of.verdict, of.reason)).collect()
    }

    /// Tokens of the budget that all retries are paid from.
    fn balance(&self) -> Option<u32> {
        let now = self.world().now();
        let buckets = self.runtime.block_on(self.ledger().buckets()).unwrap();
        let shared = buckets.into_iter().find(|of| of.key.budget.as_str() == "all" && !of.key.shadow);
        shared.unwrap().balance(now)
    }
}

impl Scene {
    /// No failed run was answered twice, every retry has cost a token, and no message was given up.
    fn assert_that_seven_retries_were_made(&self) {
        let calls: Vec<_> = PIPELINES.iter().flat_map(|pipeline| self.accepted(pipeline)).collect();
        let answered: Vec<_> = calls.iter().flat_map(|call| &call.answered).collect();
        assert_eq!(answered.iter().collect::<BTreeSet<_>>().len(), answered.len());
        assert_eq!((calls.len(), self.balance()), (7, Some(2)));
        assert_eq!(self.world().lock().queue.dead_letters(), Vec::<String>::new());
    }
}

#[test]
fn every_item_of_the_previous_release_is_read() {
    let scene = Scene::inherited(&Legacy::read(PREVIOUS));
    let ledger = scene.ledger();
    scene.runtime.block_on(async {
        let controls = Rounds::controls(&ledger).await.unwrap();
        assert_eq!((controls.version, controls.pauses.len(), controls.active_since.len()), (3, 1, 4));
        assert_eq!(controls.live.unwrap().policy.number, 1);
        assert!(matches!(ledger.policy(1).await, Ok(KeptPolicy::Text { text, .. }) if text.starts_with("# Pushed.")));
        assert_eq!(ledger.policy_entries(5).await.unwrap().len(), 1);
        let sweep = ledger.sweep().await.unwrap();
        assert_eq!(sweep.round, 2);
        assert_eq!(sweep.under_way.unwrap().cursor.unwrap().as_str(), "given-up");
        assert_eq!(ledger.buckets().await.unwrap().len(), 8);
        assert_eq!(ledger.windows(5).await.unwrap()[0].window.failures.len(), 8);
        assert_eq!(ledger.quarantined(5).await.unwrap().total, 1);
        assert_eq!(ledger.open_runs().await.unwrap().len(), 5);
    });
    let unread = |pipeline: &str| scene.record(pipeline).unread;
    assert!(PIPELINES.iter().all(|pipeline| unread(pipeline).is_empty()));
    assert!(PIPELINES.iter().all(|pipeline| !scene.reasons(pipeline).is_empty()));
    assert_eq!(scene.record("unheard-made").claim.unwrap().basis, None);
    assert_eq!(scene.record("failed-again").retries[0].progress, Progress::FailedAgain);
}

#[test]
fn the_function_goes_on_from_every_state_that_the_previous_release_left() {
    let mut scene = Scene::inherited(&Legacy::read(PREVIOUS));
    let start = scene.world().now();
    assert_eq!(scene.balance(), Some(4), "five of nine tokens are spent");
    for minutes in [20, 60, 150] {
        let tick = tick_body(Tick::Scheduled { every: SignedDuration::from_mins(15) });
        scene.world().lock().queue.send(tick, after(start, SignedDuration::from_mins(minutes)));
    }
    scene.go_on_until(after(start, SignedDuration::from_hours(3)));
    let retries = |pipeline: &str| scene.accepted(pipeline).len();
    let progress = |pipeline: &str| -> Vec<Progress> {
        scene.record(pipeline).retries.into_iter().map(|retry| retry.progress).collect()
    };
    let told = |pipeline: &str| scene.record(pipeline).told;

    // An old wake-up has its wait decided, once.
    assert_eq!((retries("waiting"), progress("waiting")), (1, vec![Progress::Recovered]));
    // The call of an open claim had been made: it is settled, and not called again.
    assert_eq!((retries("unheard-made"), progress("unheard-made")), (1, vec![Progress::Recovered]));
    // It had not: the claim is taken over and called.
    assert_eq!((retries("unheard-unsent"), progress("unheard-unsent")), (1, vec![Progress::Recovered]));
    // The event of a retry's end comes when another release is at work.
    assert_eq!((retries("running"), progress("running")), (1, vec![Progress::Recovered]));
    // Of two retries, one had been used.
    assert_eq!(retries("failed-again"), 2);
    assert_eq!(progress("failed-again"), [Progress::FailedAgain, Progress::FailedAgain]);
    assert_eq!(scene.reasons("failed-again").last().unwrap(), "give-up/retries-used");
    // A pause holds, until it has held for too long.
    assert_eq!((retries("paused"), scene.reasons("paused")[0].as_str()), (0, "wait/paused"));
    // What was final stays so, and nobody is told of it anew.
    for pipeline in ["given-up", "recovered", "rehearsed"] {
        let before = Legacy::read(PREVIOUS);
        let partition = format!("decisions#{pipeline}");
        let decided = before.items.iter().filter(|item| text(item, "pk") == partition).count();
        assert_eq!(scene.reasons(pipeline).len(), decided, "{pipeline}");
        assert_eq!(told(pipeline), BTreeSet::new(), "{pipeline}");
    }
    assert_eq!((retries("given-up"), retries("recovered"), retries("rehearsed")), (0, 1, 0));
    // Whom a rule tells of a retry's end is kept with the retry since this release: of older ones nobody is told.
    assert_eq!(told("running"), BTreeSet::new());
    assert_eq!(told("waiting"), BTreeSet::from([Occasion::Recovered]));
    assert_eq!(told("failed-again"), BTreeSet::from([Occasion::GiveUp]));

    scene.assert_that_seven_retries_were_made();
    let sweep = scene.runtime.block_on(scene.ledger().sweep()).unwrap();
    assert!(sweep.round >= 4 && sweep.under_way.is_none(), "{sweep:?}");
    assert!(sweep.watermark >= Some(after(start, SignedDuration::from_mins(150))), "{sweep:?}");
}

#[test]
fn a_release_that_comes_again_after_it_was_taken_back_goes_on_where_it_was() {
    let mut scene = Scene::inherited(&Legacy::read(BROUGHT_BACK));
    let start = scene.world().now();
    assert_eq!(scene.accepted("waiting").len(), 1, "the other release went on with what it could read");
    assert_eq!(scene.accepted("unheard-unsent").len(), 0, "and with nothing else");
    for pipeline in ["failed-again", "running", "unheard-made", "unheard-unsent"] {
        assert!(scene.record(pipeline).claim.is_some() || scene.record(pipeline).retries[0].basis.is_some());
    }
    let tick = tick_body(Tick::Scheduled { every: SignedDuration::from_mins(15) });
    scene.world().lock().queue.send(tick, after(start, SignedDuration::from_mins(5)));
    scene.go_on_until(after(start, SignedDuration::from_hours(3)));
    for pipeline in ["running", "unheard-made", "unheard-unsent", "waiting"] {
        let record = scene.record(pipeline);
        assert_eq!((record.wait, record.claim), (None, None), "{pipeline}");
        assert_eq!(record.retries.last().unwrap().progress, Progress::Recovered, "{pipeline}");
    }
    assert_eq!(scene.reasons("failed-again").last().unwrap(), "give-up/retries-used");
    scene.assert_that_seven_retries_were_made();
}

/// The kind of an item: what of its key is not about this or that one.
fn kind(item: &items::Attributes) -> String {
    let partition = text(item, "pk").split('#').next().unwrap();
    let sort = text(item, "sk").split('#').next().unwrap();
    if partition == "run" { format!("{partition} {sort}") } else { partition.to_owned() }
}

/// Where something is in an item: attributes, and the members of a body at every depth. Not of a decision: it is a document
/// for others, who tolerate more members.
fn places(item: &items::Attributes) -> BTreeSet<String> {
    fn within(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let place = format!("{prefix}/{name}");
                    found.insert(place.clone());
                    within(&place, value, found);
                }
            }
            Value::Array(entries) => entries.iter().for_each(|entry| within(prefix, entry, found)),
            _ => {}
        }
    }
    let names = item.keys().filter(|name| !name.starts_with("pipeline:"));
    let mut found: BTreeSet<String> = names.cloned().collect();
    if !text(item, "body").is_empty() && kind(item) != "decisions" {
        within("body", &serde_json::from_str(text(item, "body")).unwrap(), &mut found);
    }
    found
}

/// The previous release reads the first layout to the last member and refuses any other. So whatever is written today and is
/// of that layout has to be what that release wrote itself.
#[test]
fn what_is_written_in_the_first_layout_is_what_the_previous_release_reads() {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut always: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for item in Legacy::read(PREVIOUS).items {
        let places = places(&item);
        known.entry(kind(&item)).or_default().extend(places.clone());
        let of_kind = always.entry(kind(&item)).or_insert_with(|| places.clone());
        of_kind.retain(|place| places.contains(place));
    }
    // What is told is of the new release alone; the previous one never looks at it.
    let marks = ["open-shard", "open-until", "told-at"];
    let scene = Scene::played();
    let mut layouts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for item in scene.legacy().items {
        let layout = item["schema"].as_n().unwrap().clone();
        assert!(layout.parse::<i64>().unwrap() <= LEDGER_SCHEMA);
        layouts.entry(kind(&item)).or_default().insert(layout.clone());
        let Some(known) = known.get(&kind(&item)).filter(|_| layout == "1") else { continue };
        let mut places = places(&item);
        if kind(&item) == "decisions" {
            places.retain(|place| !marks.contains(&place.as_str()));
        }
        let unknown: Vec<_> = places.difference(known).collect();
        let missing: Vec<_> = always[&kind(&item)].difference(&places).collect();
        assert!(unknown.is_empty() && missing.is_empty(), "{unknown:?} {missing:?} {item:?}");
    }
    let of = |kind: &str| layouts[kind].iter().map(String::as_str).collect::<Vec<_>>();
    for kind in ["controls", "sweep", "buckets", "storm", "policies", "quarantine", "decisions"] {
        assert_eq!(of(kind), ["1"], "{kind}");
    }
    assert_eq!(of("run record"), ["1", "2"], "what waits for the first time, and what was retried");
    for (pipeline, layout) in [("waiting", "1"), ("paused", "1"), ("rehearsed", "1"), ("running", "2")] {
        let items = scene.legacy().items;
        let is_its = |item: &&items::Attributes| {
            kind(item) == "run record" && text(item, "pk").contains(&format!(":{pipeline}#"))
        };
        assert_eq!(items.iter().find(is_its).unwrap()["schema"].as_n().unwrap(), layout, "{pipeline}");
    }
}

/// With the next layout, the file that this writes moves to `tests/releases`.
#[test]
fn this_release_goes_on_from_what_it_left_itself() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("schema-{LEDGER_SCHEMA}.json"));
    fs::write(&file, Scene::played().legacy().written()).unwrap();
    let mut scene = Scene::inherited(&Legacy::read_from(&file));
    assert_eq!(scene.balance(), Some(4));
    let until = after(scene.world().now(), SignedDuration::from_hours(3));
    scene.go_on_until(until);
    for pipeline in ["running", "unheard-made", "unheard-unsent", "waiting"] {
        assert_eq!(scene.record(pipeline).told, BTreeSet::from([Occasion::Recovered]), "{pipeline}");
    }
    scene.assert_that_seven_retries_were_made();
}
