//! What the ledger makes of answers that no stand-in for DynamoDB gives: conflicts of transactions, throttling, failures
//! inside the service, garbage, lost connections. Against a server that plays a script.

use std::sync::{Arc, Mutex};

use codepipeline_retrier::aws::ledger::{DynamoLedger, Trouble};
use codepipeline_retrier::domain::budget::Branch;
use codepipeline_retrier::domain::controls::Controls;
use codepipeline_retrier::domain::protocol::{Commit, CommitReply, Fault};
use codepipeline_retrier::domain::storm::Window;
use codepipeline_retrier::ports::{Ledger, Quarantined};

use super::stub::{Answer, Heard, Stub};
use crate::arbitrary::{at, run};
use crate::contract::{failure_note, recording, withdrawal, writing};
use crate::ministack::clients_at;

/// A ledger on a server that gives these answers one after the other, the last of them for ever.
pub struct Scene {
    pub runtime: tokio::runtime::Runtime,
    pub ledger: DynamoLedger,
    troubles: Arc<Mutex<Vec<Trouble>>>,
    stub: Stub,
}

impl Scene {
    pub fn new(script: &[Answer]) -> Self {
        let stub = Stub::start(script);
        let troubles = Arc::new(Mutex::new(Vec::new()));
        let told = troubles.clone();
        let ledger = DynamoLedger::new(clients_at(stub.url()), "ledger", || at(0))
            .reporting(move |trouble| told.lock().unwrap().push(trouble.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, ledger, troubles, stub }
    }

    fn commit(&self, commit: &Commit) -> Result<CommitReply, Fault> {
        self.runtime.block_on(self.ledger.commit(commit))
    }

    fn note_failure(&self) -> Result<Window, Fault> {
        self.runtime.block_on(self.ledger.note_failure(&failure_note("shop", 1)))
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.stub.heard()
    }

    pub fn last_trouble(&self) -> Option<Trouble> {
        self.troubles.lock().unwrap().last().cloned()
    }
}

/// A commit that needs a transaction: of a record and a bucket.
fn transaction() -> Commit {
    Commit { withdrawals: vec![withdrawal("region", Branch::Idle, 0)], ..writing(&run(), 1) }
}

/// A commit that is one conditional write.
fn single() -> Commit {
    recording(writing(&run(), 1).record)
}

pub fn cancelled(reasons: &[&str]) -> Answer {
    let reasons: Vec<_> = reasons.iter().map(|code| serde_json::json!({ "Code": code })).collect();
    Answer::Json(
        400,
        serde_json::json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "message": "Transaction cancelled",
            "CancellationReasons": reasons,
        }),
    )
}

fn error(status: u16, code: &str) -> Answer {
    Answer::Json(status, serde_json::json!({ "__type": code, "message": "no" }))
}

fn done() -> Answer {
    Answer::Json(200, serde_json::json!({}))
}

#[test]
fn what_passes_is_tried_again() {
    let passing = [
        cancelled(&["None", "TransactionConflict"]),
        cancelled(&["TransactionConflict", "None"]),
        cancelled(&["None", "ThrottlingError"]),
        cancelled(&["ProvisionedThroughputExceeded", "None"]),
        error(400, "TransactionInProgressException"),
        error(400, "ProvisionedThroughputExceededException"),
        error(400, "ThrottlingException"),
        error(400, "RequestLimitExceeded"),
        error(500, "InternalServerError"),
        Answer::Garbage(200),
        Answer::Garbage(502),
        Answer::Reset,
    ];
    for passing in passing {
        let scene = Scene::new(&[passing.clone(), done()]);
        assert_eq!(scene.commit(&transaction()), Ok(CommitReply::Done), "{passing:?}");
        assert_eq!(scene.heard().len(), 2, "{passing:?}");
    }
    for passing in
        [error(400, "TransactionConflictException"), error(400, "ThrottlingException"), Answer::Reset]
    {
        let scene = Scene::new(&[passing.clone(), done()]);
        assert_eq!(scene.commit(&single()), Ok(CommitReply::Done), "{passing:?}");
        assert_eq!(scene.heard().len(), 2, "{passing:?}");
    }
}

