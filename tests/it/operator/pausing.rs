//! Pausing and resuming.

use codepipeline_retrier::domain::controls::{Controls, Pause};
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::glob::Glob;
use codepipeline_retrier::domain::protocol::{CommitReply, ControlsReply};
use codepipeline_retrier::domain::stage_run::{Hint, StageRun};
use codepipeline_retrier::domain::trigger::{EventKey, Trigger};
use codepipeline_retrier::event::{Invocation, Message, read};
use codepipeline_retrier::ports::Ledger;
use serde_json::json;

use super::Desk;
use crate::arbitrary::run;
use crate::command::shown;
use crate::contract::recording;
use crate::ministack::unique;

impl Desk {
    fn controls(&self) -> Controls {
        self.runtime.block_on(self.ledger.controls()).unwrap()
    }
}

#[test]
fn a_pause_holds_and_is_ended() {
    let desk = Desk::new();
    insta::assert_snapshot!("pause", desk.shown(&["pause", "--reason", "incident 4711"]));
    let pause = Pause { pipeline: None, until: None, reason: "incident 4711".into() };
    assert_eq!(desk.controls().pauses, std::slice::from_ref(&pause));
    assert_eq!(desk.controls().pause_for("shop", desk.now), Some(&pause));
    insta::assert_snapshot!("resume", desk.shown(&["resume"]));
    assert!(desk.controls().pauses.is_empty());
    insta::assert_snapshot!("resume_without_pause", desk.shown(&["resume"]));
}

#[test]
fn a_pause_for_some_pipelines_is_ended_by_its_own_name() {
    let desk = Desk::new();
    desk.run(&["pause", "--pipeline", "web-*", "--reason", "registry is down"]);
    insta::assert_snapshot!("resume_another", desk.shown(&["resume"]));
    insta::assert_snapshot!("resume_another_too", desk.shown(&["resume", "--pipeline", "web-?"]));
    assert_eq!(desk.controls().pauses.len(), 1);
    desk.run(&["pause", "--reason", "incident 4711"]);
    insta::assert_snapshot!("resume_one_of_two", desk.shown(&["resume", "--pipeline", "web-*"]));
    assert_eq!(desk.controls().pauses.len(), 1);
    // A pattern that matches everything is a pause of everything.
    assert_eq!(desk.run(&["resume", "--pipeline", "*"]).status.code(), Some(0));
    assert!(desk.controls().pauses.is_empty());
}

#[test]
fn a_second_pause_takes_the_place_of_the_first() {
    let desk = Desk::new();
    desk.run(&["pause", "--reason", "incident 4711"]);
    let second = desk.json(&["pause", "--for", "2h", "--reason", "still looking"]);
    assert_eq!(second["replaced"], json!({ "pipeline": null, "until": null, "reason": "incident 4711" }));
    assert_eq!(second["paused"]["reason"], "still looking");
    let pauses = desk.controls().pauses;
    let [pause] = pauses.as_slice() else { panic!("{pauses:?}") };
    let until = pause.until.unwrap();
    assert!((desk.at(7_200)..desk.at(7_800)).contains(&until), "{until}");
    assert_eq!(second["paused"]["until"], format!("{until:.0}"));
    let third = desk.run(&["pause", "--reason", "for good"]);
    let text = String::from_utf8(third.stdout).unwrap();
    assert!(text.contains("in place of the pause until") && text.contains(": still looking\n"), "{text}");
    assert_eq!(desk.controls().pauses.len(), 1);
}

