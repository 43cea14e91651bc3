//! Pushing, showing, listing and rolling back policies.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use aws_sdk_dynamodb::types::AttributeValue;
use codepipeline_retrier::aws::ledger::PolicyEntry;
use codepipeline_retrier::domain::controls::{Controls, Pause};
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::policy::PolicyVersion;
use codepipeline_retrier::domain::protocol::{CommitReply, ControlsReply};
use codepipeline_retrier::domain::stage_run::{Hint, StageRun};
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::policy_file::load;
use codepipeline_retrier::ports::{KeptPolicy, Ledger};
use serde_json::{Value, json};

use super::Desk;
use super::reading::steady;
use crate::arbitrary::run;
use crate::command::{output_with_input, shown};
use crate::contract::recording;
use crate::ministack::unique;

/// A policy of these rules, each for the pipelines of its name, with so many retries.
fn policy(rules: &[(&str, u32)]) -> String {
    let rules = rules.iter().map(|(name, retries)| {
        format!("  - {{ name: {name}, match: {{ pipeline: \"{name}-*\" }}, max-retries: {retries} }}\n")
    });
    format!("version: 1\nrules:\n{}", rules.collect::<String>())
}

fn version(text: &str) -> PolicyVersion {
    load("policy", text).policy.unwrap().version
}

impl Desk {
    /// Runs the command with a policy to read.
    fn reading(&self, arguments: &[&str], text: &str) -> Output {
        output_with_input(&mut self.command(arguments), text.as_bytes())
    }

    fn push(&self, text: &str) -> Output {
        let output = self.reading(&["policy", "push", "-", "--by", "jane"], text);
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        output
    }

    fn live_controls(&self) -> Controls {
        self.runtime.block_on(self.ledger.controls()).unwrap()
    }

    fn live_number(&self) -> Option<u64> {
        self.live_controls().live.map(|live| live.policy.number)
    }

    /// What it shows, without what depends on how quick the machine is: instants, how long ago, and so the columns.
    fn steadily(&self, output: &Output) -> String {
        let text = steady(&shown(output)).replace(&self.table.name, "TABLE");
        let without_age = |line: &str| {
            let mut pieces: Vec<&str> = line.split(" ago)").collect();
            let last = pieces.pop().unwrap_or_default().to_owned();
            let cut = pieces.iter().map(|piece| format!("{} (… ago)", piece.rsplit_once(" (").unwrap().0));
            cut.collect::<String>() + &last
        };
        let narrow = |line: String| {
            let indent = line.len() - line.trim_start().len();
            let cells = line.trim().split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            format!("{}{}", " ".repeat(indent), cells.collect::<Vec<_>>().join("  "))
        };
        text.lines().map(|line| narrow(without_age(line)) + "\n").collect()
    }
}

#[test]
fn a_policy_is_pushed_shown_listed_and_taken_back() {
    let desk = Desk::new();
    let one = policy(&[("web", 1), ("api", 1)]);
    let two = policy(&[("web", 3), ("batch", 1)]);
    insta::assert_snapshot!("history_of_nothing", desk.shown(&["policy", "history"]));
    insta::assert_snapshot!("show_packaged", desk.shown(&["policy", "show"]));
    insta::assert_snapshot!("rollback_packaged", desk.shown(&["policy", "rollback", "--reason", "no"]));
    insta::assert_snapshot!("push", desk.steadily(&desk.push(&one)));
    insta::assert_snapshot!(
        "push_another",
        desk.steadily(
            &desk.reading(
                &["policy", "push", "-", "--by", "joe", "--reason", "the registry limits pulls"],
                &two
            )
        )
    );
    insta::assert_snapshot!("push_again", desk.steadily(&desk.push(&two)));
    let shown_policy = desk.run(&["policy", "show", "1"]);
    assert_eq!(String::from_utf8(shown_policy.stdout.clone()).unwrap(), one, "byte for byte");
    insta::assert_snapshot!("show", desk.steadily(&shown_policy));
    insta::assert_snapshot!(
        "rollback",
        desk.steadily(&desk.run(&["policy", "rollback", "--reason", "too eager", "--by", "jane"]))
    );
    insta::assert_snapshot!("history", desk.steadily(&desk.run(&["policy", "history"])));
    insta::assert_snapshot!("status", desk.steadily(&desk.run(&["status"])));

    let live = desk.live_controls().live.unwrap();
    assert_eq!((live.policy.number, live.policy.restores), (3, Some(1)));
    assert_eq!((&live.policy.version, live.by.as_str()), (&version(&one), "jane"));
    let kept = desk.runtime.block_on(desk.ledger.policy(3));
    assert_eq!(kept, Ok(KeptPolicy::Text { version: version(&one), text: one }));

    // The one before the first is the package's.
    let back = desk.json(&["policy", "rollback", "--reason", "all of it", "--by", "jane"]);
    assert_eq!(back["rolled-back"]["version"], Value::Null);
    assert_eq!(desk.live_number(), None);
    let document = desk.json(&["policy", "history"]);
    assert_eq!(document["in-force"], json!({ "from": "packaged" }));
    let numbers: Vec<_> = document["policies"].as_array().unwrap().iter().map(|it| &it["number"]).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    assert_eq!(desk.json(&["status"])["policy-source"], json!({ "from": "packaged" }));
    // Back again, by the number of the rollback: what it brought back is meant.
    let forth = desk.json(&["policy", "rollback", "3", "--reason", "after all"]);
    assert_eq!((&forth["rolled-back"]["number"], &forth["rolled-back"]["restores"]), (&json!(5), &json!(1)));
    assert!(!forth["rolled-back"]["by"].as_str().unwrap().is_empty());
}

