//! Status and history.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde_json::{Value, json};

use codepipeline_retrier::domain::budget::{Branch, Budget, Per};
use codepipeline_retrier::domain::controls::{Controls, Pause};
use codepipeline_retrier::domain::decision::{Decision, Ruling, StepName, StepOutcome};
use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::ids::{
    ActionExecutionId, BudgetName, ExecutionId, PipelineArn, PipelineName, RuleName, StageName, StageRunId,
};
use codepipeline_retrier::domain::policy::{Mode, PolicyVersion, RetryMode};
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, ControlsReply};
use codepipeline_retrier::domain::stage_run::{Hint, Owner, StageRun};
use codepipeline_retrier::domain::storm::{Note, Storm};
use codepipeline_retrier::domain::sweep::{Completed, Round, Sweep};
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::ports::{Ledger, Quarantined, Rounds, SweepReply};

use super::Desk;
use crate::arbitrary::run;
use crate::command::shown;
use crate::contract::recording;

pub fn run_of(pipeline: &str, stage: &str, execution: &str) -> StageRunId {
    StageRunId {
        pipeline: PipelineArn { name: PipelineName::parse(pipeline).unwrap(), ..run().pipeline },
        execution: ExecutionId::parse(execution).unwrap(),
        stage: StageName::parse(stage).unwrap(),
    }
}

/// A policy at work, and a pause.
pub fn controls(desk: &Desk) -> Controls {
    let rule = |name: &str| RuleName::parse(name).unwrap();
    let web = Some(Glob::new("web-*"));
    Controls {
        version: 1,
        pauses: vec![Pause { pipeline: web, until: Some(desk.at(7_200)), reason: "registry is down".into() }],
        live: None,
        package: None,
        activated: Some((PolicyVersion("1f3a".into()), Mode::Active)),
        active_since: BTreeMap::from([
            ((rule("everything-else"), true), desk.at(-86_400)),
            ((rule("flaky-tests"), false), desk.at(-3_600)),
        ]),
        retired: BTreeMap::new(),
        unread: BTreeMap::new(),
    }
}

impl Desk {
    pub fn commit(&self, commit: &Commit) {
        assert_eq!(self.runtime.block_on(self.ledger.commit(commit)), Ok(CommitReply::Done));
    }