#[test]
fn what_was_certainly_not_done_is_said_to_be_so() {
    for (answer, attempts) in [
        (error(400, "ValidationException"), 1),
        (error(400, "AccessDeniedException"), 1),
        (error(400, "ExpiredTokenException"), 1),
        (error(400, "UnrecognizedClientException"), 1),
        (error(400, "ResourceNotFoundException"), 1),
        (error(400, "IdempotentParameterMismatchException"), 1),
        (cancelled(&["None", "ValidationError"]), 1),
        (cancelled(&["None", "ItemCollectionSizeLimitExceeded"]), 1),
        (cancelled(&["None"]), 1),
        (cancelled(&["TransactionConflict", "None"]), 10),
        (cancelled(&["None", "ThrottlingError"]), 10),
        (error(400, "ThrottlingException"), 10),
    ] {
        let scene = Scene::new(std::slice::from_ref(&answer));
        assert_eq!(scene.commit(&transaction()), Err(Fault::NotDone), "{answer:?}");
        assert_eq!(scene.heard().len(), attempts, "{answer:?}");
        assert!(scene.last_trouble().is_some(), "{answer:?}");
    }
}

#[test]
fn what_may_have_been_done_is_never_said_not_to_be() {
    let lost = [
        error(500, "InternalServerError"),
        error(503, "ServiceUnavailable"),
        Answer::Garbage(200),
        Answer::Garbage(404),
        Answer::Garbage(502),
        Answer::Reset,
    ];
    // Nothing that comes after it makes it certain again, except an answer.
    let after = [
        None,
        Some(error(400, "AccessDeniedException")),
        Some(error(400, "ThrottlingException")),
        Some(error(400, "TransactionInProgressException")),
        Some(cancelled(&["TransactionConflict", "None"])),
        Some(cancelled(&["ValidationError", "None"])),
        Some(Answer::Refuse),
    ];
    for lost in &lost {
        let after = if *lost == Answer::Reset { &after[..] } else { &after[..2] };
        for after in after {
            let script: Vec<_> = std::iter::once(lost.clone()).chain(after.clone()).collect();
            let scene = Scene::new(&script);
            assert_eq!(scene.commit(&transaction()), Err(Fault::Unknown), "{script:?}");
        }
        let scene = Scene::new(std::slice::from_ref(lost));
        assert_eq!(scene.commit(&single()), Err(Fault::Unknown), "{lost:?}");
        let controls = scene.runtime.block_on(scene.ledger.write_controls(&Controls::default().resume(None)));
        assert_eq!(controls, Err(Fault::Unknown), "{lost:?}");
    }
}

#[test]
fn a_table_that_never_answers_is_asked_twice() {
    let scene = Scene::new(&[Answer::Hang]);
    assert_eq!(scene.commit(&transaction()), Err(Fault::Unknown));
    assert_eq!(scene.heard().len(), 2);
    assert_eq!(scene.last_trouble(), Some(Trouble::Unheard("TransactWriteItems")));
}

#[test]
fn what_was_done_before_the_answer_was_lost_comes_back_as_the_senders_own() {
    let refused = |item: &serde_json::Value| serde_json::json!({ "__type": "ConditionalCheckFailedException", "message": "no", "Item": item });
    let own = |commit: &Commit| Ok(CommitReply::Conflict(Some(Box::new(commit.record.clone()))));
    let written = Scene::new(&[done()]);
    assert_eq!(written.commit(&single()), Ok(CommitReply::Done));
    let item = written.heard()[0].body["Item"].clone();
    let scene = Scene::new(&[Answer::Reset, Answer::Json(400, refused(&item))]);
    assert_eq!(scene.commit(&single()), own(&single()));
    // A transaction is known by its token for ten minutes; after that, by its record too.
    let reasons = serde_json::json!([{ "Code": "ConditionalCheckFailed", "Item": item }, { "Code": "None" }]);
    let cancelled = serde_json::json!({
        "__type": "TransactionCanceledException", "message": "no", "CancellationReasons": reasons,
    });
    let scene = Scene::new(&[Answer::Reset, Answer::Json(400, cancelled)]);
    assert_eq!(scene.commit(&transaction()), own(&transaction()));
}

/// The window in which a pipeline is noted, as the table shows it.
fn window_item() -> serde_json::Value {
    serde_json::json!({
        "schema": { "N": "1" },
        "noted": { "N": "1" },
        "failures": { "N": "3" },
        "pipeline:shop": { "S": at(1).to_string() },
    })
}

fn window() -> Window {
    let note = failure_note("shop", 1);
    Window { failures: [(note.pipeline, note.at)].into() }
}