#[test]
fn resuming_tells_programs_what_is_left() {
    let desk = Desk::new();
    desk.run(&["pause", "--pipeline", "web-*", "--reason", "registry is down"]);
    let output = desk.run(&["resume", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let left = json!([{ "pipeline": "web-*", "until": null, "reason": "registry is down" }]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document, json!({ "resumed": null, "paused": left, "woken": 0 }));
    let document = desk.json(&["resume", "--pipeline", "web-*"]);
    assert_eq!(document, json!({ "resumed": left[0], "paused": [], "woken": 0 }));
}

#[test]
fn a_pause_that_is_over_is_none() {
    let desk = Desk::new();
    let over = Pause { pipeline: None, until: Some(desk.at(-60)), reason: "yesterday".into() };
    let api = Pause { pipeline: Some(Glob::new("api")), until: Some(desk.at(-60)), reason: "too".into() };
    let controls = Controls { version: 1, pauses: vec![over, api], ..Controls::default() };
    let written = desk.runtime.block_on(desk.ledger.write_controls(&controls));
    assert_eq!(written, Ok(ControlsReply::Done));
    assert_eq!(desk.run(&["resume"]).status.code(), Some(1));
    let document = desk.json(&["pause", "--reason", "today"]);
    assert_eq!(document["replaced"], json!(null));
    assert_eq!(desk.controls().pauses.len(), 1, "what is over is cleared away");
}

#[test]
fn other_controls_are_left_alone() {
    let desk = Desk::new();
    let controls = crate::operator::reading::controls(&desk);
    assert_eq!(desk.runtime.block_on(desk.ledger.write_controls(&controls)), Ok(ControlsReply::Done));
    let before = desk.controls();
    desk.run(&["pause", "--reason", "incident 4711"]);
    desk.run(&["resume"]);
    let after = desk.controls();
    assert_eq!(after.version, before.version + 2);
    assert_eq!(Controls { version: before.version, ..after }, before);
}

#[test]
fn pauses_at_once_are_all_kept() {
    let desk = Desk::new();
    let commands: Vec<_> = (0..6)
        .map(|number| {
            let pipeline = format!("shop-{number}");
            desk.command(&["pause", "--pipeline", &pipeline, "--reason", "at once"]).spawn().unwrap()
        })
        .collect();
    for mut command in commands {
        assert!(command.wait().unwrap().success());
    }
    assert_eq!(desk.controls().pauses.len(), 6);
}

#[test]
fn what_cannot_be_a_pause_is_refused() {
    let desk = Desk::new();
    for (name, arguments) in [
        ("without_reason", &["pause"][..]),
        ("empty_reason", &["pause", "--reason", " "]),
        ("reason_of_two_lines", &["pause", "--reason", "two\nlines"]),
        ("too_long", &["pause", "--reason", "holiday", "--for", "31d"]),
        ("no_pipeline", &["pause", "--reason", "holiday", "--pipeline", "web shop"]),
    ] {
        let output = desk.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{name}");
        insta::assert_snapshot!(format!("refused_{name}"), shown(&output));
    }
    assert_eq!(desk.controls(), Controls::default());
}

/// An earlier `resume` may have ended the pause without hearing so.
#[test]
fn what_waits_for_no_pause_is_woken_even_when_there_is_none_to_end() {
    let desk = Desk::new();
    let create = desk.table.clients.sqs().create_queue().queue_name(unique("operator")).send();
    let queue = desk.runtime.block_on(create).unwrap().queue_url.unwrap();
    let mut record = StageRun::unwritten(&run());
    let hint = Hint { key: EventKey::default(), time: desk.now };
    let wake_up = record.begin_wait(Ruling::WaitPaused, None, desk.at(300), hint);
    record.revision = 1;
    let written = desk.runtime.block_on(desk.ledger.commit(&recording(record)));
    assert_eq!(written, Ok(CommitReply::Done));

    let resume = |arguments: &[&str]| {
        let output = desk.command(arguments).env("RETRIER_QUEUE_URL", &queue).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = resume(&["resume"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("1 failure waited for that, and is decided now"), "{said}");
    let receive = desk.table.clients.sqs().receive_message().queue_url(&queue).send();
    let messages = desk.runtime.block_on(receive).unwrap().messages.unwrap();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    let sent = read(message.body().unwrap());
    assert_eq!(sent, Invocation::Single(Message::Trigger(Trigger::WakeUp(wake_up))));

    desk.run(&["pause", "--reason", "again"]);
    desk.run(&["pause", "--reason", "web", "--pipeline", "unrelated-*"]);
    let (code, said) = resume(&["resume", "--pipeline", "unrelated-*"]);
    assert_eq!(code, Some(0));
    assert!(!said.contains("decided"), "another pause still holds it: {said}");
}
