//! What a newer release wrote, met by an older command.

use codepipeline_retrier::aws::ledger::LEDGER_SCHEMA;
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::decision::Ruling;
use codepipeline_retrier::domain::protocol::ControlsReply;
use codepipeline_retrier::domain::stage_run::{Hint, StageRun};
use codepipeline_retrier::domain::trigger::EventKey;
use codepipeline_retrier::ports::Ledger;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use super::Desk;
use super::reading::run_of;
use crate::command::shown;
use crate::contract::recording;

impl Desk {
    /// A release that is newer than any has written that item.
    fn outdate(&self, partition: &str, sort: &str) {
        let newer = AttributeValue::N((LEDGER_SCHEMA + 1).to_string());
        let update = self.table.clients.dynamodb().update_item().table_name(&self.table.name);
        let update = update
            .key("pk", AttributeValue::S(partition.into()))
            .key("sk", AttributeValue::S(sort.into()))
            .update_expression("SET #schema = :newer")
            .condition_expression("attribute_exists(#schema)")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":newer", newer);
        self.runtime.block_on(update.send()).unwrap();
    }
}

#[test]
fn stage_runs_of_a_newer_release_are_counted_and_the_others_shown() {
    let desk = Desk::new();
    for pipeline in ["shop", "web"] {
        let id = run_of(pipeline, "Test", "e-1");
        let mut waiting = StageRun { revision: 1, ..StageRun::unwritten(&id) };
        let hint = Hint { key: EventKey::default(), time: desk.at(-30) };
        waiting.begin_wait(Ruling::WaitBackoff, Some(desk.at(3_600)), desk.at(3_600), hint);
        desk.commit(&recording(waiting));
    }
    desk.outdate("run#arn:aws:codepipeline:eu-central-1:111122223333:web#e-1#Test", "record");
    let output = desk.run(&["status"]);
    let text = shown(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let sentence =
        "needs a person: 1 stage run was written by a newer release than this `retrier`, and is not shown";
    assert!(text.contains(sentence), "{text}");
    let status = desk.json(&["status"]);
    assert_eq!(status["headline"]["standing"], "needs-a-person");
    assert_eq!(status["waits"][0]["pipeline"], "shop");
    assert_eq!(
        status["of-newer-release"],
        json!([{ "pipeline": "web", "execution-id": "e-1", "stage": "Test" }])
    );
}

#[test]
fn controls_of_a_newer_release_are_nobody_elses_to_read() {
    let desk = Desk::new();
    let controls = Controls::default().resume(None);
    let written = desk.runtime.block_on(desk.ledger.write_controls(&controls));
    assert_eq!(written, Ok(ControlsReply::Done));
    desk.outdate("controls", "controls");
    for command in [&["status"][..], &["pause", "--reason", "a newer release"]] {
        let output = desk.run(command);
        let text = shown(&output);
        assert_eq!(output.status.code(), Some(70), "{text}");
        assert!(text.contains("which a newer release wrote") && text.contains("hint: "), "{text}");
        assert!(text.contains("output `Release` of the stack names it"), "{text}");
    }
}