#[test]
fn a_failure_that_was_noted_before_the_answer_was_lost_is_found_in_its_window() {
    let refused = Answer::Json(
        400,
        serde_json::json!({
            "__type": "ConditionalCheckFailedException", "message": "no", "Item": window_item(),
        }),
    );
    let noted = Answer::Json(200, serde_json::json!({ "Attributes": window_item() }));
    let lost = [error(500, "InternalServerError"), Answer::Garbage(200), Answer::Garbage(502), Answer::Reset];
    // A write that succeeds without a word of the window is as good as lost.
    for lost in lost.into_iter().chain([done()]) {
        for then in [&refused, &noted] {
            let scene = Scene::new(&[lost.clone(), then.clone()]);
            assert_eq!(scene.note_failure(), Ok(window()), "{lost:?}, {then:?}");
            let heard = scene.heard();
            assert_eq!(heard.len(), 2, "{lost:?}, {then:?}");
            assert_eq!(heard[0].operation, "DynamoDB_20120810.UpdateItem");
            let condition = heard[0].body["ConditionExpression"].as_str().unwrap();
            assert!(condition.contains("attribute_not_exists(#pipeline)"), "{condition}");
            assert_eq!(heard[0].body, heard[1].body, "what is sent again is the same");
        }
    }
}

#[test]
fn a_note_that_may_have_been_made_is_never_said_not_to_be() {
    let lost = [
        error(500, "InternalServerError"),
        Answer::Garbage(200),
        Answer::Garbage(502),
        Answer::Reset,
        done(),
    ];
    for lost in lost {
        for then in [None, Some(error(400, "AccessDeniedException")), Some(error(400, "ThrottlingException"))]
        {
            let script: Vec<_> = std::iter::once(lost.clone()).chain(then).collect();
            assert_eq!(Scene::new(&script).note_failure(), Err(Fault::Unknown), "{script:?}");
        }
    }
    let not_done =
        [("ValidationException", 1), ("AccessDeniedException", 1), ("TransactionConflictException", 10)];
    for (code, attempts) in not_done {
        let scene = Scene::new(&[error(400, code)]);
        assert_eq!(scene.note_failure(), Err(Fault::NotDone), "{code}");
        assert_eq!(scene.heard().len(), attempts, "{code}");
    }
}

#[test]
fn nothing_is_done_where_nobody_listens() {
    let scene = Scene::new(&[Answer::Refuse]);
    assert_eq!(scene.commit(&transaction()), Err(Fault::NotDone));
    assert_eq!(scene.last_trouble(), Some(Trouble::NotSent));
    let note = Quarantined { fingerprint: "aa".into(), length: 1, problem: "not JSON".into(), at: at(0) };
    assert_eq!(scene.runtime.block_on(scene.ledger.quarantine(&note)), Err(Fault::NotDone));
    assert_eq!(scene.note_failure(), Err(Fault::NotDone));
    assert_eq!(scene.runtime.block_on(scene.ledger.read(&run(), &[], &[])), Err(Fault::NotDone));
}

#[test]
fn a_transaction_that_may_be_under_way_keeps_its_token() {
    let token = |heard: &Heard| heard.body["ClientRequestToken"].as_str().unwrap().to_owned();
    let script = [
        Answer::Reset,
        error(400, "TransactionInProgressException"),
        cancelled(&["TransactionConflict", "None"]),
        done(),
    ];
    let scene = Scene::new(&script);
    assert_eq!(scene.commit(&transaction()), Ok(CommitReply::Done));
    let tokens: Vec<_> = scene.heard().iter().map(token).collect();
    assert_eq!(tokens.len(), 4);
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(tokens[1], tokens[2]);
    assert_ne!(tokens[2], tokens[3], "a cancelled transaction is over; what is sent next is another one");
    assert!(tokens.iter().all(|token| (1..=36).contains(&token.len())));
    // The next commit is another one too.
    assert_eq!(scene.commit(&transaction()), Ok(CommitReply::Done));
    assert_ne!(token(scene.heard().last().unwrap()), tokens[3]);
}