    /// A wait, a claim that cost tokens, and a message that nobody understood.
    fn furnish(&self) {
        let written = self.runtime.block_on(self.ledger.write_controls(&controls(self)));
        assert_eq!(written, Ok(ControlsReply::Done));
        let hint = Hint { key: EventKey::default(), time: self.at(-30) };

        let mut waiting = StageRun { revision: 1, ..StageRun::unwritten(&run_of("web-shop", "Test", "e-1")) };
        waiting.begin_wait(Ruling::WaitBackoff, Some(self.at(3_600)), self.at(3_600), hint.clone());
        self.commit(&recording(waiting));
        let mut paused = StageRun { revision: 1, ..StageRun::unwritten(&run_of("web-api", "Deploy", "e-2")) };
        paused.begin_wait(Ruling::WaitPaused, None, self.at(1_800), hint.clone());
        self.commit(&recording(paused));

        let id = run_of("batch", "Build", "e-3");
        let budget = |name: &str, per, capacity| {
            Budget::try_new(BudgetName::parse(name).unwrap(), per, capacity, 1, 3_600_000).unwrap()
        };
        let budgets = [budget("region", Per::Region, 20), budget("tight", Per::Stage, 2)];
        let withdrawals: Vec<_> = (budgets.iter())
            .map(|budget| budget.withdrawal(budget.key(&id, false), Branch::Idle, self.now))
            .collect();
        let failed = BTreeSet::from([ActionExecutionId::parse("a-1").unwrap()]);
        let mut claimed = StageRun { revision: 1, ..StageRun::unwritten(&id) };
        let owner = Owner("owner".into());
        claimed.claim(&failed, RetryMode::FailedActions, &withdrawals, &owner, self.at(600), &hint);
        self.commit(&Commit { withdrawals, ..recording(claimed) });

        // Two pipelines would be a storm by this policy, and two failed.
        let storm = Storm::try_new(2, SignedDuration::from_mins(5), SignedDuration::from_mins(20)).unwrap();
        for pipeline in ["web-shop", "batch"] {
            let pipeline = PipelineName::parse(pipeline).unwrap();
            let note = Note { key: storm.window(self.now), pipeline, at: self.at(-1), failures: 2 };
            assert!(self.runtime.block_on(self.ledger.note_failure(&note)).is_ok());
        }
        let sweep = Sweep {
            version: 1,
            round: 8,
            watermark: Some(self.at(-7_200)),
            under_way: Some(Round {
                began: self.at(-5_400),
                since: self.at(-7_200),
                spoke: None,
                cursor: Some(PipelineName::parse("shop").unwrap()),
            }),
            completed: Some(Completed { began: self.at(-7_200), ended: self.at(-7_000) }),
            lagging: BTreeMap::from([(PipelineName::parse("batch").unwrap().into(), self.at(-9_000))]),
            unlisted: BTreeMap::new(),
            lease: None,
            every: SignedDuration::from_mins(15),
            unread: BTreeMap::new(),
        };
        assert_eq!(self.runtime.block_on(self.ledger.write_sweep(&sweep)), Ok(SweepReply::Done));

        let problem = "`detail.stage` is missing";
        let note =
            Quarantined { fingerprint: "aa".into(), length: 412, problem: problem.into(), at: self.at(-60) };
        assert_eq!(self.runtime.block_on(self.ledger.quarantine(&note)), Ok(()));
    }
}

/// The text with every digit of an instant hidden, and how far it is away; and in tables, with one gap between cells.
pub fn steady(text: &str) -> String {
    let text = steady_instants(text);
    let is_table = |line: &str| line.trim_start().contains("  ");
    let mut steady = String::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let cells = line.trim().split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        let cells: Vec<&str> = cells.map(steady_cell).collect();
        let line = if is_table(line) {
            format!("{}{}", " ".repeat(indent), cells.join("  "))
        } else {
            line.to_owned()
        };
        steady.push_str(&steady_ages(&line));
        steady.push('\n');
    }
    steady
}

fn is_length(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, 'd' | 'h' | 'm' | 's'))
        && text.ends_with(['d', 'h', 'm', 's'])
}

/// A line in which no word says how long ago something was.
fn steady_ages(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let tells_age =
        |next: Option<&&str>| next.is_some_and(|next| next.starts_with("ago") || *next == "behind");
    let steady = |(place, word): (usize, &&str)| {
        if is_length(word) && tells_age(words.get(place + 1)) { "…".to_owned() } else { (*word).to_owned() }
    };
    words.iter().enumerate().map(steady).collect::<Vec<_>>().join(" ")
}

/// A cell that only says how far something is away says so.
fn steady_cell(cell: &str) -> &str {
    match cell {
        _ if is_length(cell) => "…",
        _ if cell.strip_prefix("in ").is_some_and(is_length) => "in …",
        _ if cell.strip_prefix("looks in ").is_some_and(is_length) => "looks in …",
        _ => cell,
    }
}