#[test]
fn an_invalid_policy_is_not_pushed() {
    let desk = Desk::new();
    let bad = policy(&[("web", 1)]).replace("max-retries: 1", "max-retires: 1, budgets: [weekly]");
    let output = desk.reading(&["policy", "push", "-"], &bad);
    insta::assert_snapshot!("push_invalid", shown(&output));
    assert_eq!(desk.live_controls(), Controls::default());
    assert_eq!(desk.runtime.block_on(desk.ledger.policy_entries(9)).unwrap().len(), 0);
    let missing = desk.run(&["policy", "push", "no-such-file.yaml"]);
    insta::assert_snapshot!("push_of_no_file", shown(&missing));
}

#[test]
fn a_policy_that_is_not_there_cannot_be_shown_or_brought_back() {
    let desk = Desk::new();
    desk.push(&policy(&[("web", 1)]));
    insta::assert_snapshot!("show_nothing", desk.shown(&["policy", "show", "7"]));
    insta::assert_snapshot!("rollback_to_nothing", desk.shown(&["policy", "rollback", "7", "--reason", "x"]));
    insta::assert_snapshot!("rollback_to_itself", desk.shown(&["policy", "rollback", "1", "--reason", "x"]));
    for wrong in [&["policy", "rollback", "0", "--reason", "x"][..], &["policy", "rollback"], &["policy"]] {
        assert_eq!(desk.run(wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(desk.live_number(), Some(1));
}

/// Whoever is quicker is in force; the others are told, and have written nothing.
#[test]
fn of_people_who_push_at_once_one_wins_and_the_others_are_told() {
    let desk = Desk::new();
    let folder = std::env::temp_dir().join(unique("policies"));
    fs::create_dir_all(&folder).unwrap();
    let files: Vec<PathBuf> = (1..=4)
        .map(|number| {
            let file = folder.join(format!("{number}.yaml"));
            fs::write(&file, policy(&[("web", number)])).unwrap();
            file
        })
        .collect();
    let commands: Vec<_> = (files.iter())
        .map(|file| {
            let mut command = desk.command(&["policy", "push", file.to_str().unwrap(), "--by", "jane"]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let outputs: Vec<Output> =
        commands.into_iter().map(|command| command.wait_with_output().unwrap()).collect();
    fs::remove_dir_all(&folder).unwrap();
    let won = outputs.iter().filter(|output| output.status.code() == Some(0)).count();
    assert!(won >= 1);
    for output in outputs.iter().filter(|output| output.status.code() != Some(0)) {
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("somebody else changed the policy meanwhile"), "{told}");
    }
    let entries: Vec<PolicyEntry> = desk
        .runtime
        .block_on(desk.ledger.policy_entries(9))
        .unwrap()
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(entries.len(), won, "every number was in force once");
    assert_eq!(desk.live_number(), Some(entries[0].number));
    for pair in entries.windows(2) {
        assert_eq!(pair[0].replaces, Some(pair[1].number));
    }
}

#[test]
fn pauses_and_pushes_at_once_are_all_kept() {
    let desk = Desk::new();
    let text = policy(&[("web", 1)]);
    let pauses: Vec<_> = (0..4)
        .map(|number| {
            let pipeline = format!("shop-{number}");
            desk.command(&["pause", "--pipeline", &pipeline, "--reason", "at once"]).spawn().unwrap()
        })
        .collect();
    desk.push(&text);
    for mut pause in pauses {
        assert!(pause.wait().unwrap().success());
    }
    assert_eq!(desk.live_controls().pauses.len(), 4);
    assert_eq!(desk.live_number(), Some(1));
}

#[test]
fn a_deployment_that_took_over_is_named() {
    let desk = Desk::new();
    desk.push(&policy(&[("web", 1)]));
    let packaged = PolicyVersion("0ld".into());
    let noted = desk.live_controls().noted(Some(&packaged), desk.now);
    let over = noted.noted(Some(&PolicyVersion("new".into())), desk.at(3_600));
    let over = over.point(over.live.as_deref().cloned());
    assert_eq!(desk.runtime.block_on(desk.ledger.write_controls(&over)), Ok(ControlsReply::Done));
    insta::assert_snapshot!("status_taken_over", desk.steadily(&desk.run(&["status"])));
    let source = &desk.json(&["status"])["policy-source"];
    assert_eq!((&source["from"], &source["taken-over"]["version"]), (&json!("packaged"), &json!("new")));
    assert_eq!(desk.json(&["policy", "history"])["policies"][0]["in-force"], json!(false));
    assert_eq!(desk.run(&["policy", "show"]).status.code(), Some(1));
    // The same text can be pushed again, for it is not in force.
    desk.push(&policy(&[("web", 1)]));
    assert_eq!(desk.live_number(), Some(2));
}

#[test]
fn a_damaged_policy_is_told_and_can_be_pushed_again() {
    let desk = Desk::new();
    let text = policy(&[("web", 1)]);
    desk.push(&text);
    let overwrite = |text: Option<&str>, schema: &str| {
        let mut put = desk.table.clients.dynamodb().put_item().table_name(&desk.table.name);
        for (name, value) in
            [("pk", "policies"), ("sk", "00000001"), ("by", "jane"), ("policy-version", "1f3a")]
        {
            put = put.item(name, AttributeValue::S(value.into()));
        }
        put = put.item("at", AttributeValue::S("2026-11-22T10:00:00Z".into()));
        put = put.item("schema", AttributeValue::N(schema.into()));
        if let Some(text) = text {
            put = put.item("text", AttributeValue::S(text.into()));
        }
        desk.runtime.block_on(put.send()).unwrap();
    };
    overwrite(Some("version: 1\nrules: [\n"), "1");
    let shown = desk.run(&["policy", "show"]);
    assert_eq!(shown.status.code(), Some(0));
    let told = String::from_utf8(shown.stderr).unwrap();
    assert!(told.contains("it is not what was pushed"), "{told}");
    let refused = desk.run(&["policy", "rollback", "1", "--reason", "again"]);
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    overwrite(None, "2");
    assert_eq!(desk.run(&["policy", "show"]).status.code(), Some(70));
    let history = String::from_utf8(desk.run(&["policy", "history"]).stdout).unwrap();
    assert!(history.contains("damaged") && history.contains("layout 2"), "{history}");
    desk.push(&text);
    assert_eq!(desk.live_number(), Some(2));
    let refused = desk.run(&["policy", "rollback", "1", "--reason", "again"]);
    assert_eq!(refused.status.code(), Some(70));
    assert_eq!(desk.live_number(), Some(2));
}

#[test]
fn what_waits_for_a_good_policy_is_woken() {
    let desk = Desk::new();
    let create = desk.table.clients.sqs().create_queue().queue_name(unique("policies")).send();
    let queue = desk.runtime.block_on(create).unwrap().queue_url.unwrap();
    let mut record = StageRun::unwritten(&run());
    let hint = Hint { key: EventKey::default(), time: desk.now };
    record.begin_wait(Ruling::WaitPolicyInvalid, None, desk.at(300), hint);
    record.revision = 1;
    assert_eq!(desk.runtime.block_on(desk.ledger.commit(&recording(record))), Ok(CommitReply::Done));
    let mut command = desk.command(&["policy", "push", "-", "--by", "jane"]);
    command.env("RETRIER_QUEUE_URL", &queue);
    let said = output_with_input(&mut command, policy(&[("shop", 1)]).as_bytes()).stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("1 failure waited for that, and is decided now"), "{said}");
}

#[test]
fn a_push_keeps_the_pauses_and_whoever_pushes_is_on_record() {
    let desk = Desk::new();
    let pause = Pause { pipeline: None, until: None, reason: "incident 4711".into() };
    let paused = Controls::default().pause(pause.clone());
    assert_eq!(desk.runtime.block_on(desk.ledger.write_controls(&paused)), Ok(ControlsReply::Done));
    let output = desk.reading(&["policy", "push", "-"], &policy(&[("web", 1)]));
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let controls = desk.live_controls();
    assert_eq!(controls.pauses, [pause]);
    let by = controls.live.unwrap().by;
    assert!(by.starts_with("arn:aws:"), "{by}: the stand-in for AWS knows who calls");
}