#[test]
fn every_write_carries_its_condition_and_asks_for_the_item() {
    let scene = Scene::new(&[done()]);
    let commit = Commit { controls: Some(3), ..transaction() };
    assert_eq!(scene.commit(&commit), Ok(CommitReply::Done));
    let heard = scene.heard();
    let items = heard[0].body["TransactItems"].as_array().unwrap();
    let kinds = ["Put", "ConditionCheck", "Update"];
    assert_eq!(items.len(), kinds.len());
    for (item, kind) in items.iter().zip(kinds) {
        assert!(item[kind]["ConditionExpression"].is_string(), "{item}");
    }
    for (item, kind) in [(&items[0], "Put"), (&items[2], "Update")] {
        assert_eq!(item[kind]["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    }
    assert_eq!(scene.commit(&single()), Ok(CommitReply::Done));
    let heard = scene.heard();
    assert_eq!(heard[1].operation, "DynamoDB_20120810.PutItem");
    assert!(heard[1].body["ConditionExpression"].is_string());
    assert_eq!(heard[1].body["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}

#[test]
fn what_a_busy_table_leaves_out_is_asked_for_again() {
    let key = serde_json::json!({ "pk": { "S": "controls" }, "sk": { "S": "controls" } });
    let unprocessed = serde_json::json!({ "ledger": { "Keys": [key], "ConsistentRead": true } });
    let part = Answer::Json(200, serde_json::json!({ "Responses": {}, "UnprocessedKeys": unprocessed }));
    let rest = Answer::Json(200, serde_json::json!({ "Responses": {}, "UnprocessedKeys": {} }));
    let scene = Scene::new(&[part.clone(), rest]);
    assert!(scene.runtime.block_on(scene.ledger.read(&run(), &[], &[])).is_ok());
    let heard = scene.heard();
    assert_eq!(heard[0].body["RequestItems"]["ledger"]["Keys"].as_array().unwrap().len(), 2);
    assert_eq!(heard[1].body["RequestItems"], unprocessed);
    assert!(heard.iter().all(|heard| heard.body["RequestItems"]["ledger"]["ConsistentRead"] == true));
    // What never comes is not taken for absent.
    let scene = Scene::new(&[part]);
    assert_eq!(scene.runtime.block_on(scene.ledger.read(&run(), &[], &[])), Err(Fault::NotDone));
    assert_eq!(scene.last_trouble(), Some(Trouble::Throttled("BatchGetItem")));
}

#[test]
fn what_a_busy_table_left_out_is_read_no_less_strictly() {
    let key = serde_json::json!({ "pk": { "S": "controls" }, "sk": { "S": "controls" } });
    let unprocessed = serde_json::json!({ "ledger": { "Keys": [key] } });
    let part = Answer::Json(200, serde_json::json!({ "Responses": {}, "UnprocessedKeys": unprocessed }));
    let rest = Answer::Json(200, serde_json::json!({ "Responses": {}, "UnprocessedKeys": {} }));
    let scene = Scene::new(&[part, rest]);
    assert!(scene.runtime.block_on(scene.ledger.read(&run(), &[], &[])).is_ok());
    assert_eq!(scene.heard()[1].body["RequestItems"]["ledger"]["ConsistentRead"], true);
}

#[test]
fn an_answer_without_a_word_about_the_items_is_not_taken_for_their_absence() {
    for empty in [serde_json::json!({}), serde_json::json!({ "UnprocessedKeys": {} })] {
        let scene = Scene::new(&[Answer::Json(200, empty.clone())]);
        assert_eq!(
            scene.runtime.block_on(scene.ledger.read(&run(), &[], &[])),
            Err(Fault::NotDone),
            "{empty}"
        );
        assert_eq!(scene.last_trouble(), Some(Trouble::Unheard("BatchGetItem")), "{empty}");
    }
}

#[test]
fn troubles_name_codes_and_nothing_of_a_message() {
    let secret = Answer::Json(
        400,
        serde_json::json!({ "__type": "AccessDeniedException", "message": "hunter2 may not" }),
    );
    let scene = Scene::new(&[secret]);
    assert_eq!(scene.commit(&transaction()), Err(Fault::NotDone));
    let trouble = scene.last_trouble().unwrap();
    assert_eq!(trouble.to_string(), "`dynamodb:TransactWriteItems` is not allowed on the table");
    assert!(!format!("{trouble:?}").contains("hunter2"));
}

#[test]
fn who_has_as_many_decisions_as_wanted_asks_for_no_more() {
    let text = |value: &str| serde_json::json!({ "S": value });
    let item = serde_json::json!({
        "pk": text("decisions#shop"), "sk": text("2027-01-15T08:00:00.000000000Z#1"), "schema": { "N": "1" },
        "decision-id": text("1"), "verdict": text("wait"), "reason": text("backoff"), "execution": text("e-1"),
        "stage": text("Test"), "shadow": { "BOOL": false }, "body": text("{}"), "expires": { "N": "9999999999" },
    });
    let page =
        serde_json::json!({ "Items": [item], "LastEvaluatedKey": { "pk": item["pk"], "sk": item["sk"] } });
    let scene = Scene::new(&[Answer::Json(200, page), error(400, "ValidationException")]);
    let pipeline = run().pipeline.name;
    let decisions = scene.ledger.decisions(&pipeline, at(0), 1);
    assert_eq!(scene.runtime.block_on(decisions).unwrap().len(), 1);
    assert_eq!(scene.heard().len(), 1);
}

#[test]
fn a_cancelled_transaction_is_told_by_its_reason() {
    let scene = Scene::new(&[cancelled(&["None", "ValidationError"])]);
    assert_eq!(scene.commit(&transaction()), Err(Fault::NotDone));
    let told = Trouble::Refused("TransactWriteItems", "ValidationError".into());
    assert_eq!(scene.last_trouble(), Some(told));
}