fn steady_instants(text: &str) -> String {
    const SHAPE: &str = "____-__-__T__:__:__Z";
    let is_instant = |piece: &str| {
        piece
            .chars()
            .zip(SHAPE.chars())
            .all(|(c, shape)| if shape == '_' { c.is_ascii_digit() } else { c == shape })
    };
    let mut steady = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.get(..SHAPE.len()).is_some_and(is_instant) {
            steady.push_str(SHAPE);
            rest = &rest[SHAPE.len()..];
            if rest.starts_with(" (in ") {
                steady.push_str(" (in …)");
                rest = &rest[rest.find(')').unwrap() + 1..];
            } else if rest.starts_with(" (")
                && rest.split(')').next().is_some_and(|away| away.ends_with(" ago"))
            {
                steady.push_str(" (… ago)");
                rest = &rest[rest.find(')').unwrap() + 1..];
            }
        } else {
            steady.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    steady
}

#[test]
fn nothing_is_going_on() {
    insta::assert_snapshot!(steady(&Desk::new().shown(&["status"])));
}

#[test]
fn everything_is_going_on() {
    let desk = Desk::new();
    desk.furnish();
    insta::assert_snapshot!(steady(&desk.shown(&["status"])));
}

#[test]
fn some_pipelines_alone_are_shown() {
    let desk = Desk::new();
    desk.furnish();
    let status = desk.json(&["status", "--pipeline", "web-s*"]);
    assert_eq!(status["only-pipelines"], "web-s*");
    assert_eq!((status["waits"].as_array().unwrap().len(), &status["claims"]), (1, &json!([])));
    assert_eq!(status["waits"][0]["pipeline"], "web-shop");
    assert_eq!(status["budgets"].as_array().unwrap().len(), 2, "they are shared");
    let text = String::from_utf8(desk.run(&["status", "--pipeline", "none-*"]).stdout).unwrap();
    assert!(text.contains("waiting (pipelines `none-*`): none\n"), "{text}");
}

#[test]
fn five_hundred_waits_are_read_and_counted() {
    let desk = Desk::new();
    for number in 0..500 {
        let id = run_of(&format!("shop-{number:03}"), "Test", "e-1");
        let mut waiting = StageRun { revision: 1, ..StageRun::unwritten(&id) };
        let hint = Hint { key: EventKey::default(), time: desk.at(-number) };
        waiting.begin_wait(Ruling::WaitBackoff, Some(desk.at(3_600)), desk.at(3_600), hint);
        desk.commit(&recording(waiting));
    }
    let text = String::from_utf8(desk.run(&["status"]).stdout).unwrap();
    assert!(text.contains("waiting: 500 (500 backoff), oldest first\n"), "{text}");
    assert!(text.contains("  shop-499 ") && !text.contains("  shop-400 "), "{text}");
    assert!(text.contains("  and 480 more: `--all` shows them\n"), "{text}");
    assert!(text.lines().count() < 60, "{text}");
    assert_eq!(desk.json(&["status"])["waits"].as_array().unwrap().len(), 500);
}

#[test]
fn everything_is_going_on_for_programs() {
    let desk = Desk::new();
    desk.furnish();
    let status = desk.json(&["status"]);
    let at = |seconds| format!("{:.0}", desk.at(seconds));
    assert_eq!(status["table"], desk.table.name.as_str());
    assert_eq!(status["region"], "eu-central-1");
    let pause = json!({ "pipeline": "web-*", "until": at(7_200), "reason": "registry is down" });
    assert_eq!(status["pauses"], json!([pause]));
    assert_eq!(status["storm"], true);
    assert_eq!(
        status["policy"],
        json!({
            "version": "1f3a",
            "mode": "active",
            "rules": [
                { "rule": "everything-else", "shadow": true, "since": at(-86_400) },
                { "rule": "flaky-tests", "shadow": false, "since": at(-3_600) },
            ],
        })
    );
    let budget = |name: &str, pipeline: Value, stage: Value, capacity: u32| {
        json!({
            "budget": name, "account": "111122223333", "region": "eu-central-1", "pipeline": pipeline,
            "stage": stage, "shadow": false, "capacity": capacity, "tokens": capacity - 1,
            "full-at": at(3_600), "interval-ms": 3_600_000, "next-token-at": at(3_600),
        })
    };
    let budgets =
        [budget("region", Value::Null, Value::Null, 20), budget("tight", json!("batch"), json!("Build"), 2)];
    assert_eq!(status["budgets"], json!(budgets));
    let wait = |pipeline: &str, stage: &str, id: &str, reason: &str, until: Option<String>, again: String| {
        json!({
            "pipeline": pipeline, "stage": stage, "execution-id": id, "reason": reason, "until": until,
            "looks-again-at": again, "since": at(-30),
        })
    };
    let without_age = |list: &Value| {
        let mut list = list.clone();
        for item in list.as_array_mut().unwrap() {
            let age = item.as_object_mut().unwrap().remove("age-seconds").unwrap().as_u64().unwrap();
            assert!((30..600).contains(&age), "{age}");
        }
        list
    };
    let waits = [
        wait("web-api", "Deploy", "e-2", "paused", None, at(1_800)),
        wait("web-shop", "Test", "e-1", "backoff", Some(at(3_600)), at(3_600)),
    ];
    assert_eq!(without_age(&status["waits"]), json!(waits));
    assert_eq!(
        without_age(&status["claims"]),
        json!([{
            "pipeline": "batch", "stage": "Build", "execution-id": "e-3", "retry": 1,
            "retry-mode": "FAILED_ACTIONS", "lease-until": at(600), "taken-over": false,
            "since": at(-30),
        }])
    );
    let newest =
        json!({ "at": at(-60), "fingerprint": "aa", "length": 412, "problem": "`detail.stage` is missing" });
    let mut sweep = status["sweep"].clone();
    let lag = sweep.as_object_mut().unwrap().remove("lag-seconds").unwrap().as_u64().unwrap();
    assert!((9_000..9_600).contains(&lag), "that of the pipeline that lags: {lag}");
    assert_eq!(
        sweep,
        json!({
            "watermark": at(-7_200),
            "round": 8, "completed-at": at(-7_000),
            "under-way": { "began-at": at(-5_400), "as-far-as": "shop" },
            "lagging": ["batch"], "every-seconds": 900, "overdue": true,
        })
    );
    assert_eq!(status["headline"]["standing"], "needs-a-person");
    assert_eq!((&status["freezes"], &status["only-pipelines"]), (&Value::Null, &Value::Null));
    assert_eq!(status["quarantine"], json!({ "total": 1, "newest": [newest] }));
}

impl Desk {
    /// Three decisions about two stages of `shop`, of different ages.
    fn decide(&self) {
        let (test, deploy) = (run_of("shop", "Test", "e-1"), run_of("shop", "Deploy", "e-1"));
        let stop = StepOutcome::Stop;
        let mut wait = Decision::bare(Ruling::WaitBackoff, &test, self.at(-7_200))
            .with_step(StepName::Rule, StepOutcome::Pass, "rule `all` matches")
            .with_step(StepName::Backoff, stop, "retry 1 of 2 comes a minute after the failure");
        wait.until = Some(self.at(-7_140));
        let mut shadow = Decision::bare(Ruling::RetryEligible, &test, self.at(-3_600))
            .with_step(StepName::Class, StepOutcome::Pass, "action `Browser` failed as `capacity`")
            .with_step(StepName::Budget, StepOutcome::Pass, "a token of every budget");
        (shadow.shadow, shadow.retry, shadow.max_retries) = (true, Some(1), Some(2));
        let old = Decision::bare(Ruling::GiveUpNotRetryable, &deploy, self.at(-8 * 86_400)).with_step(
            StepName::Class,
            stop,
            "action `Apply` failed as `configuration`",
        );
        let mut revisions = BTreeMap::new();
        for decision in [wait, shadow, old] {
            let revision = revisions.entry(decision.run.clone()).or_insert(0);
            *revision += 1;
            let record = StageRun { revision: *revision, ..StageRun::unwritten(&decision.run) };
            self.commit(&Commit { decision: Some(decision), ..recording(record) });
        }
    }
}

#[test]
fn decisions_are_shown_newest_first() {
    let desk = Desk::new();
    desk.decide();
    insta::assert_snapshot!("history", steady(&desk.shown(&["history", "shop"])));
    insta::assert_snapshot!("history_of_30d", steady(&desk.shown(&["history", "shop", "--since", "30d"])));
    insta::assert_snapshot!(
        "history_of_a_stage",
        steady(&desk.shown(&["history", "shop", "--since", "30d", "--stage", "Deploy"]))
    );
    insta::assert_snapshot!(
        "history_explained",
        steady(&desk.shown(&["history", "shop", "--explain", "--verdict", "wait,give-up"]))
    );
    let page = desk.run(&["history", "shop", "--limit", "1"]);
    let hint = String::from_utf8(page.stderr.clone()).unwrap();
    insta::assert_snapshot!("history_cut", steady(&shown(&page)));
    let before = hint.split("--before ").nth(1).unwrap().split('`').next().unwrap();
    let next = desk.run(&["history", "shop", "--limit", "1", "--before", before]);
    let next = String::from_utf8(next.stdout).unwrap();
    assert!(next.contains("wait/backoff") && !next.contains("eligible"), "{next}");
    insta::assert_snapshot!(
        "history_of_nothing",
        steady(&desk.shown(&["history", "sho", "--stage", "Test"]))
    );
}

#[test]
fn a_name_that_is_not_on_record_may_be_mistyped() {
    let desk = Desk::new();
    let id = run_of("web-shop", "Test", "e-1");
    let name = BudgetName::parse("pipeline").unwrap();
    let budget = Budget::try_new(name, Per::Pipeline, 4, 1, 3_600_000).unwrap();
    let withdrawals = vec![budget.withdrawal(budget.key(&id, false), Branch::Idle, desk.now)];
    let record = StageRun { revision: 1, ..StageRun::unwritten(&id) };
    desk.commit(&Commit { withdrawals, ..recording(record) });
    insta::assert_snapshot!("history_mistyped", steady(&desk.shown(&["history", "web-shpo"])));
    desk.decide();
    let output = desk.run(&["history", "shop", "--since", "1m"]);
    let hint = String::from_utf8(output.stderr).unwrap();
    assert!(hint.contains("hint: the last decision about it is of "), "{hint}");
}

#[test]
fn decisions_are_documents_for_programs() {
    let desk = Desk::new();
    desk.decide();
    let output = desk.run(&["history", "shop", "--since", "30d", "--format", "json"]);
    assert_eq!(shown(&output).lines().next(), Some("exit code: 0"));
    let documents: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let reasons: Vec<_> = documents.iter().map(|document| document["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["eligible", "backoff", "not-retryable"]);
    assert_eq!(documents[0]["shadow"], true);
    assert_eq!(documents[1]["until"], format!("{:.0}", desk.at(-7_140)));
    let nothing = desk.run(&["history", "other", "--format", "json"]);
    assert_eq!((nothing.status.code(), nothing.stdout.as_slice()), (Some(0), &b"[]\n"[..]));
}

#[test]
fn what_cannot_be_history_is_refused() {
    for arguments in [
        &["history"][..],
        &["history", "web shop"],
        &["history", "shop", "--since", "91d"],
        &["history", "shop", "--since", "yesterday"],
        &["history", "shop", "--limit", "0"],
        &["history", "shop", "--stage", ""],
        &["history", "shop", "--verdict", "maybe"],
        &["history", "shop", "--execution", "a b"],
        &["history", "shop", "--before", "yesterday"],
        &["history", "--watch", "shop"],
        &["history", "shop", "--watch", "0"],
        &["history", "shop", "--watch", "--before", "2026-11-22T10:13:40Z"],
        &["status", "--watch", "soon"],
        &["status", "--policy", "/nowhere/policy.yaml"],
    ] {
        let output = super::reaching("http://127.0.0.1:9", arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
